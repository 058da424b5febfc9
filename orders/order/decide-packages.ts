// What ship nodes and carriers do with a package: each verb moves it as its table says, closes the task that asked for it and opens
// the next. Whatever went wrong becomes an exception; units that it is about are parked until somebody decides.
import { type Failure, failure } from '../../protocol/index.ts';
import { isFull } from './bounds.ts';
import type { Draft, Part } from './draft.ts';
import { found } from './found.ts';
import { isGivenUpUnpaid, isUnwanted, NOT_PAID } from './given-up.ts';
import { hasMovedSince } from './journey-facts.ts';
import { REBOOK_PAUSE_MS } from './limits.ts';
import { noticeOf, packedLines } from './notice.ts';
import { raiseOldDestination, wentToOldDestination } from './old-destination.ts';
import { openException } from './opening.ts';
import {
  bookAnew,
  bookingToUndo,
  SENDING,
  settleAbout,
  settleDelivered,
  stockPayload,
  tasksOf,
  undoOf,
  unitsIn,
} from './settling.ts';
import { PACKAGE_TRANSITIONS, type PackageVerb } from './transitions.ts';
import type { CommandOf, EventData, OrderPackage, OrderState, ScanCode, TaskKind, Units } from './types.ts';

interface PackageParts {
  readonly release: Part<'release'>;
  readonly pick: Part<'pick'>;
  readonly shortPick: Part<'shortPick'>;
  readonly pack: Part<'pack'>;
  readonly reject: Part<'reject'>;
  readonly book: Part<'book'>;
  readonly reroute: Part<'reroute'>;
  readonly track: Part<'track'>;
}

/** Reasons of a ship node that say the units are not there: they leave the books. */
export const NOT_THERE: ReadonlySet<string> = new Set(['outOfStock', 'notFound', 'damaged']);

/** What becomes in the books of units that a ship node does not send. */
function stockAfter(reasonCode: string): 'writtenOff' | 'stock' {
  return NOT_THERE.has(reasonCode) ? 'writtenOff' : 'stock';
}

export const decidePackage: PackageParts = {
  release: (state, { packageId }, draft) => {
    const one = movable(state, packageId, 'release');
    if (!('packageId' in one)) return one;
    if (state.holds.size > 0) {
      return failure('BAD_REQUEST', `order ${state.orderId} is on hold: ${[...state.holds.keys()].join(', ')}`);
    }
    draft.add(
      'released',
      { packageId },
      { ...next('pick', packageId), closes: tasksOf(state, packageId, ['release']) },
    );
    return undefined;
  },
  pick: (state, { packageId }, draft) => {
    const one = movable(state, packageId, 'pick');
    if (!('packageId' in one)) return one;
    draft.add('picked', { packageId }, { ...next('pack', packageId), closes: tasksOf(state, packageId, ['pick']) });
    return undefined;
  },
  shortPick: (state, { packageId, missing, reasonCode }, draft) => {
    const one = movable(state, packageId, 'shortPick');
    if (!('packageId' in one)) return one;
    const wrong = notInside(one, missing);
    if (wrong !== undefined) return wrong;
    const closes = tasksOf(state, packageId, ['pick', 'pack']);
    const payload = stockPayload(one, stockAfter(reasonCode), missing);
    draft.add(
      'shortPicked',
      { packageId, missing, reasonCode },
      { opens: [{ kind: 'stock', key: packageId, payload }], closes },
    );
    const kind = reasonCode === 'damaged' ? 'damaged' : 'shortPick';
    openException(state, draft, { kind, packageId, evidence: { reasonCode, missing }, units: missing });
    const left = unitsIn(one).reduce((sum, { qty }) => sum + qty, 0) - missing.reduce((sum, { qty }) => sum + qty, 0);
    if (left === 0) {
      draft.add(
        'packageCancelled',
        { packageId, reason: reasonCode },
        { closes: tasksOf(state, packageId, ['replan']) },
      );
    }
    return undefined;
  },
  pack: (state, { packageId, grams }, draft) => {
    const one = movable(state, packageId, 'pack');
    if (!('packageId' in one)) return one;
    draft.add('packed', grams === undefined ? { packageId } : { packageId, grams }, {
      ...next('book', packageId),
      closes: tasksOf(state, packageId, ['pack']),
    });
    return undefined;
  },
  reject: (state, { packageId, reasonCode }, draft) => {
    const one = movable(state, packageId, 'reject');
    if (!('packageId' in one)) return one;
    const units = unitsIn(one);
    const payload = { ...stockPayload(one, stockAfter(reasonCode), units), ...bookingToUndo(state, one) };
    draft.add(
      'rejected',
      { packageId, reasonCode },
      { opens: [{ kind: 'stock', key: packageId, payload }], closes: tasksOf(state, packageId, SENDING) },
    );
    openException(state, draft, { kind: 'rejection', packageId, evidence: { reasonCode, node: one.node }, units });
    return undefined;
  },
  book: (state, command, draft) => {
    const { packageId, carrier, service, bookingId, trackingId, expectedAt, costMinor } = command;
    const one = movable(state, packageId, 'book');
    if (!('packageId' in one)) return one;
    // What cannot be taken back is the parcel of the package: another would be a second.
    const before = tasksOf(state, packageId, ['book']).flatMap((id) => undoOf(state.tasks.get(id))?.key ?? []);
    if (before.some((key) => key !== `${state.orderId}/${bookingId}`)) {
      return failure('BAD_REQUEST', `book: ${packageId} may be booked as ${before.join()}: that is taken back first`);
    }
    draft.add(
      'booked',
      {
        packageId,
        carrier,
        service,
        bookingId,
        trackingId,
        ...(expectedAt === undefined ? {} : { expectedAt }),
        ...(costMinor === undefined ? {} : { costMinor }),
      },
      { ...next('track', packageId), closes: tasksOf(state, packageId, ['book']) },
    );
    settleAbout(state, draft, 'booked', (other) => other.packageId === packageId && other.kind === 'carrierOutage');
    if (before.length > 0 && hasMovedSince(state, state.destination, bookingId)) {
      raiseOldDestination(state, draft, packageId);
    }
    return undefined;
  },
  reroute: (state, { packageId, carrier, service, expectedAt, taskId }, draft) => {
    const one = movable(state, packageId, 'reroute');
    if (!('packageId' in one)) return one;
    if (taskId === undefined) return failure('BAD_REQUEST', 'reroute: by its task book; otherwise settle');
    // Of any other booking nobody knows yet whether the carrier has taken it: that one is taken back first.
    const isTakenBack = one.cancelledBy?.some((other) => other.carrier === one.carrier) === true;
    draft.keepTask();
    const rerouted = { packageId, carrier, service, ...(expectedAt === undefined ? {} : { expectedAt }) };
    draft.add('rerouted', rerouted, isTakenBack ? {} : bookAnew(state, one));
    return undefined;
  },
  track,
};

/** What a code of a carrier means: whether the parcel has been handed over by then, and what becomes of it. */
const MEANING: Record<
  ScanCode,
  { readonly isShipped: boolean; readonly ends?: 'deliver' | 'lose' | 'damage' | 'return' }
> = {
  info: { isShipped: false },
  pickedUp: { isShipped: true },
  inTransit: { isShipped: true },
  outForDelivery: { isShipped: true },
  delivered: { isShipped: true, ends: 'deliver' },
  lost: { isShipped: true, ends: 'lose' },
  damaged: { isShipped: true, ends: 'damage' },
  returned: { isShipped: true, ends: 'return' },
  cancelled: { isShipped: false },
};

function track(state: OrderState, command: CommandOf<'track'>, draft: Draft): Failure | undefined {
  const { packageId, code, scannedAt } = command;
  const one = movable(state, packageId, 'scan');
  if (!('packageId' in one)) return one;
  draft.keepTask();
  if (code === 'cancelled') return cancelledByCarrier(state, one, draft);
  const { isShipped, ends } = MEANING[code];
  const willShip = one.state === 'BOOKED' && isShipped;
  if (willShip) {
    const payload = stockPayload(one, 'shipped', unitsIn(one));
    draft.add(
      'shipped',
      { packageId, shippedAt: scannedAt },
      {
        opens: [
          { kind: 'stock', key: packageId, payload },
          { kind: 'notify', key: packageId, payload: noticeOf(state, { about: 'shipped', lines: packedLines(one) }) },
        ],
        closes: tasksOf(state, packageId, ['replan']),
      },
    );
  }
  // A journey that is full keeps no more scans, only what becomes of the parcel.
  const scanned = isFull(state) ? undefined : newsIn(one, command);
  if (scanned !== undefined) draft.add('scanned', scanned);
  if (ends !== undefined && (willShip || one.state === 'SHIPPED' || (one.state === 'DELIVERED' && ends === 'damage'))) {
    end(state, one, command, ends, draft);
  }
  if (ends === 'deliver' && one.state === 'LOST' && !isFull(state)) found(state, one, scannedAt, draft);
  return undefined;
}

/** What a scan adds to what is known; undefined: nothing. Scans come in any order. */
function newsIn(
  one: OrderPackage,
  { packageId, code, scannedAt, expectedAt, claimedAt }: CommandOf<'track'>,
): EventData['scanned'] | undefined {
  const { scan, shippedAt, heard } = one;
  if (scan !== undefined && scannedAt < scan.at) {
    const hadLeft = MEANING[code].isShipped && shippedAt !== undefined && scannedAt < shippedAt;
    return hadLeft ? { packageId, code, scannedAt, shippedAt: scannedAt } : undefined;
  }
  const isOther = code !== scan?.code;
  const isMoved = expectedAt !== undefined && expectedAt !== one.expectedAt;
  const isClaimed = claimedAt !== undefined && claimedAt > (heard?.claimedAt ?? 0);
  if (!isOther && !isMoved && !isClaimed) return undefined;
  return {
    packageId,
    code,
    scannedAt,
    ...(expectedAt === undefined ? {} : { expectedAt }),
    ...(claimedAt === undefined ? {} : { claimedAt }),
  };
}

/** Booked again; what was on its way already is not. A journey that is full keeps its room for its end. */
function cancelledByCarrier(state: OrderState, one: OrderPackage, draft: Draft): undefined {
  if (PACKAGE_TRANSITIONS[one.state].unbook === 'refuse' || isFull(state)) return undefined;
  const { packageId } = one;
  draft.add(
    'unbooked',
    { packageId, reason: 'cancelled by its carrier', cancelledBy: one.carrier },
    {
      opens: [{ kind: 'book', key: packageId, dueAt: draft.now + REBOOK_PAUSE_MS }],
      closes: tasksOf(state, packageId, ['track']),
    },
  );
  return undefined;
}

function end(
  state: OrderState,
  one: OrderPackage,
  { code, scannedAt }: CommandOf<'track'>,
  ends: 'deliver' | 'lose' | 'damage' | 'return',
  draft: Draft,
): void {
  const { packageId } = one;
  const closes = tasksOf(state, packageId, SENDING);
  if (ends === 'deliver') {
    draft.add(
      'delivered',
      { packageId, deliveredAt: scannedAt },
      {
        opens: [
          { kind: 'notify', key: packageId, payload: noticeOf(state, { about: 'delivered', lines: packedLines(one) }) },
        ],
        closes,
      },
    );
    settleDelivered(state, draft, packageId);
    return;
  }
  const [type, kind] = (
    { lose: ['lost', 'lostParcel'], damage: ['damaged', 'damaged'], return: ['intercepted', 'addressProblem'] } as const
  )[ends];
  draft.add(type, { packageId }, { closes });
  // Who wants it no more, was paid back for it or has not paid is not sent it again.
  const unwanted = isUnwanted(state, one);
  // One of the same kind about its units takes the place of what was noticed before.
  const hasUnits = unitsIn(one).length > 0;
  settleAbout(
    state,
    draft,
    code,
    (other) => other.packageId === packageId && other.units.length === 0 && (other.kind !== kind || hasUnits),
  );
  // Its customer has said where to send it by now.
  const isMoved = kind === 'addressProblem' && wentToOldDestination(state, one);
  const evidence = {
    code,
    at: scannedAt,
    ...(isMoved ? { problem: 'changed', customerAnswered: true } : {}),
    ...(isGivenUpUnpaid(state) ? { reason: NOT_PAID } : {}),
  };
  openException(state, draft, { kind: unwanted ? 'cancelRequest' : kind, packageId, evidence, units: unitsIn(one) });
}

function next(kind: TaskKind, key: string): { readonly opens: readonly { kind: TaskKind; key: string }[] } {
  return { opens: [{ kind, key }] };
}

/** The package, or why the verb cannot be done to it. */
function movable(state: OrderState, packageId: string, verb: PackageVerb): OrderPackage | Failure {
  const one = state.packages.get(packageId);
  if (one === undefined) return failure('NOT_FOUND', `order ${state.orderId} has no package ${packageId}`);
  if (PACKAGE_TRANSITIONS[one.state][verb] !== 'refuse') return one;
  return failure('BAD_REQUEST', `${verb}: ${packageId} is ${one.state}`);
}

function notInside(one: OrderPackage, units: readonly Units[]): Failure | undefined {
  if (units.length === 0) return failure('BAD_REQUEST', 'missing: at least one line');
  if (new Set(units.map(({ lineId }) => lineId)).size < units.length) {
    return failure('BAD_REQUEST', 'missing: two have the same lineId');
  }
  for (const { lineId, qty } of units) {
    const has = one.lines.find((line) => line.lineId === lineId)?.qty ?? 0;
    if (qty < 1 || qty > has) return failure('BAD_REQUEST', `${one.packageId} has ${has} units of line ${lineId}`);
  }
  return undefined;
}
