// One SKU, and more buyers than units: exactly the units are sold, and the others are told so.
import { check } from 'k6';
import type { ErrorCode } from '../../protocol/errors.ts';
import { loadStock, positions, settleSales, skuOf } from './lib/grid.ts';
import { run } from './lib/load.ts';
import { optionsOf, p99Below } from './lib/scenario.ts';
import { RUN, settingsOf } from './lib/settings.ts';

export { handleSummary } from './lib/report.ts';

const { durationMs, connections, units, buyers, p99Ms } = settingsOf('flash-sale');
const expected: ErrorCode[] = ['INSUFFICIENT_STOCK'];

export const options = optionsOf({
  durationMs,
  connections,
  ops: ['reserve', 'commit'],
  expected,
  thresholds: {
    holdfast_latency: [p99Below(p99Ms)],
    'holdfast_acknowledged{op:reserve}': [`count==${units}`],
    'holdfast_acknowledged{op:commit}': [`count==${units}`],
    holdfast_unaccounted_units: ['count==0'],
    checks: ['rate==1'],
  },
});

export function setup(): void {
  loadStock(1, units);
}

export default function flashSale(): void {
  run({
    durationMs,
    connections,
    rate: () => (1_000 * buyers) / durationMs,
    expected,
    arrive: (buyer) => {
      const reserve = { op: 'reserve', sku: skuOf(0), region: RUN.region, qty: 1 } as const;
      buyer.send({ ...reserve, requestId: buyer.requestId() }, (outcome) => {
        if (!outcome.ok || !('reservationId' in outcome)) return;
        const { reservationId } = outcome;
        buyer.sendNow({ op: 'commit', reservationId, requestId: buyer.requestId() });
      });
    },
  });
}

export function teardown(): void {
  const found = positions(1);
  settleSales(found);
  check(found[0], {
    'every unit is sold': (position) => position?.allocated === units,
    'and none besides': (position) => position?.reserved === 0 && position.availableToSell === 0,
  });
}
