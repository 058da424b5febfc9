// Watchers subscribe to all that is sold, ask for ever more, and read it far slower than it comes; buyers reserve, and must not
// notice.
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { QUERY_SKUS_MAX } from '../../protocol/limits.ts';
import { loadStock, metricOf, skuOf } from './lib/grid.ts';
import { now } from './lib/load.ts';
import { reserveAtRate, STOCK_PLENTY } from './lib/reserving.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { RUN, settingsOf } from './lib/settings.ts';
import { stall } from './lib/watcher.ts';

export { handleSummary } from './lib/report.ts';

const settings = settingsOf('slow-consumers');
const { durationMs, connections, watchers, rate, skus, stallMs, p99Ms } = settings;
/** At usual settings 0.4 MB a second for each watcher: more than sockets hold after some seconds. */
const QUESTIONS_PER_MESSAGE = 10;
/** Before a watcher that was cut connects again, s. */
const REST_S = 1;
/** What the grid refused because replies waited to be read: without it nobody was slow. */
const SHEDS = 'holdfast_sheds_total{reason="backpressure"}';

export const options = optionsOf({
  durationMs,
  connections: connections + watchers,
  ops: ['reserve'],
  thresholds: { holdfast_latency: [p99Below(p99Ms)], checks: ['rate==1'] },
});

export function setup(): number {
  loadStock(skus, STOCK_PLENTY);
  return metricOf(SHEDS);
}

export default function slowConsumers(): void {
  if (exec.vu.idInTest > connections) watch();
  else reserveAtRate({ ...settings, rate: () => rate });
}

/** The grid may cut such a connection; that is its right. */
function watch(): void {
  const endsAt = now() + durationMs;
  const all = Array.from({ length: Math.min(skus, QUERY_SKUS_MAX) }, (_, n) => skuOf(n));
  while (now() < endsAt) {
    stall({
      subscription: { op: 'subscribe', skus: all, region: RUN.region },
      question: { op: 'query', skus: all, regions: [RUN.region] },
      questionsPerMessage: QUESTIONS_PER_MESSAGE,
      stallMs,
      goesOn: () => now() < endsAt,
    });
    if (now() < endsAt) sleep(REST_S);
  }
}

export function teardown(before: number): void {
  check(metricOf(SHEDS) - before, { 'the grid had replies that nobody read': (sheds) => sheds > 0 });
}
