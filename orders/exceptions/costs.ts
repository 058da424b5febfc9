// What each action is expected to cost in a situation, term by term, in minor units of the currency.
import { type Action, type Kind, TRAITS } from './kinds.ts';
import type { ActionParams, Policy, RuleDocument } from './policy.ts';
import { type Estimate, numberFact, type Situation } from './situation.ts';

export interface CostTerms {
  /** Of doing it, whether it works or not. */
  readonly action: number;
  /** Probability of missing the promise, times what that costs the seller. */
  readonly breach: number;
  /** The same probability, times what the promise is worth with this customer. */
  readonly promise: number;
  /** Probability that it works, times what is then given up. */
  readonly loss: number;
  /** Probability that it does not work, times what it costs that the exception is still open. */
  readonly unresolved: number;
}

export interface Priced {
  readonly estimate: Estimate;
  /** Of missing the promise, where the customer is told counted in full. */
  readonly missProbability: number;
  readonly terms: CostTerms;
  readonly total: number;
}

/** The expected cost of an action. Whether it may be done, and can be, is not looked at. */
export function price(action: Action, situation: Situation, rule: RuleDocument | undefined, policy: Policy): Priced {
  const estimate = estimateOf(action, situation, rule, policy);
  const { costs } = policy;
  const { works, missIfWorks, missIfFails } = estimate;
  const missProbability = works * missIfWorks + (1 - works) * missIfFails;
  // A promise that is taken back costs a part for certain, and the rest if the new one is missed as well.
  const broken = isTold(action, situation.kind)
    ? costs.toldShare + (1 - costs.toldShare) * missProbability
    : missProbability;
  const terms = {
    action: estimate.cost,
    breach: broken * breachCost(situation, policy),
    promise: situation.promisedAt === undefined ? 0 : broken * numberFact(situation, 'promiseValue'),
    loss: works * estimate.loss,
    unresolved: (1 - works) * (costs.unresolved + owedIfFails(action, situation)),
  };
  return {
    estimate,
    missProbability,
    terms,
    total: terms.action + terms.breach + terms.promise + terms.loss + terms.unresolved,
  };
}

/** A parcel that turns out to be lost while nothing is done about it is paid back, or sent again, in the end. */
function owedIfFails(action: Action, situation: Situation): number {
  const isLeft = action === 'wait' || action === 'repromise';
  return isLeft && mayBeLost(situation) ? numberFact(situation, 'value') : 0;
}

function mayBeLost({ kind }: Situation): boolean {
  return kind === 'lostParcel' || kind === 'stuckParcel';
}

function breachCost(situation: Situation, { costs }: Policy): number {
  return situation.promisedAt === undefined
    ? 0
    : costs.breachFixed + costs.breachShare * numberFact(situation, 'value');
}

/** Who asked for a cancellation is not disappointed by it. */
function isTold(action: Action, kind: Kind): boolean {
  return TRAITS[action].told && kind !== 'cancelRequest';
}

/** The situation knows best, then the rule, then the policy. */
function estimateOf(action: Action, situation: Situation, rule: RuleDocument | undefined, policy: Policy): Estimate {
  const { [action]: option = {} } = situation.options;
  const ofRule: ActionParams = rule?.params[action] ?? {};
  const ofPolicy: ActionParams = policy.costs.actions[action] ?? {};
  const otherwise = defaultsOf(action, situation, policy);
  const pick = (field: keyof Estimate): number => option[field] ?? ofRule[field] ?? ofPolicy[field] ?? otherwise[field];
  return {
    cost: pick('cost'),
    works: pick('works'),
    missIfWorks: pick('missIfWorks'),
    missIfFails: pick('missIfFails'),
    loss: pick('loss'),
  };
}

function defaultsOf(action: Action, situation: Situation, { costs }: Policy): Estimate {
  const untouched = numberFact(situation, 'missProbability');
  const value = numberFact(situation, 'value');
  const base = { cost: 0, works: 1, missIfWorks: 0, missIfFails: untouched, loss: 0 };
  switch (action) {
    case 'wait':
      return { ...base, works: settlesByItself(situation), missIfWorks: untouched, missIfFails: 1 };
    case 'escalate':
      // A person takes it up: what an open exception costs.
      return { ...base, cost: costs.unresolved, missIfWorks: untouched };
    case 'cancel':
      return {
        ...base,
        works: situation.kind === 'cancelRequest' ? numberFact(situation, 'cancelSuccess') : 1,
        loss: situation.kind === 'cancelRequest' ? 0 : costs.marginShare * value,
      };
    case 'refund':
      return { ...base, loss: value };
    case 'repromise':
      // A lost one does not come by any day.
      return mayBeLost(situation) ? { ...base, works: settlesByItself(situation), missIfFails: 1 } : base;
    case 'reroute':
    case 'upgrade':
    case 'split':
    case 'resource':
    case 'substitute':
    case 'intercept':
    case 'reship':
      return base;
  }
}

/** Probability that the exception ends without anything being done. */
function settlesByItself(situation: Situation): number {
  switch (situation.kind) {
    case 'lateRisk':
    case 'carrierOutage':
      return 1;
    case 'lostParcel':
    case 'stuckParcel':
      return 1 - numberFact(situation, 'lostProbability');
    case 'paymentFailure':
      return numberFact(situation, 'retrySuccess');
    case 'shortPick':
    case 'rejection':
    case 'damaged':
    case 'addressProblem':
    case 'cancelRequest':
    case 'backorder':
      return 0;
  }
}
