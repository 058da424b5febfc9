// Whether a carrier keeps what it books. It answers each call well, and what became of a booking is known hours later, so that the breaker
// around its calls (guarded.ts) cannot see it: this one counts bookings that were taken back one after the other, and then none is asked for.
import type { TrackEvent, TrackKind } from '../port.ts';
import { TAKEN_BACK_OPEN_MS, TAKEN_BACK_REMEMBERED, TAKEN_BACK_UNTIL_OPEN } from './limits.ts';

/** It has the parcel. */
const COLLECTED: ReadonlySet<TrackKind> = new Set(['pickedUp', 'inTransit', 'outForDelivery', 'delivered']);

export class KeptBookings {
  readonly #now: () => number;
  /** Since the last parcel that was collected. */
  #takenBack = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #opensUntil = Number.NEGATIVE_INFINITY;
  readonly #keys = new Set<string>();

  /** @param now ms since the epoch, as events are timed */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Once for each key. */
  tookBack(key: string): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    for (const oldest of this.#keys) {
      if (this.#keys.size <= TAKEN_BACK_REMEMBERED) break;
      this.#keys.delete(oldest);
    }
    this.#takenBack += 1;
    this.#lastAt = this.#now();
    if (this.#takenBack >= TAKEN_BACK_UNTIL_OPEN) this.#opensUntil = this.#lastAt + TAKEN_BACK_OPEN_MS;
  }

  /** What was collected before does not speak for what is booked now. */
  heardOf({ kind, at }: Pick<TrackEvent, 'kind' | 'at'>): void {
    if (!COLLECTED.has(kind) || at <= this.#lastAt) return;
    this.#takenBack = 0;
    this.#opensUntil = Number.NEGATIVE_INFINITY;
  }

  /** Nothing is booked for so long, ms; 0: all is well, or one more try is due. */
  get waitMs(): number {
    return Math.max(0, this.#opensUntil - this.#now());
  }
}
