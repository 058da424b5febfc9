// What is known about one exception at one moment: the facts its rules ask, and what could be done, with estimates.
import { z } from 'zod';
import { ACTIONS, type FactType, givenFactsOf, isNumberType, KINDS, RANGES } from './kinds.ts';
import { LIST_MAX, NAME_CHARACTERS_MAX } from './limits.ts';

const name = z.string().min(1).max(NAME_CHARACTERS_MAX);
const SHARE = `is ${RANGES.share.what}`;
const time = z.number().int().min(0);
const money = z.number().min(0);
export const share = z.number().min(0, SHARE).max(1, SHARE);

/** Estimates of one action. What is left out comes from the rule, then from the policy, then from what costs.ts takes for granted. */
export const estimateFields = {
  /** What doing it costs whether it works or not, minor units. */
  cost: money,
  /** That it does what it is meant to; for an interception that the carrier gets hold of the parcel. */
  works: share,
  /** That the promise is missed although it worked. */
  missIfWorks: share,
  /** That the promise is missed where it did not work. */
  missIfFails: share,
  /** What is given up if it works (margin, goods, revenue), minor units. */
  loss: money,
};

const option = z.strictObject({
  ...estimateFields,
  /** The new promise, for `repromise`, ms since the epoch. */
  promisedAt: time,
  /** What the order needs in order to do it (a plan, a service, a substitute SKU): passed through, never looked at. */
  detail: z.record(z.string(), z.unknown()),
});
const options = z.partialRecord(z.enum(ACTIONS), option.partial());

const situation = z.strictObject({
  orderId: name,
  exceptionId: name,
  kind: z.enum(KINDS),
  /** What it is about; without it the order itself. */
  parcelId: name.optional(),
  /** ms since the epoch. */
  openedAt: time,
  /** ms since the epoch; without it nothing is promised. */
  promisedAt: time.optional(),
  facts: z.record(z.string(), z.union([z.string().max(1_024), z.boolean(), z.number()])),
  /** What could be done. Actions that are not always possible are so only with an entry, which may be empty. */
  options: options.default({}),
  /** Actions that are possible otherwise and not here, as whoever asks knows. */
  notPossible: z
    .array(z.enum(ACTIONS).exclude(['wait', 'escalate']))
    .max(LIST_MAX)
    .default([]),
  /** Actions that were tried on this exception and did not work. */
  failed: z.array(z.enum(ACTIONS)).max(LIST_MAX).default([]),
});

export type Situation = Readonly<z.output<typeof situation>>;
export type Options = Situation['options'];
export type Estimate = { [field in keyof typeof estimateFields]: number };

/** What is wrong with a situation, each line with the place of it. */
export class SituationInvalid extends Error {
  override readonly name = 'SituationInvalid';
}

/** @throws SituationInvalid naming every place that is wrong, facts that the kind lacks and facts that it does not know included */
export function readSituation(document: unknown): Situation {
  const read = readUnjudged(document);
  const wrong = wrongFacts(read);
  if (wrong.length > 0) throw new SituationInvalid(wrong.join('\n'));
  return read;
}

/** Whatever its facts say: a decision on wrong ones is for a person. @throws SituationInvalid naming every other place that is wrong */
export function readUnjudged(document: unknown): Situation {
  const read = situation.safeParse(document);
  if (read.success) return read.data;
  throw new SituationInvalid(
    read.error.issues.map(({ path, message }) => `${path.join('.') || 'situation'}: ${message}`).join('\n'),
  );
}

/** Facts that are missing, unknown or of the wrong type, each with its place. */
export function wrongFacts({ kind, facts }: Situation): readonly string[] {
  const declared = givenFactsOf(kind);
  const wrong = declared.flatMap(([fact, { type, oneOf }]) => {
    const value = Object.hasOwn(facts, fact) ? facts[fact] : undefined;
    if (value === undefined) return [`facts.${fact}: missing`];
    if (!isOf(type, value)) return [`facts.${fact}: ${JSON.stringify(value)} is no ${type}`];
    if (oneOf !== undefined && !oneOf.includes(String(value))) {
      return [`facts.${fact}: ${JSON.stringify(value)} is none of ${oneOf.join(', ')}`];
    }
    return [];
  });
  const known = new Set(declared.map(([fact]) => fact));
  const unknown = Object.keys(facts).filter((fact) => !known.has(fact));
  return [...wrong, ...unknown.sort().map((fact) => `facts.${fact}: not known of kind ${kind}`)];
}

function isOf(type: FactType, value: string | boolean | number): boolean {
  if (!isNumberType(type)) return typeof value === (type === 'bool' ? 'boolean' : 'string');
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  // Hours may be any here: their range is what a rule can mean by them.
  if (type === 'hours') return true;
  if (type === 'int' && !Number.isSafeInteger(value)) return false;
  return value >= RANGES[type].min && value <= RANGES[type].max;
}

/** A number among the facts; 0 where there is none. */
export function numberFact({ facts }: Situation, fact: string): number {
  const value = facts[fact];
  return typeof value === 'number' ? value : 0;
}

/** What an exception is about, as the state counts it. */
export function subjectOf({
  parcelId,
  orderId,
}: {
  readonly parcelId?: string | undefined;
  readonly orderId: string;
}): string {
  return parcelId ?? orderId;
}

/** The same text for the same content, whatever the order of keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
