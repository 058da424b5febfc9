// Tasks book, track and replan: a packed package gets a parcel of its carrier service, and the parcel is followed until it is delivered
// or given up. What stands in the way becomes an exception, for policies to settle.
import { CarrierError } from '../../carriers/errors.ts';
import type { Carrier } from '../../carriers/port.ts';
import { shipmentIdOf } from '../../order/shipment-id.ts';
import { taskName } from '../../order/task-id.ts';
import type { BookPayload, OrderPackage, ScanCode, UnsentBooking } from '../../order/types.ts';
import { effectKey } from '../keys.ts';
import {
  ANSWER_RETRY_MS,
  CARRIER_RETRY_MS,
  ESTIMATE_HEEDED_MS,
  ESTIMATE_STEP_MS,
  LOST_AFTER_MS,
  REPLAN_EVERY_MS,
  STUCK_AFTER_MS,
  TRACK_EVERY_MS,
} from '../limits.ts';
import { handOverOf, missProbabilityOf, scansOf } from '../parcels.ts';
import { NotServed, type Processor, type Result, type Told, type Work } from '../processor.ts';
import { bookingOf } from './booking.ts';
import type { CarrierOptions } from './carrier-options.ts';
import { insteadOfBooking } from './other-carrier.ts';
import { packageOf } from './package-of.ts';
import { isNewTo, lastSeen, scanOf } from './scans.ts';
import { unanswered } from './unanswered.ts';
import { undoBooking } from './unbooking.ts';

/** Failures of a carrier that another service, or a later day, may get around: a policy decides. */
const OUTAGES: ReadonlySet<string> = new Set(['UNAVAILABLE', 'NO_CAPACITY', 'NO_SERVICE', 'OVERLOADED']);

export function bookProcessor(options: CarrierOptions): Processor {
  return async (work) => {
    const one = packageOf(work);
    if (one === undefined) return { nothing: true };
    const { undo } = work.task.payload as BookPayload;
    if (undo !== undefined) return takenBack(work, undo, one, options);
    const { packageId, carrier, service } = one;
    const known = carrierOf(work, one);
    const instead = insteadOfBooking(work, one, options);
    if (instead !== undefined) return instead;
    try {
      const booking = await known.book(bookingOf(work, one, options), {
        idempotencyKey: effectKey(work.ports.grid.region, work.task.taskId),
      });
      const { trackingId, estimatedDeliveryAt, cost } = booking;
      const booked = {
        type: 'book',
        packageId,
        carrier,
        service,
        // By it it can be made again where the carrier has forgotten it.
        bookingId: taskName(work.task.taskId),
        trackingId,
      } as const;
      const costMinor = Math.round(cost);
      return {
        tell: [{ command: { ...booked, expectedAt: estimatedDeliveryAt, costMinor }, cause: `carrier:${carrier}` }],
      };
    } catch (error) {
      return outage(error, one, work);
    }
  };
}

/**
 * Books nothing: it says what became of the last booking, and the order opens another task where no parcel of that goes out. One that cannot
 * be taken back is the parcel of the package, and goes where it was to go.
 */
async function takenBack(
  work: Work,
  undo: UnsentBooking,
  one: OrderPackage,
  options: CarrierOptions,
): Promise<Result & { readonly again?: number }> {
  const undone = await undoBooking(work, undo, one, options);
  if (undone === 'later') return { tell: unanswered(work, undo), again: CARRIER_RETRY_MS };
  if (undone === 'undone') return { tell: [{ command: { type: 'done', note: 'taken back' } }] };
  const { carrier, service, key } = undo;
  const { trackingId, booked } = undone;
  const about = { packageId: one.packageId, carrier, service, bookingId: taskName(key), trackingId };
  const said = booked && { expectedAt: booked.estimatedDeliveryAt, costMinor: Math.round(booked.cost) };
  return { tell: [{ command: { type: 'book', ...about, ...said }, cause: `carrier:${carrier}` }] };
}

/** @throws NotServed */
function carrierOf(work: Work, one: OrderPackage): Carrier {
  const found = work.ports.carriers.get(one.carrier);
  if (found === undefined) throw new NotServed(one);
  return found;
}

/** An exception for policies, at once or where the carrier does not answer for long, and the task goes on trying meanwhile. @throws what is none */
function outage(error: unknown, one: OrderPackage, work: Work): Result & { readonly again?: number } {
  if (!(error instanceof CarrierError)) throw error;
  if (error.retriable && !OUTAGES.has(error.code)) {
    return { tell: unanswered(work, one), again: Math.max(error.retryAfterMs, ANSWER_RETRY_MS) };
  }
  if (!OUTAGES.has(error.code)) throw error;
  const { packageId, carrier, service } = one;
  const now = work.ports.clock.now();
  const evidence = { carrier, service, code: error.code, message: error.message };
  const raised: Told = {
    command: { type: 'raise', kind: 'carrierOutage', packageId, evidence },
    step: `outage@${now}`,
    isNews: true,
  };
  return { tell: [raised], again: Math.max(error.retryAfterMs, CARRIER_RETRY_MS) };
}

export function trackProcessor(options: CarrierOptions): Processor {
  return async (work) => {
    const one = packageOf(work);
    const { clock } = work.ports;
    if (one?.trackingId === undefined) return { nothing: true };
    const { packageId, carrier, trackingId } = one;
    const idempotencyKey = effectKey(work.ports.grid.region, work.task.taskId, `${clock.now()}`);
    try {
      const tracked = await carrierOf(work, one).track({ trackingId }, { idempotencyKey });
      const { grid, transit } = work.ports;
      const now = clock.now();
      const shipmentId = shipmentIdOf({ region: grid.region, orderId: work.order.orderId, packageId });
      await transit.observe(scansOf(tracked.events, shipmentId, now));
      const events = tracked.events.filter((event) => isNewTo(one, event)).sort((a, b) => a.at - b.at);
      const tell = events.flatMap((event) => scanOf(event, packageId, carrier, now));
      const last = lastSeen(one, tracked.events, now) ?? one.handedOverAt ?? now;
      if (events.some(({ kind }) => kind === 'cancelled')) return { tell, again: TRACK_EVERY_MS };
      const hasEnded = tell.some(({ command }) => command.type === 'track' && ENDING.has(command.code));
      if (hasEnded) return { tell };
      const expectedAt = tracked.estimatedDeliveryAt;
      const said = saidAnew(one, tell, expectedAt, Math.min(last, now));
      const heeded = said.length === 0 ? one : { ...one, expectedAt };
      const late = lateness(work, heeded, last, { expectedAt, options, isSeen: true });
      return { tell: [...tell, ...said, ...late], again: TRACK_EVERY_MS };
    } catch (error) {
      if (!(error instanceof CarrierError)) throw error;
      if (error.code === 'NOT_FOUND' && one.bookingId !== undefined) {
        // It has forgotten the parcel. Booked again under its key it is the same one, if its answer is.
        const again = await carrierOf(work, one).book(bookingOf(work, one, options), {
          idempotencyKey: effectKey(work.ports.grid.region, `${work.order.orderId}/${one.bookingId}`),
        });
        if (again.trackingId !== trackingId) throw error;
      } else if (!error.retriable) throw error;
      const last = one.scan?.at ?? one.handedOverAt ?? clock.now();
      const expecting = { expectedAt: undefined, options, isSeen: false };
      return { tell: lateness(work, one, last, expecting), again: TRACK_EVERY_MS };
    }
  };
}

/**
 * The order keeps when its carrier expects it by now: once for each scan, since one that says tomorrow every day has lost it, and not for
 * less than an hour.
 */
function saidAnew(one: OrderPackage, told: readonly Told[], estimate: number | undefined, last: number): Told[] {
  const { packageId, scan, heard, carrier } = one;
  if (estimate === undefined || last <= (heard?.expectedBy ?? 0)) return [];
  if (one.expectedAt !== undefined && Math.abs(estimate - one.expectedAt) < ESTIMATE_STEP_MS) return [];
  const codes = told.flatMap(({ command }) =>
    command.type === 'track' && command.scannedAt >= (scan?.at ?? 0) ? [command.code] : [],
  );
  const code = codes.at(-1) ?? ((scan?.code ?? 'info') as ScanCode);
  const expectedAt = Math.round(estimate);
  return [
    {
      command: { type: 'track', packageId, code, scannedAt: Math.round(last), expectedAt },
      step: `${packageId}:expected@${Math.round(last)}`,
      cause: `carrier:${carrier}`,
      isNews: true,
    },
  ];
}

const ENDING: ReadonlySet<ScanCode> = new Set(['delivered', 'damaged', 'returned', 'lost']);

interface Expecting {
  /** As its carrier says; undefined: what it said last. */
  readonly expectedAt: number | undefined;
  readonly options: CarrierOptions;
  /** Its carrier has just said what it knows. Otherwise a parcel may be anywhere, and is not taken for lost. */
  readonly isSeen: boolean;
}

/** Whether it is late, stuck, or has to be taken for lost. */
function lateness(work: Work, one: OrderPackage, lastScanAt: number, expecting: Expecting): Told[] {
  const { packageId, service, carrier } = one;
  const now = work.ports.clock.now();
  const quietMs = now - lastScanAt;
  // What is not scanned for so long is looked at, whenever it is expected.
  const isOverdue = one.expectedAt !== undefined && now > Math.min(one.expectedAt, lastScanAt + ESTIMATE_HEEDED_MS);
  const isNews = true;
  // What was never collected is still at its ship node.
  if (isOverdue && expecting.isSeen && one.state === 'SHIPPED' && quietMs > LOST_AFTER_MS) {
    return [{ command: { type: 'track', packageId, code: 'lost', scannedAt: now }, step: 'lost', isNews }];
  }
  const told: Told[] = [];
  if (isOverdue && quietMs > STUCK_AFTER_MS) {
    const evidence = { lastScanAt, quietHours: Math.round(quietMs / 3_600_000), carrier, service };
    told.push({
      command: { type: 'raise', kind: 'stuckParcel', packageId, evidence },
      step: `stuck@${lastScanAt}`,
      isNews,
    });
  }
  return [...told, ...lateRisk(work, one, expecting)];
}

/** An exception where the promise is likely enough to be missed. Raised once for each promise. */
function lateRisk(
  work: Work,
  one: OrderPackage,
  { expectedAt = one.expectedAt, options }: Omit<Expecting, 'isSeen'>,
): Told[] {
  const { order, ports } = work;
  const { promisedAt } = order.detail;
  if (promisedAt === undefined) return [];
  const { packageId, carrier, service, state } = one;
  const now = ports.clock.now();
  const lookout = { nodes: options.nodes, transit: ports.transit, delays: ports.delays, now };
  const missProbability = missProbabilityOf(one, order, lookout, expectedAt);
  if (!ports.isLateRisk(missProbability)) return [];
  const evidence = {
    missProbability,
    promisedAt,
    carrier,
    service,
    state,
    ...(expectedAt === undefined ? {} : { expectedAt }),
  };
  return [
    {
      command: { type: 'raise', kind: 'lateRisk', packageId, evidence },
      step: `late@${promisedAt}`,
      isNews: true,
    },
  ];
}

/** Task replan: whether a package that should be on its way by now will still arrive in time. */
export function replanProcessor(options: CarrierOptions): Processor {
  return async (work) => {
    const one = packageOf(work);
    const { order, ports } = work;
    const { promisedAt } = order.detail;
    if (one === undefined || promisedAt === undefined) return { tell: [{ command: { type: 'done' } }] };
    const now = ports.clock.now();
    const dueAt = ports.clock.toGrid(now + REPLAN_EVERY_MS);
    const again: Told = { command: { type: 'defer', dueAt, reason: 'not on its way yet' }, step: `${dueAt}` };
    // What it took from the planned hand-over to the expected delivery it will take from the next one on, unless its carrier has said anew.
    const { expectedAt: planned, handedOverAt = now, heard } = one;
    const isSaid = planned === undefined || heard?.expectedBy !== undefined;
    const from = options.nodes.get(one.node);
    const next = from === undefined ? now : Math.max(now, handOverOf(one, from, now));
    const expectedAt = isSaid ? planned : next + Math.max(0, planned - handedOverAt);
    return { tell: [...lateRisk(work, one, { expectedAt, options }), again] };
  };
}
