// Reserves at a constant rate, whatever the grid makes of it. RATE, DURATION, SKUS, P99_MS.
import { run } from './lib/load.ts';
import { anyOf, optionsOf, VUS } from './lib/scenario.ts';
import { duration, REGION, setting } from './lib/settings.ts';
import { loadStock, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const RATE = setting('RATE', 1_000);
const SKUS = setting('SKUS', 100);
const DURATION_MS = duration('DURATION', 30_000);

export const options = optionsOf(DURATION_MS, { holdfast_latency: [`p(99)<${setting('P99_MS', 100)}`] });

export function setup(): void {
  loadStock(SKUS, 100_000_000);
}

export default function steady(): void {
  run(
    {
      durationMs: DURATION_MS,
      rate: () => RATE,
      arrive: (buyer) =>
        buyer.send({ op: 'reserve', sku: skuOf(anyOf(SKUS)), region: REGION, qty: 1, requestId: buyer.requestId() }),
      expected: [],
    },
    VUS,
  );
}
