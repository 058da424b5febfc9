// The ring by its properties: the same everywhere, bounded, and moving little (I10).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadMax, placePartitions, placeUnbounded, preferenceOf } from './ring.ts';

const memberId = fc.string({ minLength: 1, maxLength: 20 }).filter((id) => id !== '__proto__');
const anyPartitions = fc.integer({ min: 0, max: 300 });

function membersOf(minLength: number, maxLength: number) {
  return fc.uniqueArray(memberId, { minLength, maxLength });
}

/** Member sets as they occur, `count` ids each, from one seed. */
function drawSets(seed: number, sets: number, count: number): string[][] {
  const ids = fc.uniqueArray(fc.uuid(), { minLength: count, maxLength: count });
  return fc.sample(ids, { numRuns: sets, seed });
}

function loadsOf(owners: readonly string[]): Map<string, number> {
  const loads = new Map<string, number>();
  for (const owner of owners) loads.set(owner, (loads.get(owner) ?? 0) + 1);
  return loads;
}

function moved(before: readonly string[], after: readonly string[]): number[] {
  return [...after.keys()].filter((partition) => before[partition] !== after[partition]);
}

describe('the ring (I10)', () => {
  test('given any members, then every partition has one of them and none has more than its bound', () => {
    fc.assert(
      fc.property(membersOf(1, 40), anyPartitions, (members, partitions) => {
        const owners = placePartitions(members, partitions);

        expect(owners).toHaveLength(partitions);
        for (const owner of owners) expect(members).toContain(owner);
        for (const load of loadsOf(owners).values()) {
          expect(load).toBeLessThanOrEqual(Math.ceil((105 * partitions) / (100 * members.length)));
        }
      }),
    );
  });

  test('given the same members in any order, after any other ring was computed, then the placement is the same', () => {
    const shuffled = membersOf(1, 40).chain((members) =>
      fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length })),
    );
    fc.assert(
      fc.property(shuffled, membersOf(1, 10), anyPartitions, ([members, otherwise], others, partitions) => {
        const placement = placePartitions(members, partitions);
        placePartitions(others, partitions);

        expect(placePartitions(otherwise, partitions)).toEqual(placement);
      }),
    );
  });

  test('given members whose points are equal, then the order they come in still does not matter', () => {
    // Unpaired surrogates have one encoding, and so one digest.
    const members = ['\ud800', '\ud801', '\ud802'];

    expect(placePartitions(members.toReversed(), 64)).toEqual(placePartitions(members, 64));
  });

  test('given known members, then the placement is the one of every version: a mixed fleet must agree', () => {
    const owners = placePartitions(['a', 'b', 'c'], 16);

    expect(owners.join('')).toBe('abbcabbcaccaaacc');
  });

  test('given a member that joins or leaves, then the plain ring moves no partition between two that stayed', () => {
    fc.assert(
      fc.property(membersOf(2, 60), anyPartitions, (members, partitions) => {
        const joining = members[0] as string;
        const before = placeUnbounded(members.slice(1), partitions);
        const after = placeUnbounded(members, partitions);

        for (const partition of moved(before, after)) expect(after[partition]).toBe(joining);
      }),
    );
  });

  test('given any number of members, then each has as many points: one more changes nothing for the others', () => {
    // With these counts the package's own arithmetic gives every member fewer points.
    for (const count of [7, 14, 28, 49, 56, 98]) {
      const members = Array.from({ length: count }, (_, i) => `w${i}`);
      const before = placeUnbounded(members, 1_024);
      const after = placeUnbounded([...members, 'joins'], 1_024);

      expect(new Set(moved(before, after).map((partition) => after[partition]))).toEqual(new Set(['joins']));
    }
  });

  test('given bounded load, then a partition moves between two that stayed only if it is displaced before or after', () => {
    fc.assert(
      fc.property(membersOf(2, 40), anyPartitions, (members, partitions) => {
        const joining = members[0] as string;
        const stayed = members.slice(1);
        const [before, after] = [placePartitions(stayed, partitions), placePartitions(members, partitions)];
        const [plainBefore, plainAfter] = [placeUnbounded(stayed, partitions), placeUnbounded(members, partitions)];

        for (const partition of moved(before, after)) {
          if (after[partition] === joining) continue;
          const displaced = before[partition] !== plainBefore[partition] || after[partition] !== plainAfter[partition];
          expect(displaced, `partition ${partition}`).toBe(true);
        }
      }),
    );
  });

  test('given a ring on which nobody is above the bound, then the bound changes nothing', () => {
    fc.assert(
      fc.property(membersOf(1, 6), anyPartitions, (members, partitions) => {
        const plain = placeUnbounded(members, partitions);
        const bound = loadMax(members.length, partitions);
        fc.pre([...loadsOf(plain).values()].every((load) => load <= bound));

        expect(placePartitions(members, partitions)).toEqual(plain);
      }),
    );
  });

  // What a join (or, the other way round, a leave) moves on average, in multiples of the share of the one who joins. Over
  // 120 seeds the plain ring moved 1.00 in the mean with a standard deviation of 0.024 to 0.045, bounded load 1.15, 1.28,
  // 1.54 and 1.72 with 0.017 to 0.053: the ceilings are six deviations above, where chance does not come.
  test.each([
    { members: 8, plain: 1.15, bounded: 1.26 },
    { members: 16, plain: 1.17, bounded: 1.42 },
    { members: 32, plain: 1.22, bounded: 1.73 },
    { members: 64, plain: 1.28, bounded: 2.05 },
  ])(
    'given $members members, when one joins, then the plain ring moves ≤ $plain shares and bounded load ≤ $bounded',
    ({ members, plain, bounded }) => {
      const partitions = 1_024;
      const sets = 40;
      const share = partitions / (members + 1);
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          let plainMoves = 0;
          let boundedMoves = 0;
          for (const joined of drawSets(seed, sets, members + 1)) {
            const stayed = joined.slice(1);
            plainMoves += moved(placeUnbounded(stayed, partitions), placeUnbounded(joined, partitions)).length;
            boundedMoves += moved(placePartitions(stayed, partitions), placePartitions(joined, partitions)).length;
          }
          expect(plainMoves / sets / share).toBeLessThanOrEqual(plain);
          expect(boundedMoves / sets / share).toBeLessThanOrEqual(bounded);
        }),
        { numRuns: 2 },
      );
    },
  );

  test('given a key, then its preference list has each member once, and a leave changes nothing for the others', () => {
    fc.assert(
      fc.property(membersOf(1, 30), fc.string(), (members, key) => {
        const list = preferenceOf(members, key);
        const leaving = members[0] as string;

        expect([...list].sort()).toEqual([...members].sort());
        expect(preferenceOf(members.slice(1), key)).toEqual(list.filter((member) => member !== leaving));
      }),
    );
  });

  test.each([
    { members: [], partitions: 8, names: 'members' },
    { members: ['a', 'a'], partitions: 8, names: 'there twice' },
    { members: [''], partitions: 8, names: 'cannot be used' },
    { members: ['a', '__proto__'], partitions: 8, names: 'cannot be used' },
    { members: Array.from({ length: 1_025 }, (_, i) => `${i}`), partitions: 8, names: '1 to 1024' },
    { members: ['a'], partitions: -1, names: 'partitions' },
    { members: ['a'], partitions: 1.5, names: 'partitions' },
    { members: ['a'], partitions: 65_537, names: 'partitions' },
  ])(
    'given $members.length members and $partitions partitions, then what cannot be placed is refused: $names',
    (given) => {
      expect(() => placePartitions(given.members, given.partitions)).toThrow(RangeError);
      expect(() => placePartitions(given.members, given.partitions)).toThrow(given.names);
    },
  );
});
