// The LMDB driver: the conformance suite on a real directory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalCorrupt } from '../batch.ts';
import { LayoutMismatch } from '../port.ts';
import { describeJournal } from '../testing/conformance.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { LmdbStore } from './store.ts';

describeJournal('lmdb', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
  const dead = new Set<string>();
  const open = async () => new LmdbStore(directory, { judge: ({ nonce }) => (dead.has(nonce) ? 'dead' : 'alive') });
  return {
    open,
    async endSession(region, lane) {
      const store = await open();
      const owner = await (await store.reader(region, lane)).ownership();
      if (owner !== undefined) dead.add(owner.nonce);
      await store.close();
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});

describe('lmdb: a region of an older version, which had one lane', () => {
  it('given no environment that lanes share, then the lane is listed, and its layout binds the next', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
    const older = new LmdbStore(directory);
    await (await older.acquire(layoutOf('eu-west'), claimOf('first'))).release();
    await older.close();
    await rm(join(directory, 'eu-west/members'), { recursive: true });

    const audit = new LmdbStore(directory, { readOnly: true });
    expect(await audit.lanes('eu-west')).toEqual(['0']);
    expect(await audit.register('eu-west').read()).toEqual({ version: 0, value: '' });
    await audit.close();
    const store = new LmdbStore(directory);
    await expect(store.acquire(layoutOf('eu-west', 16), claimOf('second'), '1')).rejects.toBeInstanceOf(LayoutMismatch);
    await store.acquire(layoutOf('eu-west'), claimOf('second'), '1');
    expect(await store.lanes('eu-west')).toEqual(['0', '1']);
    await store.close();
    await rm(directory, { recursive: true });
  });
});

describe('lmdb: an environment that looks empty', () => {
  it.each(['0', '7'])(
    'given lane %s with data, when its environment is replaced by a new one, then it is not taken for a new lane',
    async (lane) => {
      const directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
      const store = new LmdbStore(directory);
      await (await store.acquire(layoutOf('eu-west'), claimOf('first'), lane)).release();
      await store.close();
      const path = join(directory, 'eu-west', lane === '0' ? '' : `lane-${lane}`);
      await rm(join(path, 'data.mdb'));

      const again = new LmdbStore(directory);
      const acquired = again.acquire(layoutOf('eu-west'), claimOf('second'), lane);
      await expect(acquired).rejects.toThrow(JournalCorrupt);
      await expect(acquired).rejects.toThrow(`lane ${lane} of eu-west`);
      await again.close();
      await rm(directory, { recursive: true });
    },
  );
});
