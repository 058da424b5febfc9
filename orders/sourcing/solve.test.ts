import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
  ])('given %s, then it throws', (_, wrong) => {
    const options = [{ node: 0, fixed: 1, perUnit: [1], available: [1] }];
    const good: Problem = { wanted: [1], options, splitPenalty: 0, shipmentsMax: 1, visitsMax: 100 };

    expect(() => solve({ ...good, ...wrong })).toThrow(RangeError);
  });
});
