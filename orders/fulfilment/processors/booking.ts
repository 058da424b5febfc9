// What a carrier is asked to book of a package.
import type { BookRequest, Place } from '../../carriers/port.ts';
import { gramsOf } from '../../order/package-grams.ts';
import { shipmentIdOf } from '../../order/shipment-id.ts';
import type { OrderPackage, UnsentBooking } from '../../order/types.ts';
import { carrierIdOf } from '../carrier-ids.ts';
import type { Work } from '../processor.ts';
import type { CarrierOptions } from './carrier-options.ts';

/** What a carrier is asked to book of a package as it is: asked again of the same package it is the same. */
export function bookingOf(
  { order, ports }: Work,
  one: OrderPackage,
  { nodes }: CarrierOptions,
  destination: UnsentBooking['destination'] = order.detail.destination,
): BookRequest {
  const from = nodes.get(one.node);
  if (from === undefined) throw new Error(`the rules have no ship node ${one.node}`);
  const { latitude, longitude } = from;
  const { region } = ports.grid;
  return {
    shipmentId: carrierIdOf(shipmentIdOf({ region, orderId: order.orderId, packageId: one.packageId })),
    service: one.service,
    from: { latitude, longitude, postalCode: from.postalCode ?? '-' },
    to: placeOf(destination),
    grams: Math.max(1, Math.round(gramsOf(one, order.detail))),
    // As planned, though it may be later by now: a repetition under the same key has to ask for the same.
    readyAt: one.handedOverAt ?? 0,
  };
}

function placeOf(destination: UnsentBooking['destination']): Place {
  const { latitude = 0, longitude = 0, postalCode = '' } = destination ?? {};
  return { latitude, longitude, postalCode };
}
