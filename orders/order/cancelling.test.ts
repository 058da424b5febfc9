// What is given up of an order: what is not on its way, parcels that are, and what is paid back for it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replay } from './decide.ts';
import { lineViews, statusOf } from './state.ts';
import { allocate, documentOf, givenAllocated, HOUR_MS, NOW, Talk } from './testing/orders.ts';
import type { OrderEvent } from './types.ts';

test('cancelling gives back all that is not on its way, and refunds', () => {
  const talk = givenAllocated();
  talk.tell('raise', { kind: 'cancelRequest', evidence: { reason: 'customer' } });
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 19_500 });
  expect(statusOf(talk.state)).toBe('CANCELLED');
  expect(talk.kinds()).toEqual(['refund', 'stock p1']);
  talk.tell('refund', { amountMinor: 19_500, reference: 'pay-1' }, { taskId: talk.task('refund') });
  expect(statusOf(talk.state)).toBe('REFUNDED');
});

test('who is paid back for an order that is partly on its way is not sent the rest', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 2 }]);
  for (const type of ['release', 'pick', 'pack'] as const) {
    talk.tell(type, { packageId: 'p1' }, { taskId: talk.task(type, 'p1') });
  }
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' };
  talk.tell('book', { packageId: 'p1', ...booking }, { taskId: talk.task('book', 'p1') });
  talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 19_500 });
  expect(talk.kinds()).not.toContain('source');
  expect([...talk.state.lines.values()].map(({ cancelled }) => cancelled)).toEqual([1, 2]);
  expect(talk.state.packages.get('p1')?.state).toBe('SHIPPED');
  // The parcel is a request of its own, which may call it back, and pays nothing twice.
  expect(talk.state.exceptions.get('e2')).toMatchObject({ kind: 'cancelRequest', packageId: 'p1', state: 'OPEN' });
  talk.tell('settle', { exceptionId: 'e2', action: 'intercept', unitsTo: 'cancelled', amountMinor: 5_000 });
  expect(talk.state.packages.get('p1')?.state).toBe('INTERCEPTED');
  expect(talk.kinds().filter((kind) => kind.startsWith('refund'))).toHaveLength(1);
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('settle', { exceptionId: 'e3', action: 'cancel' });
  expect(talk.state.exceptions.size).toBe(3);
});

test('a request about one package cancels that one, and pays for it', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 2 }]);
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 1 }]);
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 3_000 });
  expect(['p1', 'p2'].map((id) => talk.state.packages.get(id)?.state)).toEqual(['CANCELLED', 'RESERVED']);
  expect([...talk.state.lines.values()].map(({ cancelled }) => cancelled)).toEqual([2, 0]);
  expect(talk.kinds()).toContain('refund p1');
});

const refunds = (talk: Talk): number[] =>
  [...talk.state.tasks.values()]
    .filter(({ kind }) => kind === 'refund')
    .map(({ payload }) => (payload as { amountMinor: number }).amountMinor);
const cancelledUnits = (talk: Talk): number =>
  [...talk.state.lines.values()].reduce((sum, one) => sum + one.cancelled, 0);
const worthOfCancelled = (talk: Talk): number =>
  [...talk.state.lines.values()].reduce((sum, one) => sum + one.cancelled * one.value, 0);

/** p1 mugs, on their way, p2 pots. */
function givenTwo(): Talk {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 3 }]);
  allocate(talk, [{ lineId: '2', sku: 'pot', qty: 2 }], 'newark');
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
  talk.tell('book', { packageId: 'p1', carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' });
  talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  return talk;
}

test('a short pick that is cancelled cancels what lacks, not what was found', () => {
  const talk = givenAllocated();
  talk.tell('release', { packageId: 'p1' });
  talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' });
  // As the policy has it: worth of the units of the exception.
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 1_900 });
  expect({
    cancelled: cancelledUnits(talk),
    worth: worthOfCancelled(talk),
    paid: refunds(talk),
    status: statusOf(talk.state),
  }).toMatchObject({ cancelled: 1, worth: 1_900, paid: [1_900] });
});

test.each(['addressProblem', 'damaged', 'lateRisk', 'carrierOutage'] as const)(
  'a package paid back for %s before it is sent is not sent',
  (kind) => {
    const talk = givenAllocated();
    talk.tell('release', { packageId: 'p1' });
    talk.tell('raise', { kind, packageId: 'p1', evidence: {} });
    talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 19_500 });
    expect({ p1: talk.state.packages.get('p1')?.state, paid: refunds(talk) }).toEqual({
      p1: 'CANCELLED',
      paid: [19_500],
    });
  },
);

test.each(['addressProblem', 'lateRisk', 'cancelRequest'] as const)(
  'a parcel that is on its way cannot be cancelled for %s: nobody is paid back for it',
  (kind) => {
    const talk = givenTwo();
    talk.tell('raise', { kind, packageId: 'p1', evidence: {} });
    const reply = talk.ask('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 5_700 });
    expect(reply).toMatchObject({ ok: false, code: 'BAD_REQUEST', message: expect.stringContaining('intercept') });
    expect({ e1: talk.state.exceptions.get('e1')?.state, paid: refunds(talk) }).toEqual({ e1: 'OPEN', paid: [] });
  },
);

test('a payment that goes through after all for an order that was cancelled meanwhile is paid back', () => {
  const talk = givenAllocated();
  talk.tell('raise', { kind: 'paymentFailure', evidence: {} });
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('settle', { exceptionId: 'e2', action: 'cancel', amountMinor: 0 });
  talk.tell('unhold', { holdType: 'payment' });
  expect(statusOf(talk.state)).toBe('CANCELLED');
  expect(refunds(talk)).toEqual([19_500]);
  const { payload } = talk.state.tasks.get(talk.task('notify')) ?? {};
  expect(payload).toEqual({ about: 'refund', amountMinor: 19_500 });
});

test.each(['lost', 'returned', 'damaged'] as const)(
  'a parcel that its customer wants no more and that is %s is not sent again',
  (code) => {
    const talk = givenTwo();
    talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
    talk.tell('track', { packageId: 'p1', code, scannedAt: NOW + 1 });
    const open = [...talk.state.exceptions.values()].filter(({ state }) => state === 'OPEN');
    expect(open).toMatchObject([{ kind: 'cancelRequest', packageId: 'p1', units: [{ lineId: '1', qty: 3 }] }]);
    talk.tell('settle', { exceptionId: open[0]?.exceptionId ?? '', action: 'refund', amountMinor: 5_700 });
    expect({ cancelled: cancelledUnits(talk), paid: refunds(talk) }).toEqual({ cancelled: 3, paid: [5_700] });
    expect(talk.kinds()).not.toContain('source');
  },
);

test.each(['returned', 'lost', 'damaged'] as const)(
  'a parcel that was paid back on its way and is %s is neither paid again nor sent again',
  (code) => {
    const talk = givenTwo();
    talk.tell('raise', { kind: 'stuckParcel', packageId: 'p1', evidence: {} });
    talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 5_700 });
    talk.tell('track', { packageId: 'p1', code, scannedAt: NOW + 1 });
    expect(talk.state.exceptions.get('e2')).toMatchObject({ kind: 'cancelRequest', state: 'OPEN' });
    talk.tell('settle', { exceptionId: 'e2', action: 'refund', amountMinor: 5_700 });
    expect({ cancelled: cancelledUnits(talk), paid: refunds(talk) }).toEqual({ cancelled: 3, paid: [5_700] });
  },
);

test('a customer who asks twice for the same parcel is paid once', () => {
  const talk = givenTwo();
  for (const exceptionId of ['e1', 'e2']) {
    talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
    talk.tell('settle', { exceptionId, action: 'refund', amountMinor: 5_700 });
  }
  expect(refunds(talk)).toEqual([5_700]);
});

test('what is delivered is not cancelled any more: a request about it is refused, and one that was open is over', () => {
  const talk = givenTwo();
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 1 });
  expect(talk.state.exceptions.get('e1')).toMatchObject({ state: 'SETTLED', decisions: [{ rule: 'delivered' }] });
  const again = talk.ask('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  expect(again).toMatchObject({ ok: false, code: 'BAD_REQUEST', message: expect.stringContaining('returned') });
  expect({ paid: refunds(talk), cancelled: cancelledUnits(talk) }).toEqual({ paid: [], cancelled: 0 });
});

test('a request about the order is over when all of it is delivered, and refused afterwards; until then it is about the rest', () => {
  const talk = givenTwo();
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 1 });
  expect(talk.state.exceptions.get('e1')?.state).toBe('OPEN');
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p2' });
  talk.tell('book', { packageId: 'p2', carrier: 'acme', service: 'ground', bookingId: 'b2', trackingId: 't2' });
  talk.tell('track', { packageId: 'p2', code: 'delivered', scannedAt: NOW + 2 });
  expect({ e1: talk.state.exceptions.get('e1')?.state, status: statusOf(talk.state) }).toEqual({
    e1: 'SETTLED',
    status: 'DELIVERED',
  });
  expect(talk.ask('raise', { kind: 'cancelRequest', evidence: {} })).toMatchObject({ ok: false, code: 'BAD_REQUEST' });
});

test('an order that was given up since it is not paid stays unpaid', () => {
  const talk = givenTwo();
  talk.tell('raise', { kind: 'paymentFailure', evidence: {} });
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 0 });
  expect([...talk.state.holds.keys()]).toEqual(['payment']);
});

/** A mug and two pots lack stock, and two mugs that a node rejected wait to be sourced again. */
function givenLacking(): Talk {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  const lines = [{ lineId: '1', sku: 'mug', qty: 2, reservationId: '1.1.us-east/mug' }];
  const where = { node: 'chicago', region: 'us-east', carrier: 'acme', service: 'ground' };
  const unfilled = [
    { lineId: '1', qty: 1 },
    { lineId: '2', qty: 2 },
  ];
  const given = { packages: [{ ...where, lines }], unfilled, retryAt: NOW + HOUR_MS };
  talk.tell('allocate', given, { taskId: talk.task('source') });
  talk.tell('reject', { packageId: 'p1', reasonCode: 'tooBusy' });
  talk.tell('settle', { exceptionId: 'e2', action: 'resource' });
  return talk;
}
const BY_POLICY = { refundsWorth: true };

test('a backorder that is given up gives up what lacks stock, not what else is to be sourced', () => {
  const talk = givenLacking();
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 15_700, ...BY_POLICY });
  const [mugs, pots] = [...talk.state.lines.values()];
  expect({ mugs, pots }).toMatchObject({ mugs: { open: 2, backordered: 0, cancelled: 1 }, pots: { cancelled: 2 } });
  expect(refunds(talk)).toEqual([15_700]);
  expect(talk.kinds()).toContain('source');
});

test.each([
  ['a policy', BY_POLICY],
  ['a person', {}],
])('stock that came after %s had decided to give a backorder up is sent, and not paid back', (_who, by) => {
  const talk = givenLacking();
  const lines = [{ lineId: '2', sku: 'pot', qty: 2, reservationId: '2.1.us-east/pot' }];
  const packages = [{ node: 'newark', region: 'us-east', carrier: 'acme', service: 'ground', lines }];
  const given = { packages, unfilled: [{ lineId: '1', qty: 3 }], retryAt: NOW + HOUR_MS };
  talk.tell('allocate', given, { taskId: talk.task('source') });
  talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor: 15_700, ...by });
  expect({ worth: worthOfCancelled(talk), paid: refunds(talk) }).toEqual({ worth: 5_700, paid: [5_700] });
});

test('what a policy gives up is paid back whole, also where more of it lacks by now; nothing where it is not paid', () => {
  const gaveUp = (amountMinor: number, isUnpaid = false): Talk => {
    const talk = givenLacking();
    if (isUnpaid) talk.tell('hold', { holdType: 'payment', reason: 'not paid yet' });
    talk.tell('settle', { exceptionId: 'e1', action: 'cancel', amountMinor, ...BY_POLICY });
    return talk;
  };
  expect(refunds(gaveUp(1_900))).toEqual([15_700]);
  expect(refunds(gaveUp(0, true))).toEqual([]);
  // It was decided when the other was so.
  expect(refunds(gaveUp(15_700, true))).toEqual([]);
  expect(refunds(gaveUp(0))).toEqual([15_700]);
});

test.each([
  ['before it is sent', []],
  ['when it is on its way', ['pack', 'book', 'track']],
])('a request about one package takes along what it lacked when it was picked, %s', (_when, steps) => {
  const talk = givenAllocated();
  talk.tell('release', { packageId: 'p1' });
  talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' });
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' };
  if (steps.length > 0) {
    talk.tell('pack', { packageId: 'p1' });
    talk.tell('book', { packageId: 'p1', ...booking });
    talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  }
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  const how =
    steps.length > 0 ? ({ action: 'intercept', unitsTo: 'cancelled' } as const) : ({ action: 'cancel' } as const);
  talk.tell('settle', { exceptionId: 'e2', ...how, amountMinor: 17_600, ...BY_POLICY });
  expect({ worth: worthOfCancelled(talk), paid: refunds(talk) }).toEqual({ worth: 19_500, paid: [19_500] });
  expect([...talk.state.exceptions.values()].map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED']);
  expect(talk.kinds()).not.toContain('source');
});

test('units given up for lack of stock of an order whose payment failed meanwhile are not paid back', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  talk.tell('raise', { kind: 'paymentFailure', evidence: {} });
  const unfilled = documentOf().lines.map(({ lineId, qty }) => ({ lineId, qty }));
  const given = { packages: [], unfilled, unfilledTo: 'cancelled', retryAt: NOW } as const;
  talk.tell('allocate', given, { taskId: talk.task('source') });
  expect(refunds(talk)).toEqual([]);
});

test('a backorder that is paid back by a person is not sent', () => {
  const talk = givenLacking();
  talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 15_700 });
  const [mugs, pots] = [...talk.state.lines.values()];
  expect({ mugs, pots }).toMatchObject({ mugs: { open: 2, backordered: 0, cancelled: 1 }, pots: { cancelled: 2 } });
  expect(refunds(talk)).toEqual([15_700]);
});

/** p1 without a mug that was not found, which p2 has; p1 is on its way, and paid back as it is. */
function givenPaidBackWithoutOne(): Talk {
  const talk = givenAllocated();
  talk.tell('release', { packageId: 'p1' });
  talk.tell('shortPick', { packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' });
  talk.tell('settle', { exceptionId: 'e1', action: 'split' });
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 1 }], 'newark');
  talk.tell('pack', { packageId: 'p1' });
  talk.tell('book', { packageId: 'p1', carrier: 'acme', service: 'ground', bookingId: 'b1', trackingId: 't1' });
  talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  talk.tell('raise', { kind: 'stuckParcel', packageId: 'p1', evidence: {} });
  talk.tell('settle', { exceptionId: 'e2', action: 'refund', amountMinor: 17_600, ...BY_POLICY });
  talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW + 1 });
  return talk;
}

test('a parcel of which a unit is sent otherwise, and that was paid back and is lost, is neither paid again nor sent again', () => {
  const talk = givenPaidBackWithoutOne();
  expect(talk.state.exceptions.get('e3')).toMatchObject({ kind: 'cancelRequest', state: 'OPEN' });
  talk.tell('settle', { exceptionId: 'e3', action: 'refund', amountMinor: 17_600, ...BY_POLICY });
  expect(refunds(talk)).toEqual([17_600]);
});

test('an order that is cancelled after a parcel of it was paid back and lost is paid back the rest', () => {
  const talk = givenPaidBackWithoutOne();
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('settle', { exceptionId: 'e4', action: 'cancel', amountMinor: 19_500, ...BY_POLICY });
  expect({ cancelled: cancelledUnits(talk), paid: refunds(talk) }).toEqual({ cancelled: 5, paid: [17_600, 1_900] });
});

test('an order that is cancelled does not pay again for a lost parcel that was paid back, where another has come', () => {
  const talk = givenTwo();
  talk.tell('raise', { kind: 'stuckParcel', packageId: 'p1', evidence: {} });
  talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 5_700 });
  talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW + 1 });
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p2' });
  talk.tell('book', { packageId: 'p2', carrier: 'acme', service: 'ground', bookingId: 'b2', trackingId: 't2' });
  talk.tell('track', { packageId: 'p2', code: 'delivered', scannedAt: NOW + 2 });
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} });
  talk.tell('settle', { exceptionId: 'e3', action: 'cancel', amountMinor: 5_700, ...BY_POLICY });
  expect({ cancelled: cancelledUnits(talk), paid: refunds(talk) }).toEqual({ cancelled: 3, paid: [5_700] });
});

test('a parcel that is called back from an old address is not sent to the new one where its customer wants it no more', () => {
  const talk = givenTwo();
  talk.tell('raise', { kind: 'addressProblem', packageId: 'p1', evidence: { code: 'OLD_DESTINATION' } });
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: { reason: 'changedMind' } });
  talk.tell('settle', { exceptionId: 'e1', action: 'intercept', unitsTo: 'open' });
  const [open, ...others] = [...talk.state.exceptions.values()].filter(({ state }) => state === 'OPEN');
  expect(others).toEqual([]);
  expect(open).toMatchObject({ kind: 'cancelRequest', evidence: { reason: 'changedMind' }, units: [{ qty: 3 }] });
  talk.tell('settle', { exceptionId: open?.exceptionId ?? '', action: 'cancel', amountMinor: 5_700, ...BY_POLICY });
  expect({ cancelled: cancelledUnits(talk), paid: refunds(talk) }).toEqual({ cancelled: 3, paid: [5_700] });
});

test('nobody decides about a backorder of an order that lacks nothing', () => {
  const talk = givenAllocated();
  talk.tell('raise', { kind: 'backorder', evidence: { hoursToSupply: 72 } });
  expect(talk.state.exceptions.size).toBe(0);
});

describe('a bundle', () => {
  const component = fc.record({ sku: fc.constantFrom('cup', 'pot', 'lid'), qty: fc.integer({ min: 1, max: 5 }) });
  const components = fc.array(component, { minLength: 1, maxLength: 4 });
  const value = fc.integer({ min: 0, max: 20_000 });
  const qty = fc.integer({ min: 1, max: 4 });

  const captured = (set: { value: number; qty: number }, of: readonly { sku: string; qty: number }[]): Talk => {
    const talk = new Talk();
    const line = { lineId: '1', sku: 'set', ...set };
    talk.tell('capture', { order: documentOf({ lines: [{ ...line, components: [...of] }] }) });
    const other = new Talk();
    other.tell('capture', { order: documentOf({ lines: [line] }) });
    other.tell('expand', { bundles: 'b1', lines: [{ lineId: '1', components: of }] }, { taskId: other.task('source') });
    expect(lineViews(other.state)).toEqual(lineViews(talk.state));
    return talk;
  };

  test('is worth what its components are together, whatever is in it', () => {
    fc.assert(
      fc.property(components, value, qty, (of, price, sets) => {
        const lines = lineViews(captured({ value: price, qty: sets }, of).state);
        expect(lines.reduce((sum, line) => sum + line.qty * line.value, 0)).toBe(price * sets);
        const values = lines.map((line) => line.value);
        expect(Math.min(...values)).toBe(Math.floor(price / of.reduce((sum, one) => sum + one.qty, 0)));
        const units = new Map<string, number>();
        for (const line of lines) units.set(line.sku, (units.get(line.sku) ?? 0) + line.qty / sets);
        for (const { sku } of of) {
          expect(units.get(sku)).toBe(of.reduce((sum, one) => sum + (one.sku === sku ? one.qty : 0), 0));
        }
      }),
    );
  });

  test('that is given up component by component is paid back to the last minor unit', () => {
    const talk = captured({ value: 1_000, qty: 2 }, [{ sku: 'cup', qty: 3 }]);
    expect(lineViews(talk.state).map((line) => [line.lineId, line.qty, line.value])).toEqual([
      ['1.1', 2, 334],
      ['1.2', 4, 333],
    ]);
    const unfilled = lineViews(talk.state).map((line) => ({ lineId: line.lineId, qty: line.qty }));
    const task = { taskId: talk.task('source') };
    talk.tell('allocate', { packages: [], unfilled, unfilledTo: 'cancelled', retryAt: NOW }, task);
    expect(refunds(talk)).toEqual([2_000]);
  });

  test('that was captured before its components were worth it exactly is read as it was', () => {
    const talk = captured({ value: 1_000, qty: 2 }, [{ sku: 'cup', qty: 3 }]);
    const before = talk.events.map(({ exact: _exact, ...event }: OrderEvent & { exact?: true }) => event as OrderEvent);
    expect(lineViews(replay('order-1', before)).map((line) => [line.lineId, line.qty, line.value])).toEqual([
      ['1.1', 6, 333],
    ]);
  });
});
