// A worker that starts beside its store, or while that has much to do, waits for it for a while instead of ending. What is wrong is told at
// once, with what to do about it: whoever has mistyped an address does not wait for it.
import { setTimeout as sleep } from 'node:timers/promises';
import { isPassing, startFailure } from './worker-options.ts';

export const STORE_WAIT_MS_DEFAULT = 30_000;
const PAUSE_MS = 500;
/** The same reason is told again after this, ms. */
const TELL_EVERY_MS = 10_000;

export interface StorePatience {
  readonly store: string;
  /** 0: it is tried once. */
  readonly waitMs: number;
  readonly log: (line: string) => void;
  /** Monotonic, ms. */
  readonly now?: () => number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/**
 * Starts until it works. Only a server is waited for: files that cannot be used will not be by waiting.
 * @throws what the last start threw; at once where waiting does not help
 */
export async function startPatiently<T>(
  start: () => Promise<T>,
  { store, waitMs, log, now = () => performance.now(), pause = (ms) => sleep(ms) }: StorePatience,
): Promise<T> {
  const until = now() + (store.startsWith('redis') ? waitMs : 0);
  let told = { message: '', at: Number.NEGATIVE_INFINITY };
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const leftMs = until - now();
      if (!isPassing(error) || leftMs <= 0) throw error;
      const { message, hint = '' } = startFailure(error) ?? { message: String(error) };
      if (message !== told.message || now() - told.at >= TELL_EVERY_MS) {
        log(`${message}; waiting for it for ${Math.ceil(leftMs / 1_000)} s at most (Ctrl-C gives up). ${hint}`);
        told = { message, at: now() };
      }
      await pause(Math.min(PAUSE_MS, leftMs));
    }
  }
}
