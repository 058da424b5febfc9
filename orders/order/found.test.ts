// Parcels that were taken for lost and come after all: what was to be sent instead of them is not, as far as it is not on its way.
import { describe, expect, test } from 'vitest';
import { isEnded, lineViews, statusOf } from './state.ts';
import { allocate, documentOf, givenBooked, NOW, Talk } from './testing/orders.ts';

const BOOKING = { carrier: 'acme', service: 'ground', bookingId: 'b2', trackingId: 't2' };
const ALL = [
  { lineId: '1', sku: 'mug', qty: 3 },
  { lineId: '2', sku: 'pot', qty: 2 },
];

/** All of it was in p1, which its carrier has lost. */
function givenLost(): Talk {
  const talk = givenBooked();
  talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
  talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW + 1 });
  return talk;
}

function sendAgain(talk: Talk, ...steps: readonly ('release' | 'pick' | 'pack' | 'book' | 'ship')[]): Talk {
  talk.tell('settle', { exceptionId: 'e1', action: 'reship' });
  allocate(talk, ALL, 'newark');
  for (const step of steps) {
    if (step === 'book') talk.tell('book', { packageId: 'p2', ...BOOKING });
    else if (step === 'ship') talk.tell('track', { packageId: 'p2', code: 'pickedUp', scannedAt: NOW + 2 });
    else talk.tell(step, { packageId: 'p2' });
  }
  return talk;
}

const comes = (talk: Talk): unknown => talk.tell('track', { packageId: 'p1', code: 'delivered', scannedAt: NOW + 3 });
const states = (talk: Talk) => [...talk.state.packages.values()].map(({ state }) => state);

describe('a lost parcel that comes after all', () => {
  test('before anybody has decided about it is delivered, and nothing is sent again', () => {
    const talk = givenLost();
    comes(talk);
    expect(states(talk)).toEqual(['DELIVERED']);
    expect(talk.state.packages.get('p1')?.deliveredAt).toBe(NOW + 3);
    expect([...talk.state.exceptions.values()]).toMatchObject([{ state: 'SETTLED', units: [] }]);
    expect({ status: statusOf(talk.state), kinds: talk.kinds() }).toMatchObject({ status: 'DELIVERED' });
    expect(talk.kinds()).not.toContain('source');
  });

  test('while it is to be sourced again is not', () => {
    const talk = givenLost();
    talk.tell('settle', { exceptionId: 'e1', action: 'reship' });
    comes(talk);
    expect({ status: statusOf(talk.state), states: states(talk) }).toEqual({
      status: 'DELIVERED',
      states: ['DELIVERED'],
    });
    expect(talk.kinds()).not.toContain('source');
  });

  test.each([
    ['reserved', []],
    ['at the ship node', ['release', 'pick']],
    ['booked', ['release', 'pick', 'pack', 'book']],
  ] as const)('while what is sent instead is %s takes its place', (_where, steps) => {
    const talk = sendAgain(givenLost(), ...steps);
    comes(talk);
    expect({ status: statusOf(talk.state), states: states(talk) }).toEqual({
      status: 'DELIVERED',
      states: ['DELIVERED', 'CANCELLED'],
    });
    expect(lineViews(talk.state)).toMatchObject([
      { delivered: 3, cancelled: 0, open: 0 },
      { delivered: 2, cancelled: 0, open: 0 },
    ]);
    // Its ship node and its carrier are told, and its units go back to stock; nobody is paid anything.
    const { payload } = talk.state.tasks.get(talk.task('stock', 'p2')) ?? {};
    expect(payload).toMatchObject({ to: 'stock', lines: [{ qty: 3 }, { qty: 2 }] });
    expect(payload?.['booking'] !== undefined).toBe(steps.length === 4);
    for (const { taskId } of [...talk.state.tasks.values()]) talk.tell('done', {}, { taskId });
    expect(isEnded(talk.state)).toBe(true);
  });

  test('when what is sent instead is on its way is delivered, and the journey says what comes besides', () => {
    const talk = sendAgain(givenLost(), 'release', 'pick', 'pack', 'book', 'ship');
    comes(talk);
    expect(states(talk)).toEqual(['DELIVERED', 'SHIPPED']);
    expect(talk.events.findLast(({ type }) => type === 'delivered')).toMatchObject({
      packageId: 'p1',
      lines: [],
      sentAgain: ['p2'],
    });
    talk.tell('track', { packageId: 'p2', code: 'delivered', scannedAt: NOW + 4 });
    expect(statusOf(talk.state)).toBe('DELIVERED');
  });

  test('leaves what is to be sent besides it', () => {
    const talk = givenLost();
    talk.tell('settle', { exceptionId: 'e1', action: 'reship' });
    // Of what was sent again two pots are on their way, and mugs are not.
    allocate(talk, [{ lineId: '2', sku: 'pot', qty: 2 }], 'newark');
    for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p2' });
    talk.tell('book', { packageId: 'p2', ...BOOKING });
    talk.tell('track', { packageId: 'p2', code: 'pickedUp', scannedAt: NOW + 2 });
    comes(talk);
    expect(talk.events.findLast(({ type }) => type === 'delivered')).toMatchObject({
      lines: [{ lineId: '1', qty: 3 }],
      sentAgain: ['p2'],
    });
    expect(lineViews(talk.state)).toMatchObject([{ delivered: 3 }, { delivered: 0, inPackages: 2 }]);
    expect(talk.kinds()).not.toContain('source');
  });

  test('when it was paid back leaves what else is to be sent of the same line', () => {
    const talk = new Talk();
    talk.tell('capture', {
      order: documentOf({ lines: [{ lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900 }] }),
    });
    for (const node of ['chicago', 'newark']) allocate(talk, [{ lineId: '1', sku: 'mug', qty: 1 }], node);
    for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
    talk.tell('book', { packageId: 'p1', ...BOOKING });
    talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
    talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW + 1 });
    talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 1_900 });
    comes(talk);
    expect({ states: states(talk), lines: lineViews(talk.state) }).toMatchObject({
      states: ['LOST', 'RESERVED'],
      lines: [{ inPackages: 1, cancelled: 1 }],
    });
  });

  test('is told of as what was in it', () => {
    const talk = new Talk();
    talk.tell('capture', { order: documentOf() });
    allocate(talk, [ALL[0] as (typeof ALL)[0], { lineId: '2', sku: 'pan', qty: 2 }]);
    for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
    talk.tell('book', { packageId: 'p1', ...BOOKING });
    talk.tell('track', { packageId: 'p1', code: 'pickedUp', scannedAt: NOW });
    talk.tell('track', { packageId: 'p1', code: 'lost', scannedAt: NOW + 1 });
    comes(talk);
    const told = [...talk.state.tasks.values()].findLast(({ kind }) => kind === 'notify');
    expect(told?.payload).toMatchObject({ about: 'delivered', lines: [{ sku: 'mug' }, { sku: 'pan' }] });
  });

  test('when it was paid back stays paid back', () => {
    const talk = givenLost();
    talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 19_500 });
    comes(talk);
    expect({ states: states(talk), cancelled: lineViews(talk.state).map((one) => one.cancelled) }).toEqual({
      states: ['LOST'],
      cancelled: [3, 2],
    });
  });
});
