// Pinball loss and coverage, against figures worked out by hand.
import { expect, test } from 'vitest';
import { LaneTable } from '../../transit/lane-table.ts';
import { DAY_MS, START, sent, steady } from '../../transit/testing/parcels.ts';
import type { Case } from './lanes.ts';
import { coverage, coverageBelow, pinball, replay, type Scored } from './score.ts';

const scored = (days: number, answered: number): Scored => ({
  handedOverAt: START,
  disruptedDays: undefined,
  days,
  answered: Array.from({ length: 7 }, () => answered),
  speed: 1,
});

test('given answers, then the pinball loss weighs each day by the quantile', () => {
  const shares = (0.5 + 0.75 + 0.85 + 0.9 + 0.95 + 0.97 + 0.99) / 7;

  expect(pinball([scored(3, 3)])).toBe(0);
  expect(pinball([scored(4, 3)])).toBeCloseTo(shares, 10);
  expect(pinball([scored(2, 3)])).toBeCloseTo(1 - shares, 10);
});

test('given answers that are met to the day, then they count as covered, and not as covered by more', () => {
  expect(coverage([scored(3, 3), scored(4, 3)], 0.9)).toBe(0.5);
  expect(coverageBelow([scored(3, 3), scored(2, 3)], 0.9)).toBe(0.5);
});

test('given parcels, then each is answered with what was known at its hand-over, and lost ones are not scored', () => {
  const cases = [...steady(0, 10, 10, () => 2), sent(1, 3, undefined)].map(({ shipment, days }): Case => {
    const deliveredAt = days === undefined ? undefined : shipment.handedOverAt + days * DAY_MS;
    return { shipment, deliveredAt, knownAt: deliveredAt };
  });
  const table = new LaneTable({ windowDays: 60, enough: 1, areaLength: 3, priorDays: 9 });
  const answers = replay(
    table,
    cases.sort((a, b) => a.shipment.handedOverAt - b.shipment.handedOverAt),
  );

  expect(answers).toHaveLength(100);
  expect(
    answers.filter(({ handedOverAt }) => handedOverAt < START + 2 * DAY_MS).every(({ answered }) => answered[0] === 9),
  ).toBe(true);
  expect(answers.at(-1)?.answered[0]).toBeCloseTo(2, 6);
});
