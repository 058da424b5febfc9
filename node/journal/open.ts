// From a store's URL to its driver: the one place that knows all of them.
import type { Durability } from '../../protocol/index.ts';
import { LmdbStore } from './lmdb/store.ts';
import { MemoryStore } from './memory/store.ts';
import { type JournalStore, StoreMisconfigured } from './port.ts';
import { RedisStore } from './redis/store.ts';

export interface StoreOptions {
  /** What an acknowledgement must survive. Default: `fsync`; of `memory:` it is always `memory`. */
  readonly durability?: Durability;
  /** To read beside a living owner (audit, export): nothing can be acquired. */
  readonly readOnly?: boolean;
  /** Told what could not be verified, and of losses of connection; one sentence each. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Opens the store that `url` names: `lmdb:<directory>`, `redis://…`, `rediss://…` or `memory:`.
 * @throws StoreMisconfigured when the URL names none, or the store cannot give the durability asked for
 * @throws StoreUnavailable when it does not answer
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<JournalStore> {
  const scheme = url.slice(0, url.indexOf(':') + 1);
  switch (scheme) {
    case 'lmdb:': {
      const directory = url.slice(scheme.length).replace(/^\/\/(?=\/)/, '');
      if (directory === '') throw new StoreMisconfigured(`${url} names no directory: write lmdb:./data, for example`);
      return new LmdbStore(directory, options);
    }
    case 'redis:':
    case 'rediss:':
      return RedisStore.open(url, options);
    case 'memory:':
      return new MemoryStore();
    default:
      throw new StoreMisconfigured(
        `no store of this kind: ${url}; use lmdb:<directory>, redis://<host>:<port> or memory:`,
      );
  }
}
