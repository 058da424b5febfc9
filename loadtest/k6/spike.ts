// A multiple of the rate for the middle third of the run, then as before: does it come back?
import type { ErrorCode } from '../../protocol/errors.ts';
import { loadStock } from './lib/grid.ts';
import { reserveAtRate, STOCK_PLENTY } from './lib/reserving.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const settings = settingsOf('spike');
const { durationMs, connections, rate, factor, skus, p99Ms } = settings;
const FROM_MS = durationMs / 3;
const TO_MS = (2 * durationMs) / 3;
/** A grid that is asked too much may say so; it may not be slow about it. */
const expected: ErrorCode[] = ['OVERLOADED'];

export const options = optionsOf({
  durationMs,
  connections,
  ops: ['reserve'],
  expected,
  thresholds: { holdfast_latency: [p99Below(p99Ms)] },
});

export function setup(): void {
  loadStock(skus, STOCK_PLENTY);
}

export default function spike(): void {
  reserveAtRate({ ...settings, expected, rate: (ms) => (ms >= FROM_MS && ms < TO_MS ? factor * rate : rate) });
}
