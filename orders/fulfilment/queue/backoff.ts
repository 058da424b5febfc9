// The pause before a task that failed is tried again.
import type { FulfilmentLimits } from '../limits.ts';

/** Doubles with each failure; drawn between half and all of it, so that what failed together does not come back together. */
export function pauseMs(
  failures: number,
  { retryMs, retryMsMax }: FulfilmentLimits,
  random: number = Math.random(),
): number {
  const longest = Math.min(retryMsMax, retryMs * 2 ** Math.max(0, failures - 1));
  return Math.round(longest * (0.5 + random / 2));
}
