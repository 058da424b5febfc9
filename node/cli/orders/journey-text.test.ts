// The journey as people read it: what is left out, what each row is about, and which of two clocks.
import { expect, test } from 'vitest';
import {
  documentOf,
  givenAllocated,
  givenBooked,
  HOUR_MS,
  NOW,
  Talk,
  withdrawal,
} from '../../../orders/order/testing/orders.ts';
import { detailOf } from '../../../orders/order/view.ts';
import { contentsText, journeyText } from './journey-text.ts';

const AT_ONE_CLOCK = { scannedAt: NOW, code: 'inTransit' } as const;

function shown(
  { state, events }: Talk,
  more: { readonly all?: boolean; readonly unknown?: readonly string[] } = {},
): string {
  return journeyText({
    events,
    detail: detailOf(state),
    unknown: new Set(more.unknown),
    regions: ['us-east'],
    all: more.all ?? false,
  });
}

function rowOf(text: string, type: string): string {
  return text.split('\n').find((row) => row.includes(` ${type} `)) ?? '';
}

test('given tasks that were done, then they are left out and counted, unless all is asked for', () => {
  const talk = givenBooked();
  talk.tell('track', { packageId: 'p1', ...AT_ONE_CLOCK });
  talk.tell('done', { note: 'shipped' }, { taskId: talk.task('notify', 'p1') });
  expect(rowOf(shown(talk), 'taskDone')).toBe('');
  expect(shown(talk)).toMatch(/\n1 event left out \(reservations, tasks, decisions to wait on\); --all shows them$/);
  expect(rowOf(shown(talk, { all: true }), 'taskDone')).toMatch(/shipped$/);
  expect(shown(talk, { all: true })).not.toContain('left out');
});

test('given what was planned, allocated and not to be had, then rows say what and from where, and which SKU nobody ever had', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  const where = { node: 'chicago', region: 'us-east', carrier: 'acme', service: 'ground' };
  const lines = [{ lineId: '1', sku: 'mug', qty: 3 }];
  const explanation = { total: 584, others: [{ total: 2_158, packages: ['newark by air'] }] };
  const plan = { attempt: 1, policy: 'partial', packages: [{ ...where, lines }], rules: 'r' } as const;
  const unfilled = [{ lineId: '2', sku: 'pot', qty: 2 }];
  talk.tell('plan', { ...plan, unfilled, explanation }, { taskId: talk.task('source') });
  const packages = [{ ...where, lines: lines.map((line) => ({ ...line, reservationId: '1.1.us-east/mug' })) }];
  const taskId = talk.task('source');
  talk.tell('allocate', { packages, unfilled: [{ lineId: '2', qty: 2 }], retryAt: NOW + HOUR_MS }, { taskId });
  const text = shown(talk, { unknown: ['pot'] });
  expect(rowOf(text, 'sourced')).toMatch(
    /chicago by ground; 5\.84 instead of 21\.58 with newark by air; 2 × pot at no node/,
  );
  expect(rowOf(text, 'allocated')).toMatch(/p1: 3 × mug from chicago$/);
  expect(rowOf(text, 'backordered')).toMatch(/2 × pot at no node \(no node of us-east has ever had it\)$/);
  expect(rowOf(shown(talk), 'backordered')).toMatch(/2 × pot at no node$/);
});

test('given a decision of a policy, then its row says what it cost and what else there was, and the promise is told', () => {
  const talk = givenBooked();
  talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: { missProbability: 0.6 } });
  const candidates = [
    { action: 'wait', verdict: 'dearer', expectedCost: 2_158 },
    { action: 'repromise', verdict: 'chosen', expectedCost: 584 },
    { action: 'upgrade', verdict: 'killed', expectedCost: 300 },
    { action: 'cancel', verdict: 'notAllowed' },
  ];
  const decision = { action: 'repromise', why: 'cheapest', expectedCost: 584, candidates, decidedAt: NOW };
  const promisedAt = NOW + 200 * HOUR_MS;
  talk.tell('settle', { exceptionId: 'e1', action: 'repromise', rule: 'late-early', promisedAt, detail: { decision } });
  const text = shown(talk);
  expect(rowOf(text, 'exceptionOpened')).toMatch(/e1 lateRisk of p1; late with 60\.0 %$/);
  expect(rowOf(text, 'exceptionDecided')).toMatch(
    /e1 repromise by late-early; 5\.84 instead of wait 21\.58; upgrade 3\.00 would cost least, but is switched off$/,
  );
  expect(rowOf(text, 'repromised')).toContain(`now for ${new Date(promisedAt).toISOString().slice(0, 10)}`);
});

test('given decisions to wait on and on, then the first is shown and what ends it; the others are left out, and counted', () => {
  const talk = givenBooked();
  talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
  for (let n = 1; n <= 3; n++) {
    talk.tell('settle', { exceptionId: 'e1', action: 'wait', rule: `look-${n}`, until: NOW + n * HOUR_MS });
  }
  talk.tell('settle', { exceptionId: 'e1', action: 'escalate' });
  const rows = shown(talk).match(/e1 (wait|escalate).*/g);
  expect(rows).toEqual(['e1 wait by look-1', 'e1 escalate']);
  expect(shown(talk)).toContain('2 events left out');
  expect(shown(talk, { all: true })).toContain('e1 wait by look-3');
});

test('given business that runs faster than the clock, then both times are shown and it is said; else one', () => {
  const slow = givenBooked();
  slow.tell('track', { packageId: 'p1', ...AT_ONE_CLOCK });
  expect(shown(slow)).not.toMatch(/business/i);
  const fast = givenBooked();
  fast.tell('track', { packageId: 'p1', ...AT_ONE_CLOCK, scannedAt: NOW + 50 * HOUR_MS });
  expect(rowOf(shown(fast), 'scanned')).toContain(new Date(NOW + 50 * HOUR_MS).toISOString().slice(0, 10));
  expect(shown(fast)).toMatch(/Business ran faster than the clock/);
});

test('given a package of which units were not found, then it is told how many of them are in it', () => {
  const talk = givenAllocated();
  talk.tell('release', { packageId: 'p1' });
  const contents = (): string => contentsText(detailOf(talk.state).packages[0]?.lines ?? []);
  expect(contents()).toBe('3 × mug, 2 × pot');
  talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' });
  expect(contents()).toBe('2 of 3 × mug, 2 × pot');
});

test('given packages that were withdrawn for a better plan, then the row says why, from where instead, and what it saves', () => {
  const talk = givenAllocated(documentOf(), { releaseAt: NOW + HOUR_MS });
  const detail = { orders: 2, savesTogether: 900, proved: false, gap: 0.01 };
  talk.tell('withdraw', { ...withdrawal(talk.state, 'p1'), savesMinor: -120, detail });
  expect(rowOf(shown(talk), 'packagesWithdrawn')).toMatch(
    /p1, cheaper together; now newark by ground; costs 1\.20 more; 2 orders changed together save 9\.00; within 1.* of the best$/,
  );
});
