// The window of requests in flight: how it grows, shrinks, and shares a grid among many.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InFlightWindow } from './window.ts';

describe('the window of requests in flight', () => {
  test('given nothing is refused, then it doubles with each round of answers up to the most it may be', () => {
    const window = new InFlightWindow(1_000);
    const sizes = Array.from({ length: 6 }, () => {
      const { size } = window;
      for (let i = 0; i < size; i++) window.answered(0);
      return size;
    });

    expect(sizes).toEqual([64, 128, 256, 512, 1_000, 1_000]);
  });

  test('given a round of refusals, then it is cut once, and grows by one with each round of answers', () => {
    const window = new InFlightWindow(100);

    for (let sent = 0; sent < 60; sent++) window.refused(0, sent, 60);
    const { size } = window;
    for (let i = 0; i < size; i++) window.answered(0);

    expect([size, window.size]).toEqual([44, 45]);
  });

  test('given requests sent after the cut that are refused too, then it is cut again, never to nothing', () => {
    const window = new InFlightWindow(100);

    for (let sent = 0; sent < 1_000; sent++) window.refused(0, sent, sent);

    expect(window.size).toBe(4);
  });

  test.each([1, 20, 80, 300])(
    'given a surge that cut it to the least, when all is well again, then within two seconds and some round trips of %i ms it is what it was at first',
    (roundTripMs) => {
      const window = new InFlightWindow(1_024);
      for (let sent = 0; sent < 1_000; sent++) window.refused(0, sent, sent);

      for (let nowMs = 0; nowMs < 2_000 + 2 * roundTripMs; nowMs += roundTripMs) window.answered(nowMs, window.size);

      expect(window.size).toBeGreaterThanOrEqual(64);
    },
  );

  test('given nothing was sent for long, then it begins anew, whether it was large or small', () => {
    const [large, small, busy] = [1, 2, 3].map(() => new InFlightWindow(1_024)) as [
      InFlightWindow,
      InFlightWindow,
      InFlightWindow,
    ];
    for (let i = 0; i < 10; i++) large.answered(i, large.size);
    for (let i = 0; i < 10; i++) small.refused(i, i, i);
    for (let i = 0; i < 10; i++) busy.answered(9_000, busy.size);
    for (const window of [large, small, busy]) window.resumed(12_000);

    expect([large.size, small.size, busy.size]).toEqual([64, 64, 1_024]);
  });

  test('given any answers and refusals, then it is from 1 to the most it may be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.array(fc.boolean(), { maxLength: 500 }), (most, served) => {
        const window = new InFlightWindow(most);
        for (const [n, isServed] of served.entries()) {
          if (isServed) window.answered(0);
          else window.refused(0, n, n + 1);
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('given many clients of a grid that serves some hundred at once, then it is kept busy and nobody is left out', () => {
    const capacity = 300;
    const windows = Array.from({ length: 20 }, () => new InFlightWindow(1_024));
    let served = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      // Whoever comes first is served; who that is changes from round to round.
      let left = capacity;
      for (let n = 0; n < windows.length; n++) {
        const window = windows[(n + 7 * round) % windows.length] as InFlightWindow;
        const granted = Math.min(left, window.size);
        const refused = window.size - granted;
        left -= granted;
        window.answered(round, granted);
        if (refused > 0) window.refused(round, round, round + 1);
      }
      served += capacity - left;
    }

    expect(served / (rounds * capacity)).toBeGreaterThan(0.9);
    const sizes = windows.map(({ size }) => size);
    expect(Math.max(...sizes)).toBeLessThan(10 * Math.min(...sizes));
  });
});
