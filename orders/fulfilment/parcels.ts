// Packages of orders as the transit model knows parcels.
import type { TrackEvent, TrackKind } from '../carriers/port.ts';
import { delayOf } from '../live/weather.ts';
import { shipmentIdOf } from '../order/shipment-id.ts';
import type { OrderPackage } from '../order/types.ts';
import { kmBetween } from '../sourcing/geo.ts';
import { handedOverAt } from '../sourcing/promise.ts';
import type { ShipNode } from '../sourcing/rules.ts';
import type { Leg, Observation } from '../transit/model.ts';
import { CLOCK_SKEW_MS, COLLECTED_UNSEEN_MS } from './limits.ts';
import type { Delays, OrderRecord, TransitKnowledge } from './ports.ts';

const DAY_MS = 86_400_000;

/** States of a package that was on its way and will not arrive. */
export const GONE: ReadonlySet<OrderPackage['state']> = new Set(['LOST', 'DAMAGED', 'INTERCEPTED']);

/** A carrier's estimate is its p50: half of what it expects later than promised is late. */
const LATE_BY_CARRIER = 0.5;
/** Of what is not sourced yet nobody knows how it will travel. */
const LATE_UNSOURCED = 0.1;

export interface Lookout {
  readonly nodes: ReadonlyMap<string, ShipNode>;
  readonly transit: TransitKnowledge;
  readonly delays: Delays;
  /** ms since the epoch of business. */
  readonly now: number;
}

/**
 * That a package misses what the customer was told last, 0 to 1: by the transit model, given how long it is on its way, or by what its
 * carrier expects, whichever is worse. 0 where nothing is promised.
 * @param one undefined: it is about units that are in no package yet
 */
export function missProbabilityOf(
  one: OrderPackage | undefined,
  order: Pick<OrderRecord, 'detail'>,
  { nodes, transit, delays, now }: Lookout,
  expectedAt = one?.expectedAt,
): number {
  const { promisedAt } = order.detail;
  if (promisedAt === undefined) return 0;
  if (one?.deliveredAt !== undefined) return one.deliveredAt > promisedAt ? 1 : 0;
  if (now > promisedAt) return 1;
  const leg = one === undefined ? undefined : legOf(one, order, nodes, now);
  const byModel =
    leg === undefined
      ? LATE_UNSOURCED
      : transit.missProbability(leg, promisedAt - lostMs(leg, order, { nodes, delays, now }), now);
  return expectedAt !== undefined && expectedAt > promisedAt ? Math.max(byModel, LATE_BY_CARRIER) : byModel;
}

/** A package as it would be by another service: nobody has collected it, and the carrier of now expects nothing. */
export function byService(one: OrderPackage, service: string): OrderPackage {
  return { ...one, service, state: one.state === 'BOOKED' ? 'PACKED' : one.state, expectedAt: undefined };
}

/** A new promise is one that nine of ten such parcels keep, where there is one within a month. */
const NEW_PROMISE_MISSED = 0.1;
const NEW_PROMISE_DAYS_MAX = 30;

/** The earliest promise from a time on, in whole days, ms, that is likely to be kept. */
export function keepablePromise(
  one: OrderPackage,
  { detail }: Pick<OrderRecord, 'detail'>,
  lookout: Lookout,
  from: number,
): number {
  for (let days = 0; days < NEW_PROMISE_DAYS_MAX; days++) {
    const promisedAt = from + days * DAY_MS;
    if (missProbabilityOf(one, { detail: { ...detail, promisedAt } }, lookout) <= NEW_PROMISE_MISSED) return promisedAt;
  }
  return from + NEW_PROMISE_DAYS_MAX * DAY_MS;
}

/** What a parcel loses to the weather of now, ms, if it is to arrive as promised. */
function lostMs(
  { node, handedOverAt }: Leg,
  { detail: { destination, promisedAt = 0 } }: Pick<OrderRecord, 'detail'>,
  { nodes, delays, now }: Pick<Lookout, 'nodes' | 'delays' | 'now'>,
): number {
  const from = nodes.get(node);
  if (from === undefined || destination === undefined) return 0;
  return DAY_MS * delayOf({ from, to: destination, leavesAt: handedOverAt, arrivesAt: promisedAt }, delays, now);
}

/**
 * When a package that is not on its way yet is handed over: as planned, and after that by the calendar of its node. One that is booked may
 * have been collected then and not be scanned yet.
 * @param now ms since the epoch of business
 */
export function handOverOf(
  { state, handedOverAt: planned }: Pick<OrderPackage, 'state' | 'handedOverAt'>,
  from: ShipNode,
  now: number,
): number {
  const isAsPlanned = planned !== undefined && now <= planned + (state === 'BOOKED' ? COLLECTED_UNSEEN_MS : 0);
  return isAsPlanned ? planned : (handedOverAt(from, now) ?? now);
}

/**
 * How a package travels. One that is not on its way yet is handed over when its node does. Undefined where the rules
 * do not know its node, or nobody knows where it goes.
 * @param now ms since the epoch of business
 */
export function legOf(
  one: OrderPackage,
  { detail: { destination } }: Pick<OrderRecord, 'detail'>,
  nodes: ReadonlyMap<string, ShipNode>,
  now: number,
): Leg | undefined {
  const { node, service, shippedAt } = one;
  const from = nodes.get(node);
  if (from === undefined || destination === undefined) return undefined;
  const { postalCode } = destination;
  const at = shippedAt ?? handOverOf(one, from, now);
  return { node, service, postalCode, km: kmBetween(from, destination), handedOverAt: at };
}

/** Scans on the way, by which the model sees that parcels move. */
const MOVES: ReadonlySet<TrackKind> = new Set(['inTransit', 'outForDelivery']);

/** What a carrier tells of a parcel's way. A time that is yet to come says nothing of how long the way takes. */
export function scansOf(events: readonly TrackEvent[], shipmentId: string, now: number): Observation[] {
  return events
    .filter(({ kind, at }) => MOVES.has(kind) && at <= now + CLOCK_SKEW_MS)
    .map(({ at }): Observation => ({ kind: 'scan', shipmentId, at: Math.round(at) }));
}

/** All that an order of a region shows of what became of a package so far. Nothing before it is on its way. */
export function newsOf(
  one: OrderPackage,
  order: Pick<OrderRecord, 'orderId' | 'detail'>,
  { region, nodes, now }: { readonly region: string } & Pick<Lookout, 'nodes' | 'now'>,
): Observation[] {
  // Nobody saw it leave: how long it took is not known.
  if (one.shippedAt === undefined || one.shippedAt === one.deliveredAt) return [];
  const leg = legOf(one, order, nodes, now);
  if (leg === undefined) return [];
  const shipmentId = shipmentIdOf({ region, orderId: order.orderId, packageId: one.packageId });
  const news: Observation[] = [{ kind: 'handedOver', shipment: { shipmentId, ...leg } }];
  if (one.deliveredAt !== undefined) news.push({ kind: 'delivered', shipmentId, at: one.deliveredAt });
  else if (GONE.has(one.state)) news.push({ kind: 'ended', shipmentId, at: one.scan?.at ?? now });
  return news;
}
