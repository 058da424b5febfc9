// From RATE to PEAK over DURATION: the report shows at which rate latency leaves the ground. Where k6 itself sends late
// (holdfast_lateness), it is k6 that broke. P99_MS ends the run.
import { run } from './lib/load.ts';
import { anyOf, optionsOf, VUS } from './lib/scenario.ts';
import { duration, REGION, setting } from './lib/settings.ts';
import { loadStock, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const RATE = setting('RATE', 500);
const PEAK = setting('PEAK', 20_000);
const SKUS = setting('SKUS', 100);
const DURATION_MS = duration('DURATION', 120_000);

const base = optionsOf(DURATION_MS, {});

export const options = {
  ...base,
  thresholds: {
    ...base.thresholds,
    holdfast_latency: [{ threshold: `p(99)<${setting('P99_MS', 1_000)}`, abortOnFail: true, delayAbortEval: '5s' }],
  },
};

export function setup(): void {
  loadStock(SKUS, 100_000_000);
}

export default function ramp(): void {
  run(
    {
      durationMs: DURATION_MS,
      rate: (ms) => RATE + ((PEAK - RATE) * ms) / DURATION_MS,
      arrive: (buyer) =>
        buyer.send({ op: 'reserve', sku: skuOf(anyOf(SKUS)), region: REGION, qty: 1, requestId: buyer.requestId() }),
      expected: ['OVERLOADED'],
    },
    VUS,
  );
}
