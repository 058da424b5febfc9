// The client as its users see it: one typed method for each op. Retries, reconnects and time-outs are the session's.
import { LIST_PAGE_MAX } from '../limits.ts';
import type { AvailabilityView, HelloReply, Outcome } from '../types.ts';
import type { WireItem } from '../wire.ts';
import type { BatchResults } from './batch.ts';
import { requestIdOf, sendBatch } from './batch.ts';
import { HoldfastError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { Emitter } from './events.ts';
import type { CallOptions, ConnectOptions, Settings } from './options.ts';
import { DRAIN_MS_DEFAULT, settingsOf } from './options.ts';
import { Owners } from './owners.ts';
import type { Platform } from './platform.ts';
import type {
  AdjustInput,
  AdvanceOrderInput,
  BatchItem,
  CaptureOrderInput,
  CommitInput,
  CommitOrderInput,
  ConfigureInput,
  ExtendInput,
  GetInput,
  GetOrderInput,
  GetReservationInput,
  InputOf,
  ItemOp,
  ListInput,
  PoolInput,
  QueryInput,
  ReleaseInput,
  ReleaseOrderInput,
  ReplyTo,
  ReserveInput,
  ReserveOrderInput,
  ShipInput,
  SubscriptionInput,
  TakeTasksInput,
  TransferInput,
} from './requests.ts';
import { ITEM_OPS } from './requests.ts';
import { Session } from './session.ts';
import type { AvailabilityListener, Subscription } from './subscriptions.ts';
import { Subscriptions } from './subscriptions.ts';
import { uuidv7 } from './uuidv7.ts';

/**
 * A connection to the grid that mends itself. Every method resolves with the typed reply or rejects with
 * HoldfastError; see README.md for what is retried and what a time-out means.
 */
export class HoldfastClient {
  readonly #settings: Settings;
  readonly #platform: Platform;
  readonly #emitter = new Emitter();
  readonly #session: Session;
  readonly #subscriptions: Subscriptions;
  /** The connections to the workers that serve partitions, for a client that follows the map. */
  readonly #owners: Owners | undefined;

  private constructor(settings: Settings, platform: Platform) {
    this.#settings = settings;
    this.#platform = platform;
    this.#session = new Session(settings, platform, this.#emitter, {
      ready: () => {
        this.#subscriptions.renew();
        this.#owners?.refresh();
      },
      pushed: (push) => {
        if (push.push === 'moved') this.#owners?.learned(push);
        else this.#subscriptions.pushed(push);
      },
    });
    this.#owners = settings.followMap
      ? new Owners({ home: this.#session, settings, platform, emitter: this.#emitter })
      : undefined;
    this.#subscriptions = new Subscriptions(
      (op, region, skus, options) => this.#session.call({ op, region, skus }, [], options),
      this.#emitter,
      (task) => void this.#session.pauses.pause(settings.reconnectBackoff.capMs).then(task),
    );
  }

  /**
   * Connects, trying again until `timeoutMs`; rejects with UNAVAILABLE if the grid cannot be reached by then, with
   * UNAUTHENTICATED or FORBIDDEN at once if it refuses the token. Users call `connect` of their entry point.
   */
  static async open(options: ConnectOptions, platform: Platform): Promise<HoldfastClient> {
    const settings = settingsOf(options, platform.defaultEncoding);
    const client = new HoldfastClient(settings, platform);
    client.#session.start();
    try {
      await client.hello();
    } catch (error) {
      const trouble = client.#session.lastTrouble;
      await client.close({ drainMs: 0 });
      if (!(error instanceof HoldfastError) || error.code !== 'DEADLINE_EXCEEDED') throw error;
      const why = `no grid reached within ${settings.timeoutMs} ms (${trouble || settings.urls.join(', ')}); is it running?`;
      throw new HoldfastError('UNAVAILABLE', why, { retriable: true, cause: error });
    }
    return client;
  }

  /** Whether a connection is ready now. Calls may be made either way: they wait for one. */
  get connected(): boolean {
    return this.#session.ready;
  }

  /** What the grid said of itself when it was last greeted. */
  get server(): HelloReply {
    return this.#session.hello as HelloReply;
  }

  /** The region of the grid, the default of calls that name none. */
  get region(): string {
    return this.server.region;
  }

  /** Calls sent and not answered yet, calls not sent yet, and SKUs subscribed to. */
  get load(): { readonly inFlight: number; readonly queued: number; readonly subscriptions: number } {
    const { inFlight, queued } = this.#session;
    const subscriptions = this.#subscriptions.size;
    if (this.#owners === undefined) return { inFlight, queued, subscriptions };
    return { inFlight: inFlight + this.#owners.inFlight, queued: queued + this.#owners.queued, subscriptions };
  }

  /** With `followMap`: the URLs of the workers that it is connected to besides the one it began with. */
  get owners(): readonly string[] {
    return this.#owners?.urls ?? [];
  }

  /** Listens to an event of the connection; returns the way to stop. */
  on<K extends keyof ClientEvents>(type: K, listener: (event: ClientEvents[K]) => void): () => void {
    return this.#emitter.on(type, listener);
  }

  /** Sets units aside until they are committed, released or expire. */
  reserve(input: ReserveInput, options: CallOptions = {}): Promise<ReplyTo<'reserve'>> {
    return this.call('reserve', input, options);
  }

  /** Lets a reservation live `ttlMs` from now. */
  extend(input: ExtendInput, options: CallOptions = {}): Promise<ReplyTo<'extend'>> {
    return this.call('extend', input, options);
  }

  /** Turns a reservation, or `qty` of it, into an allocation that does not expire; the rest is restored. */
  commit(input: CommitInput, options: CallOptions = {}): Promise<ReplyTo<'commit'>> {
    return this.call('commit', input, options);
  }

  /** Gives a reservation back. */
  release(input: ReleaseInput, options: CallOptions = {}): Promise<ReplyTo<'release'>> {
    return this.call('release', input, options);
  }

  /** Takes committed units off hand. */
  ship(input: ShipInput, options: CallOptions = {}): Promise<ReplyTo<'ship'>> {
    return this.call('ship', input, options);
  }

  /** Changes stock by `delta`, or to a count `onHand`. */
  adjust(input: AdjustInput, options: CallOptions = {}): Promise<ReplyTo<'adjust'>> {
    return this.call('adjust', input, options);
  }

  /** Sets safety stock, backorder limit, channel buffers or the limit per owner; leaves what is not given. */
  configure(input: ConfigureInput, options: CallOptions = {}): Promise<ReplyTo<'configure'>> {
    return this.call('configure', input, options);
  }

  /** Has the SKU sold from one pool in several regions; to be called in each of them. */
  pool(input: PoolInput, options: CallOptions = {}): Promise<ReplyTo<'pool'>> {
    return this.call('pool', input, options);
  }

  /** Gives rights of a pool to another region. They also move by themselves, to where the buyers are. */
  transfer(input: TransferInput, options: CallOptions = {}): Promise<ReplyTo<'transfer'>> {
    return this.call('transfer', input, options);
  }

  get(input: GetInput, options: CallOptions = {}): Promise<ReplyTo<'get'>> {
    return this.call('get', input, options);
  }

  getReservation(input: GetReservationInput, options: CallOptions = {}): Promise<ReplyTo<'getReservation'>> {
    return this.call('getReservation', input, options);
  }

  /** Availability of many SKUs; those unknown are listed, not an error. */
  query(input: QueryInput, options: CallOptions = {}): Promise<ReplyTo<'query'>> {
    return this.call('query', input, options);
  }

  /** One page of a region's SKUs. */
  list(input: ListInput = {}, options: CallOptions = {}): Promise<ReplyTo<'list'>> {
    return this.call('list', input, options);
  }

  /** All SKUs of a region, a page at a time as they are consumed; `timeoutMs` is each page's. */
  async *listAll(input: Omit<ListInput, 'after'> = {}, options: CallOptions = {}): AsyncGenerator<AvailabilityView> {
    const limit = input.limit ?? LIST_PAGE_MAX;
    let after: string | undefined;
    do {
      const page: ReplyTo<'list'> = await this.list({ ...input, limit, after }, options);
      yield* page.positions;
      after = page.next;
    } while (after !== undefined);
  }

  /** Has the grid take an order. It is acknowledged once durable, whatever the state of fulfilment; its orderId makes it count once. */
  captureOrder(input: CaptureOrderInput, options: CallOptions = {}): Promise<ReplyTo<'captureOrder'>> {
    return this.call('captureOrder', input, options);
  }

  /** Gives a captured order a command: what came of a task, a change, a cancellation … */
  advanceOrder(input: AdvanceOrderInput, options: CallOptions = {}): Promise<ReplyTo<'advanceOrder'>> {
    return this.call('advanceOrder', input, options);
  }

  /** An order's state and open tasks, and its events where `journey` asks for them. */
  getOrder(input: GetOrderInput, options: CallOptions = {}): Promise<ReplyTo<'getOrder'>> {
    return this.call('getOrder', input, options);
  }

  /**
   * Takes due tasks of the region's orders, lent for `leaseMs`: whoever has not closed one by then (advanceOrder) sees it offered
   * to others. Waits up to `waitMs` for the first, in addition to what a call may take.
   */
  takeTasks(input: TakeTasksInput, options: CallOptions = {}): Promise<ReplyTo<'takeTasks'>> {
    const timeoutMs = (options.timeoutMs ?? this.#settings.timeoutMs) + (input.waitMs ?? 0);
    return this.call('takeTasks', input, { ...options, timeoutMs });
  }

  /**
   * Reserves all lines of an order together: everything or nothing, or with the policy `partial` what can be had. Throws with `lines`
   * where lines could not be had.
   */
  reserveOrder(input: ReserveOrderInput, options: CallOptions = {}): Promise<ReplyTo<'reserveOrder'>> {
    return this.call('reserveOrder', input, options);
  }

  /** Commits what the order reserved last, on all its lines. */
  commitOrder(input: CommitOrderInput, options: CallOptions = {}): Promise<ReplyTo<'commitOrder'>> {
    return this.call('commitOrder', input, options);
  }

  /** Gives back what the order reserved last, on all its lines. */
  releaseOrder(input: ReleaseOrderInput, options: CallOptions = {}): Promise<ReplyTo<'releaseOrder'>> {
    return this.call('releaseOrder', input, options);
  }

  /** Asks the grid what it is. */
  async hello(options: CallOptions = {}): Promise<HelloReply> {
    return (await this.#session.call({ op: 'hello', client: this.#settings.client }, [], options)) as HelloReply;
  }

  /**
   * Any op by its name, with the fields of the wire contract. Fills in a requestId where the op needs one and the
   * region where it is left out.
   */
  call<O extends ItemOp>(op: O, input: InputOf[O], options: CallOptions = {}): Promise<ReplyTo<O>> {
    const request = this.#wireOf(op, input);
    const requestId = requestIdOf(request);
    const session = this.#owners?.sessionFor(request) ?? this.#session;
    return session.call(request, requestId === undefined ? [] : [requestId], options) as Promise<Outcome> as Promise<
      ReplyTo<O>
    >;
  }

  /**
   * Up to 1,000 requests in one frame. Results come in order; an item that fails is a Failure among them, not a
   * rejection. Items refused with a retriable code are sent again until `timeoutMs`.
   */
  async batch<const Items extends readonly BatchItem[]>(
    items: Items,
    options: CallOptions = {},
  ): Promise<BatchResults<Items>> {
    if (items.length === 0) return [] as unknown as BatchResults<Items>;
    const requests = items.map(({ op, ...input }) => this.#wireOf(op, input as InputOf[typeof op]));
    const { retryBackoff, timeoutMs } = this.#settings;
    const ports = {
      sessionFor: (item: WireItem) => this.#owners?.sessionFor(item) ?? this.#session,
      pauses: this.#session.pauses,
      platform: this.#platform,
      retryBackoff,
      timeoutMs,
    };
    return (await sendBatch(ports, requests, options)) as unknown as BatchResults<Items>;
  }

  /**
   * Calls `listener` with the latest availability of each SKU, now and after each change, never backward, until
   * unsubscribed; across reconnects too. Intermediate values may be skipped. A SKU that is not known yet is no error:
   * nothing is heard of it until it is there, while `get` rejects with NOT_FOUND.
   */
  async subscribe(
    input: SubscriptionInput,
    listener: AvailabilityListener,
    options: CallOptions = {},
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe(input.region ?? this.region, skusOf(input), listener, options);
  }

  /** Ends all subscriptions to these SKUs, whoever made them; `Subscription.unsubscribe` ends one. */
  async unsubscribe(input: SubscriptionInput, options: CallOptions = {}): Promise<void> {
    return this.#subscriptions.unsubscribe(input.region ?? this.region, skusOf(input), options);
  }

  /**
   * Refuses new calls, waits up to `drainMs` (default 1,000) for the answers under way, ends the other calls with
   * CLOSED, closes the socket. When it resolves, nothing of the client is left running.
   */
  async close(options: { readonly drainMs?: number | undefined } = {}): Promise<void> {
    const drainMs = options.drainMs ?? DRAIN_MS_DEFAULT;
    await Promise.all([this.#session.close(drainMs), this.#owners?.close(drainMs)]);
  }

  /** The fields that are given, and the defaults that only the client can know. */
  #wireOf(op: ItemOp, input: object): WireItem {
    const fields: Record<string, unknown> = {};
    const given = input as Record<string, unknown>;
    for (const name in given) if (given[name] !== undefined) fields[name] = given[name];
    const { mutates, inRegion } = ITEM_OPS[op];
    if (inRegion) fields['region'] ??= this.region;
    if (mutates) fields['requestId'] ??= uuidv7(this.#session.gridNow());
    return Object.assign(fields, { op }) as unknown as WireItem;
  }
}

function skusOf(input: SubscriptionInput): readonly string[] {
  if (input.skus !== undefined && input.sku === undefined) return input.skus;
  if (input.sku !== undefined && input.skus === undefined) return [input.sku];
  throw new HoldfastError('BAD_REQUEST', 'a subscription names either sku or skus');
}
