// One SKU, UNITS units, BUYERS buyers, all at once: exactly UNITS are sold, and the others are told so. RATE, P99_MS.
import { check } from 'k6';
import { run } from './lib/load.ts';
import { optionsOf, VUS } from './lib/scenario.ts';
import { REGION, setting } from './lib/settings.ts';
import { loadStock, positionOf, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const UNITS = setting('UNITS', 100_000);
const BUYERS = setting('BUYERS', 3 * UNITS);
const RATE = setting('RATE', 5_000);
const DURATION_MS = (BUYERS / RATE) * 1_000;

export const options = optionsOf(DURATION_MS, {
  holdfast_latency: [`p(99)<${setting('P99_MS', 250)}`],
  holdfast_acknowledged: [`count==${UNITS}`],
  checks: ['rate==1'],
});

export function setup(): void {
  loadStock(1, UNITS);
}

export default function flashSale(): void {
  const sku = skuOf(0);
  run(
    {
      durationMs: DURATION_MS,
      rate: () => RATE,
      arrive: (buyer) => buyer.send({ op: 'reserve', sku, region: REGION, qty: 1, requestId: buyer.requestId() }),
      expected: ['INSUFFICIENT_STOCK'],
    },
    VUS,
  );
}

export function teardown(): void {
  check(positionOf(skuOf(0)), {
    'every unit is reserved': ({ reserved }) => reserved === UNITS,
    'and none is left': ({ availableToSell }) => availableToSell === 0,
  });
}
