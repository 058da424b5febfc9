// Ship notices (856): one set for each parcel, its order, and what is in it.
import type { ShipmentOut } from '../shipment.ts';
import { dateOf, type Party, type SetToWrite, writeInterchange } from './envelope.ts';
import { freeText } from './segments.ts';

export interface Sending {
  readonly sender: Party;
  readonly receiver: Party;
  readonly control: number;
  readonly at: number;
  readonly test: boolean;
}

/** @throws Unwritable where an id has characters that X12 cannot hold */
export function write856(shipments: readonly ShipmentOut[], sending: Sending): string {
  return writeInterchange({ ...sending, functionalId: 'SH', sets: shipments.map((one) => setOf(one, sending.at)) });
}

function setOf(shipment: ShipmentOut, now: number): SetToWrite {
  const { shipmentId, orderId, carrier, service, trackingId, shippedAt, grams, node, destination, lines } = shipment;
  const written = dateOf(now);
  const shipped = dateOf(shippedAt);
  return {
    id: '856',
    segments: [
      ['BSN', '00', shipmentId, written.date, written.time, '0001'],
      ['HL', '1', '', 'S'],
      ['TD1', 'CTN25', '1', '', '', '', 'G', String(Math.max(1, grams)), 'GR'],
      ['TD5', '', '2', freeText(carrier, 80), '', freeText(service, 35)],
      ['REF', 'CN', trackingId],
      ['DTM', '011', shipped.date, shipped.time],
      ['N1', 'SF', '', '92', node],
      ['N1', 'ST', freeText(destination.recipient ?? 'recipient', 60)],
      ['N4', freeText(destination.city ?? '', 30), '', destination.postalCode, destination.country ?? ''],
      ['HL', '2', '1', 'O'],
      ['PRF', shipment.purchaseOrder ?? orderId, shipment.release ?? ''],
      ...lines.flatMap(({ lineId, sku, qty }, n): [string, ...string[]][] => [
        ['HL', String(n + 3), '2', 'I'],
        ['LIN', lineId, 'SK', sku],
        ['SN1', '', String(qty), 'EA'],
      ]),
      ['CTT', String(lines.length + 2)],
    ],
  };
}
