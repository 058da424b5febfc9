// The choice of shipments against HiGHS, a solver of mixed-integer programs that shares no idea with ours, on orders of the size that
// comes: eight hubs with eighteen services, a dozen items.
import fc from 'fast-check';
import highsModule from 'highs';
import { describe, expect, test } from 'vitest';
import type { Problem } from './problem.ts';
import { solve } from './solve.ts';

/** Its types describe it as CommonJS; what Node imports is the function itself. */
const loadHighs = highsModule as unknown as typeof highsModule.default;

const HUBS = 8;
const SERVICES = 18;
/** A problem that takes longer is left out: of 4,500 the slowest took 10 s. */
const SOLVER_SECONDS = 20;
/** Above all that shipping a unit can cost here, so that the program fills what it can, and small enough for its arithmetic. */
const UNFILLED_COST = 100_000;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The problem in the CPLEX LP format. y is whether an option ships, x how many units of an item, u what is unfilled, s the splits. */
function program({ wanted, options, splitPenalty, shipmentsMax }: Problem): string {
  const x = (option: number, item: number): string => `x${option}_${item}`;
  const y = options.map((_, option) => `y${option}`);
  const cost = [
    ...options.map(({ fixed }, option) => `${fixed} y${option}`),
    ...options.flatMap(({ perUnit }, option) => perUnit.map((each, item) => `${each} ${x(option, item)}`)),
    ...wanted.map((_, item) => `${UNFILLED_COST} u${item}`),
    `${splitPenalty} s`,
  ];
  const nodes = [...new Set(options.map(({ node }) => node))];
  const rows = [
    ...wanted.map((units, item) => `${options.map((_, option) => x(option, item)).join(' + ')} + u${item} = ${units}`),
    ...options.flatMap(({ available }, option) =>
      available.map((units, item) => `${x(option, item)} - ${Math.min(units, wanted[item] as number)} y${option} <= 0`),
    ),
    ...nodes.map((node) => `${y.filter((_, option) => options[option]?.node === node).join(' + ')} <= 1`),
    `${y.join(' + ')} <= ${shipmentsMax}`,
    `${y.join(' + ')} - s <= 1`,
  ];
  return `Minimize\nobj: ${cost.join(' + ')}\nSubject To\n${rows.map((row, n) => `r${n}: ${row}`).join('\n')}\nBinary\n${y.join(' ')}\nEnd\n`;
}

const order: fc.Arbitrary<Problem> = fc.integer({ min: 1, max: 13 }).chain((items) => {
  const perItem = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: items, maxLength: items });
  const hub = fc.record({
    available: perItem(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }))),
    handling: fc.integer({ min: 0, max: 300 }),
    services: fc.array(
      fc.record({ fixed: fc.integer({ min: 300, max: 2_500 }), slope: fc.integer({ min: 0, max: 400 }) }),
      { minLength: SERVICES, maxLength: SERVICES },
    ),
  });
  return fc
    .record({
      wanted: perItem(fc.integer({ min: 1, max: 4 })),
      weights: perItem(fc.integer({ min: 1, max: 5 })),
      hubs: fc.array(hub, { minLength: HUBS, maxLength: HUBS }),
      splitPenalty: fc.integer({ min: 0, max: 500 }),
      shipmentsMax: fc.integer({ min: 1, max: 4 }),
    })
    .map(({ wanted, weights, hubs, splitPenalty, shipmentsMax }) => ({
      wanted,
      options: hubs.flatMap(({ available, handling, services }, node) =>
        services.map(({ fixed, slope }) => ({
          node,
          fixed: fixed + handling,
          perUnit: weights.map((weight) => weight * slope),
          available,
        })),
      ),
      splitPenalty,
      shipmentsMax,
      visitsMax: Number.MAX_SAFE_INTEGER,
    }));
});

/**
 * What HiGHS found and what it proved: a choice counts as whole when it is within its tolerance of that, and a millionth of a shipment, or of
 * the cost of a unit unfilled, is cents. So its choice is rounded and weighed anew, and its own figure is a bound from below.
 */
function proof(solver: Awaited<ReturnType<typeof loadHighs>>, problem: Problem): { found: number; bound: number } {
  const solved = solver.solve(program(problem), { mip_rel_gap: 0, mip_abs_gap: 0, time_limit: SOLVER_SECONDS });
  fc.pre(solved.Status !== 'Time limit reached');
  expect(solved.Status).toBe('Optimal');
  const value = (name: string): number => Math.round((solved.Columns[name] as { Primal: number }).Primal);
  const { wanted, options, splitPenalty } = problem;
  const ships = options.map((_, option) => value(`y${option}`));
  const units = (option: number): number[] =>
    wanted.map((_, item) => (ships[option] === 1 ? value(`x${option}_${item}`) : 0));
  const given = options.map((_, option) => units(option));
  const shipped = options.map(({ fixed, perUnit }, option) =>
    ships[option] === 1 ? fixed + sum(perUnit.map((each, item) => each * (given[option]?.[item] as number))) : 0,
  );
  const unfilled = sum(wanted) - sum(given.map(sum));
  return {
    found: sum(shipped) + Math.max(0, sum(ships) - 1) * splitPenalty + unfilled * UNFILLED_COST,
    bound: solved.ObjectiveValue,
  };
}

describe('solve', () => {
  test('given orders of the usual size, then it costs no more than HiGHS found, and no less than it proves', async () => {
    const highs = await loadHighs();
    fc.assert(
      fc.property(order, (problem) => {
        const { cost, unfilled, proved } = solve(problem);

        const { found, bound } = proof(highs, problem);
        const weight = cost + sum(unfilled) * UNFILLED_COST;
        expect(weight).toBeLessThanOrEqual(found + 1e-6);
        expect(weight).toBeGreaterThanOrEqual(bound - 1e-6 * Math.max(1, bound));
        expect(proved).toBe(true);
      }),
      // A smaller order that fails too would take HiGHS an hour to find.
      { numRuns: 15, endOnFailure: true },
    );
  });
});
