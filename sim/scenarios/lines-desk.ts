// Shops in a run: they reserve orders of several lines in several regions, commit them, give them back or forget about them, and send
// again what was not answered, through whichever worker. All that was asked and told goes into the history.
import type {
  EndOrderRequest,
  ItemRequest,
  OrderLineRequest,
  Outcome,
  ReserveOrderRequest,
} from '../../protocol/index.ts';
import type { Random } from '../kernel/random.ts';
import type { AskedLines } from '../oracle/lines.ts';
import { insist } from './insist.ts';
import type { World } from './world.ts';

export interface LinesDeskOptions {
  /** The region of each worker. */
  readonly regionOf: readonly string[];
  readonly skus: readonly string[];
  /** A shop that has no answer sends again after this long, ms. */
  readonly patienceMs: number;
}

/** Of orders that were reserved, so many are committed, and so many given back; the others are forgotten. */
const COMMITTED = 0.6;
const RELEASED = 0.2;
/** Of those that were refused, so many are tried again. */
const RETRIED = 0.3;
/** Repetitions of an answered request, to see that its answer is the same. */
const REPEATED = 0.2;
/** So many requests go to a worker of another region than the order's. */
const FAR = 0.15;
const NODES = ['n1', 'n2'] as const;
/** How long orders may be tentative, ms: least and most. */
const TTL_MS_MIN = 1_000;
export const TTL_MS_MAX = 5_000;

export class LinesDesk {
  readonly asked: AskedLines[] = [];
  /** Requests sent and not yet answered. */
  readonly pending = new Set<AskedLines | ItemRequest>();
  readonly #world: World;
  readonly #random: Random;
  readonly #options: LinesDeskOptions;
  readonly #regions: readonly string[];
  #made = 0;

  constructor(world: World, random: Random, options: LinesDeskOptions) {
    this.#world = world;
    this.#random = random;
    this.#options = options;
    this.#regions = [...new Set(options.regionOf)];
  }

  /** Gives every sku its stock in every region, at two nodes. */
  stock(): void {
    for (const region of this.#regions) {
      for (const sku of this.#options.skus) for (const node of NODES) this.#stock(region, sku, node);
    }
  }

  #stock(region: string, sku: string, node: string): void {
    const delta = this.#random.int(5, 80);
    const requestId = `stock-${region}-${sku}-${node}`;
    const request: ItemRequest = {
      op: 'adjust',
      sku,
      region,
      node,
      delta,
      onHand: undefined,
      reason: 'sim',
      requestId,
    };
    this.pending.add(request);
    const send = (): void => {
      const cancel = this.#world.scheduler.after(this.#options.patienceMs, send);
      this.#once(this.#anyOf(region), request, (outcome) => {
        if (!outcome.ok && outcome.retriable) return;
        cancel();
        this.pending.delete(request);
      });
    };
    send();
  }

  /** Asks every region what is reserved of its stock; `counted` is told the units once all have answered. */
  countReserved(counted: (units: number) => void): void {
    const { skus } = this.#options;
    let [open, units] = [this.#regions.length * skus.length, 0];
    for (const region of this.#regions) {
      for (const sku of skus) {
        this.#once(this.#anyOf(region), { op: 'get', sku, region }, (outcome) => {
          // Who cannot say may have anything.
          units += outcome.ok && 'reserved' in outcome ? outcome.reserved : Number.POSITIVE_INFINITY;
          open -= 1;
          if (open === 0) counted(units);
        });
      }
    }
  }

  /** A new order. */
  order(): void {
    this.#made += 1;
    const orderId = `o-${this.#made}`;
    const region = this.#random.pick(this.#regions);
    const request: ReserveOrderRequest = {
      op: 'reserveOrder',
      orderId,
      region,
      lines: Array.from({ length: this.#random.int(1, 4) }, (_, n) => this.#line(String(n + 1))),
      regions: this.#random.chance(0.5) ? this.#regions : undefined,
      policy: this.#random.chance(0.6) ? 'all' : 'partial',
      ttlMs: this.#random.int(TTL_MS_MIN, TTL_MS_MAX),
      owner: undefined,
      channel: undefined,
      taskId: undefined,
      requestId: `r-${orderId}`,
    };
    this.#reserve(request);
  }

  #reserve(request: ReserveOrderRequest): void {
    this.#ask(request, (isHad) => {
      const { orderId, region, requestId } = request;
      const { scheduler } = this.#world;
      if (!isHad) {
        if (this.#random.chance(RETRIED)) {
          const again = { ...request, policy: 'partial' as const, requestId: `${requestId}+` };
          scheduler.after(this.#random.exponential(500), () => this.#reserve(again));
        }
        return;
      }
      const dice = this.#random.unit();
      if (dice > COMMITTED + RELEASED) return;
      const op = dice < COMMITTED ? 'commitOrder' : 'releaseOrder';
      const end: EndOrderRequest = { op, orderId, region, taskId: undefined, requestId: `${op}-${requestId}` };
      scheduler.after(this.#random.exponential(1_200), () => this.#ask(end, () => {}));
    });
  }

  #line(lineId: string): OrderLineRequest {
    const { skus } = this.#options;
    const line = { lineId, sku: this.#random.pick(skus), qty: this.#random.int(1, 3) };
    return {
      ...line,
      ...(this.#random.chance(0.3) ? { region: this.#random.pick(this.#regions) } : {}),
      ...(this.#random.chance(0.2) ? { node: this.#random.pick(NODES) } : {}),
      ...(this.#random.chance(0.3) ? { substitutes: [this.#random.pick(skus)] } : {}),
      ...(this.#random.chance(0.2)
        ? { components: skus.slice(0, this.#random.int(1, 2)).map((sku) => ({ sku, qty: this.#random.int(1, 2) })) }
        : {}),
    };
  }

  #ask(request: AskedLines['request'], answered: (isHad: boolean) => void): void {
    const asked: AskedLines = { request, answers: [] };
    this.asked.push(asked);
    this.pending.add(asked);
    this.#send(asked, answered);
    if (!this.#random.chance(REPEATED)) return;
    this.#world.scheduler.after(this.#random.exponential(3_000), () => {
      if (!this.pending.has(asked)) this.#send(asked, () => {});
    });
  }

  /** Sends until an answer has come that stays. */
  #send(asked: AskedLines, answered: (isHad: boolean) => void): void {
    const { scheduler } = this.#world;
    const isRepetition = !this.pending.has(asked);
    const isAnswer = insist({
      scheduler,
      random: this.#random,
      patienceMs: this.#options.patienceMs,
      pauseMsMin: 50,
      isWanted: () => !isRepetition && this.pending.has(asked),
      sendAgain: () => this.#send(asked, answered),
    });
    const home = asked.request.region ?? '';
    const region = this.#random.chance(FAR) ? this.#random.pick(this.#regions) : home;
    this.#once(this.#anyOf(region), asked.request, (outcome) => {
      if (!isAnswer(outcome)) return;
      asked.answers.push(outcome);
      if (this.pending.delete(asked)) answered(outcome.ok);
    });
  }

  #once(address: string, request: ItemRequest, answered: (outcome: Outcome) => void): void {
    const client = `d${this.#random.int(1, 4)}`;
    this.#world.request(client, address, request, (outcome, { by }) => {
      const id = 'requestId' in request ? request.requestId : '';
      this.#world.trace.add(`${client} ${request.op} ${id} ${by} ${outcome.ok ? 'ok' : outcome.code}`);
      answered(outcome);
    });
  }

  #anyOf(region: string): string {
    const { addresses, alive } = this.#world;
    const own = addresses.filter((_, index) => this.#options.regionOf[index] === region);
    const up = own.filter((address) => alive.includes(address));
    return this.#random.pick(up.length > 0 ? up : own);
  }
}
