// Groups of parcels and their parents.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Cells } from './cells.ts';

test('given fewer groups than slots, then each keeps its figures', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 52 }), { maxLength: 500 }), (keys) => {
      const cells = new Cells(2, 2 ** 12);
      for (const [n, key] of keys.entries()) cells.values[cells.claim(key, n) + 1] = n;
      expect(cells.size).toBe(keys.length);
      for (const [n, key] of keys.entries()) expect(cells.values[cells.find(key) + 1]).toBe(n);
      const again = new Cells(2, 2 ** 12, cells.state());
      for (const [n, key] of keys.entries()) expect(again.values[again.find(key) + 1]).toBe(n);
    }),
    { numRuns: 50 },
  );
});

test('given more groups than slots, then memory is bounded, and those touched last are kept', () => {
  const cells = new Cells(2, 2 ** 10);
  for (let key = 0; key < 100_000; key++) cells.claim(key, key);

  expect(cells.size).toBeLessThanOrEqual(2 ** 10);
  expect(cells.bytes).toBe(2 ** 10 * (8 + 2 * 4));
  const newest = Array.from({ length: 200 }, (_, n) => 99_999 - n);
  expect(newest.filter((key) => cells.find(key) >= 0).length).toBeGreaterThan(190);
  expect(cells.find(1)).toBe(-1);
});

test('given a million lanes, then they take 100 MB at most, and each is found', () => {
  const cells = new Cells(10, 2 ** 21);
  let lost = 0;
  for (let lane = 0; lane < 1_000_000; lane++) cells.claim((lane % 18) * 2 ** 28 + lane, 1);
  for (let lane = 0; lane < 1_000_000; lane++) if (cells.find((lane % 18) * 2 ** 28 + lane) < 0) lost++;

  expect(cells.bytes).toBeLessThanOrEqual(100 * 2 ** 20);
  expect(lost).toBeLessThan(1_000);
});
