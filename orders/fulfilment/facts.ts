// What a policy is told of an exception of its kind: what the order knows by itself, and what is assumed where nobody has said anything.
// Between the two stands what was said by whoever noticed it (orders/exceptions/for-orders.ts).
import type { Known } from '../exceptions/for-orders.ts';
import { lostProbability } from '../exceptions/lost.ts';
import { NOT_THERE } from '../order/index.ts';
import { isOldDestination } from '../order/old-destination.ts';
import { unitsIn } from '../order/settling.ts';
import type { Fields, OrderEvent, OrderException, OrderPackage } from '../order/types.ts';
import type { OrderRecord } from './ports.ts';

const HOUR_MS = 3_600_000;
/** Where nothing is known to be on its way. */
const SUPPLY_UNKNOWN_HOURS = 1_000_000;
/** Where nobody knows when a carrier is back. */
const OUTAGE_HOURS = 12;

type Facts = Known['facts'];

interface FactsOfKind {
  readonly facts: Facts;
  /** Where nobody said otherwise. */
  readonly assumed?: Facts;
}

interface About {
  readonly exception: OrderException;
  readonly order: OrderRecord;
  readonly about: OrderPackage | undefined;
  /** Who does not answer, or has the parcel; undefined: the order does not know. */
  readonly carrier: string | undefined;
  /** By which it is expected to be late; undefined: nobody said when it is expected. */
  readonly hoursLate: number | undefined;
  /** ms of business, as all times here. */
  readonly now: number;
  readonly openedAt: number;
}

export function factsOfKind(asked: About): FactsOfKind {
  const { exception, order, about } = asked;
  const carrier = asked.carrier === undefined ? {} : { carrier: asked.carrier };
  const { evidence, kind } = exception;
  const { detail } = order;
  const node = about === undefined ? {} : { node: about.node };
  const units = sum(exception.units);
  switch (kind) {
    case 'lateRisk': {
      const hoursLate = asked.hoursLate === undefined ? {} : { hoursLate: asked.hoursLate };
      const service = about === undefined ? {} : { service: about.service };
      return { facts: { ...carrier, ...service, ...hoursLate } };
    }
    case 'stuckParcel':
    case 'lostParcel':
      return unseen(asked, carrier);
    case 'carrierOutage': {
      const left = hoursLeft(asked, 'expectedHours');
      return { facts: { ...carrier, expectedHours: left ?? OUTAGE_HOURS } };
    }
    case 'shortPick': {
      const line = detail.lines.find(({ lineId }) => lineId === exception.units[0]?.lineId);
      const short = line === undefined ? {} : { qtyShort: units, sku: line.sku, qtyOrdered: line.qty };
      return { facts: { ...node, ...short } };
    }
    case 'rejection': {
      const rejections = detail.packages.filter(({ state }) => state === 'REJECTED').length;
      return { facts: { ...node, rejections }, assumed: { reason: reasonOf(evidence) } };
    }
    case 'damaged': {
      const where = about?.shippedAt === undefined ? 'node' : about.deliveredAt === undefined ? 'transit' : 'customer';
      // Its ship node or its carrier says so itself, which is proof enough; otherwise a customer does.
      const photos = units > 0;
      const qtyDamaged = about === undefined ? 0 : sum(unitsIn(about));
      return { facts: units > 0 ? { qtyDamaged: units } : {}, assumed: { where, photos, qtyDamaged } };
    }
    case 'addressProblem':
      return isOldDestination(exception) || hasMovedSince(exception, order)
        ? { facts: { problem: 'changed', customerAnswered: true } }
        : { facts: {}, assumed: { problem: 'undeliverable' } };
    case 'paymentFailure':
      return { facts: {} };
    case 'cancelRequest':
      return { facts: {}, assumed: { cancelSuccess: about === undefined ? 1 : 0.5 } };
    case 'backorder': {
      const qtyOrdered = sum(detail.lines);
      const qtyShort = detail.lines.reduce((total, { open, backordered }) => total + open + backordered, 0);
      return { facts: { qtyShort, qtyOrdered, hoursToSupply: hoursToSupply(asked) ?? SUPPLY_UNKNOWN_HOURS } };
    }
    default:
      return kind satisfies never;
  }
}

/** Until what lacks is there, as far as somebody has said so and it may still be so; undefined: nobody knows. */
export function hoursToSupply(asked: Pick<About, 'exception' | 'now' | 'openedAt'>): number | undefined {
  const left = hoursLeft(asked, 'hoursToSupply');
  return left === undefined || left >= SUPPLY_UNKNOWN_HOURS / 2 ? undefined : left;
}

/** What was said when it was noticed, less what has passed since. Undefined: nobody said, or it should have been by now. */
function hoursLeft(
  { exception: { evidence }, now, openedAt }: Pick<About, 'exception' | 'now' | 'openedAt'>,
  name: string,
): number | undefined {
  const said = evidence[name];
  if (typeof said !== 'number') return undefined;
  const left = said - (now - openedAt) / HOUR_MS;
  return left > 0 ? left : undefined;
}

/** How likely it is lost, whoever noticed that says; once it was seen again, that it was is newer. */
function unseen({ exception, about, now, openedAt }: About, carrier: Facts): FactsOfKind {
  const seenAt = about?.scan?.at ?? about?.shippedAt;
  const quiet = seenAt === undefined ? {} : { hoursSinceScan: (now - seenAt) / HOUR_MS };
  const { hoursSinceScan = 0 } = quiet;
  const probability = { lostProbability: exception.kind === 'lostParcel' ? 0.98 : lostProbability(hoursSinceScan) };
  const isSeenSince = exception.kind === 'stuckParcel' && seenAt !== undefined && seenAt > openedAt;
  return isSeenSince
    ? { facts: { ...carrier, ...quiet, ...probability } }
    : { facts: { ...carrier, ...quiet }, assumed: probability };
}

/** Its customer has given another address since it was noticed. */
function hasMovedSince({ exceptionId }: OrderException, { journey = [], detail, document }: OrderRecord): boolean {
  let then = document.destination;
  for (const event of journey as readonly OrderEvent[]) {
    if (event.type === 'destinationChanged') then = event.destination;
    if (event.type === 'exceptionOpened' && event.exceptionId === exceptionId) break;
  }
  return JSON.stringify(then) !== JSON.stringify(detail.destination);
}

/** Codes of ship nodes that are reasons by themselves. */
const REASONS: ReadonlySet<string> = new Set(['noStock', 'noCapacity', 'closed', 'restricted']);

function reasonOf({ reasonCode }: Fields): string {
  const code = String(reasonCode);
  if (NOT_THERE.has(code)) return 'noStock';
  if (code === 'tooBusy') return 'noCapacity';
  return REASONS.has(code) ? code : 'other';
}

function sum(units: readonly { readonly qty: number }[]): number {
  return units.reduce((total, { qty }) => total + qty, 0);
}
