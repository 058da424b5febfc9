// The seam to orders: commands from exceptions of orders.
import { describe, expect, test } from 'vitest';
import { exceptionsOf, type Known, settleException } from './for-orders.ts';
import type { JourneyEvent } from './journeys.ts';
import { HOUR_MS, policyOf, T0 } from './testing/situations.ts';

const POLICY = policyOf([{ id: 'late', kind: 'lateRisk', when: 'true', allow: ['wait', 'upgrade', 'repromise'] }], {
  version: 'p7',
  costs: { breachFixed: 2_000 },
});
const KNOWN: Known = {
  orderId: 'o1',
  exceptionId: 'e1',
  kind: 'lateRisk',
  packageId: 'k1',
  openedAt: T0,
  promisedAt: T0 + 48 * HOUR_MS,
  facts: { missProbability: 0.9, value: 5_000, orderValue: 5_000 },
  evidence: { carrier: 'simulated', hoursLate: 20, photos: ['unused'] },
  options: {
    upgrade: { cost: 400, missIfWorks: 0.05, detail: { carrier: 'fast', service: 'express', weightNote: 'x' } },
  },
};

/** What the order records of a command. */
function recordedAs(command: object, at: number, outcome: string): JourneyEvent {
  return {
    seq: 1,
    cause: 'policy:late',
    traceId: 't',
    ...command,
    type: 'exceptionDecided',
    at,
    outcome,
  } as JourneyEvent;
}

describe('settleException', () => {
  test('given an exception of an order, then the command that carries the decision out, with what it was decided on', () => {
    const { decision, command } = settleException([], KNOWN, POLICY, T0);

    expect(decision).toMatchObject({ action: 'upgrade', actionKey: 'o1/e1/upgrade#1' });
    expect(command).toEqual({
      type: 'settle',
      exceptionId: 'e1',
      action: 'upgrade',
      rule: 'late',
      policyVersion: 'p7',
      carrier: 'fast',
      service: 'express',
      detail: { decision, situation: expect.objectContaining({ parcelId: 'k1' }) },
    });
  });

  test('given evidence that says what nobody knows, then a person has it', () => {
    const evidence = { reason: 'the colour' };
    const asked: Known = { orderId: 'o1', exceptionId: 'e1', kind: 'cancelRequest', openedAt: T0, facts: {}, evidence };
    expect(settleException([], asked, POLICY, T0)).toMatchObject({
      decision: { why: 'factsWrong', wrong: [expect.stringMatching(/reason: "the colour" is none of changedMind/)] },
      command: { action: 'escalate' },
    });
  });

  test('given little risk, then it waits until its review; given a new promise, then the customer is told', () => {
    const calm = { ...KNOWN, facts: { ...KNOWN.facts, missProbability: 0.1 } };
    const later = T0 + 96 * HOUR_MS;
    const promised = { ...KNOWN, options: { repromise: { promisedAt: later } } };

    expect(settleException([], calm, POLICY, T0).command).toMatchObject({ action: 'wait', until: T0 + 6 * HOUR_MS });
    expect(settleException([], promised, POLICY, T0).command).toMatchObject({
      action: 'repromise',
      promisedAt: later,
      notify: 'repromise',
    });
  });

  test('given a journey, then what was decided before counts: the parcel was just acted on', () => {
    const first = settleException([], KNOWN, POLICY, T0);
    const journey = [recordedAs({ ...first.command }, T0, 'SETTLED')];

    const second = settleException(journey, { ...KNOWN, exceptionId: 'e2' }, POLICY, T0 + HOUR_MS);

    expect(exceptionsOf(journey)).toMatchObject({ actions: 1, open: {} });
    expect(second.decision).toMatchObject({ action: 'wait', why: 'dwell' });
  });

  test('given the same asked again before anything was recorded, then the same command under the same key', () => {
    expect(settleException([], KNOWN, POLICY, T0)).toEqual(settleException([], structuredClone(KNOWN), POLICY, T0));
  });
});
