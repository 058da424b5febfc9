// What buyers do besides reserving: most look, some reserve, and of those most pay, some change their mind, some just leave.
import { check } from 'k6';
import type { Options } from 'k6/options';
import { anySku, loadStock, positionsAfterExpiry, settleSales } from './grid.ts';
import { run } from './load.ts';
import { STOCK_PLENTY } from './reserving.ts';
import { optionsOf, p99Below } from './scenario.ts';
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

export interface Shopping {
  readonly durationMs: number;
  readonly connections: number;
  readonly skus: number;
  /** Arrivals a second. */
  readonly rate: number;
  readonly p99Ms: number;
}

/** What k6 asks of a scenario of such buyers: in the end what nobody bought must be on the shelf again. */
export function shopping(scenario: Shopping): { options: Options; setup(): void; run(): void; teardown(): void } {
  const { durationMs, connections, skus, p99Ms } = scenario;
  return {
    options: optionsOf({
      durationMs,
      connections,
      ops: ['get', 'reserve', 'commit', 'release'],
      thresholds: {
        holdfast_latency: [p99Below(p99Ms)],
        holdfast_unaccounted_units: ['count==0'],
        checks: ['rate==1'],
      },
    }),
    setup: () => loadStock(skus, STOCK_PLENTY),
    run: () => shop(scenario),
    teardown: () => {
      const found = positionsAfterExpiry(skus);
      settleSales(found);
      check(found, {
        'what nobody bought has expired': () => found.every(({ reserved }) => reserved === 0),
        'every unit is still on the shelf': () => found.every(({ onHand }) => onHand === STOCK_PLENTY),
      });
    },
  };
}

function shop({ durationMs, connections, skus, rate }: Shopping): void {
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
