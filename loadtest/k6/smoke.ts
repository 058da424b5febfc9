// Every op of a buyer once, one after the other: does it work at all?
import { check } from 'k6';
import type { Outcome } from '../../protocol/types.ts';
import type { WireRequest } from '../../protocol/wire.ts';
import { loadStock, positions, skuOf } from './lib/grid.ts';
import { now, record } from './lib/load.ts';
import { unexpected } from './lib/metrics.ts';
import { optionsOf } from './lib/scenario.ts';
import { Session } from './lib/session.ts';
import { RUN } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const UNITS = 10;
const OPS = ['hello', 'get', 'reserve', 'extend', 'commit', 'ship', 'release'];
/** Longer than it takes anywhere. */
const DURATION_MS = 5_000;

export const options = optionsOf({
  durationMs: DURATION_MS,
  connections: 1,
  ops: OPS,
  // The walk stops where an answer is missing, and what is not checked does not fail.
  thresholds: { checks: ['rate==1'], holdfast_acknowledged: ['count==8'] },
});

export function setup(): void {
  loadStock(1, UNITS);
}

export default function smoke(): void {
  const session = new Session({ opened: () => void walk().finally(() => session.close()), closed: () => {} });
  const sku = skuOf(0);
  const { region } = RUN;
  let sent = 0;

  function ask(request: WireRequest): Promise<Outcome> {
    const sentAt = now();
    return new Promise((resolve) => {
      session.send(request, (outcome) => {
        record(request, outcome, now() - sentAt, '0');
        unexpected.add(!outcome.ok);
        check(outcome, { [`${request.op} is granted`]: ({ ok }) => ok });
        resolve(outcome);
      });
    });
  }

  function id(): string {
    sent += 1;
    return `${RUN.id}-${sent}`;
  }

  async function reserve(qty: number): Promise<string> {
    const outcome = await ask({ op: 'reserve', sku, region, qty, requestId: id() });
    if (!outcome.ok || !('reservationId' in outcome)) throw new Error('nothing was reserved');
    return outcome.reservationId;
  }

  async function walk(): Promise<void> {
    await ask({ op: 'hello' });
    await ask({ op: 'get', sku, region });
    const bought = await reserve(2);
    await ask({ op: 'extend', reservationId: bought, ttlMs: 60_000, requestId: id() });
    await ask({ op: 'commit', reservationId: bought, requestId: id() });
    await ask({ op: 'ship', reservationId: bought, requestId: id() });
    const left = await reserve(1);
    await ask({ op: 'release', reservationId: left, requestId: id() });
  }
}

export function teardown(): void {
  check(positions(1)[0], {
    'two units were shipped': (position) => position?.onHand === UNITS - 2,
    'and nothing is held': (position) => position?.reserved === 0 && position.allocated === 0,
  });
}
