// How many requests a connection may have in flight: as many as the grid takes. The window begins small and grows by one with each
// answer until a request is refused as too many; then it is cut, and grows by one with each window full of answers (slow start and
// congestion avoidance: V. Jacobson 1988), and faster the longer nothing was refused. So many clients share what there is, and what is
// too much waits where it was asked for. Time is an argument.

/** Keeps a grid busy from some tens of connections, and is little enough for as many that begin at once. */
const SIZE_FIRST = 64;
/** A window below this would be slower than asking one after the other on a busy grid. */
const SIZE_MIN = 4;

/** Halving, as TCP does, leaves a grid idle when many clients are refused at once (CUBIC: S. Ha, I. Rhee, L. Xu 2008 take as much). */
const DECREASE = 0.7;

/**
 * After a cut it grows by one a round trip for so long, ms, then by the cube of the time in these: a surge may have left a window of 4, which
 * at 80 ms a round trip would take a minute to grow to what it was. (As CUBIC, for which, too, a round trip counts little.)
 */
const CAUTIOUS_MS = 500;

/** A window that nothing was sent in for so long says nothing of what the grid takes now (RFC 2861 has it so for TCP), ms. */
const IDLE_MS = 10_000;

export class InFlightWindow {
  #most: number;
  #size: number;
  #slowStart = true;
  #cutAt = Number.NEGATIVE_INFINITY;
  #cutAtMs = 0;
  #heardAtMs = 0;

  /** @param most the most it may ever be */
  constructor(most: number) {
    this.#most = most;
    this.#size = Math.min(SIZE_FIRST, most);
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  get most(): number {
    return this.#most;
  }

  /** To be called when requests of this weight were served that had filled it: one that is not used says nothing of what may be more. */
  answered(nowMs: number, weight = 1): void {
    this.#heardAtMs = nowMs;
    if (this.#size >= this.#most) return;
    const quiet = (nowMs - this.#cutAtMs) / CAUTIOUS_MS;
    const each = this.#slowStart ? 1 : Math.min(1, Math.max(1, quiet * quiet * quiet) / this.#size);
    this.#size = Math.min(this.#most, this.#size + weight * each);
  }

  /**
   * To be called with each that was refused with OVERLOADED. Those that were sent before the window was last cut do not cut it again.
   * @param sent when it was sent, in anything that grows with each request: a time, a number
   * @param next the same for one that is sent next
   */
  refused(nowMs: number, sent: number, next: number): void {
    this.#heardAtMs = nowMs;
    if (sent < this.#cutAt) return;
    this.#cutAt = next;
    this.#cutAtMs = nowMs;
    this.#slowStart = false;
    this.#size = Math.max(Math.min(SIZE_MIN, this.#most), this.#size * DECREASE);
  }

  /** To be called before something is sent while nothing is in flight. */
  resumed(nowMs: number): void {
    if (nowMs - this.#heardAtMs >= IDLE_MS) this.restart();
  }

  /** What it knows is of another worker, or of another time. */
  restart(): void {
    this.#size = Math.min(SIZE_FIRST, this.#most);
    this.#slowStart = true;
  }

  /** From now on it may be no larger than this. */
  limit(most: number): void {
    this.#most = Math.min(this.#most, most);
    this.#size = Math.min(this.#size, this.#most);
  }
}
