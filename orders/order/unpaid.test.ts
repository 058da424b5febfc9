// Orders whose payment failed: nothing is sent until they are paid, and what is given up unpaid is called back and never sent again.
import { expect, test } from 'vitest';
import { isEnded, offeredTasks, statusOf } from './state.ts';
import { allocate, documentOf, givenAllocated, givenBooked, HOUR_MS, NOW, Talk } from './testing/orders.ts';

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
  for (const taskId of [...talk.state.tasks.keys()]) talk.tell('done', {}, { taskId });
  expect(isEnded(talk.state)).toBe(true);
});

test('a customer who cancels once his order is paid has its parcel called back, also where that was asked for before, unpaid', () => {
  const talk = givenUnpaidParcel();
  talk.tell('unhold', { holdType: 'payment' });
  talk.tell('raise', { kind: 'cancelRequest', evidence: { reason: 'changedMind' } });
  talk.tell('settle', { exceptionId: 'e3', action: 'cancel' });
  expect(exceptions(talk)[3]).toMatchObject({ packageId: 'p1', state: 'OPEN', evidence: { reason: 'changedMind' } });
});

test('what the plan of an order on hold has reserved is given back once the order is given up: nobody lifts its hold', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  const lines = documentOf().lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  const packages = [{ node: 'chicago', region: 'us-east', carrier: 'acme', service: 'ground', lines }];
  const plan = { attempt: 1, policy: 'all', rules: 'v1', packages, unfilled: [] } as const;
  talk.tell('plan', plan, { taskId: talk.task('source') });
  talk.tell('raise', FAILED);
  expect(offeredTasks(talk.state).map(({ kind }) => kind)).not.toContain('source');
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel' });
  expect(offeredTasks(talk.state).map(({ kind }) => kind)).toContain('source');
  talk.tell('done', {}, { taskId: talk.task('source') });
  expect(isEnded(talk.state)).toBe(true);
});

test('a failed payment is over once its customer has cancelled the order, as long as no parcel is on its way or there', () => {
  const stateOf = (talk: Talk) => {
    talk.tell('raise', FAILED);
    talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
    talk.tell('settle', { exceptionId: 'e2', action: 'cancel' });
    return exceptions(talk)[0]?.state;
  };
  const onItsWay = givenBooked();
  onItsWay.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  const partlyThere = new Talk();
  partlyThere.tell('capture', { order: documentOf() });
  for (const lineId of ['1', '2'])
    allocate(
      partlyThere,
      documentOf().lines.filter((line) => line.lineId === lineId),
    );
  for (const type of ['release', 'pick', 'pack'] as const) partlyThere.tell(type, { packageId: 'p1' });
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' };
  partlyThere.tell('book', { packageId: 'p1', ...booking });
  partlyThere.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW });
  expect([givenAllocated(), onItsWay, partlyThere].map(stateOf)).toEqual(['SETTLED', 'OPEN', 'OPEN']);
});

test('a booking that goes elsewhere is taken back on hold, too: its carrier would collect the parcel', () => {
  const talk = givenAllocated();
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
  talk.tell('hold', { holdType: 'fraud', reason: 'test' });
  expect(offeredTasks(talk.state).map(({ kind }) => kind)).not.toContain('book');
  talk.tell('changeDestination', { destination: { latitude: 34.05, longitude: -118.24, postalCode: '90012' } });
  expect(offeredTasks(talk.state).map(({ kind }) => kind)).toContain('book');
  talk.tell('done', {}, { taskId: talk.task('book', 'p1') });
  expect(talk.kinds()).toContain('book p1');
  expect(offeredTasks(talk.state).map(({ kind }) => kind)).not.toContain('book');
});
