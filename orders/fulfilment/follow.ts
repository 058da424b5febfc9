// What carriers tell by themselves, brought to the orders: sooner than by asking, and only as a help, since what is missed is asked for. It
// counts where the package is this carrier's and goes under this number now: what is told of a parcel that another has replaced, of one that
// the order does not know yet, or by a carrier about another's, changes nothing.
import type { TrackEvent } from '../carriers/port.ts';
import { packagesOfShipmentId, shipmentIdOf } from '../order/shipment-id.ts';
import { nameOfCarrierId } from './carrier-ids.ts';
import { scansOf } from './parcels.ts';
import type { Ports } from './ports.ts';
import { requestIdOf } from './processor.ts';
import { scanOf } from './processors/scans.ts';

/** Returns what ends it. A failure is thrown at the carrier, who tells again later. */
export function followCarriers({
  carriers,
  grid,
  transit,
  clock,
}: Pick<Ports, 'carriers' | 'grid' | 'transit' | 'clock'>): () => void {
  /** Which order has the parcel that a carrier tells of, as it goes now. */
  const orderOf = async (shipmentId: string, { trackingId }: TrackEvent, name: string) => {
    for (const { orderId, packageId } of packagesOfShipmentId(shipmentId, grid.region)) {
      const order = await grid.getOrder(orderId);
      const isOurs = order?.detail.packages.some(
        (one) => one.packageId === packageId && one.carrier === name && one.trackingId === trackingId,
      );
      if (order !== undefined && isOurs === true) return { order, packageId };
    }
    return undefined;
  };
  const ends = [...carriers].map(([name, carrier]) =>
    carrier.onTracking(async (event) => {
      const shipmentId = nameOfCarrierId(event.shipmentId);
      if (shipmentId === undefined) return;
      const found = await orderOf(shipmentId, event, name);
      if (found === undefined) return;
      const { order, packageId } = found;
      const { orderId } = order;
      const now = clock.now();
      await transit.observe(scansOf([event], shipmentIdOf({ region: grid.region, orderId, packageId }), now));
      const tracking = order.tasks.find(({ kind, key }) => kind === 'track' && key === packageId);
      for (const { command, cause = `carrier:${name}`, step = event.eventId, isNews } of scanOf(
        event,
        packageId,
        name,
        now,
      )) {
        // What ends the tracking is told as the work of its task, under the requestId of whoever asks the carrier: by both it counts once.
        const ends = isNews === true ? undefined : tracking;
        if (isNews !== true && ends === undefined) continue;
        const body = { ...command, cause, ...(ends === undefined ? {} : { taskId: ends.taskId }) };
        const requestId = ends === undefined ? step : requestIdOf(ends.taskId, step);
        // What an order refuses (it has moved on) it would refuse again.
        await grid.advanceOrder(orderId, JSON.parse(JSON.stringify(body)), { requestId });
      }
    }),
  );
  return () => {
    for (const end of ends) end();
  };
}
