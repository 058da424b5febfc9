// The timer wheel hands out each sku once its time has passed, never before, whatever the clock does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel } from './wheel.ts';

const TICK_MS = 50;

describe('the timer wheel', () => {
  it('given schedules and clock steps, when taking at each step, then hands out what is due and nothing early', () => {
    const step = fc.record({
      schedule: fc.array(fc.record({ sku: fc.nat(1_000), inMs: fc.integer({ min: -500, max: 5_000 }) }), {
        maxLength: 5,
      }),
      advanceMs: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 10_000_000 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 7 }), (steps, max) => {
        let now = 1_700_000_000_000;
        const wheel = new TimerWheel(now, TICK_MS);
        const waiting: { sku: string; at: number }[] = [];
        for (const { schedule, advanceMs } of steps) {
          for (const { sku, inMs } of schedule) {
            wheel.schedule(`sku-${sku}`, now + inMs);
            waiting.push({ sku: `sku-${sku}`, at: now + inMs });
          }
          now += advanceMs;
          const taken: string[] = [];
          for (;;) {
            const part = wheel.take(now, max);
            expect(part.length).toBeLessThanOrEqual(max);
            taken.push(...part);
            if (part.length < max) break;
          }
          for (const sku of taken) {
            const index = waiting.findIndex((w) => w.sku === sku && w.at <= now);
            expect(index, `${sku} was handed out early or twice`).toBeGreaterThanOrEqual(0);
            waiting.splice(index, 1);
          }
          // One tick of grace, and one more for what was scheduled for a moment that had already passed.
          for (const { sku, at } of waiting) {
            if (advanceMs >= 2 * TICK_MS) expect(at, `${sku} is overdue`).toBeGreaterThan(now - 2 * TICK_MS);
          }
        }
      }),
    );
  });

  it('given a clock that jumps back, when taking, then waits for the schedule and does not lose it', () => {
    const wheel = new TimerWheel(1_000_000, TICK_MS);
    wheel.schedule('a', 1_000_100);
    expect(wheel.take(900_000, 10)).toEqual([]);
    expect(wheel.take(1_000_100, 10)).toEqual(['a']);
    expect(wheel.take(2_000_000, 10)).toEqual([]);
  });
});
