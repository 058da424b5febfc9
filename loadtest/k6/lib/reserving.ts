// Buyers that reserve one unit of any SKU and do nothing else: the load of the scenarios that vary the rate.
import type { Options } from 'k6/options';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { anySku, loadStock } from './grid.ts';
import { run } from './load.ts';
import { optionsOf, p99Below } from './scenario.ts';
import { RUN } from './settings.ts';

/** Of each SKU: more than anybody reserves. */
export const STOCK_PLENTY = 100_000_000;

export interface Reserving {
  readonly durationMs: number;
  readonly connections: number;
  readonly skus: number;
  /** Reserves due a second, so many ms after the start. */
  rate(ms: number): number;
  readonly expected?: readonly ErrorCode[];
}

export function reserveAtRate({ durationMs, connections, skus, rate, expected = [] }: Reserving): void {
  run({
    durationMs,
    connections,
    rate,
    expected,
    arrive: (buyer) =>
      buyer.send({ op: 'reserve', sku: anySku(skus), region: RUN.region, qty: 1, requestId: buyer.requestId() }),
  });
}

export interface ReservingScenario extends Reserving {
  readonly p99Ms: number;
  /** Ends the run soon after the latency has left its bound. */
  readonly abortOnLate?: boolean;
}

/** What k6 asks of a scenario of such buyers. */
export function reserving(scenario: ReservingScenario): { options: Options; setup(): void; run(): void } {
  const { durationMs, connections, skus, expected = [], p99Ms, abortOnLate = false } = scenario;
  const threshold = p99Below(p99Ms);
  return {
    options: optionsOf({
      durationMs,
      connections,
      ops: ['reserve'],
      expected,
      thresholds: {
        holdfast_latency: [abortOnLate ? { threshold, abortOnFail: true, delayAbortEval: '5s' } : threshold],
      },
    }),
    setup: () => loadStock(skus, STOCK_PLENTY),
    run: () => reserveAtRate(scenario),
  };
}
