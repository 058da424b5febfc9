// Redis fails under two workers, again and again and in several ways: what is asked meanwhile is refused retriably, they go
// on by themselves, and what was acknowledged is kept (I5).
import { afterEach, describe, expect, it } from 'vitest';
import type { TestRedis } from '../../node/journal/testing/redis.ts';
import type { RunningGrid } from '../support/grid.ts';
import { settled, until } from '../support/region.ts';
import { type Buyer, expectKept, stock } from './support/buyers.ts';
import { expectSettled, IS_LONG, lanesAt, PATIENCE_MS, Scene } from './support/scene.ts';

const KILLS = IS_LONG ? 20 : 5;
/** From when it answers again to the first acknowledgement at either door. */
const BACK_WITHIN_MS = 5_000;
/** Longer than a session: leases run out, and nobody may be taken for dead afterwards. */
const OUTAGE_MS = IS_LONG ? 15_000 : 7_000;
/** Nobody listens there. */
const NOWHERE = 1;
const ROOM_BYTES = 200_000;

const scene = new Scene();
afterEach(() => scene.end());

async function given(): Promise<{ redis: TestRedis; workers: RunningGrid[]; buyers: Buyer[] }> {
  const redis = await scene.redis();
  const workers = [await scene.worker(redis.url, 'w1'), await scene.worker(redis.url, 'w2')];
  const [first] = workers as [RunningGrid];
  await stock(first.url);
  await settled(first.url, 2);
  const buyers = workers.map((worker, n) => scene.buyer(worker, `b${n}`));
  for (const buyer of buyers) await buyer.more(50);
  return { redis, workers, buyers };
}

/** Both are told that it cannot be done now. */
async function refusedBoth(buyers: readonly Buyer[]): Promise<void> {
  const before = buyers.map(({ refused }) => refused);
  const look = async () => (buyers.every(({ refused }, n) => refused > (before[n] as number)) ? true : undefined);
  await until('both to be refused', look);
}

async function backMs(buyers: readonly Buyer[]): Promise<number> {
  const since = performance.now();
  await Promise.all(buyers.map((buyer) => buyer.more(1)));
  return Math.round(performance.now() - since);
}

async function kept({ redis, workers, buyers }: Awaited<ReturnType<typeof given>>): Promise<void> {
  for (const buyer of buyers) {
    await buyer.more(20);
    expect([...buyer.refusals.keys()]).toEqual(['UNAVAILABLE']);
  }
  await Promise.all(buyers.map((buyer) => buyer.stop()));
  await expectSettled(redis.url, workers);
  await expectKept((workers[1] as RunningGrid).url, buyers);
}

describe('Redis under two workers', () => {
  it(
    `given load on both, when it is killed and started again ${KILLS} times, then each time both go on within ${BACK_WITHIN_MS} ms`,
    async () => {
      const all = await given();
      const { redis, workers, buyers } = all;
      const [first] = workers as [RunningGrid];
      const lanes = await lanesAt(first.url);
      const tookMs: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        await redis.kill();
        // Once for long, so that attempts to connect have become rare.
        if (kill === 0) await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
        await redis.restart();
        tookMs.push(await backMs(buyers));
        for (const buyer of buyers) await buyer.more(20);
      }
      tookMs.sort((a, b) => a - b);
      console.log(`Redis back, both acknowledged again after, of ${KILLS}: ${tookMs.join(' ')} ms`);
      expect(Math.max(...tookMs)).toBeLessThan(BACK_WITHIN_MS);
      await kept(all);
      expect(await lanesAt(first.url)).toEqual(lanes);
    },
    PATIENCE_MS + KILLS * 10_000,
  );

  it.each(
    (
      [
        [
          'is the replica of another one (read-only)',
          (redis: TestRedis) => redis.client.replicaof('127.0.0.1', NOWHERE),
          (redis: TestRedis) => redis.client.replicaof('NO', 'ONE'),
        ],
        [
          'has no memory left',
          async (redis: TestRedis) => {
            const used = /used_memory:(\d+)/.exec(await redis.client.info('memory'))?.[1];
            await redis.configure('maxmemory', `${Number(used) + ROOM_BYTES}`);
          },
          (redis: TestRedis) => redis.configure('maxmemory', '0'),
        ],
        [
          'lacks the replicas that it is to write to',
          (redis: TestRedis) => redis.configure('min-replicas-to-write', '1'),
          (redis: TestRedis) => redis.configure('min-replicas-to-write', '0'),
        ],
      ] as const
    ).slice(0, IS_LONG ? 3 : 1),
  )(
    'given load on both, when it %s for longer than a session, then they go on by themselves and keep their lanes',
    async (what, begin, end) => {
      const all = await given();
      const { redis, workers, buyers } = all;
      const [first] = workers as [RunningGrid];
      const lanes = await lanesAt(first.url);

      await begin(redis);
      await refusedBoth(buyers);
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
      await refusedBoth(buyers);
      await end(redis);
      const tookMs = await backMs(buyers);

      console.log(`Redis no longer ${what}: acknowledged again after ${tookMs} ms`);
      expect(tookMs).toBeLessThan(BACK_WITHIN_MS);
      await kept(all);
      expect(await lanesAt(first.url)).toEqual(lanes);
    },
    PATIENCE_MS,
  );
});
