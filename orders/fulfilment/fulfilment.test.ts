// Orders from capture to delivery over a grid in memory: what happens to units, parcels and notices, also when calls fail anywhere.
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { isEnded } from '../order/index.ts';
import { detailOf } from '../order/view.ts';
import { carrierIdOf, nameOfCarrierId } from './carrier-ids.ts';
import type { ShipNodes } from './ports.ts';
import type { SourceOptions } from './processors/source.ts';
import { outboxQueue } from './queue/outbox.ts';
import type { TaskQueue } from './queue/port.ts';
import { ALL_KINDS, createWorld, orderOf, QUICK_LIMITS } from './testing/world.ts';

const queues: TaskQueue[] = [];
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.stop()));
});

type World = ReturnType<typeof createWorld>;

function start({ grid, runner }: World): TaskQueue {
  const queue = outboxQueue({ grid, kinds: ALL_KINDS, runner, limits: QUICK_LIMITS });
  queues.push(queue);
  return queue;
}

const ended = (world: World, ...orderIds: string[]) =>
  vi.waitFor(() => expect(orderIds.filter((id) => !isEnded(world.grid.state(id)))).toEqual([]), {
    timeout: 20_000,
    interval: 5,
  });

test('an order is sourced, reserved, sent and delivered, and its customer told', async () => {
  const world = createWorld({ 'us-east/chicago/mug': 5, 'us-east/newark/mug': 1, 'us-east/newark/pot': 2 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 3, pot: 2 }), 'r');
  start(world);
  await ended(world, 'o-1');
  const { status, packages } = detailOf(world.grid.state('o-1'));
  expect(status).toBe('DELIVERED');
  expect(packages.map(({ node, lines }) => [node, lines.map(({ sku, qty }) => [sku, qty])]).sort()).toEqual([
    ['chicago', [['mug', 2]]],
    [
      'newark',
      [
        ['mug', 1],
        ['pot', 2],
      ],
    ],
  ]);
  expect(world.grid.held).toBe(0);
  expect([...world.grid.shipped.values()].reduce((sum, qty) => sum + qty, 0)).toBe(5);
  expect([...world.told.values()].map(({ about }) => about).sort()).toEqual([
    'delivered',
    'delivered',
    'shipped',
    'shipped',
  ]);
});

test('an order is sourced by the shadow prices of now, and whoever looks on is told of the plan and stops nothing', async () => {
  const seen: unknown[] = [];
  const prices = { asOf: 1, scarcity: new Map([['newark', new Map([['mug', 90_000]])]]), capacity: new Map() };
  const sourcing: Partial<SourceOptions> = {
    prices: () => prices,
    onDecided: (order, plan, situation) => {
      seen.push([order.orderId, plan.pricesAsOf, situation.prices]);
      throw new Error('its own affair');
    },
  };
  const world = createWorld({ 'us-east/chicago/mug': 5, 'us-east/newark/mug': 5 }, {}, sourcing);
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }), 'r');
  start(world);
  await ended(world, 'o-1');

  expect(detailOf(world.grid.state('o-1')).packages.map(({ node }) => node)).toEqual(['chicago']);
  expect(seen).toEqual([['o-1', 1, prices]]);
  const planned = world.grid.journey('o-1').find(({ type }) => type === 'sourced');
  expect(planned).toMatchObject({ explanation: { pricesAsOf: 1 } });
});

test('a node that is out of a SKU is left out, and what nobody has is backordered until it is there', async () => {
  const world = createWorld({ 'us-east/newark/mug': 1 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  start(world);
  await vi.waitFor(() => expect(detailOf(world.grid.state('o-1')).exceptions).toHaveLength(1));
  world.grid.stock.set('us-east/chicago/mug', 1);
  await ended(world, 'o-1');
  expect(detailOf(world.grid.state('o-1'))).toMatchObject({ status: 'DELIVERED', exceptions: [{ kind: 'backorder' }] });
});

test('a rejected package is sourced elsewhere; what was not out of stock goes back', async () => {
  const nodes: ShipNodes = {
    release: async () => undefined,
    cancel: async () => undefined,
    progress: async ({ packageId, grams }) =>
      packageId === 'p1' ? { state: 'rejected', reasonCode: 'tooBusy' } : { state: 'packed', grams },
  };
  const world = createWorld({ 'us-east/chicago/mug': 2, 'us-east/newark/mug': 2 }, { nodes });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  start(world);
  await ended(world, 'o-1');
  const { packages } = detailOf(world.grid.state('o-1'));
  const [first] = packages;
  expect(packages.map(({ state }) => state)).toEqual(['REJECTED', 'DELIVERED']);
  expect(packages[1]?.node).not.toBe(first?.node);
  expect(world.grid.stock.get(`us-east/${first?.node}/mug`)).toBe(2);
});

test('a cancelled order gives its units back and is refunded', async () => {
  const world = createWorld({ 'us-east/chicago/mug': 2 });
  world.carrier.fault = () => {
    throw new Error('not yet');
  };
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  start(world);
  await vi.waitFor(() => expect(detailOf(world.grid.state('o-1')).packages).toHaveLength(1));
  await world.grid.advanceOrder('o-1', { type: 'raise', kind: 'cancelRequest', evidence: {} }, { requestId: 'cancel' });
  await ended(world, 'o-1');
  expect(detailOf(world.grid.state('o-1')).status).toBe('REFUNDED');
  expect(world.grid.stock.get('us-east/chicago/mug')).toBe(2);
  expect([...world.refunds.values()]).toEqual([100]);
});

test('what fails for good becomes a dead task, and goes on when it is revived', async () => {
  const world = createWorld({ 'us-east/chicago/mug': 2 });
  world.carrier.fault = () => {
    throw new Error('no such account');
  };
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  const queue = start(world);
  await vi.waitFor(() => expect(queue.figures.dead).toBe(1), { timeout: 5_000 });
  const dead = [...world.grid.state('o-1').tasks.values()].find(({ kind }) => kind === 'dead');
  expect(dead?.payload).toMatchObject({ kind: 'book', error: 'no such account', attempts: QUICK_LIMITS.attemptsMax });
  world.carrier.fault = () => {};
  await world.grid.advanceOrder('o-1', { type: 'revive', taskId: dead?.taskId ?? '' }, { requestId: 'revive' });
  await ended(world, 'o-1');
  expect(detailOf(world.grid.state('o-1')).status).toBe('DELIVERED');
});

test('a client that uses the requestIds of tasks is in the way of none of them', async () => {
  const world = createWorld({ 'us-east/chicago/mug': 2 });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  const hold = { type: 'hold', holdType: 'fraud', reason: 'look' };
  for (const requestId of ['source#1', 'source#1:plan1', 'release#1', 'book#1', 'track#1', 'stock#1', 'notify#1']) {
    await world.grid.advanceOrder('o-1', hold, { requestId });
    await world.grid.advanceOrder('o-1', { type: 'unhold', holdType: 'fraud' }, { requestId: `${requestId} off` });
  }
  const queue = start(world);
  await ended(world, 'o-1');
  expect(queue.figures.dead).toBe(0);
  expect(detailOf(world.grid.state('o-1')).status).toBe('DELIVERED');
});

test('orders named in any script are carried, by ids that say which order they are of where that fits', async () => {
  const world = createWorld({ 'us-east/chicago/mug': 4 });
  const [short, long] = ['\u6ce8\u6587-1', '\u6ce8'.repeat(60)];
  for (const id of [short, long]) await world.grid.captureOrder(orderOf(id, { mug: 2 }), 'r');
  start(world);
  await ended(world, short, long);
  expect([short, long].map((id) => detailOf(world.grid.state(id)).status)).toEqual(['DELIVERED', 'DELIVERED']);
  expect(nameOfCarrierId(carrierIdOf(`${short}/p1`))).toBe(`${short}/p1`);
  expect(carrierIdOf(carrierIdOf(short))).not.toBe(carrierIdOf(short));
});

test('calls that fail before or after their effect, anywhere, lose nothing and do nothing twice (I15, I16)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 99 })), fc.integer({ min: 1, max: 6 }), async (luck, orders) => {
      const world = createWorld({ 'us-east/chicago/mug': 6, 'us-east/newark/mug': 6, 'us-east/newark/pot': 12 });
      const fault = (call: string): void => {
        const drawn = luck.next().value ?? 99;
        if (drawn < FAULTS_OF_100) throw new Error(`fault in ${call}`);
      };
      let revivals = 0;
      const ids = Array.from({ length: orders }, (_, n) => `o-${n}`);
      for (const id of ids) await world.grid.captureOrder(orderOf(id, { mug: 2, pot: 2 }), 'r');
      world.grid.fault = fault;
      world.carrier.fault = fault;
      const [one, other] = [start(world), start(world)];
      await vi.waitFor(
        () => {
          // A person revives what died of too much bad luck.
          for (const id of ids) {
            for (const { kind, taskId } of world.grid.state(id).tasks.values()) {
              if (kind !== 'dead') continue;
              world.grid
                .advanceOrder(id, { type: 'revive', taskId }, { requestId: `revive ${revivals++}` })
                .catch(() => {});
            }
          }
          expect(ids.filter((id) => !isEnded(world.grid.state(id)))).toEqual([]);
        },
        { timeout: 20_000, interval: 5 },
      );
      await Promise.all([one.stop(), other.stop()]);
      for (const id of ids) expect(detailOf(world.grid.state(id)).status).toBe('DELIVERED');
      expect(world.grid.held).toBe(0);
      const shipped = [...world.grid.shipped.values()].reduce((sum, qty) => sum + qty, 0);
      expect(shipped).toBe(4 * orders);
      const left = [...world.grid.stock.values()].reduce((sum, qty) => sum + qty, 0);
      expect(left + shipped).toBe(24);
      const packages = ids.reduce((sum, id) => sum + world.grid.state(id).packages.size, 0);
      expect(world.carrier.bookings.size).toBe(packages);
    }),
    { numRuns: 6 },
  );
});

const FAULTS_OF_100 = 12;
