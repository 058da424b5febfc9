// Other services for a package that is not on its way yet: another carrier and a faster service are two choices.
import { expect, test } from 'vitest';
import type { OrderPackage } from '../order/types.ts';
import { readRules } from '../sourcing/rules.ts';
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
const ABOUT = { node: 'n', carrier: 'acme', service: 'acme-ground' } as OrderPackage;
const ORDER = { detail: { destination: { latitude: 41, longitude: -74, postalCode: '10007' } } } as Parameters<
  typeof otherServices
>[1];

function offered({ late = 0, isOut = false, about = ABOUT }: { late?: number; isOut?: boolean; about?: OrderPackage }) {
  const missBy = ({ service: name }: { service: string }): number => (name.endsWith('air') ? 0 : late);
  const { reroute, upgrade } = otherServices(about, ORDER, { rules: RULES, isOut, missBy, breachCost: 2_000 });
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
