// Looks after one region's rights in one pool: takes in rows, answers asks, asks others before the shelf is empty, and
// repeats what was not acknowledged. Its own memory is hints alone: a crash may lose all of it. Pure: time is an
// argument, and what is to be sent is returned.
//
// The order that makes it safe (I6):  events journaled → durable → rows sent.
import { POOL_REGIONS_MAX } from '../../protocol/limits.ts';
import { decide, isRefusal, type PoolCommand, type PoolRefusal } from './decide.ts';
import type { PoolEvent } from './evolve.ts';
import { POOL_DEFAULTS, type PoolOptions } from './limits.ts';
import type { PoolRow } from './messages.ts';
import { type Demand, demandAfter, fairGift, giftOf, marks, NO_DEMAND, type Standing, weightOf } from './policy.ts';
import { accountOf, type PoolPosition, type PoolState, rightsOf } from './state.ts';

/** What the steward may read, and when. `now` is in ms and the same clock in all calls. */
export interface PoolContext {
  readonly pool: PoolState;
  readonly position: PoolPosition;
  readonly now: number;
  /** The actor's version, which orders its rows: never the same epoch with a lower seq. */
  readonly epoch: number;
  /** The actor's events so far, read anew for each row. */
  readonly seq: () => number;
  /** Carries an event out: evolve, then all that must hold is asserted. What it throws stops the actor. */
  readonly apply: (event: PoolEvent) => void;
}

/** `events` have been applied already; `rows` may leave once they, and all before them, are durable. */
export interface PoolDecision {
  readonly events: readonly PoolEvent[];
  readonly rows: readonly PoolRow[];
  readonly refusal: PoolRefusal | undefined;
}

/** What is remembered of another region: nothing here is needed for safety. */
interface Peer {
  readonly region: string;
  rights: number;
  weight: number;
  epoch: number;
  seq: number;
  heard: boolean;
  /** The most of R[here][region] that it has acknowledged. */
  seen: number;
  /** What it was told last, and when. */
  toldRights: number;
  toldWeight: number;
  toldAt: number;
  heardAt: number;
  /** Not asked before this time. */
  pausedUntil: number;
  pauseMs: number;
}

/** What another region last said, for people to look at. */
export interface PoolHint {
  readonly region: string;
  /** Rights that it held, units. */
  readonly rights: number;
  /** Given to it from here and not acknowledged, units. */
  readonly inFlight: number;
  /** How long ago it was heard from, ms. */
  readonly heardMsAgo: number;
}

interface OpenAsk {
  readonly no: number;
  readonly peer: Peer;
  readonly until: number;
}

/** Weights that differ by no more than this factor are not worth a message. */
const WEIGHT_CHANGE = 1.5;

export class Steward {
  readonly #sku: string;
  readonly #options: PoolOptions;
  readonly #peers: readonly Peer[];
  #demand: Demand = NO_DEMAND;
  #need = 0;
  #needUntil = 0;
  #asking: OpenAsk | undefined;
  #askNo = 0;

  /** @param regions the other regions that sell the pool, at most POOL_REGIONS_MAX − 1 */
  constructor(sku: string, regions: readonly string[], options: PoolOptions = POOL_DEFAULTS) {
    if (regions.length >= POOL_REGIONS_MAX) throw new RangeError(`${regions.length} other regions sell ${sku}`);
    this.#sku = sku;
    this.#options = options;
    this.#peers = [...regions].sort().map((region) => newPeer(region, options));
  }

  /**
   * Told after each attempt to reserve in the region: `asked` units of which `granted` were reserved. What was refused
   * counts as demand too, and is asked for at once.
   */
  spent(ctx: PoolContext, asked: number, granted: number): PoolDecision {
    const { demandHalfLifeMs, needUnitsMax, needTtlMs } = this.#options;
    const rows: PoolRow[] = [];
    const refused = asked - granted;
    const wanted = granted + Math.min(refused, needUnitsMax);
    this.#demand = demandAfter(this.#demand, wanted, ctx.now, demandHalfLifeMs);
    if (refused > 0 && refused <= needUnitsMax) {
      this.#need = Math.min(needUnitsMax, this.#liveNeed(ctx) + refused);
      this.#needUntil = ctx.now + needTtlMs;
    }
    this.#askIfLow(ctx, rows);
    return { events: [], rows, refusal: undefined };
  }

  /** Told after rights were given to a region on a person's word. */
  gave(ctx: PoolContext, to: string): PoolDecision {
    const peer = this.#peer(to);
    return { events: [], rows: peer === undefined ? [] : [this.#row(ctx, peer)], refusal: undefined };
  }

  /**
   * A row arrived. One from a region that does not sell the pool, or for another, is refused and changes nothing. One that
   * is on the list no more may still give what it holds, and is given nothing: units would be stranded otherwise.
   */
  receive(ctx: PoolContext, row: PoolRow): PoolDecision {
    const events: PoolEvent[] = [];
    const rows: PoolRow[] = [];
    const member = this.#peer(row.from);
    const isFormer = member === undefined && (row.given > 0 || accountOf(ctx.pool, row.from) !== undefined);
    const peer = isFormer ? newPeer(row.from, this.#options) : member;
    if (peer === undefined || row.sku !== this.#sku) {
      const message = `${row.from} does not sell the pool of ${this.#sku} with ${ctx.pool.region}`;
      return { events, rows, refusal: { code: 'BAD_REQUEST', message, available: rightsOf(ctx.position) } };
    }
    const refusal = carryOut(ctx, { op: 'learn', row }, events);
    if (refusal !== undefined) return { events, rows, refusal };
    const credited = events.some((event) => event.type === 'credited');
    this.#hear(ctx, peer, row, credited);
    if (!isFormer && (row.want > 0 || row.need > 0)) this.#give(ctx, peer, row, events);
    if (row.askNo !== 0) rows.push(this.#row(ctx, peer, { answerNo: row.askNo }));
    else if (credited) rows.push(this.#row(ctx, peer));
    this.#askIfLow(ctx, rows);
    return { events, rows, refusal: undefined };
  }

  /** To be called now and then, every heartbeatMs while the pool is in use: repeats, tells, and asks. */
  tick(ctx: PoolContext): PoolDecision {
    const rows: PoolRow[] = [];
    this.#askIfLow(ctx, rows);
    const self = this.#standing(ctx);
    for (const peer of this.#peers) {
      if (ctx.now - peer.toldAt < this.#options.heartbeatMs) continue;
      if (this.#isUnanswered(ctx, peer)) rows.push(this.#row(ctx, peer, { askNo: this.#nextNo() }));
      else if (hasChanged(peer, self)) rows.push(this.#row(ctx, peer));
    }
    return { events: [], rows, refusal: undefined };
  }

  /**
   * Whether ticks would come to nothing until something happens here or a row arrives: all that there is to tell was told,
   * all that was given is acknowledged, nothing is wanted, and the demand has faded.
   */
  isQuiet(ctx: PoolContext): boolean {
    if (this.#asking !== undefined || this.#shortage(ctx) > 0) return false;
    const self = this.#standing(ctx);
    if (self.weight !== weightOf(NO_DEMAND, ctx.now, this.#options)) return false;
    const isLow = self.rights < marks(self, this.#peers).low;
    return this.#peers.every(
      (peer) => !this.#isUnanswered(ctx, peer) && !hasChanged(peer, self) && !(isLow && fairGift(peer, self) > 0),
    );
  }

  /** The regions that were heard from. */
  hints(ctx: PoolContext): PoolHint[] {
    return this.#peers
      .filter(({ heard }) => heard)
      .map((peer) => ({
        region: peer.region,
        rights: peer.rights,
        inFlight: Math.max(0, this.#unacknowledged(ctx, peer)),
        heardMsAgo: Math.max(0, Math.round(ctx.now - peer.heardAt)),
      }));
  }

  #peer(region: string): Peer | undefined {
    return this.#peers.find((peer) => peer.region === region);
  }

  #hear(ctx: PoolContext, peer: Peer, row: PoolRow, credited: boolean): void {
    peer.heard = true;
    peer.heardAt = ctx.now;
    peer.seen = Math.max(peer.seen, row.seen);
    if (row.epoch > peer.epoch || (row.epoch === peer.epoch && row.seq >= peer.seq)) {
      peer.epoch = row.epoch;
      peer.seq = row.seq;
      peer.rights = row.rights;
      peer.weight = Math.max(1, row.weight);
    }
    const answered = row.answerNo !== 0 && this.#asking?.peer === peer && this.#asking.no === row.answerNo;
    if (answered) this.#asking = undefined;
    if (credited) this.#resume(peer);
    else if (answered) this.#pause(ctx, peer);
    // A word that nobody asked for tells of a change. Asks and answers do not count: two empty regions exchange those.
    else if (row.askNo === 0 && row.answerNo === 0) this.#resume(peer);
  }

  #pause(ctx: PoolContext, peer: Peer): void {
    const { pauseMs, pauseMaxMs } = this.#options;
    peer.pauseMs = Math.min(pauseMaxMs, Math.max(pauseMs, peer.pauseMs * 2));
    peer.pausedUntil = ctx.now + peer.pauseMs;
  }

  #resume(peer: Peer): void {
    peer.pauseMs = 0;
    peer.pausedUntil = 0;
  }

  /** One transfer at a time to each region: no more than that is stranded when the way to it is cut. */
  #give(ctx: PoolContext, peer: Peer, row: PoolRow, events: PoolEvent[]): void {
    if (this.#unacknowledged(ctx, peer) > 0) return;
    const donor = { ...this.#standing(ctx), region: ctx.pool.region, need: this.#shortage(ctx) };
    const { rights, weight, want, need } = row;
    const qty = giftOf(donor, { region: peer.region, rights, weight: Math.max(1, weight), want, need });
    if (qty > 0) carryOut(ctx, { op: 'transfer', to: peer.region, qty }, events);
  }

  #isUnanswered(ctx: PoolContext, peer: Peer): boolean {
    return !peer.heard || this.#unacknowledged(ctx, peer) > 0;
  }

  #unacknowledged(ctx: PoolContext, peer: Peer): number {
    return (accountOf(ctx.pool, peer.region)?.given ?? 0) - peer.seen;
  }

  #standing(ctx: PoolContext): Standing {
    return { rights: rightsOf(ctx.position), weight: weightOf(this.#demand, ctx.now, this.#options) };
  }

  #liveNeed(ctx: PoolContext): number {
    return ctx.now < this.#needUntil ? this.#need : 0;
  }

  /** Units that refused buyers want and that are not here. Once they are, the need is met. */
  #shortage(ctx: PoolContext): number {
    const shortage = this.#liveNeed(ctx) - rightsOf(ctx.position);
    if (shortage <= 0) this.#need = 0;
    return Math.max(0, shortage);
  }

  /** One ask at a time: its answer says more than a second guess would. */
  #askIfLow(ctx: PoolContext, rows: PoolRow[]): void {
    if (this.#asking !== undefined) {
      if (ctx.now < this.#asking.until) return;
      this.#pause(ctx, this.#asking.peer);
      this.#asking = undefined;
    }
    const need = this.#shortage(ctx);
    const self = this.#standing(ctx);
    const { low, high } = marks(self, this.#peers);
    if (need === 0 && self.rights >= low) return;
    const peer = need > 0 ? this.#likeliest(ctx) : this.#richest(ctx, self);
    if (peer === undefined) return;
    const no = this.#nextNo();
    this.#asking = { no, peer, until: ctx.now + this.#options.askTimeoutMs };
    rows.push(this.#row(ctx, peer, { askNo: no, want: Math.max(need, high - self.rights), need }));
  }

  /** Whom to ask for buyers who are waiting: the most rights known, then the never heard, then the known empty. */
  #likeliest(ctx: PoolContext): Peer | undefined {
    const rank = (peer: Peer): number => (peer.heard ? 2 * peer.rights : 1);
    return best(this.#peers, (peer) => (ctx.now < peer.pausedUntil ? Number.NaN : rank(peer)));
  }

  /** Whom to ask in good time: the one that has most beyond its own share, if any has. */
  #richest(ctx: PoolContext, self: Standing): Peer | undefined {
    return best(this.#peers, (peer) => (ctx.now < peer.pausedUntil ? Number.NaN : fairGift(peer, self) || Number.NaN));
  }

  #nextNo(): number {
    this.#askNo += 1;
    return this.#askNo;
  }

  #row(
    ctx: PoolContext,
    peer: Peer,
    about: Partial<Pick<PoolRow, 'askNo' | 'answerNo' | 'want' | 'need'>> = {},
  ): PoolRow {
    const { rights, weight } = this.#standing(ctx);
    const account = accountOf(ctx.pool, peer.region);
    peer.toldAt = ctx.now;
    peer.toldRights = rights;
    peer.toldWeight = weight;
    return {
      sku: this.#sku,
      from: ctx.pool.region,
      to: peer.region,
      given: account?.given ?? 0,
      seen: account?.taken ?? 0,
      rights,
      weight,
      epoch: ctx.epoch,
      seq: ctx.seq(),
      askNo: 0,
      answerNo: 0,
      want: 0,
      need: 0,
      ...about,
    };
  }
}

/** A region of which nothing is known yet. */
function newPeer(region: string, options: PoolOptions): Peer {
  return {
    region,
    rights: 0,
    weight: options.floatUnits,
    epoch: 0,
    seq: 0,
    heard: false,
    seen: 0,
    toldRights: 0,
    toldWeight: 0,
    toldAt: Number.NEGATIVE_INFINITY,
    heardAt: 0,
    pausedUntil: 0,
    pauseMs: 0,
  };
}

function carryOut(ctx: PoolContext, command: PoolCommand, events: PoolEvent[]): PoolRefusal | undefined {
  const verdict = decide(ctx.pool, ctx.position, command);
  if (isRefusal(verdict)) return verdict;
  for (const event of verdict) {
    ctx.apply(event);
    events.push(event);
  }
  return undefined;
}

/** Whether rights or weight are no longer what the peer was told. */
function hasChanged(peer: Peer, self: Standing): boolean {
  const { rights, weight } = self;
  if (rights !== peer.toldRights) return true;
  return Math.max(weight, peer.toldWeight) > WEIGHT_CHANGE * Math.min(weight, peer.toldWeight);
}

/** The peer of the greatest score, the first of equals; those whose score is NaN are left out. */
function best(peers: readonly Peer[], score: (peer: Peer) => number): Peer | undefined {
  let found: Peer | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const peer of peers) {
    const value = score(peer);
    if (value > most) {
      found = peer;
      most = value;
    }
  }
  return found;
}
