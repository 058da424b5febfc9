// When a process without Redis asks for no tasks, so that others are asked first for what it has left to them. A grid lends a task to whoever
// has waited longest: two processes that ask at regular times might otherwise meet for ever so that the wrong one gets it.
import type { FulfilmentLimits } from '../limits.ts';

export interface Yielding {
  /** A task was left whose lease is over then, by performance.now(), ms. */
  left(leaseEnds: number): void;
  /** How long to ask for nothing now, ms, and how long a question may wait if it is asked. */
  at(now: number): { readonly pauseMs: number; readonly waitMs: number };
}

/** Of one time: a process that leaves more is not kept from its own tasks by it. */
const MOMENTS_MAX = 16;

export function yieldingTo({ yieldMs, waitMs }: Pick<FulfilmentLimits, 'yieldMs' | 'waitMs'>): Yielding {
  /** In which leases end, in their order. */
  let moments: readonly number[] = [];
  return {
    left(leaseEnds) {
      const isCovered = moments.some((one) => Math.abs(one - leaseEnds) < yieldMs / 2);
      if (isCovered || moments.length >= MOMENTS_MAX) return;
      moments = [...moments, leaseEnds].sort((a, b) => a - b);
    },
    at(now) {
      moments = moments.filter((one) => one + yieldMs > now);
      const [next] = moments;
      if (next === undefined) return { pauseMs: 0, waitMs };
      if (next - yieldMs <= now) return { pauseMs: next + yieldMs - now, waitMs };
      return { pauseMs: 0, waitMs: Math.min(waitMs, Math.floor(next - yieldMs - now)) };
    },
  };
}
