// URLs of stores.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from './open.ts';
import { type JournalStore, StoreMisconfigured, StoreUnavailable } from './port.ts';
import { claimOf, layoutOf } from './testing/given.ts';
import { sharedRedis } from './testing/redis.ts';

describe('opening a store by its URL', () => {
  async function used(store: JournalStore, region = 'eu-west'): Promise<string> {
    const lane = await store.acquire(layoutOf(region), claimOf('opener'));
    await lane.release();
    await store.close();
    return `${store.driver} ${store.durability}`;
  }

  it('given each scheme, then its driver is opened with its durability', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-open-'));
    const redis = await sharedRedis();

    expect(await used(await openStore('memory:'))).toBe('memory memory');
    expect(await used(await openStore(`lmdb:${directory}`))).toBe('lmdb fsync');
    expect(await used(await openStore(`lmdb://${directory}/benchmark`, { durability: 'memory' }))).toBe('lmdb memory');
    expect(await used(await openStore(redis.url, { durability: 'memory' }), `open-${process.pid}`)).toBe(
      'redis memory',
    );

    await redis.stop();
    await rm(directory, { recursive: true });
  });

  it('given a URL of no store, or one without a directory, then the message says what to write', async () => {
    await expect(openStore('postgres://x')).rejects.toBeInstanceOf(StoreMisconfigured);
    await expect(openStore('postgres://x')).rejects.toThrow('redis://<host>:<port>');
    await expect(openStore('lmdb:')).rejects.toThrow('lmdb:./data');
    await expect(openStore('lmdb:x', { durability: 'replicated' })).rejects.toBeInstanceOf(StoreMisconfigured);
  });

  it('given a directory that the system will not make, then StoreUnavailable names it', async () => {
    for (const directory of ['/proc/holdfast', '/proc/holdfast/data']) {
      const store = await openStore(`lmdb:${directory}`);
      const acquiring = store.acquire(layoutOf('eu-west'), claimOf('opener'));

      await expect(acquiring).rejects.toBeInstanceOf(StoreUnavailable);
      await expect(acquiring).rejects.toThrow('/proc/holdfast');
      await store.close();
    }
  });

  it('given options in the URL, then they come first, and what makes no sense is refused', async () => {
    const redis = await sharedRedis();

    expect((await openStore('lmdb:/tmp/none?durability=memory')).durability).toBe('memory');
    const replicated = await openStore(`${redis.url}?durability=replicated&replicas=2`, { durability: 'memory' }).catch(
      (error: unknown) => error,
    );
    // What fsync needs is needed for replicated too, and this server was not set up for it.
    expect((replicated as Error).message).toContain('durability replicated needs');
    for (const url of [
      'lmdb:x?durability=replicated',
      `${redis.url}?durability=twice`,
      `${redis.url}?replicas=2`,
      `${redis.url}?durability=memory`,
      `${redis.url}?durability=replicated&replicas=0`,
      'redis+sentinel://127.0.0.1:26379',
      'redis+cluster://127.0.0.1:7000/name',
      'redis+cluster://a:b',
    ]) {
      await expect(openStore(url), url).rejects.toBeInstanceOf(StoreMisconfigured);
    }
    await redis.stop();
  });

  it.each(['redis://127.0.0.1:1', 'rediss://127.0.0.1:1', 'lmdb:/tmp/none'])(
    'given a misspelt parameter of %s, then it is named, and those there are',
    async (url) => {
      const opening = openStore(`${url}?durabilty=replicated`);

      await expect(opening).rejects.toBeInstanceOf(StoreMisconfigured);
      await expect(opening).rejects.toThrow(/durabilty: there are durability, replicas$/);
    },
  );

  it('given sentinels or nodes that do not answer, then StoreUnavailable names them, without the password', async () => {
    for (const url of [
      'redis+sentinel://:secret@127.0.0.1:1/main',
      'redis+cluster://:secret@127.0.0.1:1,127.0.0.1:2',
    ]) {
      const error = await openStore(url).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StoreUnavailable);
      expect((error as Error).message).toContain('127.0.0.1:1');
      expect((error as Error).message).not.toContain('secret');
    }
  });

  it('given a store opened read-only, then nothing can be acquired', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-open-'));
    await used(await openStore(`lmdb:${directory}`));

    const store = await openStore(`lmdb:${directory}`, { readOnly: true });

    expect((await store.reader('eu-west')).layout).toEqual(layoutOf('eu-west'));
    await expect(store.acquire(layoutOf('eu-west'), claimOf('second'))).rejects.toThrow(/read-only/);
    await store.close();
    await rm(directory, { recursive: true });
  });
});
