// How many exceptions settled themselves, by kind, and why the others did not. An exception counts only if no person touched it, what was
// decided was not undone later, and the promise that stood at the end was kept.
import type { Why } from './decision.ts';
import { KINDS, type Kind } from './kinds.ts';
import type { Window } from './replay.ts';
import type { ExceptionEvent, Outcome } from './state.ts';

/** Why an exception does not count, in the order in which the reasons are looked for: an exception has one. */
export const MISSES = [
  /** A rule left it to a person, or that was the cheapest. */
  'escalated',
  'escalated: capped',
  'escalated: kill switch',
  'escalated: nothing possible',
  'escalated: facts or conditions wrong',
  'escalated: too many decisions',
  /** A person did something, though nobody was asked to. */
  'touched by a person',
  /** It was settled before any policy decided on it. */
  'never decided',
  'reversed',
  'promise missed',
  /** Still open, or what it is about still on its way, although its promise has passed. */
  'open past its promise',
] as const;
export type Miss = (typeof MISSES)[number];

export interface KindZeroTouch {
  readonly kind: Kind | 'all';
  /** Opened within the window, and settled or past their promise. */
  readonly exceptions: number;
  /** Still open, or what they are about still on its way, their promise not passed: counted in nothing. */
  readonly pending: number;
  readonly zeroTouch: number;
  /** 0 to 1; undefined of none. */
  readonly rate: number | undefined;
  /** The same where a promise that was taken back in time counts as missed too. */
  readonly strictRate: number | undefined;
  /** What those that are counted cost, and of that those that were reversed; minor units. */
  readonly cost: number;
  readonly reversedCost: number;
  readonly misses: readonly { readonly miss: Miss; readonly count: number; readonly exceptionIds: readonly string[] }[];
}

interface Seen {
  readonly kind: Kind;
  readonly exceptionId: string;
  promisedAt: number | undefined;
  decisions: number;
  escalated: Why | undefined;
  outcome: Outcome | undefined;
}

/** By kind, those of all kinds first. Exceptions that were opened within the window; how they ended may be known from later. */
export function zeroTouch(history: readonly ExceptionEvent[], window: Window): readonly KindZeroTouch[] {
  const seen = collect(history, window);
  const end = history.reduce((latest, { at }) => Math.max(latest, at), 0);
  const judged = [...seen.values()].map((one) => ({ one, verdict: verdictOn(one, end) }));
  return [
    rateOf('all', judged),
    ...KINDS.map((kind) =>
      rateOf(
        kind,
        judged.filter(({ one }) => one.kind === kind),
      ),
    ).filter(({ exceptions, pending }) => exceptions + pending > 0),
  ];
}

function collect(history: readonly ExceptionEvent[], { from, to }: Window): ReadonlyMap<string, Seen> {
  const seen = new Map<string, Seen>();
  for (const event of history) {
    if (event.type === 'exceptionSettled') {
      const one = seen.get(`${event.orderId}/${event.exceptionId}`);
      if (one !== undefined) one.outcome = event.outcome;
      continue;
    }
    const { orderId, exceptionId, kind, promisedAt, openedAt } = event.situation;
    if (openedAt < from || openedAt >= to) continue;
    const key = `${orderId}/${exceptionId}`;
    const one = seen.get(key) ?? {
      kind,
      exceptionId: key,
      promisedAt,
      decisions: 0,
      escalated: undefined,
      outcome: undefined,
    };
    seen.set(key, one);
    one.promisedAt = promisedAt;
    if (event.type !== 'exceptionDecided') continue;
    one.decisions++;
    if (event.decision.action === 'escalate') one.escalated ??= event.decision.why;
  }
  return seen;
}

type Verdict = Miss | 'zeroTouch' | 'pending';

function verdictOn({ escalated, outcome, decisions, promisedAt }: Seen, end: number): Verdict {
  if (escalated !== undefined) return ESCALATED[escalated];
  if (outcome === undefined) return promisedAt !== undefined && promisedAt < end ? 'open past its promise' : 'pending';
  if (outcome.byPerson) return 'touched by a person';
  if (decisions === 0) return 'never decided';
  if (outcome.reversed) return 'reversed';
  if (outcome.breached) return 'promise missed';
  if (outcome.underWay === undefined) return 'zeroTouch';
  return (outcome.underWay.promisedAt ?? end) < end ? 'open past its promise' : 'pending';
}

const ESCALATED: Readonly<Record<Why, Miss>> = {
  cheapest: 'escalated',
  repeated: 'escalated',
  stillBest: 'escalated',
  dwell: 'escalated',
  margin: 'escalated',
  final: 'escalated',
  withPerson: 'escalated',
  capped: 'escalated: capped',
  killed: 'escalated: kill switch',
  nothingPossible: 'escalated: nothing possible',
  factsWrong: 'escalated: facts or conditions wrong',
  conditionFailed: 'escalated: facts or conditions wrong',
  tooMany: 'escalated: too many decisions',
};

function rateOf(
  kind: Kind | 'all',
  judged: readonly { readonly one: Seen; readonly verdict: Verdict }[],
): KindZeroTouch {
  const counted = judged.filter(({ verdict }) => verdict !== 'pending');
  const settled = counted.filter(({ verdict }) => verdict === 'zeroTouch');
  const strict = settled.filter(({ one }) => one.outcome?.firstPromiseMissed === false);
  const costOf = (some: typeof judged): number => some.reduce((sum, { one }) => sum + (one.outcome?.cost ?? 0), 0);
  const share = (of: number): number | undefined => (counted.length === 0 ? undefined : of / counted.length);
  return {
    kind,
    exceptions: counted.length,
    pending: judged.length - counted.length,
    zeroTouch: settled.length,
    rate: share(settled.length),
    strictRate: share(strict.length),
    cost: costOf(counted),
    reversedCost: costOf(counted.filter(({ one }) => one.outcome?.reversed === true)),
    misses: MISSES.map((miss) => {
      const ids = counted.filter(({ verdict }) => verdict === miss).map(({ one }) => one.exceptionId);
      return { miss, count: ids.length, exceptionIds: ids };
    }).filter(({ count }) => count > 0),
  };
}
