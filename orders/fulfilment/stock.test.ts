// Units leave the books and are put back once, also when a process dies halfway and the task is done again when the grid has forgotten it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf } from './testing/world.ts';

const LATER_MS = 61 * 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function givenReleased(): Promise<Steps> {
  const world = givenWorld({ 'us-east/newark/mug': 100 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 5 }), 'r');
  await world.work('o-1', 'source');
  await world.work('o-1', 'release');
  return world;
}

const tell = (world: Steps, command: Parameters<Steps['grid']['advanceOrder']>[1]) =>
  world.grid.advanceOrder(
    'o-1',
    { packageId: 'p1', cause: 'node', ...command },
    { requestId: JSON.stringify(command) },
  );

const short = (world: Steps, qty: number) =>
  tell(world, { type: 'shortPick', missing: [{ lineId: '1', qty }], reasonCode: 'notFound' });

async function workDying(world: Steps, call: string): Promise<void> {
  world.grid.fault = (one) => {
    if (one === call) throw new Error('died');
  };
  await expect(world.work('o-1', 'stock')).rejects.toThrow('died');
  world.grid.fault = () => {};
}

async function workLater(world: Steps): Promise<void> {
  vi.setSystemTime(Date.now() + LATER_MS);
  for (let turns = 0; turns < 3 && world.tasksOf('o-1', 'stock').length > 0; turns++) await world.work('o-1', 'stock');
}

const shipped = ({ grid }: Steps) => [...grid.shipped.values()].reduce((sum, qty) => sum + qty, 0);
const free = ({ grid }: Steps) => grid.stock.get('us-east/newark/mug');

test.each(['ship', 'shipped', 'advanceOrder done'])(
  'a part that is written off leaves the books once, where the process died at %s and comes back an hour later',
  async (call) => {
    const world = await givenReleased();
    await short(world, 2);
    await workDying(world, call);
    await workLater(world);
    expect([shipped(world), world.grid.held, world.tasksOf('o-1', 'stock')]).toEqual([2, 3, []]);
  },
);

test('of two parts of one reservation each leaves the books once, though one of them was asked for before', async () => {
  const world = await givenReleased();
  await short(world, 1);
  await short(world, 2);
  // The first is shipped and not told; of the second nothing was asked.
  await workDying(world, 'shipped');
  expect(shipped(world)).toBe(1);
  await workLater(world);
  expect([shipped(world), world.grid.held, world.tasksOf('o-1', 'stock')]).toEqual([3, 2, []]);
});

test('a late key is asked for anew once, and again when that is too late, too', async () => {
  const world = await givenReleased();
  await short(world, 2);
  vi.setSystemTime(Date.now() + LATER_MS);
  await world.work('o-1', 'stock');
  expect([shipped(world), world.tasksOf('o-1', 'stock').length]).toEqual([0, 1]);
  await workLater(world);
  expect([shipped(world), world.tasksOf('o-1', 'stock')]).toEqual([2, []]);
});

test('units are put back once an hour late, where nobody had begun', async () => {
  const world = await givenReleased();
  await tell(world, { type: 'reject', reasonCode: 'tooBusy' });
  await workLater(world);
  expect([free(world), world.grid.held, world.tasksOf('o-1', 'stock')]).toEqual([100, 0, []]);
});

test.each(['putBack', 'putIn', 'advanceOrder done'])(
  'units are put back once, where the process died at %s and comes back an hour later',
  async (call) => {
    const world = await givenReleased();
    await tell(world, { type: 'reject', reasonCode: 'tooBusy' });
    await workDying(world, call);
    await workLater(world);
    expect([free(world), world.grid.held, shipped(world), world.tasksOf('o-1', 'stock')]).toEqual([100, 0, 0, []]);
  },
);

test('a part that is put back while another is written off ends as it should, each once, an hour later', async () => {
  const world = await givenReleased();
  await short(world, 2);
  await workDying(world, 'shipped');
  await tell(world, { type: 'reject', reasonCode: 'tooBusy' });
  await workLater(world);
  expect([free(world), world.grid.held, shipped(world), world.tasksOf('o-1', 'stock')]).toEqual([98, 0, 2, []]);
});

test.each([
  ['outOfStock', { shipped: 2, free: 95 }],
  ['notFound', { shipped: 2, free: 95 }],
  ['damaged', { shipped: 2, free: 95 }],
  ['tooBusy', { shipped: 0, free: 97 }],
  ['closed', { shipped: 0, free: 97 }],
])(
  'units that a ship node does not pick as %s leave the books only where that says they are not there',
  async (reasonCode, units) => {
    const world = await givenReleased();
    await tell(world, { type: 'shortPick', missing: [{ lineId: '1', qty: 2 }], reasonCode });
    await world.work('o-1', 'stock');
    expect({ shipped: shipped(world), free: free(world) }).toEqual(units);
  },
);

test('a ship node that is too busy to pick all is left out as one that rejects, and no substitute is sent meanwhile', async () => {
  const world = givenWorld({ 'us-east/newark/mug': 100, 'us-east/chicago/cup': 100 });
  const lines = [{ lineId: '1', sku: 'mug', qty: 5, grams: 400, value: 1_900, substitutes: ['cup'] }];
  await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
  for (const kind of ['source', 'release']) await world.work('o-1', kind);
  await tell(world, { type: 'shortPick', missing: [{ lineId: '1', qty: 2 }], reasonCode: 'tooBusy' });
  const split = { type: 'settle', exceptionId: 'e1', action: 'split' };
  await world.grid.advanceOrder('o-1', split, { requestId: 'split' });
  await world.work('o-1', 'source');
  expect(world.detail('o-1')).toMatchObject({ packages: [{ node: 'newark' }], lines: [{ backordered: 2 }] });
  world.moveTo(Date.now() + 9 * LATER_MS);
  await world.work('o-1', 'source');
  expect(world.detail('o-1').packages.map(({ node, lines: [line] }) => [node, line?.sku, line?.qty])).toEqual([
    ['newark', 'mug', 3],
    ['newark', 'mug', 2],
  ]);
});

test.each(['payment', 'fraud'])(
  'what a process that died had committed for an order on hold (%s) that is given up then goes back',
  async (holdType) => {
    const world = givenWorld({ 'us-east/newark/mug': 100 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 5 }), 'r');
    world.grid.fault = (call) => {
      if (call === 'committed') throw new Error('died');
    };
    await expect(world.work('o-1', 'source')).rejects.toThrow('died');
    world.grid.fault = () => {};
    await world.grid.advanceOrder('o-1', { type: 'hold', holdType, reason: 'test' }, { requestId: 'hold' });
    await world.grid.advanceOrder('o-1', { type: 'raise', kind: 'cancelRequest', evidence: {} }, { requestId: 'wish' });
    await world.grid.advanceOrder(
      'o-1',
      { type: 'settle', exceptionId: 'e1', action: 'cancel' },
      { requestId: 'done' },
    );
    expect([world.grid.held, free(world)]).toEqual([5, 95]);
    await world.work('o-1', 'source');
    await world.work('o-1', 'stock');
    expect([world.grid.held, free(world)]).toEqual([0, 100]);
    expect([...world.grid.state('o-1').tasks.keys()]).toEqual([]);
  },
);
