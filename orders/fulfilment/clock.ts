// Business time from the wall's: the same, or faster from the start of a demonstration on.
import type { BusinessClock } from './ports.ts';

/** @param speed how many times faster business goes, from `epoch` on */
export function businessClock({
  speed = 1,
  epoch = Date.now(),
}: {
  speed?: number;
  epoch?: number;
} = {}): BusinessClock {
  const fromGrid = (at: number): number => Math.round(epoch + (at - epoch) * speed);
  return {
    speed,
    now: () => fromGrid(Date.now()),
    fromGrid,
    toGrid: (at) => Math.round(epoch + (at - epoch) / speed),
  };
}
