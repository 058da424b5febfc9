// What is done about an exception: from what is remembered of the order, the situation and the policy to one decision. Pure. The rules say
// what is allowed, expected cost says which of it, and hysteresis, caps and kill switch may overrule that, in this order.
import type { Facts } from './conditions.ts';
import { type Priced, price } from './costs.ts';
import type { Candidate, Decision, Verdict, Why } from './decision.ts';
import { ACTIONS, type Action, TRAITS } from './kinds.ts';
import { DECISIONS_MAX, EXCEPTIONS_MAX } from './limits.ts';
import type { Policy, Rule } from './policy.ts';
import { canonical, type Situation, subjectOf, wrongFacts } from './situation.ts';
import { type ExceptionsState, type OpenException, opened, type Standing } from './state.ts';

const HOUR_MS = 3_600_000;
const NO_PROMISE_HOURS = 1_000_000;

/** What everything below looks at. */
interface Asked {
  readonly state: ExceptionsState;
  readonly exception: OpenException;
  readonly situation: Situation;
  readonly policy: Policy;
  readonly now: number;
}

interface Applied {
  readonly rule: Rule;
  readonly passed: readonly string[];
}

interface Choice {
  readonly action: Action;
  readonly why: Why;
  /** What stands stays; otherwise the action is a new one. */
  readonly keeps: boolean;
}

/**
 * Decides. Asked again with the same situation before `reviewAt`, after the decision has been recorded, it answers with the same action
 * under the same key.
 * @param now ms since the epoch
 */
export function decideException(state: ExceptionsState, situation: Situation, policy: Policy, now: number): Decision {
  const exception = state.open[situation.exceptionId] ?? opened(situation);
  const asked: Asked = { state, exception, situation, policy, now };
  const { standing } = exception;
  if (exception.withPerson && standing !== undefined) return keep(asked, standing, 'withPerson');
  if (standing !== undefined && isFinal(standing, situation)) return keep(asked, standing, 'final');
  const switched = killedAs(asked, undefined);
  if (switched !== undefined) return decideAnew(asked, { action: switched, why: 'killed', keeps: false });
  const wrong = wrongOf(asked);
  if (wrong.length > 0) return decideAnew(asked, { action: 'escalate', why: 'factsWrong', keeps: false }, { wrong });
  if (standing !== undefined && isSame(standing, asked)) return keep(asked, standing, 'repeated');
  if (exception.decisions >= DECISIONS_MAX || hasTooMany(asked)) {
    return decideAnew(asked, { action: 'escalate', why: 'tooMany', keeps: false });
  }
  const applied = ruleFor(asked);
  if ('failed' in applied) {
    const failure = { wrong: [applied.failed], passed: applied.passed };
    return decideAnew(asked, { action: 'escalate', why: 'conditionFailed', keeps: false }, failure);
  }
  return weigh(asked, applied);
}

/** Whether late risk is an exception: opened at one probability and closed at a smaller one, so that it does not come and go with each scan. */
export function isLateRisk({ hysteresis }: Policy, missProbability: number, isOpen: boolean): boolean {
  return missProbability >= (isOpen ? hysteresis.closeBelowRisk : hysteresis.openAtRisk);
}

function isFinal({ action }: Standing, { failed }: Situation): boolean {
  return TRAITS[action].final && !failed.includes(action);
}

function wrongOf({ situation, exception }: Asked): readonly string[] {
  const changed =
    exception.kind === situation.kind && exception.subject === subjectOf(situation)
      ? []
      : [`exceptionId: ${situation.exceptionId} was opened as ${exception.kind} of ${exception.subject}`];
  return [...changed, ...wrongFacts(situation)];
}

function isSame({ situation, reviewAt }: Standing, asked: Asked): boolean {
  return asked.now < reviewAt && situation === canonical(asked.situation);
}

function hasTooMany({ state, situation }: Asked): boolean {
  return !Object.hasOwn(state.open, situation.exceptionId) && Object.keys(state.open).length >= EXCEPTIONS_MAX;
}

function ruleFor(asked: Asked): Applied | { readonly failed: string; readonly passed: readonly string[] } {
  const facts = factsFor(asked);
  const passed: string[] = [];
  for (const rule of asked.policy.rulesOf[asked.situation.kind]) {
    try {
      if (rule.condition.holds(facts)) return { rule, passed };
    } catch (error) {
      return { failed: `rule ${rule.id}: ${error instanceof Error ? error.message : String(error)}`, passed };
    }
    passed.push(rule.id);
  }
  return { failed: `no rule of kind ${asked.situation.kind} applies`, passed };
}

function factsFor({ state, exception, situation, now }: Asked): Facts {
  const { facts, promisedAt, openedAt, failed } = situation;
  return {
    ...facts,
    hoursOpen: (now - openedAt) / HOUR_MS,
    hoursToPromise: promisedAt === undefined ? NO_PROMISE_HOURS : (promisedAt - now) / HOUR_MS,
    actionsOnParcel: state.subjects[exception.subject]?.actions ?? 0,
    actionsOnOrder: state.actions,
    available: ACTIONS.filter((action) => isPossible(action, situation)),
    failed,
  };
}

function isPossible(action: Action, { options, notPossible }: Situation): boolean {
  if (notPossible.some((one) => one === action)) return false;
  if (TRAITS[action].availability === 'always') return true;
  const option = options[action];
  return option !== undefined && (action !== 'repromise' || option.promisedAt !== undefined || isUndated(option));
}

/** A promise is taken back, and nobody knows when instead. */
function isUndated({ detail }: NonNullable<Situation['options'][Action]>): boolean {
  return detail?.['undated'] === true;
}

interface Weighed {
  readonly action: Action;
  readonly verdict: Verdict | undefined;
  readonly priced: Priced | undefined;
}

function weigh(asked: Asked, applied: Applied): Decision {
  const { exception, situation, policy } = asked;
  const weighed = ACTIONS.map((action): Weighed => {
    const verdict = verdictOn(action, asked, applied.rule);
    const priced =
      verdict === undefined || verdict === 'kept' ? price(action, situation, applied.rule, policy) : undefined;
    return { action, verdict, priced };
  });
  const best = cheapest(weighed, applied.rule);
  const choice = overrule(asked, settleOn(asked, applied.rule, best));
  const candidates = weighed.map((one) => candidateOf(one, best?.action, choice));
  const { standing } = exception;
  if (choice.keeps && standing !== undefined) return keep(asked, standing, choice.why, { applied, candidates });
  const priced = weighed.find(({ action }) => action === choice.action)?.priced;
  return decideAnew(asked, choice, {
    applied,
    candidates,
    priced: priced ?? price(choice.action, situation, applied.rule, policy),
  });
}

/** Why an action cannot be chosen; undefined where it can. */
function verdictOn(action: Action, { exception, situation }: Asked, rule: Rule): Verdict | undefined {
  const { standing, done } = exception;
  if (situation.failed.includes(action)) return 'failed';
  if (standing?.action === action && !isNewPromise(action, standing, situation)) return 'kept';
  if (!rule.allow.includes(action)) return 'notAllowed';
  if (!isPossible(action, situation)) return 'notPossible';
  if (done.includes(action) && action !== 'repromise') return 'done';
  return undefined;
}

/** A promise can be taken back again, for a later one. */
function isNewPromise(action: Action, standing: Standing, { options }: Situation): boolean {
  return action === 'repromise' && (options.repromise?.promisedAt ?? 0) > (standing.params.promisedAt ?? 0);
}

function cheapest(weighed: readonly Weighed[], { allow }: Rule): { action: Action; total: number } | undefined {
  let best: { action: Action; total: number } | undefined;
  for (const action of allow) {
    const one = weighed.find((candidate) => candidate.action === action);
    if (one?.priced === undefined || one.verdict !== undefined) continue;
    if (best === undefined || one.priced.total < best.total) best = { action, total: one.priced.total };
  }
  return best;
}

/** The best, unless what stands is kept. */
function settleOn(asked: Asked, rule: Rule, best: { action: Action; total: number } | undefined): Choice {
  const { standing } = asked.exception;
  if (standing !== undefined && !asked.situation.failed.includes(standing.action)) {
    const kept = { action: standing.action, keeps: true };
    const isDone = TRAITS[standing.action].counted;
    if (isDone && asked.now < standing.at + asked.policy.hysteresis.dwellMs) return { ...kept, why: 'dwell' };
    const mayStay = rule.allow.includes(standing.action);
    if (best === undefined) return mayStay || isDone ? { ...kept, why: 'stillBest' } : nothingPossible();
    if (mayStay) {
      const { switchMargin, switchShare } = asked.policy.hysteresis;
      const cost = costOfKeeping(standing, asked, rule);
      if (best.total >= cost) return { ...kept, why: 'stillBest' };
      if (cost - best.total < Math.max(switchMargin, switchShare * cost)) return { ...kept, why: 'margin' };
    }
  }
  if (best === undefined) return nothingPossible();
  if (TRAITS[best.action].counted && isJustTouched(asked)) return { action: 'wait', why: 'dwell', keeps: false };
  return { action: best.action, why: 'cheapest', keeps: false };
}

function nothingPossible(): Choice {
  return { action: 'escalate', why: 'nothingPossible', keeps: false };
}

/**
 * Another exception of the same kind has just had something done to this parcel. An address that was changed once more is not waited with: what
 * was done could not know of it, and the parcel may be picked up meanwhile.
 */
function isJustTouched({ state, exception, situation, policy, now }: Asked): boolean {
  const last = state.subjects[exception.subject]?.last;
  const isAnotherAddress = situation.kind === 'addressProblem' && situation.facts['problem'] === 'changed';
  return (
    last !== undefined &&
    !isAnotherAddress &&
    !isOfCustomer(situation) &&
    last.kind === exception.kind &&
    last.exceptionId !== situation.exceptionId &&
    now < last.at + policy.hysteresis.dwellMs
  );
}

/** What customers ask for themselves is no planning anew that could go on and on, and gets dearer with every hour. */
function isOfCustomer({ kind }: Situation): boolean {
  return kind === 'cancelRequest';
}

/** What was spent on the action that stands is spent. How likely the promise is missed now is known where the parcel is under way. */
function costOfKeeping(standing: Standing, { situation, policy }: Asked, rule: Rule): number {
  switch (situation.kind) {
    case 'lateRisk':
    case 'carrierOutage':
    case 'lostParcel':
    case 'stuckParcel':
      return price('wait', situation, rule, policy).total;
    case 'shortPick':
    case 'rejection':
    case 'damaged':
    case 'addressProblem':
    case 'paymentFailure':
    case 'cancelRequest':
    case 'backorder':
      return standing.action === 'wait' ? price('wait', situation, rule, policy).total : standing.expectedCost;
  }
}

/** Caps, then the kill switch. */
function overrule(asked: Asked, choice: Choice): Choice {
  const { state, exception, policy } = asked;
  let settled = choice;
  if (!choice.keeps && TRAITS[choice.action].counted && !isOfCustomer(asked.situation)) {
    const onParcel = state.subjects[exception.subject]?.actions ?? 0;
    if (onParcel >= policy.caps.perParcel || state.actions >= policy.caps.perOrder) {
      settled = { action: policy.caps.instead, why: 'capped', keeps: false };
    }
  }
  const instead = settled.keeps ? undefined : killedAs(asked, settled.action);
  return instead === undefined ? settled : { action: instead, why: 'killed', keeps: false };
}

/** What the kill switch says to do instead, if it is on: for everything and for the kind, and, given an action, for that. */
function killedAs({ policy, situation }: Asked, action: Action | undefined): 'wait' | 'escalate' | undefined {
  const { all, kinds, actions } = policy.killSwitch;
  const ofKind = all ?? kinds[situation.kind];
  if (ofKind !== undefined || action === undefined || action === 'wait' || action === 'escalate') return ofKind;
  return actions[action];
}

function candidateOf({ action, verdict, priced }: Weighed, best: Action | undefined, choice: Choice): Candidate {
  const of = (settled: Verdict): Candidate =>
    priced === undefined
      ? { action, verdict: settled }
      : {
          action,
          verdict: settled,
          expectedCost: priced.total,
          terms: priced.terms,
          works: priced.estimate.works,
          missProbability: priced.missProbability,
        };
  if (action === choice.action) return of(choice.keeps ? 'kept' : 'chosen');
  if (verdict !== undefined) return of(verdict);
  if (action !== best) return of('dearer');
  return of(choice.why === 'capped' || choice.why === 'killed' ? choice.why : 'held');
}

interface Weighing {
  readonly applied?: Applied;
  readonly candidates?: readonly Candidate[];
  readonly priced?: Priced;
  readonly passed?: readonly string[];
  readonly wrong?: readonly string[];
}

/** The action that stands, under its key. */
function keep(asked: Asked, standing: Standing, why: Why, weighing: Weighing = {}): Decision {
  const { action, actionKey, params } = standing;
  return {
    ...headOf(asked, weighing),
    rule: weighing.applied?.rule.id ?? standing.rule,
    action,
    actionKey,
    repeats: true,
    why,
    reviewAt: asked.now < standing.reviewAt ? standing.reviewAt : reviewAt(action, asked, weighing.applied?.rule),
    expectedCost: standing.expectedCost,
    spent: 0,
    params,
  };
}

function decideAnew(asked: Asked, { action, why }: Choice, weighing: Weighing = {}): Decision {
  const { exception, situation, policy } = asked;
  const { standing } = exception;
  // What is forced (a kill switch, wrong facts) and stands already is not decided a second time.
  if (standing?.action === action && !TRAITS[action].counted) return keep(asked, standing, why, weighing);
  const { priced, applied } = weighing;
  const option = situation.options[action];
  const queue = applied?.rule.params[action]?.queue ?? policy.costs.actions[action]?.queue;
  return {
    ...headOf(asked, weighing),
    rule: applied?.rule.id,
    action,
    actionKey: `${situation.orderId}/${situation.exceptionId}/${action}#${exception.decisions + 1}`,
    repeats: false,
    why,
    reviewAt: reviewAt(action, asked, applied?.rule),
    expectedCost: priced?.total,
    spent: priced?.terms.action ?? 0,
    params: {
      ...(option?.promisedAt === undefined ? {} : { promisedAt: option.promisedAt }),
      ...(queue === undefined ? {} : { queue }),
      ...(option?.detail === undefined ? {} : { detail: option.detail }),
    },
  };
}

function headOf({ situation, policy, now }: Asked, { applied, candidates = [], passed = [], wrong }: Weighing) {
  const { orderId, exceptionId, parcelId, kind } = situation;
  return {
    orderId,
    exceptionId,
    ...(parcelId === undefined ? {} : { parcelId }),
    kind,
    policyVersion: policy.version,
    decidedAt: now,
    rulesPassed: applied?.passed ?? passed,
    ...(wrong === undefined ? {} : { wrong }),
    candidates,
  };
}

function reviewAt(action: Action, { policy, now }: Asked, rule: Rule | undefined): number {
  return now + (rule?.params[action]?.reviewMs ?? policy.costs.actions[action]?.reviewMs ?? policy.reviewMs);
}
