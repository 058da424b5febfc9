// How long a shipment will take, as a port: whoever knows better than the bands of the rules answers instead of them.
import type { CarrierService, ShipNode } from './rules.ts';

/** Days from hand-over to delivery that so many of a hundred such shipments do not exceed; above 0, rising with the quantile. */
export interface TransitDays {
  readonly p50: number;
  readonly p75: number;
  readonly p85: number;
  readonly p90: number;
  readonly p95: number;
  readonly p97: number;
  readonly p99: number;
}

/** A shipment that could be. */
export interface ShipmentAhead {
  readonly node: ShipNode;
  readonly service: CarrierService;
  /** Great circle, from the node to the destination. */
  readonly km: number;
  readonly destination: { readonly latitude: number; readonly longitude: number; readonly postalCode: string };
  /** ms since the epoch. */
  readonly handedOverAt: number;
}

/**
 * Asked some hundred times for each order, so an answer comes from memory, within about a microsecond. It never throws: a service that
 * nothing is known of is answered with what its carrier, or any carrier, takes.
 */
export type TransitTimes = (shipment: ShipmentAhead) => TransitDays;

/** The bands of the rules. */
export const transitOfRules: TransitTimes = ({ service, km }) => transitOfBands(service, km);

/** The band of a service that a distance is in; the last holds for all beyond. */
export function transitOfBands({ transit }: Pick<CarrierService, 'transit'>, km: number): TransitDays {
  return (transit.find(({ untilKm }) => km <= untilKm) ?? (transit.at(-1) as (typeof transit)[number])).days;
}
