// Each case settled by a policy: decide, do, see whether it worked, decide again; until it is settled or a person has it. And what each action
// would have cost, known only afterwards.
import { price } from '../../exceptions/costs.ts';
import { decideException } from '../../exceptions/decide.ts';
import { ACTIONS_OF, type Action, TRAITS } from '../../exceptions/kinds.ts';
import type { Policy } from '../../exceptions/policy.ts';
import { readSituation, type Situation } from '../../exceptions/situation.ts';
import {
  type ExceptionEvent,
  type ExceptionsState,
  evolveExceptions,
  NO_EXCEPTIONS,
  type Outcome,
} from '../../exceptions/state.ts';
import { BELIEF_OFF, type Case, type Facts } from './cases.ts';
import { COSTS } from './re-planning.ts';
import { HOUR_MS } from './world.ts';

/** That what was done did not work is known so much later. */
const FAILURE_MS = 4 * HOUR_MS;
/** A person takes up what is escalated, and settles it. */
const PERSON_COST = 900;
const STEPS_MAX = 24;
/** What a wrong action costs that somebody has to undo. */
const REVERSAL_COST = 900;

export interface Settled {
  readonly history: readonly ExceptionEvent[];
  readonly cost: number;
  /** The least that any first action would have cost, a person included. */
  readonly leastCost: number;
}

/** `toldShare`: of the promises that are missed after all, those of which the customer is told in time by looking at late risk. */
export function settle(one: Case, policy: Policy, toldShare: number): Settled {
  const history: ExceptionEvent[] = [];
  let state: ExceptionsState = NO_EXCEPTIONS;
  let now = one.openedAt;
  let facts = one.facts;
  const failed: Action[] = [];
  let cost = 0;
  for (let step = 0; step < STEPS_MAX; step++) {
    const situation = situationOf(one, facts, failed);
    const decision = decideException(state, situation, policy, Math.round(now));
    if (!decision.repeats || decision.action === 'wait') {
      const event: ExceptionEvent = { type: 'exceptionDecided', at: Math.round(now), situation, decision };
      history.push(event);
      state = evolveExceptions(state, event);
    }
    const { action } = decision;
    if (action === 'wait') {
      now = decision.reviewAt;
      if (one.luck(`waits ${step}`) < one.settlesWaiting) {
        if (one.kind !== 'addressProblem') return ended(one, history, now, cost + 0, 'wait', policy, toldShare);
        facts = { ...facts, customerAnswered: true, correctionConfidence: 0.99 };
      }
      if (one.kind === 'paymentFailure')
        facts = {
          ...facts,
          attempts: Number(facts['attempts']) + 1,
          retrySuccess: 0.7 * Number(facts['retrySuccess']),
        };
      continue;
    }
    if (action === 'escalate') return ended(one, history, now, cost + PERSON_COST, 'escalate', policy, toldShare);
    cost += price(
      action,
      situation,
      policy.rulesOf[one.kind].find(({ id }) => id === decision.rule),
      policy,
    ).estimate.cost;
    if (works(one, action, situation, policy)) return ended(one, history, now, cost, action, policy, toldShare, facts);
    failed.push(action);
    cost += 0;
    now += FAILURE_MS;
  }
  return ended(one, history, now, cost + PERSON_COST, 'escalate', policy, toldShare);
}

function situationOf({ kind, parcel, openedAt, options }: Case, facts: Facts, failed: readonly Action[]): Situation {
  return readSituation({
    orderId: parcel.orderId,
    exceptionId: kind,
    kind,
    openedAt: Math.round(openedAt),
    promisedAt: Math.round(parcel.promisedAt),
    facts,
    options,
    failed: [...failed],
  });
}

/** The truth lies near the belief. */
function truth(one: Case, belief: number, what: string): number {
  return belief <= 0 || belief >= 1
    ? belief
    : Math.min(0.99, Math.max(0.01, belief + (2 * one.luck(`off ${what}`) - 1) * BELIEF_OFF));
}

function works(one: Case, action: Action, situation: Situation, policy: Policy): boolean {
  const { works: belief } = price(action, situation, undefined, policy).estimate;
  return one.luck(`works ${action}`) < truth(one, belief, `works ${action}`);
}

interface Realised {
  readonly outcome: Outcome;
  readonly cost: number;
}

/** What comes of an action that worked. */
function realised(one: Case, action: Action, spent: number, policy: Policy, toldShare: number, facts: Facts): Realised {
  const situation = situationOf(one, facts, []);
  const { estimate } = price(action, situation, undefined, policy);
  const isGivenUp =
    action === 'cancel' || action === 'refund' || (one.kind === 'cancelRequest' && action === 'intercept');
  const isWanted = one.kind === 'cancelRequest';
  const misses =
    one.luck(`late ${action}`) < truth(one, action === 'escalate' ? 0.5 : estimate.missIfWorks, `late ${action}`);
  const isTold = TRAITS[action].told || one.luck('told') < toldShare;
  const late = !isGivenUp && misses;
  const wrongly = facts['customerAnswered'] === true ? 0.01 : (one.reversed[action] ?? 0);
  const reversed = one.luck(`reversed ${action}`) < wrongly;
  const breach = COSTS.breachFixed + COSTS.breachShare * one.parcel.value + one.parcel.promiseValue;
  // Whoever asked for it is not disappointed.
  const broken = isWanted
    ? 0
    : action === 'repromise' || isGivenUp
      ? COSTS.toldShare + (late ? 1 - COSTS.toldShare : 0)
      : late
        ? isTold
          ? COSTS.toldShare
          : 1
        : 0;
  return {
    outcome: {
      breached: late && (action === 'repromise' || !isTold),
      firstPromiseMissed: !isWanted && (late || isGivenUp || action === 'repromise'),
      reversed,
      byPerson: false,
      cost: spent,
    },
    cost: spent + broken * breach + estimate.loss + (reversed ? REVERSAL_COST : 0),
  };
}

function ended(
  one: Case,
  history: ExceptionEvent[],
  now: number,
  spent: number,
  action: Action,
  policy: Policy,
  toldShare: number,
  facts: Facts = one.facts,
): Settled {
  const { outcome, cost } = realised(one, action, spent, policy, toldShare, facts);
  const { orderId } = one.parcel;
  history.push({
    type: 'exceptionSettled',
    at: Math.round(now),
    orderId,
    exceptionId: one.kind,
    outcome: { ...outcome, cost },
  });
  return { history, cost, leastCost: Math.min(cost, leastCost(one, policy, toldShare)) };
}

/** Each action tried alone, and a person after it where it fails. */
function leastCost(one: Case, policy: Policy, toldShare: number): number {
  const situation = situationOf(one, one.facts, []);
  const costs = ACTIONS_OF[one.kind]
    .filter(
      (action) => action !== 'wait' && (TRAITS[action].availability === 'always' || one.options[action] !== undefined),
    )
    .map((action) => {
      const { estimate } = price(action, situation, undefined, policy);
      if (action === 'escalate') return realised(one, action, PERSON_COST, policy, toldShare, one.facts).cost;
      if (works(one, action, situation, policy))
        return realised(one, action, estimate.cost, policy, toldShare, one.facts).cost;
      return realised(one, 'escalate', estimate.cost + PERSON_COST, policy, toldShare, one.facts).cost;
    });
  return Math.min(...costs);
}
