// The time of an order on a worker whose clock is behind that of the one before.
import { describe, expect, test } from 'vitest';
import { OrderTimes } from './order-times.ts';

/** A clock that is set by the test, and one that never jumps. */
function given() {
  const clock = { wall: 10_000, steady: 500, now: () => clock.wall, monotonic: () => clock.steady };
  const pass = (ms: number): void => {
    clock.wall += ms;
    clock.steady += ms;
  };
  return { clock, pass, times: new OrderTimes(clock) };
}

describe('the time that an order goes by', () => {
  test('given its last event is of before, then it is what the clock says', () => {
    const { times, pass } = given();
    expect(times.of('o', 9_000)).toBe(10_000);
    pass(5);
    expect(times.of('o', 10_000)).toBe(10_005);
  });

  test('given its last event is ahead of the clock, then it goes on from there, and never back', () => {
    const { times, pass, clock } = given();
    expect(times.of('o', 70_000)).toBe(70_000);
    pass(3_000);
    expect(times.of('o', 70_000)).toBe(73_000);
    expect(times.of('o', 73_000)).toBe(73_000);
    clock.wall -= 5_000;
    pass(10);
    expect(times.of('o', 73_000)).toBe(73_010);
    // It was elsewhere meanwhile.
    expect(times.of('o', 90_000)).toBe(90_000);
    clock.wall = 95_000;
    expect(times.of('o', 90_000)).toBe(95_000);
  });

  test('given more orders than are noted, then the first of them go on from their last event once more', () => {
    const { times, pass } = given();
    for (let n = 0; n <= 65_536; n++) times.of(`o-${n}`, 70_000);
    pass(1_000);
    expect(times.of('o-1', 70_000)).toBe(71_000);
    expect(times.of('o-0', 70_000)).toBe(70_000);
  });
});
