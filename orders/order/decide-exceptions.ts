// Exceptions: who notices one raises it, a policy or a person settles it. What an action does to lines, packages and tasks is here;
// whether it is a good one is not.
import { type Failure, failure } from '../../protocol/index.ts';
import { hasRoomForExceptions, isFull } from './bounds.ts';
import type { Draft, NewTask, Part } from './draft.ts';
import { ENDS_UNPAID, isGivenUpUnpaid, isRequested, isUnwanted, NOT_PAID } from './given-up.ts';
import { EXCEPTIONS_MAX } from './limits.ts';
import { noticeOfDecision } from './notice.ts';
import { openException } from './opening.ts';
import {
  bookAnew,
  bookingToUndo,
  decisionsOn,
  OVER_WHEN_DELIVERED,
  payBack,
  SENDING,
  settleAbout,
  sourceTask,
  stockPayload,
  tasksOf,
  unitsIn,
} from './settling.ts';
import { statusOf, waitingUnits } from './state.ts';
import { PACKAGE_TRANSITIONS, type PackageVerb } from './transitions.ts';
import type {
  Action,
  CommandOf,
  EventData,
  Fields,
  OrderException,
  OrderLine,
  OrderPackage,
  OrderState,
  SettleCommand,
  Units,
} from './types.ts';
import { bookMeanwhile, isUnanswered } from './unanswered.ts';
import { refundable, refundableFor, worthOf } from './worth.ts';

export const decideException: { readonly raise: Part<'raise'>; readonly settle: Part<'settle'> } = { raise, settle };

function raise(
  state: OrderState,
  { kind, packageId, evidence }: CommandOf<'raise'>,
  draft: Draft,
): Failure | undefined {
  if (state.order === undefined)
    return failure('NOT_FOUND', `order ${state.orderId} is not captured here: name the region that captured it`);
  if (packageId !== undefined && !state.packages.has(packageId)) {
    return failure('NOT_FOUND', `order ${state.orderId} has no package ${packageId}`);
  }
  const isThere = packageId !== undefined && state.packages.get(packageId)?.state === 'DELIVERED';
  if (kind === 'cancelRequest' && (isThere || statusOf(state) === 'DELIVERED')) {
    const what = packageId ?? `order ${state.orderId}`;
    return failure('BAD_REQUEST', `raise: ${what} is delivered and cannot be cancelled: it can be returned`);
  }
  if (kind !== 'cancelRequest' && state.exceptions.size >= EXCEPTIONS_MAX) {
    return failure(
      'LIMIT_EXCEEDED',
      `order ${state.orderId} has had ${EXCEPTIONS_MAX} exceptions: a person has to look at it`,
    );
  }
  draft.keepTask();
  // Noticed before it was known that the parcel is there.
  if (isThere && OVER_WHEN_DELIVERED.has(kind)) return undefined;
  if (isKnownOfAddress(state, { kind, packageId, evidence })) return undefined;
  // All of it is sourced, or given up, by now.
  if (kind === 'backorder' && packageId === undefined && waitingUnits(state) === 0) return undefined;
  const known = kind === 'backorder' && 'hoursToSupply' in evidence ? replaced(state, draft) : {};
  const about = packageId === undefined ? {} : { packageId };
  const isNew = openException(state, draft, { kind, ...about, evidence: { ...known, ...evidence } });
  if (isNew && kind === 'paymentFailure' && !state.holds.has('payment')) {
    draft.add('held', { holdType: 'payment', reason: 'the payment failed' });
  }
  return undefined;
}

/** Carriers tell it again whenever they are asked: what happened before one that was noticed, or is that one, is no news. */
function isKnownOfAddress(
  state: OrderState,
  { kind, packageId, evidence }: Pick<OrderException, 'kind' | 'packageId' | 'evidence'>,
): boolean {
  const { at, claimedAt } = evidence;
  if (kind !== 'addressProblem' || typeof at !== 'number') return false;
  return [...state.exceptions.values()].some((one) => {
    if (one.kind !== kind || one.packageId !== packageId) return false;
    const { at: knownAt, claimedAt: knownClaim } = one.evidence;
    const isSame = claimedAt !== undefined && claimedAt === knownClaim;
    return isSame || (typeof knownAt === 'number' && at <= knownAt);
  });
}

/** Whoever knows when there is stock tells more than was known when it was noticed to lack: it is decided anew, with that. */
function replaced(state: OrderState, draft: Draft): Fields {
  const isBefore = ({ kind, packageId }: OrderException): boolean => kind === 'backorder' && packageId === undefined;
  const before = [...state.exceptions.values()].findLast((one) => isBefore(one) && one.state !== 'SETTLED');
  settleAbout(state, draft, 'supply', isBefore);
  return before?.evidence ?? {};
}

/** What an action does; undefined: it cannot be done to this. */
type Effect = (context: Context) => Failure | undefined;

interface Context {
  readonly state: OrderState;
  readonly one: OrderException;
  readonly about: OrderPackage | undefined;
  readonly command: SettleCommand;
  readonly draft: Draft;
}

function settle(state: OrderState, asked: CommandOf<'settle'>, draft: Draft): Failure | undefined {
  // A journey that is full has no room to wait on and on: a person has to end it.
  const isLast = asked.action === 'wait' && isFull(state);
  const command = isLast ? { ...asked, action: 'escalate' as const, rule: 'the journey is full' } : asked;
  const { exceptionId, action, rule, detail } = command;
  const one = state.exceptions.get(exceptionId);
  if (one === undefined) return failure('NOT_FOUND', `order ${state.orderId} has no exception ${exceptionId}`);
  if (one.state === 'SETTLED') return failure('NOT_FOUND', `exception ${exceptionId} is settled already`);
  // Decided the same way again it is no news.
  if (action === 'escalate' && one.state === 'ESCALATED') return undefined;
  // Caps count what was decided on other exceptions, which others may be deciding on meanwhile.
  const decisions = decisionsOn(state.exceptions.values());
  if (command.decisionsKnown !== undefined && command.decisionsKnown !== decisions) {
    return failure(
      'BAD_REQUEST',
      `settle: decided by ${command.decisionsKnown} decisions on order ${state.orderId}, which has ${decisions} by now: decide anew`,
    );
  }
  const worth = (state.order && worthOf(state.order)) ?? Number.MAX_SAFE_INTEGER;
  const { amountMinor = 0 } = command;
  if (amountMinor > worth) {
    return failure('BAD_REQUEST', `settle: amountMinor ${amountMinor}, and order ${state.orderId} is worth ${worth}`);
  }
  const about = one.packageId === undefined ? undefined : state.packages.get(one.packageId);
  const context: Context = { state, one, about, command, draft };
  const outcome = outcomeOf(one, action);
  const again: NewTask[] =
    outcome === 'OPEN' ? [{ kind: 'settle', key: exceptionId, dueAt: command.until ?? draft.now }] : [];
  if (action === 'wait' && command.until === undefined) return failure('BAD_REQUEST', 'wait: until when');
  const decided: EventData['exceptionDecided'] = {
    exceptionId,
    action,
    ...(rule === undefined ? {} : { rule }),
    ...(detail === undefined ? {} : { detail }),
    outcome,
  };
  draft.add('exceptionDecided', decided, { opens: again, closes: tasksOf(state, exceptionId, ['settle']) });
  const refusal = EFFECTS[action](context);
  if (refusal !== undefined) return refusal;
  if (outcome === 'SETTLED') goOn(context);
  const told = command.notify === undefined ? undefined : noticeOfDecision(state, draft, one, command.notify);
  if (told !== undefined) draft.alsoOpen(told);
  return undefined;
}

/** What becomes of an exception. A failed payment is decided on until it goes through or the order is given up: nothing else pays for it. */
function outcomeOf({ kind }: OrderException, action: Action): EventData['exceptionDecided']['outcome'] {
  if (action === 'escalate') return 'ESCALATED';
  return action === 'wait' || (kind === 'paymentFailure' && !ENDS_UNPAID.has(action)) ? 'OPEN' : 'SETTLED';
}

const EFFECTS: Record<Action, Effect> = {
  wait: () => undefined,
  escalate: () => undefined,
  repromise: (context) => {
    const { command, draft, one } = context;
    const { promisedAt, undated } = command;
    if ((promisedAt === undefined) !== (undated === true)) {
      return failure('BAD_REQUEST', 'repromise: promisedAt, or undated where nobody knows when');
    }
    draft.add('repromised', promisedAt === undefined ? {} : { promisedAt });
    if (one.units.length > 0) resource(context, 'backordered');
    return undefined;
  },
  reroute,
  upgrade: reroute,
  split: (context) => {
    if (context.one.units.length === 0) return failure('BAD_REQUEST', 'split: the exception is about no units');
    resource(context, 'open');
    return undefined;
  },
  resource: (context) => {
    if (context.one.units.length > 0) resource(context, 'open');
    return isBeforeShipping(context.about) ? emptied(context, 'open') : undefined;
  },
  substitute: (context) => {
    const { state, one, command, draft } = context;
    const { lineId, sku } = command;
    const line = state.lines.get(lineId ?? '');
    if (line === undefined || sku === undefined) return failure('BAD_REQUEST', 'substitute: lineId and sku');
    const { qty, open, backordered, parked } = line;
    const waiting = open + backordered + parked;
    const concerned = one.units.length === 0 ? backordered || open : sum(one.units.filter(isOf(line)));
    if (concerned === 0 || concerned < waiting) {
      const why =
        concerned === 0 ? 'none of its units wait' : `${waiting - concerned} of its units wait for another reason`;
      return failure('BAD_REQUEST', `substitute: line ${line.lineId}: ${why}`);
    }
    // Those that are in packages, and what comes of them, stay what was ordered.
    draft.add('substituted', { lineId: line.lineId, sku, ...(concerned === qty ? {} : { qty: concerned }) });
    if (one.units.length > 0) resource(context, 'open');
    // What was backordered is looked for at once, as something else.
    else sourceNow(context);
    return undefined;
  },
  reship: (context) => {
    if (context.one.units.length === 0) return failure('BAD_REQUEST', 'reship: no units were lost');
    resource(context, 'open');
    return undefined;
  },
  intercept: (context) => {
    const { one, about, command, draft, state } = context;
    if (about === undefined || !can(about, 'intercept'))
      return failure('BAD_REQUEST', 'intercept: the parcel is not on its way');
    const { packageId } = about;
    const units = unitsIn(about);
    draft.add('intercepted', { packageId }, { closes: tasksOf(state, packageId, SENDING) });
    // There is nothing left to be stopped, late or brought elsewhere.
    settleAbout(
      state,
      draft,
      'intercepted',
      (other) => other !== one && other.packageId === packageId && other.units.length === 0,
    );
    const isSentAgain = command.unitsTo === 'open' && !isGivenUpUnpaid(state);
    const isForNobody = one.kind !== 'cancelRequest' && isUnwanted(state, about);
    if (isSentAgain && isForNobody && hasRoomForExceptions(state, draft.events.length, 1)) {
      // Called back for another reason, and its customer wants it no more: that request is about its units now.
      openException(state, draft, { kind: 'cancelRequest', packageId, evidence: wishOf(state, packageId), units });
    } else if (isSentAgain) {
      draft.add('resourced', { packageId, lines: units, to: 'open' }, sourceTask(state, draft));
    } else {
      draft.add('linesCancelled', { packageId, lines: units, reason: one.kind });
      dropParkedOfPackage(context);
    }
    refundOf(context);
    return undefined;
  },
  cancel: (context) => {
    const gone = withOthers(context);
    if (gone !== undefined) {
      const instead = 'intercept stops what is on its way, and refund pays it back as it is';
      return failure('BAD_REQUEST', `cancel: ${gone.packageId} is ${gone.state}: ${instead}`);
    }
    giveUpUnits(context);
    refundOf(context);
    return undefined;
  },
  refund: (context) => {
    if (context.command.amountMinor === undefined) return failure('BAD_REQUEST', 'refund: amountMinor');
    // Who gets his money back is not sent it.
    giveUpUnits(context);
    refundOf(context);
    return undefined;
  },
};

function isOf({ lineId }: OrderLine): (units: Units) => boolean {
  return (units) => units.lineId === lineId;
}

function sum(units: readonly Units[]): number {
  return units.reduce((total, { qty }) => total + qty, 0);
}

/** What the exception is about, as far as it is not on its way: units that it parked and no others of their package, what lacks stock, a package, or the order. */
function giveUpUnits(context: Context): void {
  const { one, about } = context;
  if (one.units.length > 0) return dropParked(context);
  if (isOfOrder(one)) return cancelOrder(context);
  if (one.kind === 'backorder') return cancelWaiting(context, 'backordered');
  if (isBeforeShipping(about)) emptied(context, 'cancelled');
  dropParkedOfPackage(context);
}

/** The parcel that it is about, where its carrier or its customer has that: there is nothing to be cancelled. */
function withOthers({ one, about }: Context): OrderPackage | undefined {
  if (isOfOrder(one) || one.units.length > 0) return undefined;
  return about !== undefined && isWithOthers(about) ? about : undefined;
}

function isWithOthers({ state }: OrderPackage): boolean {
  return state === 'SHIPPED' || state === 'DELIVERED';
}

/** What was said when its customer last asked to cancel a package. */
function wishOf({ exceptions }: OrderState, packageId: string): Fields {
  const requests = [...exceptions.values()].filter((one) => one.kind === 'cancelRequest');
  return requests.findLast((one) => one.packageId === packageId)?.evidence ?? {};
}

/** Another carrier service for a package that is not on its way yet. */
function reroute({ about, command, draft, state, one }: Context): Failure | undefined {
  const { carrier, service, expectedAt } = command;
  if (about === undefined || carrier === undefined || service === undefined) {
    return failure('BAD_REQUEST', 'reroute: a package, carrier and service');
  }
  const { packageId } = about;
  const isBooked = can(about, 'unbook');
  if (!isBooked && !can(about, 'reroute')) return failure('BAD_REQUEST', `reroute: ${packageId} is ${about.state}`);
  if (isBooked)
    draft.add('unbooked', { packageId, reason: 'rerouted' }, { closes: tasksOf(state, packageId, ['track']) });
  // A booking that was tried is tried anew with the other carrier, at once.
  const isToBook = isBooked || about.state === 'PACKED';
  draft.add(
    'rerouted',
    { packageId, carrier, service, ...(expectedAt === undefined ? {} : { expectedAt }) },
    isToBook ? (isUnanswered(one) ? bookMeanwhile : bookAnew)(state, about) : {},
  );
  return undefined;
}

/** After it is settled: what it parked is sourced anew, and a package with fewer units goes on. */
function goOn(context: Context): void {
  const { state, one, about, draft } = context;
  const isUnparked = draft.events.some(
    (event) => (event.type === 'resourced' || event.type === 'linesCancelled') && event.exceptionId === one.exceptionId,
  );
  if (one.units.length > 0 && !isUnparked) resource(context, 'open');
  if (about?.state !== 'SHORT_PICKED' || unitsIn(about).length === 0) return;
  const isGone = draft.events.some((event) => event.type === 'packageCancelled' && event.packageId === about.packageId);
  const isOpen = [...state.exceptions.values()].some(
    (other) =>
      other !== one && other.packageId === about.packageId && other.state !== 'SETTLED' && other.units.length > 0,
  );
  if (isGone || isOpen || tasksOf(state, about.packageId, ['pack']).length > 0) return;
  draft.add('requested', { what: 'pack' }, { opens: [{ kind: 'pack', key: about.packageId }] });
}

/** What the exception parked goes on to be sourced, now or when there is stock; of what was given up unpaid nothing is. */
function resource(context: Context, to: 'open' | 'backordered'): void {
  const { one, draft, state } = context;
  if (isGivenUpUnpaid(state)) return dropParked(context);
  draft.add('resourced', { exceptionId: one.exceptionId, lines: one.units, to }, sourceTask(state, draft));
}

function sourceNow({ draft, state }: Context): void {
  const task = sourceTask(state, draft);
  if (task.opens !== undefined) draft.add('requested', { what: 'source' }, task);
}

function dropParked({ one, draft }: Context): void {
  draft.add('linesCancelled', { exceptionId: one.exceptionId, lines: one.units, reason: one.kind });
}

/** What a package lacked when it was picked, say, goes with it when its customer wants it no more. */
function dropParkedOfPackage(context: Context): void {
  const { one } = context;
  if (one.kind === 'cancelRequest' && one.units.length === 0) {
    dropOthers(context, ({ packageId }) => packageId === one.packageId);
  }
}

function dropOthers({ state, draft, one }: Context, isToo: (other: OrderException) => boolean): void {
  for (const other of state.exceptions.values()) {
    if (other === one || other.state === 'SETTLED' || other.units.length === 0 || !isToo(other)) continue;
    draft.add('linesCancelled', { exceptionId: other.exceptionId, lines: other.units, reason: one.kind });
    draft.add(
      'exceptionDecided',
      { exceptionId: other.exceptionId, action: 'cancel', rule: one.kind, outcome: 'SETTLED' },
      { closes: tasksOf(state, other.exceptionId, ['settle']) },
    );
  }
}

/** Takes all out of a package that is not on its way; what was allocated goes back to stock. */
function emptied({ state, about, draft, one }: Context, to: 'open' | 'cancelled', aPackage = about): undefined {
  if (aPackage === undefined) return undefined;
  const { packageId } = aPackage;
  const units = unitsIn(aPackage);
  const booking = bookingToUndo(state, aPackage);
  if (to === 'open') draft.add('resourced', { packageId, lines: units, to }, sourceTask(state, draft));
  else draft.add('linesCancelled', { packageId, lines: units, reason: one.kind });
  draft.add(
    'packageCancelled',
    { packageId, reason: one.kind },
    {
      opens: [{ kind: 'stock', key: packageId, payload: { ...stockPayload(aPackage, 'stock', units), ...booking } }],
      closes: tasksOf(state, packageId, SENDING),
    },
  );
  settleAbout(
    state,
    draft,
    'cancelled',
    (other) => other !== one && other.packageId === packageId && other.units.length === 0,
  );
  return undefined;
}

/** About the order as a whole, not one package of it. */
function isOfOrder({ kind, packageId }: OrderException): boolean {
  return kind === 'paymentFailure' || (kind === 'cancelRequest' && packageId === undefined);
}

/** Everything that is not on its way yet. Each parcel that is becomes a request of its own: its carrier may be asked to stop it. */
function cancelOrder(context: Context): void {
  const { state, draft, one } = context;
  for (const about of state.packages.values()) if (isBeforeShipping(about)) emptied(context, 'cancelled', about);
  cancelWaiting(context);
  dropOthers(context, () => true);
  // Nothing of it is to be paid any more, where no parcel is on its way or there.
  const isAll = ![...state.packages.values()].some(isWithOthers);
  const isOver = ({ kind }: OrderException): boolean => kind === 'backorder' || (isAll && kind === 'paymentFailure');
  settleAbout(state, draft, 'cancelled', (other) => other !== one && isOver(other));
  requestOfParcels(context);
}

function requestOfParcels({ state, draft, one }: Context): void {
  const kind = 'cancelRequest';
  const evidence = one.kind === kind ? one.evidence : { reason: NOT_PAID };
  const parcels = [...state.packages.values()].filter((about) => can(about, 'intercept') && !isRequested(state, about));
  if (!hasRoomForExceptions(state, draft.events.length, parcels.length)) return;
  for (const { packageId } of parcels) openException(state, draft, { kind, packageId, evidence });
}

/** What waits to be sourced; of a backorder, what lacks stock alone. */
function cancelWaiting({ state, draft, one }: Context, from?: 'backordered'): void {
  const lines = [...state.lines.values()]
    .map(({ lineId, open, backordered }) => ({ lineId, qty: from === undefined ? open + backordered : backordered }))
    .filter(({ qty }) => qty > 0);
  if (lines.length === 0) return;
  const isAll = waitingUnits(state) === lines.reduce((sum, { qty }) => sum + qty, 0);
  draft.add(
    'linesCancelled',
    { lines, reason: one.kind, ...(from === undefined ? {} : { from }) },
    // What was reserved by a plan and is in no package yet is given back by who sources it.
    isAll && state.plan === undefined ? { closes: tasksOf(state, '', ['source']) } : {},
  );
}

function refundOf(context: Context): void {
  const { about, draft, one, state } = context;
  // Part of it may have been paid back before.
  const most = about === undefined ? refundable(state) : Math.min(refundable(state), refundableFor(state, about));
  payBack(draft, Math.min(amountOf(context), most), one);
}

/**
 * Never more for what is cancelled than that is worth by now, which may be less than when it was decided, or more: `refundsWorth` pays that, if
 * it is paid by now.
 */
function amountOf(context: Context): number {
  const { state, one, command } = context;
  const { action, amountMinor = 0, refundsWorth } = command;
  if (state.order === undefined || worthOf(state.order) === undefined) return amountMinor;
  if (refundsWorth === true && isUnpaid(state, one)) return 0;
  if (isPaidAsItIs(context)) return amountMinor;
  const worth = worthOfCancelled(context);
  if (refundsWorth === true) return worth;
  return action === 'cancel' ? Math.min(amountMinor, worth) : amountMinor;
}

/** A parcel that its carrier or its customer keeps. */
function isPaidAsItIs({ one, about, command }: Context): boolean {
  const isOfParcel = !isOfOrder(one) && one.kind !== 'backorder' && one.units.length === 0 && !isBeforeShipping(about);
  return command.action === 'refund' && isOfParcel;
}

function isUnpaid({ holds }: OrderState, { kind }: OrderException): boolean {
  return kind === 'paymentFailure' || holds.has('payment');
}

/** Of each package no more than may still be paid back: it may have been paid back on its way, before it was lost. */
function worthOfCancelled({ state, draft }: Context): number {
  const worths = new Map<string, number>();
  for (const event of draft.events) {
    if (event.type !== 'linesCancelled') continue;
    const from = event.packageId ?? state.exceptions.get(event.exceptionId ?? '')?.packageId ?? '';
    const worth = event.lines.reduce((sum, { lineId, qty }) => sum + qty * (state.lines.get(lineId)?.value ?? 0), 0);
    worths.set(from, (worths.get(from) ?? 0) + worth);
  }
  return [...worths].reduce((sum, [packageId, worth]) => {
    const one = state.packages.get(packageId);
    return sum + (one === undefined ? worth : Math.min(worth, refundableFor(state, one)));
  }, 0);
}

function isBeforeShipping(about: OrderPackage | undefined): about is OrderPackage {
  return about !== undefined && can(about, 'cancel');
}

function can({ state }: OrderPackage, verb: PackageVerb): boolean {
  return PACKAGE_TRANSITIONS[state][verb] !== 'refuse';
}
