// Servers that would not keep what they acknowledge are refused, with the setting and the command that mends it.
import { afterEach, describe, expect, it } from 'vitest';
import { StoreMisconfigured, StoreUnavailable } from '../port.ts';
import { FSYNC_SETTINGS, type RedisSettings, startRedis, type TestRedis } from '../testing/redis.ts';
import { RedisStore } from './store.ts';

describe("a Redis server's configuration", () => {
  let redis: TestRedis | undefined;
  afterEach(async () => {
    await redis?.stop();
    redis = undefined;
  });

  async function refusal(settings: RedisSettings, durability: 'fsync' | 'memory' | 'replicated' = 'fsync') {
    redis = await startRedis(settings);
    const error = await RedisStore.open(redis.url, { durability }).then(
      (store) => store.close(),
      (reason: unknown) => reason,
    );
    return error as Error | undefined;
  }

  it.each([
    [{}, 'appendonly', 'no', 'yes'],
    [{ appendonly: 'yes', appendfsync: 'everysec' }, 'appendfsync', 'everysec', 'always'],
    [{ ...FSYNC_SETTINGS, 'maxmemory-policy': 'allkeys-lru' }, 'maxmemory-policy', 'allkeys-lru', 'noeviction'],
    [{ ...FSYNC_SETTINGS, 'no-appendfsync-on-rewrite': 'yes' }, 'no-appendfsync-on-rewrite', 'yes', 'no'],
  ])(
    'given %o, when fsync is asked for, then %s %s is refused and %s asked for',
    async (settings, setting, is, needs) => {
      const error = await refusal(settings);

      expect(error).toBeInstanceOf(StoreMisconfigured);
      expect(error?.message).toContain(`has ${setting} ${is}`);
      expect(error?.message).toContain(`redis-cli -h 127.0.0.1 -p ${redis?.port} CONFIG SET ${setting} ${needs}`);
    },
  );

  it('given eviction, then it is refused even for memory; without it memory needs nothing', async () => {
    expect((await refusal({ 'maxmemory-policy': 'volatile-ttl' }, 'memory'))?.message).toContain('noeviction');
    await redis?.stop();

    expect(await refusal({}, 'memory')).toBeUndefined();
  });

  it('given replicated and a server without replicas, then what fsync needs is needed too, and it is warned of', async () => {
    expect((await refusal({ appendonly: 'yes' }, 'replicated'))?.message).toContain(
      'durability replicated needs always',
    );
    await redis?.stop();
    redis = await startRedis(FSYNC_SETTINGS);
    const warnings: string[] = [];

    const options = { durability: 'replicated', onWarning: (message: string) => warnings.push(message) } as const;
    await (await RedisStore.open(redis.url, options)).close();

    expect(warnings.join()).toMatch(/has 0 replicas, and durability replicated waits for 1/);
  });

  it('given CONFIG forbidden, then what INFO tells is checked, and the rest is warned of once', async () => {
    const forbidden = { 'rename-command': ['CONFIG', ''] };
    redis = await startRedis({ ...FSYNC_SETTINGS, ...forbidden });
    const warnings: string[] = [];

    const store = await RedisStore.open(redis.url, { onWarning: (message) => warnings.push(message) });
    await store.close();

    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/does not let us read appendfsync; make sure it is always/);
    await redis.stop();
    expect((await refusal(forbidden))?.message).toContain('has appendonly no');
  });

  it('given a wrong password or none, then it is a matter of configuration, and the right one works', async () => {
    redis = await startRedis({ ...FSYNC_SETTINGS, requirepass: 'secret' });

    for (const url of [redis.url.replace('secret', 'guess'), redis.url.replace(':secret@', '')]) {
      const error = await RedisStore.open(url).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StoreMisconfigured);
      expect((error as Error).message).toContain('refused our credentials');
      expect((error as Error).message).not.toContain('guess');
    }
    await (await RedisStore.open(redis.url)).close();
  });

  it('given nobody who listens, then StoreUnavailable names the address', async () => {
    const error = await RedisStore.open('redis://127.0.0.1:1').catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(StoreUnavailable);
    expect((error as Error).message).toContain('127.0.0.1:1');
  });
});
