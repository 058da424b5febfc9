// Other services for a package that is not on its way yet: another carrier and a faster service are two choices.
import { describe, expect, test } from 'vitest';
import type { OrderPackage } from '../order/types.ts';
import { readRules, type SourcingRules } from '../sourcing/rules.ts';
import { otherServices } from './other-services.ts';

const days = (p50: number) => ({ p50, p75: p50, p85: p50, p90: p50, p95: p50, p97: p50, p99: p50 });
const service = (carrier: string, name: string, base: number, p50: number, more: object = {}) => ({
  carrier,
  service: `${carrier}-${name}`,
  base,
  transit: [{ untilKm: 20_000, days: days(p50) }],
  ...more,
});
const RULES = readRules({
  version: 'v',
  nodes: [{ node: 'n', region: 'r', latitude: 40, longitude: -74, timeZone: 'America/New_York', cutoff: '15:00' }],
  services: [
    service('acme', 'ground', 500, 4),
    service('acme', 'air', 1_400, 1),
    service('best', 'ground', 600, 4),
    service('best', 'air', 2_000, 1),
    service('cheap', 'far', 100, 1, { nodes: [] }),
    service('cheap', 'west', 100, 1, { postalPrefixes: ['9'] }),
  ],
});
/** Two units of 1.5 kg. */
const LINES = [{ lineId: '1', qty: 2 }];
const ABOUT = { node: 'n', carrier: 'acme', service: 'acme-ground', lines: LINES } as unknown as OrderPackage;
const ORDER = {
  detail: {
    destination: { latitude: 41, longitude: -74, postalCode: '10007' },
    lines: [{ lineId: '1', grams: 1_500 }],
  },
} as unknown as Parameters<typeof otherServices>[1];

interface Offering {
  readonly late?: number;
  readonly isOut?: boolean;
  readonly about?: OrderPackage;
  readonly rules?: SourcingRules;
}

function offered({ late = 0, isOut = false, about = ABOUT, rules = RULES }: Offering) {
  const missBy = ({ service: name }: { service: string }): number => (name.endsWith('air') ? 0 : late);
  const { reroute, upgrade } = otherServices(about, ORDER, { rules, isOut, missBy, breachCost: 2_000 });
  return [reroute?.detail?.['service'], upgrade?.detail?.['service'], reroute?.cost, upgrade?.cost];
}

test('given enough time, then another carrier is the cheapest there is, and faster is the cheapest that is faster', () => {
  expect(offered({ late: 0 })).toEqual(['best-ground', 'acme-air', 100, 900]);
});

test('given little time, then another carrier is one that comes in time, and no cheaper than it is worth', () => {
  expect(offered({ late: 0.9 })).toEqual(['best-air', 'acme-air', 1_500, 900]);
  expect(offered({ late: 0.5 })).toEqual(['best-ground', 'acme-air', 100, 900]);
});

test('given a carrier that cannot be booked, then a faster service is another carrier’s', () => {
  expect(offered({ isOut: true })).toEqual(['best-ground', 'best-air', 100, 1_500]);
  expect(offered({ isOut: true, late: 0.9 })).toEqual(['best-air', 'best-air', 1_500, 1_500]);
});

test('given the fastest, then nothing is faster; given a node that the rules do not know, then nothing is offered', () => {
  expect(offered({ about: { ...ABOUT, service: 'acme-air' } })).toEqual(['best-ground', undefined, 0, undefined]);
  expect(offered({ about: { ...ABOUT, node: 'gone' } })).toEqual([undefined, undefined, undefined, undefined]);
});

describe('services are offered that carry such a parcel, at what sourcing reckons', () => {
  const rulesWith = (...others: object[]) => ({
    ...RULES,
    services: readRules({ ...RULES, services: [service('acme', 'ground', 500, 4, { perKg: 10 }), ...others] }).services,
  });
  const zones = [
    {
      untilKm: 500,
      postalPrefixes: ['1'],
      prices: [
        { untilKg: 2, price: 50 },
        { untilKg: 5, price: 90 },
      ],
    },
  ];
  const weighed = (grams: number): OrderPackage => ({ ...ABOUT, grams });

  test.each([
    ['one that takes less weight is not', { kgMax: 2.9 }, [undefined, undefined]],
    ['one that takes it is, by its weight', { kgMax: 3, perKg: 100 }, ['best-x', 870]],
    ['one by its zone and weight is', { zones }, ['best-x', 660]],
    ['one without a zone for it is not', { zones: [{ ...zones[0], postalPrefixes: ['2'] }] }, [undefined, undefined]],
    [
      'one whose last weight is less is not',
      { zones: [{ prices: [{ untilKg: 2, price: 50 }] }] },
      [undefined, undefined],
    ],
    ['one is with the fuel of now', { fuelSurcharge: 0.1 }, ['best-x', 680]],
  ])('%s', (_, more, expected) => {
    // Of acme it costs 530.
    const [name, , cost] = offered({ rules: rulesWith(service('best', 'x', 1_100, 4, more)) });
    expect([name, cost]).toEqual(expected[0] === undefined ? expected : [expected[0], expected[1]]);
  });

  test('a package that was weighed is as heavy as that', () => {
    const rules = rulesWith(service('best', 'x', 1_100, 4, { zones }));
    expect(offered({ rules, about: weighed(1_900) })).toEqual(['best-x', undefined, 631, undefined]);
    expect(offered({ rules, about: weighed(5_100) })).toEqual([undefined, undefined, undefined, undefined]);
    // Its node weighs nothing.
    expect(offered({ rules, about: weighed(0) })).toEqual(['best-x', undefined, 660, undefined]);
  });
});
