// Stores that fail under a running worker: nothing acknowledged is lost, what is not acknowledged is retriable, and
// service resumes by itself when the fault ends.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FSYNC_SETTINGS, startRedis, type TestRedis } from '../node/journal/testing/redis.ts';
import { type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';
import { connectWire, type Json, type WireClient } from './support/wire.ts';

const SKU = 'fault-sku';
const STOCK = 10_000_000;

let grid: RunningGrid | undefined;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  grid?.process.kill('SIGKILL');
  grid = undefined;
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function reserve(requestId: string): Json {
  return { op: 'reserve', sku: SKU, region: 'eu-west', qty: 1, ttlMs: 3_600_000, requestId };
}

async function stocked(): Promise<WireClient> {
  const client = await connectWire((grid as RunningGrid).url);
  cleanups.push(() => client.close());
  const reply = await client.call({
    op: 'adjust',
    sku: SKU,
    region: 'eu-west',
    node: 'w1',
    delta: STOCK,
    reason: 'test',
    requestId: 'stock',
  });
  expect(reply.ok, JSON.stringify(reply)).toBe(true);
  return client;
}

/** Reserves one after the other until a request is answered as wanted; returns all requestIds and their answers. */
async function reserveUntil(
  client: WireClient,
  name: string,
  wanted: (reply: Json) => boolean,
): Promise<Map<string, Json>> {
  const asked = new Map<string, Json>();
  for (let n = 0; ; n++) {
    const requestId = `${name}-${n}`;
    const reply = await client.call(reserve(requestId));
    asked.set(requestId, reply);
    if (wanted(reply)) return asked;
    // A refusal comes at once: a pause keeps the retries to what a client would do.
    if (reply.ok !== true) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const isUnavailable = (reply: Json): boolean => reply.code === 'UNAVAILABLE' && reply.retriable === true;
const isOk = (reply: Json): boolean => reply.ok === true;

/** Every id asked again: acknowledged ones answer alike, the others are decided; then the total must be theirs. */
async function expectEachOnce(client: WireClient, ...groups: Map<string, Json>[]): Promise<void> {
  const asked = new Map(groups.flatMap((group) => [...group]));
  for (const [requestId, first] of asked) {
    const again = await client.call(reserve(requestId));
    expect(again, requestId).toMatchObject({ ok: true, qty: 1 });
    if (first.ok === true) expect(again).toMatchObject({ reservationId: first.reservationId, replayed: true });
  }
  const seen = await client.call({ op: 'get', sku: SKU, region: 'eu-west' });
  expect(seen).toMatchObject({ reserved: asked.size, onHand: STOCK });
}

/** Runs the fault while requests are made, and its end, and checks what clients saw. */
async function throughFault(begin: () => unknown, end: () => unknown): Promise<void> {
  const client = await stocked();
  const before = await reserveUntil(client, 'before', isOk);
  await begin();
  const during = await reserveUntil(client, 'during', isUnavailable);
  for (const reply of during.values()) expect(isOk(reply) || isUnavailable(reply), JSON.stringify(reply)).toBe(true);
  const http = (grid as RunningGrid).url.replace('ws:', 'http:').replace('/v1', '');
  expect((await fetch(`${http}/readyz`)).status).toBe(503);
  expect((await fetch(`${http}/healthz`)).status).toBe(200);
  await end();
  const after = await reserveUntil(client, 'after', isOk);
  expect((await fetch(`${http}/readyz`)).status).toBe(200);
  await expectEachOnce(client, before, during, after);
  // And all of it is there for the next process.
  await (grid as RunningGrid).end('SIGKILL');
}

describe('the embedded store on a disk that is full', () => {
  it('given no space left, then requests are refused retriably, and served again when there is space', async (context) => {
    const directory = await temporaryDirectory();
    cleanups.push(directory.remove);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', directory.path], { stdio: 'pipe' });
    } catch (error) {
      context.skip(`a tmpfs of limited size could not be mounted, which needs root: ${error}`);
    }
    cleanups.push(() => execFileSync('umount', ['-l', directory.path]));
    grid = await startWorkerProcess(`lmdb:${directory.path}`);
    const filler = join(directory.path, 'filler');
    await throughFault(
      () => {
        // Fills what is left, then a little less each time, so that the last blocks are taken too.
        for (let bytes = 16 * 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
          try {
            writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
          } catch {
            // No space left, as intended.
          }
        }
      },
      () => rmSync(filler),
    );
    grid = await startWorkerProcess(`lmdb:${directory.path}`);
    const client = await connectWire(grid.url);
    expect(await client.call({ op: 'get', sku: SKU, region: 'eu-west' })).toMatchObject({ ok: true, onHand: STOCK });
    client.close();
  }, 120_000);
});

describe('a Redis that fails', () => {
  async function start(settings = {}): Promise<TestRedis> {
    const redis = await startRedis({ ...FSYNC_SETTINGS, ...settings });
    cleanups.push(() => redis.stop());
    grid = await startWorkerProcess(redis.url);
    return redis;
  }

  it('given it is killed and started again, then service resumes and each acknowledged request is there once', async () => {
    const redis = await start();
    await throughFault(
      () => redis.kill(),
      () => redis.restart(),
    );
  }, 120_000);

  it('given it hangs (SIGSTOP) and goes on, then likewise', async () => {
    const redis = await start();
    await throughFault(
      () => redis.pause(),
      () => redis.resume(),
    );
  }, 120_000);

  it('given it runs out of memory, then likewise when there is memory again', async () => {
    const redis = await start();
    await throughFault(
      () => redis.configure('maxmemory', '1'),
      () => redis.configure('maxmemory', '0'),
    );
  }, 120_000);

  it('given it refuses writes because it cannot reach a replica, then likewise when it may write again', async () => {
    const redis = await start();
    await throughFault(
      () => redis.configure('min-replicas-to-write', '1'),
      () => redis.configure('min-replicas-to-write', '0'),
    );
  }, 120_000);

  it.each<[string, (redis: TestRedis) => unknown, (redis: TestRedis) => unknown, RegExp]>([
    ['is not there yet', (redis) => redis.kill(), (redis) => redis.restart(), /ECONNREFUSED/],
    ['does not answer yet (SIGSTOP)', (redis) => redis.pause(), (redis) => redis.resume(), /did not answer in time/],
    [
      'takes no writes yet',
      (redis) => redis.configure('maxmemory', '1'),
      (redis) => redis.configure('maxmemory', '0'),
      /out of memory/,
    ],
  ])(
    'given it %s when a worker starts, then it says so at once, waits, and serves',
    async (_, begins, ends, reason) => {
      const redis = await startRedis(FSYNC_SETTINGS);
      cleanups.push(() => redis.stop());
      await begins(redis);
      const starting = startWorkerProcess(redis.url);
      starting.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      await ends(redis);
      grid = await starting;
      expect(grid.output()).toMatch(reason);
      expect(grid.output()).toMatch(/waiting for it for \d+ s at most/);
      expect(await stocked()).toBeDefined();
    },
    120_000,
  );

  it('given settings that break the durability asked for, then the worker refuses to start and names the remedy', async () => {
    const redis = await startRedis({ appendonly: 'yes', appendfsync: 'everysec' });
    cleanups.push(() => redis.stop());
    await expect(startWorkerProcess(redis.url)).rejects.toThrow(/appendfsync always/);
  }, 120_000);
});
