// Rules and orders of tests: two hubs and two services, changed where a test is about something.
import { readOrder } from '../order.ts';
import { readRules, type SourcingRules } from '../rules.ts';

const DAYS = { p50: 2, p75: 2.5, p85: 3, p90: 3.5, p95: 4, p97: 5, p99: 7 };
const CALENDAR = { timeZone: 'UTC', cutoff: '15:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };

export const CHICAGO = { node: 'chicago', region: 'us', latitude: 41.88, longitude: -87.63, ...CALENDAR };
export const NEWARK = { node: 'newark', region: 'us', latitude: 40.74, longitude: -74.17, ...CALENDAR };
export const GROUND = {
  service: 'ground',
  carrier: 'acme',
  base: 500,
  perKm: 0.2,
  transit: [{ untilKm: 500, days: DAYS }],
};

export function rulesOf(changes: object = {}): SourcingRules {
  return readRules({ version: 'test', nodes: [CHICAGO, NEWARK], services: [GROUND], ...changes });
}

/** To New York, of the given units by SKU. */
export function orderOf(units: Readonly<Record<string, number>>, changes: object = {}) {
  const lines = Object.entries(units).map(([sku, qty], n) => ({
    lineId: `${n + 1}`,
    sku,
    qty,
    grams: 500,
    value: 2_000,
  }));
  const destination = { latitude: 40.71, longitude: -74.01, postalCode: '10007' };
  return readOrder({ orderId: 'o-1', lines, destination, ...changes });
}
