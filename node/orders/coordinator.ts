// Reserves, commits and gives back the lines of orders: what an order has decided and journaled is sent to the actors of its SKUs, in
// whatever region, and what they say is told to the order. It decides nothing and keeps nothing: any worker may do it, several at
// once, and whatever is left when one dies is taken up by another through the order's task. See orders/reservations/SPEC.md.
import {
  type AskAnswer,
  type AvailabilityPush,
  COMMAND_LENGTH_MAX,
  type EndOrderRequest,
  type Failure,
  failure,
  type ItemRequest,
  type Json,
  type OrderErrand,
  type OrderRef,
  type Outcome,
  type ReservationsResult,
  type ReserveOrderRequest,
  type TakeTasksReply,
  type TakeTasksRequest,
} from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from '../shell/grid.ts';
import { pause, type Runtime } from '../shell/runtime.ts';
import { DRIVE_MS, LEASE_MS, LOOK_MS, OUTCOMES_PER_COMMAND, PAUSE_MS, REPLY_WAIT_MS, TAKEN_UP_MAX } from './limits.ts';

export interface OrderCoordinatorDeps {
  /** Takes requests for any region. */
  readonly grid: Grid;
  /** Lends due tasks of the orders that this worker holds, at once: each looks after its own, and none has to be asked from afar. */
  readonly take: (request: TakeTasksRequest, respond: Respond) => void;
  readonly region: string;
  readonly runtime: Runtime;
  /** Draws a name that nobody else has used. */
  readonly draw: () => string;
  readonly metrics: Pick<Metrics, 'orderErrands' | 'ordersTakenUp'>;
}

/** Whose answer is waited for. */
interface About {
  readonly op: 'reserveOrder' | 'commitOrder' | 'releaseOrder';
  readonly taskId?: string;
  readonly requestId: string;
}

const STILL_RESERVING = failure(
  'UNAVAILABLE',
  'the order is still being reserved: send the same requestId again to learn what came of it',
  100,
);

export class OrderCoordinator implements Grid {
  readonly #deps: OrderCoordinatorDeps;
  /** Orders that were taken up and are not done with. */
  readonly #inHand = new Set<string>();
  #onRoom: () => void = () => {};
  #flush: () => void = () => {};
  #isStopped = true;

  constructor(deps: OrderCoordinatorDeps) {
    this.#deps = deps;
  }

  /** From now on orders are taken up that others have left. */
  start(): void {
    this.#isStopped = false;
    void this.#takeUpOrders();
  }

  stop(): void {
    this.#isStopped = true;
  }

  info(): GridInfo {
    return this.#deps.grid.info();
  }

  readiness(): Readiness {
    return this.#deps.grid.readiness();
  }

  figures(): GridFigures {
    return this.#deps.grid.figures();
  }

  shedding(): Failure | undefined {
    return this.#deps.grid.shedding();
  }

  refusedUnread(count: number): void {
    this.#deps.grid.refusedUnread(count);
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
    this.#deps.grid.onReleased(flush);
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void, region?: string): () => void {
    return this.#deps.grid.watch(sku, listener, region);
  }

  submit(request: ItemRequest, respond: Respond): void {
    switch (request.op) {
      case 'reserveOrder':
        void this.#reserve(request, this.#once(respond));
        return;
      case 'commitOrder':
      case 'releaseOrder':
        void this.#end(request, this.#once(respond));
        return;
      default:
        this.#deps.grid.submit(request, respond);
    }
  }

  /**
   * What an order says is to become of a tentative reservation; undefined: it cannot be asked now. It journals before it says so
   * that it will never commit.
   */
  ask(order: OrderRef, reservationId: string, answer: (answer: AskAnswer | undefined) => void): void {
    const request = this.#request(order, { step: 'ask', reservationId }, this.#deps.draw());
    this.#deps.grid.submit(request, (outcome) => answer(resultOf(outcome)?.asked));
  }

  /** A client is answered once, whatever else comes of its request. */
  #once(respond: Respond): Respond {
    let isAnswered = false;
    return (outcome) => {
      if (isAnswered) return;
      isAnswered = true;
      respond(outcome);
      this.#flush();
    };
  }

  async #reserve(request: ReserveOrderRequest, respond: Respond): Promise<void> {
    const { op: _op, region = this.#deps.region, taskId, ...fields } = request;
    const by = taskId === undefined ? {} : { taskId };
    const order = { orderId: request.orderId, region };
    const step = { step: 'reserve', ...by, request: plain({ ...fields, region }) };
    const { length } = JSON.stringify(step);
    if (length > COMMAND_LENGTH_MAX - 64) {
      const message = `an order of ${length} characters; at most ${COMMAND_LENGTH_MAX} are allowed: reserve it in parts`;
      respond(failure('TOO_LARGE', message));
      return;
    }
    const about: About = { op: 'reserveOrder', ...by, requestId: request.requestId };
    const until = this.#now() + REPLY_WAIT_MS;
    const cancel = this.#deps.runtime.after(REPLY_WAIT_MS, () => respond(STILL_RESERVING));
    const seen = (result: ReservationsResult): void => {
      if (result.outcome !== undefined) respond(result.outcome);
    };
    let told = await this.#tell(order, step, request.requestId, until);
    while (!('ok' in told)) {
      seen(told);
      const last: ReservationsResult = await this.#drive(order, told, about, seen);
      if (last.outcome !== undefined || last.errands.length > 0 || this.#now() >= until) break;
      // One that was in its way has been given back: now it is its turn.
      told = await this.#tell(order, step, request.requestId, until);
    }
    cancel();
    respond('ok' in told ? told : STILL_RESERVING);
  }

  async #end(request: EndOrderRequest, respond: Respond): Promise<void> {
    const { op, orderId, requestId, region = this.#deps.region, taskId } = request;
    const by = taskId === undefined ? {} : { taskId };
    const order = { orderId, region };
    const until = this.#now() + REPLY_WAIT_MS;
    const step = { step: op === 'commitOrder' ? 'commit' : 'release', ...by };
    const told = await this.#tell(order, step, requestId, until);
    if ('ok' in told || told.outcome === undefined) {
      respond('ok' in told ? told : failure('INTERNAL', `order ${orderId} did not say what became of it`));
      return;
    }
    // It is decided; lines that have not heard of it by then, will.
    let latest: Outcome = told.outcome;
    const cancel = this.#deps.runtime.after(REPLY_WAIT_MS, () => respond(latest));
    const seen = ({ outcome }: ReservationsResult): void => {
      latest = outcome ?? latest;
      if (!('pending' in latest)) respond(latest);
    };
    seen(told);
    await this.#drive(order, told, { op, ...by, requestId }, seen);
    cancel();
    respond(latest);
  }

  /** Sends what the order wants sent until nothing is left of it, or the time is over; `seen` is called with each of its results. */
  async #drive(
    order: OrderRef,
    first: ReservationsResult,
    about: About | undefined,
    seen: (result: ReservationsResult) => void,
  ): Promise<ReservationsResult> {
    const until = this.#now() + DRIVE_MS;
    let result = first;
    let pauseMs: number = PAUSE_MS[0];
    while (result.errands.length > 0 && this.#now() < until) {
      const before = result;
      const done = await Promise.all(before.errands.map((errand) => this.#errand(errand)));
      const told = done.filter(({ outcome }) => outcome.ok || !outcome.retriable);
      this.#deps.metrics.orderErrands.labels({ result: 'done' }).inc(told.length);
      this.#deps.metrics.orderErrands.labels({ result: 'again' }).inc(done.length - told.length);
      for (let from = 0; from < told.length; from += OUTCOMES_PER_COMMAND) {
        const outcomes = told.slice(from, from + OUTCOMES_PER_COMMAND);
        const step = { step: 'outcomes', attempt: before.attempt, outcomes, ...(about && { about: { ...about } }) };
        const next = await this.#tell(order, step as unknown as Json, this.#deps.draw(), until);
        if ('ok' in next) return result;
        result = next;
      }
      seen(result);
      const isStuck = told.length < done.length || areSame(result.errands, before.errands);
      if (isStuck && this.#now() < until) {
        // Its lease brings it back; others that wait may have lines that can be reached.
        if (about === undefined && pauseMs === PAUSE_MS[1] && this.#isFull()) break;
        await pause(this.#deps.runtime, pauseMs);
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS[1]);
      }
    }
    return result;
  }

  /** Sends one request, and gives back what the order has to know of the outcome. */
  async #errand({ claim, request: wire }: OrderErrand): Promise<ErrandDone> {
    const { request } = parseRequest(wire, false);
    const outcome = 'ok' in request ? request : await this.#send(request as ItemRequest);
    return { claim, op: wire.op, outcome: digest(outcome) };
  }

  /** Has the order take a step; again while it cannot be reached. */
  async #tell(order: OrderRef, step: Json, requestId: string, until: number): Promise<ReservationsResult | Failure> {
    let pauseMs: number = PAUSE_MS[0];
    for (;;) {
      const outcome = await this.#send(this.#request(order, step, requestId));
      const result = resultOf(outcome);
      if (result !== undefined) return result;
      if (outcome.ok) return failure('INTERNAL', `order ${order.orderId} said nothing of its reservations`);
      if (!outcome.retriable || this.#isStopped || this.#now() + pauseMs >= until) return outcome;
      await pause(this.#deps.runtime, Math.max(pauseMs, Math.min(outcome.retryAfterMs, PAUSE_MS[1])));
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS[1]);
    }
  }

  #request({ orderId, region }: OrderRef, step: Json, requestId: string): ItemRequest {
    const command = { type: 'reservations', ...(step as { readonly [field: string]: Json }) };
    return { op: 'advanceOrder', region, orderId, command, traceId: undefined, requestId };
  }

  #send(request: ItemRequest): Promise<Outcome> {
    return new Promise((resolve) => this.#deps.grid.submit(request, resolve));
  }

  /**
   * Goes on for ever: takes the tasks of orders whose driver has died, or whose time is over. The next is looked for as soon as any is
   * done with: one whose lines hang keeps its own place, and nobody else waiting.
   */
  async #takeUpOrders(): Promise<void> {
    while (!this.#isStopped) {
      const tasks = await this.#take(TAKEN_UP_MAX - this.#inHand.size);
      for (const { orderId } of tasks) void this.#takeUp(orderId);
      if (this.#isFull()) await this.#room();
      else if (tasks.length === 0) await pause(this.#deps.runtime, LOOK_MS);
    }
  }

  #take(limit: number): Promise<TakeTasksReply['tasks']> {
    const { region, take } = this.#deps;
    const request: TakeTasksRequest = {
      op: 'takeTasks',
      region,
      kinds: ['reservation'],
      limit,
      leaseMs: LEASE_MS,
      waitMs: 0,
    };
    return new Promise((resolve) => {
      take(request, (outcome) => resolve(outcome.ok ? (outcome as TakeTasksReply).tasks : []));
    });
  }

  #isFull(): boolean {
    return this.#inHand.size >= TAKEN_UP_MAX;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  async #takeUp(orderId: string): Promise<void> {
    // What it waits for may take longer than its lease.
    if (this.#inHand.has(orderId)) return;
    this.#inHand.add(orderId);
    this.#deps.metrics.ordersTakenUp.inc();
    const order = { orderId, region: this.#deps.region };
    const told = await this.#tell(order, { step: 'lapse' }, this.#deps.draw(), this.#now() + DRIVE_MS);
    if (!('ok' in told)) await this.#drive(order, told, undefined, () => {});
    this.#inHand.delete(orderId);
    this.#onRoom();
  }

  #now(): number {
    return this.#deps.runtime.monotonic();
  }
}

/** The order wants what it wanted before: nothing has come of it. */
function areSame(now: readonly OrderErrand[], before: readonly OrderErrand[]): boolean {
  const isSame = ({ claim, request }: OrderErrand, i: number): boolean =>
    before[i]?.claim === claim && before[i]?.request.op === request.op;
  return now.length === before.length && now.every(isSame);
}

interface ErrandDone {
  readonly claim: number;
  readonly op: OrderErrand['request']['op'];
  readonly outcome: OutcomeDigest;
}

/** Of an outcome, what an order has to know. */
type OutcomeDigest =
  | { readonly ok: true; readonly [field: string]: unknown }
  | Pick<Failure, 'ok' | 'code' | 'message' | 'retriable' | 'state'>;

function digest(outcome: Outcome): OutcomeDigest {
  if (!outcome.ok) {
    const { ok, code, message, retriable, state } = outcome;
    return { ok, code, message, retriable, ...(state && { state }) };
  }
  if (!('reservationId' in outcome)) return { ok: true };
  const { reservationId, qty, node, expiresAt } = outcome;
  return { ok: true, reservationId, qty, node, expiresAt, ...('parts' in outcome && { parts: outcome.parts }) };
}

function resultOf(outcome: Outcome): ReservationsResult | undefined {
  return outcome.ok && 'result' in outcome ? (outcome.result as unknown as ReservationsResult) : undefined;
}

/** Without fields that were left out. */
function plain(fields: object): Json {
  return JSON.parse(JSON.stringify(fields)) as Json;
}
