// A policy: the document that says what is done about each kind of exception, read, checked whole, and compiled.
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { type Condition, compile } from './conditions.ts';
import { isAlways, isNever, type Reading, read, shadowedBy } from './implication.ts';
import { ACTIONS, ACTIONS_OF, type Action, KINDS, type Kind } from './kinds.ts';
import { NAME_CHARACTERS_MAX, POLICY_CHARACTERS_MAX, RULES_MAX } from './limits.ts';
import { estimateFields, share } from './situation.ts';

const money = z.number().min(0);
const durationMs = z.number().int().min(0);
const HOUR_MS = 3_600_000;

const actionParams = z
  .strictObject({
    ...estimateFields,
    /** When to look again after this action. */
    reviewMs: durationMs.min(1),
    /** Where a person finds it, for `escalate`. */
    queue: z.string().min(1).max(NAME_CHARACTERS_MAX),
  })
  .partial();
const perAction = z.partialRecord(z.enum(ACTIONS), actionParams).default({});

const costs = z.strictObject({
  /** A missed promise costs this, and this share of the value, beside the situation's `promiseValue`. */
  breachFixed: money.default(0),
  breachShare: share.default(0.1),
  /** Of all that, where the customer is told before. */
  toldShare: share.default(0.4),
  /** Of the value: what is earned by it. Given up by a cancellation. */
  marginShare: share.default(0.3),
  /** What it costs that an exception is still open after an action that did not work, beside the breach. */
  unresolved: money.default(0),
  actions: perAction,
});

const hysteresis = z.strictObject({
  /** How long an action has time to work before another one is decided on the same parcel. */
  dwellMs: durationMs.default(12 * HOUR_MS),
  /** Another action than the one that stands must be cheaper by this, minor units, and by this share of the one that stands. */
  switchMargin: money.default(0),
  switchShare: share.default(0.1),
  /** Late risk is opened at this probability of missing the promise, and closed below that. */
  openAtRisk: share.default(0.3),
  closeBelowRisk: share.default(0.15),
});

const caps = z.strictObject({
  /** Actions, waiting and escalating not counted. */
  perParcel: z.number().int().min(0).default(3),
  perOrder: z.number().int().min(0).default(6),
  instead: z.enum(['escalate', 'wait']).default('escalate'),
});

const standIn = z.enum(['escalate', 'wait']);
const KILLABLE = ACTIONS.filter((action) => action !== 'wait' && action !== 'escalate');
const killSwitch = z.strictObject({
  /** What is done instead, of everything, of a kind, of an action. Where several apply the first of these counts. */
  all: standIn.optional(),
  kinds: z.partialRecord(z.enum(KINDS), standIn).default({}),
  actions: z.partialRecord(z.enum(KILLABLE), standIn).default({}),
});

const rule = z.strictObject({
  id: z.string().min(1).max(NAME_CHARACTERS_MAX),
  kind: z.enum(KINDS),
  /** CEL. */
  when: z.string().min(1),
  /** The cheapest of these is done; of two of the same expected cost the first. */
  allow: z.array(z.enum(ACTIONS)).min(1),
  params: perAction,
});

const document = z.strictObject({
  version: z.string().min(1).max(64),
  costs: costs.prefault({}),
  hysteresis: hysteresis
    .prefault({})
    .refine(({ openAtRisk, closeBelowRisk }) => closeBelowRisk <= openAtRisk, 'closeBelowRisk is above openAtRisk'),
  caps: caps.prefault({}),
  killSwitch: killSwitch.prefault({}),
  /** When to look again where the action does not say. */
  reviewMs: durationMs.min(1).default(6 * HOUR_MS),
  rules: z.array(rule).max(RULES_MAX),
});

export type PolicyDocument = Readonly<z.output<typeof document>>;
export type KillSwitch = PolicyDocument['killSwitch'];
export type ActionParams = z.output<typeof actionParams>;
export type RuleDocument = PolicyDocument['rules'][number];

export interface Rule extends Readonly<RuleDocument> {
  readonly condition: Condition;
}

export interface Policy extends PolicyDocument {
  /** In their order. The last of each kind always applies. */
  readonly rulesOf: Readonly<Record<Kind, readonly Rule[]>>;
}

/** All that is wrong with a policy, each line with the place of it. */
export class PolicyInvalid extends Error {
  override readonly name = 'PolicyInvalid';
}

/**
 * Reads a policy from JSON or YAML.
 * @throws PolicyInvalid naming all that is wrong
 */
export function parsePolicy(text: string): Policy {
  if (text.length > POLICY_CHARACTERS_MAX) {
    throw new PolicyInvalid(`has ${text.length} characters; a policy has at most ${POLICY_CHARACTERS_MAX}`);
  }
  const parsed = parseDocument(text);
  if (parsed.errors.length > 0) throw new PolicyInvalid(parsed.errors.map(({ message }) => message).join('\n'));
  try {
    return readPolicy(parsed.toJS());
  } catch (error) {
    // What toJS refuses: aliases that would grow without bound.
    throw error instanceof ReferenceError ? new PolicyInvalid(error.message) : error;
  }
}

/** @throws PolicyInvalid naming all that is wrong: fields, conditions, rules that are never reached, kinds without a rule that always applies */
export function readPolicy(given: unknown): Policy {
  const shape = document.safeParse(given);
  const wrong = shape.success
    ? []
    : shape.error.issues.map(({ path, message }) => `${placeOf(path, given)}: ${message}`);
  // Rules that are whole are checked also where something else is not.
  const { rules, places } = shape.success
    ? { rules: shape.data.rules, places: shape.data.rules.map((_, n) => n) }
    : readableRules(given);
  const compiled = rules.map((one, n) => checkRule(one, places[n] ?? n, wrong));
  if (!shape.success) checkOtherConditions(given, places, wrong);
  checkIds(rules, places, wrong);
  const rulesOf = Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      checkKind(
        kind,
        compiled.filter((one) => one.rule.kind === kind),
        wrong,
      ),
    ]),
  ) as Record<Kind, readonly Rule[]>;
  if (wrong.length > 0 || !shape.success) throw new PolicyInvalid(wrong.join('\n'));
  return { ...shape.data, rulesOf };
}

/** The same policy under a kill switch that is set while it runs. */
export function withKillSwitch(policy: Policy, killSwitch: Partial<KillSwitch>): Policy {
  return { ...policy, killSwitch: { ...policy.killSwitch, ...killSwitch } };
}

/** `rules.3 (late-early).when`: a rule by its id too, where it has one. */
function placeOf(path: readonly PropertyKey[], given: unknown): string {
  if (path.length === 0) return 'policy';
  const [first, index, ...rest] = path;
  if (first !== 'rules' || typeof index !== 'number') return path.join('.');
  const { id } = ((given as { readonly rules: readonly unknown[] }).rules[index] ?? {}) as { readonly id?: unknown };
  const named = typeof id === 'string' && id !== '' ? ` (${id.slice(0, NAME_CHARACTERS_MAX)})` : '';
  return [`rules.${index}${named}`, ...rest].join('.');
}

interface CheckedRule {
  readonly rule: RuleDocument;
  readonly place: string;
  readonly condition: Condition | undefined;
  readonly reading: Reading;
}

/** Says nothing about itself, so that a condition that cannot be read is reported once. */
const UNREADABLE: Reading = { alternatives: undefined };

function rulesIn(given: unknown): readonly unknown[] {
  const all = typeof given === 'object' && given !== null && 'rules' in given ? given.rules : undefined;
  return Array.isArray(all) ? all.slice(0, RULES_MAX) : [];
}

function readableRules(given: unknown): { rules: RuleDocument[]; places: number[] } {
  const read = rulesIn(given).map((one, place) => ({ ...rule.safeParse(one), place }));
  const whole = read.filter((one) => one.success);
  return {
    rules: whole.flatMap(({ data }) => (data === undefined ? [] : [data])),
    places: whole.map(({ place }) => place),
  };
}

const conditioned = z.object({ kind: rule.shape.kind, when: rule.shape.when });

/** Of rules that are not whole: what is wrong besides with their conditions. */
function checkOtherConditions(given: unknown, whole: readonly number[], wrong: string[]): void {
  for (const [n, one] of rulesIn(given).entries()) {
    const { data } = conditioned.safeParse(one);
    if (data === undefined || whole.includes(n)) continue;
    for (const what of compile(data.kind, data.when).wrong ?? []) {
      wrong.push(`${placeOf(['rules', n], given)}: when: ${what}`);
    }
  }
}

function checkRule(one: RuleDocument, index: number, wrong: string[]): CheckedRule {
  const place = `rules.${index} (${one.id})`;
  for (const action of new Set(one.allow)) {
    if (!ACTIONS_OF[one.kind].includes(action)) {
      wrong.push(`${place}: ${action} makes no sense for ${one.kind}; there are ${ACTIONS_OF[one.kind].join(', ')}`);
    }
  }
  if (new Set(one.allow).size < one.allow.length) wrong.push(`${place}: allows an action twice`);
  for (const action of Object.keys(one.params) as Action[]) {
    if (!one.allow.includes(action)) wrong.push(`${place}: has params for ${action}, which it does not allow`);
  }
  const { condition, wrong: inCondition } = compile(one.kind, one.when);
  for (const what of inCondition ?? []) wrong.push(`${place}: when: ${what}`);
  return { rule: one, place, condition, reading: condition === undefined ? UNREADABLE : read(condition.ast) };
}

function checkIds(rules: readonly RuleDocument[], places: readonly number[], wrong: string[]): void {
  const seen = new Map<string, number>();
  for (const [n, { id }] of rules.entries()) {
    const place = places[n] ?? n;
    const before = seen.get(id);
    if (before !== undefined) wrong.push(`rules.${place} (${id}): rules.${before} has the same id`);
    else seen.set(id, place);
  }
}

function checkKind(kind: Kind, rules: readonly CheckedRule[], wrong: string[]): readonly Rule[] {
  for (const [n, { place, reading, rule: one }] of rules.entries()) {
    if (isNever(reading)) {
      wrong.push(`${place}: is never reached: its condition never holds`);
      continue;
    }
    const by = shadowedBy(
      reading,
      rules.slice(0, n).map((before) => before.reading),
    );
    if (by === undefined) continue;
    const ids = by.map((index) => rules[index]?.rule.id).join(' and ');
    wrong.push(`${place}: is never reached: wherever \`${one.when}\` holds, ${ids} holds before it`);
  }
  if (!rules.some(({ reading }) => isAlways(reading))) {
    wrong.push(`kind ${kind}: has no rule that always applies; end its rules with one whose condition is true`);
  }
  return rules.flatMap(({ rule: one, condition }) => (condition === undefined ? [] : [{ ...one, condition }]));
}
