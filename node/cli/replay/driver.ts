// Does the deeds of an order file to the grid: in the file's order within each (sku, region), side by side over all
// others. Knows the grid's replies, not the file. A refusal for lack of stock is an outcome; any other refusal ends
// the run, which can be taken up again under the same run id.
import { type HoldfastClient, HoldfastError } from '../../../protocol/client/index.ts';
import { TTL_MS_MAX } from '../../../protocol/index.ts';
import { UserError } from '../exit.ts';
import { Gate } from '../gate.ts';
import { Insistence } from '../insistence.ts';
import type { Latencies, TimedOp } from './latencies.ts';
import type { Deed } from './lines.ts';
import { positionKey } from './plan.ts';
import { nodeOfRun, requestIdOf, type Step } from './run-id.ts';

/** Deeds read ahead: enough that a region's slots stay busy while one much-sold SKU works off its queue. */
const READ_AHEAD_MAX = 32_768;

export interface DriverOptions {
  readonly clients: ReadonlyMap<string, HoldfastClient>;
  readonly run: string;
  /** (sku, region) pairs at work at once, per region. */
  readonly parallel: number;
  readonly latencies: Latencies;
}

export interface Totals {
  /** Deeds that are through. */
  done: number;
  requests: number;
  /** Requests that had been answered in an earlier run under this id. */
  replayed: number;
  unitsShipped: number;
  unitsReturned: number;
  unitsWrittenOff: number;
  /** Order lines refused for lack of stock, and their units. */
  stockOuts: number;
  stockOutUnits: number;
  writeOffsRefused: number;
}

interface Lane {
  readonly region: string;
  readonly queue: Deed[];
  busy: boolean;
}

interface RegionSlots {
  free: number;
  readonly waiting: Lane[];
}

export class ReplayDriver {
  readonly totals: Totals = {
    done: 0,
    requests: 0,
    replayed: 0,
    unitsShipped: 0,
    unitsReturned: 0,
    unitsWrittenOff: 0,
    stockOuts: 0,
    stockOutUnits: 0,
    writeOffsRefused: 0,
  };
  readonly #options: DriverOptions;
  readonly #node: string;
  readonly #gate = new Gate(READ_AHEAD_MAX);
  readonly #insistence = new Insistence();
  readonly #lanes = new Map<string, Lane>();
  readonly #slots = new Map<string, RegionSlots>();

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#node = nodeOfRun(options.run);
    for (const region of options.clients.keys()) this.#slots.set(region, { free: options.parallel, waiting: [] });
  }

  /** Takes a deed in; waits while too many are under way. @throws UserError once one has failed */
  async submit(deed: Deed): Promise<void> {
    await this.#gate.enter();
    const key = positionKey(deed.sku, deed.region);
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { region: deed.region, queue: [], busy: false };
      this.#lanes.set(key, lane);
    }
    lane.queue.push(deed);
    if (lane.busy) return;
    lane.busy = true;
    this.#slotsOf(lane).waiting.push(lane);
    this.#pump(this.#slotsOf(lane));
  }

  /** Resolves when all deeds that were taken in are done. @throws UserError once one has failed */
  drained(): Promise<void> {
    return this.#gate.drained();
  }

  #slotsOf(lane: Lane): RegionSlots {
    const slots = this.#slots.get(lane.region);
    if (slots === undefined) throw new Error(`no connection to ${lane.region}`);
    return slots;
  }

  #pump(slots: RegionSlots): void {
    while (slots.free > 0) {
      const lane = slots.waiting.shift();
      if (lane === undefined) return;
      slots.free -= 1;
      void this.#work(lane).then(
        () => {
          slots.free += 1;
          this.#pump(slots);
        },
        (error: unknown) => this.#gate.fail(error),
      );
    }
  }

  /** Keeps its slot until its queue is empty: the most-sold SKUs bound the whole run, so they never wait for a slot. */
  async #work(lane: Lane): Promise<void> {
    let next = 0;
    while (next < lane.queue.length) {
      const deed = lane.queue[next++] as Deed;
      await this.#perform(deed);
      this.totals.done += 1;
      this.#gate.leave();
    }
    lane.queue.length = 0;
    lane.busy = false;
  }

  async #perform(deed: Deed): Promise<void> {
    const client = this.#options.clients.get(deed.region);
    if (client === undefined) throw new Error(`no connection to ${deed.region}`);
    if (deed.kind === 'order') await this.#order(client, deed);
    else await this.#adjust(client, deed, deed.kind === 'return' ? deed.qty : -deed.qty);
  }

  async #order(client: HoldfastClient, deed: Deed): Promise<void> {
    const { sku, region, qty, customer, invoice, line } = deed;
    const id = (step: Step): string => requestIdOf(this.#options.run, line, step);
    const reserved = await this.#timed('reserve', deed, () =>
      client.reserve({
        sku,
        region,
        qty,
        node: this.#node,
        // A run that is taken up again finds its reservations as they were.
        ttlMs: TTL_MS_MAX,
        requestId: id('reserve'),
        ...(customer === undefined ? {} : { owner: `customer-${customer}` }),
      }),
    );
    if (reserved === undefined) {
      this.totals.stockOuts += 1;
      this.totals.stockOutUnits += qty;
      return;
    }
    const { reservationId } = reserved;
    await this.#timed('commit', deed, () =>
      client.commit({ reservationId, orderId: invoice, requestId: id('commit') }),
    );
    await this.#timed('ship', deed, () => client.ship({ reservationId, requestId: id('ship') }));
    this.totals.unitsShipped += qty;
  }

  async #adjust(client: HoldfastClient, deed: Deed, delta: number): Promise<void> {
    const { sku, region, line, invoice, kind } = deed;
    const reason = kind === 'return' ? `return ${invoice}` : `written off ${invoice}`;
    const requestId = requestIdOf(this.#options.run, line, 'adjust');
    const adjusted = await this.#timed('adjust', deed, () =>
      client.adjust({ sku, region, node: this.#node, delta, reason, requestId }),
    );
    if (adjusted === undefined) this.totals.writeOffsRefused += 1;
    else if (kind === 'return') this.totals.unitsReturned += deed.qty;
    else this.totals.unitsWrittenOff += deed.qty;
  }

  /** The reply; undefined when the stock did not suffice. */
  async #timed<T extends { readonly replayed?: true }>(
    op: TimedOp,
    deed: Deed,
    call: () => Promise<T>,
  ): Promise<T | undefined> {
    const startedAt = performance.now();
    this.totals.requests += 1;
    try {
      const reply = await this.#insistence.call(call);
      if (reply.replayed === true) this.totals.replayed += 1;
      return reply;
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      const mayLackStock = op === 'reserve' || op === 'adjust';
      if (!mayLackStock || error.code !== 'INSUFFICIENT_STOCK') throw this.#broken(op, deed, error);
      if (error.replayed) this.totals.replayed += 1;
      return undefined;
    } finally {
      this.#options.latencies.record(op, performance.now() - startedAt);
    }
  }

  #broken(op: TimedOp, deed: Deed, error: HoldfastError): UserError {
    const { run } = this.#options;
    return new UserError(
      `line ${deed.line} (${deed.sku} in ${deed.region}): ${op} was answered ${error.code}: ${error.message}`,
      error.code === 'IDEMPOTENCY_EXPIRED'
        ? 'The run is older than the 15 minutes for which requests are remembered: start a new one, without --run.'
        : `See \`holdfast status\`; once the grid is ready, go on with --run ${run} (within 15 minutes).`,
    );
  }
}
