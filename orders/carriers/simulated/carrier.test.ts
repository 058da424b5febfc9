// The simulated carrier behind the port, and its clock.
import { describe, expect, test } from 'vitest';
import { carrierConformance } from '../testing/conformance.ts';
import { bookOf, calm } from '../testing/profiles.ts';
import { createSimulatedCarrier } from './carrier.ts';
import { ManualClock, wallClock } from './clock.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-23T00:00:00Z');

describe('the simulated carrier', () => {
  carrierConformance(async (changes) => {
    const clock = wallClock({ speed: 2_000_000, epoch: NOW });
    const carrier = createSimulatedCarrier({ profile: calm(changes), clock, seed: 1 });
    return { carrier, clock, end: () => carrier.close() };
  });
});

describe('over a clock moved by hand', () => {
  test('given time that is moved, then it tells what has happened by then, and no more', async () => {
    const clock = new ManualClock(NOW);
    const carrier = createSimulatedCarrier({ profile: calm(), clock, seed: 1 });
    const told: number[] = [];
    carrier.onTracking((event) => {
      expect(event.at).toBeLessThanOrEqual(clock.now());
      told.push(event.at);
    });
    const booking = carrier.book(bookOf('s', { readyAt: NOW }), { idempotencyKey: 'k' });
    await clock.advanceTo(NOW + DAY / 4);
    await booking;
    expect(told.length).toBeGreaterThan(0);
    const before = told.length;
    await clock.advanceTo(NOW + 20 * DAY);
    expect(told.length).toBeGreaterThan(before + 3);
    await carrier.close();
  });

  test('given a timer that is called off, then it does not run', async () => {
    const clock = new ManualClock(0);
    const ran: string[] = [];
    const callOff = clock.after(5, () => ran.push('off'));
    clock.after(10, () => ran.push('second'));
    clock.after(1, () => ran.push('first'));
    callOff();
    await clock.advanceTo(9);
    expect(ran).toEqual(['first']);
    await clock.advanceTo(10);
    expect(ran).toEqual(['first', 'second']);
    expect(clock.now()).toBe(10);
  });
});
