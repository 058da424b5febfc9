// What holds for any policy and any course of situations.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideException } from './decide.ts';
import type { Decision } from './decision.ts';
import { ACTIONS, ACTIONS_OF, type Action, KINDS, TRAITS } from './kinds.ts';
import { type Policy, withKillSwitch } from './policy.ts';
import { canonical, type Situation } from './situation.ts';
import { type ExceptionsState, evolveExceptions, NO_EXCEPTIONS } from './state.ts';
import { anyPolicy, anySituationOf, HOUR_MS, T0 } from './testing/situations.ts';

/** Situations of one or two kinds one after the other, each so many hours after the one before. */
const course = fc.subarray([...KINDS], { minLength: 1, maxLength: 2 }).chain((kinds) =>
  fc.array(fc.tuple(fc.oneof(...kinds.map(anySituationOf)), fc.integer({ min: 0, max: 12 })), {
    minLength: 1,
    maxLength: 20,
  }),
);

interface Step {
  readonly before: ExceptionsState;
  readonly after: ExceptionsState;
  readonly situation: Situation;
  readonly decision: Decision;
  readonly now: number;
}

function run(policy: Policy, situations: readonly (readonly [Situation, number])[]): Step[] {
  let state = NO_EXCEPTIONS;
  let now = T0;
  return situations.map(([situation, hours]) => {
    now += hours * HOUR_MS;
    const before = state;
    const decision = decideException(state, situation, policy, now);
    state = evolveExceptions(state, { type: 'exceptionDecided', at: now, situation, decision });
    return { before, after: state, situation, decision, now };
  });
}

function holds(check: (policy: Policy, steps: readonly Step[]) => void, numRuns = 150): void {
  fc.assert(
    fc.property(anyPolicy, course, (policy, situations) => check(policy, run(policy, situations))),
    { numRuns },
  );
}

/** Keys in another order, at every depth. */
function shuffled<T>(value: T): T {
  if (Array.isArray(value)) return value.map(shuffled) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, shuffled(inner)]),
  ) as T;
}

describe('decideException', () => {
  test('given a situation again before its review, then the same action under the same key, and nothing is counted', () => {
    holds((policy, steps) => {
      for (const { after, situation, decision, now } of steps) {
        if (decision.repeats) continue;
        const again = decideException(
          after,
          shuffled(situation),
          policy,
          Math.min(now + HOUR_MS, decision.reviewAt - 1),
        );
        expect(again).toMatchObject({
          action: decision.action,
          actionKey: decision.actionKey,
          params: decision.params,
          repeats: true,
        });
        expect(evolveExceptions(after, { type: 'exceptionDecided', at: now, situation, decision: again })).toBe(after);
      }
    });
  });

  test('given keys in any order, then the decision is the same', () => {
    holds((policy, steps) => {
      for (const { before, situation, decision, now } of steps) {
        const again = decideException(shuffled(before), shuffled(situation), policy, now);
        expect(canonical(again)).toBe(canonical(decision));
      }
    });
  });

  test('given any course, then caps are never exceeded, but by what a customer cancels', () => {
    holds(({ caps }, steps) => {
      const keys = new Set<string>();
      const ofParcel = new Map<string, number>();
      for (const { decision } of steps) {
        if (decision.kind === 'cancelRequest') continue;
        if (!TRAITS[decision.action].counted || keys.has(decision.actionKey)) continue;
        keys.add(decision.actionKey);
        ofParcel.set(decision.parcelId ?? '', 1 + (ofParcel.get(decision.parcelId ?? '') ?? 0));
      }
      expect(keys.size).toBeLessThanOrEqual(caps.perOrder);
      for (const count of ofParcel.values()) expect(count).toBeLessThanOrEqual(caps.perParcel);
    });
  });

  test('given any course, then one key is never of two actions, and no action but a promise is done twice on an exception', () => {
    holds((_, steps) => {
      const actionOf = new Map<string, Action>();
      const done = new Set<string>();
      for (const { decision, situation } of steps) {
        const { action, actionKey, repeats } = decision;
        expect(actionOf.get(actionKey) ?? action).toBe(action);
        actionOf.set(actionKey, action);
        if (repeats || !TRAITS[action].counted || action === 'repromise') continue;
        const once = `${situation.exceptionId} ${action}`;
        expect(done).not.toContain(once);
        done.add(once);
      }
    });
  });

  test('given an action that has not had its time, then no other follows on that exception unless it failed or is forced', () => {
    let seen = 0;
    holds(({ hysteresis }, steps) => {
      for (const { before, situation, decision, now } of steps) {
        const standing = before.open[situation.exceptionId]?.standing;
        if (standing === undefined || !TRAITS[standing.action].counted) continue;
        if (now >= standing.at + hysteresis.dwellMs || situation.failed.includes(standing.action)) continue;
        expect(decision.actionKey).toBe(standing.actionKey);
        seen++;
      }
    });
    expect(seen).toBeGreaterThan(3);
  });

  test('given another action, then it is cheaper than what stood by the margin, or what stood may not stay', () => {
    let seen = 0;
    holds(({ hysteresis, rulesOf }, steps) => {
      for (const { before, situation, decision } of steps) {
        const standing = before.open[situation.exceptionId]?.standing;
        if (standing?.action !== 'wait' || decision.why !== 'cheapest' || decision.action === 'wait') continue;
        const rule = rulesOf[situation.kind].find(({ id }) => id === decision.rule);
        if (rule?.allow.includes('wait') !== true) continue;
        const wait = decision.candidates.find(({ action }) => action === 'wait')?.expectedCost ?? Number.NaN;
        const margin = Math.max(hysteresis.switchMargin, hysteresis.switchShare * wait);
        expect(wait - (decision.expectedCost ?? Number.NaN)).toBeGreaterThanOrEqual(margin);
        seen++;
      }
    });
    expect(seen).toBeGreaterThan(1);
  });

  test('given a kill switch, then nothing that it stops is decided, and what is configured is', () => {
    const stand = fc.constantFrom('wait', 'escalate');
    const killSwitch = fc.oneof(
      fc.record({ all: stand }),
      fc.record({ kinds: fc.dictionary(fc.constantFrom(...KINDS), stand, { minKeys: 3 }) }),
      fc.record({
        actions: fc.dictionary(
          fc.constantFrom(...ACTIONS.filter((one) => !['wait', 'escalate'].includes(one))),
          stand,
          {
            minKeys: 3,
          },
        ),
      }),
    );
    fc.assert(
      fc.property(anyPolicy, killSwitch, course, (policy, killed, situations) => {
        const switched = withKillSwitch(policy, killed as Partial<Policy['killSwitch']>);
        const { all, kinds, actions } = switched.killSwitch;
        for (const { decision, situation, before } of run(switched, situations)) {
          const stands = before.open[situation.exceptionId]?.withPerson === true && decision.repeats;
          const forced = all ?? kinds[situation.kind];
          if (forced !== undefined && !stands) expect(decision.action).toBe(forced);
          expect(Object.keys(actions)).not.toContain(decision.action);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('given any situation, then the action makes sense for its kind or is waiting or a person, and is the cheapest where cost decides', () => {
    holds((_, steps) => {
      for (const { decision } of steps) {
        expect([...ACTIONS_OF[decision.kind], 'wait', 'escalate']).toContain(decision.action);
        if (decision.why !== 'cheapest') continue;
        const others = decision.candidates.filter(({ verdict }) => verdict === 'dearer');
        for (const { expectedCost } of others) {
          expect(expectedCost).toBeGreaterThanOrEqual(decision.expectedCost ?? Number.NaN);
        }
      }
    });
  });
});
