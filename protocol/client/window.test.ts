// The window of requests in flight: how it grows, shrinks, and shares a grid among many.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InFlightWindow } from './window.ts';

const MOST = 1_024;

/** One round trip: as many as fit are sent at `nowMs` and answered `tookMs` later, all of them. */
function round(window: InFlightWindow, nowMs: number, tookMs: number): void {
  window.answered(nowMs + tookMs, nowMs, window.size);
}

/** A window of 256 that knows that an answer may take 1 ms. */
function grown(): InFlightWindow {
  const window = new InFlightWindow(MOST);
  for (let n = 0; n < 3; n++) round(window, n, 1);
  return window;
}

/** A window that refusals have cut to the least. */
function cutToTheLeast(): InFlightWindow {
  const window = new InFlightWindow(MOST);
  for (let sentMs = 0; sentMs < 1_000; sentMs++) window.refused(sentMs, sentMs);
  return window;
}

describe('the window of requests in flight', () => {
  test('given nothing is refused or late, then it doubles with each round of answers up to the most it may be', () => {
    const window = new InFlightWindow(1_000);
    const sizes = Array.from({ length: 7 }, (_, n) => {
      const { size } = window;
      round(window, n, 1);
      return size;
    });

    expect(sizes).toEqual([32, 64, 128, 256, 512, 1_000, 1_000]);
  });

  test('given a round of refusals, then it is cut once, and grows by one with each round of answers', () => {
    const window = new InFlightWindow(100);
    for (let n = 0; n < 2; n++) round(window, n, 1);

    for (let n = 0; n < 60; n++) window.refused(4, 3);
    const { size } = window;
    round(window, 5, 1);

    expect([size, window.size]).toEqual([70, 71]);
  });

  test('given requests sent after the cut that are refused too, then it is cut again, never to nothing', () => {
    expect(cutToTheLeast().size).toBe(4);
  });

  test.each([1, 20, 80, 300])(
    'given a surge that cut it to the least, when all is well again, then within two seconds and some round trips of %i ms it is more than it was at first',
    (roundTripMs) => {
      const window = cutToTheLeast();

      for (let nowMs = 1_000; nowMs < 3_000 + 2 * roundTripMs; nowMs += roundTripMs) round(window, nowMs, roundTripMs);

      expect(window.size).toBeGreaterThanOrEqual(64);
    },
  );

  test('given nothing was sent for long, then it begins anew, whether it was large or small', () => {
    const [large, busy, small] = [new InFlightWindow(MOST), new InFlightWindow(MOST), cutToTheLeast()];
    for (let n = 0; n < 10; n++) round(large, n, 1);
    for (let n = 0; n < 10; n++) round(busy, 9_000 + n, 1);
    for (const window of [large, small, busy]) window.resumed(12_000);

    expect([large.size, small.size, busy.size]).toEqual([32, 32, MOST]);
  });

  test('given any answers and refusals, then it is from 1 to the most it may be', () => {
    const event = fc.record({ served: fc.boolean(), tookMs: fc.integer({ min: 0, max: 200 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), fc.array(event, { maxLength: 500 }), (most, events) => {
        const window = new InFlightWindow(most);
        for (const [nowMs, { served, tookMs }] of events.entries()) {
          if (served) window.answered(nowMs, nowMs - tookMs);
          else window.refused(nowMs, nowMs - tookMs);
          expect(window.size).toBeGreaterThanOrEqual(1);
          expect(window.size).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('given many clients of a grid that serves some hundred at once, then it is kept busy and nobody is left out', () => {
    const capacity = 300;
    const windows = Array.from({ length: 20 }, () => new InFlightWindow(MOST));
    let served = 0;
    const rounds = 400;
    for (let n = 0; n < rounds; n++) {
      // Whoever comes first is served; who that is changes from round to round.
      let left = capacity;
      for (let client = 0; client < windows.length; client++) {
        const window = windows[(client + 7 * n) % windows.length] as InFlightWindow;
        const granted = Math.min(left, window.size);
        const refused = window.size - granted;
        left -= granted;
        window.answered(n + 1, n, granted);
        if (refused > 0) window.refused(n + 1, n);
      }
      served += capacity - left;
    }

    expect(served / (rounds * capacity)).toBeGreaterThan(0.9);
    const sizes = windows.map(({ size }) => size);
    expect(Math.max(...sizes)).toBeLessThan(10 * Math.min(...sizes));
  });
});

describe('the window, when answers are late', () => {
  test.each([
    ['a little', 8, 0.85],
    ['very', 30, 0.5],
  ])('given they are %s late for a tenth of a second, then it is cut, once a round trip', (_how, tookMs, by) => {
    const window = grown();

    const sizes: number[] = [];
    for (let nowMs = 10; nowMs < 1_000 && sizes.length < 3; nowMs += tookMs + 1) {
      round(window, nowMs, tookMs);
      if (sizes.at(-1) !== window.size) sizes.push(window.size);
      if (nowMs < 100) expect(window.size).toBe(256);
    }

    expect(sizes).toEqual([256, Math.floor(256 * by), Math.floor(256 * by * by)]);
  });

  test('given a pause of something that makes one round trip very late, then it is not cut', () => {
    const window = grown();

    round(window, 10, 90);
    for (let nowMs = 101; nowMs < 300; nowMs += 2) round(window, nowMs, 1);

    expect(window.size).toBeGreaterThanOrEqual(256);
  });

  test('given a round trip in which a few are very late, then those were unlucky, and it is not cut', () => {
    const window = grown();

    for (let n = 0; n < window.size; n++) window.answered(110, n < 9 ? 10 : 109, 0);
    for (let n = 0; n < window.size; n++) window.answered(130, 111, 0);

    expect(window.size).toBe(256);
  });

  test('given all are for long, then it is not cut to nothing: it may be the client that is slow', () => {
    const window = grown();

    for (let nowMs = 10; nowMs < 10_000; nowMs += 50) round(window, nowMs, 50);

    expect(window.size).toBe(12);
  });

  test('given a program that is busy, then they are late for its own sake, and it is not cut', () => {
    const window = new InFlightWindow(MOST, () => 0.95);
    round(window, 0, 1);

    for (let nowMs = 10; nowMs < 1_000; nowMs += 50) round(window, nowMs, 50);

    expect(window.size).toBe(MOST);
  });

  test('given a grid that is far away, then its distance is not taken for waiting', () => {
    const window = new InFlightWindow(MOST);

    for (let nowMs = 0; nowMs < 1_000; nowMs += 80) round(window, nowMs, 80 + (nowMs % 7));

    expect(window.size).toBe(MOST);
  });

  test('given a store that has become slower for good, then that is believed after some minutes', () => {
    const window = grown();

    for (let nowMs = 10; nowMs < 10 * 60_000; nowMs += 30) round(window, nowMs, 30);

    expect(window.size).toBe(MOST);
  });

  test('given more clients than a grid has room for at once, then it is kept busy, few wait long, and each gets its share', () => {
    const servedPerMs = 180;
    const clients = Array.from({ length: 64 }, () => ({ window: new InFlightWindow(4_096), inFlight: 0, served: 0 }));
    for (const { window } of clients) window.answered(-10, -11, 0);
    const queue: { client: number; sentMs: number }[] = [];
    const waits: number[] = [];
    const untilMs = 2_000;
    for (let nowMs = 0; nowMs < untilMs; nowMs++) {
      for (const { client, sentMs } of queue.splice(0, servedPerMs)) {
        const asker = clients[client] as (typeof clients)[number];
        asker.inFlight -= 1;
        asker.served += 1;
        asker.window.answered(nowMs, sentMs);
        waits.push(nowMs - sentMs);
      }
      for (const [client, asker] of clients.entries()) {
        for (; asker.inFlight < asker.window.size; asker.inFlight++) queue.push({ client, sentMs: nowMs });
      }
    }

    waits.sort((a, b) => a - b);
    const shares = clients.map(({ served }) => served / (waits.length / clients.length));
    expect(waits.length / (servedPerMs * untilMs)).toBeGreaterThan(0.98);
    expect(waits[Math.floor(waits.length * 0.99)]).toBeLessThan(16);
    expect([Math.min(...shares) > 0.5, Math.max(...shares) < 2.5]).toEqual([true, true]);
  });
});
