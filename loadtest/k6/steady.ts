// Reserves at a constant rate, whatever the grid makes of it.

import { loadStock } from './lib/grid.ts';
import { reserveAtRate, STOCK_PLENTY } from './lib/reserving.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const settings = settingsOf('steady');
const { durationMs, connections, rate, skus, p99Ms } = settings;

export const options = optionsOf({
  durationMs,
  connections,
  ops: ['reserve'],
  thresholds: { holdfast_latency: [p99Below(p99Ms)] },
});

export function setup(): void {
  loadStock(skus, STOCK_PLENTY);
}

export default function steady(): void {
  reserveAtRate({ ...settings, rate: () => rate });
}
