// Every op of a buyer once, one after the other: does it work at all?
import { check } from 'k6';
import type { Outcome } from '../../protocol/types.ts';
import type { WireRequest } from '../../protocol/wire.ts';
import { now } from './lib/load.ts';
import { acknowledged, latency, refused, unexpected } from './lib/metrics.ts';
import { optionsOf } from './lib/scenario.ts';
import { Session } from './lib/session.ts';
import { REGION } from './lib/settings.ts';
import { loadStock, positionOf, skuOf } from './lib/stock.ts';

export { handleSummary } from './lib/report.ts';

const UNITS = 10;

export const options = optionsOf(5_000, { checks: ['rate==1'] }, 1);

export function setup(): void {
  loadStock(1, UNITS);
}

export default function smoke(): void {
  const sku = skuOf(0);
  const session = new Session({
    opened: () => void walk().finally(() => session.close()),
    closed: () => {},
  });
  let sent = 0;
  const ask = (request: WireRequest): Promise<Outcome> =>
    new Promise((resolve) => {
      const sentAt = now();
      session.send(request, (outcome) => {
        const code = outcome.ok ? 'OK' : outcome.code;
        latency.add(now() - sentAt, { op: request.op, code, window: '0' });
        (outcome.ok ? acknowledged : refused).add(1, { op: request.op, window: '0' });
        unexpected.add(!outcome.ok);
        check(outcome, { [`${request.op} is answered`]: ({ ok }) => ok });
        resolve(outcome);
      });
    });
  const id = (): string => `smoke-${sku}-${++sent}`;

  async function walk(): Promise<void> {
    await ask({ op: 'hello' } as WireRequest);
    await ask({ op: 'get', sku, region: REGION } as WireRequest);
    const bought = (await ask({ op: 'reserve', sku, region: REGION, qty: 2, requestId: id() })) as {
      reservationId: string;
    };
    const { reservationId } = bought;
    await ask({ op: 'extend', reservationId, ttlMs: 60_000, requestId: id() });
    await ask({ op: 'commit', reservationId, requestId: id() });
    await ask({ op: 'ship', reservationId, requestId: id() });
    const other = (await ask({ op: 'reserve', sku, region: REGION, qty: 1, requestId: id() })) as {
      reservationId: string;
    };
    await ask({ op: 'release', reservationId: other.reservationId, requestId: id() });
  }
}

export function teardown(): void {
  check(positionOf(skuOf(0)), {
    'two units were shipped': ({ onHand }) => onHand === UNITS - 2,
    'and nothing is held': ({ reserved, allocated }) => reserved === 0 && allocated === 0,
  });
}
