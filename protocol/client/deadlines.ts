// Which of many things is due at a time. Adding and removing cost O(1) and leave nothing behind, as a call that is
// answered in a millisecond must not leave a timer of ten seconds. Buckets of 8 ms: due things are found up to that
// much late, never early.

const BUCKET_MS = 8;

export class Deadlines<T> {
  readonly #buckets = new Map<number, Set<T>>();
  /** No bucket before this one is filled; may be early after removals. */
  #first = Number.POSITIVE_INFINITY;

  /** Returns a key to remove it with. */
  add(atMs: number, item: T): number {
    const key = Math.ceil(atMs / BUCKET_MS);
    const bucket = this.#buckets.get(key);
    if (key < this.#first || this.#buckets.size === 0) this.#first = key;
    if (bucket !== undefined) bucket.add(item);
    else this.#buckets.set(key, new Set([item]));
    return key;
  }

  remove(key: number, item: T): void {
    const bucket = this.#buckets.get(key);
    if (bucket?.delete(item) && bucket.size === 0) this.#buckets.delete(key);
  }

  /** Removes and returns all that is due. */
  take(nowMs: number): T[] {
    const limit = Math.floor(nowMs / BUCKET_MS);
    if (this.#first > limit) return [];
    const keys = [...this.#buckets.keys()].sort((a, b) => a - b);
    const due: T[] = [];
    for (const key of keys) {
      if (key > limit) break;
      due.push(...(this.#buckets.get(key) as Set<T>));
      this.#buckets.delete(key);
    }
    this.#first = keys.find((key) => key > limit) ?? Number.POSITIVE_INFINITY;
    return due;
  }

  /** When to call take next, ms; infinity when there is nothing. May be early, never late. */
  nextAt(): number {
    return this.#buckets.size === 0 ? Number.POSITIVE_INFINITY : this.#first * BUCKET_MS;
  }
}
