// A day's work for hours: everything a buyer does, at a rate that is no effort. Leaks show here. RATE, DURATION, SKUS.

import { optionsOf } from './lib/scenario.ts';
import { duration, setting } from './lib/settings.ts';
import { shop } from './lib/shopping.ts';
import { loadStock } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const DURATION_MS = duration('DURATION', 7_200_000);
const SKUS = setting('SKUS', 1_000);

export const options = optionsOf(DURATION_MS, { holdfast_latency: [`p(99)<${setting('P99_MS', 100)}`] });

export function setup(): void {
  loadStock(SKUS, 100_000_000);
}

export default function soak(): void {
  shop({ durationMs: DURATION_MS, skus: SKUS, rate: () => setting('RATE', 200) });
}
