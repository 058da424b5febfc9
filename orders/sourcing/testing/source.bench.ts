// How long a plan takes, for orders of the usual size over eight hubs and eighteen carrier services:
//   npx vitest bench --run --project unit orders/sourcing
import { bench, describe } from 'vitest';
import { readRules } from '../rules.ts';
import { source } from '../source.ts';
import { CHICAGO, GROUND, orderOf } from './rules.ts';

const HUBS = 8;
const SERVICES = 18;
const NOW = Date.parse('2026-11-24T12:00:00Z');

/** The same sequence in each run (Lehmer's generator, modulus 2^31 − 1). */
let drawn = 42;
const draw = (below: number): number => {
  drawn = (drawn * 48_271) % 2_147_483_647;
  return drawn % below;
};

const nodes = Array.from({ length: HUBS }, (_, n) => ({
  ...CHICAGO,
  node: `hub-${n}`,
  latitude: 30 + draw(15),
  longitude: -120 + draw(45),
  handlingPerPackage: 100 + draw(200),
}));
const services = Array.from({ length: SERVICES }, (_, n) => ({
  ...GROUND,
  service: `service-${n}`,
  base: 400 + draw(1_200),
  perKm: 0.1 + draw(50) / 100,
  perKg: 20 + draw(200),
}));

describe(`${HUBS} hubs, ${SERVICES} services`, () => {
  for (const lines of [1, 3, 13, 40]) {
    for (const scarce of [false, true]) {
      const rules = readRules({ version: 'bench', nodes, services, splitPenalty: 200, packagesMax: 4 });
      const skus = Array.from({ length: lines }, (_, n) => `sku-${n}`);
      const orders = Array.from({ length: 64 }, () =>
        orderOf(Object.fromEntries(skus.map((sku) => [sku, 1 + draw(3)])), { promisedAt: '2026-11-28T12:00:00Z' }),
      );
      // A hub has each SKU, or a third of them: then most orders need several packages.
      const has = new Map(nodes.flatMap(({ node }) => skus.map((sku) => [`${node}/${sku}`, !scarce || draw(3) === 0])));
      const stock = (_: string, sku: string, node: string): number => (has.get(`${node}/${sku}`) === true ? 10 : 0);
      let n = 0;
      bench(`${lines} lines, ${scarce ? 'a third of the SKUs at each hub' : 'all SKUs at each hub'}`, () => {
        const order = orders[n++ % orders.length] as (typeof orders)[number];
        source(order, rules, { stock, packagesOf: () => 0, now: NOW });
      });
    }
  }
});
