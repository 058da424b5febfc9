// What lacks stock, and ship nodes that rejected: when an order is sourced again, from where, and what of it is journaled.
import { readFile } from 'node:fs/promises';
import { DateTime } from 'luxon';
import { expect, test } from 'vitest';
import { parsePolicy } from '../exceptions/policy.ts';
import { UNCOUNTED } from '../live/capacity.ts';
import type { CarrierService } from '../sourcing/rules.ts';
import { settleByPolicy } from './policy.ts';
import type { Settle } from './ports.ts';
import { processorsOf } from './processors/index.ts';
import { leftOut } from './processors/left-out.ts';
import { taskRunner } from './runner.ts';
import { rejectedAsBusy } from './testing/packed.ts';
import { policyOf } from './testing/policies.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const HOUR_MS = 3_600_000;

async function givenRejected(reasonCode: string) {
  const world = givenWorld({ 'us-east/chicago/mug': 40, 'us-east/chicago/pot': 40 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 18 }), 'r');
  await world.work('o-1', 'source');
  await world.grid.advanceOrder('o-1', { type: 'reject', packageId: 'p1', reasonCode }, { requestId: 'reject' });
  await world.work('o-1', 'settle');
  await world.work('o-1', 'source');
  return world;
}

test.each([
  ['tooBusy', 8],
  ['outOfStock', 24],
  ['flooded', 24],
])('a node that rejected units (%s) is left out for %i hours, and sends them then', async (reasonCode, hours) => {
  const world = await givenRejected(reasonCode);
  expect(world.detail('o-1')).toMatchObject({ status: 'BACKORDERED', lines: [{ backordered: 18 }] });
  const rejectedAt = world.detail('o-1').exceptions[0]?.openedAt ?? 0;
  // Who decides about the backorder is told why.
  expect(world.detail('o-1').exceptions[1]).toMatchObject({ evidence: { leftOut: [`chicago (${reasonCode})`] } });

  world.moveTo(rejectedAt + hours * HOUR_MS - 1_000);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages).toHaveLength(1);
  // It is tried again the moment that the node is asked again, not some hours later.
  expect(world.tasksOf('o-1', 'source')[0]?.dueAt).toBe(rejectedAt + hours * HOUR_MS);

  world.moveTo(rejectedAt + hours * HOUR_MS);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages[1]).toMatchObject({ node: 'chicago', lines: [{ sku: 'mug', qty: 18 }] });
});

test('a node without the units is left out for their SKUs only, one that cannot send them for all; by the rules of then', async () => {
  const { rejectedHours } = RULES;
  const without = await givenRejected('outOfStock');
  const outOfStock = leftOut(without.detail('o-1'), RULES, without.clock);
  expect([outOfStock.has('chicago', 'mug'), outOfStock.has('chicago', 'pot')]).toEqual([true, false]);
  const busy = await givenRejected('tooBusy');
  const tooBusy = leftOut(busy.detail('o-1'), RULES, busy.clock);
  expect([tooBusy.has('chicago', 'pot'), tooBusy.has('newark', 'mug')]).toEqual([true, false]);
  const never = leftOut(busy.detail('o-1'), { rejectedHours: { ...rejectedHours, tooBusy: 0 } }, busy.clock);
  expect(never).toMatchObject({ until: undefined, reasons: [] });
});

test('a node that did not find all of a SKU is left out for it, so that it comes from elsewhere', async () => {
  const world = givenWorld({ 'us-east/chicago/mug': 40, 'us-east/chicago/pot': 40, 'us-east/newark/mug': 40 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 5 }), 'r');
  await world.work('o-1', 'source');
  await world.work('o-1', 'release');
  const [first] = world.detail('o-1').packages;
  const missing = [{ lineId: '1', qty: 2 }];
  await world.grid.advanceOrder(
    'o-1',
    { type: 'shortPick', packageId: 'p1', missing, reasonCode: 'notFound' },
    { requestId: 'short' },
  );
  const left = leftOut(world.detail('o-1'), RULES, world.clock);
  expect([left.has(first?.node ?? '', 'mug'), left.has(first?.node ?? '', 'pot')]).toEqual([true, false]);

  await world.work('o-1', 'settle');
  await world.work('o-1', 'source');
  const [, second] = world.detail('o-1').packages;
  // What is decided is to source all of the package again.
  expect(second).toMatchObject({ lines: [{ sku: 'mug', qty: 5 }] });
  expect(second?.node).not.toBe(first?.node);
});

test.each(['left out', 'full'])(
  'where a node that has it is %s for now, nothing is given up for lack of stock',
  async (why) => {
    const rules = {
      ...RULES,
      shortage: 'partial' as const,
      nodes: RULES.nodes.map((node) => (why === 'full' ? { ...node, packagesPerDay: 1 } : node)),
    };
    const asFull = { ...UNCOUNTED, packagesOf: () => 1 };
    const world = givenWorld({ 'us-east/chicago/mug': 50 }, { rules }, why === 'full' ? { capacity: asFull } : {});
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    await world.work('o-1', 'source');
    if (why === 'left out') {
      await rejectedAsBusy(world);
      await world.work('o-1', 'source');
    }
    expect(world.detail('o-1').lines).toMatchObject([{ cancelled: 0, backordered: 2 }]);
    expect(world.tasksOf('o-1', 'refund')).toEqual([]);
  },
);

test('who decides about a backorder is told which ship nodes have it and are full; it is tried again when they hand over the next', async () => {
  const rules = { ...RULES, nodes: RULES.nodes.map((node) => ({ ...node, packagesPerDay: 2 })) };
  const capacity = { ...UNCOUNTED, packagesOf: () => 2 };
  const world = givenWorld({ 'us-east/chicago/mug': 50, 'us-east/chicago/cup': 50 }, { rules }, { capacity });
  const noon = DateTime.utc().plus({ days: 1 }).set({ hour: 13, minute: 0 });
  world.moveTo(noon.toMillis());
  const lines = [{ lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900, substitutes: ['cup'] }];
  await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
  await world.work('o-1', 'source');
  const [{ evidence } = {}] = world.detail('o-1').exceptions;
  expect(evidence).toMatchObject({ full: ['chicago (2 of 2 packages)'] });
  const cutoff = noon.set({ hour: 15, minute: 0, second: 0, millisecond: 0 }).toMillis();
  expect(world.tasksOf('o-1', 'source')).toMatchObject([{ dueAt: cutoff + 1 }]);
  await world.work('o-1', 'source');
  expect(world.grid.journey('o-1').at(-1)).toMatchObject({
    type: 'taskDeferred',
    reason: 'no stock, chicago (2 of 2 packages)',
  });
  // Once more when the promise has passed.
  const promisedAt = noon.plus({ hours: 1 }).toMillis();
  const repromise = { type: 'settle', exceptionId: 'e1', action: 'repromise', promisedAt };
  await world.grid.advanceOrder('o-1', repromise, { requestId: 'later' });
  world.moveTo(promisedAt + HOUR_MS / 2);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions[1]?.evidence).toMatchObject({ full: ['chicago (2 of 2 packages)'] });
});

test('units that are there and do not go by the service of their order wait, whatever the rules say of a shortage, and who decides sees why', async () => {
  const [ground] = RULES.services as [CarrierService];
  const air = { ...ground, service: 'air', nodes: ['chicago'] };
  const rules = { ...RULES, shortage: 'partial' as const, services: [ground, air] };
  const world = givenWorld({ 'us-east/newark/mug': 2 }, { rules });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }, { service: 'air' }), 'r');
  await world.work('o-1', 'source');
  expect(world.detail('o-1')).toMatchObject({
    status: 'BACKORDERED',
    exceptions: [{ kind: 'backorder', evidence: { notBy: 'air' } }],
  });
  world.grid.stock.set('us-east/chicago/mug', 2);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages).toMatchObject([{ node: 'chicago', service: 'air' }]);
});

test('of a ship node that is only too busy no substitute is sent; of one that has not got it, it is', async () => {
  for (const [reasonCode, sent] of [
    ['tooBusy', ['mug']],
    ['outOfStock', ['mug', 'cup']],
  ] as const) {
    const world = givenWorld({ 'us-east/chicago/mug': 40, 'us-east/newark/cup': 40 });
    const lines = [{ lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900, substitutes: ['cup'] }];
    await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
    await world.work('o-1', 'source');
    await world.grid.advanceOrder('o-1', { type: 'reject', packageId: 'p1', reasonCode }, { requestId: 'reject' });
    await world.work('o-1', 'settle');
    await world.work('o-1', 'source');
    expect(world.detail('o-1').packages.map((one) => one.lines[0]?.sku)).toEqual(sent);
  }
});

test('what lacks stock is tried again less and less often, one event each, which says why', async () => {
  const world = givenWorld({});
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  await world.work('o-1', 'settle');
  const before = world.grid.state('o-1').seq;
  const pauses: number[] = [];
  while (pauses.length < 80) {
    const at = world.tasksOf('o-1', 'source')[0]?.dueAt ?? 0;
    world.moveTo(at);
    await world.work('o-1', 'source');
    pauses.push((world.tasksOf('o-1', 'source')[0]?.dueAt ?? 0) - at);
  }
  const hours = pauses.map((ms) => Math.round(ms / HOUR_MS));
  expect(hours).toEqual(hours.toSorted((a, b) => a - b));
  expect([hours[0], hours.at(-1)]).toEqual([4, 24]);
  // Two months.
  expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(60 * 24 * HOUR_MS);
  const events = world.grid.journey('o-1').slice(before);
  expect(events.map(({ type }) => type)).toEqual(pauses.map(() => 'taskDeferred'));
  expect(events[0]).toMatchObject({ reason: 'no stock' });
});

test('what lacks stock once more has waited since then, not since the backorder that is long over', async () => {
  const world = givenWorld({});
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  world.grid.stock.set('us-east/newark/mug', 1);
  await world.work('o-1', 'source');
  world.moveTo(Date.now() + 20 * 24 * HOUR_MS);
  const reject = { type: 'reject', packageId: 'p1', reasonCode: 'outOfStock' };
  await world.grid.advanceOrder('o-1', reject, { requestId: 'x' });
  await world.work('o-1', 'settle');
  world.grid.stock.set('us-east/newark/mug', 0);
  const { nodes } = RULES;
  const never = { ...RULES, nodes, rejectedHours: { other: 0, tooBusy: 0 } };
  const [task] = world.tasksOf('o-1', 'source');
  await taskRunner(processorsOf({ rules: never }), world.ports).run({
    taskId: task?.taskId ?? '',
    orderId: 'o-1',
    kind: 'source',
    region: 'us-east',
  });
  const pauseMs = (world.tasksOf('o-1', 'source')[0]?.dueAt ?? 0) - world.clock.now();
  expect(Math.round(pauseMs / HOUR_MS)).toBe(4);
});

test('a try that is told twice, by a process that died, is put off once', async () => {
  const world = givenWorld({});
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  const { seq } = world.grid.state('o-1');
  world.grid.fault = (call) => {
    if (call === 'advanced defer') throw new Error('died');
  };
  const [task] = world.tasksOf('o-1', 'source');
  await expect(world.work('o-1', 'source')).rejects.toThrow('died');
  world.grid.fault = () => {};
  expect(world.grid.state('o-1').seq).toBe(seq + 1);
  expect(world.tasksOf('o-1', 'source')).toMatchObject([{ taskId: task?.taskId }]);
});

test('once stock is there, and nothing waits any more, nobody has to decide about the backorder', async () => {
  const world = givenWorld({});
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions).toMatchObject([{ kind: 'backorder', state: 'OPEN' }]);
  world.grid.stock.set('us-east/newark/mug', 1);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions).toMatchObject([{ state: 'SETTLED', decisions: [{ rule: 'sourced' }] }]);
  expect(world.tasksOf('o-1', 'settle')).toEqual([]);
});

test('when the promise passes and there is still no stock, it is to be decided about again, once for each promise', async () => {
  const world = givenWorld({});
  const promisedAt = Date.now() + HOUR_MS;
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }, { promisedAt }), 'r');
  await world.work('o-1', 'source');
  const repromise = { type: 'settle', exceptionId: 'e1', action: 'repromise', promisedAt: promisedAt + 24 * HOUR_MS };
  await world.grid.advanceOrder('o-1', repromise, { requestId: 'later' });

  world.moveTo(promisedAt + 23 * HOUR_MS);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions).toHaveLength(1);

  world.moveTo(promisedAt + 25 * HOUR_MS);
  await world.work('o-1', 'source');
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions.map(({ kind, state }) => [kind, state])).toEqual([
    ['backorder', 'SETTLED'],
    ['backorder', 'OPEN'],
  ]);
});

const DAY_MS = 24 * HOUR_MS;

/** Decided by the example policy. */
async function givenBackordered(promisedAt?: number): Promise<Steps> {
  const policy = parsePolicy(await readFile('examples/policies/standard.yaml', 'utf8'));
  const settle: Settle = (...about) => settleByPolicy({ policy, rules: RULES, ports: () => world.ports })(...about);
  const world: Steps = givenWorld({}, {}, { settle });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }, promisedAt === undefined ? {} : { promisedAt }), 'r');
  await world.work('o-1', 'source');
  return world;
}

test('given a backorder of which nobody knows when there is stock, then no day is promised, the customer is told so, and a week later it is decided again', async () => {
  const world = await givenBackordered(Date.now() + DAY_MS);
  await world.work('o-1', 'settle');
  expect(world.detail('o-1')).toMatchObject({
    exceptions: [{ state: 'SETTLED', decisions: [{ action: 'repromise' }] }],
  });
  expect(world.detail('o-1')).not.toHaveProperty('promisedAt');
  await world.work('o-1', 'notify');
  expect([...world.told.values()]).toMatchObject([{ about: 'repromise' }]);
  world.moveTo(Date.now() + 6 * DAY_MS);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions).toHaveLength(1);
  world.moveTo(Date.now() + 8 * DAY_MS);
  await world.work('o-1', 'source');
  await world.work('o-1', 'source');
  expect(world.detail('o-1').exceptions.map(({ state }) => state)).toEqual(['SETTLED', 'OPEN']);
});

test('given somebody who knows when there is stock, then that is what is promised, also where it was noticed before', async () => {
  const world = await givenBackordered();
  const raise = { type: 'raise', kind: 'backorder', evidence: { hoursToSupply: 72 } };
  await world.grid.advanceOrder('o-1', raise, { requestId: 'supply' });
  expect(world.detail('o-1').exceptions).toMatchObject([
    { state: 'SETTLED', decisions: [{ rule: 'supply' }] },
    { state: 'OPEN', evidence: { hoursToSupply: 72, lines: [{ lineId: '1', qty: 1 }] } },
  ]);
  const nothing = { type: 'settle', exceptionId: 'e2', action: 'repromise' };
  expect(await world.grid.advanceOrder('o-1', nothing, { requestId: 'nothing' })).toMatchObject({ ok: false });
  const policy = policyOf('backorder', 'when: hoursToSupply < 100.0, allow: [repromise]');
  const order = await world.grid.getOrder('o-1', true);
  const [, exception] = order?.detail.exceptions ?? [];
  if (order === undefined || exception === undefined) throw new Error('nothing lacks');
  const settle = settleByPolicy({ policy, rules: RULES, ports: () => world.ports });
  const { command } = await settle(exception, order, 'o-1/settle#2');
  // Three days until it is there, five to source and send it, and one to be sure.
  expect(command.action).toBe('repromise');
  expect(Math.round(((command.promisedAt ?? 0) - Date.now()) / DAY_MS)).toBe(9);
});

test('given a promise that is far away, then it stands while nobody knows better', async () => {
  const promisedAt = Date.now() + 30 * DAY_MS;
  const world = await givenBackordered(promisedAt);
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').promisedAt).toBe(promisedAt);
});
