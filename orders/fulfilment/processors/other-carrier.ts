// A package whose carrier took back what it had booked: another carrier has it from now on, the best that there is. Where there is none it
// is an exception, for policies to settle, and its carrier is tried again after a rest. And one whose service does not carry it, since its order
// goes elsewhere by now, or it weighs more than was thought: another service has it, where one does.

import { shipmentIdOf } from '../../order/shipment-id.ts';
import type { OrderPackage } from '../../order/types.ts';
import { carrierIdOf } from '../carrier-ids.ts';
import { CARRIER_REST_MS } from '../limits.ts';
import { isCarried, possibleServices } from '../other-services.ts';
import { byService, missProbabilityOf } from '../parcels.ts';
import type { Result, Work } from '../processor.ts';
import type { CarrierOptions } from './carrier-options.ts';

/** Of the goods, what a promise that is missed costs: which of two carriers is the better depends on it a little. */
const BREACH_SHARE = 0.1;

/**
 * What is done instead of booking; undefined: it is to be booked as it stands.
 * The order takes another carrier before that one is asked: what is booked under the task's key is booked with one carrier alone.
 */
export function insteadOfBooking(
  work: Work,
  one: OrderPackage,
  options: CarrierOptions,
): (Result & { readonly again?: number }) | undefined {
  const { order, ports } = work;
  const { packageId, carrier, service } = one;
  const taken = one.cancelledBy?.find((other) => other.carrier === carrier);
  if (taken === undefined) return insteadOfItsService(work, one, options);
  const shipmentId = carrierIdOf(shipmentIdOf({ region: ports.grid.region, orderId: order.orderId, packageId }));
  ports.carriers.get(carrier)?.tookBack?.(`${shipmentId}@${taken.at}`);
  const now = ports.clock.now();
  const restsUntil = ports.clock.fromGrid(taken.at) + CARRIER_REST_MS;
  // Who comes back to it later may have booked it with this carrier already.
  if (now >= restsUntil) return undefined;
  const other = anotherService(work, one, { ...options, isOut: true });
  if (other !== undefined) {
    const command = { type: 'reroute', packageId, carrier: other.carrier, service: other.service } as const;
    return { tell: [{ command, step: 'instead', cause: `carrier:${carrier}` }], again: 0 };
  }
  const evidence = { carrier, service, code: 'CANCELLED', message: `${carrier} cancelled what it had booked` };
  return {
    tell: [
      {
        command: { type: 'raise', kind: 'carrierOutage', packageId, evidence },
        step: `cancelled@${taken.at}`,
        isNews: true,
      },
    ],
    again: restsUntil - now,
  };
}

/** Its carrier may have been asked by this task when the rules were others: whatever was booked is taken back before another is. */
function insteadOfItsService(work: Work, one: OrderPackage, options: CarrierOptions): Result | undefined {
  if (isCarried(one, work.order, options.rules)) return undefined;
  const other = anotherService(work, one, { ...options, isOut: false });
  // Where there is none, its carrier says so.
  if (other === undefined) return undefined;
  const { carrier, service } = other;
  return { tell: [{ command: { type: 'reroute', packageId: one.packageId, carrier, service }, step: 'notCarried' }] };
}

function anotherService(
  { order, ports }: Work,
  one: OrderPackage,
  { nodes, rules, isOut }: CarrierOptions & { readonly isOut: boolean },
): { readonly carrier: string; readonly service: string } | undefined {
  const lookout = { nodes, transit: ports.transit, delays: ports.delays, now: ports.clock.now() };
  const value = order.detail.lines.reduce((sum, line) => sum + line.qty * line.value, 0);
  const possible = possibleServices(one, order, {
    rules,
    isOut,
    missBy: ({ service }) => missProbabilityOf(byService(one, service), order, lookout),
    breachCost: BREACH_SHARE * value,
  });
  // Others may know a carrier that this process does not.
  return (possible.find((other) => ports.carriers.has(other.one.carrier)) ?? possible[0])?.one;
}
