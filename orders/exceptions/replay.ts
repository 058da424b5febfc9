// What if: a candidate policy over recorded history, and what it would have decided otherwise. Pure, and so the same each time.
import { price } from './costs.ts';
import { decideException } from './decide.ts';
import { ACTIONS, type Action, KINDS, type Kind } from './kinds.ts';
import type { Policy } from './policy.ts';
import { type ExceptionEvent, type ExceptionsState, evolveExceptions, NO_EXCEPTIONS, type Outcome } from './state.ts';

/** ms since the epoch: from is within, to is not. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

export interface Change {
  readonly orderId: string;
  readonly exceptionId: string;
  readonly parcelId?: string;
  readonly kind: Kind;
  readonly at: number;
  readonly recorded: { readonly action: Action; readonly rule: string | undefined; readonly expectedCost: number };
  readonly candidate: { readonly action: Action; readonly rule: string | undefined; readonly expectedCost: number };
  /** How it ended as it was; what would have come of the other action nobody knows. */
  readonly outcome?: Outcome;
}

export interface KindReplay {
  readonly kind: Kind;
  /** Decisions that were compared. */
  readonly decisions: number;
  readonly changed: number;
  /** Later decisions on exceptions that were decided otherwise before: what they would have looked like nobody knows. */
  readonly notComparable: number;
  readonly actions: readonly { readonly action: Action; readonly recorded: number; readonly candidate: number }[];
  /** Of the actions compared, both by the costs of the candidate; minor units. */
  readonly expectedCost: { readonly recorded: number; readonly candidate: number };
}

export interface Replay {
  readonly policyVersion: string;
  readonly window: Window;
  readonly orders: number;
  readonly decisions: number;
  readonly changed: number;
  readonly notComparable: number;
  readonly expectedCost: { readonly recorded: number; readonly candidate: number };
  readonly kinds: readonly KindReplay[];
  /** In the order in which they were decided. */
  readonly changes: readonly Change[];
}

interface Tally {
  decisions: number;
  changed: number;
  notComparable: number;
  recordedCost: number;
  candidateCost: number;
  readonly recorded: Map<Action, number>;
  readonly candidate: Map<Action, number>;
}

interface OrderReplay {
  state: ExceptionsState;
  /** Exceptions that were decided otherwise. */
  readonly diverged: Set<string>;
}

/**
 * Asks the candidate at each moment at which a decision was recorded, with the situation of then and what the candidate itself has decided on the
 * order so far. Before the window the recorded decisions count as the candidate's.
 */
export function replayPolicy(policy: Policy, history: readonly ExceptionEvent[], window: Window): Replay {
  const orders = new Map<string, OrderReplay>();
  const tallies = new Map<Kind, Tally>(KINDS.map((kind) => [kind, newTally()]));
  const outcomes = new Map<string, Outcome>();
  const changes: Change[] = [];
  const touched = new Set<string>();
  for (const event of history) {
    const orderId = event.type === 'exceptionSettled' ? event.orderId : event.situation.orderId;
    const order = orders.get(orderId) ?? { state: NO_EXCEPTIONS, diverged: new Set() };
    orders.set(orderId, order);
    if (event.type === 'exceptionSettled') outcomes.set(keyOf(orderId, event.exceptionId), event.outcome);
    if (event.at >= window.to) continue;
    if (event.type !== 'exceptionDecided' || event.at < window.from) {
      order.state = evolveExceptions(order.state, event);
      continue;
    }
    touched.add(orderId);
    const change = compare(policy, event, order, tallies.get(event.situation.kind) ?? newTally());
    if (change !== undefined) changes.push(change);
  }
  const kinds = KINDS.map((kind) => kindOf(kind, tallies.get(kind) ?? newTally()));
  return {
    policyVersion: policy.version,
    window,
    orders: touched.size,
    decisions: sum(kinds, ({ decisions }) => decisions),
    changed: changes.length,
    notComparable: sum(kinds, ({ notComparable }) => notComparable),
    expectedCost: {
      recorded: sum(kinds, ({ expectedCost }) => expectedCost.recorded),
      candidate: sum(kinds, ({ expectedCost }) => expectedCost.candidate),
    },
    kinds: kinds.filter(({ decisions, notComparable }) => decisions + notComparable > 0),
    changes: changes.map((change) => {
      const outcome = outcomes.get(keyOf(change.orderId, change.exceptionId));
      return outcome === undefined ? change : { ...change, outcome };
    }),
  };
}

function compare(
  policy: Policy,
  event: ExceptionEvent & { type: 'exceptionDecided' },
  order: OrderReplay,
  tally: Tally,
): Change | undefined {
  const { situation, decision: recorded, at } = event;
  if (order.diverged.has(situation.exceptionId)) {
    tally.notComparable++;
    return undefined;
  }
  const candidate = decideException(order.state, situation, policy, at);
  order.state = evolveExceptions(order.state, { ...event, decision: candidate });
  const rule = policy.rulesOf[situation.kind].find(({ id }) => id === candidate.rule);
  const costs = {
    recorded: price(recorded.action, situation, rule, policy).total,
    candidate: price(candidate.action, situation, rule, policy).total,
  };
  tally.decisions++;
  tally.recordedCost += costs.recorded;
  tally.candidateCost += costs.candidate;
  count(tally.recorded, recorded.action);
  count(tally.candidate, candidate.action);
  if (candidate.action === recorded.action) return undefined;
  tally.changed++;
  order.diverged.add(situation.exceptionId);
  const { orderId, exceptionId, parcelId, kind } = situation;
  return {
    orderId,
    exceptionId,
    ...(parcelId === undefined ? {} : { parcelId }),
    kind,
    at,
    recorded: { action: recorded.action, rule: recorded.rule, expectedCost: costs.recorded },
    candidate: { action: candidate.action, rule: candidate.rule, expectedCost: costs.candidate },
  };
}

function newTally(): Tally {
  return {
    decisions: 0,
    changed: 0,
    notComparable: 0,
    recordedCost: 0,
    candidateCost: 0,
    recorded: new Map(),
    candidate: new Map(),
  };
}

function kindOf(kind: Kind, tally: Tally): KindReplay {
  return {
    kind,
    decisions: tally.decisions,
    changed: tally.changed,
    notComparable: tally.notComparable,
    actions: ACTIONS.map((action) => ({
      action,
      recorded: tally.recorded.get(action) ?? 0,
      candidate: tally.candidate.get(action) ?? 0,
    })).filter(({ recorded, candidate }) => recorded + candidate > 0),
    expectedCost: { recorded: tally.recordedCost, candidate: tally.candidateCost },
  };
}

function count(counts: Map<Action, number>, action: Action): void {
  counts.set(action, (counts.get(action) ?? 0) + 1);
}

function keyOf(orderId: string, exceptionId: string): string {
  return `${orderId} ${exceptionId}`;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
