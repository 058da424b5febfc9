// What a person is shown of pooled stock, by what the regions answer.
import { describe, expect, test } from 'vitest';
import type { GetReply, PoolAccountView } from '../../protocol/index.ts';
import { isUnbalanced, type PoolAsked, type PoolStatus, poolLines, poolStatus } from './pool-status.ts';

function answer(
  region: string,
  [minted, rights, consumed]: readonly [number, number, number],
  regions: readonly PoolAccountView[],
): GetReply {
  const totals = { onHand: rights, reserved: 0, allocated: 0, availableToSell: rights, nodes: [] };
  return {
    ok: true,
    sku: 'a',
    region,
    ...totals,
    pool: { minted, rights, consumed, regions },
    version: { epoch: 1, seq: 1 },
  };
}

const EU = answer(
  'eu',
  [100, 60, 10],
  [{ region: 'us', given: 30, taken: 0, inFlight: 10, rights: 15, heardMsAgo: 40 }],
);
const US = answer('us', [0, 15, 5], [{ region: 'eu', given: 0, taken: 20 }]);

function status(...answers: GetReply[]): PoolStatus {
  const found = poolStatus('a', answers);
  if (found === undefined) throw new Error('no pool');
  return found;
}

/** Of all that are asked here some answer. */
const ASKED: PoolAsked = { answered: ['eu', 'us', 'za'], isAnySilent: false };

describe('the pool as a person sees it', () => {
  test('given all regions, then each shows what it has, what is on its way to it, and the sums agree', () => {
    expect(poolLines(status(US, EU), ASKED).join('\n')).toMatchInlineSnapshot(`
      "pooled stock of a
      region  rights  on the way to it  consumed  minted
      eu          60                 0        10     100
      us          15                10         5       0
      all         75                10        15     100"
    `);
    expect(isUnbalanced(status(US, EU))).toBe(false);
  });

  test('given a region that does not answer, then the latest that was heard of it stands in its place', () => {
    const za = answer(
      'za',
      [0, 0, 0],
      [
        { region: 'eu', given: 0, taken: 0 },
        { region: 'us', given: 0, taken: 0, inFlight: 0, rights: 14, heardMsAgo: 9_000 },
      ],
    );
    const asked = { answered: ['eu', 'za'], isAnySilent: true };
    expect(poolLines(status(za, EU), asked).join('\n')).toContain('no answer; eu heard of 15 rights 40 ms ago');
    expect(isUnbalanced(status(za, EU))).toBe(false);
  });

  test('given one region that was asked, then the other was not, and on its way is what the giver has not heard to be there', () => {
    const asked = { answered: ['eu'], isAnySilent: false };
    expect(poolLines(status(EU), asked).join('\n')).toMatchInlineSnapshot(`
      "pooled stock of a
      region  rights  on the way to it  consumed  minted
      eu      60                     0  10        100
      us      ?                     10  ?         ?       not asked; eu heard of 15 rights 40 ms ago
      all     60                    10  10        100"
    `);
    const arrived = answer('eu', [100, 60, 10], [{ region: 'us', given: 30, taken: 0, inFlight: 0 }]);
    expect(poolLines(status(arrived), asked)[1]).toMatch(/us +\? +0 +\? +\? +not asked\nall +60 +0 /);
    const unheard = answer('eu', [100, 60, 10], [{ region: 'us', given: 30, taken: 0 }]);
    expect(poolLines(status(unheard), asked)[1]).toMatch(/us +\? +at most 30 .*not asked/);
  });

  test('given units that are in no place, then it says how many', () => {
    const lost = answer('us', [0, 14, 5], [{ region: 'eu', given: 0, taken: 20 }]);
    expect(isUnbalanced(status(lost, EU))).toBe(true);
    expect(poolLines(status(lost, EU), ASKED).at(-1)).toBe('1 units are gone');
  });

  test('given a transfer between two answers, then it asks to be asked again, and accuses nobody', () => {
    const later = answer('us', [0, 25, 5], [{ region: 'eu', given: 0, taken: 30 }]);
    const before = answer('eu', [100, 70, 10], [{ region: 'us', given: 20, taken: 0 }]);
    expect(poolLines(status(later, before), ASKED).at(-1)).toContain('ask again');
    expect(isUnbalanced(status(later, before))).toBe(false);
  });

  test('given no region with a pool of the sku, then there is nothing to show', () => {
    expect(poolStatus('a', [])).toBeUndefined();
  });
});
