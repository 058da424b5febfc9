// The clients of a run: they reserve, commit, release, ship, adjust and look, repeat what was not answered with the same
// requestId, and note in the history what they asked and what they were told. They know nothing of how the grid works.
import { type ItemRequest, type Outcome, parseReservationId, type ReserveRequest } from '../../protocol/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Asked, History } from '../oracle/history.ts';
import { insist } from './insist.ts';
import { REGION, type World } from './world.ts';

export interface ShopperOptions {
  readonly clients: number;
  readonly skus: readonly string[];
  readonly nodes: readonly string[];
  /** A client that has no answer sends again after this long, ms. */
  readonly patienceMs: number;
  /** The share of requests that only look. */
  readonly looks: number;
  /** The share of reservations that expire within seconds. */
  readonly short: number;
  /** Requests go to any worker that is alive, not to whoever answered last. */
  readonly spread?: boolean;
}

interface Held {
  readonly reservationId: string;
  readonly sku: string;
}

/** Repetitions of an answered request, to see that its answer is the same. */
const REPEATED = 0.15;
/** The share of them that come with another body. */
const CONFLICTING = 0.1;

export class Shoppers {
  readonly #world: World;
  readonly #history: History;
  readonly #random: Random;
  readonly #options: ShopperOptions;
  readonly #held: Held[] = [];
  #made = 0;
  /** Requests sent and not yet answered. */
  readonly pending = new Set<Asked>();
  /** Who answered last: the first to be asked. */
  #hint = 0;

  constructor(world: World, history: History, random: Random, options: ShopperOptions) {
    this.#world = world;
    this.#history = history;
    this.#random = random;
    this.#options = options;
  }

  /** Gives every sku its first stock. */
  stock(): void {
    const { skus, nodes } = this.#options;
    for (const sku of skus) {
      for (const node of nodes) {
        if (node === nodes[0] || this.#random.chance(0.5)) {
          this.ask({ ...this.#adjust(sku, node), delta: this.#random.int(5, 40) });
        }
      }
    }
  }

  /** One request drawn at random. */
  act(): void {
    const asked = this.ask(this.#draw());
    const again = this.#random.chance(REPEATED) ? this.#random.exponential(2_000) : undefined;
    if (again === undefined || !('requestId' in asked.request)) return;
    this.#world.scheduler.after(again, () => {
      if (this.pending.has(asked)) return;
      if (asked.request.op === 'reserve' && this.#random.chance(CONFLICTING)) this.#conflict(asked, asked.request);
      else this.#send(asked);
    });
  }

  /** The requestId of a decided request once more, with another body. */
  #conflict({ answers }: Asked, request: ReserveRequest): void {
    if (!answers.some(({ outcome }) => outcome.ok || outcome.code === 'INSUFFICIENT_STOCK')) return;
    const other = { ...request, qty: request.qty + 1 };
    const asked: Asked = { request: other, sentAt: this.#world.scheduler.now, answers: [] };
    this.#history.conflicts.push(asked);
    this.pending.add(asked);
    this.#send(asked);
  }

  /** Looks at every sku through one worker, whoever it is. */
  lookAt(address: string): void {
    const index = this.#world.addresses.indexOf(address);
    for (const sku of this.#options.skus) this.ask({ op: 'get', sku, region: REGION }, index);
  }

  /** A request that must be answered once all is well: by stock, or by a refusal for want of it. */
  probe(sku: string): void {
    this.ask(this.#reserve(sku));
  }

  ask(request: ItemRequest, to?: number): Asked {
    const asked: Asked = { request, sentAt: this.#world.scheduler.now, answers: [] };
    this.#history.asked.push(asked);
    this.pending.add(asked);
    this.#send(asked, to);
    return asked;
  }

  /** Sends until an answer has come. */
  #send(asked: Asked, to?: number): void {
    const { scheduler, addresses, trace } = this.#world;
    const client = `c${this.#random.int(1, this.#options.clients)}`;
    // Looks go anywhere: whoever does not own the lane any more must not show what it had.
    const stays = this.#random.chance(asked.request.op === 'get' ? 0.3 : 0.7);
    const index =
      to ?? (this.#options.spread ? this.#anyAlive() : stays ? this.#hint : this.#random.int(0, addresses.length - 1));
    const address = addresses[index] as string;
    const sentAt = scheduler.now;
    const isAnswer = insist({
      scheduler,
      random: this.#random,
      patienceMs: this.#options.patienceMs,
      isWanted: () => this.pending.has(asked),
      sendAgain: () => this.#send(asked),
      failed: () => {
        this.#hint = this.#random.int(0, addresses.length - 1);
      },
    });
    this.#world.request(client, address, asked.request, (outcome) => {
      trace.add(`${client} ${idOf(asked.request)} ${address} ${outcome.ok ? 'ok' : outcome.code}`);
      if (!isAnswer(outcome)) return;
      this.#hint = index;
      this.#answered(asked, address, sentAt, outcome);
    });
  }

  #anyAlive(): number {
    const { addresses, alive } = this.#world;
    return addresses.indexOf(this.#random.pick(alive.length > 0 ? alive : addresses));
  }

  #answered(asked: Asked, worker: string, sentAt: number, outcome: Outcome): void {
    const isFirst = this.pending.delete(asked);
    asked.answers.push({ sentAt, at: this.#world.scheduler.now, worker, outcome });
    if (isFirst && outcome.ok && asked.request.op === 'reserve' && 'reservationId' in outcome) {
      this.#held.push({ reservationId: outcome.reservationId, sku: asked.request.sku });
    }
  }

  #draw(): ItemRequest {
    const { skus, nodes } = this.#options;
    const sku = this.#random.pick(skus);
    const held = this.#held.length === 0 ? undefined : this.#pickHeld();
    if (this.#random.chance(this.#options.looks)) return { op: 'get', sku, region: REGION };
    const dice = this.#random.unit();
    if (dice < 0.12) {
      const adjust = this.#adjust(sku, this.#random.pick(nodes));
      if (this.#random.chance(0.3)) return { ...adjust, delta: undefined, onHand: this.#random.int(0, 30) };
      return { ...adjust, delta: this.#random.chance(0.7) ? this.#random.int(1, 20) : -this.#random.int(1, 5) };
    }
    if (dice < 0.16) return this.#configure(sku);
    if (dice < 0.5 || held === undefined) return this.#reserve(sku);
    const ref = parseReservationId(held.reservationId);
    if (ref === undefined) throw new Error(`${held.reservationId} is no reservationId`);
    const on = { reservationId: held.reservationId, ref, requestId: this.#requestId() };
    if (dice < 0.7)
      return {
        op: 'commit',
        ...on,
        qty: this.#random.chance(0.2) ? 1 : undefined,
        orderId: undefined,
        order: undefined,
      };
    if (dice < 0.85) return { op: 'release', ...on, order: undefined };
    if (dice < 0.95) return { op: 'ship', ...on, qty: undefined, toStock: dice > 0.93 };
    return { op: 'extend', ...on, ttlMs: this.#random.int(1_000, 10_000) };
  }

  /** Mostly one of the last few: a shopper settles what was just reserved. */
  #pickHeld(): Held {
    const { length } = this.#held;
    const back = Math.min(length - 1, Math.floor(this.#random.exponential(6)));
    return this.#held[length - 1 - back] as Held;
  }

  #reserve(sku: string): ItemRequest {
    const owner = this.#random.chance(0.4) ? `owner-${this.#random.int(1, 6)}` : undefined;
    return {
      op: 'reserve',
      sku,
      region: REGION,
      qty: this.#random.int(1, 4),
      ttlMs: this.#random.chance(this.#options.short) ? this.#random.int(1_000, 6_000) : 600_000,
      owner,
      node: this.#random.chance(0.2) ? this.#random.pick(this.#options.nodes) : undefined,
      channel: this.#random.chance(0.2) ? 'web' : undefined,
      allowPartial: this.#random.chance(0.2),
      order: undefined,
      requestId: this.#requestId(),
    };
  }

  #adjust(sku: string, node: string): ItemRequest & { op: 'adjust' } {
    const requestId = this.#requestId();
    return { op: 'adjust', sku, region: REGION, node, delta: undefined, onHand: undefined, reason: 'sim', requestId };
  }

  #configure(sku: string): ItemRequest {
    const isOfNode = this.#random.chance(0.6);
    return {
      op: 'configure',
      sku,
      region: REGION,
      node: isOfNode ? this.#random.pick(this.#options.nodes) : undefined,
      safetyStock: isOfNode && this.#random.chance(0.5) ? this.#random.int(0, 3) : undefined,
      backorderLimit: isOfNode ? this.#random.int(0, 4) : undefined,
      channelBuffers: isOfNode ? undefined : { web: this.#random.int(0, 4) },
      limitPerOwner: undefined,
      requestId: this.#requestId(),
    };
  }

  #requestId(): string {
    this.#made += 1;
    return `r${this.#made}`;
  }
}

function idOf(request: ItemRequest): string {
  return `${request.op} ${'requestId' in request ? request.requestId : ''}`;
}
