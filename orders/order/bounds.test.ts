// An order at its bounds: what it refuses then, and that it can be ended whatever it went through (O6).
import { describe, expect, test } from 'vitest';
import { isEnded } from './index.ts';
import { EXCEPTIONS_MAX, ORDER_EVENTS_MAX, PACKAGES_MAX, PLAN_EVENTS } from './limits.ts';
import { statusOf } from './state.ts';
import { documentOf, givenBooked, HOUR_MS, NOW, Talk } from './testing/orders.ts';

describe('bounds', () => {
  /** The journey goes on and on. */
  const fill = (talk: Talk): void => {
    for (let n = 0; talk.ask('hold', { holdType: 'fraud', reason: `look ${n}` }).ok; n++)
      expect(n).toBeLessThan(ORDER_EVENTS_MAX);
    expect(talk.ask('hold', { holdType: 'fraud', reason: 'again' })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  };

  test('a journey that goes on and on can only be ended', () => {
    const talk = givenBooked();
    fill(talk);
    talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
    expect(statusOf(talk.state)).toBe('DELIVERED');
  });

  test('it keeps no more scans then, and waits for a person instead of waiting on', () => {
    const talk = givenBooked();
    talk.tell('raise', { kind: 'stuckParcel', packageId: 'p1', evidence: {} });
    fill(talk);
    const { seq } = talk.state;
    talk.tell('track', { packageId: 'p1', code: 'info', scannedAt: NOW + 1 });
    expect(talk.state.seq).toBe(seq);
    talk.tell('settle', { exceptionId: 'e1', action: 'wait', until: NOW + HOUR_MS });
    expect(talk.state.exceptions.get('e1')).toMatchObject({
      state: 'ESCALATED',
      decisions: [{ action: 'escalate', rule: 'the journey is full' }],
    });
  });

  test('what is committed by the last plan that fits becomes packages, and is cancelled all the same (I15)', () => {
    const full = new Talk();
    full.tell('capture', { order: documentOf() });
    fill(full);
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    const envelope = { taskId: talk.task('source') };
    const where = { node: 'n', region: 'eu', carrier: 'acme', service: 'ground' };
    const mugs = { lineId: '1', sku: 'mug', qty: 3 };
    const plan = (attempt: number) => ({
      attempt,
      policy: 'all' as const,
      packages: [{ ...where, lines: [mugs] }],
      unfilled: [{ lineId: '2', sku: 'pot', qty: 2 }],
      rules: 'r',
    });
    // Sourced as near the bound as may be: nothing fits any more but what goes on with the last plan.
    let attempt = 0;
    while (talk.ask('plan', plan(attempt), envelope).ok) attempt++;
    expect(talk.state.seq).toBeLessThan(full.state.seq - PLAN_EVENTS);
    expect(talk.ask('hold', { holdType: 'fraud', reason: 'look' })).toMatchObject({ code: 'LIMIT_EXCEEDED' });

    const packages = [{ ...where, lines: [{ ...mugs, reservationId: '1.1.eu/mug' }] }];
    talk.tell('allocate', { packages, unfilled: [{ lineId: '2', qty: 2 }], retryAt: NOW }, envelope);
    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    talk.tell('settle', { exceptionId: 'e2', action: 'cancel' });
    talk.tell('done', {}, { taskId: talk.task('stock') });
    expect(isEnded(talk.state)).toBe(true);
  });

  test('refunds, and decisions taken again and again, leave room for cancelling it (O6)', () => {
    const talk = givenBooked();
    talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
    fill(talk);
    expect(talk.ask('refund', { amountMinor: 1, reference: 'r' })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    talk.tell('settle', { exceptionId: 'e1', action: 'escalate' });
    const { seq } = talk.state;
    expect(talk.tell('settle', { exceptionId: 'e1', action: 'escalate' })).toMatchObject({ seq });
    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    const repromise = { exceptionId: 'e2', action: 'repromise', promisedAt: NOW } as const;
    expect(talk.ask('settle', repromise)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    talk.tell('settle', { exceptionId: 'e2', action: 'cancel' });
    expect(statusOf(talk.state)).toBe('CANCELLED');
  });

  test('the order of as many packages and exceptions as there may be is cancelled all the same, and ends', () => {
    const talk = new Talk();
    const lines = Array.from({ length: PACKAGES_MAX }, (_, n) => ({ lineId: `${n}`, sku: 'mug', qty: 2, value: 10 }));
    talk.tell('capture', { order: documentOf({ lines }) });
    const packages = lines.map(({ lineId }) => ({
      node: 'n',
      region: 'eu',
      carrier: 'acme',
      service: 'ground',
      lines: [{ lineId, sku: 'mug', qty: 2, reservationId: '1.1.eu/mug' }],
    }));
    talk.tell('allocate', { packages, unfilled: [], retryAt: NOW }, { taskId: talk.task('source') });
    for (const packageId of talk.state.packages.keys()) {
      talk.tell('release', { packageId });
      talk.tell('shortPick', {
        packageId,
        missing: [{ lineId: `${Number(packageId.slice(1)) - 1}`, qty: 1 }],
        reasonCode: 'notFound',
      });
    }
    for (const { taskId, kind } of [...talk.state.tasks.values()])
      if (kind === 'stock') talk.tell('done', {}, { taskId });
    for (let n = 0; talk.state.exceptions.size < EXCEPTIONS_MAX; n++) {
      talk.tell('raise', {
        kind: n % 2 === 0 ? 'lateRisk' : 'carrierOutage',
        packageId: `p${1 + (n >> 1)}`,
        evidence: {},
      });
    }
    fill(talk);

    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    const exceptionId = [...talk.state.exceptions.keys()].at(-1) as string;
    talk.tell('settle', { exceptionId, action: 'cancel', amountMinor: 100 });
    expect(statusOf(talk.state)).toBe('CANCELLED');
    for (const { taskId, kind } of [...talk.state.tasks.values()]) {
      if (kind === 'refund') talk.tell('refund', { amountMinor: 100, reference: 'pay' }, { taskId });
      else talk.tell('done', {}, { taskId });
    }
    expect(isEnded(talk.state)).toBe(true);
  });
});
