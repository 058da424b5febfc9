// Browse, reserve, and then commit, release or let it expire. RATE, DURATION, SKUS, P99_MS.

import { check } from 'k6';
import { optionsOf } from './lib/scenario.ts';
import { duration, setting } from './lib/settings.ts';
import { shop } from './lib/shopping.ts';
import { loadStock, positionOf, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const DURATION_MS = duration('DURATION', 30_000);
const SKUS = setting('SKUS', 100);
const UNITS = 1_000_000;

export const options = optionsOf(DURATION_MS, {
  holdfast_latency: [`p(99)<${setting('P99_MS', 100)}`],
  checks: ['rate==1'],
});

export function setup(): void {
  loadStock(SKUS, UNITS);
}

export default function mixed(): void {
  shop({ durationMs: DURATION_MS, skus: SKUS, rate: () => setting('RATE', 500) });
}

export function teardown(): void {
  const positions = Array.from({ length: SKUS }, (_, n) => positionOf(skuOf(n)));
  check(positions, {
    'every unit is on the shelf, and sold once at most': () =>
      positions.every(({ onHand, reserved, allocated }) => onHand === UNITS && reserved + allocated <= UNITS),
  });
}
