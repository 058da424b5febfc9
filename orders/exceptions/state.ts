// What is remembered of the exceptions of one order, and how events change it. A plain object, so that the order's state can contain it.

import type { Decision } from './decision.ts';
import { type Action, type Kind, TRAITS } from './kinds.ts';
import { canonical, type Situation, subjectOf } from './situation.ts';

/** The action that was decided last and is on its way. */
export interface Standing {
  readonly action: Action;
  readonly actionKey: string;
  readonly rule: string | undefined;
  /** ms since the epoch. */
  readonly at: number;
  readonly reviewAt: number;
  /** What is still to be expected of it, its own cost being spent; minor units. */
  readonly expectedCost: number;
  readonly params: Decision['params'];
  /** What it was decided on, as `canonical` writes it. */
  readonly situation: string;
}

export interface OpenException {
  readonly kind: Kind;
  readonly subject: string;
  /** Decisions that were not a repetition. */
  readonly decisions: number;
  readonly standing?: Standing;
  /** Actions that were done on it, waiting and escalating not counted. */
  readonly done: readonly Action[];
  /** A person has it: nothing is decided any more until it is settled. */
  readonly withPerson: boolean;
}

interface Subject {
  readonly actions: number;
  readonly last?: { readonly kind: Kind; readonly exceptionId: string; readonly at: number };
}

export interface ExceptionsState {
  /** Those that are open, by exceptionId. */
  readonly open: Readonly<Record<string, OpenException>>;
  /** By parcel, or the order itself. */
  readonly subjects: Readonly<Record<string, Subject>>;
  /** Done on the order. */
  readonly actions: number;
}

/** How an exception ended; of several of one exception the last counts, because a reversal is known only later. */
export interface Outcome {
  /** The promise that stood at the end was missed. */
  readonly breached: boolean;
  /** The promise of the time when it was opened was missed. */
  readonly firstPromiseMissed: boolean;
  /** What was decided was undone later, by the customer, a person or another exception. */
  readonly reversed: boolean;
  /** A person did something about it, whether it was escalated or not. */
  readonly byPerson: boolean;
  /** All it cost, minor units. */
  readonly cost: number;
  /** It is settled, and what it was about is still on its way, promised for then: whether it was settled well is not known. */
  readonly underWay?: { readonly promisedAt?: number | undefined } | undefined;
}

export type ExceptionEvent =
  | { readonly type: 'exceptionOpened'; readonly at: number; readonly situation: Situation }
  | {
      readonly type: 'exceptionDecided';
      readonly at: number;
      readonly situation: Situation;
      readonly decision: Decision;
    }
  | {
      readonly type: 'exceptionSettled';
      readonly at: number;
      readonly orderId: string;
      readonly exceptionId: string;
      readonly outcome: Outcome;
    };

export const NO_EXCEPTIONS: ExceptionsState = { open: {}, subjects: {}, actions: 0 };

/** The only way this state changes. */
export function evolveExceptions(state: ExceptionsState, event: ExceptionEvent): ExceptionsState {
  switch (event.type) {
    case 'exceptionOpened': {
      const { exceptionId } = event.situation;
      if (Object.hasOwn(state.open, exceptionId)) return state;
      return { ...state, open: { ...state.open, [exceptionId]: opened(event.situation) } };
    }
    case 'exceptionDecided':
      return event.decision.repeats ? state : decided(state, event.situation, event.decision);
    case 'exceptionSettled': {
      const { [event.exceptionId]: _, ...open } = state.open;
      return { ...state, open };
    }
  }
}

export function opened(situation: Situation): OpenException {
  return { kind: situation.kind, subject: subjectOf(situation), decisions: 0, done: [], withPerson: false };
}

function decided(state: ExceptionsState, situation: Situation, decision: Decision): ExceptionsState {
  const { exceptionId, action } = decision;
  const before = state.open[exceptionId] ?? opened(situation);
  const { subject, kind } = before;
  const { counted } = TRAITS[action];
  const after: OpenException = {
    ...before,
    decisions: before.decisions + 1,
    done: counted ? [...before.done, action] : before.done,
    withPerson: before.withPerson || action === 'escalate',
    standing: {
      action,
      actionKey: decision.actionKey,
      rule: decision.rule,
      at: decision.decidedAt,
      reviewAt: decision.reviewAt,
      expectedCost: decision.expectedCost === undefined ? 0 : decision.expectedCost - decision.spent,
      params: decision.params,
      situation: canonical(situation),
    },
  };
  const touched = state.subjects[subject] ?? { actions: 0 };
  return {
    open: { ...state.open, [exceptionId]: after },
    subjects: counted
      ? {
          ...state.subjects,
          [subject]: { actions: touched.actions + 1, last: { kind, exceptionId, at: decision.decidedAt } },
        }
      : state.subjects,
    actions: state.actions + (counted ? 1 : 0),
  };
}
