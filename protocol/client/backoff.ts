// How long to wait before the next attempt. Pure: randomness is an argument.

export interface Backoff {
  /** The longest wait before the first retry, ms. */
  readonly baseMs: number;
  /** The longest wait before any retry, ms. */
  readonly capMs: number;
}

/**
 * Capped exponential back-off with full jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog,
 * 2015): uniform between 0 and min(cap, base · 2^attempt), so that clients thrown off together come back spread out.
 * `attempt` counts from 0, `random` is in [0, 1).
 */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  return Math.floor(random * Math.min(backoff.capMs, backoff.baseMs * 2 ** Math.min(attempt, 30)));
}
