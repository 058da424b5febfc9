// What is decided on a running order agrees: what is paid back with what is cancelled, at the carriers too, and promises with each other.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Json } from '../../protocol/index.ts';
import { CarrierError } from '../carriers/errors.ts';
import { parsePolicy } from '../exceptions/policy.ts';
import { settleByPolicy } from './policy.ts';
import type { Settle, Settlement } from './ports.ts';
import { policyOf } from './testing/policies.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const HOUR_MS = 3_600_000;
const STANDARD = parsePolicy(readFileSync(new URL('../../examples/policies/standard.yaml', import.meta.url), 'utf8'));

async function settle(world: Steps, policy: ReturnType<typeof policyOf>, kind: string): Promise<Settlement> {
  const order = await world.grid.getOrder('o-1', true);
  const exception = order?.detail.exceptions.find((one) => one.kind === kind && one.state !== 'SETTLED');
  if (order === undefined || exception === undefined) throw new Error(`there is no open ${kind}`);
  return settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(
    exception,
    order,
    `o-1/${exception.exceptionId}`,
  );
}

async function advance(world: Steps, command: { type: string; [field: string]: Json }) {
  const reply = await world.grid.advanceOrder('o-1', command, { requestId: `r${world.grid.state('o-1').seq}` });
  expect(reply).toMatchObject({ ok: true });
}

/** Decides as the policy does, and tells the order. */
async function decided(world: Steps, policy: ReturnType<typeof policyOf>, kind: string) {
  const exceptionId = [...world.grid.state('o-1').exceptions.values()].find(
    (one) => one.kind === kind && one.state !== 'SETTLED',
  )?.exceptionId;
  const { command } = await settle(world, policy, kind);
  await advance(world, JSON.parse(JSON.stringify({ type: 'settle', exceptionId, ...command })));
  return command;
}

const refunds = (world: Steps): number[] =>
  world.tasksOf('o-1', 'refund').map(({ payload }) => (payload as { amountMinor: number }).amountMinor);

/** A mug in p1 and a pot in p2, each worth 1,900; the named ones as far as SHIPPED. */
async function givenTwo(shipped: readonly string[] = [], changes = {}): Promise<Steps> {
  const world = givenWorld({ 'us-east/chicago/mug': 1, 'us-east/newark/pot': 1 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1, pot: 1 }, changes), 'r');
  await world.work('o-1', 'source');
  const ids = [...world.grid.state('o-1').packages.keys()];
  expect(ids).toEqual(['p1', 'p2']);
  for (const packageId of shipped) {
    for (const type of ['release', 'pick', 'pack']) await advance(world, { type, packageId });
    await advance(world, {
      type: 'book',
      packageId,
      carrier: 'acme',
      service: 'ground',
      bookingId: `book#9${packageId}`,
      trackingId: `T-${packageId}`,
    });
    await advance(world, { type: 'track', packageId, code: 'inTransit', scannedAt: Date.now() });
  }
  return world;
}

/** A mug in p1 and a pot in p2, both booked, where this policy decides. */
async function givenBookedBoth(policy: ReturnType<typeof policyOf>): Promise<Steps> {
  const settleHere: Settle = (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about);
  const world: Steps = givenWorld({ 'us-east/chicago/mug': 1, 'us-east/newark/pot': 1 }, {}, { settle: settleHere });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1, pot: 1 }), 'r');
  await world.work('o-1', 'source');
  for (const packageId of ['p1', 'p2'])
    for (const type of ['release', 'pick', 'pack']) await advance(world, { type, packageId });
  await world.work('o-1', 'book');
  return world;
}

/** Of three mugs in p1 one was not found. */
async function givenShort(changes = {}): Promise<Steps> {
  const world = givenWorld({ 'us-east/chicago/mug': 9 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 3 }, changes), 'r');
  await world.work('o-1', 'source');
  await advance(world, { type: 'release', packageId: 'p1' });
  await advance(world, {
    type: 'shortPick',
    packageId: 'p1',
    missing: [{ lineId: '1', qty: 1 }],
    reasonCode: 'notFound',
  });
  return world;
}

test('of a short pick that a policy cancels, money and units agree', async () => {
  const world = await givenShort();
  const command = await decided(world, policyOf('shortPick', 'when: "true", allow: [cancel]'), 'shortPick');
  const { cancelled = 0 } = world.detail('o-1').lines[0] ?? {};
  expect({ cancelled, paid: refunds(world), amount: command.amountMinor }).toEqual({
    cancelled: 1,
    paid: [1_900],
    amount: 1_900,
  });
});

test('of a package that its customer wants no more, what it lacked when it was picked is given up and paid back, too', async () => {
  const world = await givenShort();
  await advance(world, { type: 'raise', kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  const { command } = await settle(world, policyOf('cancelRequest', 'when: "true", allow: [refund]'), 'cancelRequest');
  expect(command).toMatchObject({ action: 'refund', amountMinor: 5_700 });
  await decided(world, STANDARD, 'cancelRequest');
  expect({ cancelled: world.detail('o-1').lines[0]?.cancelled, paid: refunds(world) }).toEqual({
    cancelled: 3,
    paid: [5_700],
  });
});

test('of an order that was given up unpaid nothing is paid back when its parcel is lost', async () => {
  const world = await givenTwo(['p1']);
  await advance(world, { type: 'raise', kind: 'paymentFailure', evidence: { reason: 'declined', attempts: 4 } });
  const gaveUp = await decided(world, STANDARD, 'paymentFailure');
  expect(gaveUp).toMatchObject({ action: 'cancel', amountMinor: 0 });
  await advance(world, { type: 'track', packageId: 'p1', code: 'lost', scannedAt: Date.now() });
  // What nobody paid for is sent to nobody again, either.
  const command = await decided(world, STANDARD, 'cancelRequest');
  expect(command).toMatchObject({ action: 'cancel', rule: 'cancel-unpaid', amountMinor: 0 });
  expect({ status: world.detail('o-1').status, paid: refunds(world) }).toEqual({ status: 'CANCELLED', paid: [] });
});

test('parcels of an order that is given up unpaid are called back by the example policy, and left to a person where that fails', async () => {
  const world = await givenTwo(['p1']);
  const unpaid = async (carrier: object) => {
    Object.assign(world.carrier, { track: async () => ({ events: [] }), ...carrier });
    return settle(world, STANDARD, 'cancelRequest');
  };
  await advance(world, { type: 'raise', kind: 'paymentFailure', evidence: { reason: 'declined', attempts: 4 } });
  await decided(world, STANDARD, 'paymentFailure');
  let asked = 0;
  const underWay = await unpaid({
    intercept: async () => {
      asked += 1;
    },
  });
  expect({ underWay, asked }).toMatchObject({ underWay: { command: { action: 'intercept' } }, asked: 1 });
  const refused = await unpaid({
    intercept: async () => {
      throw new CarrierError('TOO_LATE', 'out for delivery');
    },
  });
  expect(refused.command).toMatchObject({ action: 'escalate', rule: 'cancel-unpaid' });
});

test('a failed payment that is promised anew is looked at again, and nothing is sent meanwhile', async () => {
  const policy = policyOf('paymentFailure', 'when: "true", allow: [repromise]');
  const settleHere: Settle = (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about);
  const world: Steps = givenWorld({ 'us-east/chicago/mug': 1 }, {}, { settle: settleHere });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  await advance(world, { type: 'raise', kind: 'paymentFailure', evidence: { reason: 'declined', attempts: 1 } });
  for (const _ of ['decided', 'again']) {
    await world.work('o-1', 'settle');
    const [task] = world.tasksOf('o-1', 'settle');
    expect(task?.dueAt).toBeGreaterThan(world.clock.now());
    expect(world.detail('o-1')).toMatchObject({
      holds: { payment: expect.any(String) },
      exceptions: [{ state: 'OPEN' }],
    });
  }
});

test.each(['lateRisk', 'addressProblem'])(
  'a parcel that is on its way is not cancelled for %s, but left to a person',
  async (kind) => {
    const world = await givenTwo(['p1']);
    await advance(world, { type: 'raise', kind, packageId: 'p1', evidence: {} });
    const { command } = await settle(world, policyOf(kind, 'when: "true", allow: [cancel]'), kind);
    expect(command).toMatchObject({ action: 'escalate' });
  },
);

test('a parcel whose address nobody knows is called back by the example policy, before anybody is paid', async () => {
  const world = await givenTwo(['p1']);
  let asked = 0;
  Object.assign(world.carrier, {
    track: async () => ({ events: [] }),
    intercept: async () => {
      asked += 1;
    },
  });
  await advance(world, { type: 'raise', kind: 'addressProblem', packageId: 'p1', evidence: {} });
  world.moveTo(Date.now() + 49 * HOUR_MS);
  const { command } = await settle(world, STANDARD, 'addressProblem');
  expect({ command, asked }).toMatchObject({ command: { action: 'intercept', rule: 'address-none' }, asked: 1 });
});

test('what came back since nobody knows its address can be cancelled, and is paid back then', async () => {
  const world = await givenTwo(['p1']);
  await advance(world, { type: 'track', packageId: 'p1', code: 'returned', scannedAt: Date.now() });
  await decided(world, policyOf('addressProblem', 'when: "true", allow: [cancel]'), 'addressProblem');
  const cancelled = world.detail('o-1').lines.reduce((sum, line) => sum + line.cancelled, 0);
  expect({ paid: refunds(world), cancelled }).toEqual({ paid: [1_900], cancelled: 1 });
});

test('a parcel that came before it could be stopped is not paid back: its order is told that it is there', async () => {
  const world = await givenTwo(['p1']);
  await advance(world, { type: 'raise', kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  Object.assign(world.carrier, {
    track: async () => ({ events: [{ kind: 'interceptFailed' }, { kind: 'delivered' }] }),
  });
  expect(await settle(world, STANDARD, 'cancelRequest')).toMatchObject({ later: HOUR_MS });
  await advance(world, { type: 'track', packageId: 'p1', code: 'delivered', scannedAt: Date.now() });
  expect(world.detail('o-1').exceptions).toMatchObject([{ kind: 'cancelRequest', state: 'SETTLED' }]);
  expect(refunds(world)).toEqual([]);
});

test('a new promise is not earlier than the one that stands', async () => {
  const promisedAt = Date.now() + 30 * 24 * HOUR_MS;
  const world = await givenShort({ promisedAt });
  const { command } = await settle(world, policyOf('shortPick', 'when: "true", allow: [repromise]'), 'shortPick');
  expect(command.promisedAt).toBeGreaterThanOrEqual(promisedAt);
});

test('a package that its carrier has picked up is not paid back with the order by a refund, but asked back', async () => {
  const world = await givenBookedBoth(STANDARD);
  await advance(world, { type: 'track', packageId: 'p1', code: 'inTransit', scannedAt: Date.now() });
  // p2 has been picked up, which its order does not know yet.
  Object.assign(world.carrier, {
    cancel: async () => {
      throw new CarrierError('TOO_LATE', 'picked up');
    },
  });
  await advance(world, { type: 'raise', kind: 'cancelRequest', evidence: {} });
  await world.work('o-1', 'settle');
  const p2 = world.detail('o-1').packages.find(({ packageId }) => packageId === 'p2');
  expect({ p2: p2?.state, paid: refunds(world) }).toEqual({ p2: 'BOOKED', paid: [] });
});

test('a request to cancel one package leaves what is booked of the others with their carriers', async () => {
  const world = await givenBookedBoth(policyOf('cancelRequest', 'when: "true", allow: [cancel]'));
  const [one, other] = world.detail('o-1').packages;
  await advance(world, { type: 'raise', kind: 'cancelRequest', packageId: 'p1', evidence: {} });
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').packages.map(({ state }) => state)).toEqual(['CANCELLED', 'BOOKED']);
  expect([one?.trackingId, other?.trackingId].map((id) => world.carrier.cancelled.has(id ?? ''))).toEqual([
    true,
    false,
  ]);
});

test('units that were not found and are given up leave what was packed without them with its carrier', async () => {
  const policy = policyOf('shortPick', 'when: "true", allow: [cancel]');
  const settleHere: Settle = (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about);
  const world: Steps = givenWorld({ 'us-east/chicago/mug': 9 }, {}, { settle: settleHere });
  await world.grid.captureOrder(orderOf('o-1', { mug: 3 }), 'r');
  await world.work('o-1', 'source');
  await advance(world, { type: 'release', packageId: 'p1' });
  const missing = [{ lineId: '1', qty: 1 }];
  await advance(world, { type: 'shortPick', packageId: 'p1', missing, reasonCode: 'notFound' });
  await advance(world, { type: 'pack', packageId: 'p1' });
  await world.work('o-1', 'book');
  await world.work('o-1', 'settle');
  expect(world.detail('o-1')).toMatchObject({ packages: [{ state: 'BOOKED' }], lines: [{ cancelled: 1 }] });
  expect([...world.carrier.cancelled]).toEqual([]);
});
