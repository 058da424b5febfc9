// What a task about a package is about.
import { shipmentIdOf } from '../../order/shipment-id.ts';
import type { OrderPackage } from '../../order/types.ts';
import type { Work } from '../processor.ts';

/** Packages that their node does not hand over after all. */
const NOT_SENT: ReadonlySet<OrderPackage['state']> = new Set(['REJECTED', 'CANCELLED']);

export function isNotSent({ state }: OrderPackage): boolean {
  return NOT_SENT.has(state);
}

/** Undefined: the order has no such package, and the task is none of fulfilment's. */
export function packageOf({ task, order }: Work): OrderPackage | undefined {
  return order.detail.packages.find(({ packageId }) => packageId === task.key);
}

/** By which no other has it, whatever the region. */
export function packageNameOf(
  { order, ports }: Pick<Work, 'order' | 'ports'>,
  { packageId }: Pick<OrderPackage, 'packageId'>,
): string {
  return shipmentIdOf({ region: ports.grid.region, orderId: order.orderId, packageId });
}
