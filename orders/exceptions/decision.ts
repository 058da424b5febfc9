// A decision about an exception, with everything that explains it, and the sentences that say so to a person.
import type { CostTerms } from './costs.ts';
import type { Action, Kind } from './kinds.ts';

/** Why the action is the one it is. */
export type Why =
  /** Of those that are allowed and possible it is expected to cost least. */
  | 'cheapest'
  /** The same was asked before: the same answer, nothing is done again. */
  | 'repeated'
  /** What stands is kept: it is still the best. */
  | 'stillBest'
  /** What stands is kept: it has not had its time to work. */
  | 'dwell'
  /** What stands is kept: the other is not cheaper by enough. */
  | 'margin'
  /** What stands ends it: nothing follows unless it fails. */
  | 'final'
  /** A person has it. */
  | 'withPerson'
  /** As many actions were done as the policy permits. */
  | 'capped'
  /** The kill switch is on. */
  | 'killed'
  /** Nothing that the rule allows can be done. */
  | 'nothingPossible'
  /** Facts are missing or wrong, so that no rule can be asked. */
  | 'factsWrong'
  /** A condition could not be evaluated (a division by zero, say). */
  | 'conditionFailed'
  /** It was decided on too often, or the order has too many open exceptions. */
  | 'tooMany';

export type Verdict =
  | 'chosen'
  | 'dearer'
  | 'notAllowed'
  | 'notPossible'
  | 'failed'
  | 'done'
  | 'kept'
  | 'held'
  | 'capped'
  | 'killed';

export interface Candidate {
  readonly action: Action;
  readonly verdict: Verdict;
  /** Of those that could have been chosen. Minor units. */
  readonly expectedCost?: number;
  readonly terms?: CostTerms;
  /** That it works, and that the promise is missed, 0 to 1. */
  readonly works?: number;
  readonly missProbability?: number;
}

export interface Decision {
  readonly orderId: string;
  readonly exceptionId: string;
  readonly parcelId?: string;
  readonly kind: Kind;
  readonly policyVersion: string;
  /** ms since the epoch. */
  readonly decidedAt: number;
  /** The rule that applied. */
  readonly rule: string | undefined;
  /** Those before it, whose conditions did not hold. */
  readonly rulesPassed: readonly string[];
  readonly action: Action;
  /** What the action is done under: done twice under one key it has one effect. */
  readonly actionKey: string;
  /** Nothing new: the action of this key was decided before. */
  readonly repeats: boolean;
  readonly why: Why;
  /** What exactly was wrong, where something was. */
  readonly wrong?: readonly string[];
  /** When to ask again if it is not settled, ms since the epoch. */
  readonly reviewAt: number;
  /** Minor units; undefined where nothing could be weighed. */
  readonly expectedCost: number | undefined;
  /** The part of it that is spent by doing it. */
  readonly spent: number;
  readonly params: {
    readonly promisedAt?: number;
    readonly queue?: string;
    readonly detail?: Readonly<Record<string, unknown>>;
  };
  /** All twelve, in one fixed order. Empty where none was weighed. */
  readonly candidates: readonly Candidate[];
}

const WHY: Readonly<Record<Why, string>> = {
  cheapest: 'is expected to cost least of what is allowed and possible',
  repeated: 'was decided on this very situation before',
  stillBest: 'stands, and is still the best',
  dwell: 'stands, and has not had its time to work',
  margin: 'stands, and nothing else is cheaper by enough',
  final: 'stands, and ends it',
  withPerson: 'a person has it',
  capped: 'as many actions were done as the policy permits',
  killed: 'the kill switch is on',
  nothingPossible: 'nothing that the rule allows can be done',
  factsWrong: 'facts are missing or wrong',
  conditionFailed: 'a condition could not be evaluated',
  tooMany: 'it was decided on too often, or too many exceptions of the order are open',
};

const VERDICT: Readonly<Record<Verdict, string>> = {
  chosen: 'chosen',
  dearer: 'costs more',
  notAllowed: 'the rule does not allow it',
  notPossible: 'not possible here',
  failed: 'was tried and did not work',
  done: 'was done already',
  kept: 'stands',
  held: 'would cost least, but what stands is kept',
  capped: 'would cost least, but as many actions were done as are permitted',
  killed: 'would cost least, but is switched off',
};

/** Lines for a person: what was decided, and why nothing else. */
export function explain({
  action,
  kind,
  why,
  rule,
  rulesPassed,
  wrong,
  candidates,
  policyVersion,
}: Decision): readonly string[] {
  const passed = rulesPassed.length === 0 ? '' : ` (passed over: ${rulesPassed.join(', ')})`;
  return [
    `${kind}: ${action}, because: ${WHY[why]}`,
    `policy ${policyVersion}, ${rule === undefined ? 'no rule' : `rule ${rule}`}${passed}`,
    ...(wrong ?? []).map((what) => `wrong: ${what}`),
    ...candidates.map(explainCandidate),
  ];
}

/** Verdicts of what would have cost less than what was decided. */
const OVERRULED: ReadonlySet<Verdict> = new Set(['held', 'capped', 'killed']);

/** In a line: what it is expected to cost, what the next best would, and what spoke against the cheaper: `5.84 instead of wait 21.58`. */
export function explainBriefly({ action, why, expectedCost, candidates }: Decision): string {
  const others = candidates
    .filter((one) => one.action !== action && one.expectedCost !== undefined)
    .map(({ action: other, verdict, expectedCost: cost = 0 }) => ({ other, verdict, cost }))
    .sort((a, b) => a.cost - b.cost);
  const isOverruled = ({ verdict, cost }: (typeof others)[number]): boolean =>
    OVERRULED.has(verdict) && (expectedCost === undefined || cost < expectedCost);
  const next = others.find((one) => !isOverruled(one));
  const overruled = others.filter(isOverruled);
  const cost = expectedCost === undefined ? [] : [money(expectedCost)];
  const instead = next === undefined ? [] : [`instead of ${next.other} ${money(next.cost)}`];
  const because = why === 'cheapest' ? [] : [WHY[why]];
  return [
    [...cost, ...instead].join(' '),
    ...because,
    ...overruled.map(({ other, verdict, cost }) => `${other} ${money(cost)} ${VERDICT[verdict]}`),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function explainCandidate({ action, verdict, expectedCost, terms }: Candidate): string {
  const cost =
    expectedCost === undefined || terms === undefined
      ? ''
      : `: ${money(expectedCost)} = ${
          Object.entries(terms)
            .filter(([, term]) => term !== 0)
            .map(([name, term]) => `${name} ${money(term)}`)
            .join(' + ') || '0'
        }`;
  return `  ${action}${cost} (${VERDICT[verdict]})`;
}

function money(minor: number): string {
  return (minor / 100).toFixed(2);
}
