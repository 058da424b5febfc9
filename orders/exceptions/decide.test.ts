// Decisions by example: what costs least, what overrules cost, and how a decision is explained.
import { describe, expect, test } from 'vitest';
import { decideException, isLateRisk } from './decide.ts';
import type { Decision } from './decision.ts';
import { explain } from './decision.ts';
import type { Policy } from './policy.ts';
import { readSituation, type Situation, SituationInvalid } from './situation.ts';
import { type ExceptionsState, evolveExceptions, NO_EXCEPTIONS } from './state.ts';
import { HOUR_MS, policyOf, situationOf, T0 } from './testing/situations.ts';

const COSTS = { costs: { breachFixed: 1_000, breachShare: 0, unresolved: 400 } };
const anyLate = { id: 'late', kind: 'lateRisk', when: 'true', allow: ['wait', 'upgrade', 'reship'] };
/** A miss costs 10 and 5 more with this customer. */
const late = (missProbability: number, rest: Partial<Situation> = {}) =>
  situationOf('lateRisk', {
    ...rest,
    options: { upgrade: { cost: 300, missIfWorks: 0.1 }, reship: { cost: 900, missIfWorks: 0 }, ...rest.options },
    facts: { missProbability, ...rest.facts },
  });

function after(state: ExceptionsState, situation: Situation, decision: Decision): ExceptionsState {
  return evolveExceptions(state, { type: 'exceptionDecided', at: decision.decidedAt, situation, decision });
}

/** Decides and records, so many hours after T0. */
function decideAll(policy: Policy, steps: readonly (readonly [hours: number, situation: Situation])[]): Decision[] {
  let state = NO_EXCEPTIONS;
  return steps.map(([hours, situation]) => {
    const decision = decideException(state, situation, policy, T0 + hours * HOUR_MS);
    state = after(state, situation, decision);
    return decision;
  });
}

describe('a decision by expected cost', () => {
  const policy = policyOf([anyLate], COSTS);

  test('given little risk, then waiting is cheapest, and every other says what it would cost', () => {
    const decision = decideException(NO_EXCEPTIONS, late(0.2), policy, T0);

    expect(decision).toMatchObject({ action: 'wait', why: 'cheapest', rule: 'late', repeats: false });
    expect(decision.expectedCost).toBeCloseTo(0.2 * 1_500);
    expect(decision.candidates.map(({ action, verdict }) => [action, verdict])).toContainEqual(['upgrade', 'dearer']);
    const upgrade = decision.candidates.find(({ action }) => action === 'upgrade');
    expect(upgrade?.terms).toEqual({ action: 300, breach: 100, promise: 50, loss: 0, unresolved: 0 });
  });

  test('given much risk, then what averts it is cheapest, under a key of its own', () => {
    const decision = decideException(NO_EXCEPTIONS, late(0.9), policy, T0);

    expect(decision).toMatchObject({ action: 'upgrade', actionKey: 'o1/e1/upgrade#1', spent: 300 });
  });

  test('given an interception that may fail, then its failure is part of the cost', () => {
    const cancel = { id: 'c', kind: 'cancelRequest', when: 'true', allow: ['intercept', 'refund'] };
    const asked = (works: number) =>
      decideException(
        NO_EXCEPTIONS,
        situationOf('cancelRequest', {
          facts: { missProbability: 0, value: 700 },
          options: { intercept: { cost: 200, works } },
        }),
        policyOf([cancel], COSTS),
        T0,
      );

    expect(asked(0.9).action).toBe('intercept');
    expect(asked(0.9).candidates.find(({ action }) => action === 'intercept')?.terms?.unresolved).toBeCloseTo(40);
    expect(asked(0.1)).toMatchObject({ action: 'intercept', why: 'cheapest' });
    expect(asked(0.1).expectedCost).toBeCloseTo(200 + 0.9 * 400);
  });

  test('given a parcel that may be lost, then waiting and a new promise have its value to lose, and what is lost is paid back', () => {
    const stuck = { id: 's', kind: 'stuckParcel', when: 'true', allow: ['wait', 'repromise', 'refund'] };
    const asked = (lost: number) =>
      decideException(
        NO_EXCEPTIONS,
        situationOf('stuckParcel', {
          facts: { missProbability: 1, lostProbability: lost, value: 8_000 },
          options: { repromise: { promisedAt: T0 + 200 * HOUR_MS } },
        }),
        policyOf([stuck], COSTS),
        T0,
      );
    const repromise = asked(0.2).candidates.find(({ action }) => action === 'repromise');

    expect(asked(0.2).action).toBe('repromise');
    expect(repromise).toMatchObject({ works: 0.8, missProbability: expect.closeTo(0.2) });
    expect(repromise?.terms?.unresolved).toBeCloseTo(0.2 * (400 + 8_000));
    expect(asked(0.95).action).toBe('refund');
  });

  test('given two of one cost, then the first that the rule allows', () => {
    const both = { upgrade: { cost: 10, missIfWorks: 0 }, reship: { cost: 10, missIfWorks: 0 } };
    const of = (allow: string[]) =>
      decideException(NO_EXCEPTIONS, late(1, { options: both }), policyOf([{ ...anyLate, allow }], COSTS), T0).action;

    expect(of(['upgrade', 'reship'])).toBe('upgrade');
    expect(of(['reship', 'upgrade'])).toBe('reship');
  });

  test('given an action without an option, one that failed and one that is not allowed, then each says so', () => {
    const situation = late(1, { failed: ['upgrade'], options: { reroute: {} } });
    const verdicts = Object.fromEntries(
      decideException(NO_EXCEPTIONS, situation, policy, T0).candidates.map(({ action, verdict }) => [action, verdict]),
    );

    expect(verdicts).toMatchObject({ upgrade: 'failed', reroute: 'notAllowed', split: 'notAllowed', reship: 'chosen' });
    const without = situationOf('lateRisk', { options: {}, facts: { missProbability: 1 } });
    expect(decideException(NO_EXCEPTIONS, without, policy, T0).candidates).toContainEqual({
      action: 'upgrade',
      verdict: 'notPossible',
    });
  });

  test('given a parcel that is on its way, then it is not cancelled, but what else is allowed is done, or a person has it', () => {
    const of = (allow: string[]) => {
      const none = { id: 'none', kind: 'addressProblem', when: 'true', allow };
      const situation = situationOf('addressProblem', {
        facts: { stage: 'handedOver' },
        options: { intercept: { cost: 1_500, works: 0.7 } },
        notPossible: ['cancel'],
      });
      return decideException(NO_EXCEPTIONS, situation, policyOf([none], COSTS), T0);
    };

    expect(of(['cancel', 'intercept'])).toMatchObject({ action: 'intercept', why: 'cheapest' });
    expect(of(['cancel', 'intercept']).candidates).toContainEqual({ action: 'cancel', verdict: 'notPossible' });
    expect(of(['cancel'])).toMatchObject({ action: 'escalate', why: 'nothingPossible' });
  });

  test('given a promise taken back, then a part is paid for certain and it may be taken back again for a later one only', () => {
    const rule = { ...anyLate, allow: ['repromise', 'wait'] };
    const to = (days: number) => late(0.9, { options: { repromise: { promisedAt: T0 + days * 24 * HOUR_MS } } });
    const decisions = decideAll(policyOf([rule], COSTS), [
      [0, to(4)],
      [13, to(4)],
      [26, to(5)],
    ]);

    expect(decisions[0]).toMatchObject({ action: 'repromise', params: { promisedAt: T0 + 96 * HOUR_MS } });
    expect(decisions[0]?.expectedCost).toBeCloseTo(0.4 * 1_500);
    expect(decisions[1]).toMatchObject({ repeats: true, actionKey: decisions[0]?.actionKey });
    expect(decisions[2]).toMatchObject({ repeats: false, actionKey: 'o1/e1/repromise#2' });
  });
});

describe('what overrules cost', () => {
  const policy = policyOf([anyLate], { ...COSTS, hysteresis: { dwellMs: 6 * HOUR_MS, switchMargin: 200 } });

  test('given a small gain, then what stands is kept; given a large one, then it is left', () => {
    const decisions = decideAll(policy, [
      [0, late(0.2)],
      [1, late(0.35)],
      [2, late(0.9)],
    ]);

    expect(decisions.map(({ action, why }) => [action, why])).toEqual([
      ['wait', 'cheapest'],
      ['wait', 'margin'],
      ['upgrade', 'cheapest'],
    ]);
  });

  test('given an action that has not had its time, then it is kept, and afterwards another may follow, but never the same again', () => {
    const decisions = decideAll(policy, [
      [0, late(0.9)],
      [5, late(1)],
      [7, late(1)],
      [14, late(1)],
    ]);

    expect(decisions.map(({ action, why }) => [action, why])).toEqual([
      ['upgrade', 'cheapest'],
      ['upgrade', 'dwell'],
      ['reship', 'cheapest'],
      ['reship', 'stillBest'],
    ]);
  });

  test('given an action that failed, then another is decided at once', () => {
    const decisions = decideAll(policy, [
      [0, late(1)],
      [1, late(1, { failed: ['upgrade'] })],
    ]);

    expect(decisions[1]).toMatchObject({ action: 'reship', actionKey: 'o1/e1/reship#2' });
  });

  test('given another late risk of a parcel that was just acted on, then it waits', () => {
    const decisions = decideAll(policy, [
      [0, late(0.9)],
      [1, late(0.9, { exceptionId: 'e2' })],
      [8, late(0.9, { exceptionId: 'e2' })],
    ]);

    expect(decisions.map(({ action, why }) => [action, why])).toEqual([
      ['upgrade', 'cheapest'],
      ['wait', 'dwell'],
      ['upgrade', 'cheapest'],
    ]);
  });

  test('given an address that is changed once more, then it does not wait for what was done about the last', () => {
    const addresses = { id: 'address', kind: 'addressProblem', when: 'true', allow: ['reroute', 'escalate'] };
    const readdressing = policyOf([addresses], { ...COSTS, hysteresis: { dwellMs: 6 * HOUR_MS } });
    const problem = (exceptionId: string, what: string) =>
      situationOf('addressProblem', {
        exceptionId,
        options: { reroute: { cost: 100, missIfWorks: 0 } },
        facts: { problem: what, correctionConfidence: 0, customerAnswered: true, missProbability: 1 },
      });
    const second = (what: string) =>
      decideAll(readdressing, [
        [0, problem('e1', 'changed')],
        [1, problem('e2', what)],
      ])[1];

    expect(second('changed')).toMatchObject({ action: 'reroute', why: 'cheapest' });
    expect(second('undeliverable')).toMatchObject({ action: 'wait', why: 'dwell' });
  });

  test('given as many actions as are permitted, then what the policy says instead', () => {
    const capped = policyOf([anyLate], { ...COSTS, caps: { perParcel: 1, instead: 'escalate' } });
    const decisions = decideAll(capped, [
      [0, late(1)],
      [1, late(1, { failed: ['upgrade'] })],
      [2, late(1, { failed: ['upgrade'] })],
    ]);

    expect(decisions[1]).toMatchObject({ action: 'escalate', why: 'capped' });
    expect(decisions[1]?.candidates).toContainEqual(expect.objectContaining({ action: 'reship', verdict: 'capped' }));
    expect(decisions[2]).toMatchObject({ action: 'escalate', why: 'withPerson', repeats: true });
  });

  test('given a customer who cancels when as many actions were done as are permitted, or just now, then it is cancelled', () => {
    const cancels = { id: 'cancels', kind: 'cancelRequest', when: 'true', allow: ['wait', 'cancel', 'refund'] };
    const caps = { perParcel: 1, perOrder: 1, instead: 'wait' };
    const capped = policyOf([anyLate, cancels], { ...COSTS, caps, hysteresis: { dwellMs: 6 * HOUR_MS } });
    const request = (exceptionId: string) =>
      situationOf('cancelRequest', { exceptionId, options: { wait: { cost: 1_000_000 } } });
    const decisions = decideAll(capped, [
      [0, late(1)],
      [1, late(1, { exceptionId: 'e2' })],
      [2, request('e3')],
      [3, request('e4')],
    ]);

    expect(decisions.map(({ action, why }) => [action, why])).toEqual([
      ['upgrade', 'cheapest'],
      ['wait', 'dwell'],
      ['cancel', 'cheapest'],
      ['cancel', 'cheapest'],
    ]);
  });

  test('given an action that is switched off, then what is configured, not the next best', () => {
    const killed = policyOf([anyLate], { ...COSTS, killSwitch: { actions: { upgrade: 'wait' } } });

    expect(decideException(NO_EXCEPTIONS, late(1), killed, T0)).toMatchObject({ action: 'wait', why: 'killed' });
  });

  test('given facts that are missing or wrong, a condition that fails, or nothing possible, then a person gets it with the reason', () => {
    const { missProbability: _, ...facts } = late(1).facts;
    const missing = decideException(NO_EXCEPTIONS, { ...late(1), facts: { ...facts, hoursLate: 'x' } }, policy, T0);
    const divides = policyOf(
      [
        { ...anyLate, when: '1 / actionsOnOrder > 0' },
        { ...anyLate, id: 'last' },
      ],
      COSTS,
    );
    const only = policyOf([{ ...anyLate, allow: ['split'] }], COSTS);

    expect(missing).toMatchObject({ action: 'escalate', why: 'factsWrong' });
    expect(missing.wrong).toEqual(['facts.missProbability: missing', 'facts.hoursLate: "x" is no hours']);
    expect(decideException(NO_EXCEPTIONS, late(1), divides, T0)).toMatchObject({
      action: 'escalate',
      why: 'conditionFailed',
    });
    expect(decideException(NO_EXCEPTIONS, late(1), only, T0)).toMatchObject({ why: 'nothingPossible' });
  });

  test('given an exception id that was of another kind, then a person gets it', () => {
    const state = evolveExceptions(NO_EXCEPTIONS, {
      type: 'exceptionOpened',
      at: T0,
      situation: situationOf('damaged'),
    });

    expect(decideException(state, late(1), policy, T0)).toMatchObject({ action: 'escalate', why: 'factsWrong' });
  });

  test('given late risk that hovers, then it opens at one probability and closes at a smaller one', () => {
    expect([0.25, 0.3, 0.2, 0.1].map((risk, n) => isLateRisk(policy, risk, n === 2 || n === 3))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

test('an explanation names the rule, those passed over, and what every action would cost', () => {
  const policy = policyOf([{ ...anyLate, id: 'never', when: 'value < 1.0' }, anyLate], COSTS);

  const lines = explain(decideException(NO_EXCEPTIONS, late(0.9), policy, T0));

  expect(lines[0]).toBe('lateRisk: upgrade, because: is expected to cost least of what is allowed and possible');
  expect(lines[1]).toBe('policy test-1, rule late (passed over: never)');
  expect(lines).toContain('  upgrade: 4.50 = action 3.00 + breach 1.00 + promise 0.50 (chosen)');
  expect(lines).toContain('  refund (the rule does not allow it)');
});

test('a situation with unknown facts, unknown options or a probability above 1 is refused, each by name', () => {
  const wrong = { ...late(1), facts: { ...late(1).facts, missProbability: 2, colour: 'red' } };

  expect(() => readSituation(wrong)).toThrow(SituationInvalid);
  expect(() => readSituation(wrong)).toThrow(/facts\.missProbability: 2 is no share\nfacts\.colour: not known of kind/);
  expect(() => readSituation({ ...late(1), options: { fly: {} } })).toThrow(/options/);
});
