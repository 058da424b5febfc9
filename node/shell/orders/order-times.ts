// The time that each order goes by on this worker. It never goes back: where the clock of the worker that had the order before was ahead, its
// time goes on here from its last event, and does not stand still until the clock here has caught up. In memory alone.
import type { Runtime } from '../runtime.ts';

/**
 * Orders that are ahead of the clock. Beyond it those that were noted first are forgotten: their time goes on from their last event
 * once more.
 */
const AHEAD_MAX = 65_536;

export class OrderTimes {
  readonly #clock: Pick<Runtime, 'now' | 'monotonic'>;
  /** By key: by how much its time is ahead of the clock that never jumps, ms. Only of those ahead of the wall clock. */
  readonly #ahead = new Map<string, number>();

  constructor(clock: Pick<Runtime, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** ms since the epoch. @param lastAt of the order's last event; likewise */
  of(key: string, lastAt: number): number {
    const now = this.#clock.now();
    if (lastAt <= now) {
      if (this.#ahead.size > 0) this.forget(key);
      return now;
    }
    const monotonic = this.#clock.monotonic();
    const own = Math.floor(monotonic + (this.#ahead.get(key) ?? Number.NEGATIVE_INFINITY));
    if (own >= lastAt) return own;
    this.forget(key);
    if (this.#ahead.size >= AHEAD_MAX) this.forget(this.#ahead.keys().next().value as string);
    this.#ahead.set(key, lastAt - monotonic);
    return lastAt;
  }

  /** The order is not here any more. */
  forget(key: string): void {
    this.#ahead.delete(key);
  }
}
