// Substitutes are sent where a line's own SKU does not suffice, and bundles are planned whole, whatever stock there is.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beginSourcing, sourceAndReserve } from './attempts.ts';
import { BundlesInvalid, readBundles } from './bundles.ts';
import { explain } from './explain.ts';
import { BUNDLE_ROUNDS_MAX } from './limits.ts';
import { type Order, readOrder } from './order.ts';
import { source } from './source.ts';
import { GROUND, rulesOf } from './testing/rules.ts';
import { asPlanned, planOrder } from './whole.ts';

const DESTINATION = { latitude: 40.71, longitude: -74.01, postalCode: '10007' };

type Units = Readonly<Record<string, Readonly<Record<string, number>>>>;

const situationOf = (stock: Units) => ({
  stock: (_region: string, sku: string, node: string) => stock[node]?.[sku] ?? 0,
  packagesOf: () => 0,
  now: Date.parse('2026-11-24T12:00:00Z'),
});

function orderOf(...lines: readonly object[]): Order {
  const all = lines.map((line, n) => ({ lineId: `${n + 1}`, qty: 1, ...line }));
  return readOrder({ orderId: 'o-1', lines: all, destination: DESTINATION });
}

/** `sets` of two cups and a pot. */
const setOf = (sets: number, bundle = 'set') => [
  { sku: 'cup', qty: 2 * sets, bundle: { bundle, units: 2 } },
  { sku: 'pot', qty: sets, bundle: { bundle, units: 1 } },
];

const sent = ({ packages }: { packages: readonly { lines: readonly { sku: string; qty: number }[] }[] }) =>
  packages
    .flatMap(({ lines }) => lines.map(({ sku, qty }) => `${qty} ${sku}`))
    .sort()
    .join(', ');

describe('substitutes', () => {
  const rules = rulesOf();
  const line = { sku: 'blue', qty: 3, substitutes: ['sand', 'grey'] };

  test.each([
    [
      'its own SKU suffices, over several nodes',
      { newark: { blue: 2, sand: 9 }, chicago: { blue: 1 } },
      '1 blue, 2 blue',
    ],
    ['a substitute suffices', { newark: { blue: 2, sand: 3, grey: 9 } }, '3 sand'],
    [
      'the first does not suffice, and the second does',
      { newark: { sand: 2, grey: 2 }, chicago: { grey: 1 } },
      '1 grey, 2 grey',
    ],
    ['none suffices: what there is of its own', { newark: { blue: 1, sand: 2, grey: 2 } }, '1 blue'],
  ])('given that %s', (_, stock, expected) => {
    expect(sent(planOrder(orderOf(line), rules, situationOf(stock)))).toBe(expected);
  });

  test('the plan says what is sent instead of what and why, and what is left is named by the line', () => {
    const order = orderOf(line, { sku: 'lamp', qty: 2 });
    const plan = planOrder(order, rules, situationOf({ newark: { blue: 2, sand: 3, lamp: 1 } }));
    expect(plan.substituted).toEqual([{ lineId: '1', sku: 'blue', instead: 'sand', qty: 3, short: 1 }]);
    expect(plan.unfilled).toEqual([{ lineId: '2', sku: 'lamp', qty: 1 }]);
    expect(asPlanned(order, plan).lines.map(({ sku }) => sku)).toEqual(['sand', 'lamp']);
  });

  test('a line takes no substitute from one that wants it for itself', () => {
    const plan = planOrder(
      orderOf(line, { sku: 'sand', qty: 2 }),
      rules,
      situationOf({ newark: { blue: 1, sand: 3 } }),
    );
    expect(sent(plan)).toBe('1 blue, 2 sand');
  });

  test.each([
    ['full for the day', { packagesOf: () => 1 }],
    [
      'left out for a while',
      {
        stock: (_: string, sku: string) => (sku === 'blue' ? 0 : 9),
        leftOutStock: (_: string, sku: string, node: string) => (sku === 'blue' && node === 'newark' ? 3 : 0),
      },
    ],
  ])('a ship node that has its own SKU and is only %s is waited for', (_, busy) => {
    const [chicago, newark] = rules.nodes;
    const bounded = { ...rules, nodes: [chicago, { ...newark, packagesPerDay: 1 }] } as typeof rules;
    const world = { ...situationOf({ newark: { blue: 3 }, chicago: { sand: 9 } }), ...busy };
    const plan = planOrder(orderOf(line), bounded, world);
    expect([sent(plan), plan.substituted, plan.unfilled]).toEqual([
      '',
      undefined,
      [{ lineId: '1', sku: 'blue', qty: 3 }],
    ]);
    // Where it has not got all of them, it is not worth waiting for.
    expect(sent(planOrder(orderOf({ ...line, qty: 4 }), bounded, world))).toBe('4 sand');
  });

  test('an order that is sent whole is sent with substitutes, or waits', async () => {
    const whole = rulesOf({ shortage: 'all' });
    const had = beginSourcing(orderOf(line), whole, situationOf({ newark: { sand: 3 } }));
    expect(had).toMatchObject({ state: 'reserving', lines: [{ lineId: '1', sku: 'sand', qty: 3 }] });
    const lacking = beginSourcing(orderOf(line), whole, situationOf({ newark: { sand: 2 } }));
    expect(lacking).toMatchObject({ state: 'sourced', unfilled: [{ lineId: '1', sku: 'blue', qty: 3 }] });
  });

  test('a substitute that is refused is left out like any other', async () => {
    const sourced = await sourceAndReserve(orderOf(line), rules, {
      situation: () => situationOf({ newark: { sand: 3 }, chicago: { grey: 3 } }),
      reserve: async (lines) =>
        lines.filter(({ sku }) => sku === 'sand').map((one) => ({ ...one, code: 'INSUFFICIENT_STOCK' })),
    });
    expect(sourced).toMatchObject({ outcome: 'reserved', reserved: [{ sku: 'grey', qty: 3 }], unfilled: [] });
  });
});

describe('a service that the order is to go by', () => {
  const air = { ...GROUND, service: 'air', base: 2_000, nodes: ['chicago'] };
  const rules = rulesOf({ services: [GROUND, air] });
  const by = (service: string, ...lines: readonly object[]): Order => ({ ...orderOf(...lines), service });
  const sentBy = (plan: ReturnType<typeof planOrder>) => plan.packages.map(({ node, service }) => `${node} ${service}`);
  const stock = situationOf({ newark: { blue: 9 }, chicago: { blue: 9, sand: 9 } });

  test('is the only one, though another is cheaper; one that the rules do not know is none of theirs', () => {
    expect(sentBy(planOrder(by('air', { sku: 'blue' }), rules, stock))).toEqual(['chicago air']);
    expect(sentBy(planOrder(by('standard', { sku: 'blue' }), rules, stock))).toEqual(['newark ground']);
  });

  test('that no ship node with stock has leaves units unfilled, and the plan says why; a substitute is no way out', () => {
    const here = situationOf({ newark: { blue: 9 }, chicago: { sand: 9 } });
    const plan = planOrder(by('air', { sku: 'blue', qty: 2, substitutes: ['sand'] }), rules, here);
    expect([sent(plan), plan.unfilled, plan.notBy]).toEqual(['', [{ lineId: '1', sku: 'blue', qty: 2 }], 'air']);
    // What nobody has does not lack a service.
    const none = planOrder(by('air', { sku: 'lamp' }), rules, here);
    expect([none.unfilled.length, none.notBy]).toEqual([1, undefined]);
    const { excluded } = explain(by('air', { sku: 'blue' }), rules, here);
    expect(excluded).toContainEqual({ node: 'newark', service: 'ground', reason: 'the order is to go by air' });
  });
});

describe('bundles', () => {
  const rules = rulesOf();

  test('are planned as many as there are whole; components that go without are named as held back', () => {
    const plan = planOrder(
      orderOf(...setOf(3)),
      rules,
      situationOf({ newark: { cup: 5, pot: 1 }, chicago: { pot: 1 } }),
    );
    expect(sent(plan)).toBe('1 pot, 1 pot, 4 cup');
    expect(plan.heldBack).toEqual([{ lineId: '1', sku: 'cup', qty: 1 }]);
    expect(plan.unfilled).toEqual([
      { lineId: '1', sku: 'cup', qty: 2 },
      { lineId: '2', sku: 'pot', qty: 1 },
    ]);
  });

  test('a component that is missing leaves its units to a line of their own SKU', () => {
    const plan = planOrder(orderOf(...setOf(1), { sku: 'cup', qty: 2 }), rules, situationOf({ newark: { cup: 2 } }));
    expect(plan.packages.flatMap(({ lines }) => lines)).toEqual([{ lineId: '3', sku: 'cup', qty: 2 }]);
  });

  test('units beyond whole bundles stand for themselves: they replace what was lost', () => {
    const cups = { sku: 'cup', qty: 3, bundle: { bundle: 'set', units: 2 } };
    const pots = { sku: 'pot', qty: 1, bundle: { bundle: 'set', units: 1 } };
    expect(sent(planOrder(orderOf(cups, pots), rules, situationOf({ newark: { cup: 2 } })))).toBe('1 cup');
    expect(sent(planOrder(orderOf(cups, pots), rules, situationOf({ newark: { cup: 2, pot: 1 } })))).toBe(
      '1 pot, 2 cup',
    );
  });

  test('that cannot be whole leave what they share to those that can', () => {
    const lids = [
      { sku: 'cup', qty: 2, bundle: { bundle: 'lidded', units: 2 } },
      { sku: 'lid', qty: 2, bundle: { bundle: 'lidded', units: 2 } },
    ];
    const plan = planOrder(orderOf(...lids, ...setOf(1)), rules, situationOf({ newark: { cup: 2, pot: 1, lid: 1 } }));
    expect(sent(plan)).toBe('1 pot, 2 cup');
  });

  test('are given up together after some rounds, however many lack something', () => {
    const lines = Array.from({ length: 30 }, (_, n) => [
      { sku: 'cup', bundle: { bundle: `b${n}`, units: 1 } },
      { sku: `lid-${n}`, bundle: { bundle: `b${n}`, units: 1 } },
    ]).flat();
    let plans = 0;
    const situation = situationOf({ newark: { cup: 1, 'lid-29': 1 } });
    const plan = planOrder(orderOf(...lines), rules, situation, (order) => {
      plans += 1;
      return source(order, rules, situation);
    });
    expect(plans).toBeLessThanOrEqual(BUNDLE_ROUNDS_MAX + 3);
    expect(sent(plan)).toBe('');
  });

  test('after refusals without end, only what is of no bundle is reserved in part', async () => {
    const asked: string[] = [];
    const sourced = await sourceAndReserve(orderOf(...setOf(1), { sku: 'lamp', qty: 1 }), rules, {
      situation: () => situationOf({ newark: { cup: 9, pot: 9, lamp: 9 } }),
      reserve: async (lines, { policy }) => {
        asked.push(policy);
        const [first] = lines;
        // Sold to others, a unit at each try.
        return policy === 'all' && first !== undefined ? [{ ...first, code: 'X', available: 8 - asked.length }] : [];
      },
    });
    expect(asked.at(-1)).toBe('partial');
    expect(sourced.reserved.map(({ sku }) => sku)).toEqual(['lamp']);
    expect(sourced.unfilled.map(({ sku, qty }) => `${qty} ${sku}`)).toEqual(['2 cup', '1 pot']);
  });

  test('whatever stock there is: no part of a bundle is planned, no unit twice, and no stock is planned that is not there', () => {
    const unit = fc.nat({ max: 6 });
    const stockOf = fc.record({ cup: unit, pot: unit, lid: unit });
    fc.assert(
      fc.property(
        stockOf,
        stockOf,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (a, b, one, other) => {
          const more = [
            { sku: 'cup', qty: other, bundle: { bundle: 'other', units: 1 } },
            { sku: 'lid', qty: 2 * other, bundle: { bundle: 'other', units: 2 } },
          ];
          const order = orderOf(...setOf(one), ...more, { sku: 'cup', qty: 1 });
          const plan = planOrder(order, rules, situationOf({ newark: a, chicago: b }));
          const of = (lineId: string): number =>
            plan.packages
              .flatMap(({ lines }) => lines)
              .reduce((sum, line) => (line.lineId === lineId ? sum + line.qty : sum), 0);
          expect([of('1'), of('4')]).toEqual([2 * of('2'), 2 * of('3')]);
          for (const { lineId, qty } of order.lines) {
            const left = plan.unfilled.find((line) => line.lineId === lineId)?.qty ?? 0;
            expect(of(lineId) + left).toBe(qty);
          }
          for (const sku of ['cup', 'pot', 'lid'] as const) {
            const units = plan.packages.flatMap(({ lines }) => lines).filter((line) => line.sku === sku);
            expect(units.reduce((sum, { qty }) => sum + qty, 0)).toBeLessThanOrEqual(a[sku] + b[sku]);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('readBundles', () => {
  const set = { sku: 'SET', components: [{ sku: 'CUP', qty: 2 }] };

  test('given a catalogue, then it says what a bundle is made of', () => {
    const bundles = readBundles({ version: 'b1', bundles: [set] });
    expect([bundles.version, bundles.componentsOf('SET'), bundles.componentsOf('CUP')]).toEqual([
      'b1',
      [{ sku: 'CUP', qty: 2 }],
      undefined,
    ]);
  });

  test.each([
    [{ version: 'b1', bundles: [set, set] }, /bundles\.1\.sku: SET stands here twice/],
    [
      { version: 'b1', bundles: [set, { ...set, sku: 'BOX', components: [{ sku: 'SET', qty: 1 }] }] },
      /SET is a bundle/,
    ],
    [
      { version: 'b1', bundles: [{ ...set, components: [...set.components, ...set.components] }] },
      /CUP is a component twice/,
    ],
    [{ version: 'b1', bundles: [{ ...set, components: [] }] }, /components/],
    [{ version: 'b1', bundles: [{ ...set, price: 1 }] }, /price/],
    [{ version: '', bundles: [] }, /version/],
  ])('given what is wrong, then it names the place: %j', (document, message) => {
    expect(() => readBundles(document)).toThrow(BundlesInvalid);
    expect(() => readBundles(document)).toThrow(message);
  });
});
