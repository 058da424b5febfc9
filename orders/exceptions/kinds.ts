// What may be done about each kind of exception, and what its rules can ask about it. All tables are total: a new kind or
// action without its row does not compile.

import { ACTIONS, type Action, EXCEPTION_KINDS as KINDS, type ExceptionKind as Kind } from '../order/kinds.ts';

export { ACTIONS, type Action, KINDS, type Kind };

/**
 * `always`: possible in every situation that does not say otherwise. `offered`: possible where the situation has an option for it, with what it would cost and
 * how likely it is to work.
 */
type Availability = 'always' | 'offered';

interface ActionTraits {
  readonly availability: Availability;
  /** Counts toward the caps: something is done to the order. */
  readonly counted: boolean;
  /** Nothing is decided after it, unless it fails. */
  readonly final: boolean;
  /** The customer hears of it before the promise is broken. */
  readonly told: boolean;
}

export const TRAITS: Readonly<Record<Action, ActionTraits>> = {
  wait: { availability: 'always', counted: false, final: false, told: false },
  repromise: { availability: 'offered', counted: true, final: false, told: true },
  reroute: { availability: 'offered', counted: true, final: false, told: false },
  upgrade: { availability: 'offered', counted: true, final: false, told: false },
  split: { availability: 'offered', counted: true, final: false, told: false },
  resource: { availability: 'offered', counted: true, final: false, told: false },
  substitute: { availability: 'offered', counted: true, final: false, told: false },
  intercept: { availability: 'offered', counted: true, final: false, told: false },
  reship: { availability: 'offered', counted: true, final: false, told: false },
  cancel: { availability: 'always', counted: true, final: true, told: true },
  refund: { availability: 'always', counted: true, final: true, told: true },
  escalate: { availability: 'always', counted: false, final: true, told: false },
};

/** What makes sense about each kind; a rule that allows anything else is refused. */
export const ACTIONS_OF: Readonly<Record<Kind, readonly Action[]>> = {
  shortPick: ['wait', 'repromise', 'split', 'resource', 'substitute', 'cancel', 'escalate'],
  rejection: ['wait', 'repromise', 'reroute', 'split', 'resource', 'substitute', 'cancel', 'escalate'],
  damaged: ['repromise', 'resource', 'substitute', 'intercept', 'reship', 'cancel', 'refund', 'escalate'],
  addressProblem: ['wait', 'repromise', 'reroute', 'intercept', 'reship', 'cancel', 'refund', 'escalate'],
  lostParcel: ['wait', 'repromise', 'reroute', 'intercept', 'reship', 'refund', 'escalate'],
  stuckParcel: ['wait', 'repromise', 'reroute', 'intercept', 'reship', 'refund', 'escalate'],
  carrierOutage: ['wait', 'repromise', 'reroute', 'upgrade', 'resource', 'cancel', 'escalate'],
  lateRisk: [
    'wait',
    'repromise',
    'reroute',
    'upgrade',
    'split',
    'resource',
    'intercept',
    'reship',
    'cancel',
    'escalate',
  ],
  paymentFailure: ['wait', 'repromise', 'intercept', 'cancel', 'escalate'],
  cancelRequest: ['wait', 'intercept', 'cancel', 'refund', 'escalate'],
  backorder: ['wait', 'repromise', 'split', 'resource', 'substitute', 'cancel', 'escalate'],
};

/** `share` is 0 to 1, `money` in minor units, `hours` may be parts; all three are a double in CEL. */
export type FactType = 'string' | 'bool' | 'int' | 'share' | 'money' | 'hours' | 'list<string>';
export type NumberType = 'int' | 'share' | 'money' | 'hours';

/** What a number of each type can be. `hours` are bounded by what is plausible: what is beyond a century is of another unit. */
export const RANGES: Readonly<
  Record<NumberType, { readonly min: number; readonly max: number; readonly what: string }>
> = {
  int: { min: 0, max: Number.POSITIVE_INFINITY, what: 'a count, from 0 on' },
  share: { min: 0, max: 1, what: 'a share, from 0 to 1' },
  money: { min: 0, max: Number.POSITIVE_INFINITY, what: 'money in minor units, from 0 on' },
  hours: { min: -1_000_000, max: 1_000_000, what: 'in hours, 1,000,000 at most' },
};

export function isNumberType(type: FactType): type is NumberType {
  return Object.hasOwn(RANGES, type);
}

interface Fact {
  readonly type: FactType;
  /** All values there are, of a list those that can be in it: a rule that compares with another one is refused. */
  readonly oneOf?: readonly string[];
  readonly what: string;
}

/** Of a parcel that the carrier no longer sees, and of one that it has lost. */
const UNSEEN = {
  carrier: { type: 'string', what: 'who has it' },
  hoursSinceScan: { type: 'hours', what: 'since the carrier last saw it' },
  lostProbability: { type: 'share', what: 'that it will never arrive' },
} as const satisfies Record<string, Fact>;

export const STAGES = ['captured', 'released', 'picked', 'handedOver'] as const;

/** What every rule can ask. */
export const COMMON_FACTS = {
  missProbability: {
    type: 'share',
    what: 'that the promise is missed if nothing is done; 0 where nothing is promised',
  },
  orderValue: { type: 'money', what: 'value of the order' },
  value: { type: 'money', what: 'value of what the exception is about: a parcel, a line, or the order' },
  promiseValue: { type: 'money', what: 'what keeping the promise is worth with this customer, beside the goods' },
  customerTier: {
    type: 'string',
    what: 'as the attribute `customerTier` of the order has it; empty where it has none',
  },
  channel: { type: 'string', what: 'as the order has it' },
  country: { type: 'string', what: 'of the destination; empty where it is not known' },
  stage: { type: 'string', oneOf: STAGES, what: 'how far the parcel has come' },
} as const satisfies Record<string, Fact>;

/** What is worked out for every rule from the situation, the state and the time. */
export const DERIVED_FACTS = {
  hoursOpen: { type: 'hours', what: 'since the exception was opened' },
  hoursToPromise: { type: 'hours', what: 'until the promise; below 0 past it, 1,000,000 where nothing is promised' },
  actionsOnParcel: { type: 'int', what: 'done on this parcel so far, waiting and escalating not counted' },
  actionsOnOrder: { type: 'int', what: 'done on the order so far' },
  available: { type: 'list<string>', oneOf: ACTIONS, what: 'actions that are possible here' },
  failed: {
    type: 'list<string>',
    oneOf: ACTIONS,
    what: 'actions that were tried on this exception and did not work',
  },
} as const satisfies Record<string, Fact>;

/** What rules of one kind can ask besides. */
export const FACTS_OF = {
  shortPick: {
    node: { type: 'string', what: 'where it happened' },
    sku: { type: 'string', what: 'what was short' },
    qtyShort: { type: 'int', what: 'units that were not found' },
    qtyOrdered: { type: 'int', what: 'units of the line' },
  },
  rejection: {
    node: { type: 'string', what: 'that rejected' },
    reason: {
      type: 'string',
      oneOf: ['noStock', 'noCapacity', 'closed', 'restricted', 'other'],
      what: 'why, as the node said',
    },
    rejections: { type: 'int', what: 'nodes that have rejected this so far' },
  },
  damaged: {
    where: { type: 'string', oneOf: ['node', 'transit', 'customer'], what: 'where it was found' },
    qtyDamaged: { type: 'int', what: 'units' },
    photos: { type: 'bool', what: 'there is proof of it' },
  },
  addressProblem: {
    problem: {
      type: 'string',
      oneOf: ['incomplete', 'undeliverable', 'refused', 'restricted', 'changed'],
      what: 'what is wrong (changed: it goes to where the customer was before)',
    },
    correctionConfidence: { type: 'share', what: 'that the proposed correction is right; 0 without one' },
    customerAnswered: { type: 'bool', what: 'the customer has confirmed or corrected it' },
  },
  lostParcel: UNSEEN,
  stuckParcel: UNSEEN,
  carrierOutage: {
    carrier: { type: 'string', what: 'that does not answer' },
    expectedHours: { type: 'hours', what: 'until it is over, as far as is known' },
  },
  lateRisk: {
    carrier: { type: 'string', what: 'who has it, or is to have it' },
    service: { type: 'string', what: 'of the carrier' },
    hoursLate: { type: 'hours', what: 'by which it is expected to be late; below 0 early' },
  },
  paymentFailure: {
    reason: {
      type: 'string',
      oneOf: ['insufficientFunds', 'expired', 'declined', 'fraudSuspected', 'technical'],
      what: 'as the provider said',
    },
    attempts: { type: 'int', what: 'made so far' },
    retrySuccess: { type: 'share', what: 'that another attempt works' },
  },
  cancelRequest: {
    reason: {
      type: 'string',
      oneOf: ['changedMind', 'tooLate', 'mistake', 'fraud', 'other', 'notPaid'],
      what: 'as the customer said (notPaid: the order was given up unpaid)',
    },
    cancelSuccess: { type: 'share', what: 'that it can still be stopped without the carrier' },
  },
  backorder: {
    qtyShort: { type: 'int', what: 'units that could not be had anywhere' },
    qtyOrdered: { type: 'int', what: 'units of the lines' },
    hoursToSupply: { type: 'hours', what: 'until what is on its way is there; 1,000,000 where nothing is' },
  },
} as const satisfies Record<Kind, Record<string, Fact>>;

/** Names and types of all that rules of a kind can ask, in one fixed order. */
export function factsOf(kind: Kind): readonly (readonly [name: string, fact: Fact])[] {
  return [...givenFactsOf(kind), ...Object.entries<Fact>(DERIVED_FACTS)];
}

/** Those that a situation has to give. */
export function givenFactsOf(kind: Kind): readonly (readonly [name: string, fact: Fact])[] {
  return [...Object.entries<Fact>(COMMON_FACTS), ...Object.entries<Fact>(FACTS_OF[kind])];
}
