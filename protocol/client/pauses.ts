// Waits that end early, all of them at once when the client closes: no timer of the client outlives it.
import type { Platform } from './platform.ts';

export class Pauses {
  readonly #platform: Platform;
  /** Ends each pause under way; undefined once closed. */
  #ends: Set<() => void> | undefined = new Set();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Resolves after `waitMs`, or sooner when the signal aborts or the client closes. */
  pause(waitMs: number, signal?: AbortSignal): Promise<void> {
    const ends = this.#ends;
    if (ends === undefined || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener('abort', end);
        ends.delete(end);
        resolve();
      };
      const cancel = this.#platform.timer(waitMs, end);
      signal?.addEventListener('abort', end, { once: true });
      ends.add(end);
    });
  }

  close(): void {
    const ends = this.#ends ?? [];
    this.#ends = undefined;
    for (const end of [...ends]) end();
  }
}
