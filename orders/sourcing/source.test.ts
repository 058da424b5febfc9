// From an order, stock and rules to packages: what is chosen, what is left out, and why.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exclusion } from './candidates.ts';
import { explain } from './explain.ts';
import type { Situation } from './situation.ts';
import { type Plan, source } from './source.ts';
import { CHICAGO, GROUND, NEWARK, orderOf, rulesOf } from './testing/rules.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

/** Units by node and SKU. */
function having(
  stock: Readonly<Record<string, Readonly<Record<string, number>>>>,
  packages: Readonly<Record<string, number>> = {},
): Situation {
  return {
    stock: (_region, sku, node) => stock[node]?.[sku] ?? 0,
    packagesOf: (node) => packages[node] ?? 0,
    now: NOON,
  };
}

const sent = ({ packages }: Pick<Plan, 'packages'>) =>
  packages.map(({ node, service, lines }) => [node, service, lines.map(({ sku, qty }) => `${qty} ${sku}`).join(' ')]);

describe('source', () => {
  test('given two nodes that have all, then the nearer one sends one package', () => {
    const plan = source(
      orderOf({ A: 1, B: 2 }),
      rulesOf(),
      having({ chicago: { A: 9, B: 9 }, newark: { A: 9, B: 9 } }),
    );

    expect(sent(plan)).toEqual([['newark', 'ground', '1 A 2 B']]);
    expect(plan).toMatchObject({
      orderId: 'o-1',
      rules: 'test',
      decidedAt: NOON,
      proved: true,
      gap: 0,
      unfilled: [],
      splitPenalty: 0,
    });
    expect(plan.total).toBeCloseTo(500 + 0.2 * (plan.packages[0]?.km ?? 0), 6);
    expect(sent(plan.alternatives[0] as Plan)).toEqual([['chicago', 'ground', '1 A 2 B']]);
  });

  test('given a node that lacks one SKU, then two packages are sent when that costs less than one from afar, else one', () => {
    const stock = having({ chicago: { A: 9, B: 9 }, newark: { A: 9 } });
    const order = orderOf({ A: 5, B: 1 });
    const perKg = [{ ...GROUND, perKg: 300, perKm: 2 }];
    const heavy = [{ ...GROUND, base: 100, service: 'local', nodes: ['newark'] }, ...perKg];

    expect(sent(source(order, rulesOf({ splitPenalty: 5_000 }), stock))).toEqual([['chicago', 'ground', '5 A 1 B']]);
    expect(sent(source(order, rulesOf({ services: heavy }), stock))).toEqual([
      ['chicago', 'ground', '1 B'],
      ['newark', 'local', '5 A'],
    ]);
  });

  test('given less stock than wanted, then what there is is sent and the rest is named by its line', () => {
    const plan = source(orderOf({ A: 5, B: 1 }), rulesOf(), having({ chicago: { A: 2 }, newark: { A: 1 } }));

    expect(plan.packages.flatMap(({ lines }) => lines).reduce((sum, { qty }) => sum + qty, 0)).toBe(3);
    expect(plan.unfilled).toEqual([
      { lineId: '1', sku: 'A', qty: 2 },
      { lineId: '2', sku: 'B', qty: 1 },
    ]);
  });

  test('given no stock anywhere, then nothing is sent and it says why', () => {
    const { plan, excluded } = explain(orderOf({ A: 1 }), rulesOf(), having({}));

    expect(plan).toMatchObject({ packages: [], total: 0, proved: true, unfilled: [{ lineId: '1', sku: 'A', qty: 1 }] });
    expect(excluded).toEqual([
      { node: 'chicago', reason: 'has none of the SKUs' },
      { node: 'newark', reason: 'has none of the SKUs' },
    ]);
  });

  test('given one SKU on several lines, then its demand is one, and its units go to the lines in their order', () => {
    const line = { sku: 'A', grams: 500, value: 2_000 };
    const order = orderOf(
      {},
      {
        lines: [
          { ...line, lineId: 'x', qty: 2 },
          { ...line, lineId: 'y', qty: 3 },
        ],
      },
    );

    const plan = source(order, rulesOf(), having({ newark: { A: 4 } }));

    expect(plan.packages[0]?.lines).toEqual([
      { lineId: 'x', sku: 'A', qty: 2 },
      { lineId: 'y', sku: 'A', qty: 2 },
    ]);
    expect(plan.unfilled).toEqual([{ lineId: 'y', sku: 'A', qty: 1 }]);
  });

  test.each<[string, object, Exclusion]>([
    [
      'a node with no packages left today',
      { nodes: [CHICAGO, { ...NEWARK, packagesPerDay: 10 }] },
      { node: 'newark', reason: 'hands over 10 of 10 packages already' },
    ],
    [
      'a service that does not collect there',
      { services: [{ ...GROUND, nodes: ['chicago'] }] },
      { node: 'newark', service: 'ground', reason: 'does not collect here' },
    ],
    [
      'a service that does not deliver there',
      { services: [GROUND, { ...GROUND, service: 'west', base: 0, postalPrefixes: ['9'] }] },
      { node: 'newark', service: 'west', reason: 'does not deliver to 10007' },
    ],
  ])('given %s, then it is left out and says so', (_, changes, exclusion) => {
    const stock = having({ chicago: { A: 1 }, newark: { A: 1 } }, { newark: 10 });

    const { plan, excluded } = explain(orderOf({ A: 1 }), rulesOf(changes), stock);

    expect(excluded).toContainEqual(exclusion);
    expect(plan.packages.map(({ node, service }) => `${node} ${service}`)).not.toContain(
      `${exclusion.node} ${exclusion.service ?? 'ground'}`,
    );
    expect(plan.unfilled).toEqual([]);
  });

  test.each([
    ['scarce there', { nodes: [CHICAGO, { ...NEWARK, scarcity: { A: 5_000 } }] }, {}],
    ['dear to handle there', { nodes: [CHICAGO, { ...NEWARK, handlingPerPackage: 5_000 }] }, {}],
    ['sent from a node whose capacity is worth much', { nodes: [CHICAGO, { ...NEWARK, capacityPrice: 5_000 }] }, {}],
    [
      'late from there',
      {
        lateCostShare: 1,
        nodes: [
          { ...CHICAGO, cutoff: '13:00' },
          { ...NEWARK, cutoff: '11:00' },
        ],
      },
      { promisedAt: '2026-11-27T12:00:00Z' },
    ],
  ])('given what is %s, then it is sent from elsewhere', (_, changes, order) => {
    const stock = having({ chicago: { A: 9 }, newark: { A: 9 } });

    expect(sent(source(orderOf({ A: 1 }), rulesOf(), stock))).toEqual([['newark', 'ground', '1 A']]);
    expect(sent(source(orderOf({ A: 1 }, order), rulesOf(changes), stock))).toEqual([['chicago', 'ground', '1 A']]);
  });

  test('given any stock and costs, then the terms of a plan and of its alternatives add up to their totals', () => {
    const cost = fc.integer({ min: 0, max: 900 });
    const units = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.array(units, { minLength: 4, maxLength: 4 }),
        fc.array(cost, { minLength: 9, maxLength: 9 }),
        (stock, costs) => {
          const [perKg, base, fast, hub, unit, capacity, scarcity, splitPenalty] = costs;
          const nodes = [
            { ...CHICAGO, handlingPerPackage: hub, handlingPerUnit: unit },
            { ...NEWARK, capacityPrice: capacity, scarcity: { A: scarcity } },
          ];
          const services = [
            { ...GROUND, perKg, fuelSurcharge: 0.1 },
            { ...GROUND, service: 'air', base, perKm: (fast as number) / 100 },
          ];
          const rules = rulesOf({ nodes, services, splitPenalty });
          const [a = 0, b = 0, c = 0, d = 0] = stock;
          const order = orderOf({ A: 3, B: 2 }, { promisedAt: '2026-11-27T12:00:00Z' });

          const plan = source(order, rules, having({ chicago: { A: a, B: b }, newark: { A: c, B: d } }));

          for (const choice of [plan, ...plan.alternatives]) {
            const terms = choice.packages.flatMap((one) => Object.values(one.cost));
            expect(terms.reduce((sum, term) => sum + term, choice.splitPenalty)).toBeCloseTo(choice.total, 6);
            const planned = [...choice.packages.flatMap(({ lines }) => lines), ...choice.unfilled];
            expect(planned.reduce((sum, { qty }) => sum + qty, 0)).toBe(5);
          }
        },
      ),
    );
  });

  describe('given prices by zone and weight', () => {
    const prices = (...steps: [number, number][]) => steps.map(([untilKg, price]) => ({ untilKg, price }));
    /** A kilogram is two units. */
    const tariff = {
      ...GROUND,
      base: 0,
      perKm: 0,
      fuelSurcharge: 0.1,
      zones: [
        { postalPrefixes: ['9'], prices: prices([1, 9_000]) },
        { untilKm: 500, prices: prices([1, 300], [2, 400], [5, 700]) },
        { prices: prices([1, 600], [5, 1_500]) },
      ],
    };
    const all = having({ chicago: { A: 99 }, newark: { A: 99 } });

    test.each([
      [1, 300],
      [2, 300],
      [3, 400],
      [5, 700],
    ])('then a package of %d units costs the price of its weight in its zone, and fuel', (qty, price) => {
      const plan = source(orderOf({ A: qty }), rulesOf({ services: [tariff] }), all);

      expect(plan.packages[0]).toMatchObject({ node: 'newark', grams: qty * 500, cost: { freight: price } });
      expect(plan.total).toBeCloseTo(price * 1.1, 6);
      expect(plan.proved).toBe(true);
    });

    test('then two light packages are sent where they cost less than a heavy one', () => {
      const steep = { ...tariff, zones: [{ prices: prices([1, 300], [2, 2_000]) }] };

      const plan = source(orderOf({ A: 4 }), rulesOf({ services: [steep], splitPenalty: 100 }), all);

      expect(sent(plan).map(([, , what]) => what)).toEqual(['2 A', '2 A']);
      expect(plan.total).toBeCloseTo(2 * 330 + 100, 6);
    });

    test('then what is too heavy for one package goes in two, and what is too heavy for all stays', () => {
      const { packages } = source(orderOf({ A: 14 }), rulesOf({ services: [tariff] }), all);
      const heavy = source(orderOf({ A: 30 }), rulesOf({ services: [tariff] }), all);

      expect(packages.every(({ grams }) => grams <= 5_000)).toBe(true);
      expect(packages).toHaveLength(2);
      expect(heavy.unfilled).toEqual([{ lineId: '1', sku: 'A', qty: 10 }]);
    });

    test('then a destination in no zone is not delivered to, and it says so', () => {
      const near = { ...tariff, zones: [{ untilKm: 10, prices: prices([5, 100]) }] };

      const { plan, excluded } = explain(orderOf({ A: 1 }), rulesOf({ services: [near] }), all);

      expect(plan.unfilled).toHaveLength(1);
      expect(excluded).toContainEqual({ node: 'newark', service: 'ground', reason: 'has no zone for 10007 at 14 km' });
    });

    test('then a candidate is what the node alone could send, at the price of its weight', () => {
      const { candidates } = explain(orderOf({ A: 14 }), rulesOf({ services: [tariff] }), all);

      expect(candidates).toMatchObject([
        { node: 'newark', units: [{ sku: 'A', qty: 10 }], short: 4, grams: 5_000, cost: { freight: 700 } },
        { node: 'chicago', units: [{ sku: 'A', qty: 10 }], short: 4, cost: { freight: 1_500 } },
      ]);
    });
  });

  test('given a greatest weight of a service, then another takes what is heavier', () => {
    const services = [
      { ...GROUND, service: 'letter', base: 50, kgMax: 0.5 },
      { ...GROUND, base: 400 },
    ];
    const by = (qty: number) => source(orderOf({ A: qty }), rulesOf({ services }), having({ newark: { A: 9 } }));

    expect(sent(by(1))).toEqual([['newark', 'letter', '1 A']]);
    expect(sent(by(2))).toEqual([['newark', 'ground', '2 A']]);
  });

  test('given a transit model, then it is asked instead of the bands', () => {
    const days = (p: number) => ({ p50: p, p75: p, p85: p, p90: p, p95: p, p97: p, p99: p });
    const situation = {
      ...having({ chicago: { A: 9 }, newark: { A: 9 } }),
      transit: ({ node }: { node: { node: string } }) => days(node.node === 'newark' ? 30 : 1),
    };
    const order = orderOf({ A: 1 }, { promisedAt: '2026-11-27T12:00:00Z' });

    const [first] = source(order, rulesOf({ lateCostPerPackage: 9_000 }), situation).packages;

    expect(first).toMatchObject({ node: 'chicago', missProbability: 0.01, cost: { lateness: 0.01 * (9_000 + 200) } });
  });

  test('given shadow prices and fuel of now, then they count in place of the rules’, and the plan says how old they are', () => {
    const nodes = [CHICAGO, { ...NEWARK, scarcity: { A: 9_000, B: 70 }, capacityPrice: 9_000 }];
    const situation = {
      ...having({ newark: { A: 9, B: 9 } }),
      fuelSurchargeOf: (carrier: string) => (carrier === 'acme' ? 0.5 : undefined),
      prices: { asOf: 77, scarcity: new Map([['newark', new Map([['A', 30]])]]), capacity: new Map([['newark', 40]]) },
    };

    const plan = source(orderOf({ A: 2, B: 1 }), rulesOf({ nodes }), situation);

    const { freight = 0, fuel, scarcity, capacity } = plan.packages[0]?.cost ?? {};
    expect({ scarcity, capacity, fuel }).toEqual({ scarcity: 2 * 30 + 70, capacity: 40, fuel: freight / 2 });
    expect(plan.pricesAsOf).toBe(77);
  });

  test('given more nodes than are searched through and little patience, then it says why it is not proved', () => {
    const many = Array.from({ length: 14 }, (_, n) => ({
      ...NEWARK,
      node: `n-${n}`,
      longitude: -74 - n,
      handlingPerPackage: (n * 37) % 90,
    }));
    const stock = having(Object.fromEntries(many.map(({ node }, n) => [node, { A: 1, [n % 2 === 0 ? 'B' : 'C']: 1 }])));
    const order = orderOf({ A: 3, B: 2, C: 2 });

    const cut = source(order, rulesOf({ nodes: many, searchMax: 20 }), stock);
    const whole = source(order, rulesOf({ nodes: many, searchMax: 1_000_000 }), stock);

    expect(cut).toMatchObject({
      proved: false,
      fallback: expect.stringMatching(/plan.*: the search ended after \d+ plans/),
    });
    expect(whole).toMatchObject({ proved: true, gap: 0 });
    expect(cut.total * (1 - cut.gap)).toBeLessThanOrEqual(whole.total + 1e-6);
  });
});
