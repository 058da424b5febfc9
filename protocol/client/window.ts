// How many requests a connection may have in flight: as many as the grid takes. The window begins small and grows by one with each
// answer until a request is refused as too many; then it is halved, and grows by one with each window full of answers (slow start and
// congestion avoidance: V. Jacobson 1988). So many clients share what there is, and what is too much waits where it was asked for.

/** Keeps a grid busy from some tens of connections, and is little enough for as many that begin at once. */
const SIZE_FIRST = 64;
/** A window below this would be slower than asking one after the other on a busy grid. */
const SIZE_MIN = 4;

/** Halving, as TCP does, leaves a grid idle when many clients are refused at once (CUBIC: S. Ha, I. Rhee, L. Xu 2008 take as much). */
const DECREASE = 0.7;

export class InFlightWindow {
  #most: number;
  #size: number;
  #slowStart = true;
  #cutAt = Number.NEGATIVE_INFINITY;

  /** @param most the most it may ever be */
  constructor(most: number) {
    this.#most = most;
    this.#size = Math.min(SIZE_FIRST, most);
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  /** To be called when requests of this weight were served. */
  answered(weight = 1): void {
    if (this.#size >= this.#most) return;
    this.#size = Math.min(this.#most, this.#size + (this.#slowStart ? weight : weight / this.#size));
  }

  /**
   * To be called with each that was refused with OVERLOADED. Those that were sent before the window was last cut do not cut it again.
   * @param sent when it was sent, in anything that grows with each request: a time, a number
   * @param now the same for one that is sent next
   */
  refused(sent: number, now: number): void {
    if (sent < this.#cutAt) return;
    this.#cutAt = now;
    this.#slowStart = false;
    this.#size = Math.max(Math.min(SIZE_MIN, this.#most), this.#size * DECREASE);
  }

  /** From now on it may be no larger than this. */
  limit(most: number): void {
    this.#most = Math.min(this.#most, most);
    this.#size = Math.min(this.#size, this.#most);
  }
}
