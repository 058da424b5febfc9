// When a parcel is handed over, and how likely it misses its promise.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { handedOverAt, missProbability } from './promise.ts';

const CHICAGO = {
  timeZone: 'America/Chicago',
  cutoff: '15:00',
  workingDays: [1, 2, 3, 4, 5],
  holidays: ['2026-11-26'],
};
const at = (text: string): number => Date.parse(text);
const leaves = (node: typeof CHICAGO, now: string): string => new Date(handedOverAt(node, at(now)) ?? 0).toISOString();

describe('handedOverAt', () => {
  test.each([
    ['before the cutoff', '2026-11-24T20:59:00Z', '2026-11-24T21:00:00.000Z'],
    ['at the cutoff', '2026-11-24T21:00:00Z', '2026-11-24T21:00:00.000Z'],
    ['after the cutoff', '2026-11-24T21:01:00Z', '2026-11-25T21:00:00.000Z'],
    ['after the last cutoff before a holiday', '2026-11-25T22:00:00Z', '2026-11-27T21:00:00.000Z'],
    ['after Friday’s cutoff', '2026-11-27T22:00:00Z', '2026-11-30T21:00:00.000Z'],
    ['before the clocks change, for a cutoff after', '2026-10-30T22:00:00Z', '2026-11-02T21:00:00.000Z'],
  ])('given a time %s, then it is the next cutoff of a working day there', (_, now, expected) => {
    expect(leaves(CHICAGO, now)).toBe(expected);
  });

  test('given a node that is never open, then there is none', () => {
    const holidays = Array.from({ length: 400 }, (_, n) =>
      new Date(at('2026-11-20') + n * 86_400_000).toISOString().slice(0, 10),
    );

    expect(handedOverAt({ ...CHICAGO, holidays }, at('2026-11-24T12:00:00Z'))).toBeUndefined();
  });
});

describe('missProbability', () => {
  const DAYS = { p50: 2, p75: 3, p85: 4, p90: 5, p95: 6, p97: 8, p99: 10 };
  const missing = (days: number): number => missProbability(DAYS, 0, days * 86_400_000);

  test.each([
    [0, 1],
    [-1, 1],
    [1, 0.75],
    [2, 0.5],
    [2.5, 0.375],
    [5, 0.1],
    [10, 0.01],
    [100, 0.01],
  ])('given %d days from hand-over to the promise, then it is %d', (days, expected) => {
    expect(missing(days)).toBeCloseTo(expected, 10);
  });

  test('given more time, then it is never more likely', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -2, max: 20, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        (days, more) => {
          expect(missing(days + more)).toBeLessThanOrEqual(missing(days) + 1e-12);
        },
      ),
    );
  });
});
