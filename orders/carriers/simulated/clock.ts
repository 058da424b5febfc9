// The time of a simulated carrier: the wall's, run faster, or moved by hand.
import { setImmediate } from 'node:timers/promises';
import TinyQueue from 'tinyqueue';
import { TIMER_MAX_MS } from './limits.ts';

export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Runs it after so many ms of this clock. Returns what calls it off. */
  after(delayMs: number, run: () => void): () => void;
}

/** The time since `epoch` passes `speed` times as fast. Its timers keep no process alive. */
export function wallClock({ speed = 1, epoch = Date.now() }: { speed?: number; epoch?: number } = {}): Clock {
  const started = performance.now();
  const now = (): number => Math.round(epoch + (performance.now() - started) * speed);
  return {
    now,
    after(delayMs, run) {
      const at = now() + delayMs;
      let timer: NodeJS.Timeout;
      const wait = (): void => {
        const left = (at - now()) / speed;
        timer = setTimeout(left > TIMER_MAX_MS ? wait : run, Math.min(Math.max(0, left), TIMER_MAX_MS));
        timer.unref();
      };
      wait();
      return () => clearTimeout(timer);
    },
  };
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  off: boolean;
}

/** Stands still until it is moved. For tests and evaluations. */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new TinyQueue<Timer>([], (a, b) => a.at - b.at || a.order - b.order);

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, delayMs), order: ++this.#order, run, off: false };
    this.#timers.push(timer);
    return () => {
      timer.off = true;
    };
  }

  /** Moves to that time through all timers before it, and lets what they began go on in between. */
  async advanceTo(at: number): Promise<void> {
    for (let due = this.#timers.peek(); due !== undefined && due.at <= at; due = this.#timers.peek()) {
      this.#timers.pop();
      if (due.off) continue;
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await setImmediate();
    }
    this.#now = Math.max(this.#now, at);
    await setImmediate();
  }
}
