// The seam to orders: from an order's journey and one of its exceptions to a decision and the command that carries it out, and from
// journeys to the history that policies are replayed over. Knows the order's events and its command `settle` by their shape alone.
import { z } from 'zod';
import { decideException } from './decide.ts';
import type { Decision } from './decision.ts';
import { ACTIONS, type Action, type FactType, givenFactsOf, KINDS, type Kind, TRAITS } from './kinds.ts';
import type { Policy } from './policy.ts';
import { type Options, readSituation, type Situation, SituationInvalid } from './situation.ts';
import { type ExceptionEvent, type ExceptionsState, evolveExceptions, NO_EXCEPTIONS } from './state.ts';

/** An event of an order's journey, as getOrder gives it. */
export interface JourneyEvent {
  readonly type: string;
  /** ms since the epoch. */
  readonly at: number;
}

/** What is known of an exception beside its journey. */
export interface Known {
  readonly orderId: string;
  readonly exceptionId: string;
  readonly kind: Kind;
  readonly packageId?: string;
  readonly openedAt: number;
  readonly promisedAt?: number;
  /** The facts that every kind has; what is left out is 0, '' or false, and `captured`. */
  readonly facts: Readonly<Record<string, string | boolean | number>>;
  /** What whoever noticed it has said; facts of its kind are taken from it where they have their name and type. */
  readonly evidence?: Readonly<Record<string, unknown>>;
  readonly options?: Options;
  readonly failed?: readonly Action[];
}

/** The command `settle` of an order, without what every command carries. */
export interface SettleCommand {
  readonly type: 'settle';
  readonly exceptionId: string;
  readonly action: Action;
  readonly rule?: string;
  readonly policyVersion: string;
  /** The decision and its situation, for the journey: from it comes the state of the next one, and every replay. */
  readonly detail: { readonly situation: Situation; readonly decision: Decision };
  readonly until?: number;
  readonly promisedAt?: number;
  readonly carrier?: string;
  readonly service?: string;
  readonly expectedAt?: number;
  readonly lineId?: string;
  readonly sku?: string;
  readonly amountMinor?: number;
  readonly unitsTo?: 'open' | 'cancelled';
  /** What the customer is told. */
  readonly notify?: string;
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

/** A whole situation from what is known of it. @throws SituationInvalid */
export function situationFor({ packageId, evidence = {}, facts, failed, ...known }: Known): Situation {
  const all = givenFactsOf(known.kind).map(([name, { type, oneOf }]) => {
    const given = facts[name] ?? evidence[name];
    const isGiven = typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean';
    return [name, isGiven ? given : (oneOf?.at(0) ?? NEUTRAL[type])] as const;
  });
  return readSituation({
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
  carrier: z.string().optional(),
  service: z.string().optional(),
  expectedAt: z.number().int().optional(),
  lineId: z.string().optional(),
  sku: z.string().optional(),
  amountMinor: z.number().int().optional(),
  unitsTo: z.enum(['open', 'cancelled']).optional(),
});

function settleCommand(situation: Situation, decision: Decision): SettleCommand {
  const { exceptionId, action, rule, policyVersion, params, reviewAt } = decision;
  const given = FROM_DETAIL.safeParse(params.detail ?? {});
  const notify = TRAITS[action].told ? action : undefined;
  return {
    type: 'settle',
    exceptionId,
    action,
    ...(rule === undefined ? {} : { rule }),
    policyVersion,
    detail: { situation, decision },
    ...(action === 'wait' ? { until: reviewAt } : {}),
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

const decided = z.looseObject({
  exceptionId: z.string(),
  outcome: z.enum(['SETTLED', 'OPEN', 'ESCALATED']),
  detail: z.looseObject({
    situation: z.unknown(),
    decision: z.looseObject({ action: z.enum(ACTIONS), kind: z.enum(KINDS) }),
  }),
});
const promise = z.looseObject({ promisedAt: z.number() });
const delivery = z.looseObject({ packageId: z.string(), deliveredAt: z.number() });
const byPerson = z.looseObject({ exceptionId: z.string(), cause: z.string() });

/**
 * The history of an order's exceptions, from its journey: those that a policy decided on. An exception is settled when the order says so; how it
 * ended is known once its parcel is delivered. An exception that ended by itself before any policy was asked is none of them.
 */
export function historyOf(journey: readonly JourneyEvent[]): readonly ExceptionEvent[] {
  const history: ExceptionEvent[] = [];
  const seen = new Map<string, Situation>();
  const touched = new Set<string>();
  let promisedAt: number | undefined;
  for (const event of journey) {
    if (event.type === 'repromised') promisedAt = promise.safeParse(event).data?.promisedAt ?? promisedAt;
    if (event.type === 'delivered') {
      const about = delivery.safeParse(event).data;
      if (about !== undefined) history.push(...arrived(about, event.at, { seen, touched, promisedAt }));
    }
    if (event.type !== 'exceptionDecided') continue;
    const read = decided.safeParse(event).data;
    const situation = read === undefined ? undefined : recordedSituation(read.detail.situation);
    if (read === undefined || situation === undefined) {
      // Decided by somebody else: a client, that is a person, or the order itself.
      const other = byPerson.safeParse(event).data;
      if (other?.cause.startsWith('client') === true) touched.add(other.exceptionId);
      continue;
    }
    seen.set(situation.exceptionId, situation);
    const decision = read.detail.decision as unknown as Decision;
    history.push({ type: 'exceptionDecided', at: event.at, situation, decision });
    if (read.outcome === 'SETTLED') history.push(settledAt(event.at, situation, { breached: false, touched }));
  }
  return history;
}

interface Ended {
  readonly seen: ReadonlyMap<string, Situation>;
  readonly touched: ReadonlySet<string>;
  readonly promisedAt: number | undefined;
}

/** Outcomes of what was about a parcel that has arrived. */
function arrived(
  { packageId, deliveredAt }: { packageId: string; deliveredAt: number },
  at: number,
  { seen, touched, promisedAt }: Ended,
): ExceptionEvent[] {
  return [...seen.values()]
    .filter(({ parcelId }) => parcelId === packageId)
    .map((situation) => {
      const promised = promisedAt ?? situation.promisedAt;
      const outcome = { breached: promised !== undefined && deliveredAt > promised, touched, deliveredAt };
      return settledAt(at, situation, outcome);
    });
}

function settledAt(
  at: number,
  { orderId, exceptionId, promisedAt }: Situation,
  { breached, touched, deliveredAt }: { breached: boolean; touched: ReadonlySet<string>; deliveredAt?: number },
): ExceptionEvent {
  return {
    type: 'exceptionSettled',
    at,
    orderId,
    exceptionId,
    outcome: {
      breached,
      firstPromiseMissed:
        breached || (promisedAt !== undefined && deliveredAt !== undefined && deliveredAt > promisedAt),
      reversed: false,
      byPerson: touched.has(exceptionId),
      cost: 0,
    },
  };
}

function recordedSituation(given: unknown): Situation | undefined {
  try {
    return readSituation(given);
  } catch (error) {
    if (error instanceof SituationInvalid) return undefined;
    throw error;
  }
}
