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
  async dispose() {
    await redis.client.flushall();
  },
}));
