// A map that never rehashes millions of entries at once and knows no limit of 2^24: beyond a few thousand keys it
// becomes many maps. Iteration order is a function of the insertions alone.

const SHARDS = 4096;
/** Up to this size one map does; moving so many keys takes well under a millisecond. */
const SINGLE_MAX = 4096;

export class ShardedMap<K extends string | number, V> {
  size = 0;
  private shards: (Map<K, V> | undefined)[] = [new Map()];

  get(key: K): V | undefined {
    return this.shards[this.shardOf(key)]?.get(key);
  }

  set(key: K, value: V): void {
    if (this.size === SINGLE_MAX && this.shards.length === 1) this.scatter();
    const index = this.shardOf(key);
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
    if (this.shards[this.shardOf(key)]?.delete(key)) this.size -= 1;
  }

  each(visit: (value: V, key: K) => void): void {
    for (const shard of this.shards) shard?.forEach(visit);
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
    for (let i = 0; i < key.length; i++) h = Math.imul(h ^ key.charCodeAt(i), 2654435761) ^ (h >>> 15);
    return (h ^ (h >>> 12)) & (SHARDS - 1);
  }
}
