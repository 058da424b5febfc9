// Owners over a real Redis that fails over: what was acknowledged stays, or its loss is said (I5), and no owner of an
// earlier epoch gets a word in once the later one is back (I9).
import { afterEach, describe, expect, it } from 'vitest';
import { PARTITION_HASH } from '../core/index.ts';
import type { JournalStore } from '../journal/port.ts';
import { keysOf, regionKeysOf } from '../journal/redis/keys.ts';
import { RedisStore, type RedisStoreOptions } from '../journal/redis/store.ts';
import { BatchWriter } from '../journal/testing/batches.ts';
import { claimOf } from '../journal/testing/given.ts';
import { startCluster, startPair, startSentinelPair } from '../journal/testing/redis-fleet.ts';
import { lostIn, OwnerAtWork } from './testing/fail-over.ts';
import { REGION } from './testing/harness.ts';

const LAYOUT = { region: REGION, partitions: 8, hash: PARTITION_HASH };
const SOON = { sessionTtlMs: 1_000 };
const OPERATIONS = 200;
/** Each acknowledgement waits for two disks, which other work may keep busy. */
const PATIENCE_MS = 90_000;

describe('Redis fails over', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function started<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    const servers = await starting;
    cleanUps.push(() => servers.stop());
    return servers;
  }

  async function opened(url: string, options: RedisStoreOptions = {}): Promise<JournalStore> {
    const store = await RedisStore.open(url, options);
    cleanUps.push(() => store.close());
    return store;
  }

  async function owner(url: string, options: RedisStoreOptions = {}): Promise<OwnerAtWork> {
    const atWork = await OwnerAtWork.open(await opened(url, options), SOON);
    cleanUps.push(() => atWork.rest());
    return atWork;
  }

  /** What the next owner, after `before` has given its lane back, does not have. */
  async function lostAfter(before: OwnerAtWork, url: string): Promise<number> {
    await before.rest();
    await before.grid.close();
    return lostIn(await owner(url), before.acknowledged);
  }

  it(
    'given a primary cut off from its replica that acknowledged under a new epoch, when the replica is promoted, then the live owner takes the lane back, loses nothing, and the epoch before is refused',
    async () => {
      const pair = await started(startPair());
      const store = await opened(pair.url);
      const earlier = await store.acquire(LAYOUT, claimOf('earlier'));
      const writer = new BatchWriter(earlier);
      await pair.primary.client.wait(1, 5_000);
      await pair.cut();
      await pair.primary.client.del(keysOf(REGION).session);
      const live = await owner(pair.url);
      live.work();
      await live.more(OPERATIONS);

      await pair.promote();
      expect(await pair.replica.client.hget(keysOf(REGION).own, 'epoch')).toBe(`${earlier.epoch}`);
      await live.more(OPERATIONS);

      expect(await pair.replica.client.hget(keysOf(REGION).own, 'epoch')).toBe(`${live.grid.info().epoch}`);
      expect(await earlier.append(writer.next()).catch(() => earlier.append(writer.next()))).toBe('FENCED');
      expect(live.lines.join()).toMatch(/from seq 1 to \d+; it is appended again/);
      expect(await lostAfter(live, pair.url)).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'given replicated and a cut replica, then nothing more is acknowledged, and nothing is lost with the owner and the primary',
    async () => {
      const pair = await started(startPair());
      const store = await opened(pair.url, { durability: 'replicated' });
      const live = await OwnerAtWork.open(store, SOON);
      live.work();
      await live.more(OPERATIONS);

      await pair.cut();
      await untilLine(live, /0 of the 1 replicas needed/);
      await live.rest();
      const acknowledged = [...live.acknowledged];
      // Its owner is gone too: it would take the lane back from the replica as soon as that leads.
      await store.close();
      await pair.primary.kill();
      await pair.promote();
      await pair.replica.client.del(keysOf(REGION).session);
      await pair.replica.client.hdel(keysOf(REGION).own, 'runId');

      expect(acknowledged.length).toBeGreaterThanOrEqual(OPERATIONS);
      expect(await lostIn(await owner(pair.url), acknowledged)).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'given replicated and a replica that comes back, then the same requests are acknowledged after all',
    async () => {
      const pair = await started(startPair());
      const live = await owner(pair.url, { durability: 'replicated' });
      live.work();
      await live.more(OPERATIONS);
      await pair.cut();
      await untilLine(live, /0 of the 1 replicas needed/);

      await pair.mend();
      await live.more(OPERATIONS);

      expect(await lostAfter(live, pair.url)).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'given a sentinel, when the primary is killed, then the owner follows it to the replica and loses nothing',
    async () => {
      const pair = await started(startSentinelPair());
      const live = await owner(pair.url);
      live.work();
      await live.more(OPERATIONS);

      await pair.primary.kill();
      await live.more(OPERATIONS);

      expect(await pair.replica.client.hget(keysOf(REGION).own, 'epoch')).toBe(`${live.grid.info().epoch}`);
      expect(await lostAfter(live, pair.url)).toBe(0);
    },
    PATIENCE_MS,
  );

  it(
    'given a cluster, then lanes on several nodes are owned, read and listed',
    async () => {
      const cluster = await started(startCluster());
      const store = await opened(cluster.url);
      const lanes = ['0', '1', '2', '3', '4', '5'];
      for (const lane of lanes) {
        const acquired = await store.acquire(LAYOUT, claimOf('several'), lane);
        expect(await acquired.append(new BatchWriter(acquired).next())).toBe('OK');
        expect((await (await store.reader(REGION, lane)).ownership())?.lastSeq).toBe(1);
        await acquired.release();
      }
      const nodes = await Promise.all(lanes.map((lane) => cluster.nodeOf(keysOf(REGION, lane).own)));
      expect(new Set([...nodes, await cluster.nodeOf(regionKeysOf(REGION).lanes)]).size).toBeGreaterThan(1);
      expect(await store.lanes(REGION)).toEqual(lanes);
      expect(await store.register(REGION).write(0, 'members')).toBe(true);
      expect((await store.register(REGION).read()).value).toBe('members');
    },
    PATIENCE_MS,
  );

  it(
    'given a cluster whose node is killed, when its replica takes over, then the owner follows and loses nothing',
    async () => {
      const cluster = await started(startCluster(1));
      const live = await owner(cluster.url);
      live.work();
      await live.more(OPERATIONS);
      const node = await cluster.nodeOf(keysOf(REGION).own);
      const replica = await cluster.replicaOf(node);

      await node.kill();
      await live.more(OPERATIONS);

      expect(await replica.client.hget(keysOf(REGION).own, 'epoch')).toBe(`${live.grid.info().epoch}`);
      expect(await lostAfter(live, cluster.url)).toBe(0);
    },
    PATIENCE_MS,
  );
});

async function untilLine({ lines }: OwnerAtWork, pattern: RegExp): Promise<void> {
  while (!pattern.test(lines.join('\n'))) await new Promise((resolve) => setTimeout(resolve, 5));
}
