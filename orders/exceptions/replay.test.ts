// What a candidate policy would have decided otherwise over a recorded history, and how many exceptions settled themselves.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideException } from './decide.ts';
import { HistoryInvalid, readHistoryLine } from './history.ts';
import { KINDS } from './kinds.ts';
import type { Policy } from './policy.ts';
import { replayPolicy, type Window } from './replay.ts';
import { canonical, type Situation } from './situation.ts';
import { type ExceptionEvent, type ExceptionsState, evolveExceptions, NO_EXCEPTIONS, type Outcome } from './state.ts';
import { anyPolicy, anySituationOf, HOUR_MS, policyOf, situationOf, T0 } from './testing/situations.ts';
import { zeroTouch } from './zero-touch.ts';

const ALWAYS: Window = { from: 0, to: Number.MAX_SAFE_INTEGER };
const WELL: Outcome = { breached: false, firstPromiseMissed: false, reversed: false, byPerson: false, cost: 0 };
const late = { id: 'late', kind: 'lateRisk', when: 'true', allow: ['wait', 'upgrade'] };
const COSTS = { costs: { breachFixed: 1_000, breachShare: 0 } };

/** What a policy records when it decides on these, one after the other. */
function recorded(
  policy: Policy,
  steps: readonly (readonly [hours: number, situation: Situation])[],
): ExceptionEvent[] {
  const states = new Map<string, ExceptionsState>();
  return steps.map(([hours, situation]) => {
    const at = T0 + hours * HOUR_MS;
    const state = states.get(situation.orderId) ?? NO_EXCEPTIONS;
    const decision = decideException(state, situation, policy, at);
    const event = { type: 'exceptionDecided', at, situation, decision } as const;
    states.set(situation.orderId, evolveExceptions(state, event));
    return event;
  });
}

const settled = (exceptionId: string, outcome: Partial<Outcome> = {}, orderId = 'o1'): ExceptionEvent => ({
  type: 'exceptionSettled',
  at: T0 + 100 * HOUR_MS,
  orderId,
  exceptionId,
  outcome: { ...WELL, ...outcome },
});

const risky = (n: number, missProbability: number) =>
  situationOf('lateRisk', {
    orderId: `o${n}`,
    exceptionId: 'e',
    facts: { missProbability },
    options: { upgrade: { cost: 300, missIfWorks: 0 } },
  });

describe('replayPolicy', () => {
  test('given the policy that was in force, then nothing changes, whatever happened', () => {
    const course = fc.subarray([...KINDS], { minLength: 1, maxLength: 2 }).chain((kinds) =>
      fc.array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.oneof(...kinds.map(anySituationOf))), {
        minLength: 1,
        maxLength: 12,
      }),
    );
    fc.assert(
      fc.property(anyPolicy, course, (policy, steps) => {
        const inOrder = steps.map(([hours], n) => steps.slice(0, n).reduce((sum, [before]) => sum + before, hours));
        const history = recorded(
          policy,
          steps.map(([, situation], n) => [inOrder[n] as number, situation] as const),
        );
        expect(replayPolicy(policy, history, ALWAYS)).toMatchObject({ changed: 0, changes: [], notComparable: 0 });
      }),
      { numRuns: 60 },
    );
  });

  test('given a bolder policy, then it says which decisions would be others, by kind, at what cost, and how those ended', () => {
    const history = [
      ...recorded(policyOf([{ ...late, allow: ['wait'] }], COSTS), [
        [0, risky(1, 0.9)],
        [1, risky(2, 0.1)],
        [30, risky(1, 1)],
      ]),
      settled('e', { breached: true }),
    ];

    const replay = replayPolicy(policyOf([late], { ...COSTS, version: 'bold' }), history, ALWAYS);

    expect(replay).toMatchObject({ policyVersion: 'bold', orders: 2, decisions: 2, changed: 1, notComparable: 1 });
    expect(replay.kinds).toEqual([
      {
        kind: 'lateRisk',
        decisions: 2,
        changed: 1,
        notComparable: 1,
        actions: [
          { action: 'wait', recorded: 2, candidate: 1 },
          { action: 'upgrade', recorded: 0, candidate: 1 },
        ],
        expectedCost: { recorded: 0.9 * 1_500 + 0.1 * 1_500, candidate: 300 + 0.1 * 1_500 },
      },
    ]);
    expect(replay.changes).toEqual([
      expect.objectContaining({
        orderId: 'o1',
        recorded: { action: 'wait', rule: 'late', expectedCost: 1_350 },
        candidate: { action: 'upgrade', rule: 'late', expectedCost: 300 },
        outcome: { ...WELL, breached: true },
      }),
    ]);
  });

  test('given a window, then only decisions in it are compared, on top of what was recorded before it', () => {
    const capped = policyOf([late], { ...COSTS, caps: { perParcel: 1 } });
    const first = recorded(policyOf([late], COSTS), [[0, risky(1, 1)]]);
    const second = { ...risky(1, 1), exceptionId: 'e2' };
    const later = recorded(policyOf([late], COSTS), [[50, second]]);

    const replay = replayPolicy(capped, [...first, ...later], { from: T0 + HOUR_MS, to: T0 + 60 * HOUR_MS });

    expect(replay.decisions).toBe(1);
    expect(replay.changes.map(({ candidate }) => candidate.action)).toEqual(['escalate']);
  });

  test('given a history written and read again, then the replay is the same', () => {
    const history = [...recorded(policyOf([late], COSTS), [[0, risky(1, 0.9)]]), settled('e')];
    const read = history.flatMap((event) => readHistoryLine(JSON.stringify(event)));
    const policy = policyOf([{ ...late, allow: ['wait'] }], COSTS);

    expect(canonical(replayPolicy(policy, read, ALWAYS))).toBe(canonical(replayPolicy(policy, history, ALWAYS)));
  });
});

describe('readHistoryLine', () => {
  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /is no JSON/],
    ['no event', '[]', /has no type/],
    [
      'a settled one without its outcome',
      '{"type":"exceptionSettled","at":1,"orderId":"o","exceptionId":"e"}',
      /outcome/,
    ],
    ['a situation without facts', `{"type":"exceptionOpened","at":1,"situation":{}}`, /situation: .*facts/],
  ])('given %s, then it says so', (_, text, message) => {
    expect(() => readHistoryLine(text)).toThrow(HistoryInvalid);
    expect(() => readHistoryLine(text)).toThrow(message);
  });

  test('given another event, or a journey without exceptions, then it is none of them', () => {
    expect(readHistoryLine('{"type":"captured","at":1}')).toEqual([]);
    expect(readHistoryLine('{"orderId":"o1","journey":[{"type":"captured","at":1}]}')).toEqual([]);
  });
});

describe('zeroTouch', () => {
  const decided = (n: number, policy = policyOf([late], COSTS)) => recorded(policy, [[n, risky(n, 0.9)]]);
  const one = (n: number, outcome: Partial<Outcome>) => [...decided(n), settled('e', outcome, `o${n}`)];

  test('given all that can happen, then each that does not count has one reason, and those that are open are not counted', () => {
    const history = [
      ...one(1, {}),
      ...one(2, { reversed: true, breached: true }),
      ...one(3, { breached: true }),
      ...one(4, { byPerson: true }),
      ...one(5, { firstPromiseMissed: true }),
      ...decided(6, policyOf([late], { killSwitch: { all: 'escalate' } })),
      ...decided(7),
      { type: 'exceptionOpened', at: T0, situation: { ...risky(8, 0.5), promisedAt: T0 + 500 * HOUR_MS } } as const,
    ];

    const [all, lateRisk] = zeroTouch(history, ALWAYS);

    expect(all).toMatchObject({ kind: 'all', exceptions: 7, pending: 1, zeroTouch: 2, rate: 2 / 7, strictRate: 1 / 7 });
    expect(lateRisk?.misses).toEqual([
      { miss: 'escalated: kill switch', count: 1, exceptionIds: ['o6/e'] },
      { miss: 'touched by a person', count: 1, exceptionIds: ['o4/e'] },
      { miss: 'reversed', count: 1, exceptionIds: ['o2/e'] },
      { miss: 'promise missed', count: 1, exceptionIds: ['o3/e'] },
      { miss: 'open past its promise', count: 1, exceptionIds: ['o7/e'] },
    ]);
  });

  test('given an outcome that is corrected later, then the last counts', () => {
    const history = [...one(1, {}), settled('e', { reversed: true })];

    expect(zeroTouch(history, ALWAYS)[0]).toMatchObject({ zeroTouch: 0, exceptions: 1 });
  });

  test('given an exception of before the window, then it is not counted', () => {
    expect(zeroTouch(one(1, {}), { from: T0 + 1, to: T0 + 2 })[0]).toMatchObject({ exceptions: 0, rate: undefined });
  });
});
