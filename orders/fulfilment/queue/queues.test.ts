// What every queue of tasks does, whichever way tasks come: each at least once, failures again and then dead, not yet ready again when it
// says, no more in hand than there is room for, and what a process that died had in hand is done by others.
import { Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../node/journal/testing/redis.ts';
import { HoldfastError } from '../../../protocol/client/index.ts';
import type { OrderDocument } from '../../../protocol/index.ts';
import { isEnded } from '../../order/index.ts';
import { type TaskRunner, taskRunner } from '../runner.ts';
import { ALL_KINDS, createWorld, orderOf, QUICK_LIMITS } from '../testing/world.ts';
import { bullmqCapture, bullmqRelay, bullmqWorkers, CAPTURE_QUEUE } from './bullmq.ts';
import { outboxQueue } from './outbox.ts';
import type { TaskQueue } from './port.ts';
import { askRedis, type RedisConnections, redisConnections } from './redis.ts';

type World = ReturnType<typeof createWorld>;
type Start = (world: World, runner: TaskRunner, limits?: typeof QUICK_LIMITS) => readonly TaskQueue[];

let redis: TestRedis;
let connections: RedisConnections;
beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(() => {
  connections = redisConnections(redis.url);
});
afterAll(() => redis.stop());

const DRIVERS: Readonly<Record<string, Start>> = {
  outbox: ({ grid }, runner, limits = QUICK_LIMITS) => [outboxQueue({ grid, kinds: ALL_KINDS, runner, limits })],
  bullmq: ({ grid }, runner, limits = QUICK_LIMITS) => [
    bullmqRelay({ grid, redis: connections, kindsOf: { all: ALL_KINDS }, limits }),
    bullmqWorkers({ redis: connections, kinds: ALL_KINDS, runner, limits }),
  ],
};

describe.each(Object.entries(DRIVERS))('%s', (_, start) => {
  const running: TaskQueue[] = [];
  const begin = (...args: Parameters<Start>): void => void running.push(...start(...args));
  afterEach(async () => {
    await connections.close(Promise.all(running.splice(0).map((queue) => queue.stop())));
    await redis.client.flushall();
  });

  async function givenOrders(count: number): Promise<World> {
    const world = createWorld({ 'us-east/chicago/mug': 2 * count });
    for (let n = 0; n < count; n++) await world.grid.captureOrder(orderOf(`o-${n}`, { mug: 2 }), 'r');
    return world;
  }

  const whenEnded = (world: World, count: number) =>
    vi.waitFor(
      () => {
        for (let n = 0; n < count; n++) expect(isEnded(world.grid.state(`o-${n}`))).toBe(true);
      },
      { timeout: 30_000, interval: 10 },
    );

  test('every task of every order is done', async () => {
    const world = await givenOrders(10);
    begin(world, world.runner);
    await whenEnded(world, 10);
    expect(world.carrier.bookings.size).toBe(10);
    expect(world.grid.held).toBe(0);
  });

  test('a failure is tried again; one for good is given up, and done once it is revived', async () => {
    const world = await givenOrders(1);
    let failures = 0;
    let isBroken = true;
    const runner: TaskRunner = {
      ...world.runner,
      run: async (task) => {
        if (task.kind !== 'book' || !isBroken) return world.runner.run(task);
        failures += 1;
        throw new Error('no such account');
      },
    };
    begin(world, runner);
    const dead = await vi.waitFor(
      () => {
        const found = [...world.grid.state('o-0').tasks.values()].find(({ kind }) => kind === 'dead');
        if (found === undefined) throw new Error('not dead yet');
        return found;
      },
      { timeout: 20_000 },
    );
    expect(failures).toBe(QUICK_LIMITS.attemptsMax);
    isBroken = false;
    await world.grid.advanceOrder('o-0', { type: 'revive', taskId: dead.taskId }, { requestId: 'revive' });
    await whenEnded(world, 1);
  });

  test('given processes of which one does not know the carrier, then the other does what it leaves, and it is no exception', async () => {
    const world = await givenOrders(4);
    const left = new Map<string, number>();
    const stranger = taskRunner(world.processors, { ...world.ports, carriers: new Map() });
    begin(world, {
      ...stranger,
      run: async (task) => {
        const processed = await stranger.run(task);
        if ('left' in processed) left.set(task.kind, (left.get(task.kind) ?? 0) + 1);
        return processed;
      },
    });
    await vi.waitFor(() => expect([...left.keys()]).toContain('book'), { timeout: 20_000, interval: 5 });
    begin(world, world.runner);
    await whenEnded(world, 4);
    expect(world.carrier.bookings.size).toBe(4);
    for (let n = 0; n < 4; n++) expect([...world.grid.state(`o-${n}`).exceptions.values()]).toEqual([]);
  });

  test('no more tasks are in hand than there is room for', async () => {
    const world = await givenOrders(12);
    let most = 0;
    let inHand = 0;
    const runner: TaskRunner = {
      ...world.runner,
      run: async (task) => {
        inHand += 1;
        most = Math.max(most, inHand);
        await new Promise((resolve) => setImmediate(resolve));
        inHand -= 1;
        return world.runner.run(task);
      },
    };
    // BullMQ has as many for each kind as there is room for all of them.
    const limits = { ...QUICK_LIMITS, inFlightMax: 2 * ALL_KINDS.length };
    begin(world, runner, limits);
    await whenEnded(world, 12);
    expect(most).toBeLessThanOrEqual(limits.inFlightMax);
  });
});

describe('bullmq', () => {
  const clients = async (): Promise<number> => String(await redis.client.client('LIST')).split('\n').length;

  test('given tasks whose role nobody has, then the relay says which, once; when all is closed, then no connection is left', async () => {
    const before = await clients();
    const told: string[] = [];
    const own = redisConnections(redis.url, (line) => void told.push(line));
    const world = createWorld({ 'us-east/chicago/mug': 2 });
    await world.grid.captureOrder(orderOf('o-0', { mug: 2 }), 'r');
    const limits = { ...QUICK_LIMITS, servedLookMs: 1 };
    const kindsOf = { source: ['source'], fulfil: ['pick'] };
    const relay = bullmqRelay({ grid: world.grid, redis: own, kindsOf, limits });
    const workers = bullmqWorkers({ redis: own, kinds: ['pick'], runner: world.runner, limits });
    await vi.waitFor(() => expect(told).not.toEqual([]), { interval: 5 });
    await own.close(Promise.all([relay.stop(), workers.stop()]));
    expect(told).toEqual([expect.stringMatching(/nobody does the tasks source .*--role source/)]);
    await vi.waitFor(async () => expect(await clients()).toBe(before), { interval: 5 });
    await redis.client.flushall();
  });

  test('given orders in the queue, one of which the grid refuses, then the others are captured, and that one is told and kept', async () => {
    const own = redisConnections(redis.url);
    const { grid } = createWorld({});
    const told: string[] = [];
    const refusing = {
      captureOrder: async (order: OrderDocument, requestId: string): Promise<void> => {
        if (order.lines.length === 0)
          throw new HoldfastError('BAD_REQUEST', 'order.lines is empty', { retriable: false, retryAfterMs: 0 });
        await grid.captureOrder(order, requestId);
      },
    };
    const capture = bullmqCapture({
      redis: own,
      grid: refusing,
      limits: QUICK_LIMITS,
      log: (line) => void told.push(line),
    });
    const queue = new Queue(CAPTURE_QUEUE, { connection: { url: redis.url } });
    await queue.add('order', { ...orderOf('o-1', {}), lines: [] });
    await queue.add('order', orderOf('o-2', { mug: 1 }));
    await vi.waitFor(() => expect([capture.figures.done, told.length]).toEqual([1, 1]), { interval: 5 });
    expect(told).toEqual([
      expect.stringMatching(/^job 1 of holdfast-orders: order o-1 is refused: order.lines is empty$/),
    ]);
    // It is told before its job is put among the failed.
    await vi.waitFor(async () => expect(await queue.getFailedCount()).toBe(1), { interval: 5 });
    await queue.close();
    await own.close(capture.stop());
    await redis.client.flushall();
  });

  test('given a Redis that goes away, then it is told once for all queues, and all can be closed; asked, it says that nobody is there', async () => {
    const other = await startRedis();
    const told: string[] = [];
    const own = redisConnections(other.url, (line) => void told.push(line));
    const { grid, runner } = createWorld({});
    const all = { redis: own, kinds: ALL_KINDS, kindsOf: { all: ALL_KINDS }, limits: QUICK_LIMITS };
    const running = [
      bullmqRelay({ ...all, grid }),
      bullmqWorkers({ ...all, runner }),
      bullmqCapture({ ...all, grid, log: () => {} }),
    ];
    await askRedis(other.url);
    await other.kill();
    await vi.waitFor(() => expect(told).not.toEqual([]), { interval: 5 });
    await expect(askRedis(other.url)).rejects.toThrow(/ECONNREFUSED/);
    await own.close(Promise.all(running.map((queue) => queue.stop())));
    expect(told).toEqual([
      expect.stringMatching(/^Redis at redis:\/\/127\.0\.0\.1:\d+ does not answer/),
      expect.stringMatching(/^Redis at redis:\S+ is away: what is in hand is left to be done again$/),
    ]);
    await other.stop();
  });
});
