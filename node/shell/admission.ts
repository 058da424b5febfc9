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
  #seqThen: number;

  /** @param seq of the last event that is durable */
  constructor(limits: AdmissionLimits, seq: number, nowMs: number) {
    this.#limits = limits;
    this.#least = Math.min(limits.mailboxForNewWork, limits.mailboxMaxForNewWork);
    this.#max = this.#least;
    this.#lookedAtMs = nowMs;
    this.#seqThen = seq;
  }

  /** Whether work that takes stock is to be refused while `depth` requests wait. */
  refuses(depth: number): boolean {
    if (depth < this.#max) return false;
    this.#refused += 1;
    return true;
  }

  /** To be called when requests were answered: all events up to `seq` are durable. */
  released(seq: number, nowMs: number): void {
    if (nowMs - this.#lookedAtMs < this.#limits.admissionIntervalMs) return;
    const isFlood = this.#refused > seq - this.#seqThen;
    this.#max = isFlood
      ? Math.min(this.#limits.mailboxMaxForNewWork, this.#max * STEP)
      : Math.max(this.#least, this.#max / STEP);
    this.#refused = 0;
    this.#lookedAtMs = nowMs;
    this.#seqThen = seq;
  }
}
