// Tells other systems of parcels that left, by files: on the notice that a package was shipped, a ship notice of it is written, once.
import { createHash } from 'node:crypto';
import type { OrderDocument } from '../../protocol/orders.ts';
import { gramsOf } from '../order/package-grams.ts';
import { type PackageRef, shipmentIdOf } from '../order/shipment-id.ts';
import type { OrderDetail } from '../order/view.ts';
import type { ShipmentOut } from './shipment.ts';
import { type OutOptions, writeShipments } from './shipments.ts';

export interface ShippedOptions extends Omit<OutOptions, 'batchId'> {
  /** What an order shows of itself, and what was kept with it; undefined where nobody knows it. */
  readonly orderOf: (region: string, orderId: string) => Promise<ShownOrder | undefined>;
}

export interface ShownOrder {
  readonly detail: OrderDetail;
  readonly attributes?: OrderDocument['attributes'];
}

export interface ShippedNotice {
  /** That captured the order. */
  readonly region: string;
  readonly orderId: string;
  /** Others than `shipped` are not for files. */
  readonly about: string;
  readonly packageId: string | undefined;
}

/** Writes what the notice is about; the same notice again, by its package, writes nothing. */
export async function tellShipped(options: ShippedOptions, notice: ShippedNotice): Promise<void> {
  const { region, orderId, about, packageId } = notice;
  if (about !== 'shipped' || packageId === undefined) return;
  const { orderOf, ...out } = options;
  const order = await orderOf(region, orderId);
  const shipment = order === undefined ? undefined : shipmentOf({ region, orderId, packageId }, order);
  if (shipment === undefined) return;
  await writeShipments({ ...out, batchId: batchIdOf(shipment.shipmentId) }, [shipment]);
}

/** Undefined where the package has not left, or is empty. */
export function shipmentOf(of: PackageRef, { detail, attributes = {} }: ShownOrder): ShipmentOut | undefined {
  const { orderId, packageId } = of;
  const one = detail.packages.find((candidate) => candidate.packageId === packageId);
  const lines = (one?.lines ?? []).filter(({ qty }) => qty > 0);
  if (one?.trackingId === undefined || one.shippedAt === undefined || lines.length === 0) return undefined;
  const { recipient, city, postalCode = '', country } = detail.destination ?? {};
  const { purchaseOrder, release } = attributes;
  return {
    shipmentId: shipmentIdOf(of),
    orderId,
    ...(purchaseOrder === undefined ? {} : { purchaseOrder }),
    ...(release === undefined ? {} : { release }),
    carrier: one.carrier,
    service: one.service,
    trackingId: one.trackingId,
    shippedAt: one.shippedAt,
    grams: gramsOf(one, detail),
    node: one.node,
    destination: {
      postalCode,
      ...(recipient === undefined ? {} : { recipient }),
      ...(city === undefined ? {} : { city }),
      ...(country === undefined ? {} : { country }),
    },
    lines: lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty })),
  };
}

/** Readable, and of two shipments never the same, whatever characters are in their names. */
function batchIdOf(shipmentId: string): string {
  const plain = shipmentId.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 80);
  return `${plain}-${createHash('sha256').update(shipmentId).digest('hex').slice(0, 12)}`;
}
