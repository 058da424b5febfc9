// The timer wheel: which actors have an expiry due. It holds skus by tick and knows nothing of reservations; an
// entry that turns out to be early or stale costs one look, so nothing is ever removed from it.

export class TimerWheel {
  readonly #tickMs: number;
  readonly #buckets = new Map<number, string[]>();
  /** Every bucket up to and including this tick has been taken. */
  #taken: number;
  /** Skus taken and not yet handed out. */
  #due: string[] = [];

  /** @param now milliseconds since the epoch; @param tickMs granularity */
  constructor(now: number, tickMs: number) {
    this.#tickMs = tickMs;
    this.#taken = Math.floor(now / tickMs);
  }

  /** Asks for `sku` to be handed out once `at` (ms since the epoch) has passed. */
  schedule(sku: string, at: number): void {
    const tick = Math.max(Math.ceil(at / this.#tickMs), this.#taken + 1);
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) this.#buckets.set(tick, [sku]);
    else bucket.push(sku);
  }

  /** Hands out at most `max` skus that are due at `now`; call again at once while it returns `max` of them. */
  take(now: number, max: number): string[] {
    const tick = Math.floor(now / this.#tickMs);
    // After a clock jump of days, going through the buckets there are is cheaper than going through the ticks.
    if (tick - this.#taken > this.#buckets.size) {
      const ticks = [...this.#buckets.keys()].filter((t) => t <= tick).sort((a, b) => a - b);
      for (const t of ticks) this.#takeBucket(t);
      this.#taken = Math.max(this.#taken, tick);
    } else {
      while (this.#taken < tick) {
        this.#taken += 1;
        this.#takeBucket(this.#taken);
      }
    }
    if (this.#due.length <= max) {
      const all = this.#due;
      this.#due = [];
      return all;
    }
    return this.#due.splice(0, max);
  }

  #takeBucket(tick: number): void {
    const bucket = this.#buckets.get(tick);
    if (bucket === undefined) return;
    this.#buckets.delete(tick);
    if (this.#due.length === 0) this.#due = bucket;
    else for (const sku of bucket) this.#due.push(sku);
  }
}
