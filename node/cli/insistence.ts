// Repeats what a busy grid did not get to. A call ends after its time-out; a command that feeds a file is not over then, as long as
// the grid answers others of its calls: a surge of buyers passes.
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../protocol/client/index.ts';
import { CALL_TIMEOUT_MS } from './grid-client.ts';

/** Well within the 15 minutes for which requestIds are remembered: a repetition is never a second effect. */
const INSIST_MS_MAX = 600_000;
/** Between the end of a call and its repetition. The client has spaced its own attempts before. */
const PAUSE_MS = 500;

export interface InsistenceDeps {
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
}

export class Insistence {
  readonly #deps: InsistenceDeps;
  #heardAtMs: number;

  constructor(deps: InsistenceDeps = { now: () => performance.now(), pause: (ms) => sleep(ms) }) {
    this.#deps = deps;
    this.#heardAtMs = deps.now();
  }

  /**
   * Calls `attempt`, which sends the same requestId each time, until it is answered for good.
   * @throws what the last attempt threw: when the grid has answered nothing for as long as a call may take, or not this for ten minutes
   */
  async call<T>(attempt: () => Promise<T>): Promise<T> {
    const { now, pause } = this.#deps;
    const sinceMs = now();
    for (;;) {
      try {
        const reply = await attempt();
        this.#heardAtMs = now();
        return reply;
      } catch (error) {
        if (!(error instanceof HoldfastError) || !error.retriable) throw error;
        if (now() - this.#heardAtMs >= CALL_TIMEOUT_MS || now() - sinceMs >= INSIST_MS_MAX) throw error;
      }
      await pause(PAUSE_MS);
    }
  }
}
