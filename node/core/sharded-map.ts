// A map that never rehashes millions of entries at once and knows no limit of 2^24: beyond a few thousand keys it
// becomes many maps. Iteration order is a function of the insertions alone.
import { codeUnitAt } from '../../protocol/code-units.ts';

const SHARDS = 4096;
/** Up to this size one map does; moving so many keys takes well under a millisecond. */
const SINGLE_MAX = 4096;

interface Walk<K, V> {
  readonly visit: (value: V, key: K) => void;
  /** 1 for each shard that was shown. */
  readonly shown: Uint8Array;
  next: number;
}

export class ShardedMap<K extends string | number, V> {
  size = 0;
  private shards: (Map<K, V> | undefined)[] = [new Map()];
  private walk: Walk<K, V> | undefined;

  get(key: K): V | undefined {
    return this.shards[this.shardOf(key)]?.get(key);
  }

  set(key: K, value: V): void {
    if (this.size === SINGLE_MAX && this.shards.length === 1) this.scatter();
    const index = this.shardOf(key);
    if (this.walk !== undefined) this.show(index);
    let shard = this.shards[index];
    if (shard === undefined) {
      shard = new Map();
      this.shards[index] = shard;
    }
    const before = shard.size;
    shard.set(key, value);
    this.size += shard.size - before;
  }

  delete(key: K): void {
    const index = this.shardOf(key);
    if (this.walk !== undefined) this.show(index);
    if (this.shards[index]?.delete(key)) this.size -= 1;
  }

  each(visit: (value: V, key: K) => void): void {
    for (const shard of this.shards) shard?.forEach(visit);
  }

  /**
   * Begins a walk over the entries as they are now, to be taken on in turns by walkOn while the map is being changed.
   * Up to SINGLE_MAX entries are visited at once, in order; of more, those of one shard in order, the shards in none,
   * which is all that a map filled in this order needs to have the iteration order of this one.
   */
  beginWalk(visit: (value: V, key: K) => void): void {
    if (this.walk !== undefined) throw new Error('this map is being walked already');
    if (this.size <= SINGLE_MAX) this.each(visit);
    else this.walk = { visit, shown: new Uint8Array(SHARDS), next: 0 };
  }

  /** Takes the walk on by about `most` entries; returns how many it came past, fewer only at its end. */
  walkOn(most: number): number {
    let passed = 0;
    while (passed < most && this.walk !== undefined) {
      passed += 1 + (this.shards[this.walk.next]?.size ?? 0);
      this.show(this.walk.next);
      this.walk.next += 1;
      if (this.walk.next === SHARDS) this.endWalk();
    }
    return passed;
  }

  /** Ends the walk, wherever it is; harmless when there is none. */
  endWalk(): void {
    this.walk = undefined;
  }

  /** Shows a shard to the walk before it changes. */
  private show(index: number): void {
    if (this.walk === undefined || this.walk.shown[index] === 1) return;
    this.walk.shown[index] = 1;
    this.shards[index]?.forEach(this.walk.visit);
  }

  private scatter(): void {
    const single = this.shards[0] as Map<K, V>;
    this.shards = new Array(SHARDS).fill(undefined);
    this.size = 0;
    single.forEach((value, key) => {
      this.set(key, value);
    });
  }

  private shardOf(key: K): number {
    if (this.shards.length === 1) return 0;
    if (typeof key === 'number') return key % SHARDS;
    let h = 0;
    const { length } = key;
    for (let i = 0; i < length; i++) h = Math.imul(h ^ codeUnitAt(key, i), 2654435761) ^ (h >>> 15);
    return (h ^ (h >>> 12)) & (SHARDS - 1);
  }
}
