// Orders together, solved by HiGHS, against the search for each alone.
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSolver, type SolveNow } from './highs/solver.ts';
import { type JointOrder, type JointProblem, jointChoices, jointProgram } from './joint.ts';
import { type PricingInput, pricesOf, pricingProgram } from './pricing.ts';
import { reoptimised, reoptimising } from './reoptimise.ts';
import type { Situation } from './situation.ts';
import { type Choice, solve } from './solve.ts';
import { source } from './source.ts';
import { orderOf, rulesOf } from './testing/rules.ts';

const LIMITS = { timeMs: 10_000, gap: 0 };
const UNFILLED_COST = 10_000;
let solveNow: SolveNow;

beforeAll(async () => {
  solveNow = await loadSolver();
});

function together(problem: JointProblem): Choice[] {
  const program = jointProgram(problem);
  const solution = solveNow(program.program, LIMITS);
  expect(solution?.status).toBe('optimal');
  return jointChoices(problem, program, solution ?? { values: new Float64Array() });
}

const weigh = (choices: readonly Choice[]): number =>
  choices.reduce((all, { cost, unfilled }) => all + cost + UNFILLED_COST * unfilled.reduce((a, b) => a + b, 0), 0);

const ITEMS = 2;
const NODES = 3;
/** Some orders for the same SKUs over the same stock. */
const problems: fc.Arbitrary<JointProblem> = fc
  .record({
    stock: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: NODES * ITEMS, maxLength: NODES * ITEMS }),
    orders: fc.array(
      fc.record({
        wanted: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: ITEMS, maxLength: ITEMS }),
        fixed: fc.array(fc.integer({ min: 100, max: 900 }), { minLength: NODES, maxLength: NODES }),
        perUnit: fc.array(fc.integer({ min: 0, max: 90 }), { minLength: NODES, maxLength: NODES }),
        shipmentsMax: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ stock, orders }) => ({
    stock,
    packages: new Map(),
    unfilledCost: UNFILLED_COST,
    orders: orders.map(
      ({ wanted, fixed, perUnit, shipmentsMax }): JointOrder => ({
        positions: fixed.map((_, node) => [node * ITEMS, node * ITEMS + 1]),
        problem: {
          wanted,
          splitPenalty: 50,
          shipmentsMax,
          options: fixed.map((cost, node) => ({
            node,
            fixed: cost,
            perUnit: [perUnit[node] as number, perUnit[node] as number],
            available: stock.slice(node * ITEMS, node * ITEMS + ITEMS),
          })),
        },
      }),
    ),
  }));

/** Each order as it comes, with what those before left. */
function oneByOne({ orders, stock }: JointProblem): Choice[] {
  const left = [...stock];
  return orders.map(({ problem, positions }) => {
    const options = problem.options.map((option, n) => ({
      ...option,
      available: (positions[n] as readonly number[]).map((position) => left[position] as number),
    }));
    const choice = solve({ ...problem, options, visitsMax: 1_000_000 });
    for (const { option, units } of choice.shipments) {
      for (const [item, count] of units.entries()) {
        const position = positions[option]?.[item] as number;
        left[position] = (left[position] as number) - count;
      }
    }
    return choice;
  });
}

describe('orders together', () => {
  test('given any, then no more is taken than there is, and they cost no more than one by one; alone the same', () => {
    let better = 0;
    fc.assert(
      fc.property(problems, (problem) => {
        const choices = together(problem);

        const taken = problem.stock.map(() => 0);
        for (const [n, { shipments }] of choices.entries()) {
          for (const { option, units } of shipments) {
            for (const [item, count] of units.entries()) {
              const position = problem.orders[n]?.positions[option]?.[item] as number;
              taken[position] = (taken[position] as number) + count;
            }
          }
        }
        expect(taken.every((units, position) => units <= (problem.stock[position] as number))).toBe(true);
        const [all, alone] = [weigh(choices), weigh(oneByOne(problem))];
        expect(all).toBeLessThanOrEqual(alone + 1e-3);
        if (all < alone - 1) better += 1;
        if (problem.orders.length === 1) expect(all).toBeCloseTo(alone, 3);
      }),
      { numRuns: 30 },
    );
    expect(better).toBeGreaterThan(0);
  });

  test('given nodes that can hand over one package more, then no more is planned', () => {
    const order = (): JointOrder => ({
      positions: [[0], [1]],
      problem: {
        wanted: [1],
        splitPenalty: 0,
        shipmentsMax: 1,
        options: [100, 400].map((fixed, node) => ({ node, fixed, perUnit: [0], available: [9] })),
      },
    });

    const choices = together({
      orders: [order(), order()],
      stock: [9, 9],
      packages: new Map([[0, 1]]),
      unfilledCost: 10_000,
    });

    expect(choices.map(({ cost }) => cost).sort()).toEqual([100, 400]);
  });
});

describe('unreleased orders', () => {
  const toNewYork = orderOf({ A: 1 }, { orderId: 'easy' });
  const toChicago = orderOf(
    { A: 1, B: 1 },
    { orderId: 'hard', destination: { latitude: 41.88, longitude: -87.63, postalCode: '60601' } },
  );
  const stockOf = (units: Readonly<Record<string, Readonly<Record<string, number>>>>): Situation => ({
    stock: (_region, sku, node) => units[node]?.[sku] ?? 0,
    packagesOf: () => 0,
    now: Date.parse('2026-11-24T12:00:00Z'),
  });
  const rules = rulesOf({ splitPenalty: 2_000 });
  // The first took the last A of Chicago, for want of one in Newark; then one came to Newark.
  const plans = [
    { order: toNewYork, plan: source(toNewYork, rules, stockOf({ chicago: { A: 1 } })) },
    { order: toChicago, plan: source(toChicago, rules, stockOf({ newark: { A: 1 }, chicago: { B: 1 } })) },
  ];
  const now = stockOf({});

  const answer = (savingMin: number) => {
    const asked = reoptimising(plans, rules, now);
    return reoptimised(asked, together(asked.problem), savingMin);
  };

  test('given a swap that saves, then both change', () => {
    const { changes, saved } = answer(500);

    expect(saved).toBeGreaterThan(2_000);
    expect(changes.map(({ orderId, after }) => [orderId, after.packages.map(({ node }) => node)])).toEqual([
      ['easy', ['newark']],
      ['hard', ['chicago']],
    ]);
  });

  test('given that it saves too little, then nothing changes', () => {
    expect(answer(100_000)).toEqual({ changes: [], saved: 0 });
  });

  test('given more orders than are weighed at a time, then it says so', () => {
    expect(() => reoptimising(Array(51).fill(plans[0]), rules, now)).toThrow('51 orders are more than 50');
  });
});

describe('shadow prices', () => {
  const priced = (changes: Partial<PricingInput>) => {
    const input: PricingInput = {
      asOf: 5,
      nodes: [{ node: 'near' }, { node: 'far' }],
      skus: [{ sku: 'A', stock: [10, 10], demand: [8], lostCost: 1_000 }],
      unitCost: [[100], [400]],
      unitsPerPackage: 2,
      ...changes,
    };
    const program = pricingProgram(input);
    const solution = solveNow(program.program, LIMITS);
    return pricesOf(input, program, solution ?? { duals: new Float64Array() });
  };

  test('given stock that lasts, then no price', () => {
    expect(priced({})).toMatchObject({ asOf: 5, scarcity: new Map(), capacity: new Map() });
  });

  test('given stock that lasts nowhere, then a unit is worth what a lost sale costs less what sending it does', () => {
    const { scarcity } = priced({ skus: [{ sku: 'A', stock: [2, 3], demand: [8], lostCost: 1_000 }] });

    expect(scarcity.get('near')?.get('A')).toBeCloseTo(900, 6);
    expect(scarcity.get('far')?.get('A')).toBeCloseTo(600, 6);
  });

  test('given a node whose packages do not last, then one of them is worth what the units in it save', () => {
    const { capacity, scarcity } = priced({ nodes: [{ node: 'near', packages: 1 }, { node: 'far' }] });

    expect(capacity.get('near')).toBeCloseTo(2 * 300, 6);
    expect(scarcity.get('near')?.get('A')).toBe(0);
  });
});
