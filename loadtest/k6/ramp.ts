// From one rate to another: the report says at which latency left its bound, and the run ends soon after. Where k6 itself sends
// late, it is k6 that broke, and the report says that too.
import type { ErrorCode } from '../../protocol/errors.ts';
import { loadStock } from './lib/grid.ts';
import { reserveAtRate, STOCK_PLENTY } from './lib/reserving.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const settings = settingsOf('ramp');
const { durationMs, connections, rate, peak, skus, p99Ms } = settings;
const expected: ErrorCode[] = ['OVERLOADED'];

export const options = optionsOf({
  durationMs,
  connections,
  ops: ['reserve'],
  expected,
  thresholds: {
    holdfast_latency: [{ threshold: p99Below(p99Ms) as string, abortOnFail: true, delayAbortEval: '5s' }],
  },
});

export function setup(): void {
  loadStock(skus, STOCK_PLENTY);
}

export default function ramp(): void {
  reserveAtRate({ ...settings, expected, rate: (ms) => rate + ((peak - rate) * ms) / durationMs });
}
