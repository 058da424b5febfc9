// The LMDB driver: the conformance suite on a real directory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeJournal } from '../testing/conformance.ts';
import { LmdbStore } from './store.ts';

describeJournal('lmdb', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
  const dead = new Set<string>();
  const open = async () => new LmdbStore(directory, { judge: ({ nonce }) => (dead.has(nonce) ? 'dead' : 'alive') });
  return {
    open,
    async endSession(region) {
      const store = await open();
      const owner = await (await store.reader(region)).ownership();
      if (owner !== undefined) dead.add(owner.nonce);
      await store.close();
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});
