// The clients of several regions: they ask any worker of any region about stock of any region, sell ordinary and pooled
// stock, mint and transfer rights, repeat what was not answered with the same requestId, through whichever worker, and
// note what they were told.
import {
  type AvailabilityView,
  type GetReply,
  type ItemRequest,
  type Outcome,
  POOL_NODE,
  parseReservationId,
  type QueryReply,
  type ReserveRequest,
} from '../../protocol/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Asked } from '../oracle/history.ts';
import type { RegionsHistory } from '../oracle/regions-history.ts';
import { insist } from './insist.ts';
import type { World } from './world.ts';
import type { Told } from './world-options.ts';

export interface RegionsShoppersOptions {
  readonly clients: number;
  /** The region of each worker. */
  readonly regionOf: readonly string[];
  /** Ordinary stock, of each region its own. */
  readonly skus: readonly string[];
  /** Pooled stock, sold in all regions. */
  readonly pooled: readonly string[];
  /** A client that has no answer sends again after this long, ms. */
  readonly patienceMs: number;
  /** The share of requests that only look. */
  readonly looks: number;
  /** The share of reservations that expire within seconds. */
  readonly short: number;
  /** The share of requests about stock that is pooled. */
  readonly ofPools: number;
  /** The share of requests that are sent to a worker of another region. */
  readonly far: number;
}

/** Repetitions of an answered request, to see that its answer is the same. */
const REPEATED = 0.15;
/** Of the looks, those at everything in one request. */
const QUERIES = 0.1;
const NODES = ['n1', 'n2'] as const;

export class RegionsShoppers {
  readonly #world: World;
  readonly #history: RegionsHistory;
  readonly #random: Random;
  readonly #options: RegionsShoppersOptions;
  readonly #regions: readonly string[];
  readonly #held: string[] = [];
  /** The buyer who comes again, by sku. */
  readonly #buyers = new Map<string, Asked>();
  #made = 0;
  /** Requests sent and not yet answered. */
  readonly pending = new Set<Asked>();
  /** Looks at stock of another region that were sent. */
  looks = 0;

  constructor(world: World, history: RegionsHistory, random: Random, options: RegionsShoppersOptions) {
    this.#world = world;
    this.#history = history;
    this.#random = random;
    this.#options = options;
    this.#regions = [...new Set(options.regionOf)];
  }

  /** Gives every sku its first stock, and makes the pools. */
  stock(): void {
    const { skus, pooled } = this.#options;
    for (const region of this.#regions) {
      for (const sku of skus) this.#ask({ ...this.#adjust(sku, region, NODES[0]), delta: this.#random.int(5, 40) });
      for (const sku of pooled) {
        this.#pool(sku, region);
        if (region === this.#regions[0] || this.#random.chance(0.4)) this.#mint(sku, region);
      }
    }
  }

  /** One request drawn at random. */
  act(): void {
    const isPooled = this.#random.chance(this.#options.ofPools);
    const sku = this.#random.pick(isPooled ? this.#options.pooled : this.#options.skus);
    const region = this.#random.pick(this.#regions);
    if (this.#random.chance(this.#options.looks)) {
      if (this.#random.chance(QUERIES)) this.#query();
      else this.look(sku, region);
      return;
    }
    const asked = this.#ask(isPooled ? this.#drawPooled(sku, region) : this.#draw(sku, region));
    if (!this.#random.chance(REPEATED)) return;
    this.#world.scheduler.after(this.#random.exponential(2_000), () => {
      if (!this.pending.has(asked)) this.#send(asked);
    });
  }

  /** Looks at a sku through a worker of its region or of another one. */
  look(sku: string, region: string, to?: number): void {
    const index = to ?? this.#anyAlive(region);
    const request: ItemRequest = { op: 'get', sku, region };
    if (this.#options.regionOf[index] === region) this.#ask(request, index);
    else this.#lookFrom(request, index);
  }

  /** Looks at everything through one worker, whoever it is. */
  lookAt(address: string): void {
    const index = this.#world.addresses.indexOf(address);
    for (const region of this.#regions) {
      for (const sku of [...this.#options.skus, ...this.#options.pooled]) this.look(sku, region, index);
    }
  }

  /** Requests that must be answered once all is well: by stock, or by a refusal for want of it. */
  probe(): void {
    for (const region of this.#regions) {
      for (const sku of [...this.#options.skus, ...this.#options.pooled]) this.#ask(this.#reserve(sku, region));
    }
  }

  /** Whether a buyer of so many units has got them; else one asks once more. */
  buys(sku: string, region: string, qty: number): boolean {
    const last = this.#buyers.get(sku);
    if (qty === 0 || last?.answers.some(({ outcome }) => outcome.ok) === true) return true;
    if (last !== undefined && this.pending.has(last)) return false;
    const units = last?.request.op === 'reserve' ? Math.min(last.request.qty, qty) : qty;
    const request = {
      ...this.#reserve(sku, region),
      qty: units,
      ttlMs: 600_000,
      allowPartial: false,
      order: undefined,
      owner: undefined,
    };
    this.#buyers.set(sku, this.#ask(request));
    return false;
  }

  #ask(request: ItemRequest, to?: number): Asked {
    const asked: Asked = { request, sentAt: this.#world.scheduler.now, answers: [] };
    this.#history.of(regionOf(request)).asked.push(asked);
    this.pending.add(asked);
    this.#send(asked, to);
    return asked;
  }

  /** Sends until an answer has come. */
  #send(asked: Asked, to?: number): void {
    const { scheduler, addresses, trace } = this.#world;
    const client = this.#client();
    const { request } = asked;
    // What is read of a region by its own workers stays there: the other kind of look is #lookFrom.
    const index = to ?? this.#anyAlive(regionOf(request), request.op === 'get' ? 0 : undefined);
    const address = addresses[index] as string;
    const sentAt = scheduler.now;
    const isAnswer = insist({
      scheduler,
      random: this.#random,
      patienceMs: this.#options.patienceMs,
      isWanted: () => this.pending.has(asked),
      sendAgain: () => this.#send(asked),
    });
    this.#world.request(client, address, request, (outcome, told) => {
      trace.add(`${client} ${idOf(request)} ${address} ${outcome.ok ? 'ok' : outcome.code}`);
      this.#noteWrite(request, index, outcome, told);
      if (!isAnswer(outcome)) return;
      const isFirst = this.pending.delete(asked);
      asked.answers.push({ sentAt, at: scheduler.now, worker: told.by, outcome });
      if (isFirst && outcome.ok && request.op === 'reserve' && 'reservationId' in outcome) {
        this.#held.push(outcome.reservationId);
      }
    });
  }

  #noteWrite(request: ItemRequest, index: number, outcome: Outcome, { by, turn }: Told): void {
    const region = regionOf(request);
    if (this.#options.regionOf[index] === region || !('requestId' in request)) return;
    if (!outcome.ok || !('version' in outcome)) return;
    const sku = 'ref' in request ? request.ref.sku : 'sku' in request ? request.sku : undefined;
    if (sku === undefined) return;
    const { seq } = outcome.version as GetReply['version'];
    this.#history.writes.push({ through: by, region, sku, turn, seq });
  }

  /** A look at another region, sent once: what it shows, and what is not answered, is the other region's or nobody's. */
  #lookFrom(request: ItemRequest & { op: 'get' }, index: number): void {
    const { addresses, trace } = this.#world;
    const { sku, region } = request;
    this.looks += 1;
    this.#world.request(this.#client(), addresses[index] as string, request, (outcome, told) => {
      if (outcome.ok) this.#noteShown(outcome as GetReply, told);
      else trace.add(`get ${sku} of ${region} at ${told.by} ${outcome.code}`);
      if (!outcome.ok && outcome.code === 'NOT_FOUND')
        this.#history.reads.push({ ...told, region, sku, view: undefined });
    });
  }

  /** A look at all skus of all regions. */
  #query(): void {
    const { addresses } = this.#world;
    const skus = [...this.#options.skus, ...this.#options.pooled];
    const index = this.#anyAlive(this.#random.pick(this.#regions));
    const request: ItemRequest = { op: 'query', skus, regions: this.#regions };
    this.looks += 1;
    this.#world.request(this.#client(), addresses[index] as string, request, (outcome, told) => {
      if (!outcome.ok) return;
      for (const view of (outcome as QueryReply).positions) {
        // What came from others is all of one answer, which waited for the slowest.
        if (view.region !== this.#options.regionOf[index]) this.#noteShown(view, { ...told, isAtOnce: false });
        else this.#history.of(view.region).shown.push({ by: told.by, at: told.at, view });
      }
    });
  }

  #noteShown(view: AvailabilityView, told: Told): void {
    const { sku, region, version, ageMs } = view;
    this.#world.trace.add(`get ${sku} of ${region} at ${told.by} ${version.epoch}/${version.seq} age ${ageMs}`);
    this.#history.reads.push({ ...told, region, sku, view });
    this.#history.of(region).shown.push({ by: told.by, at: told.at, view });
  }

  #client(): string {
    return `c${this.#random.int(1, this.#options.clients)}`;
  }

  /** @param far the share sent to workers of another region */
  #anyAlive(region: string, far = this.#options.far): number {
    const { addresses, alive } = this.#world;
    const isFar = this.#random.chance(far);
    const fits = (address: string): boolean =>
      (this.#options.regionOf[addresses.indexOf(address)] === region) !== isFar;
    const among = [alive.filter(fits), addresses.filter(fits)].find((some) => some.length > 0);
    return addresses.indexOf(this.#random.pick(among ?? addresses));
  }

  #draw(sku: string, region: string): ItemRequest {
    const dice = this.#random.unit();
    if (dice < 0.12) {
      const adjust = this.#adjust(sku, region, this.#random.pick(NODES));
      if (this.#random.chance(0.3)) return { ...adjust, onHand: this.#random.int(0, 30) };
      return { ...adjust, delta: this.#random.chance(0.7) ? this.#random.int(1, 20) : -this.#random.int(1, 5) };
    }
    if (dice < 0.15) return this.#configure(sku, region);
    return dice < 0.55 ? this.#reserve(sku, region) : this.#settle(sku, region);
  }

  #drawPooled(sku: string, region: string): ItemRequest {
    const dice = this.#random.unit();
    if (dice < 0.1) {
      const adjust = this.#adjust(sku, region, POOL_NODE);
      return { ...adjust, delta: this.#random.chance(0.6) ? this.#random.int(1, 20) : -this.#random.int(1, 8) };
    }
    if (dice < 0.22) {
      const to = this.#random.pick(this.#regions.filter((other) => other !== region));
      return { op: 'transfer', sku, region, to, qty: this.#random.int(1, 12), requestId: this.#requestId() };
    }
    if (dice < 0.24) return { op: 'pool', sku, region, regions: this.#regions, requestId: this.#requestId() };
    return dice < 0.7 ? this.#reserve(sku, region) : this.#settle(sku, region);
  }

  /** Goes on with a reservation, mostly one of the last few; makes one where there is none. */
  #settle(sku: string, region: string): ItemRequest {
    const { length } = this.#held;
    const back = Math.min(length - 1, Math.floor(this.#random.exponential(8)));
    const reservationId = this.#held[length - 1 - back];
    const ref = reservationId === undefined ? undefined : parseReservationId(reservationId);
    if (reservationId === undefined || ref === undefined) return this.#reserve(sku, region);
    const on = { reservationId, ref, requestId: this.#requestId() };
    const dice = this.#random.unit();
    if (dice < 0.4)
      return {
        op: 'commit',
        ...on,
        qty: this.#random.chance(0.2) ? 1 : undefined,
        orderId: undefined,
        order: undefined,
      };
    if (dice < 0.7) return { op: 'release', ...on, order: undefined };
    if (dice < 0.95) return { op: 'ship', ...on, qty: undefined, toStock: false };
    return { op: 'extend', ...on, ttlMs: this.#random.int(1_000, 10_000) };
  }

  #pool(sku: string, region: string): void {
    this.#ask({ op: 'pool', sku, region, regions: this.#regions, requestId: this.#requestId() });
  }

  #mint(sku: string, region: string): void {
    this.#ask({ ...this.#adjust(sku, region, POOL_NODE), delta: this.#random.int(5, 60) });
  }

  #reserve(sku: string, region: string): ReserveRequest {
    return {
      op: 'reserve',
      sku,
      region,
      qty: this.#random.int(1, 4),
      ttlMs: this.#random.chance(this.#options.short) ? this.#random.int(1_000, 6_000) : 600_000,
      owner: this.#random.chance(0.3) ? `owner-${this.#random.int(1, 6)}` : undefined,
      node: undefined,
      channel: undefined,
      allowPartial: this.#random.chance(0.2),
      order: undefined,
      requestId: this.#requestId(),
    };
  }

  #adjust(sku: string, region: string, node: string): ItemRequest & { op: 'adjust' } {
    const requestId = this.#requestId();
    return { op: 'adjust', sku, region, node, delta: undefined, onHand: undefined, reason: 'sim', requestId };
  }

  #configure(sku: string, region: string): ItemRequest {
    return {
      op: 'configure',
      sku,
      region,
      node: this.#random.pick(NODES),
      safetyStock: this.#random.chance(0.5) ? this.#random.int(0, 3) : undefined,
      backorderLimit: this.#random.int(0, 4),
      channelBuffers: undefined,
      limitPerOwner: undefined,
      requestId: this.#requestId(),
    };
  }

  #requestId(): string {
    this.#made += 1;
    return `r${this.#made}`;
  }
}

function regionOf(request: ItemRequest): string {
  return 'ref' in request ? request.ref.region : (('region' in request ? request.region : undefined) ?? '');
}

function idOf(request: ItemRequest): string {
  return `${request.op} ${'requestId' in request ? request.requestId : ''}`;
}
