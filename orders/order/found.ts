// A parcel that was taken for lost and comes after all: its customer has its units. What was to be sent instead is not, as far as it is not on
// its way; what is, the event names.
import type { Draft } from './draft.ts';
import { isGivenUpAsLost } from './given-up.ts';
import { namedBy, noticeOf } from './notice.ts';
import {
  bookingToUndo,
  SENDING,
  settleAbout,
  settleDelivered,
  sourceTask,
  stockPayload,
  tasksOf,
  unitsIn,
} from './settling.ts';
import { PACKAGE_TRANSITIONS } from './transitions.ts';
import type { OrderException, OrderPackage, OrderState, Units } from './types.ts';

const RULE = 'delivered';

/** By line, units that wait to be sourced, and of those that were lost how many wait nowhere. */
class Waiting {
  readonly #lost: Map<string, number>;
  readonly #waits = new Map<string, number>();
  /** More waits than before. */
  isMore = false;

  constructor({ lines }: OrderState, lost: readonly Units[]) {
    this.#lost = new Map(lost.map(({ lineId, qty }) => [lineId, qty]));
    for (const { lineId, open, backordered } of lines.values()) this.#waits.set(lineId, open + backordered);
  }

  add(units: readonly Units[]): void {
    this.isMore = true;
    for (const { lineId, qty } of units) this.#waits.set(lineId, this.#of(lineId) + qty);
  }

  lacking(lineId: string): number {
    return Math.max(0, (this.#lost.get(lineId) ?? 0) - this.#of(lineId));
  }

  found(): Units[] {
    const lines = [...this.#lost].map(([lineId, qty]) => ({ lineId, qty: Math.min(qty, this.#of(lineId)) }));
    return lines.filter(({ qty }) => qty > 0);
  }

  isNothingElse(): boolean {
    return [...this.#waits].every(([lineId, qty]) => qty <= (this.#lost.get(lineId) ?? 0));
  }

  #of(lineId: string): number {
    return this.#waits.get(lineId) ?? 0;
  }
}

export function found(state: OrderState, one: OrderPackage, deliveredAt: number, draft: Draft): void {
  const { packageId } = one;
  // Paid back, and its customer's all the same: nothing that he is still to get goes for it.
  if (isGivenUpAsLost(state, one)) return;
  const lost = state.lost.get(packageId) ?? [];
  const waiting = new Waiting(state, lost);
  const open = [...state.exceptions.values()].filter((other) => other.state !== 'SETTLED' && other.units.length > 0);
  for (const other of open) if (isOfLoss(other, packageId)) unparked(state, other, draft, waiting);
  for (const other of open) {
    const isInstead = other.units.every(({ lineId, qty }) => qty <= waiting.lacking(lineId));
    if (!isOfLoss(other, packageId) && isInstead) unparked(state, other, draft, waiting);
  }
  for (const other of [...state.packages.values()].reverse()) {
    const isInstead = unitsIn(other).some(({ lineId }) => waiting.lacking(lineId) > 0);
    if (isInstead && PACKAGE_TRANSITIONS[other.state].cancel !== 'refuse') takenBack(state, other, draft, waiting);
  }
  const lines = waiting.found();
  const sentAgain = laterThan(state, packageId)
    .filter((other) => unitsIn(other).some(({ lineId }) => waiting.lacking(lineId) > 0))
    .filter((other) => other.state === 'SHIPPED' || other.state === 'DELIVERED')
    .map((other) => other.packageId);
  if (lines.length === 0 && sentAgain.length === 0) return;
  const { opens = [], closes = [] } = tasksAfter(state, draft, waiting);
  const payload = noticeOf(state, { about: 'delivered', lines: namedBy(one, lost, state) });
  draft.add(
    'delivered',
    { packageId, deliveredAt, lines, ...(sentAgain.length === 0 ? {} : { sentAgain }) },
    { opens: [{ kind: 'notify', key: packageId, payload }, ...opens], closes },
  );
  settleDelivered(state, draft, packageId);
  if (waiting.isNothingElse()) settleAbout(state, draft, RULE, ({ kind }) => kind === 'backorder');
}

function isOfLoss({ kind, packageId }: OrderException, lost: string): boolean {
  return packageId === lost && (kind === 'lostParcel' || kind === 'cancelRequest');
}

function laterThan({ packages }: OrderState, packageId: string): OrderPackage[] {
  const ids = [...packages.keys()];
  return [...packages.values()].slice(ids.indexOf(packageId) + 1);
}

/** Nobody has to decide about these units any more. */
function unparked(state: OrderState, { exceptionId, units }: OrderException, draft: Draft, waiting: Waiting): void {
  draft.add('resourced', { exceptionId, lines: units, to: 'open' });
  draft.add(
    'exceptionDecided',
    { exceptionId, action: 'wait', rule: RULE, outcome: 'SETTLED' },
    { closes: tasksOf(state, exceptionId, ['settle']) },
  );
  waiting.add(units);
}

/** A package that is not on its way is not sent. What else is in it is sourced again. */
function takenBack(state: OrderState, other: OrderPackage, draft: Draft, waiting: Waiting): void {
  const { packageId } = other;
  const units = unitsIn(other);
  const payload = { ...stockPayload(other, 'stock', units), ...bookingToUndo(state, other) };
  draft.add('resourced', { packageId, lines: units, to: 'open' });
  draft.add(
    'packageCancelled',
    { packageId, reason: 'what it replaces has come' },
    { opens: [{ kind: 'stock', key: packageId, payload }], closes: tasksOf(state, packageId, SENDING) },
  );
  settleAbout(state, draft, 'cancelled', (one) => one.packageId === packageId && one.units.length === 0);
  waiting.add(units);
}

/** One task sources what still waits; what its plan has reserved is given back by who sources it. */
function tasksAfter(state: OrderState, draft: Draft, waiting: Waiting): ReturnType<typeof sourceTask> {
  if (!waiting.isNothingElse()) return waiting.isMore ? sourceTask(state, draft) : {};
  return state.plan === undefined ? { closes: tasksOf(state, '', ['source']) } : {};
}
