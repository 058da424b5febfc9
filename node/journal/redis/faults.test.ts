// Redis failing in every way a worker must survive: killed, stopped, out of memory, made a replica, cut off, its
// scripts forgotten. Real servers throughout.
import { afterEach, describe, expect, it } from 'vitest';
import { JournalCorrupt } from '../batch.ts';
import { type JournalBatch, type Lane, LaneBusy, LayoutMismatch, StoreDamaged, StoreUnavailable } from '../port.ts';
import { BatchWriter, collect } from '../testing/batches.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { FSYNC_SETTINGS, type RedisSettings, startRedis, type TestRedis } from '../testing/redis.ts';
import { readVerified } from '../verify.ts';
import { keysOf, regionKeysOf } from './keys.ts';
import { evaluate } from './lane.ts';
import { COMMAND_TIMEOUT_MS } from './link.ts';
import { PUT_ROWS } from './scripts.ts';
import { RedisStore } from './store.ts';

const RECORDS = Buffer.alloc(64 * 60, 1);

describe('Redis failing', () => {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function server(settings: RedisSettings = FSYNC_SETTINGS): Promise<TestRedis> {
    const redis = await startRedis(settings);
    cleanUps.push(() => redis.stop());
    return redis;
  }

  async function opened(redis: TestRedis): Promise<RedisStore> {
    const store = await RedisStore.open(redis.url);
    cleanUps.push(() => store.close());
    return store;
  }

  async function given(settings?: RedisSettings) {
    const redis = await server(settings);
    const store = await opened(redis);
    const lane = await store.acquire(layoutOf('eu-west'), claimOf('first'));
    return { redis, store, lane, writer: new BatchWriter(lane) };
  }

  it.each([
    [
      'a key of another kind',
      (client: TestRedis['client'], key: string) => client.multi().del(key).lpush(key, 'x').exec(),
    ],
    ['a fence that no script wrote', (client: TestRedis['client'], key: string) => client.hset(key, 'epoch', 'x')],
  ] as const)('given %s, then it is called damaged, and not a store that cannot be reached', async (_, damage) => {
    const { redis, store } = await given();
    const { session, own } = keysOf('eu-west', '0');
    await redis.client.del(session);
    await damage(redis.client, own);

    const acquiring = store.acquire(layoutOf('eu-west'), claimOf('second'));

    await expect(acquiring).rejects.toBeInstanceOf(StoreDamaged);
    await expect(acquiring).rejects.toThrow(/or they are damaged/);
  });

  it('given SIGKILL and a restart under appends, again and again, then nothing acknowledged is lost', async () => {
    const { redis, lane, writer } = await given();
    let acknowledged = 0;
    let isStopping = false;
    const refusals: string[] = [];
    const sending = (async () => {
      while (!isStopping) {
        acknowledged = await appendInOrder(
          lane,
          [1, 2, 3, 4].map(() => writer.next(64, RECORDS)),
          refusals,
        );
      }
    })();

    for (let round = 0; round < 3; round++) {
      const goal = acknowledged + 64 * 40;
      await until(() => acknowledged >= goal);
      await redis.kill();
      const refusedBefore = refusals.length;
      await until(() => refusals.length > refusedBefore);
      await redis.restart();
    }
    const goal = acknowledged + 64;
    await until(() => acknowledged >= goal);
    isStopping = true;
    await sending;

    // Reads have a connection of their own, which comes back at its own pace.
    await untilOk(async () => ((await collect(lane.batches(1))).length === 0 ? 'GAP' : 'OK'));
    const seen = await collect(readVerified(lane, 1, 0));
    expect(seen.at(-1)?.lastSeq).toBe(acknowledged);
    expect(await lane.renew()).toBe(true);
  }, 120_000);

  it('given no connection, then an append rejects at once and says why', async () => {
    const { redis, lane, writer } = await given();
    const batch = writer.next();
    await redis.kill();
    await expect(lane.append(batch)).rejects.toBeInstanceOf(StoreUnavailable);

    const before = performance.now();
    await expect(lane.append(batch)).rejects.toThrow(`no connection to Redis at 127.0.0.1:${redis.port}`);
    expect(performance.now() - before).toBeLessThan(100);
  });

  it('given SIGSTOP, then appends time out as StoreUnavailable, and resume with SIGCONT, each batch once', async () => {
    const { redis, lane, writer } = await given();
    await appendInOrder(lane, [writer.next()]);
    redis.pause();
    const batches = [writer.next(), writer.next(), writer.next()];
    const before = performance.now();

    const results = await Promise.allSettled(batches.map((batch) => lane.append(batch)));

    expect(performance.now() - before).toBeLessThan(COMMAND_TIMEOUT_MS + 1_000);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    }
    redis.resume();
    await appendInOrder(lane, batches);
    expect((await collect(readVerified(lane, 1, 0))).map(({ lastSeq }) => lastSeq)).toEqual([1, 2, 3, 4]);
  }, 120_000);

  it('given a write that an older connection left in the server, when it is read late, then it changes nothing', async () => {
    const { redis, lane } = await given();
    const { own } = keysOf('eu-west');
    const older = (await redis.client.hget(own, 'connection')) ?? '';
    expect(await lane.putRows('a', [rowOf('old')])).toBe('OK');
    await cutConnections(redis);
    await untilOk(() => lane.putRows('a', [rowOf('new')]));

    const keys = [own, keysOf('eu-west').rows('a', 0)];
    const late = await evaluate(redis.client, PUT_ROWS, keys, [lane.epoch, lane.nonce, older, 1, 'x', 'old']);

    expect(late).toBe('STALE');
    expect(String(await lane.row('a', 0, 'x'))).toBe('new');
  });

  it('given a server out of memory, then appends say so, the session is kept, and they resume with memory', async () => {
    const { redis, lane, writer } = await given();
    await redis.configure('maxmemory', '3mb');
    const refused: JournalBatch[] = [];
    while (refused.length === 0) {
      const batch = writer.next(64, Buffer.alloc(100_000));
      await lane.append(batch).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StoreUnavailable);
        expect((error as Error).message).toMatch(/out of memory.*raise maxmemory/);
        refused.push(batch);
      });
    }

    expect(await lane.renew()).toBe(true);
    await redis.configure('maxmemory', '0');
    expect(await appendInOrder(lane, refused)).toBe(refused.at(-1)?.lastSeq);
    await collect(readVerified(lane, 1, 0));
  });

  it('given a server out of memory, when the journal is trimmed, then there is room again', async () => {
    const { redis, lane, writer } = await given();
    await redis.configure('maxmemory', '3mb');
    let batch = writer.next(64, Buffer.alloc(100_000));
    while ((await lane.append(batch).catch(() => 'refused')) === 'OK') batch = writer.next(64, Buffer.alloc(100_000));

    expect(await lane.trim(batch.firstSeq - 1)).toBe('OK');

    expect(await appendInOrder(lane, [batch])).toBe(batch.lastSeq);
  });

  it('given a server made a replica, then appends say so; promoted again, they resume', async () => {
    const { redis, lane, writer } = await given();
    const [batch, next] = [writer.next(), writer.next()];
    await appendInOrder(lane, [batch]);
    // Of a primary that is not there, so that it keeps its own data.
    await redis.client.replicaof('127.0.0.1', 1);

    await expect(lane.append(next)).rejects.toThrow(/read-only replica/);
    await expect(lane.append(next)).rejects.toBeInstanceOf(StoreUnavailable);

    await redis.client.replicaof('NO', 'ONE');
    expect(await appendInOrder(lane, [next])).toBe(2);
    expect(await collect(readVerified(lane, 1, 0))).toHaveLength(2);
  });

  it('given scripts that the server has forgotten, then they are loaded again', async () => {
    const { redis, lane, writer } = await given();
    await redis.client.script('FLUSH');

    const batch = writer.next();
    await expect(lane.append(batch)).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await appendInOrder(lane, [batch])).toBe(1);
  });

  it('given connections that are cut, then both come back', async () => {
    const { redis, lane, writer } = await given();
    await cutConnections(redis);

    const batch = writer.next();
    expect(await appendInOrder(lane, [batch])).toBe(1);
    await untilOk(async () => ((await collect(lane.batches(1))).length === 1 ? 'OK' : 'GAP'));
  });

  it('given a session that is not renewed, when its time is over, then another may acquire', async () => {
    const redis = await server();
    const store = await opened(redis);
    await store.acquire(layoutOf('eu-west'), { ...claimOf('first'), sessionTtlMs: 200 });
    const other = await opened(redis);

    let refusals = 0;
    for (;;) {
      try {
        expect((await other.acquire(layoutOf('eu-west'), claimOf('second'))).epoch).toBe(2);
        break;
      } catch (error) {
        expect(error).toBeInstanceOf(LaneBusy);
        refusals += 1;
        await pause((error as LaneBusy).retryAfterMs);
      }
    }
    expect(refusals).toBeGreaterThan(0);
  });

  it('given a region of an older version, which had one lane, then it is listed, and its layout binds the next', async () => {
    const { redis, store, lane } = await given();
    await lane.release();
    const { layout, lanes } = regionKeysOf('eu-west');
    await redis.client.del(layout, lanes);

    expect(await store.lanes('eu-west')).toEqual(['0']);
    await expect(store.acquire(layoutOf('eu-west', 16), claimOf('second'), '1')).rejects.toBeInstanceOf(LayoutMismatch);
    expect((await store.acquire(layoutOf('eu-west'), claimOf('second'), '1')).epoch).toBe(1);
    expect(await store.lanes('eu-west')).toEqual(['0', '1']);
  });

  it('given a journal without the record of who owned it, then nobody takes it for a new lane', async () => {
    const { redis, store, lane, writer } = await given();
    expect(await lane.append(writer.next(3))).toBe('OK');
    await lane.release();
    await redis.client.del(keysOf('eu-west').own);

    const acquired = store.acquire(layoutOf('eu-west'), claimOf('second'));
    await expect(acquired).rejects.toThrow(JournalCorrupt);
    await expect(acquired).rejects.toThrow(keysOf('eu-west').journal);
  });

  it('given a list of lanes that was lost, as it may be elsewhere, when the owner has renewed for a while, then its lane is on it again', async () => {
    const redis = await server();
    const store = await opened(redis);
    const lane = await store.acquire(layoutOf('eu-west'), claimOf('first'), '7');
    await redis.client.del(regionKeysOf('eu-west').lanes);
    expect(await store.lanes('eu-west')).toEqual([]);

    for (let renewal = 0; renewal < 20; renewal++) expect(await lane.renew()).toBe(true);
    expect(await store.lanes('eu-west')).toEqual(['7']);
  });

  it('given a server that came back without the session of a living owner, then others wait once, as long as it had', async () => {
    const redis = await server();
    const owner = await opened(redis);
    const lane = await owner.acquire(layoutOf('eu-west'), { ...claimOf('first'), sessionTtlMs: 400 });
    await owner.close();
    await redis.restart();
    await redis.client.del(keysOf('eu-west').session);
    const other = await opened(redis);

    const refused = await other.acquire(layoutOf('eu-west'), claimOf('second')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LaneBusy);
    expect((refused as LaneBusy).retryAfterMs).toBeLessThanOrEqual(400);
    await pause((refused as LaneBusy).retryAfterMs + 1);

    const successor = await other.acquire(layoutOf('eu-west'), claimOf('second'));
    expect(successor.epoch).toBe(lane.epoch + 1);
    await successor.release();
    await redis.restart();
    const third = await opened(redis);
    expect((await third.acquire(layoutOf('eu-west'), claimOf('third'))).epoch).toBe(lane.epoch + 2);
  });

  it('given a server that came back, when its owner connects again, then its session is there before others claim it', async () => {
    const { redis, lane } = await given();
    const other = await opened(redis);
    // Before it ends: its owner may be back as soon as it is.
    await redis.client.del(keysOf('eu-west').session);
    await redis.kill();
    await redis.restart();

    await untilOk(async () => ((await lane.ownership()) === undefined ? 'GAP' : 'OK'));
    expect(await redis.client.pttl(keysOf('eu-west').session)).toBeGreaterThan(0);
    let refused: unknown;
    await untilOk(async () => {
      refused = await other.acquire(layoutOf('eu-west'), claimOf('second')).catch((error: unknown) => error);
      return refused instanceof StoreUnavailable ? 'unavailable' : 'OK';
    });
    expect(refused).toBeInstanceOf(LaneBusy);
  });

  it('given a predecessor on this machine whose process has ended, then its session is not waited for', async () => {
    const redis = await server();
    const store = await opened(redis);
    await store.acquire(layoutOf('eu-west'), claimOf('first'));
    const { session } = keysOf('eu-west');
    const value = JSON.parse((await redis.client.get(session)) ?? '{}');
    // A process with our pid that started at another time: one that ended, its pid used again.
    await redis.client.set(session, JSON.stringify({ ...value, process: { ...value.process, startTime: '1' } }));

    expect((await store.acquire(layoutOf('eu-west'), claimOf('second'))).epoch).toBe(2);
  });

  it('given an owner in a process that cannot be seen, then LaneBusy names it', async () => {
    const redis = await server();
    const store = await opened(redis);
    await store.acquire(layoutOf('eu-west'), claimOf('first'));
    const { session } = keysOf('eu-west');
    const value = JSON.parse((await redis.client.get(session)) ?? '{}');
    const elsewhere = { ...value, process: { ...value.process, host: 'elsewhere', pid: 7 } };
    await redis.client.set(session, JSON.stringify(elsewhere), 'PX', 5_000);

    const refused = await store.acquire(layoutOf('eu-west'), claimOf('second')).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(LaneBusy);
    expect((refused as LaneBusy).message).toContain('owned by first (process 7 on elsewhere)');
    expect((refused as LaneBusy).retryAfterMs).toBeLessThanOrEqual(5_000);
  });
});

/** Sends what was not acknowledged again, in order, until all is; returns the last seq. */
async function appendInOrder(lane: Lane, batches: readonly JournalBatch[], refusals: string[] = []): Promise<number> {
  let left = batches;
  while (left.length > 0) {
    const results = await Promise.allSettled(left.map((batch) => lane.append(batch)));
    for (const result of results) {
      if (result.status === 'fulfilled') expect(result.value).not.toBe('FENCED');
      else {
        expect(result.reason).toBeInstanceOf(StoreUnavailable);
        refusals.push(result.reason.message);
      }
    }
    const firstRefused = results.findIndex((result) => result.status === 'rejected' || result.value !== 'OK');
    left = firstRefused < 0 ? [] : left.slice(firstRefused);
    if (left.length > 0) await pause(10);
  }
  return batches.at(-1)?.lastSeq ?? 0;
}

/** All but the test's own. */
async function cutConnections(redis: TestRedis): Promise<void> {
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
}

async function untilOk(call: () => Promise<string>): Promise<void> {
  for (;;) {
    const result = await call().catch((error: unknown) => {
      expect(error).toBeInstanceOf(StoreUnavailable);
      return 'unavailable';
    });
    if (result === 'OK') return;
    await pause(10);
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function rowOf(value: string) {
  return { partition: 0, sku: 'x', bytes: Buffer.from(value) };
}
