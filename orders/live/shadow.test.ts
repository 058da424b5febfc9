// Rules in the shadow beside a process that sources: compared off the path of orders, told from time to time, and never in the way.
import { expect, test, vi } from 'vitest';
import { readRules } from '../sourcing/rules.ts';
import type { ShadowReport } from '../sourcing/shadow.ts';
import type { Situation } from '../sourcing/situation.ts';
import { source } from '../sourcing/source.ts';
import { SHADOW_WAITING_MAX } from './limits.ts';
import { liveShadow } from './shadow.ts';

const CALENDAR = { timeZone: 'UTC', cutoff: '15:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };
const DAYS = { p50: 1, p75: 1, p85: 1, p90: 1, p95: 1, p97: 1, p99: 1 };
const STATED = {
  version: 'now',
  nodes: [
    { node: 'newark', region: 'r', latitude: 40.74, longitude: -74.17, ...CALENDAR },
    { node: 'denver', region: 'r', latitude: 39.74, longitude: -104.99, packagesPerDay: 1, ...CALENDAR },
  ],
  services: [{ service: 'ground', carrier: 'acme', base: 500, perKm: 0.2, transit: [{ untilKm: 500, days: DAYS }] }],
};
const RULES = readRules(STATED);
/** Handling makes the near node the dearer one. */
const SHADOW = readRules({
  ...STATED,
  version: 'next',
  nodes: STATED.nodes.map((node, n) => (n === 0 ? { ...node, handlingPerPackage: 5_000 } : node)),
});
const orderOf = (n: number) => ({
  orderId: `o-${n}`,
  lines: [{ lineId: '1', sku: 'mug', qty: 1, grams: 400, value: 1_900 }],
  destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
});
let packages = 0;
const SITUATION: Situation = { stock: () => 5, packagesOf: () => packages, now: Date.UTC(2026, 0, 5) };

function given(everyMs?: number) {
  packages = 0;
  const reports: ShadowReport[] = [];
  const shadow = liveShadow({
    rules: () => RULES,
    shadow: SHADOW,
    onReport: (report) => reports.push(report),
    ...(everyMs === undefined ? {} : { everyMs }),
  });
  const offer = (n: number): void => shadow.offer(orderOf(n), source(orderOf(n), RULES, SITUATION), SITUATION);
  return { shadow, reports, offer };
}

test('given orders that are sourced, then they are compared later, in the situation of then, and the difference is told', async () => {
  const { shadow, reports, offer } = given(5);
  offer(1);
  expect(shadow.report.orders).toBe(0);
  // By the time that it is compared, the other node is full.
  packages = 1;
  await vi.waitFor(() => expect(reports).toHaveLength(1));
  expect(reports[0]).toMatchObject({ rules: 'now', shadow: 'next', orders: 1, same: 0 });
  expect(reports[0]?.nodes).toEqual({ denver: { first: 0, second: 1 }, newark: { first: 1, second: 0 } });
  shadow.stop();
  expect(reports).toHaveLength(1);
});

test('given more orders than can wait, then some are left out and counted, and the end tells of all others', () => {
  const { shadow, reports, offer } = given();
  for (let n = 0; n < SHADOW_WAITING_MAX + 3; n++) offer(n);
  expect(shadow.skipped).toBe(3);
  shadow.stop();
  expect(reports.map(({ orders }) => orders)).toEqual([SHADOW_WAITING_MAX]);
});
