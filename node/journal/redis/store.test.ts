// The Redis driver: the conformance suite on a real server.
import { afterAll, beforeAll } from 'vitest';
import { describeJournal } from '../testing/conformance.ts';
import { FSYNC_SETTINGS, startRedis, type TestRedis } from '../testing/redis.ts';
import { keysOf } from './keys.ts';
import { RedisStore } from './store.ts';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis(FSYNC_SETTINGS);
});

afterAll(() => redis.stop());

describeJournal('redis', async () => ({
  open: () => RedisStore.open(redis.url),
  async endSession(region, lane) {
    await redis.client.del(keysOf(region, lane).session);
  },
  async checkpoint() {
    const keys = await redis.client.keys('*');
    const copies = await Promise.all(
      keys.map(async (key) => ({ key, ttl: await redis.client.pttl(key), bytes: await redis.client.dumpBuffer(key) })),
    );
    return async () => {
      await redis.client.flushall();
      for (const { key, ttl, bytes } of copies) {
        if (bytes !== null) await redis.client.restore(key, Math.max(0, ttl), bytes);
      }
      // As a fail-over would: it is found by those who were connected, who look again.
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await redis.client.script('FLUSH');
    };
  },
  async dispose() {
    await redis.client.flushall();
  },
}));
