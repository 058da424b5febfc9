// Whether an owner may let go of its lane: only once no fail-over can lose what it wrote last.
import { afterEach, expect, it } from 'vitest';
import { PARTITION_HASH } from '../../core/index.ts';
import type { Lane } from '../port.ts';
import { BatchWriter } from '../testing/batches.ts';
import { claimOf } from '../testing/given.ts';
import { startRedis } from '../testing/redis.ts';
import { startPair } from '../testing/redis-fleet.ts';
import { RedisStore } from './store.ts';

const LAYOUT = { region: 'eu-west', partitions: 8, hash: PARTITION_HASH };

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function ownedLane(url: string): Promise<{ lane: Lane; write: () => Promise<void> }> {
  const store = await RedisStore.open(url, {});
  cleanUps.push(() => store.close());
  const lane = await store.acquire(LAYOUT, claimOf('owner'));
  const writer = new BatchWriter(lane);
  const write = async () => expect(await lane.append(writer.next())).toBe('OK');
  return { lane, write };
}

/** As its owner asks: again and again. */
async function untilReplicated(lane: Lane): Promise<void> {
  while (!(await lane.isReplicated()));
}

it('given no replica, when something is written, then no fail-over can lose it', async () => {
  const redis = await startRedis({ appendonly: 'yes', appendfsync: 'always' });
  cleanUps.push(() => redis.stop());
  const { lane, write } = await ownedLane(redis.url);

  await write();

  expect(await lane.isReplicated()).toBe(true);
});

it('given a replica that is cut off, when something is written, then a fail-over can lose it until the replica is back', async () => {
  const pair = await startPair();
  cleanUps.push(() => pair.stop());
  const { lane, write } = await ownedLane(pair.url);
  await write();
  await untilReplicated(lane);

  await pair.cut();
  await write();

  expect(await lane.isReplicated()).toBe(false);
  await pair.mend();
  await untilReplicated(lane);
});
