// Keys of effects outside: one for each effect of each task, in every region, in letters that the grid and carriers take.
import { expect, test } from 'vitest';
import { uuidV7Time } from '../../node/core/uuid.ts';
import { readKey } from '../carriers/requests.ts';
import { effectKey, requestIdAt } from './keys.ts';

const LONG = 'x'.repeat(60);

test.each([
  ['regions', effectKey('us-east', 'o-1/book#1'), effectKey('eu-west', 'o-1/book#1')],
  ['long orderIds that end alike', effectKey('us', `AAA${LONG}/stock#1`), effectKey('us', `BBB${LONG}/stock#1`)],
  ['orderIds with slashes', effectKey('us', 'a/b/c#1', 'd'), effectKey('us', 'a/b/c#1/d')],
  ['orderIds beyond ASCII', effectKey('us', 'é😀/book#1'), effectKey('us', 'é😁/book#1')],
  ['parts of a task', effectKey('us', 'o-1/stock#1', '0', 'out'), effectKey('us', 'o-1/stock#1', '0', 'in')],
])('effects of different %s have different keys, which carriers take', (_, one, other) => {
  expect(one).not.toBe(other);
  for (const key of [one, other]) {
    expect(readKey(key)).toBe(key);
    expect(key.length).toBeLessThanOrEqual(64);
  }
});

test('a key is the same whenever it is asked for, and people can read it where it is short', () => {
  expect(effectKey('us-east', 'o-1/book#1')).toBe('us-east/o-1/book#1');
  expect(effectKey('us-east', `${LONG}/book#1`)).toBe(effectKey('us-east', `${LONG}/book#1`));
});

test('a requestId carries its time as a UUIDv7, and is one for each key and time', () => {
  const at = 1_763_860_600_123;
  const id = requestIdAt(at, 'a');
  expect(uuidV7Time(id)).toBe(at);
  expect(requestIdAt(at, 'a')).toBe(id);
  expect(new Set([id, requestIdAt(at, 'b'), requestIdAt(at + 1, 'a')]).size).toBe(3);
});
