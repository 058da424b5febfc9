// The world of membership in tests: a clock that moves by hand, and a register whose answers take what time they are
// told to, fail, or get lost.
import type { MembershipRuntime, RegisterPort } from '../membership.ts';

export class ManualClock implements MembershipRuntime {
  #ms = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  readonly monotonic = (): number => this.#ms;

  get timers(): number {
    return this.#timers.length;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#ms + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on, one timer at a time, each with all that follows from it without the clock. */
  async advance(ms: number): Promise<void> {
    const until = this.#ms + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#ms = due.at;
      due.run();
      await settle();
    }
    this.#ms = until;
  }
}

/** Lets all promises that are ready go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What becomes of a call: how long it takes there and back, ms, and whether it or its answer gets lost. */
export interface Fate {
  readonly thereMs: number;
  readonly backMs: number;
  readonly lost?: 'call' | 'answer';
}

const AT_ONCE: Fate = { thereMs: 0, backMs: 0 };

/** One register as several workers see it, each through a port of its own. */
export class FakeRegister {
  version = 0;
  value = '';
  reads = 0;
  writes = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Another worker's write. */
  put(value: string, version: number = this.version + 1): void {
    this.value = value;
    this.version = version;
  }

  /** @param fate of each call, in the order they are made */
  port(fate: () => Fate = () => AT_ONCE): RegisterPort {
    return {
      read: () =>
        this.#call(fate(), () => {
          this.reads += 1;
          return { version: this.version, value: this.value };
        }),
      write: (expected, value) =>
        this.#call(fate(), () => {
          this.writes += 1;
          if (expected !== this.version) return false;
          this.put(value);
          return true;
        }),
    };
  }

  async #call<T>(fate: Fate, take: () => T): Promise<T> {
    await this.#pause(fate.thereMs);
    if (fate.lost === 'call') throw new Error('the store is down');
    const answer = take();
    await this.#pause(fate.backMs);
    if (fate.lost === 'answer') throw new Error('the store is down');
    return answer;
  }

  #pause(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve);
    });
  }
}
