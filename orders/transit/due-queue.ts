// What is due at some time, taken out in order: a queue for what is due next, and unsorted lists by time for all that is due later. Many parcels in
// flight so cost little: hardly one of them is compared with more than those that are due at about its time.
import TinyQueue from 'tinyqueue';

/** Of a list, days: some minutes. */
const WIDTH_DAYS = 1 / 512;

export interface Due {
  /** Days. It must not change while it waits. */
  readonly due: number;
}

export class DueQueue<T extends Due> {
  readonly #sooner: (a: T, b: T) => number;
  readonly #later = new Map<number, T[]>();
  /** Keys of `#later`. */
  readonly #starts = new TinyQueue<number>();
  #next: TinyQueue<T>;
  /** What belongs to this list or an earlier one is in `#next`. */
  #reached = Number.NEGATIVE_INFINITY;

  /** @param sooner by `due` first, and never 0 for two that wait */
  constructor(sooner: (a: T, b: T) => number) {
    this.#sooner = sooner;
    this.#next = new TinyQueue([], sooner);
  }

  push(item: T): void {
    const start = Math.floor(item.due / WIDTH_DAYS);
    if (start <= this.#reached) {
      this.#next.push(item);
      return;
    }
    const known = this.#later.get(start);
    if (known !== undefined) known.push(item);
    else {
      this.#later.set(start, [item]);
      this.#starts.push(start);
    }
  }

  /** Takes out the first of all, if it is due by then. @param day inclusive */
  take(day: number): T | undefined {
    for (;;) {
      const first = this.#next.peek();
      if (first !== undefined) return first.due <= day ? this.#next.pop() : undefined;
      const start = this.#starts.peek();
      if (start === undefined || start * WIDTH_DAYS > day) return undefined;
      this.#starts.pop();
      this.#reached = start;
      this.#next = new TinyQueue(this.#later.get(start), this.#sooner);
      this.#later.delete(start);
    }
  }
}
