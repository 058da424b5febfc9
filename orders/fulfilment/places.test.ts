// Places of packages among those that their ship nodes hand over (`packagesPerDay`): what counts, for which hand-over, and until when.
import { expect, test } from 'vitest';
import { liveCapacity } from '../live/capacity.ts';
import { MemoryLog } from '../shared/memory-log.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import { givenWorld } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const DAY_MS = 86_400_000;
/** Tomorrow's noon: the cutoff is at 15:00. */
const NOON = Math.ceil(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;

async function given(stock: Readonly<Record<string, number>>, changes: Partial<SourcingRules> = {}) {
  let now = NOON;
  const clock = { speed: 1, now: () => now, toGrid: (at: number) => at, fromGrid: (at: number) => at };
  const rules = { ...RULES, ...changes, nodes: RULES.nodes.map((node) => ({ ...node, packagesPerDay: 5 })) };
  const log = new MemoryLog();
  const open = () => liveCapacity({ log, rules: () => rules, clock, saves: true, say: () => {}, pollMs: 1e6 });
  const [capacity, elsewhere] = [await open(), await open()];
  const world = givenWorld(stock, { rules }, { capacity, clock });
  /** As another process counts them. */
  const counted = async () => {
    await elsewhere.look();
    const places = ['chicago', 'newark'].map((node) => elsewhere.packagesOf(node));
    expect(['chicago', 'newark'].map((node) => capacity.packagesOf(node))).toEqual(places);
    return places;
  };
  return { ...world, counted, later: (ms: number) => (now += ms) };
}

test('a node that refused all of its package hands over none', async () => {
  const world = await given({ 'us-east/newark/mug': 3, 'us-east/chicago/pot': 3 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1, pot: 1 }), 'r');
  const reserve = world.grid.reserveOrder.bind(world.grid);
  // In the end what can be had is kept, and chicago had nothing.
  world.grid.reserveOrder = (orderId, lines, call) =>
    reserve(
      orderId,
      lines.filter(({ node }) => node === 'newark'),
      call,
    );
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages.map(({ node }) => node)).toEqual(['newark']);
  expect(await world.counted()).toEqual([0, 1]);
});

test('an order that is cancelled while its plan is reserved has no package, and no place', async () => {
  const world = await given({ 'us-east/newark/mug': 3 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  let isCancelled = false;
  const advance = world.grid.advanceOrder.bind(world.grid);
  world.grid.advanceOrder = async (orderId, command, call) => {
    if (command.type === 'allocate' && !isCancelled) {
      isCancelled = true;
      await advance('o-1', { type: 'raise', kind: 'cancelRequest', evidence: {} }, { requestId: 'c' });
      const settled = { type: 'settle', exceptionId: 'e1', action: 'cancel', amountMinor: 0 };
      await advance('o-1', settled, { requestId: 's' });
    }
    return advance(orderId, command, call);
  };
  await world.work('o-1', 'source');
  expect(world.detail('o-1')).toMatchObject({ status: 'CANCELLED', packages: [] });
  await world.work('o-1', 'stock');
  expect(await world.counted()).toEqual([0, 0]);
});

test('two packages of one order count as two, and the place of one that is given up is free at once', async () => {
  const world = await given({ 'us-east/newark/mug': 1 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  await world.work('o-1', 'source');
  world.grid.stock.set('us-east/newark/mug', 1);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages.map(({ node }) => node)).toEqual(['newark', 'newark']);
  expect(await world.counted()).toEqual([0, 2]);
  await world.grid.advanceOrder(
    'o-1',
    { type: 'raise', kind: 'lateRisk', packageId: 'p1', evidence: {} },
    { requestId: 'l' },
  );
  await world.grid.advanceOrder('o-1', { type: 'settle', exceptionId: 'e2', action: 'resource' }, { requestId: 's' });
  await world.work('o-1', 'stock');
  expect(await world.counted()).toEqual([0, 1]);
});

test('what is on hold until its hand-over is past goes with the next', async () => {
  const world = await given({ 'us-east/newark/mug': 3 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  await world.work('o-1', 'source');
  expect(await world.counted()).toEqual([0, 1]);
  world.later(DAY_MS);
  expect(await world.counted()).toEqual([0, 0]);
  await world.work('o-1', 'release');
  expect(await world.counted()).toEqual([0, 1]);
});

test('a process that dies before it tells of a place leaves it to the release', async () => {
  const world = await given({ 'us-east/newark/mug': 3 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  world.grid.fault = (call) => {
    if (call === 'advanced allocate') throw new Error('died');
  };
  await expect(world.work('o-1', 'source')).rejects.toThrow('died');
  world.grid.fault = () => {};
  expect(await world.counted()).toEqual([0, 0]);
  await world.work('o-1', 'release');
  expect(await world.counted()).toEqual([0, 1]);
});
