// I10: who has which partition, through any history of members.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rebalance } from './balance.ts';
import { placePartitions } from './ring.ts';

/** Members come and go one by one; never the last. */
const history = fc.array(fc.record({ joins: fc.boolean(), who: fc.nat({ max: 63 }) }), { minLength: 1, maxLength: 30 });

function moved(before: readonly string[], after: readonly string[]): number[] {
  return [...before.keys()].filter((partition) => before[partition] !== after[partition]);
}

function loads(placement: readonly string[], members: readonly string[]): number[] {
  return members.map((member) => placement.filter((owner) => owner === member).length);
}

describe('the placement after a change of the members (I10)', () => {
  test('given any history, then loads are even, a join moves one share, a leave what was left, and nothing else moves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), history, (partitions, changes) => {
        let members = ['w0'];
        let placement = rebalance([], members, partitions);
        for (const { joins, who } of changes) {
          const id = `w${who}`;
          const isMember = members.includes(id);
          if (joins === isMember || (isMember && members.length === 1)) continue;
          const before = placement;
          const left = members;
          members = joins ? [...members, id] : members.filter((member) => member !== id);
          placement = rebalance(before, members, partitions);
          const counts = loads(placement, members);
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          for (const partition of moved(before, placement)) {
            if (joins) expect(placement[partition]).toBe(id);
            else expect(before[partition]).toBe(id);
          }
          const share = Math.ceil(partitions / Math.max(members.length, left.length));
          expect(moved(before, placement).length).toBeLessThanOrEqual(joins ? share : share + 1);
        }
      }),
    );
  });

  test('given the same placement and members in any order, then the placement that follows is the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,6}$/), { minLength: 2, maxLength: 20 }), (members) => {
        const before = placePartitions(members.slice(1), 128);
        expect(rebalance(before, members.toReversed(), 128)).toEqual(rebalance(before, members, 128));
      }),
    );
  });

  test('given a member that came back before anything changed, then it has what it had', () => {
    const members = ['a', 'b', 'c'];
    const before = rebalance([], members, 128);
    expect(rebalance(before, ['c', 'a', 'b'], 128)).toEqual(rebalance(before, members, 128));
    const even = rebalance(before, members, 128);
    expect(rebalance(even, members, 128)).toEqual(even);
  });

  test('given no placement before, or one of another number of partitions, then the ring places all', () => {
    const members = ['a', 'b', 'c'];
    expect(rebalance([], members, 64)).toEqual(placePartitions(members, 64));
    expect(rebalance(['a', 'b'], members, 64)).toEqual(placePartitions(members, 64));
  });
});
