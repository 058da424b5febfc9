// Half of the connections subscribe to all that is sold and stand still while it is pushed; the others reserve, and must not
// notice. RATE, DURATION, SKUS, STALL_MS, P99_MS.

import { sleep } from 'k6';
import exec from 'k6/execution';
import { now, run } from './lib/load.ts';
import { anyOf, optionsOf, VUS } from './lib/scenario.ts';
import { Session } from './lib/session.ts';
import { duration, REGION, setting } from './lib/settings.ts';
import { loadStock, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const RATE = setting('RATE', 500);
const SKUS = setting('SKUS', 100);
const STALL_MS = setting('STALL_MS', 500);
const DURATION_MS = duration('DURATION', 30_000);
const BUYERS = Math.max(1, Math.floor(VUS / 2));

export const options = optionsOf(DURATION_MS, { holdfast_latency: [`p(99)<${setting('P99_MS', 100)}`] });

export function setup(): void {
  loadStock(SKUS, 100_000_000);
}

export default function slowConsumers(): void {
  if (exec.vu.idInTest > BUYERS) watch();
  else
    run(
      {
        durationMs: DURATION_MS,
        rate: () => RATE,
        arrive: (buyer) =>
          buyer.send({ op: 'reserve', sku: skuOf(anyOf(SKUS)), region: REGION, qty: 1, requestId: buyer.requestId() }),
        expected: [],
      },
      BUYERS,
    );
}

/** The grid may close such a connection; that is its right. */
function watch(): void {
  const endsAt = now() + DURATION_MS;
  const skus = Array.from({ length: SKUS }, (_, n) => skuOf(n));
  const session: Session = new Session({
    opened: () => {
      session.send({ op: 'subscribe', skus, region: REGION }, () => {});
      setTimeout(() => session.close(), DURATION_MS);
    },
    closed: () => {},
    pushed: () => {
      if (now() < endsAt) sleep(STALL_MS / 1_000);
    },
  });
}
