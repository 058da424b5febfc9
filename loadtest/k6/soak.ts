// A day's work for hours: everything a buyer does, at a rate that is no effort.
import { check } from 'k6';
import { loadStock, positionsAfterExpiry, settleSales } from './lib/grid.ts';
import { STOCK_PLENTY } from './lib/reserving.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { settingsOf } from './lib/settings.ts';
import { SHOPPING_OPS, shop } from './lib/shopping.ts';

export { handleSummary } from './lib/report.ts';

const settings = settingsOf('soak');
const { durationMs, connections, skus, p99Ms } = settings;

export const options = optionsOf({
  durationMs,
  connections,
  ops: SHOPPING_OPS,
  thresholds: { holdfast_latency: [p99Below(p99Ms)], holdfast_unaccounted_units: ['count==0'], checks: ['rate==1'] },
});

export function setup(): void {
  loadStock(skus, STOCK_PLENTY);
}

export default function soak(): void {
  shop(settings);
}

export function teardown(): void {
  const found = positionsAfterExpiry(skus);
  settleSales(found);
  check(found, {
    'what nobody bought has expired': () => found.every(({ reserved }) => reserved === 0),
    'every unit is still on the shelf': () => found.every(({ onHand }) => onHand === STOCK_PLENTY),
  });
}
