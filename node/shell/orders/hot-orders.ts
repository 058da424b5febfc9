// The hot orders of a lane in the order in which they are to be looked at: each stays as long as it is asked for, and is packed once it
// was not for a while. An order is busy for some moments at a time; what matters is that a million of them cost no looks in between.

/** What a look at an order came to; gone: it has left memory already. */
export type Look = 'stays' | 'packed' | 'gone';

interface Entry<A> {
  readonly actor: A;
  /** On the clock of `pass`, ms. */
  readonly at: number;
}

/** Entries that were looked at are taken out of the list once they are so many, and half of it. */
const PASSED_MIN = 1_024;

export class HotOrders<A> {
  #entries: (Entry<A> | undefined)[] = [];
  #head = 0;
  #nowMs = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(actor: A): void {
    this.#size += 1;
    this.#entries.push({ actor, at: this.#nowMs });
  }

  /** One has left memory by another way; its entry is found to be gone later. */
  left(): void {
    this.#size -= 1;
  }

  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#size = 0;
  }

  /** Looks at those that came, or were looked at, `idleMs` ago; at most `most`. */
  pass(elapsedMs: number, idleMs: number, most: number, look: (actor: A) => Look): void {
    this.#nowMs += elapsedMs;
    for (let looked = 0; looked < most; looked++) {
      const entry = this.#entries[this.#head];
      if (entry === undefined || entry.at + idleMs > this.#nowMs) break;
      this.#entries[this.#head] = undefined;
      this.#head += 1;
      const found = look(entry.actor);
      if (found === 'stays') this.#entries.push({ actor: entry.actor, at: this.#nowMs });
      else if (found === 'packed') this.#size -= 1;
    }
    if (this.#head < PASSED_MIN || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}
