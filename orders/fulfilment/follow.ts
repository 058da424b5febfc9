// What carriers tell by themselves, brought to the orders: sooner than by asking, and only as a help, since what is missed is asked for. It
// counts where the package is this carrier's and goes under this number now: what is told of a parcel that another has replaced, of one that
// the order does not know yet, or by a carrier about another's, changes nothing.
import { nameOfCarrierId } from './carrier-ids.ts';
import type { Ports } from './ports.ts';
import { scanOf } from './processors/carriers.ts';

/** Returns what ends it. A failure is thrown at the carrier, who tells again later. */
export function followCarriers({ carriers, grid }: Pick<Ports, 'carriers' | 'grid'>): () => void {
  const ends = [...carriers].map(([name, carrier]) =>
    carrier.onTracking(async (event) => {
      const shipmentId = nameOfCarrierId(event.shipmentId);
      if (shipmentId === undefined) return;
      const at = shipmentId.lastIndexOf('/');
      const orderId = shipmentId.slice(0, at);
      const packageId = shipmentId.slice(at + 1);
      const packages = (await grid.getOrder(orderId))?.detail.packages ?? [];
      const isOurs = packages.some(
        (one) => one.packageId === packageId && one.carrier === name && one.trackingId === event.trackingId,
      );
      if (!isOurs) return;
      for (const { command, cause, step } of scanOf(event, packageId, name)) {
        const body = { ...command, cause: cause ?? `carrier:${name}` };
        // What an order refuses (it has moved on) it would refuse again.
        await grid.advanceOrder(orderId, JSON.parse(JSON.stringify(body)), { requestId: step ?? event.eventId });
      }
    }),
  );
  return () => {
    for (const end of ends) end();
  };
}
