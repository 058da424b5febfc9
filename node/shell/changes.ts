// Which actors of a lane changed: what the next snapshots must write, and what a partition that is copied to another lane has changed
// since its copying began. Keys alone; it knows nothing of actors.

/** Keys that changed, by partition. */
type Changed = readonly Set<string>[];

/** What changed since the last round began, and in the interval before that. */
export interface SnapshotRound {
  readonly changed: readonly ReadonlySet<string>[];
  readonly before: readonly ReadonlySet<string>[];
}

/** What is asked of an actor. */
interface Changing {
  readonly sku: string;
  readonly partition: number;
  /** The snapshot round that last heard of a change of it. */
  changedIn: number;
}

export class Changes {
  readonly #partitions: number;
  /** Changed since the running or last snapshot round began, and in the round before that. */
  #changed: Changed;
  #before: Changed;
  #rounds = 0;
  /** Partitions that are being copied to another lane, and what has changed in each since its copying began. */
  readonly #copying = new Map<number, Set<string>>();

  constructor(partitions: number) {
    this.#partitions = partitions;
    this.#changed = none(partitions);
    this.#before = none(partitions);
  }

  /** Actors changed and not yet in the snapshot that will be written next. */
  get count(): number {
    let count = 0;
    for (let p = 0; p < this.#partitions; p++) count += setOf(this.#changed, p).size + setOf(this.#before, p).size;
    return count;
  }

  /** So many of them at least: some may have changed before the last round and since. */
  get atLeast(): number {
    let count = 0;
    for (let p = 0; p < this.#partitions; p++)
      count += Math.max(setOf(this.#changed, p).size, setOf(this.#before, p).size);
    return count;
  }

  /** To be called with each event: the next snapshot must write the actor. */
  note(actor: Changing): void {
    if (this.#copying.size > 0) this.#copying.get(actor.partition)?.add(actor.sku);
    if (actor.changedIn === this.#rounds) return;
    actor.changedIn = this.#rounds;
    this.mark(actor.sku, actor.partition);
  }

  /** As note, of a key whose actor may not be hot. */
  mark(key: string, partition: number): void {
    setOf(this.#changed, partition).add(key);
  }

  /** Whether it changed since the last round began. */
  has(key: string, partition: number): boolean {
    return setOf(this.#changed, partition).has(key);
  }

  /**
   * Begins a snapshot round. Two slots take turns, so a row is due in the round after its change and again in the
   * next.
   */
  beginRound(): SnapshotRound {
    const round = { changed: this.#changed, before: this.#before };
    this.#before = this.#changed;
    this.#changed = none(this.#partitions);
    this.#rounds += 1;
    return round;
  }

  /** After a round that failed: all it was to write is due again. */
  abandonRound(round: SnapshotRound): void {
    for (const keys of [round.changed, round.before]) {
      for (const [partition, of] of keys.entries()) for (const key of of) this.mark(key, partition);
    }
  }

  /** From now on the partition's changed keys are gathered, until `copied`. */
  beginCopying(partition: number): void {
    this.#copying.set(partition, new Set());
  }

  /** The keys changed since the last call. */
  whileCopying(partition: number): Set<string> {
    const changed = this.#copying.get(partition) ?? new Set();
    if (changed.size > 0) this.#copying.set(partition, new Set());
    return changed;
  }

  copied(partition: number): void {
    this.#copying.delete(partition);
  }

  dropPartition(partition: number): void {
    setOf(this.#changed, partition).clear();
    setOf(this.#before, partition).clear();
    this.#copying.delete(partition);
  }

  clear(): void {
    this.#changed = none(this.#partitions);
    this.#before = none(this.#partitions);
    this.#copying.clear();
  }
}

/** What a round must write, in the order of the store's keys: rows written in order cost a tenth of random ones. */
export function* dueIn(round: SnapshotRound): Generator<string, void, undefined> {
  for (const [partition, before] of round.before.entries()) {
    const due = new Set(before);
    for (const key of round.changed[partition] ?? []) due.add(key);
    yield* [...due].sort();
  }
}

export function isIn(changed: readonly ReadonlySet<string>[], partition: number, key: string): boolean {
  return changed[partition]?.has(key) === true;
}

function none(partitions: number): Changed {
  return Array.from({ length: partitions }, () => new Set<string>());
}

function setOf(changed: Changed, partition: number): Set<string> {
  return changed[partition] as Set<string>;
}
