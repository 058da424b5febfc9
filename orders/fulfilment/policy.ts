// Policies at work: what is known of an order and one of its exceptions, with what could be done and what that would cost, as policies look
// at it (orders/exceptions); and what they decide as a command of the order. Interceptions are tried before they are told.
import { CarrierError } from '../carriers/errors.ts';
import { type Known, settleException } from '../exceptions/for-orders.ts';
import type { Policy } from '../exceptions/policy.ts';
import type { Options } from '../exceptions/situation.ts';
import { isOldDestination } from '../order/old-destination.ts';
import { unitsIn } from '../order/settling.ts';
import type { OrderException, OrderLine, OrderPackage } from '../order/types.ts';
import type { CarrierService, SourcingRules } from '../sourcing/rules.ts';
import { factsOfKind, hoursToSupply } from './facts.ts';
import { otherServices } from './other-services.ts';
import { byService, keepablePromise, type Lookout, missProbabilityOf } from './parcels.ts';
import type { OrderRecord, Ports, Settle, Settlement } from './ports.ts';
import { NotServed } from './processor.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What cannot be repromised more closely: so long after it is expected. */
const REPROMISE_SLACK_MS = DAY_MS;
/** What sourcing anew and sending takes, where nothing better is known. */
const RESEND_MS = 5 * DAY_MS;
/** Of the goods: what they cost. */
const GOODS_SHARE = 0.6;
/** How well interceptions go, and what one costs, minor units. */
const INTERCEPT = { cost: 1_500, works: 0.7 };
/** It is sent once more, to where the order goes now. */
const CALLED_BACK = { ...INTERCEPT, detail: { unitsTo: 'open' } } as const;
/** More or less may be given up by when the order is told. */
const paysBack = (amountMinor: number) => ({ amountMinor, refundsWorth: true });
const interceptFor = (amountMinor: number) => ({
  ...INTERCEPT,
  detail: { unitsTo: 'cancelled', ...paysBack(amountMinor) },
});

const MISSED_IF_PARKED = 0.95;

/** So often units that are parked or backordered, or whose carrier is away, are let wait. */
const UNSENT_WAITS_MAX = 12;
const UNSENT: ReadonlySet<OrderException['kind']> = new Set(['backorder', 'carrierOutage']);

export interface PolicyOptions {
  readonly policy: Policy;
  /** As of now, where they follow feeds. */
  readonly rules: SourcingRules;
  readonly ports: () => Pick<Ports, 'clock' | 'carriers' | 'transit' | 'delays'>;
}

export function settleByPolicy(options: PolicyOptions): Settle {
  const { policy, ports } = options;
  const nodes = new Map(options.rules.nodes.map((node) => [node.node, node]));
  const decide = (exception: OrderException, order: OrderRecord, failed: Known['failed']): Settlement => {
    const { rules } = options;
    const { clock, transit, delays } = ports();
    const journey = (order.journey ?? []).map((event) => ({ ...event, at: clock.fromGrid(event.at) }));
    const lookout = { nodes, transit, delays, now: clock.now() };
    const known = knownOf(exception, order, { rules, clock, lookout, costs: policy.costs, failed: failed ?? [] });
    const { decision, command } = settleException(journey, known, policy, clock.now());
    const { policyVersion } = decision;
    if (command === undefined) {
      const later = Math.max(HOUR_MS, decision.reviewAt - clock.now());
      return { command: { action: 'wait' }, policyVersion, later };
    }
    // Units that nobody sends, and that a cap or a rule lets wait again and again, are for a person to see.
    const isUnsent = exception.units.length > 0 || UNSENT.has(exception.kind);
    const waits = exception.decisions.filter(({ action }) => action === 'wait').length;
    if (command.action === 'wait' && isUnsent && waits >= UNSENT_WAITS_MAX) {
      return { command: { action: 'escalate', rule: 'waited too often' }, policyVersion };
    }
    const { type: _type, exceptionId: _exceptionId, policyVersion: _version, until, detail, ...rest } = command;
    return {
      command: {
        ...rest,
        detail: JSON.parse(JSON.stringify(detail)),
        ...(until === undefined ? {} : { until: clock.toGrid(until) }),
      },
      policyVersion,
    };
  };
  return async (exception, order, key) => {
    const settlement = decide(exception, order, []);
    if (settlement.command.action !== 'intercept') return settlement;
    const tried = await intercept(exception, order, key, ports());
    if (tried === 'worked') return settlement;
    if (tried === 'failed') return decide(exception, order, ['intercept']);
    return { ...settlement, later: HOUR_MS };
  };
}

/** Asks the carrier, and what came of it. One that is away is asked again later. @throws NotServed */
async function intercept(
  { packageId, kind }: OrderException,
  { detail }: OrderRecord,
  key: string,
  { carriers }: Pick<Ports, 'carriers'>,
): Promise<'worked' | 'failed' | 'underWay'> {
  const one = detail.packages.find((candidate) => candidate.packageId === packageId);
  if (one?.trackingId === undefined) return 'failed';
  const carrier = carriers.get(one.carrier);
  if (carrier === undefined) throw new NotServed(one);
  const { trackingId } = one;
  try {
    const { events } = await carrier.track({ trackingId }, { idempotencyKey: `${key}/seen` });
    const kinds = events.map(({ kind }) => kind);
    if (kinds.includes('intercepted')) return 'worked';
    // A request to cancel is over once the order hears of it, too.
    if (kinds.includes('delivered') && kind === 'cancelRequest') return 'underWay';
    if (kinds.includes('interceptFailed') || kinds.includes('delivered')) return 'failed';
    await carrier.intercept({ trackingId, action: 'return' }, { idempotencyKey: key });
    return 'underWay';
  } catch (error) {
    if (!(error instanceof CarrierError)) throw error;
    return error.retriable ? 'underWay' : 'failed';
  }
}

interface Around {
  readonly rules: SourcingRules;
  readonly clock: Ports['clock'];
  readonly lookout: Lookout;
  readonly costs: Policy['costs'];
  readonly failed: NonNullable<Known['failed']>;
}

function knownOf(exception: OrderException, order: OrderRecord, around: Around): Known {
  const { exceptionId, kind, packageId, evidence, openedAt } = exception;
  const { detail, document } = order;
  const about = detail.packages.find((one) => one.packageId === packageId);
  const now = around.clock.now();
  const value = worthOf(exception, order, about);
  const tier = document.attributes?.['customerTier'];
  const promise = detail.promisedAt === undefined ? {} : { promisedAt: detail.promisedAt };
  const expectedAt = expectedOf(exception, about, now);
  const units = exception.units.reduce((sum, { qty }) => sum + qty, 0);
  // Parked units go nowhere until somebody decides: waiting is no way to keep a promise about them.
  const missed = { missProbability: units > 0 ? MISSED_IF_PARKED : missProbabilityOf(about, order, around.lookout) };
  const { facts, assumed } = factsOfKind({
    exception,
    order,
    about,
    carrier: about === undefined || kind !== 'carrierOutage' ? about?.carrier : insteadOf(exception, about).carrier,
    hoursLate: expectedAt === undefined ? undefined : (expectedAt - (detail.promisedAt ?? now)) / HOUR_MS,
    now,
    openedAt: around.clock.fromGrid(openedAt),
  });
  return {
    orderId: order.orderId,
    exceptionId,
    kind,
    ...(packageId === undefined ? {} : { packageId }),
    openedAt: around.clock.fromGrid(openedAt),
    ...promise,
    facts: {
      ...missed,
      value,
      orderValue: detail.lines.reduce((sum, line) => sum + line.qty * line.value, 0),
      channel: document.channel ?? '',
      ...(tier === undefined ? {} : { customerTier: tier }),
      country: (detail.destination ?? document.destination).country ?? '',
      stage: stageOf(order, about),
      ...facts,
    },
    evidence,
    assumed: { promiseValue: promiseValueOf(exception, value), ...assumed },
    options: optionsFor(exception, order, about, value, around),
    notPossible: notPossibleFor(exception, about),
    failed: around.failed,
  };
}

function optionsFor(
  exception: OrderException,
  order: OrderRecord,
  about: OrderPackage | undefined,
  value: number,
  { rules, clock, lookout, costs }: Around,
): Options {
  const { kind, units } = exception;
  const now = clock.now();
  const isLate = (at: number): number =>
    order.detail.promisedAt !== undefined && at > order.detail.promisedAt ? 0.8 : 0.1;
  const sendAgain = Math.min(...rules.services.map(({ base }) => base)) + rules.splitPenalty;
  const again = { cost: sendAgain, works: 0.9, missIfWorks: isLate(now + RESEND_MS), missIfFails: 0.95 };
  const isWaiting = units.length > 0 || kind === 'backorder';
  const canStillGo = about !== undefined && BEFORE_SHIPPING.has(about.state);
  const supplyHours = hoursToSupply({ exception, now, openedAt: clock.fromGrid(exception.openedAt) });
  const sentAgainAt = now + (isWaiting ? RESEND_MS + (supplyHours ?? 0) * HOUR_MS : 0);
  const expected = Math.max(expectedOf(exception, about, now) ?? 0, sentAgainAt);
  const breachCost = costs.breachFixed + costs.breachShare * value + promiseValueOf(exception, value);
  const missBy = ({ service }: CarrierService): number =>
    about === undefined ? 0 : missProbabilityOf(byService(about, service), order, lookout);
  const others = canStillGo
    ? otherServices(insteadOf(exception, about), order, { rules, isOut: kind === 'carrierOutage', missBy, breachCost })
    : {};
  const substitute = order.detail.lines.find((line) => {
    const parked = units.reduce((sum, { lineId, qty }) => sum + (lineId === line.lineId ? qty : 0), 0);
    const concerned = kind === 'backorder' ? line.backordered : parked;
    // Units of the line that wait for another reason are not sent as something else because of these.
    const isAll = concerned > 0 && concerned === line.open + line.backordered + line.parked;
    return isAll && line.substitutes.some((sku) => sku !== line.sku);
  });
  // What was not paid is not paid back.
  const isUnpaid = kind === 'paymentFailure' || order.detail.holds['payment'] !== undefined;
  const amountMinor = isUnpaid ? 0 : Math.round(value);
  // Never sooner than what is promised already.
  const soonest = Math.max(Math.round(expected + REPROMISE_SLACK_MS), order.detail.promisedAt ?? 0);
  const promisedAt = about === undefined || isWaiting ? soonest : keepablePromise(about, order, lookout, soonest);
  // A date that nobody knows is not promised; one that is, and is far away, may still be kept.
  const isUndated = kind === 'backorder' && supplyHours === undefined && promisedAt !== order.detail.promisedAt;
  return {
    repromise: { ...(isUndated ? { detail: { undated: true } } : { promisedAt }), missIfWorks: 0.1 },
    ...(units.length > 0 || canStillGo ? { resource: again } : {}),
    ...(kind === 'shortPick' && about !== undefined ? { split: { ...again, cost: sendAgain * 1.1 } } : {}),
    ...(units.length > 0 && about?.shippedAt !== undefined
      ? { reship: { ...again, cost: sendAgain, loss: value * GOODS_SHARE } }
      : {}),
    ...others,
    ...(substitute === undefined
      ? {}
      : { substitute: { ...again, detail: { lineId: substitute.lineId, sku: anotherOf(substitute) } } }),
    ...(about?.state === 'SHIPPED'
      ? { intercept: isOldDestination(exception) ? CALLED_BACK : interceptFor(amountMinor) }
      : {}),
    cancel: { detail: paysBack(amountMinor) },
    refund: { detail: paysBack(amountMinor) },
  };
}

/**
 * A package by the booking that another is looked for in place of. One that waits for what another carrier says: by that carrier. One that
 * goes to an old destination: by none, since the same carrier may bring it to the new one.
 */
function insteadOf(exception: OrderException, about: OrderPackage): OrderPackage {
  if (isOldDestination(exception)) return { ...about, carrier: '', service: '' };
  const { carrier, service } = exception.evidence;
  if (exception.kind !== 'carrierOutage' || typeof carrier !== 'string' || typeof service !== 'string') return about;
  return { ...about, carrier, service };
}

/** The best that it is not yet. */
function anotherOf({ sku, substitutes }: OrderLine): string {
  return substitutes.find((other) => other !== sku) ?? sku;
}

const BEFORE_SHIPPING: ReadonlySet<OrderPackage['state']> = new Set([
  'RESERVED',
  'RELEASED',
  'PICKED',
  'SHORT_PICKED',
  'PACKED',
  'BOOKED',
]);

/** What a kept promise is worth with this customer, or with one of whom nothing is known. */
function promiseValueOf({ evidence }: OrderException, value: number): number {
  const { promiseValue } = evidence;
  return typeof promiseValue === 'number' ? promiseValue : Math.round(value * 0.05);
}

function expectedOf({ evidence }: OrderException, about: OrderPackage | undefined, now: number): number | undefined {
  const noticed = evidence['expectedAt'];
  const told = [about?.expectedAt, noticed].filter((at) => typeof at === 'number');
  // The carrier's word may be newer than the booking. What should have been there by now will be, some day.
  return told.length === 0 ? undefined : Math.max(...told, now);
}

function worthOf(
  { units, kind, evidence }: OrderException,
  { detail }: OrderRecord,
  about: OrderPackage | undefined,
): number {
  const valueBy = new Map(detail.lines.map(({ lineId, value }) => [lineId, value]));
  const worth = (list: readonly { readonly lineId: string; readonly qty: number }[]): number =>
    list.reduce((sum, { lineId, qty }) => sum + qty * (valueBy.get(lineId) ?? 0), 0);
  if (units.length > 0) return worth(units);
  const [damaged] = kind === 'damaged' && about !== undefined && isSent(about) ? unitsIn(about) : [];
  const { qtyDamaged } = evidence;
  // Some of what its customer has: which, is known where all are of one line.
  if (damaged !== undefined && typeof qtyDamaged === 'number' && about?.lines.length === 1) {
    return worth([{ ...damaged, qty: Math.min(Math.max(0, qtyDamaged), damaged.qty) }]);
  }
  if (kind === 'backorder') return worth(detail.lines.map(({ lineId, backordered }) => ({ lineId, qty: backordered })));
  // What has come stays paid for, and what is on its way is a request of its own.
  const sent = kind === 'cancelRequest' && about === undefined ? detail.packages.filter(isSent) : [];
  const lessSent = sent.reduce((sum, { lines }) => sum - worth(lines), 0);
  // What a package lacked when it was picked goes with it.
  const parked = detail.exceptions.filter((one) => kind === 'cancelRequest' && one.packageId === about?.packageId);
  const withParked = about === undefined ? 0 : worth(parked.flatMap((one) => one.units));
  return (
    lessSent +
    withParked +
    worth(about?.lines ?? detail.lines.map(({ lineId, qty, cancelled }) => ({ lineId, qty: qty - cancelled })))
  );
}

/** What its carrier or its customer has is not cancelled: on its way it can be called back or paid back, and what was delivered returned. */
function notPossibleFor({ kind, units }: OrderException, about: OrderPackage | undefined): ('cancel' | 'refund')[] {
  if (about === undefined || !isSent(about) || units.length > 0 || kind === 'paymentFailure') return [];
  return kind === 'cancelRequest' && about.state === 'DELIVERED' ? ['cancel', 'refund'] : ['cancel'];
}

function isSent({ state }: OrderPackage): boolean {
  return state === 'SHIPPED' || state === 'DELIVERED';
}

/** How far it has come; of the whole order, the package that is furthest. */
function stageOf(
  { detail }: OrderRecord,
  about: OrderPackage | undefined,
): 'captured' | 'released' | 'picked' | 'handedOver' {
  const stages = (about === undefined ? detail.packages : [about]).map(({ state }) =>
    state === 'RESERVED' || state === 'CANCELLED' || state === 'REJECTED'
      ? 0
      : state === 'RELEASED'
        ? 1
        : BEFORE_SHIPPING.has(state)
          ? 2
          : 3,
  );
  return (['captured', 'released', 'picked', 'handedOver'] as const)[Math.max(0, ...stages)] ?? 'captured';
}
