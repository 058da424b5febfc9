// requestIds: their form, the time in them, and that they differ.
import { expect, test } from 'vitest';
import { uuidv7 } from './uuidv7.ts';

test('given a time, then the id is a UUIDv7 of that time', () => {
  const now = 1_763_856_000_123;

  const id = uuidv7(now);

  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(now);
});

test('given one and the same millisecond, then no two ids are equal', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => uuidv7(0)));

  expect(ids.size).toBe(10_000);
});
