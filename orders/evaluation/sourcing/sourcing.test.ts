// What sourcing is compared with: the simple rules, the ways of planning and the world, each on a small case.
import { describe, expect, test } from 'vitest';
import { ask, type Candidate, candidatesOf, sourceOf } from '../../sourcing/candidates.ts';
import { GROUND, orderOf, rulesOf } from '../../sourcing/testing/rules.ts';
import { ASSUMPTIONS } from './assumptions.ts';
import type { EvaluationInput } from './input.ts';
import { cheapestPerLine, fewestSplits, nearestNode, type Rule } from './simple-rules.ts';
import { clairvoyant, runRule, runSearch } from './ways.ts';
import { worldOf } from './world.ts';

/** Of an order to New York, near Newark and far from Chicago. */
function chosenBy(rule: Rule, units: Record<string, number>, stock: Record<string, Record<string, number>>): string[] {
  const services = [GROUND, { ...GROUND, service: 'slow', base: 100, transit: [{ untilKm: 9_000, days: days(9) }] }];
  const situation = {
    stock: (_: string, sku: string, node: string) => stock[node]?.[sku] ?? 0,
    packagesOf: () => 0,
    now: Date.parse('2026-11-24T12:00:00Z'),
  };
  const asked = ask(orderOf(units, { promisedAt: '2026-11-29T12:00:00Z' }), rulesOf({ services }), situation);
  const candidates = asked.rules.nodes.flatMap((node): Candidate[] => {
    const source = sourceOf(node, asked);
    return source === undefined ? [] : asked.rules.services.flatMap((service) => candidatesOf(source, service, asked));
  });
  return rule(candidates, asked.items, 4).map(
    ({ candidate, units: sent }) => `${candidate.source.node.node} ${candidate.service.service} ${sent.join(' ')}`,
  );
}

function days(all: number) {
  return { p50: all, p75: all, p85: all, p90: all, p95: all, p97: all, p99: all };
}

describe('the simple rules', () => {
  test('given the nearest lacks something, then nearest node sends all from the next that has all', () => {
    const stock = { newark: { A: 9 }, chicago: { A: 9, B: 9 } };

    expect(chosenBy(nearestNode, { A: 1, B: 1 }, stock)).toEqual(['chicago ground 1 1']);
    expect(chosenBy(cheapestPerLine, { A: 1, B: 1 }, stock)).toEqual(['chicago ground 0 1', 'newark ground 1 0']);
  });

  test('given none has all, then nearest node and fewest splits take what is near first', () => {
    const stock = { newark: { A: 1, B: 1 }, chicago: { A: 9 } };

    for (const rule of [nearestNode, fewestSplits]) {
      expect(chosenBy(rule, { A: 3, B: 1 }, stock)).toEqual(['newark ground 1 1', 'chicago ground 2 0']);
    }
  });

  test('given more packages would send no more, then fewest splits sends fewer', () => {
    const stock = { newark: { A: 1 }, chicago: { A: 9, B: 9 } };

    expect(chosenBy(fewestSplits, { A: 2, B: 1 }, stock)).toEqual(['chicago ground 2 1']);
  });
});

describe('a world', () => {
  const service = {
    base: 500,
    perKm: 0.2,
    perKg: 60,
    fuelSurcharge: 0.1,
    transit: [
      {
        untilKm: 9_000,
        quantiles: [
          [0.1, 1],
          [0.9, 4],
        ] as [number, number][],
      },
    ],
  };
  const input: EvaluationInput = {
    orders: Array.from({ length: 40 }, (_, n) => ({
      invoice: `${n}`,
      at: Date.parse('2011-03-01T08:00:00Z') + n * 3_600_000,
      customer: `${n % 7}`,
      lines: ['A', 'B', 'C', 'D'].slice(0, 1 + (n % 4)).map((sku) => ({ sku, qty: 1 + (n % 5), price: 900 })),
    })),
    places: [
      { postalCode: '10007', state: 'NY', latitude: 40.71, longitude: -74.01 },
      { postalCode: '90001', state: 'CA', latitude: 33.97, longitude: -118.25 },
    ],
    hubs: [
      { name: 'brooklyn', state: 'NY', postalCode: '112', latitude: 40.68, longitude: -73.94 },
      { name: 'inglewood', state: 'CA', postalCode: '903', latitude: 33.96, longitude: -118.35 },
    ],
    services: [
      { service: 'everywhere', ...service },
      { service: 'lanes', ...service, base: 300, lanes: { 112: ['NY'] } },
    ],
  };
  const world = () => worldOf(input, 5, 30, ASSUMPTIONS);
  const caution = { lateCaution: 0, splitCaution: 0 };

  test('given a seed, then it is the same each time, and another with another', () => {
    expect(runRule(world(), ASSUMPTIONS, nearestNode)).toEqual(runRule(world(), ASSUMPTIONS, nearestNode));
    expect(worldOf(input, 6, 30, ASSUMPTIONS).orders).not.toEqual(world().orders);
  });

  test('given a service with lanes, then it is only where they are', () => {
    expect(world().rules.services).toMatchObject([
      { service: 'everywhere' },
      { service: 'lanes@brooklyn', nodes: ['brooklyn'], postalPrefixes: ['NY-'] },
    ]);
  });

  test('given all ways, then none sends what is not there, and who knows the future does best', async () => {
    const knowing = (await clairvoyant())(world(), ASSUMPTIONS);

    // Each way throws where it sends more than there is.
    const others = [
      ...[nearestNode, cheapestPerLine, fewestSplits].map((rule) => runRule(world(), ASSUMPTIONS, rule)),
      runSearch(world(), ASSUMPTIONS, caution),
    ];

    expect(knowing.unproved).toBe(0);
    for (const { orders, cost, onTime } of others) {
      expect(orders).toBe(30);
      expect(knowing.cost).toBeLessThan(cost);
      expect(onTime).toBeLessThanOrEqual(1);
    }
  });
});
