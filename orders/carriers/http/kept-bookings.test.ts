// A carrier that answers well and keeps nothing of what it says.
import { expect, test } from 'vitest';
import { KeptBookings } from './kept-bookings.ts';
import { TAKEN_BACK_OPEN_MS, TAKEN_BACK_UNTIL_OPEN } from './limits.ts';

/** A carrier that took back so many bookings at time 1,000. */
function givenTakenBack(times: number, keyOf = (n: number) => `${n}`) {
  let now = 1_000;
  const kept = new KeptBookings(() => now);
  for (let n = 0; n < times; n++) kept.tookBack(keyOf(n));
  return {
    kept,
    moveTo: (at: number) => {
      now = at;
    },
  };
}

test('given bookings that were taken back one after the other, then none is asked for for a while, and then each opens it again', () => {
  const { kept, moveTo } = givenTakenBack(TAKEN_BACK_UNTIL_OPEN);
  expect(kept.waitMs).toBe(TAKEN_BACK_OPEN_MS);
  moveTo(1_000 + TAKEN_BACK_OPEN_MS);
  expect(kept.waitMs).toBe(0);
  kept.tookBack('another');
  expect(kept.waitMs).toBe(TAKEN_BACK_OPEN_MS);
});

test('given fewer, or one that was told again and again, then it is asked as before', () => {
  expect(givenTakenBack(TAKEN_BACK_UNTIL_OPEN - 1).kept.waitMs).toBe(0);
  expect(givenTakenBack(TAKEN_BACK_UNTIL_OPEN * 2, () => 'one').kept.waitMs).toBe(0);
});

test('given a parcel that it collects, then all is well again; one that it had before says nothing', () => {
  const { kept } = givenTakenBack(TAKEN_BACK_UNTIL_OPEN);
  kept.heardOf({ kind: 'pickedUp', at: 900 });
  kept.heardOf({ kind: 'labelCreated', at: 2_000 });
  expect(kept.waitMs).toBe(TAKEN_BACK_OPEN_MS);
  kept.heardOf({ kind: 'pickedUp', at: 2_000 });
  expect(kept.waitMs).toBe(0);
});
