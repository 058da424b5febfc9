// How many requests may wait before work that takes stock is refused. Few, so that nobody waits long: clients keep a window and send
// less when they are refused (protocol/client/window.ts). Where they do not, one turn of the event loop reads so many requests that
// nothing is released for its whole length, and what few may wait would be all that is served in it: while more is
// refused than served, the bound grows.

export interface AdmissionLimits {
  /** Waiting requests at which work that takes stock is refused. */
  readonly mailboxForNewWork: number;
  /** The same in a flood, at most. */
  readonly mailboxMaxForNewWork: number;
  /** How often the bound is looked at, ms. */
  readonly admissionIntervalMs: number;
}

/** The bound grows by so much with each look in a flood, and falls by as much with each after it. */
const STEP = 1.5;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #least: number;
  #max: number;
  #refused = 0;
  #lookedAtMs: number;
  #answeredThen = 0;

  constructor(limits: AdmissionLimits, nowMs: number) {
    this.#limits = limits;
    this.#least = Math.min(limits.mailboxForNewWork, limits.mailboxMaxForNewWork);
    this.#max = this.#least;
    this.#lookedAtMs = nowMs;
  }

  /** Whether work that takes stock is to be refused while `depth` requests wait. */
  refuses(depth: number): boolean {
    return depth >= this.#max;
  }

  /** To be called when so many were refused: not all that might have been are, some settle stock. */
  refused(count: number): void {
    this.#refused += count;
  }

  /**
   * To be called when requests were answered.
   * @param answered so many since the beginning, reads and refusals for want of stock too
   */
  released(answered: number, nowMs: number): void {
    const intervals = Math.floor((nowMs - this.#lookedAtMs) / this.#limits.admissionIntervalMs);
    if (intervals < 1) return;
    const isFlood = this.#refused > answered - this.#answeredThen;
    // After an hour without requests it is over, however large it was.
    this.#max = isFlood
      ? Math.min(this.#limits.mailboxMaxForNewWork, this.#max * STEP)
      : Math.max(this.#least, this.#max / STEP ** intervals);
    this.#refused = 0;
    this.#lookedAtMs = nowMs;
    this.#answeredThen = answered;
  }
}
