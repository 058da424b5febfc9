// What buyers do besides reserving: most look, some reserve, and of those most pay, some change their mind, some just leave.

import { anySku } from './grid.ts';
import { run } from './load.ts';
import { RUN } from './settings.ts';

/** Of all arrivals. */
const BROWSING = 0.6;
/** Of those that reserve; the rest leaves, and what it reserved expires. */
const COMMITTING = 0.6;
const RELEASING = 0.2;
/** How long a buyer thinks at most, ms. */
const THINKING_MS = 1_500;
/** Longer than anybody thinks and a stall of the grid lasts, and short enough that the test sees it end. */
const TTL_MS = 6_000;

export const SHOPPING_OPS = ['get', 'reserve', 'commit', 'release'] as const;

export interface Shopping {
  readonly durationMs: number;
  readonly connections: number;
  readonly skus: number;
  /** Arrivals a second. */
  readonly rate: number;
}

export function shop({ durationMs, connections, skus, rate }: Shopping): void {
  run({
    durationMs,
    connections,
    rate: () => rate,
    expected: [],
    arrive: (buyer) => {
      const sku = anySku(skus);
      if (Math.random() < BROWSING) {
        buyer.send({ op: 'get', sku, region: RUN.region });
        return;
      }
      const requestId = buyer.requestId();
      buyer.send({ op: 'reserve', sku, region: RUN.region, qty: 1, ttlMs: TTL_MS, requestId }, (outcome) => {
        if (!outcome.ok || !('reservationId' in outcome)) return;
        const { reservationId } = outcome;
        const fate = Math.random();
        if (fate > COMMITTING + RELEASING) return;
        const op = fate < COMMITTING ? 'commit' : 'release';
        buyer.after(Math.random() * THINKING_MS, () =>
          buyer.sendNow({ op, reservationId, requestId: buyer.requestId() }),
        );
      });
    },
  });
}
