// One simulated process: everything that reaches it (timers, deferred turns, answers of the store, messages) comes
// through `deliver`, so that it can be killed or paused at any await. What a dead one waited for never comes; what a
// paused one waited for comes all at once when it continues.
import type { Runtime } from '../../node/shell/runtime.ts';
import type { Scheduler } from './scheduler.ts';

/** The wall clock at the start of each run, ms since the epoch. */
export const START_MS = 1_750_000_000_000;

/** How long a turn of the event loop takes. */
const TURN_MS = 0.02;

export class SimProcess {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly runtime: Runtime;
  /** How far the wall clock is ahead of the true time, ms; may change at any moment. */
  aheadMs = 0;
  heapUse = 0.1;
  readonly #monotonicBase: number;
  readonly #crashed: (error: unknown) => void;
  readonly #onEnd: (() => void)[] = [];
  #backlog: (() => void)[] = [];
  #isAlive = true;
  #isPaused = false;

  /** @param crashed told of an exception that nobody caught: it has ended the process */
  constructor(name: string, scheduler: Scheduler, monotonicBase: number, crashed: (error: unknown) => void) {
    this.name = name;
    this.scheduler = scheduler;
    this.#monotonicBase = monotonicBase;
    this.#crashed = crashed;
    this.runtime = {
      now: () => Math.floor(START_MS + scheduler.now + this.aheadMs),
      monotonic: () => scheduler.now + this.#monotonicBase,
      defer: (run) => {
        this.deliver(TURN_MS, run);
      },
      after: (ms, run) => this.deliver(ms + TURN_MS, run),
      heapUse: () => this.heapUse,
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Runs `run` in this process now, or when it continues, unless it has ended by then. */
  accept(run: () => void): void {
    if (!this.#isAlive) return;
    if (this.#isPaused) this.#backlog.push(() => this.accept(run));
    else this.#enter(run);
  }

  /** Runs `run` in this process in `ms`, unless it has ended by then. Returns the way to cancel. */
  deliver(ms: number, run: () => void): () => void {
    if (!this.#isAlive) return () => {};
    let wanted = true;
    const arrive = (): void => {
      if (!wanted || !this.#isAlive) return;
      if (this.#isPaused) this.#backlog.push(arrive);
      else this.#enter(run);
    };
    const cancel = this.scheduler.after(ms, arrive);
    return () => {
      wanted = false;
      cancel();
    };
  }

  /** What others do when this process ends: its links break. */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#backlog = [];
    for (const listener of this.#onEnd.splice(0)) listener();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** All that arrived meanwhile arrives now, one thing a turn, in its order. */
  continue(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const arrive of this.#backlog.splice(0)) this.scheduler.after(0, arrive);
  }

  #enter(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.kill();
      this.#crashed(error);
    }
  }
}
