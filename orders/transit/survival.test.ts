// From quantiles to the share that is still on its way.
import { describe, expect, test } from 'vitest';
import { survivalOf } from './survival.ts';

describe('survivalOf', () => {
  const SHARES = [0.5, 0.9, 0.99];
  const DAYS = [2, 4, 8];

  test.each([
    [-1, 1],
    [0, 1],
    [1, 0.75],
    [2, 0.5],
    [3, 0.3],
    [4, 0.1],
    [8, 0.01],
  ])('given quantiles, then after %d days %d are still on their way', (days, share) => {
    expect(survivalOf(SHARES, DAYS)(days)).toBeCloseTo(share, 10);
  });

  test('given days beyond the last quantile, then some are left, and ever fewer', () => {
    // A tenth in twice the days, between the last two quantiles and beyond.
    expect(survivalOf(SHARES, DAYS)(16)).toBeCloseTo(0.001, 10);
    expect(survivalOf(SHARES, [2, 4, 4])(8)).toBeGreaterThan(0);
    expect(survivalOf(SHARES, [2, 4, 4 + 1e-9])(400)).toBeGreaterThan(0);
  });
});
