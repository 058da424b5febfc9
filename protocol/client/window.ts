// How many requests a connection may have in flight: as many as the grid takes without letting them wait. The window begins small and
// grows by one with each answer until answers are late, or a request is refused as too many; then it is cut, and grows by one with each
// window full of answers (slow start and congestion avoidance: V. Jacobson 1988), and faster the longer it was not cut. So many clients
// share what there is, and what is too much waits where it was asked for. Late is what took much longer than the fastest (TCP Vegas:
// L. Brakmo, L. Peterson 1995): refusals alone would come only once all that a grid lets wait is waiting. Time is an argument.

/** Keeps a grid busy from some tens of connections, and is little enough for as many that begin at once. */
const SIZE_FIRST = 32;
/** A window below this would be slower than asking one after the other on a busy grid. */
const SIZE_MIN = 4;

/** Halving, as TCP does, leaves a grid idle when many clients are refused at once (CUBIC: S. Ha, I. Rhee, L. Xu 2008 take as much). */
const DECREASE_REFUSED = 0.7;

/** What waits less than so long behind others does not wait long, ms: about what it takes a grid at its greatest throughput to fill a batch, and to commit it. */
const WAIT_MS = 6;
/** Answers that are late for less than this, ms, are late for a pause of something, not for a queue that stands (as in CoDel: K. Nichols, V. Jacobson 2012). */
const LATE_FOR_MS = 100;
/** What waited for nearly as long does not let it grow: where many share a grid, the one that is lucky would take ever more. */
const GROWS_BELOW = 0.9;
/** At first it doubles until answers wait so long, ms, or an eighth of what they take (HyStart: S. Ha, I. Rhee 2008). */
const WAIT_FIRST_MS = 2;
const WAIT_FIRST_SHARE = 1 / 8;
/** Late answers cut it by this, or by more if they are very late, and no further than to this: they may be late for another reason. */
const DECREASE_LATE = 0.85;
const DECREASE_LATE_MOST = 0.5;
const SIZE_LATE_MIN = 12;
/** A program that was busy for this share of the time answers itself late: what it reads has waited for it, not for the grid. */
const BUSY_SHARE = 0.8;
/** The fastest is believed for long, not for ever, as a grid's store may become slower: it doubles in so long, ms. */
const FASTEST_DOUBLES_MS = 60_000;

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
  #cutAtMs = Number.NEGATIVE_INFINITY;
  /** When it was last as large as it should be: it grows the faster the longer ago that is. */
  #rightAtMs = 0;
  #heardAtMs = 0;
  readonly #rounds = new RoundTrips();
  readonly #busy: () => number;
  #isBusy = false;
  /** Since when each round trip was late, ms; undefined: the last was not. */
  #lateSinceMs: number | undefined;

  /**
   * @param most the most it may ever be
   * @param busy the share of the time since it was last called in which the program was busy
   */
  constructor(most: number, busy: () => number = () => 0) {
    this.#most = most;
    this.#busy = busy;
    this.#size = Math.min(SIZE_FIRST, most);
  }

  get size(): number {
    return Math.floor(this.#size);
  }

  get most(): number {
    return this.#most;
  }

  /**
   * To be called with each that was served.
   * @param weight how many requests of those that had filled the window; 0 if it was not full, which says nothing of what may be more
   */
  answered(nowMs: number, sentMs: number, weight = 1): void {
    this.#heardAtMs = nowMs;
    const tookMs = nowMs - sentMs;
    const fastestMs = this.#rounds.fastest(nowMs, tookMs);
    const roundMs = this.#rounds.ended(nowMs, sentMs);
    if (roundMs !== undefined) {
      this.#isBusy = this.#busy() > BUSY_SHARE;
      if (this.#cutIfLate(nowMs, roundMs, fastestMs)) return;
    }
    const hasWaited = tookMs > fastestMs + Math.max(WAIT_FIRST_MS, fastestMs * WAIT_FIRST_SHARE);
    if (this.#slowStart && hasWaited && !this.#isBusy) {
      this.#slowStart = false;
      this.#rightAtMs = nowMs;
    }
    if (this.#size >= this.#most || weight === 0 || tookMs > this.#inTimeMs(fastestMs) * GROWS_BELOW) return;
    const quiet = (nowMs - this.#rightAtMs) / CAUTIOUS_MS;
    const each = this.#slowStart ? 1 : Math.min(1, Math.max(1, quiet * quiet * quiet) / this.#size);
    this.#size = Math.min(this.#most, this.#size + weight * each);
  }

  /** What takes longer is late, ms. */
  #inTimeMs(fastestMs: number): number {
    return this.#isBusy ? Number.POSITIVE_INFINITY : fastestMs + Math.max(WAIT_MS, fastestMs);
  }

  #cutIfLate(nowMs: number, roundMs: number, fastestMs: number): boolean {
    const inTimeMs = this.#inTimeMs(fastestMs);
    this.#lateSinceMs = roundMs > inTimeMs ? (this.#lateSinceMs ?? nowMs - roundMs) : undefined;
    if (this.#lateSinceMs === undefined || nowMs - this.#lateSinceMs < LATE_FOR_MS) return false;
    this.#slowStart = false;
    this.#cut(nowMs, Math.max(DECREASE_LATE_MOST, Math.min(DECREASE_LATE, inTimeMs / roundMs)), SIZE_LATE_MIN);
    return true;
  }

  /** To be called with each that was refused with OVERLOADED. Those that were sent before the window was last cut do not cut it again. */
  refused(nowMs: number, sentMs: number): void {
    this.#heardAtMs = nowMs;
    if (sentMs <= this.#cutAtMs) return;
    this.#slowStart = false;
    this.#cut(nowMs, DECREASE_REFUSED, SIZE_MIN);
  }

  #cut(nowMs: number, by: number, least: number): void {
    this.#cutAtMs = nowMs;
    this.#rightAtMs = nowMs;
    this.#rounds.begin(nowMs);
    this.#size = Math.max(Math.min(least, this.#size), this.#size * by);
  }

  /** To be called before something is sent while nothing is in flight. */
  resumed(nowMs: number): void {
    if (nowMs - this.#heardAtMs >= IDLE_MS) this.restart();
  }

  /** What it knows is of another worker, or of another time. */
  restart(): void {
    this.#size = Math.min(SIZE_FIRST, this.#most);
    this.#slowStart = true;
    this.#rounds.restart();
  }

  /** From now on it may be no larger than this. */
  limit(most: number): void {
    this.#most = Math.min(this.#most, most);
    this.#size = Math.min(this.#size, this.#most);
  }
}

/** What answers took: the fastest of all, and the mean of each round trip, which one that was unlucky does not change much. */
class RoundTrips {
  #fastestMs = Number.POSITIVE_INFINITY;
  #fastestAtMs = 0;
  /** A round is of those sent after this, and ends with the first sent after the first of them was answered. */
  #fromMs = Number.NEGATIVE_INFINITY;
  #tillMs = Number.POSITIVE_INFINITY;
  #sumMs = 0;
  #count = 0;

  /** What those take that wait for nobody, ms; one that took less is believed. */
  fastest(nowMs: number, tookMs: number): number {
    const fastestMs = this.#fastestMs * 2 ** ((nowMs - this.#fastestAtMs) / FASTEST_DOUBLES_MS);
    if (tookMs > fastestMs) return fastestMs;
    this.#fastestMs = tookMs;
    this.#fastestAtMs = nowMs;
    return tookMs;
  }

  /** Takes in an answer; the mean of a round trip if one ended with it, ms. */
  ended(nowMs: number, sentMs: number): number | undefined {
    if (sentMs <= this.#fromMs) return undefined;
    const meanMs = sentMs > this.#tillMs ? this.#sumMs / this.#count : undefined;
    if (meanMs !== undefined) this.begin(this.#tillMs);
    this.#tillMs = Math.min(this.#tillMs, nowMs);
    this.#sumMs += nowMs - sentMs;
    this.#count += 1;
    return meanMs;
  }

  /** What was sent before says nothing of what a window is worth now. */
  begin(fromMs: number): void {
    this.#fromMs = fromMs;
    this.#tillMs = Number.POSITIVE_INFINITY;
    this.#sumMs = 0;
    this.#count = 0;
  }

  restart(): void {
    this.#fastestMs = Number.POSITIVE_INFINITY;
    this.begin(Number.NEGATIVE_INFINITY);
  }
}
