// What is to be sourced of an order: bundles of the catalogue as their components, which the order is told first, and the units that wait.
import type { Bundles } from '../../sourcing/bundles.ts';
import type { Order } from '../../sourcing/order.ts';
import type { OrderRecord } from '../ports.ts';
import { Refused, tell, type Work } from '../processor.ts';

/** The order with components for each line that is a bundle and was never sourced. @throws Refused */
export async function expanded({ task, order, ports }: Work, bundles: Bundles | undefined): Promise<OrderRecord> {
  if (bundles === undefined || order.detail.plan !== undefined) return order;
  const lines = order.detail.lines.flatMap(({ lineId, sku, bundle, open, qty }) => {
    const components = bundle === undefined && open === qty ? bundles.componentsOf(sku) : undefined;
    return components === undefined ? [] : [{ lineId, components: [...components] }];
  });
  if (lines.length === 0) return order;
  const command = { type: 'expand', bundles: bundles.version, lines } as const;
  await tell({ command, step: 'expand' }, task, order, ports);
  const after = await ports.grid.getOrder(order.orderId);
  if (after === undefined) throw new Refused(`${order.orderId} is not there any more`);
  return after;
}

/** What waits, as an order of its own. */
export function wantedOf({ orderId, document, detail }: OrderRecord): Order {
  const { service } = document;
  const { destination, promisedAt, lines } = detail;
  const { latitude = 0, longitude = 0, postalCode = '' } = destination ?? {};
  return {
    orderId,
    lines: lines
      .filter(({ open, backordered }) => open + backordered > 0)
      .map(({ lineId, sku, open, backordered, grams, value, substitutes, bundle }) => ({
        lineId,
        sku,
        qty: open + backordered,
        grams,
        value,
        ...(substitutes.length === 0 ? {} : { substitutes: [...substitutes] }),
        ...(bundle === undefined ? {} : { bundle: { bundle: bundle.lineId, units: bundle.units } }),
      })),
    destination: { latitude, longitude, postalCode },
    ...(promisedAt === undefined ? {} : { promisedAt }),
    ...(service === undefined ? {} : { service }),
  };
}
