// What a belief in a disruption becomes with time, and what it makes of a parcel's days.
import { describe, expect, test } from 'vitest';
import {
  age,
  BELIEFS,
  type Belief,
  placeOf,
  slowedQuantile,
  speedOf,
  stillOnWay,
  usualTimes,
  worstOf,
} from './disruption.ts';

const LENGTH_DAYS = 4;
/** All parcels are delivered in about two days. */
const usual = (days: number): number => Math.max(1e-6, Math.min(1, (2.2 - days) / 0.4));
const usualDays = (share: number): number => 1.8 + 0.4 * share;
const slowed = (belief: Belief, share: number, lengthDays = LENGTH_DAYS): number =>
  slowedQuantile(belief, lengthDays, share, usualDays(share), usual);
const sumOf = (belief: Belief): number => belief.reduce((sum, one) => sum + one, 0);

const aged = (belief: Belief, days: number, onsetsPerDay: number): Belief => {
  age(belief, days, onsetsPerDay, LENGTH_DAYS);
  return belief;
};

/** As likely as that a disruption to half speed has just begun. */
function disrupted(probability: number): Belief {
  const belief = new Float64Array(BELIEFS);
  belief[0] = 1 - probability;
  belief[placeOf(1, 0)] = probability;
  return belief;
}

describe('what a belief becomes', () => {
  test('given usual times, then disruptions are believed to begin, and where nothing is heard no more of them than in some hours', () => {
    const begun = (days: number): number => 1 - (aged(usualTimes(), days, 0.01)[0] as number);
    expect(begun(0.1)).toBeCloseTo(0.001, 5);
    expect(begun(1_000)).toBeLessThan(0.01);
  });

  test('given a disruption, then it is believed to be over after some lengths, and probabilities add up to 1 at any time', () => {
    for (const days of [0, 0.1, 1, 3, 10, Number.MAX_VALUE]) {
      expect(sumOf(aged(disrupted(1), days, 0.01))).toBeCloseTo(1, 9);
    }
    expect(speedOf(aged(disrupted(1), 0, 0))).toBe(0.5);
    expect(aged(disrupted(1), 5 * LENGTH_DAYS, 0)[0]).toBeGreaterThan(0.99);
  });

  test('given several that may slow a parcel, then the worst counts, and two that may are likelier than one', () => {
    expect(speedOf(worstOf([usualTimes(), disrupted(1)]))).toBe(0.5);
    const both = worstOf([disrupted(0.2), disrupted(0.2)]);
    expect(both[0]).toBeCloseTo(0.64, 9);
    expect(sumOf(both)).toBeCloseTo(1, 9);
  });
});

describe('what it makes of days', () => {
  test('given usual times, then nothing', () => {
    expect(slowed(usualTimes(), 0.9)).toBe(usualDays(0.9));
    expect(stillOnWay(usualTimes(), LENGTH_DAYS, 2, usual)).toBeCloseTo(0.5, 9);
  });

  test('given a disruption to half speed that goes on and on, then it takes twice as long; one that lasts a day adds about half of it', () => {
    expect(slowed(disrupted(1), 0.9, 1e6) / usualDays(0.9)).toBeCloseTo(2, 1);
    expect(slowed(disrupted(1), 0.9, 1) - usualDays(0.9)).toBeGreaterThan(0.3);
    expect(slowed(disrupted(1), 0.9, 1) - usualDays(0.9)).toBeLessThan(1.2);
  });

  test('given a disruption that is not likely, then the median stays about where it is, and upper quantiles rise', () => {
    expect(slowed(disrupted(0.1), 0.5) / usualDays(0.5)).toBeLessThan(1.06);
    expect(slowed(disrupted(0.1), 0.99) / usualDays(0.99)).toBeGreaterThan(1.1);
  });
});
