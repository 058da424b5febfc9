// What other rules would have done in the same situations, summed up.
import { describe, expect, test } from 'vitest';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import { compareShadow, ShadowSummary } from './shadow.ts';
import type { Situation } from './situation.ts';
import { source } from './source.ts';
import { GROUND, NEWARK, orderOf, rulesOf } from './testing/rules.ts';

const situation: Situation = {
  stock: (_region, sku, node) => (sku === 'B' && node === 'newark' ? 0 : 9),
  packagesOf: () => 0,
  now: Date.parse('2026-11-24T12:00:00Z'),
};
const RULES = rulesOf({ splitPenalty: 100 });
/** To New York, of which Newark has no B. */
const split = orderOf({ A: 8, B: 1 }, { promisedAt: '2026-11-27T12:00:00Z' });

const compare = (order: Order, shadow: SourcingRules, rules = RULES) =>
  compareShadow(order, source(order, rules, situation), { rules, shadow, situation });

describe('rules in the shadow', () => {
  test('given the same rules, then the plans are the same', () => {
    const { isSame, first, second, secondTotal } = compare(split, RULES);

    expect(isSame).toBe(true);
    expect(second).toEqual(first);
    expect(secondTotal).toBe(first.total);
  });

  test('given rules that price otherwise, then their plan is reckoned at the first’s prices', () => {
    const cheapSplits = rulesOf({
      splitPenalty: 0,
      services: [
        { ...GROUND, base: 0, perKm: 0.001, perKg: 1_000 },
        { ...GROUND, service: 'local', base: 0, perKm: 0, nodes: ['newark'] },
      ],
    });
    const rules = rulesOf({
      splitPenalty: 100,
      services: [GROUND, { ...GROUND, service: 'local', base: 900, nodes: ['newark'] }],
    });

    const { isSame, first, second, secondTotal } = compare(split, cheapSplits, rules);

    expect(isSame).toBe(false);
    expect([first.packages, second?.packages]).toEqual([1, 2]);
    expect(secondTotal).toBeLessThan(2_000);
    expect(second?.cost).toMatchObject({ splits: 100 });
    // The first rules chose the cheapest by their own prices.
    expect(second?.total).toBeGreaterThan(first.total);
    expect(second?.nodes).toEqual({ newark: 8, chicago: 1 });
  });

  test('given rules that use what the first do not know, then it is counted apart', () => {
    const summary = new ShadowSummary(RULES, { version: 'next' });

    summary.add(compare(split, rulesOf({ services: [{ ...GROUND, service: 'drone', base: 0 }] })));

    expect(summary.report()).toMatchObject({ orders: 1, same: 0, incomparable: 1, examples: [] });
  });

  test('given many orders, then the report has means, units by node, and those that differ most', () => {
    const dearer = rulesOf({
      version: 'next',
      nodes: RULES.nodes.map((one) => ({ ...one, handlingPerPackage: one.node === NEWARK.node ? 5_000 : 0 })),
    });
    const summary = new ShadowSummary(RULES, dearer);
    const orders = [1, 2, 3, 4, 5, 6, 7].map((qty) =>
      orderOf({ A: qty }, { orderId: `o-${qty}`, promisedAt: '2026-11-27T12:00:00Z' }),
    );

    for (const order of orders) summary.add(compare(order, dearer));

    const { first, second, nodes, examples, ...counts } = summary.report();
    expect(counts).toEqual({ rules: 'test', shadow: 'next', orders: 7, same: 0, incomparable: 0 });
    expect(nodes).toEqual({ chicago: { first: 0, second: 28 }, newark: { first: 28, second: 0 } });
    expect(second.cost.freight).toBeGreaterThan(first.cost.freight);
    expect([first.packages, second.packages]).toEqual([1, 1]);
    expect(first.onTime).toBeGreaterThan(0.5);
    expect(examples).toHaveLength(5);
  });

  test('given nothing yet, then zeros', () => {
    expect(new ShadowSummary(RULES, RULES).report()).toMatchObject({ orders: 0, first: { total: 0 }, nodes: {} });
  });
});
