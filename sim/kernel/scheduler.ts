// Simulated time: a heap of events, run one after the other. Between two events everything that promises owe is paid:
// the next step is asked for by process.nextTick from within a microtask, which runs only once no microtask is left. No
// timer and no turn of Node's event loop is used, so nothing outside the seed decides on an order.

/** A microtask by way of a promise costs half of what queueMicrotask does. */
const PAID = Promise.resolve();

interface Entry {
  readonly at: number;
  readonly order: number;
  /** Undefined once it was cancelled. */
  run: (() => void) | undefined;
}

export class Scheduler {
  readonly #heap: Entry[] = [];
  readonly #eventsMax: number;
  #order = 0;
  #now = 0;
  /** Events run so far. */
  events = 0;

  /** @param eventsMax a run that takes more is stopped with an error: it would not end */
  constructor(eventsMax: number) {
    this.#eventsMax = eventsMax;
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** Runs `run` in `ms`; events of one moment run in the order in which they were asked for. Returns the way to cancel. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.#now + Math.max(0, ms), run);
  }

  at(at: number, run: () => void): () => void {
    this.#order += 1;
    const entry: Entry = { at: Math.max(at, this.#now), order: this.#order, run };
    this.#push(entry);
    return () => {
      entry.run = undefined;
    };
  }

  /**
   * Runs events until `isDone` says so or none is left.
   * @throws what an event throws, and when there are too many events
   */
  run(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (isDone() || !this.#runNext()) {
            resolve();
            return;
          }
          if (this.events > this.#eventsMax) throw new Error(`the run did not end within ${this.#eventsMax} events`);
        } catch (error) {
          reject(error);
          return;
        }
        void PAID.then(later);
      };
      const later = (): void => process.nextTick(step);
      later();
    });
  }

  #runNext(): boolean {
    for (;;) {
      const entry = this.#pop();
      if (entry === undefined) return false;
      if (entry.run === undefined) continue;
      this.#now = entry.at;
      this.events += 1;
      entry.run();
      return true;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    heap.push(entry);
    this.#rise(entry, heap.length - 1);
  }

  /** Puts `entry` at `at`, or further up. */
  #rise(entry: Entry, from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    const { length } = heap;
    if (first === undefined || last === undefined || length === 0) return first;
    // The last entry belongs near the bottom: the gap is moved down there, and the entry rises from it.
    let gap = 0;
    let child = 1;
    while (child < length) {
      let next = heap[child] as Entry;
      if (child + 1 < length) {
        const other = heap[child + 1] as Entry;
        if (isBefore(other, next)) {
          next = other;
          child += 1;
        }
      }
      heap[gap] = next;
      gap = child;
      child = 2 * gap + 1;
    }
    this.#rise(last, gap);
    return first;
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
