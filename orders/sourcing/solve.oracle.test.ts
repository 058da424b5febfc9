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
/** Above all that shipping a unit can cost here, so that the program fills what it can, and small enough for its arithmetic. */
const UNFILLED_COST = 100_000;

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

describe('solve', () => {
  test('given orders of the usual size, then it costs what HiGHS proves to be the least', async () => {
    const highs = await loadHighs();
    fc.assert(
      fc.property(order, (problem) => {
        const { cost, unfilled, proved } = solve(problem);

        const proof = highs.solve(program(problem), { mip_rel_gap: 0 });
        expect(proof.Status).toBe('Optimal');
        const short = unfilled.reduce((sum, units) => sum + units, 0);
        expect(cost + short * UNFILLED_COST).toBeCloseTo(proof.ObjectiveValue, 2);
        expect(proved).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});
