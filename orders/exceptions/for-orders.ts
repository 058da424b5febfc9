// The seam to orders: from an order's journey and one of its exceptions to a decision and the command that carries it out.
import { z } from 'zod';
import type { Settling } from '../order/settle-command.ts';
import { decideException } from './decide.ts';
import type { Decision } from './decision.ts';
import { historyOf, type JourneyEvent } from './journeys.ts';
import { type Action, type FactType, givenFactsOf, type Kind, TRAITS } from './kinds.ts';
import type { Policy } from './policy.ts';
import { type Options, readUnjudged, type Situation } from './situation.ts';
import { type ExceptionsState, evolveExceptions, NO_EXCEPTIONS } from './state.ts';

/** What is known of an exception beside its journey. */
export interface Known {
  readonly orderId: string;
  readonly exceptionId: string;
  readonly kind: Kind;
  readonly packageId?: string;
  readonly openedAt: number;
  readonly promisedAt?: number;
  /** What is known by now; what is said nowhere is 0, '' or false, or the first that it can be. */
  readonly facts: Readonly<Record<string, string | boolean | number>>;
  /** What whoever noticed it has said: facts by their names, as far as they are not known better. */
  readonly evidence?: Readonly<Record<string, unknown>>;
  /** What is to be thought where nobody has said anything. */
  readonly assumed?: Known['facts'];
  readonly options?: Options;
  readonly notPossible?: Situation['notPossible'];
  readonly failed?: readonly Action[];
}

/** What a policy has weighed: from it comes the state of the next decision, and every replay. */
interface Weighed {
  readonly situation: Situation;
  readonly decision: Decision;
}

/** The command `settle` of an order, without what every command carries. */
export interface SettleCommand extends Settling<Weighed> {
  readonly type: 'settle';
  readonly policyVersion: string;
  readonly detail: Weighed;
}

export interface Settlement {
  readonly decision: Decision;
  /** Undefined where nothing new is to be done: the decision stands, and its command was given. */
  readonly command: SettleCommand | undefined;
}

/**
 * What a processor of `settle` or `replan` calls: decides on an exception of an order by its journey. For `intercept` the carrier is asked
 * first, under `decision.actionKey`; if it cannot, call again with `intercept` among `failed`.
 * @param journey all events of the order, from the first
 * @throws SituationInvalid when what is known makes no situation
 */
export function settleException(
  journey: readonly JourneyEvent[],
  known: Known,
  policy: Policy,
  now: number,
): Settlement {
  const situation = situationFor(known);
  const decision = decideException(exceptionsOf(journey), situation, policy, now);
  // A `wait` that stands is given again: the order asks again only when it is told until when.
  const command = decision.repeats && decision.action !== 'wait' ? undefined : settleCommand(situation, decision);
  return { decision, command };
}

/** A whole situation from what is known of it, wrong facts included. @throws SituationInvalid */
export function situationFor({ packageId, evidence = {}, assumed = {}, facts, failed, ...known }: Known): Situation {
  const all = givenFactsOf(known.kind).map(([name, { type, oneOf }]) => {
    const given = facts[name] ?? evidence[name];
    const isGiven = typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean';
    return [name, isGiven ? given : (assumed[name] ?? oneOf?.at(0) ?? NEUTRAL[type])] as const;
  });
  return readUnjudged({
    ...known,
    ...(packageId === undefined ? {} : { parcelId: packageId }),
    ...(failed === undefined ? {} : { failed }),
    facts: Object.fromEntries(all),
  });
}

const NEUTRAL: Readonly<Record<FactType, string | boolean | number>> = {
  string: '',
  bool: false,
  int: 0,
  share: 0,
  money: 0,
  hours: 0,
  'list<string>': '',
};

/** What the order needs in order to do it: from the option's `detail`, fields of the command alone. */
const FROM_DETAIL = z.object({
  undated: z.literal(true).optional(),
  carrier: z.string().optional(),
  service: z.string().optional(),
  expectedAt: z.number().int().optional(),
  lineId: z.string().optional(),
  sku: z.string().optional(),
  amountMinor: z.number().int().optional(),
  refundsWorth: z.boolean().optional(),
  unitsTo: z.enum(['open', 'cancelled']).optional(),
});

function settleCommand(situation: Situation, decision: Decision): SettleCommand {
  const { exceptionId, action, rule, policyVersion, params, reviewAt } = decision;
  const given = FROM_DETAIL.safeParse(params.detail ?? {});
  // Nothing but the payment, or giving up, ends it: it is decided on again.
  const isStillUnpaid = situation.kind === 'paymentFailure' && !TRAITS[action].final;
  const isCalledOff = action === 'intercept' && given.success && given.data.unitsTo === 'cancelled';
  const notify = isCalledOff ? 'cancel' : TRAITS[action].told ? action : undefined;
  return {
    type: 'settle',
    exceptionId,
    action,
    ...(rule === undefined ? {} : { rule }),
    policyVersion,
    detail: { situation, decision },
    ...(action === 'wait' || isStillUnpaid ? { until: reviewAt } : {}),
    ...(params.promisedAt === undefined ? {} : { promisedAt: params.promisedAt }),
    ...(given.success ? withoutUndefined(given.data) : {}),
    ...(notify === undefined ? {} : { notify }),
  };
}

function withoutUndefined<T extends object>(fields: T): { [field in keyof T]: Exclude<T[field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [field in keyof T]: Exclude<T[field], undefined>;
  };
}

/** What policies have decided on an order so far. */
export function exceptionsOf(journey: readonly JourneyEvent[]): ExceptionsState {
  return historyOf(journey).reduce(evolveExceptions, NO_EXCEPTIONS);
}
