// Histories from journeys that an order itself has written: how exceptions ended, as far as what came after tells.
import { expect, test } from 'vitest';
import { allocate, documentOf, givenAllocated, givenBooked, HOUR_MS, NOW, Talk } from '../order/testing/orders.ts';
import { settleException } from './for-orders.ts';
import { historyOf } from './journeys.ts';
import type { Action, Kind } from './kinds.ts';
import type { Policy } from './policy.ts';
import { replayPolicy } from './replay.ts';
import type { ExceptionEvent, Outcome } from './state.ts';
import { policyOf } from './testing/situations.ts';
import { zeroTouch } from './zero-touch.ts';

const ALWAYS = { from: 0, to: Number.MAX_SAFE_INTEGER };
const PROMISED = documentOf().promisedAt as number;
const EXPRESS = { carrier: 'acme', service: 'air' };

/** A policy that does one thing about a kind, and decides on the open exception as a processor does. */
function settle(talk: Talk, exceptionId: string, action: Action, option: object = {}): Policy {
  const one = talk.state.exceptions.get(exceptionId);
  if (one === undefined) throw new Error(`there is no ${exceptionId}`);
  const policy = policyOf([{ id: 'r', kind: one.kind, when: 'true', allow: [action] }]);
  const { command } = settleException(
    talk.events,
    {
      orderId: talk.state.orderId,
      exceptionId,
      kind: one.kind as Kind,
      openedAt: one.openedAt,
      facts: { missProbability: 0.9 },
      ...(one.packageId === undefined ? {} : { packageId: one.packageId }),
      ...(talk.state.promisedAt === undefined ? {} : { promisedAt: talk.state.promisedAt }),
      options: { [action]: option },
    },
    policy,
    talk.now,
  );
  const { type: _, ...data } = JSON.parse(JSON.stringify(command));
  talk.tell('settle', data, { taskId: talk.task('settle', exceptionId), cause: 'task:settle#1' });
  return policy;
}

/** p1 on its way and then told of. */
function track(talk: Talk, code: 'pickedUp' | 'delivered' | 'lost', scannedAt: number, packageId = 'p1'): void {
  talk.tell('track', { packageId, code, scannedAt });
}

function givenLost(): Talk {
  const talk = givenBooked();
  track(talk, 'pickedUp', NOW + 1);
  track(talk, 'lost', NOW + 24 * HOUR_MS);
  return talk;
}

/** What was sourced anew, sent as another package. */
function sendAgain(talk: Talk, packageId: string, costMinor: number): void {
  const waiting = [...talk.state.lines.values()].map(({ lineId, sku, open, backordered }) => ({
    lineId,
    sku,
    qty: open + backordered,
  }));
  allocate(
    talk,
    waiting.filter(({ qty }) => qty > 0),
  );
  for (const type of ['release', 'pick', 'pack'] as const) {
    talk.tell(type, { packageId }, { taskId: talk.task(type, packageId) });
  }
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b2', trackingId: 't2', costMinor };
  talk.tell('book', { packageId, ...booking }, { taskId: talk.task('book', packageId) });
  track(talk, 'pickedUp', NOW + 30 * HOUR_MS, packageId);
}

function outcomeOf(history: readonly ExceptionEvent[], exceptionId = 'e1'): Outcome | undefined {
  const ends = history.filter((event) => event.type === 'exceptionSettled' && event.exceptionId === exceptionId);
  return (ends.at(-1) as { outcome: Outcome } | undefined)?.outcome;
}
const endOf = (talk: Talk, exceptionId?: string) => outcomeOf(historyOf(talk.events), exceptionId);
const rateOf = (talk: Talk) => zeroTouch(historyOf(talk.events), ALWAYS)[0];

function givenLateRisk(talk = givenAllocated()): Talk {
  talk.tell('raise', { kind: 'lateRisk', packageId: 'p1', evidence: {} });
  return talk;
}

test('given a parcel that comes, then in time it counts and late it does not; until then it is pending', () => {
  const late = (deliveredAt: number): Talk => {
    const talk = givenLateRisk();
    settle(talk, 'e1', 'upgrade', { detail: EXPRESS });
    expect(rateOf(talk)).toMatchObject({ exceptions: 0, pending: 1 });
    for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
    talk.tell('book', { packageId: 'p1', ...EXPRESS, bookingId: 'b', trackingId: 't' });
    track(talk, 'delivered', deliveredAt);
    return talk;
  };

  expect(rateOf(late(PROMISED))).toMatchObject({ exceptions: 1, pending: 0, rate: 1, strictRate: 1 });
  expect(rateOf(late(PROMISED + 1))).toMatchObject({ rate: 0, misses: [{ miss: 'promise missed' }] });
});

test('given a new promise that is kept, then it counts but in the strict measure; made when the first had passed, then not', () => {
  const promisedAt = PROMISED + 48 * HOUR_MS;
  const told = (at: number): Talk => {
    const talk = givenBooked();
    track(talk, 'pickedUp', NOW);
    givenLateRisk(talk);
    talk.now = at;
    settle(talk, 'e1', 'repromise', { promisedAt });
    track(talk, 'delivered', promisedAt - 1);
    return talk;
  };

  expect(rateOf(told(NOW + HOUR_MS))).toMatchObject({ rate: 1, strictRate: 0 });
  expect(endOf(told(PROMISED + 1))).toMatchObject({ breached: true });
});

test('given a parcel that was taken for lost and comes after it was sent again, then that is reversed', () => {
  const talk = givenLost();
  settle(talk, 'e1', 'reship');
  expect(endOf(talk)).toMatchObject({ reversed: false, underWay: { promisedAt: PROMISED } });
  sendAgain(talk, 'p2', 700);
  track(talk, 'delivered', NOW + 40 * HOUR_MS, 'p2');
  expect(endOf(talk)).toEqual({
    breached: false,
    firstPromiseMissed: false,
    reversed: false,
    byPerson: false,
    cost: 700,
  });
  track(talk, 'delivered', NOW + 41 * HOUR_MS);

  expect(endOf(talk)).toMatchObject({ reversed: true, breached: false, cost: 700 });
  expect(rateOf(talk)).toMatchObject({ rate: 0, misses: [{ miss: 'reversed' }], cost: 700, reversedCost: 700 });
});

test('given a refund after it was sent again in vain, then the second parcel is undone, and what each cost is known', () => {
  const talk = givenLost();
  settle(talk, 'e1', 'reship');
  sendAgain(talk, 'p2', 700);
  track(talk, 'lost', NOW + 90 * HOUR_MS, 'p2');
  settle(talk, 'e2', 'refund', { detail: { amountMinor: 19_500 } });
  talk.tell('refund', { amountMinor: 19_500, reference: 'x' }, { taskId: talk.task('refund') });

  expect(endOf(talk, 'e1')).toMatchObject({ reversed: true, cost: 700 });
  expect(endOf(talk, 'e2')).toMatchObject({ reversed: false, breached: false, firstPromiseMissed: true, cost: 19_500 });
});

test('given a parcel that its shop calls back for good, then the first promise is missed; one that is sent again is under way', () => {
  const calledBack = (
    unitsTo: 'cancelled' | 'open',
    kind: 'addressProblem' | 'cancelRequest' = 'addressProblem',
  ): Talk => {
    const talk = givenBooked();
    track(talk, 'pickedUp', NOW);
    talk.tell('raise', { kind, packageId: 'p1', evidence: {} }, { cause: 'carrier:overland' });
    settle(talk, 'e1', 'intercept', { detail: { unitsTo } });
    return talk;
  };

  expect(endOf(calledBack('cancelled'))).toMatchObject({ firstPromiseMissed: true, breached: false });
  expect(endOf(calledBack('cancelled', 'cancelRequest'))).toMatchObject({ firstPromiseMissed: false });
  expect(endOf(calledBack('open'))).toMatchObject({ firstPromiseMissed: false, underWay: { promisedAt: PROMISED } });
});

test('given units that wait for stock, and a customer who cancels all the same, then the new promise is undone', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  const unfilled = [
    { lineId: '1', qty: 3 },
    { lineId: '2', qty: 2 },
  ];
  talk.tell('allocate', { packages: [], unfilled, retryAt: NOW + HOUR_MS }, { taskId: talk.task('source') });
  settle(talk, 'e1', 'repromise', { promisedAt: PROMISED + 100 * HOUR_MS });
  talk.tell('raise', { kind: 'cancelRequest', evidence: {} }, { cause: 'client' });
  settle(talk, 'e2', 'cancel');

  expect(endOf(talk, 'e1')).toMatchObject({ reversed: true });
  // What its customer gives up is no promise that its shop has missed.
  expect(endOf(talk, 'e2')).toMatchObject({ reversed: false, firstPromiseMissed: false });
});

test('given a customer who cancels another package with units of the same line, then what was done about the first stands', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf() });
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 1 }]);
  allocate(talk, [{ lineId: '1', sku: 'mug', qty: 2 }], 'newark');
  givenLateRisk(talk);
  settle(talk, 'e1', 'upgrade', { detail: EXPRESS });
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p2', evidence: {} }, { cause: 'client' });
  settle(talk, 'e2', 'cancel');
  expect(endOf(talk, 'e1')).toMatchObject({ reversed: false });
  talk.tell('raise', { kind: 'cancelRequest', packageId: 'p1', evidence: {} }, { cause: 'client' });
  settle(talk, 'e3', 'cancel');
  expect(endOf(talk, 'e1')).toMatchObject({ reversed: true });
});

test('given a person who decides, or to whom something else than a policy leaves it, then a person has touched it', () => {
  const touched = (by: (talk: Talk) => void): Outcome | undefined => {
    const talk = givenLost();
    settle(talk, 'e1', 'wait');
    by(talk);
    talk.tell('settle', { exceptionId: 'e1', action: 'refund', amountMinor: 1 }, { cause: 'task:settle#2' });
    return endOf(talk);
  };
  const escalate = (cause: string) => (talk: Talk) =>
    talk.tell('settle', { exceptionId: 'e1', action: 'escalate' }, { cause });

  expect(touched(() => undefined)).toMatchObject({ byPerson: false });
  expect(touched(escalate('client'))).toMatchObject({ byPerson: true });
  expect(touched(escalate('task:settle#1'))).toMatchObject({ byPerson: true });
});

test('given the word that a failed payment went through, then nobody has touched it; a person who lets the order go has', () => {
  const delivered = (end: (talk: Talk) => void): Outcome | undefined => {
    const talk = givenAllocated();
    talk.tell('raise', { kind: 'paymentFailure', evidence: {} }, { cause: 'client' });
    settle(talk, 'e1', 'wait');
    end(talk);
    for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
    talk.tell('book', { packageId: 'p1', ...EXPRESS, bookingId: 'b', trackingId: 't' });
    track(talk, 'delivered', PROMISED);
    return endOf(talk);
  };

  expect(delivered((talk) => talk.tell('unhold', { holdType: 'payment' }, { cause: 'client' }))).toMatchObject({
    byPerson: false,
    breached: false,
  });
  expect(
    delivered((talk) => {
      talk.tell('settle', { exceptionId: 'e1', action: 'repromise', promisedAt: PROMISED + 1 }, { cause: 'client' });
      talk.tell('unhold', { holdType: 'payment' }, { cause: 'client' });
    }),
  ).toMatchObject({ byPerson: true });
});

test('given a customer who corrects the address, then nobody else has touched it', () => {
  const talk = givenBooked();
  track(talk, 'pickedUp', NOW);
  talk.tell('raise', { kind: 'addressProblem', packageId: 'p1', evidence: {} }, { cause: 'carrier:acme' });
  settle(talk, 'e1', 'wait');
  const destination = { latitude: 34, longitude: -118, postalCode: '90012' };
  talk.tell('changeDestination', { destination }, { cause: 'client' });
  expect(endOf(talk)).toMatchObject({ byPerson: false });
});

test('given the policy of a journey, then a replay over it finds nothing otherwise; events of nobody’s are passed over', () => {
  const talk = givenLost();
  const policy = settle(talk, 'e1', 'reship');
  const history = historyOf([{ type: 'delivered', at: 1 }, ...talk.events, { type: 'other', at: NOW }]);

  expect(replayPolicy(policy, history, ALWAYS)).toMatchObject({ decisions: 1, changed: 0 });
  expect(historyOf([])).toEqual([]);
});

test('a bundle that becomes its components after something was noticed about the order is over when all of them are there', () => {
  const talk = new Talk();
  talk.tell('capture', { order: documentOf({ lines: [{ lineId: '1', sku: 'set', qty: 2 }] }) });
  talk.tell('raise', { kind: 'lateRisk', evidence: {} });
  settle(talk, 'e1', 'repromise', { promisedAt: PROMISED + HOUR_MS });
  const components = [
    { sku: 'cup', qty: 2 },
    { sku: 'pot', qty: 1 },
  ];
  talk.tell('expand', { bundles: 'b1', lines: [{ lineId: '1', components }] }, { taskId: talk.task('source') });
  allocate(talk, [
    { lineId: '1.1', sku: 'cup', qty: 4 },
    { lineId: '1.2', sku: 'pot', qty: 2 },
  ]);
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
  const booking = { carrier: 'acme', service: 'ground', bookingId: 'b', trackingId: 't' };
  talk.tell('book', { packageId: 'p1', ...booking });
  expect(endOf(talk)).toMatchObject({ underWay: {} });
  track(talk, 'delivered', NOW + HOUR_MS);
  expect(endOf(talk)).not.toHaveProperty('underWay');
});

test('a bundle of which some units of a component are worth more is over when all of them are there', () => {
  const talk = new Talk();
  const line = { lineId: '1', sku: 'set', qty: 1, value: 1_000, components: [{ sku: 'cup', qty: 3 }] };
  talk.tell('capture', { order: documentOf({ lines: [line] }) });
  talk.tell('raise', { kind: 'lateRisk', evidence: {} });
  settle(talk, 'e1', 'repromise', { promisedAt: PROMISED + HOUR_MS });
  allocate(talk, [
    { lineId: '1.1', sku: 'cup', qty: 1 },
    { lineId: '1.2', sku: 'cup', qty: 2 },
  ]);
  for (const type of ['release', 'pick', 'pack'] as const) talk.tell(type, { packageId: 'p1' });
  talk.tell('book', { packageId: 'p1', carrier: 'acme', service: 'ground', bookingId: 'b', trackingId: 't' });
  track(talk, 'delivered', NOW + HOUR_MS);
  expect(endOf(talk)).not.toHaveProperty('underWay');
});
