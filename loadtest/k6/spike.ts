// Ten times the rate for a third of the run, then as before. RATE (before and after), DURATION (of the whole), SKUS, P99_MS.
import { run } from './lib/load.ts';
import { anyOf, optionsOf, VUS } from './lib/scenario.ts';
import { duration, REGION, setting } from './lib/settings.ts';
import { loadStock, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const RATE = setting('RATE', 300);
const FACTOR = 10;
const SKUS = setting('SKUS', 100);
const DURATION_MS = duration('DURATION', 90_000);
const FROM_MS = DURATION_MS / 3;
const TO_MS = (2 * DURATION_MS) / 3;

export const options = optionsOf(DURATION_MS, { holdfast_latency: [`p(99)<${setting('P99_MS', 250)}`] });

export function setup(): void {
  loadStock(SKUS, 100_000_000);
}

export default function spike(): void {
  run(
    {
      durationMs: DURATION_MS,
      rate: (ms) => (ms >= FROM_MS && ms < TO_MS ? FACTOR * RATE : RATE),
      arrive: (buyer) =>
        buyer.send({ op: 'reserve', sku: skuOf(anyOf(SKUS)), region: REGION, qty: 1, requestId: buyer.requestId() }),
      expected: ['OVERLOADED'],
    },
    VUS,
  );
}
