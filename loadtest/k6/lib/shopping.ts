// What buyers do besides reserving: most look, some reserve, and of those most pay, some change their mind, some just leave.
import { run } from './load.ts';
import { anyOf, VUS } from './scenario.ts';
import { REGION } from './settings.ts';
import { skuOf } from './stock.ts';

/** Of all arrivals. */
const BROWSING = 0.6;
/** Of those that reserve; the rest leaves, and what it reserved expires. */
const COMMITTING = 0.6;
const RELEASING = 0.2;
/** How long a buyer thinks at most, ms. */
const THINKING_MS = 2_000;
/** ms; of who thinks for longer than anybody does. */
const TTL_MS = 3_000;

export interface Shopping {
  readonly durationMs: number;
  readonly skus: number;
  rate(ms: number): number;
}

export function shop({ durationMs, skus, rate }: Shopping): void {
  run(
    {
      durationMs,
      rate,
      expected: [],
      arrive: (buyer) => {
        const sku = skuOf(anyOf(skus));
        if (Math.random() < BROWSING) {
          buyer.send({ op: 'get', sku, region: REGION });
          return;
        }
        const requestId = buyer.requestId();
        buyer.send({ op: 'reserve', sku, region: REGION, qty: 1, ttlMs: TTL_MS, requestId }, (outcome) => {
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
    },
    VUS,
  );
}
