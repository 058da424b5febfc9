// How long an observation and an answer take, with a hundred thousand lanes known:
//   npx vitest bench --run --project unit orders/transit
import { bench, describe } from 'vitest';
import { transitAnswers } from '../for-sourcing.ts';
import { LaneTable } from '../lane-table.ts';
import type { Leg, TransitModel } from '../model.ts';
import { OnlineTransitModel } from '../online-model.ts';
import { DAY_MS, daysAround, START, spread } from './parcels.ts';

const LANES = 100_000;
const PER_DAY = 10_000;
/** Days after the hand-over. */
const SCANNED = [0.8, 1.6, 2.4];

const legOf = (n: number): Leg => ({
  node: `hub-${n % 8}`,
  service: `service-${n % 18}`,
  postalCode: String(n % 900).padStart(3, '0'),
  km: (n * 37) % 4_000,
  handedOverAt: START + Math.floor((n / PER_DAY) * DAY_MS),
});

/** Tells it of hand-overs, scans and deliveries, one after the other, as they become known: five observations each time. */
function feeder(model: TransitModel): () => void {
  let n = 0;
  const due: { shipmentId: string; at: number }[] = [];
  return () => {
    const leg = legOf(n);
    const now = leg.handedOverAt;
    model.observe([{ kind: 'handedOver', shipment: { ...leg, shipmentId: `p-${n}` } }], now);
    for (const days of SCANNED) {
      model.observe([{ kind: 'scan', shipmentId: `p-${n - days * PER_DAY}`, at: now }], now);
    }
    due.push({ shipmentId: `p-${n}`, at: now + 3 * DAY_MS });
    const delivered = due[n - 3 * PER_DAY];
    if (delivered !== undefined) {
      const at = delivered.at - Math.floor(daysAround(1, spread(n)) * DAY_MS * 0.1);
      model.observe([{ kind: 'delivered', shipmentId: delivered.shipmentId, at }], now);
    }
    n++;
  };
}

for (const [name, open] of [
  ['the online model', () => new OnlineTransitModel()],
  ['the lane table', () => new LaneTable()],
] as const) {
  describe(name, () => {
    const model = open();
    const feed = feeder(model);
    for (let n = 0; n < LANES; n++) feed();
    const now = START + 20 * DAY_MS;
    const answers = transitAnswers(model, now);
    let asked = 0;
    bench('a parcel: hand-over, three scans and delivery', feed);
    bench('an answer', () => {
      model.answer(legOf(asked++), now);
    });
    bench('an answer for sourcing, kept', () => {
      const { node, service, postalCode, km } = legOf(asked++ % 1_000);
      answers.transitTimes({
        node: { node },
        service: { service },
        destination: { postalCode },
        km,
        handedOverAt: now,
      });
    });
  });
}
