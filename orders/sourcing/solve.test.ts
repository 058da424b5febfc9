// The search against every choice there is, and what it says of its own proof.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PACKAGES_MAX } from './limits.ts';
import type { Problem, ShipmentOption } from './problem.ts';
import { solve } from './solve.ts';

const VISITS_MAX = 1_000_000;

/** Every set of shipments there is, each item dealt to every split of its units. Slow, and so simple that it can be believed. */
function leastCost({ wanted, options, splitPenalty, shipmentsMax }: Problem): { unfilled: number; cost: number } {
  let best = { unfilled: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY };
  for (let set = 0; set < 2 ** options.length; set++) {
    const chosen = options.filter((_, n) => (set >> n) & 1);
    if (chosen.length > shipmentsMax || new Set(chosen.map(({ node }) => node)).size < chosen.length) continue;
    let cost = chosen.reduce((sum, { fixed }) => sum + fixed, Math.max(0, chosen.length - 1) * splitPenalty);
    let unfilled = 0;
    for (const [item, units] of wanted.entries()) {
      const least = cheapestSplit(units, chosen, item);
      cost += least.cost;
      unfilled += least.unfilled;
    }
    if (unfilled < best.unfilled || (unfilled === best.unfilled && cost < best.cost)) best = { unfilled, cost };
  }
  return best;
}

function cheapestSplit(
  units: number,
  chosen: readonly ShipmentOption[],
  item: number,
): { unfilled: number; cost: number } {
  const [first, ...rest] = chosen;
  if (first === undefined) return { unfilled: units, cost: 0 };
  let best = { unfilled: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY };
  for (let given = 0; given <= Math.min(units, first.available[item] as number); given++) {
    const others = cheapestSplit(units - given, rest, item);
    const cost = others.cost + given * (first.perUnit[item] as number);
    if (others.unfilled < best.unfilled || (others.unfilled === best.unfilled && cost < best.cost)) {
      best = { unfilled: others.unfilled, cost };
    }
  }
  return best;
}

const cost = fc.integer({ min: 0, max: 50 });

const problem: fc.Arbitrary<Problem> = fc
  .record({ items: fc.integer({ min: 1, max: 3 }), nodes: fc.integer({ min: 1, max: 4 }) })
  .chain(({ items, nodes }) => {
    const perItem = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: items, maxLength: items });
    const service = fc.record({ fixed: fc.integer({ min: 0, max: 200 }), perUnit: perItem(cost) });
    const node = fc.record({
      available: perItem(fc.integer({ min: 0, max: 4 })),
      services: fc.array(service, { minLength: 1, maxLength: 2 }),
    });
    return fc.record({
      wanted: perItem(fc.integer({ min: 0, max: 4 })),
      options: fc
        .array(node, { minLength: nodes, maxLength: nodes })
        .map((all) =>
          all.flatMap(({ available, services }, n) => services.map((one) => ({ node: n, available, ...one }))),
        ),
      splitPenalty: cost,
      shipmentsMax: fc.integer({ min: 1, max: 4 }),
      visitsMax: fc.constant(VISITS_MAX),
    });
  });

/** The same with greatest weights, where items compete for room: every way to deal all units. */
function leastCostWithin({ wanted, grams = [], options, splitPenalty, shipmentsMax }: Problem): {
  unfilled: number;
  cost: number;
} {
  let best = { unfilled: Number.POSITIVE_INFINITY, cost: Number.POSITIVE_INFINITY };
  const deal = (chosen: readonly ShipmentOption[], room: number[], item: number, unfilled: number, cost: number) => {
    const want = wanted[item];
    if (want === undefined) {
      if (unfilled < best.unfilled || (unfilled === best.unfilled && cost < best.cost)) best = { unfilled, cost };
      return;
    }
    const give = (n: number, left: number, spent: number): void => {
      const one = chosen[n];
      if (one === undefined) {
        deal(chosen, room, item + 1, unfilled + left, spent);
        return;
      }
      for (let given = 0; given <= Math.min(left, one.available[item] as number); given++) {
        const weight = given * (grams[item] as number);
        if (weight > (room[n] as number)) break;
        room[n] = (room[n] as number) - weight;
        give(n + 1, left - given, spent + given * (one.perUnit[item] as number));
        room[n] = (room[n] as number) + weight;
      }
    };
    give(0, want, cost);
  };
  for (let set = 0; set < 2 ** options.length; set++) {
    const chosen = options.filter((_, n) => (set >> n) & 1);
    if (chosen.length > shipmentsMax || new Set(chosen.map(({ node }) => node)).size < chosen.length) continue;
    const sending = chosen.reduce((all, { fixed }) => all + fixed, Math.max(0, chosen.length - 1) * splitPenalty);
    const room = chosen.map(({ gramsMax = Number.POSITIVE_INFINITY }) => gramsMax);
    deal(chosen, room, 0, 0, sending);
  }
  return best;
}

/** Each service of a node has two prices: one for little weight and one for more, or for any. */
const heavyProblem: fc.Arbitrary<Problem> = fc.integer({ min: 1, max: 3 }).chain((items) => {
  const perItem = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: items, maxLength: items });
  const node = fc.record({
    available: perItem(fc.integer({ min: 0, max: 3 })),
    perUnit: perItem(cost),
    fixed: fc.integer({ min: 0, max: 100 }),
    more: fc.integer({ min: 0, max: 100 }),
    gramsMax: fc.integer({ min: 0, max: 900 }),
    above: fc.option(fc.integer({ min: 0, max: 900 })),
  });
  return fc
    .record({
      wanted: perItem(fc.integer({ min: 0, max: 3 })),
      grams: perItem(fc.constantFrom(0, 100, 150, 400)),
      nodes: fc.array(node, { minLength: 1, maxLength: 3 }),
      splitPenalty: cost,
      shipmentsMax: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ nodes, ...rest }) => ({
      ...rest,
      options: nodes.flatMap(({ available, perUnit, fixed, more, gramsMax, above }, n) => [
        { node: n, available, perUnit, fixed, gramsMax },
        { node: n, available, perUnit, fixed: fixed + more, ...(above === null ? {} : { gramsMax: gramsMax + above }) },
      ]),
      visitsMax: VISITS_MAX,
    }));
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe('solve', () => {
  test('given any problem, then the choice is as good as the best of all there are, and says so', () => {
    fc.assert(
      fc.property(problem, (any) => {
        const solution = solve(any);

        const least = leastCost(any);
        expect(sum(solution.unfilled)).toBe(least.unfilled);
        expect(solution.cost).toBeCloseTo(least.unfilled === sum(any.wanted) ? 0 : least.cost, 6);
        expect(solution).toMatchObject({ proved: true, gap: 0 });
      }),
      { numRuns: 1_000 },
    );
  });

  test('given greatest weights, then the choice is as good as the best of all there are, and no package is too heavy', () => {
    let heavy = 0;
    fc.assert(
      fc.property(heavyProblem, (any) => {
        const solution = solve(any);

        const least = leastCostWithin(any);
        expect(sum(solution.unfilled)).toBe(least.unfilled);
        expect(solution.cost).toBeCloseTo(least.unfilled === sum(any.wanted) ? 0 : least.cost, 6);
        expect(solution).toMatchObject({ proved: true, gap: 0 });
        for (const { shipments } of [solution, ...solution.alternatives]) {
          for (const { option, units } of shipments) {
            const weight = units.reduce((all, count, item) => all + count * (any.grams?.[item] as number), 0);
            expect(weight).toBeLessThanOrEqual(any.options[option]?.gramsMax ?? Number.POSITIVE_INFINITY);
          }
        }
        const free = solve({ ...any, options: any.options.map(({ gramsMax: _, ...option }) => option) });
        if (free.cost !== solution.cost) heavy += 1;
      }),
      { numRuns: 500 },
    );
    // In many of them the weights made a difference.
    expect(heavy).toBeGreaterThan(50);
  });

  test('given more ways to share two packages than are looked at, then it ends, and the gap says what another could save', () => {
    const items = 30;
    const available = Array.from({ length: items }, () => 50);
    const grams = available.map((_, item) => 101 + 7 * item);
    const gramsMax = grams.reduce((all, each) => all + 50 * each, 0) / 2 + 50;
    const option = (node: number, slope: number) => ({
      node,
      fixed: 100,
      available,
      gramsMax,
      perUnit: grams.map((_, item) => 10 + ((item * slope) % 13)),
    });

    const solution = solve({
      wanted: available,
      grams,
      options: [option(0, 5), option(1, 7)],
      splitPenalty: 0,
      shipmentsMax: 2,
      visitsMax: VISITS_MAX,
    });

    expect(solution.proved).toBe(false);
    expect(sum(solution.unfilled)).toBeLessThanOrEqual(2);
    expect(solution.gap).toBeGreaterThan(0);
  });

  test('given more units than could be counted one by one, then it ends as soon as with few', () => {
    const grams = [7, 11, 13, 17, 19, 23];
    const wanted = grams.map(() => 1e8);
    const gramsMax = 1e8 * 45 + 1_000;
    const option = (node: number, slope: number) => ({
      node,
      fixed: 100,
      available: wanted,
      gramsMax,
      perUnit: grams.map((_, item) => 10 + ((item * slope) % 7)),
    });

    const options = [option(0, 5), option(1, 3)];
    const began = performance.now();
    const { unfilled } = solve({ wanted, grams, options, splitPenalty: 0, shipmentsMax: 2, visitsMax: VISITS_MAX });

    expect(sum(unfilled)).toBe(0);
    // Some milliseconds; one by one, more than twenty seconds.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('given any problem and any patience, then no unit is given that is not there, none twice, and no node sends two packages', () => {
    fc.assert(
      fc.property(problem, fc.integer({ min: 0, max: 30 }), (any, visitsMax) => {
        const solution = solve({ ...any, visitsMax });

        for (const { shipments, unfilled } of [solution, ...solution.alternatives]) {
          expect(shipments.length).toBeLessThanOrEqual(any.shipmentsMax);
          const options = shipments.map(({ option }) => any.options[option] as ShipmentOption);
          expect(new Set(options.map(({ node }) => node)).size).toBe(shipments.length);
          for (const [item, wanted] of any.wanted.entries()) {
            const given = shipments.map(({ units }) => units[item] as number);
            expect(sum(given) + (unfilled[item] as number)).toBe(wanted);
            expect(given.every((units, n) => units <= ((options[n] as ShipmentOption).available[item] as number))).toBe(
              true,
            );
          }
          expect(shipments.every(({ units }) => sum(units) > 0)).toBe(true);
        }
      }),
    );
  });

  test('given less patience than it takes, then the gap holds what a better choice could save', () => {
    let cutShort = 0;
    fc.assert(
      fc.property(problem, fc.integer({ min: 0, max: 12 }), (any, visitsMax) => {
        const solution = solve({ ...any, visitsMax });

        const least = leastCost(any);
        if (solution.proved) {
          expect(sum(solution.unfilled)).toBe(least.unfilled);
          expect(solution.cost).toBeCloseTo(least.unfilled === sum(any.wanted) ? 0 : least.cost, 6);
        } else {
          cutShort += 1;
          if (sum(solution.unfilled) === least.unfilled) {
            expect(solution.cost * (1 - solution.gap)).toBeLessThanOrEqual(least.cost + 1e-6);
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(cutShort).toBeGreaterThan(20);
  });

  test('given no patience, then it is the greedy choice and says so', () => {
    const options = [0, 1, 2].map((node) => ({
      node,
      fixed: 10,
      perUnit: [1, 1],
      available: node < 2 ? [node, 1 - node] : [1, 0],
    }));
    const solution = solve({ wanted: [1, 1], options, splitPenalty: 1, shipmentsMax: 2, visitsMax: 0 });

    expect(solution).toMatchObject({ proved: false, isGreedy: true, unfilled: [0, 0] });
  });

  test('given that alternatives are to be looked for, then the choice is the same', () => {
    fc.assert(
      fc.property(problem, (any) => {
        const [alone, explained] = [solve(any), solve({ ...any, alternativesWithin: 0.5 })];

        expect(explained.cost).toBeCloseTo(alone.cost, 6);
        expect(explained.unfilled).toEqual(alone.unfilled);
        expect(explained.alternatives.length).toBeGreaterThanOrEqual(alone.alternatives.length);
      }),
    );
  });

  test('given alternatives, then none is better than the choice, and they come cheapest first', () => {
    fc.assert(
      fc.property(problem, (any) => {
        const { unfilled, cost, alternatives } = solve(any);

        const weights = [{ unfilled, cost }, ...alternatives].map((one) => sum(one.unfilled) * 1e9 + one.cost);
        expect(weights).toEqual(weights.toSorted((a, b) => a - b));
      }),
    );
  });

  test.each([
    ['units that are no whole number', { wanted: [1.5] }],
    ['units below 0', { wanted: [-1] }],
    ['a cost below 0', { splitPenalty: -1 }],
    ['a cost that is no number', { splitPenalty: Number.NaN }],
    ['options of other items', { wanted: [1, 1] }],
    ['weights of other items', { grams: [] }],
    ['more shipments than places in a set', { shipmentsMax: PACKAGES_MAX + 1 }],
  ])('given %s, then it throws', (_, wrong) => {
    const options = [{ node: 0, fixed: 1, perUnit: [1], available: [1] }];
    const good: Problem = { wanted: [1], options, splitPenalty: 0, shipmentsMax: 1, visitsMax: 100 };

    expect(() => solve({ ...good, ...wrong })).toThrow(RangeError);
  });
});
