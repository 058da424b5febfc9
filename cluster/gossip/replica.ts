// All that one worker knows of the availability in all regions: what it owns, and what it has heard. Pure: time is an
// argument, and what is to be sent is returned. SPEC.md has the protocol.
import { AGES_MAX, type GossipOptions, SKUS_MAX, VALUE_BYTES_MAX } from './limits.ts';
import {
  ANSWER_BYTES_MIN,
  type Answer,
  BadGossip,
  type Delta,
  decodeAnswer,
  decodeDigest,
  deltaBytesMax,
  directoryBytesMax,
  encodeAnswer,
  encodeDigest,
  type Item,
  itemBytesMax,
  type PartitionsOfAge,
  type RegionAnswer,
  type RegionWorkers,
  regionBytesMax,
  type Stamp,
} from './messages.ts';
import { Registers } from './registers.ts';
import { Skus } from './skus.ts';

/** A sku's availability as its owner has it, durable. */
export interface Published {
  readonly sku: string;
  readonly epoch: number;
  readonly seq: number;
  readonly value: Uint8Array;
}

/** What an answer changed. */
export interface Changed {
  readonly region: string;
  readonly sku: string;
}

export interface Known {
  readonly epoch: number;
  readonly seq: number;
  readonly value: Uint8Array;
  /** What the owner changed longer ago than this is in the value, ms. */
  readonly ageMs: number;
}

export interface Coverage {
  /** All skus of the partition are known: one that is not does not exist. */
  readonly complete: boolean;
  readonly ageMs: number;
  /** The worker that owns the partition, as far as is known. */
  readonly holder: string | undefined;
}

interface PartitionState {
  isOwn: boolean;
  epoch: number;
  /** All that was stamped up to here in the epoch is held. */
  n: number;
  /**
   * That is part of what the owner had told by this stamp: what it changed again by then is held in no state. Greater than n
   * while a limit has cut what was heard.
   */
  of: number;
  completeAt: number | undefined;
  /** What its owner changed before this is held, by this worker's monotonic clock, ms. */
  asOf: number;
  holder: string;
  /** Some of its skus are not kept: there were too many. */
  isLossy: boolean;
}

interface RegionState {
  directory: RegionWorkers;
  readonly partitions: readonly PartitionState[];
  readonly registers: Registers;
}

export class Replica {
  readonly #options: GossipOptions;
  readonly #skus: Skus;
  readonly #regions = new Map<string, RegionState>();
  /** Answers so far: where the next begins, so that what a cap cuts is first another time. */
  #turn = 0;

  constructor(options: GossipOptions) {
    this.#options = options;
    this.#skus = new Skus(options.skusMax ?? SKUS_MAX);
  }

  // What this worker owns.

  /** This worker owns a partition of its region under an epoch that no other owner has: publish() all its skus, then complete(). */
  own(partition: number, epoch: number): void {
    const { state, at } = this.#own(partition);
    // A later owner was heard of: this one does not know yet that it is none.
    if (epoch < at.epoch) return;
    if (epoch > at.epoch) beginEpoch(state, partition, at, epoch);
    at.isOwn = true;
    at.completeAt = undefined;
    at.holder = this.#options.worker;
  }

  /** The latest durable state of a sku of an own partition; what is not later than what was told changes nothing. */
  publish(partition: number, { sku, epoch, seq, value }: Published): void {
    const { state, at } = this.#own(partition);
    if (!at.isOwn) return;
    if (value.length > VALUE_BYTES_MAX) throw new RangeError(`${value.length} bytes for ${sku}`);
    const id = this.#skus.intern(sku);
    if (id < 0) {
      at.isLossy = true;
      return;
    }
    const isLater = state.registers.isLater(id, epoch, seq);
    if (isLater) state.registers.set(id, epoch, seq, value);
    else if (state.registers.stamp(id) > 0) return;
    at.n += 1;
    state.registers.restamp(id, partition, at.n);
  }

  /** All skus of an own partition have been published. */
  complete(partition: number): void {
    const { at } = this.#own(partition);
    if (at.isOwn) at.completeAt ??= at.n;
  }

  /** Another worker owns the partition: it is heard of like any other. */
  disown(partition: number): void {
    this.#own(partition).at.isOwn = false;
  }

  #own(partition: number): { state: RegionState; at: PartitionState } {
    const { region } = this.#options;
    const state = this.#regions.get(region);
    const at = state?.partitions[partition];
    if (state === undefined || at === undefined)
      throw new RangeError(`partition ${partition} of ${region} is not known`);
    return { state, at };
  }

  // Directories.

  /** What a region tells of its workers; the own region's comes first of all. @throws RangeError for another count of partitions */
  workers(of: RegionWorkers): void {
    const known = this.#regions.get(of.region);
    if (known === undefined) {
      const partitions = Array.from({ length: of.partitions }, newPartition);
      this.#regions.set(of.region, { directory: of, partitions, registers: new Registers(of.partitions) });
      return;
    }
    if (known.directory.partitions !== of.partitions) {
      throw new RangeError(`${of.region} has ${known.directory.partitions} partitions, not ${of.partitions}`);
    }
    if (of.version > known.directory.version) known.directory = of;
  }

  directory(): readonly RegionWorkers[] {
    return [...this.#regions.values()].map(({ directory }) => directory);
  }

  // The exchange.

  /** What to ask a peer with: for all regions, or only for some of them. */
  digest(regions: readonly string[] = [...this.#regions.keys()]): Uint8Array {
    return encodeDigest({
      directories: this.directory().map(({ region, version }) => [region, version] as const),
      regions: regions.flatMap((region) => {
        const state = this.#regions.get(region);
        return state === undefined ? [] : [{ region, stamps: state.partitions.map(stampOf) }];
      }),
    });
  }

  /**
   * What to answer to a digest, no longer than answerBytesMax.
   * @param now monotonic, ms
   * @throws BadGossip
   */
  answer(digest: Uint8Array, now: number): Uint8Array {
    const { directories, regions } = decodeDigest(digest);
    const versions = new Map(directories);
    const room = new Room(this.#options.answerBytesMax - ANSWER_BYTES_MIN);
    this.#turn += 1;
    const newer = this.directory().filter((told) => {
      const version = versions.get(told.region);
      return (version === undefined || version < told.version) && room.take(directoryBytesMax(told));
    });
    const answers: RegionAnswer[] = [];
    for (let i = 0; i < regions.length; i++) {
      const asked = regions[(this.#turn + i) % regions.length];
      const state = asked && this.#regions.get(asked.region);
      if (state === undefined || asked === undefined || asked.stamps.length !== state.partitions.length) continue;
      if (room.take(regionBytesMax(state.partitions.length)))
        answers.push(this.#answerOf(state, asked.stamps, room, now));
    }
    return encodeAnswer({ directories: newer, regions: answers });
  }

  #answerOf(state: RegionState, stamps: readonly Stamp[], room: Room, now: number): RegionAnswer {
    const deltas: Delta[] = [];
    const byAge = new Map<number, number[]>();
    const { length } = stamps;
    for (let i = 0; i < length; i++) {
      const partition = (this.#turn * 31 + i) % length;
      const here = state.partitions[partition] as PartitionState;
      const there = stamps[partition] as Stamp;
      // What is known here from an epoch before may not be known to the reader: only a whole epoch has an age to tell.
      const ageMs = isComplete(here) && isWhole(here) ? ageOf(here, now) : undefined;
      if (here.epoch === 0 || here.epoch < there.epoch || (here.isLossy && !here.isOwn)) {
        // Nothing is known here that the reader has not.
      } else if (here.epoch === there.epoch && here.n <= there.n && (there.isComplete || !isComplete(here))) {
        if (ageMs === undefined) continue;
        const same = byAge.get(ageMs);
        if (same === undefined) byAge.set(ageMs, [partition]);
        else same.push(partition);
      } else {
        const delta = this.#deltaOf(state, partition, here.epoch === there.epoch ? there.n : 0, room, ageMs);
        if (delta !== undefined) deltas.push(delta);
      }
    }
    return { region: state.directory.region, deltas, ages: fewAges(byAge) };
  }

  /** Undefined: there is no room for any of it. */
  #deltaOf(
    { partitions, registers }: RegionState,
    partition: number,
    from: number,
    room: Room,
    ageMs: number | undefined,
  ): Delta | undefined {
    const here = partitions[partition] as PartitionState;
    const { epoch, n, holder } = here;
    const greatest = Math.max(n, from, here.of, here.completeAt ?? 0);
    if (!room.take(deltaBytesMax(partition, epoch, greatest, holder))) return undefined;
    const ids = registers.after(partition, from);
    const items: Item[] = [];
    for (const id of ids) {
      const item: Item = [
        registers.stamp(id),
        this.#skus.name(id),
        registers.epoch(id),
        registers.seq(id),
        registers.value(id),
      ];
      if (!room.take(itemBytesMax(item))) break;
      items.push(item);
    }
    const isAll = items.length === ids.length;
    const to = isAll ? Math.max(n, from) : (items.at(-1)?.[0] ?? from);
    const of = Math.max(n, here.of);
    const completeAt = isAll && isWhole(here) && isComplete(here) ? here.completeAt : undefined;
    return { partition, epoch, from, to, of, completeAt, ageMs: isAll ? wholeMs(ageMs) : undefined, holder, items };
  }

  /**
   * Takes in the answer to a digest of this worker's; one that is late, or comes twice, does no harm.
   * @param askedAt monotonic, before the digest was sent, ms
   * @throws BadGossip, and nothing has changed
   */
  absorb(answer: Uint8Array, askedAt: number): readonly Changed[] {
    const told = decodeAnswer(answer);
    this.#check(told);
    for (const directory of told.directories) this.workers(directory);
    const changes: Changed[] = [];
    for (const { region, deltas, ages } of told.regions) {
      const state = this.#regions.get(region);
      if (state === undefined) continue;
      for (const delta of deltas) this.#take(state, delta, askedAt, changes);
      for (const [ageMs, partitions] of ages) {
        for (const partition of partitions) {
          const at = state.partitions[partition] as PartitionState;
          if (isWhole(at)) at.asOf = Math.max(at.asOf, askedAt - ageMs);
        }
      }
    }
    return changes;
  }

  #check({ directories, regions }: Answer): void {
    const counts = new Map([...this.#regions].map(([region, { partitions }]) => [region, partitions.length]));
    for (const { region, partitions } of directories) {
      if ((counts.get(region) ?? partitions) !== partitions) throw new BadGossip(`${region} with other partitions`);
      counts.set(region, partitions);
    }
    for (const { region, deltas, ages } of regions) {
      const count = counts.get(region);
      if (count === undefined) continue;
      for (const partition of ages.flatMap(([, partitions]) => partitions)) {
        if (partition >= count) throw new BadGossip(`partition ${partition} of ${count}`);
      }
      for (const { partition, items } of deltas) {
        if (partition >= count) throw new BadGossip(`partition ${partition} of ${count}`);
        for (const [, sku] of items) {
          if (this.#options.partitionOf(sku, count) !== partition)
            throw new BadGossip(`${sku} in partition ${partition}`);
        }
      }
    }
  }

  #take(state: RegionState, delta: Delta, askedAt: number, changes: Changed[]): void {
    const { partition, epoch, from, to, of, completeAt, ageMs, holder, items } = delta;
    const at = state.partitions[partition] as PartitionState;
    if (epoch < at.epoch || (at.isOwn && epoch === at.epoch)) return;
    if (epoch > at.epoch) {
      if (from > 0) return;
      beginEpoch(state, partition, at, epoch);
      at.isOwn = false;
    }
    // What lies between is not here: this answers a digest of another epoch's.
    if (from > at.n) return;
    const { registers, directory } = state;
    for (const [stamp, sku, itemEpoch, seq, value] of items) {
      if (stamp <= at.n) continue;
      const id = this.#skus.intern(sku);
      if (id < 0) {
        at.isLossy = true;
        continue;
      }
      if (registers.isLater(id, itemEpoch, seq)) {
        registers.set(id, itemEpoch, seq, value);
        changes.push({ region: directory.region, sku });
      }
      registers.restamp(id, partition, stamp);
    }
    // One who has heard less than what this reader's part is of has nothing to say of the rest.
    const isAll = of <= to && at.of <= to;
    at.n = Math.max(at.n, to);
    at.of = Math.max(at.of, of);
    at.holder = holder;
    if (!isAll) return;
    at.completeAt ??= completeAt;
    if (ageMs !== undefined) at.asOf = Math.max(at.asOf, askedAt - ageMs);
  }

  // What is known.

  /** Undefined: nothing is known of the sku there. */
  get(region: string, sku: string, now: number): Known | undefined {
    const state = this.#regions.get(region);
    const id = this.#skus.find(sku);
    if (state === undefined || !state.registers.has(id)) return undefined;
    const { registers } = state;
    const ageMs = this.#ageMs(this.#at(state, sku), now);
    return { epoch: registers.epoch(id), seq: registers.seq(id), value: registers.value(id), ageMs };
  }

  /** How well the partition of a sku is known. */
  covers(region: string, sku: string, now: number): Coverage {
    const state = this.#regions.get(region);
    if (state === undefined) return { complete: false, ageMs: Number.POSITIVE_INFINITY, holder: undefined };
    const at = this.#at(state, sku);
    const holder = at.holder === '' ? undefined : at.holder;
    return { complete: isComplete(at), ageMs: this.#ageMs(at, now), holder };
  }

  #at({ partitions }: RegionState, sku: string): PartitionState {
    return partitions[this.#options.partitionOf(sku, partitions.length)] as PartitionState;
  }

  #ageMs(at: PartitionState, now: number): number {
    return ageOf(at, now) ?? Number.POSITIVE_INFINITY;
  }

  /** How old what is known of a region is at most, ms; Infinity before all of it has been heard. */
  staleness(region: string, now: number): number {
    const state = this.#regions.get(region);
    if (state === undefined) return Number.POSITIVE_INFINITY;
    let oldest = 0;
    for (const at of state.partitions) {
      oldest = Math.max(oldest, isComplete(at) ? this.#ageMs(at, now) : Number.POSITIVE_INFINITY);
    }
    return oldest;
  }

  figures(): { readonly registers: number; readonly bytes: number } {
    const all = [...this.#regions.values()].map(({ registers }) => registers);
    return {
      registers: all.reduce((sum, { count }) => sum + count, 0),
      bytes: all.reduce((sum, { valueBytes }) => sum + valueBytes, 0),
    };
  }
}

/**
 * At most AGES_MAX of them. What the answerer owns, which is of no age, stays apart: told with the age of what it has only
 * heard, two workers that each own a part would never be renewed at a third.
 */
function fewAges(byAge: ReadonlyMap<number, readonly number[]>): PartitionsOfAge[] {
  const ages = [...byAge].sort(([a], [b]) => a - b);
  if (ages.length <= AGES_MAX) return ages;
  const groups = ages[0]?.[0] === 0 ? [ages.shift() as PartitionsOfAge] : [];
  const size = Math.ceil(ages.length / (AGES_MAX - 1));
  for (let from = 0; from < ages.length; from += size) {
    const some = ages.slice(from, from + size);
    groups.push([some.at(-1)?.[0] as number, some.flatMap(([, partitions]) => partitions)]);
  }
  return groups;
}

/** What is left of an answer's bytes. */
class Room {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#bytes) return false;
    this.#bytes -= bytes;
    return true;
  }
}

function newPartition(): PartitionState {
  const asOf = Number.NEGATIVE_INFINITY;
  return { isOwn: false, epoch: 0, n: 0, of: 0, completeAt: undefined, asOf, holder: '', isLossy: false };
}

function beginEpoch({ registers }: RegionState, partition: number, at: PartitionState, epoch: number): void {
  at.epoch = epoch;
  at.n = 0;
  at.of = 0;
  at.completeAt = undefined;
  at.isLossy = false;
  registers.unstampAll(partition);
}

function isComplete({ completeAt, n, isLossy }: PartitionState): boolean {
  return completeAt !== undefined && n >= completeAt && !isLossy;
}

/** Nothing of what the owner had told by some stamp is missing. */
function isWhole({ n, of }: PartitionState): boolean {
  return of <= n;
}

function stampOf(at: PartitionState): Stamp {
  return { epoch: at.epoch, n: at.n, isComplete: isComplete(at) };
}

/** Undefined: it was never known as a whole. */
function ageOf(at: PartitionState, now: number): number | undefined {
  if (at.isOwn) return isComplete(at) ? 0 : undefined;
  return at.asOf === Number.NEGATIVE_INFINITY ? undefined : wholeMs(Math.max(0, now - at.asOf));
}

/** An age is never said to be less than it is. */
function wholeMs(ms: number): number;
function wholeMs(ms: number | undefined): number | undefined;
function wholeMs(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms);
}
