// Decision and reservation as one step, over a grid that refuses, sells to others in between and dies at the worst moment: what is
// reserved in the end, how often it was tried, and what the journey says of it. Substitutes and bundles, too.
import { describe, expect, test, vi } from 'vitest';
import { type Json, RESERVE_LINES_MAX } from '../../protocol/index.ts';
import { readBundles } from '../sourcing/bundles.ts';
import { SOLVED_AGAIN_MAX } from '../sourcing/limits.ts';
import { processorsOf } from './processors/index.ts';
import { taskRunner } from './runner.ts';
import { rejectedAsBusy } from './testing/packed.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

/** What each attempt planned: units by node. */
const plansOf = ({ grid }: Steps, orderId = 'o-1') =>
  grid
    .journey(orderId)
    .flatMap((event) =>
      event.type !== 'sourced'
        ? []
        : [
            event.packages.map(
              ({ node, lines }) => `${lines.map(({ qty, sku }) => `${qty} ${sku}`).join(' ')} at ${node}`,
            ),
          ],
    );

const packagesOf = (world: Steps, orderId = 'o-1') =>
  world
    .detail(orderId)
    .packages.flatMap(({ node, lines }) => lines.map(({ qty, sku }) => `${qty} ${sku} at ${node}`))
    .sort();

/** Each reservation finds that others have bought meanwhile. */
function sellBefore({ grid }: Steps, ...sales: (() => void)[]): void {
  grid.fault = (call) => {
    if (call === 'reserveOrder') sales.shift()?.();
  };
}

test('an order that comes from more positions than one reservation may have is sourced in parts, one right after the other', async () => {
  const stock: Record<string, number> = {};
  const units: Record<string, number> = {};
  for (let n = 0; n < 700; n++) {
    units[`sku-${n}`] = 3;
    for (const node of ['chicago', 'newark', 'boston']) stock[`us-east/${node}/sku-${n}`] = 1;
  }
  const [chicago] = RULES.nodes;
  const boston = { ...(chicago as NonNullable<typeof chicago>), node: 'boston', latitude: 42.36, longitude: -71.06 };
  const world = givenWorld(stock, { rules: { ...RULES, nodes: [...RULES.nodes, boston] } });
  await world.grid.captureOrder(orderOf('o-1', units), 'r');
  await world.work('o-1', 'source');
  expect(packagesOf(world)).toHaveLength(RESERVE_LINES_MAX);
  expect(world.detail('o-1').exceptions).toEqual([]);
  await world.work('o-1', 'source');
  expect(packagesOf(world)).toHaveLength(3 * 700);
  expect(world.grid.held).toBe(3 * 700);
});

describe('a conflict', () => {
  test('about one half of a line leaves out what is gone there only: the other half stays, and the rest is found elsewhere', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 10, 'us-east/chicago/mug': 8 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 18 }), 'r');
    sellBefore(world, () => world.grid.stock.set('us-east/chicago/mug', 7));
    await world.work('o-1', 'source');
    expect(plansOf(world).map((packages) => packages.sort())).toEqual([
      ['10 mug at newark', '8 mug at chicago'],
      ['10 mug at newark', '7 mug at chicago'],
    ]);
    expect(packagesOf(world)).toEqual(['10 mug at newark', '7 mug at chicago']);
    expect(world.detail('o-1').lines).toMatchObject([{ backordered: 1, open: 0 }]);
  });

  test('about one of two lines of one SKU at a node is about both', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 5, 'us-east/chicago/mug': 5 });
    const line = { sku: 'mug', grams: 400, value: 1_900 };
    const lines = [
      { ...line, lineId: 'a'.repeat(64), qty: 2 },
      { ...line, lineId: 'b', qty: 3 },
    ];
    await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
    sellBefore(world, () => world.grid.stock.set('us-east/newark/mug', 2));
    await world.work('o-1', 'source');
    expect(packagesOf(world).reduce((sum, text) => sum + Number.parseInt(text, 10), 0)).toBe(5);
    expect(world.grid.held).toBe(5);
  });

  test(`without end is planned again ${SOLVED_AGAIN_MAX} times, then what can be had is kept and the rest is backordered`, async () => {
    const world = givenWorld({ 'us-east/newark/mug': 20, 'us-east/newark/pot': 1 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 20, pot: 1 }), 'r');
    let calls = 0;
    world.grid.fault = (call) => {
      if (call !== 'reserveOrder') return;
      calls += 1;
      world.grid.stock.set('us-east/newark/mug', (world.grid.stock.get('us-east/newark/mug') ?? 0) - 2);
    };
    await world.work('o-1', 'source');
    expect(calls).toBe(SOLVED_AGAIN_MAX + 2);
    expect(packagesOf(world)).toEqual(['1 pot at newark']);
    expect(world.detail('o-1')).toMatchObject({ status: 'PARTIAL', exceptions: [{ kind: 'backorder' }] });
    expect(world.grid.state('o-1').plan).toBeUndefined();
  });

  test('goes by the rules: what cannot be had is not sent, and paid back, where nothing is to wait', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 2 }, { rules: { ...RULES, shortage: 'partial' } });
    await world.grid.captureOrder(orderOf('o-1', { mug: 3, pot: 1 }), 'r');
    sellBefore(world, () => world.grid.stock.set('us-east/newark/mug', 1));
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toEqual(['1 mug at newark']);
    expect(world.detail('o-1').lines.map(({ cancelled, backordered }) => [cancelled, backordered])).toEqual([
      [2, 0],
      [1, 0],
    ]);
    expect([world.tasksOf('o-1', 'source'), world.detail('o-1').exceptions]).toEqual([[], []]);
    await world.work('o-1', 'refund');
    expect([...world.refunds.values()]).toEqual([3 * 1_900]);
    // Nothing at all of another, after a conflict: it is over.
    await world.grid.captureOrder(orderOf('o-2', { mug: 1 }), 'r');
    sellBefore(world, () => world.grid.stock.set('us-east/newark/mug', 0));
    world.grid.stock.set('us-east/newark/mug', 1);
    await world.work('o-2', 'source');
    await world.work('o-2', 'refund');
    expect(world.detail('o-2')).toMatchObject({ status: 'REFUNDED', refundedMinor: 1_900 });
    expect(world.grid.state('o-2').plan).toBeUndefined();
    // What was backordered by the rules of before does not wait on.
    await world.grid.captureOrder(orderOf('o-3', { pot: 1 }), 'r');
    const by = (shortage: 'backorder' | 'partial') =>
      taskRunner(processorsOf({ rules: { ...RULES, shortage } }), world.ports);
    await by('backorder').run({ taskId: 'o-3/source#1', orderId: 'o-3', kind: 'source', region: 'us-east' });
    expect(world.detail('o-3').status).toBe('BACKORDERED');
    await by('partial').run({ taskId: 'o-3/source#2', orderId: 'o-3', kind: 'source', region: 'us-east' });
    expect(world.detail('o-3')).toMatchObject({ status: 'CANCELLED', exceptions: [{ state: 'SETTLED' }] });
  });

  test('about a position that still seems to have it all is over at once: it is had elsewhere', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 9, 'us-east/chicago/mug': 9 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 9 }, { channel: 'web' }), 'r');
    const reserve = world.grid.reserveOrder.bind(world.grid);
    const channels: unknown[] = [];
    vi.spyOn(world.grid, 'reserveOrder').mockImplementation(async (orderId, lines, call) => {
      channels.push(call.channel);
      const refused = lines.filter(({ node }) => node === 'newark');
      if (refused.length === 0) return reserve(orderId, lines, call);
      return { ok: false, refused: refused.map(({ lineId }) => ({ lineId, code: 'INSUFFICIENT_STOCK' })) };
    });
    await world.work('o-1', 'source');
    expect(plansOf(world)).toEqual([['9 mug at newark'], ['9 mug at chicago']]);
    expect(channels).toEqual(['web', 'web']);
  });

  test('of an order that is sent whole leaves nothing reserved', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 2, 'us-east/newark/pot': 1 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2, pot: 1 }, { policy: 'all' }), 'r');
    sellBefore(world, () => world.grid.stock.set('us-east/newark/mug', 1));
    await world.work('o-1', 'source');
    expect(world.grid.held).toBe(0);
    expect(world.detail('o-1')).toMatchObject({ status: 'BACKORDERED', packages: [] });
  });
});

describe('who looks on', () => {
  const givenSeen = (stock: Readonly<Record<string, number>>) => {
    const asked: string[] = [];
    const decided: { plan: string[]; has: number; packages: number }[] = [];
    const world = givenWorld(stock, {
      onAsked: ({ orderId }) => asked.push(orderId),
      onDecided: (_, plan, { stock: has, packagesOf }) =>
        decided.push({
          plan: plan.packages.map(({ node }) => node),
          has: has('us-east', 'mug', 'newark'),
          packages: packagesOf('newark'),
        }),
    });
    return { ...world, asked, decided };
  };

  test('is told of an order that is tried again and again once, when it is sent, and of what its last plan was made from', async () => {
    const world = givenSeen({});
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    for (let n = 0; n < 3; n++) {
      await world.work('o-1', 'source');
      world.moveTo(world.tasksOf('o-1', 'source')[0]?.dueAt ?? 0);
    }
    expect([world.asked, world.decided]).toEqual([['o-1'], []]);
    world.grid.stock.set('us-east/newark/mug', 2);
    world.grid.stock.set('us-east/chicago/mug', 2);
    sellBefore(world, () => world.grid.stock.set('us-east/newark/mug', 1));
    await world.work('o-1', 'source');
    expect(world.decided).toMatchObject([{ plan: ['chicago'], has: 1 }]);
    // What comes back of it is no order of its own.
    await rejectedAsBusy(world);
    world.grid.stock.set('us-east/newark/mug', 2);
    await world.work('o-1', 'source');
    expect(world.detail('o-1').packages).toHaveLength(2);
    expect([world.asked, world.decided.length]).toEqual([['o-1'], 1]);
  });

  test('is told of no order that is cancelled before it has packages, and of the first task once though it failed', async () => {
    const world = givenSeen({ 'us-east/newark/mug': 2 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    const advance = world.grid.advanceOrder.bind(world.grid);
    world.grid.fault = (call) => {
      if (call === 'commitOrder') throw new Error('died');
    };
    await expect(world.work('o-1', 'source')).rejects.toThrow('died');
    world.grid.fault = () => {};
    await advance('o-1', { type: 'raise', kind: 'cancelRequest', evidence: {} }, { requestId: 'c' });
    await advance('o-1', { type: 'settle', exceptionId: 'e1', action: 'cancel', amountMinor: 0 }, { requestId: 's' });
    await world.work('o-1', 'source');
    expect([world.asked, world.decided]).toEqual([['o-1'], []]);
  });
});

describe('two processors with one task', () => {
  test('given plans that differ, then what is reserved is the plan that the order has', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 3, 'us-east/chicago/mug': 3 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    const advance = world.grid.advanceOrder.bind(world.grid);
    // The other one has read the order as well, and is the first to tell.
    vi.spyOn(world.grid, 'advanceOrder').mockImplementationOnce(async (orderId, command, call) => {
      const packages = (command['packages'] as readonly Record<string, Json>[]).map((one) => ({
        ...one,
        node: 'chicago',
      }));
      await advance(orderId, { ...command, packages }, call);
      return advance(orderId, command, call);
    });
    await expect(world.work('o-1', 'source')).rejects.toThrow(/requestId/);
    expect(world.grid.held).toBe(0);
    await world.work('o-1', 'source');
    expect(plansOf(world)).toEqual([['2 mug at chicago']]);
    expect(packagesOf(world)).toEqual(['2 mug at chicago']);
  });
});

describe('a processor that dies', () => {
  const CALLS = [
    'advanced plan',
    'reserveOrder',
    'reserved',
    'commitOrder',
    'committed',
    'advanceOrder allocate',
    'advanced allocate',
  ];

  test.each(CALLS)('at “%s” is followed by one that reserves nothing twice and forgets nothing', async (deadly) => {
    const world = givenWorld({ 'us-east/newark/mug': 3, 'us-east/chicago/mug': 3 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    let isAlive = true;
    world.grid.fault = (call) => {
      if (!isAlive || call !== deadly) return;
      isAlive = false;
      throw new Error('died');
    };
    await expect(world.work('o-1', 'source')).rejects.toThrow('died');
    // Others buy what they can meanwhile; what was reserved is not theirs.
    world.grid.stock.set('us-east/newark/mug', 0);
    await world.work('o-1', 'source');
    expect(isAlive).toBe(false);
    expect(packagesOf(world)).toHaveLength(1);
    expect(world.grid.held).toBe(2);
    expect(world.detail('o-1').lines).toMatchObject([{ open: 0, backordered: 0, inPackages: 2 }]);
  });

  test('with a conflict behind it goes on counting its attempts', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 3, 'us-east/chicago/mug': 3 });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    let reserves = 0;
    world.grid.fault = (call) => {
      if (call !== 'reserveOrder') return;
      reserves += 1;
      if (reserves === 1) world.grid.stock.set('us-east/newark/mug', 0);
      if (reserves === 2) throw new Error('died');
    };
    await expect(world.work('o-1', 'source')).rejects.toThrow('died');
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toEqual(['2 mug at chicago']);
    expect(world.grid.journey('o-1').flatMap((event) => (event.type === 'sourced' ? [event.attempt] : []))).toEqual([
      1, 2,
    ]);
  });
});

describe('substitutes', () => {
  test('are sent where the line allows them and its own SKU does not suffice; the journey says so, and the line stays what it was', async () => {
    const world = givenWorld({ 'us-east/newark/mug': 1, 'us-east/chicago/cup': 3 });
    const lines = [{ lineId: '1', sku: 'mug', qty: 2, grams: 400, value: 1_900, substitutes: ['jar', 'cup'] }];
    await world.grid.captureOrder(orderOf('o-1', {}, { lines }), 'r');
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toEqual(['2 cup at chicago']);
    const sourced = world.grid.journey('o-1').find(({ type }) => type === 'sourced');
    expect(sourced).toMatchObject({
      explanation: { substituted: [{ lineId: '1', sku: 'mug', instead: 'cup', qty: 2, short: 1 }] },
    });
    expect(world.detail('o-1').lines).toMatchObject([{ sku: 'mug', inPackages: 2 }]);
    // Rejected, it is looked for anew, its own SKU first.
    world.grid.stock.set('us-east/newark/mug', 2);
    await rejectedAsBusy(world);
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toContain('2 mug at newark');
  });

  const MUGS = { lineId: '1', sku: 'mug', qty: 3, grams: 400, value: 1_900, substitutes: ['cup'] };
  const short = { type: 'shortPick', packageId: 'p1', missing: [{ lineId: '1', qty: 1 }], reasonCode: 'notFound' };
  const asCup = { type: 'settle', exceptionId: 'e1', action: 'substitute', lineId: '1', sku: 'cup' };

  test('that are decided on for one unit are sent for that one, and the others stay what was ordered', async () => {
    const world = givenWorld({ 'us-east/chicago/mug': 3, 'us-east/newark/cup': 3 });
    await world.grid.captureOrder(orderOf('o-1', {}, { lines: [MUGS] }), 'r');
    await world.work('o-1', 'source');
    await world.work('o-1', 'release');
    await world.grid.advanceOrder('o-1', short, { requestId: 'short' });
    await world.grid.advanceOrder('o-1', asCup, { requestId: 'cup' });
    expect(world.grid.journey('o-1')).toContainEqual(expect.objectContaining({ type: 'substituted', qty: 1 }));
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toEqual(['1 cup at newark', '2 mug at chicago']);
    expect(world.detail('o-1').lines).toMatchObject([{ sku: 'mug', inPackages: 3 }]);
    expect(world.detail('o-1').lines[0]).not.toHaveProperty('ordered');
    // What comes back of the others is looked for as what it was.
    world.grid.stock.set('us-east/newark/mug', 9);
    const rejected = { type: 'reject', packageId: 'p1', reasonCode: 'tooBusy' };
    await world.grid.advanceOrder('o-1', rejected, { requestId: 'rejected' });
    await world.grid.advanceOrder('o-1', { ...asCup, exceptionId: 'e2', action: 'resource' }, { requestId: 'again' });
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toContain('2 mug at newark');
  });

  test('are not decided on while other units of the line wait for another reason', async () => {
    const world = givenWorld({ 'us-east/chicago/mug': 2, 'us-east/newark/cup': 1 });
    await world.grid.captureOrder(orderOf('o-1', {}, { lines: [MUGS] }), 'r');
    await world.work('o-1', 'source');
    await world.work('o-1', 'release');
    await world.grid.advanceOrder('o-1', short, { requestId: 'short' });
    expect(world.detail('o-1').lines).toMatchObject([{ backordered: 1, parked: 1, inPackages: 1 }]);
    expect(await world.grid.advanceOrder('o-1', asCup, { requestId: 'cup' })).toMatchObject({
      code: 'BAD_REQUEST',
      message: 'substitute: line 1: 1 of its units wait for another reason',
    });
  });
});

describe('bundles', () => {
  const components = [
    { sku: 'pot', qty: 1 },
    { sku: 'mug', qty: 2 },
  ];
  const bundles = readBundles({ version: 'b-7', bundles: [{ sku: 'tea-set', components }] });

  const given = async (stock: Readonly<Record<string, number>>, sets: number) => {
    const world = givenWorld(stock, { bundles });
    await world.grid.captureOrder(orderOf('o-1', { 'tea-set': sets, mug: 1 }), 'r');
    await world.work('o-1', 'source');
    return world;
  };

  test('of the catalogue become their components, whose demand is summed before anything is reserved', async () => {
    // Five mugs in all: two sets and a mug by itself; each of the lines alone would fit into four.
    const world = await given({ 'us-east/newark/pot': 2, 'us-east/newark/mug': 4, 'us-east/chicago/mug': 1 }, 2);
    expect(packagesOf(world).reduce((sum, text) => sum + Number.parseInt(text, 10), 0)).toBe(7);
    expect(world.grid.journey('o-1')[1]).toMatchObject({
      type: 'expanded',
      bundles: 'b-7',
      lines: [{ lineId: '1', sku: 'tea-set', qty: 2, components }],
      cause: 'task:source#1',
    });
    expect(world.detail('o-1').lines).toMatchObject([
      { lineId: '1.1', sku: 'pot', qty: 2, bundle: { lineId: '1', sku: 'tea-set', units: 1 } },
      { lineId: '1.2', sku: 'mug', qty: 4, bundle: { lineId: '1', sku: 'tea-set', units: 2 } },
      { lineId: '2', sku: 'mug', qty: 1 },
    ]);
  });

  test('are sent whole: those that lack a component wait with all of it, and go once it is there', async () => {
    const world = await given({ 'us-east/newark/pot': 1, 'us-east/newark/mug': 9 }, 2);
    expect(packagesOf(world)).toEqual(['1 mug at newark', '1 pot at newark', '2 mug at newark']);
    expect(world.detail('o-1').lines.map(({ backordered }) => backordered)).toEqual([1, 2, 0]);
    const [sourced] = world.grid.journey('o-1').filter(({ type }) => type === 'sourced');
    expect(sourced).toMatchObject({ explanation: { heldBack: [{ lineId: '1.2', sku: 'mug', qty: 2 }] } });
    world.grid.stock.set('us-east/chicago/pot', 1);
    await world.work('o-1', 'source');
    expect(world.detail('o-1').lines.map(({ backordered, inPackages }) => [backordered, inPackages])).toEqual([
      [0, 2],
      [0, 4],
      [0, 1],
    ]);
  });

  test('that were sent but for one component get that one by itself', async () => {
    const world = await given({ 'us-east/newark/pot': 1, 'us-east/newark/mug': 3, 'us-east/chicago/mug': 1 }, 1);
    await world.grid.advanceOrder('o-1', { type: 'release', packageId: 'p1' }, { requestId: 'x' });
    const missing = [{ lineId: '1.2', qty: 1 }];
    const short = { type: 'shortPick', packageId: 'p1', missing, reasonCode: 'notFound' };
    await world.grid.advanceOrder('o-1', short, { requestId: 'y' });
    await world.work('o-1', 'settle');
    await world.work('o-1', 'source');
    expect(packagesOf(world)).toContain('1 mug at chicago');
  });

  test('that were sourced in part before the catalogue knew them stay what they are', async () => {
    const world = givenWorld({ 'us-east/newark/tea-set': 1, 'us-east/chicago/pot': 9, 'us-east/chicago/mug': 9 });
    await world.grid.captureOrder(orderOf('o-1', { 'tea-set': 2 }), 'r');
    await world.work('o-1', 'source');
    const reject = { type: 'reject', packageId: 'p1', reasonCode: 'tooBusy' };
    await world.grid.advanceOrder('o-1', reject, { requestId: 'x' });
    await world.work('o-1', 'settle');
    const [task] = world.tasksOf('o-1', 'source');
    const runner = taskRunner(processorsOf({ rules: RULES, bundles }), world.ports);
    await runner.run({ taskId: task?.taskId ?? '', orderId: 'o-1', kind: 'source', region: 'us-east' });
    expect(world.detail('o-1').lines).toMatchObject([{ lineId: '1', sku: 'tea-set', backordered: 2 }]);
  });

  test('are expanded once, also by a processor that died then, and not by another catalogue later', async () => {
    const world = givenWorld({}, { bundles });
    await world.grid.captureOrder(orderOf('o-1', { 'tea-set': 1 }), 'r');
    let isAlive = true;
    world.grid.fault = (call) => {
      if (call === 'advanced expand' && isAlive) {
        isAlive = false;
        throw new Error('died');
      }
    };
    await expect(world.work('o-1', 'source')).rejects.toThrow('died');
    await world.work('o-1', 'source');
    await world.work('o-1', 'source');
    expect(world.grid.journey('o-1').filter(({ type }) => type === 'expanded')).toHaveLength(1);
    expect(world.detail('o-1').lines.map(({ backordered }) => backordered)).toEqual([1, 2]);
  });
});
