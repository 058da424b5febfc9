// What customers are told: which units it is about, what goes back to them, and what is promised instead.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Json, OrderDocument } from '../../protocol/index.ts';
import { parsePolicy } from '../exceptions/policy.ts';
import { settleByPolicy } from './policy.ts';
import type { Notice, Settle } from './ports.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const DAY_MS = 24 * 3_600_000;
const policy = parsePolicy(await readFile('examples/policies/standard.yaml', 'utf8'));
const MUG = { lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900, substitutes: ['cup'] };

/** Two mugs and a pot of one customer, by the example policy; of mugs there are so many. */
async function given(mugs = 2, changes: Partial<OrderDocument> = {}): Promise<Steps> {
  const settle: Settle = (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about);
  const stock = { 'us-east/chicago/mug': mugs, 'us-east/chicago/pot': 1 };
  const world: Steps = givenWorld(stock, {}, { settle });
  const lines = [MUG, { lineId: '2', sku: 'pot', qty: 1, grams: 400, value: 6_900 }];
  const order = orderOf('o-1', {}, { lines, currency: 'EUR', customer: 'anna', ...changes });
  await world.grid.captureOrder(order, 'r');
  await world.work('o-1', 'source');
  return world;
}

const advance = ({ grid }: Steps, command: { type: string; [field: string]: Json }) =>
  grid.advanceOrder('o-1', command, { requestId: `r${grid.state('o-1').seq}` });

async function shipped(world: Steps): Promise<void> {
  for (const type of ['release', 'pick', 'pack']) await advance(world, { type, packageId: 'p1' });
  await world.work('o-1', 'book');
  await advance(world, { type: 'track', packageId: 'p1', code: 'pickedUp', scannedAt: Date.now() });
}

/** What was told by now, and nothing of before. */
async function told(world: Steps): Promise<Notice[]> {
  world.told.clear();
  await world.work('o-1', 'notify');
  return [...world.told.values()];
}

const cancels = (world: Steps, about: { packageId?: string } = {}) =>
  advance(world, { type: 'raise', kind: 'cancelRequest', ...about, evidence: { reason: 'changedMind' } });

const BOTH = [
  { lineId: '1', sku: 'mug', qty: 2 },
  { lineId: '2', sku: 'pot', qty: 1 },
];
const PAID_BACK = { amountMinor: 10_700, currency: 'EUR' };

test('of a parcel: what is in it', async () => {
  const world = await given();
  await shipped(world);
  expect(world.tasksOf('o-1', 'notify')).toMatchObject([{ payload: { about: 'shipped', lines: BOTH } }]);
  expect(await told(world)).toMatchObject([{ about: 'shipped', packageId: 'p1', customer: 'anna', lines: BOTH }]);
  await advance(world, { type: 'track', packageId: 'p1', code: 'delivered', scannedAt: Date.now() });
  expect(await told(world)).toMatchObject([{ about: 'delivered', lines: BOTH, amountMinor: undefined }]);
});

test('of a cancellation: what is not sent, and what goes back', async () => {
  const world = await given();
  await cancels(world);
  await world.work('o-1', 'settle');
  const payload = { about: 'cancel', exceptionId: 'e1', lines: BOTH, ...PAID_BACK };
  expect(world.tasksOf('o-1', 'notify').map((task) => task.payload)).toEqual([payload]);
  expect(await told(world)).toMatchObject([{ about: 'cancel', lines: BOTH, ...PAID_BACK }]);
});

test('of an order that is on its way, which is cancelled: nothing, until its parcel is stopped', async () => {
  const world = await given();
  await shipped(world);
  await told(world);
  await cancels(world);
  const [whole] = world.tasksOf('o-1', 'settle');
  if (whole === undefined) throw new Error('nothing is asked');
  await world.runner.run({ taskId: whole.taskId, orderId: 'o-1', kind: 'settle', region: 'us-east' });
  expect(world.detail('o-1').exceptions).toMatchObject([{ state: 'SETTLED' }, { packageId: 'p1', state: 'OPEN' }]);
  expect(await told(world)).toEqual([]);
  const { track } = world.carrier;
  Object.assign(world.carrier, {
    intercept: async () => undefined,
    track: async (...asked: Parameters<typeof track>) => {
      const tracked = await track.apply(world.carrier, asked);
      return { ...tracked, events: [{ ...tracked.events[0], kind: 'intercepted', at: Date.now() }] };
    },
  });
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').packages).toMatchObject([{ state: 'INTERCEPTED' }]);
  expect(await told(world)).toMatchObject([{ about: 'cancel', packageId: 'p1', lines: BOTH, ...PAID_BACK }]);
});

test('of what is given up before it is paid: that it is cancelled, and no refund', async () => {
  const world = await given();
  await advance(world, { type: 'hold', holdType: 'payment', reason: 'not yet' });
  await cancels(world);
  await advance(world, { type: 'settle', exceptionId: 'e1', action: 'refund', amountMinor: 0, notify: 'refund' });
  const [notice] = await told(world);
  expect(notice).toMatchObject({ about: 'cancel', lines: BOTH, amountMinor: undefined });
});

test('of what is paid back as it is: its parcel, and how much', async () => {
  const world = await given();
  await shipped(world);
  await told(world);
  await advance(world, { type: 'raise', kind: 'lostParcel', packageId: 'p1', evidence: {} });
  const refund = { type: 'settle', exceptionId: 'e1', action: 'refund', amountMinor: 5_000, notify: 'refund' };
  await advance(world, refund);
  expect(await told(world)).toMatchObject([{ about: 'refund', lines: BOTH, amountMinor: 5_000, currency: 'EUR' }]);
});

test('of a backorder: what waits, and until when or that nobody knows', async () => {
  const world = await given(1, { promisedAt: Date.now() + DAY_MS });
  await advance(world, { type: 'raise', kind: 'backorder', evidence: { hoursToSupply: 200 } });
  const promisedAt = Date.now() + 20 * DAY_MS;
  await advance(world, { type: 'settle', exceptionId: 'e2', action: 'repromise', promisedAt, notify: 'repromise' });
  const lines = [{ lineId: '1', sku: 'mug', qty: 1 }];
  expect(await told(world)).toMatchObject([{ about: 'repromise', lines, promisedAt }]);
  await advance(world, { type: 'raise', kind: 'backorder', evidence: {} });
  await advance(world, { type: 'settle', exceptionId: 'e3', action: 'repromise', undated: true, notify: 'repromise' });
  expect(await told(world)).toMatchObject([{ about: 'repromise', lines, promisedAt: undefined }]);
});

test('of what the rules do not send: which units, and what goes back', async () => {
  const world = givenWorld({ 'us-east/chicago/mug': 1 }, { rules: { ...RULES, shortage: 'partial' } });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }, { currency: 'USD' }), 'r');
  await world.work('o-1', 'source');
  const lines = [{ lineId: '1', sku: 'mug', qty: 1 }];
  expect(await told(world)).toMatchObject([{ about: 'notSent', lines, amountMinor: 1_900, currency: 'USD' }]);
});

test('of a substitute that its customer does not get either: what would have been sent', async () => {
  const world = givenWorld({ 'us-east/chicago/cup': 2 });
  await world.grid.captureOrder(orderOf('o-1', {}, { lines: [MUG] }), 'r');
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages).toMatchObject([{ lines: [{ sku: 'cup' }] }]);
  await cancels(world, { packageId: 'p1' });
  const cancel = { type: 'settle', exceptionId: 'e1', action: 'cancel', amountMinor: 3_800, notify: 'cancel' };
  await advance(world, cancel);
  expect(await told(world)).toMatchObject([{ lines: [{ lineId: '1', sku: 'cup', qty: 2 }], amountMinor: 3_800 }]);
});
