// Orders whose payment failed: nothing is sent until they are paid, and what is given up unpaid is called back and never sent again.
import { expect, test } from 'vitest';
import { isEnded, statusOf } from './state.ts';
import { givenAllocated, givenBooked, HOUR_MS, NOW, type Talk } from './testing/orders.ts';

const FAILED = { kind: 'paymentFailure', evidence: { reason: 'declined' } } as const;
const exceptions = (talk: Talk) => [...talk.state.exceptions.values()];

/** All of it on its way, and given up since nobody has paid for it. */
function givenUnpaidParcel(): Talk {
  const talk = givenBooked();
  talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  talk.tell('raise', FAILED);
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 0 });
  return talk;
}

test('a new promise does not let go what is not paid: it is decided on again, and stays on hold until it is paid', () => {
  const talk = givenAllocated();
  talk.tell('raise', FAILED);
  talk.tell('settle', { exceptionId: 'e1', action: 'repromise', promisedAt: NOW + 200 * HOUR_MS });
  expect(talk.state.promisedAt).toBe(NOW + 200 * HOUR_MS);
  expect([...talk.state.holds.keys()]).toEqual(['payment']);
  expect(exceptions(talk)).toMatchObject([{ kind: 'paymentFailure', state: 'OPEN' }]);
  expect(talk.kinds()).toContain('settle e1');
  expect(talk.ask('release', { packageId: 'p1' })).toMatchObject({ ok: false });

  talk.tell('unhold', { holdType: 'payment' });
  expect(exceptions(talk)).toMatchObject([{ state: 'SETTLED' }]);
  talk.tell('release', { packageId: 'p1' });
});

test('after a new promise it can still be given up', () => {
  const talk = givenAllocated();
  talk.tell('raise', FAILED);
  talk.tell('settle', { exceptionId: 'e1', action: 'repromise', promisedAt: NOW + 200 * HOUR_MS });
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 0 });
  expect({ status: statusOf(talk.state), e1: exceptions(talk)[0]?.state }).toEqual({
    status: 'CANCELLED',
    e1: 'SETTLED',
  });
});

test('parcels of what is given up unpaid are to be called back, until it is paid after all', () => {
  const talk = givenUnpaidParcel();
  expect(exceptions(talk)[1]).toMatchObject({
    kind: 'cancelRequest',
    packageId: 'p1',
    state: 'OPEN',
    evidence: { reason: 'notPaid' },
  });
  talk.tell('unhold', { holdType: 'payment' });
  expect(exceptions(talk).map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED']);
  talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 1 });
  expect(talk.kinds().filter((kind) => kind.startsWith('refund'))).toEqual([]);
});

test.each(['lost', 'returned', 'damaged'] as const)(
  'a parcel of what was given up unpaid that is %s is not sent again, and nothing waits on the hold',
  (code) => {
    const talk = givenUnpaidParcel();
    talk.tell('settle', { exceptionId: 'e2', action: 'refund', amountMinor: 0 });
    talk.tell('track', { packageId: 'p1', code, scannedAt: NOW + 1 });
    const [open] = exceptions(talk).filter(({ state }) => state === 'OPEN');
    expect(open).toMatchObject({ kind: 'cancelRequest', evidence: { reason: 'notPaid' } });
    talk.tell('settle', { exceptionId: open?.exceptionId ?? '', action: 'reship' });
    expect({ status: statusOf(talk.state), kinds: talk.kinds() }).toMatchObject({ status: 'CANCELLED' });
    expect(talk.kinds()).not.toContain('source');
  },
);

test('a parcel of what was given up unpaid that is called back from an old address is not sent to the new one', () => {
  const talk = givenUnpaidParcel();
  talk.tell('raise', { kind: 'addressProblem', packageId: 'p1', evidence: { code: 'OLD_DESTINATION' } });
  talk.tell('settle', { exceptionId: 'e3', action: 'intercept', unitsTo: 'open' });
  expect(statusOf(talk.state)).toBe('CANCELLED');
  for (const taskId of [...talk.state.tasks.values()].filter(({ kind }) => kind !== 'settle').map((one) => one.taskId))
    talk.tell('done', {}, { taskId });
  talk.tell('settle', { exceptionId: 'e2', action: 'cancel', amountMinor: 0 });
  expect(isEnded(talk.state)).toBe(true);
});
