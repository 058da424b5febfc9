// How likely a silent parcel is lost.
import { expect, test } from 'vitest';
import { lostProbability } from './lost.ts';

test('given a parcel that is not seen, then it is the more likely lost the longer: few in a hundred after three days, most after ten', () => {
  const byDays = [0, 1, 2, 3, 5, 7, 10, 30].map((days) => lostProbability(24 * days));

  expect(byDays).toEqual([...byDays].sort((a, b) => a - b));
  expect(byDays[0]).toBeCloseTo(0.004);
  expect(byDays[3]).toBeLessThan(0.1);
  expect(byDays[6]).toBeGreaterThan(0.7);
  expect(byDays.at(-1)).toBeGreaterThan(0.99);
});
