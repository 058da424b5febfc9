// Buyers that reserve one unit of any SKU and do nothing else: the load of the scenarios that vary the rate.
import type { ErrorCode } from '../../../protocol/errors.ts';
import { anySku } from './grid.ts';
import { run } from './load.ts';
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
