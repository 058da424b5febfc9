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
 * Opens the store that `url` names: `lmdb:<directory>`, `memory:`, or Redis as one of
 *   `redis://host:port`, `rediss://host:port`: one server
 *   `redis+sentinel://host:port,host:port/<name of the primary>`: the primary that sentinels name
 *   `redis+cluster://host:port,host:port`: a cluster, any of whose nodes are listed
 * each with `user:password@` where it needs them. `?durability=fsync|replicated` (of LMDB also `memory`) behind it says what an
 * acknowledgement must survive, and comes before `options.durability`. With `replicated` the append must be on the
 * replicas too, `&replicas=<n>` of them, by default 1: as many as may be promoted.
 * @throws StoreMisconfigured when the URL names none, or the store cannot give the durability asked for
 * @throws StoreUnavailable when it does not answer
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<JournalStore> {
  const { bare, asked } = optionsIn(url);
  const scheme = bare.slice(0, bare.indexOf(':') + 1);
  const all = { ...options, ...asked };
  switch (scheme) {
    case 'lmdb:': {
      const directory = bare.slice(scheme.length).replace(/^\/\/(?=\/)/, '');
      if (directory === '') throw new StoreMisconfigured(`${url} names no directory: write lmdb:./data, for example`);
      return new LmdbStore(directory, all);
    }
    case 'redis:':
    case 'rediss:':
    case 'redis+sentinel:':
    case 'redis+cluster:':
      if (asked.durability === 'memory') {
        throw new StoreMisconfigured('durability memory is that of --store memory:; Redis takes fsync or replicated');
      }
      return RedisStore.open(bare, all);
    case 'memory:':
      return new MemoryStore();
    default:
      throw new StoreMisconfigured(
        `no store of this kind: ${url}; use lmdb:<directory>, redis://<host>:<port>, ` +
          'redis+sentinel://<host>:<port>/<name>, redis+cluster://<host>:<port> or memory:',
      );
  }
}

const PARAMETERS = ['durability', 'replicas'];

/** Takes the options out of the URL. One that nobody knows is refused: it may be one that matters, misspelt. */
function optionsIn(url: string): { bare: string; asked: { durability?: Durability; replicas?: number } } {
  const mark = url.indexOf('?');
  if (mark < 0) return { bare: url, asked: {} };
  const parameters = new URLSearchParams(url.slice(mark + 1));
  const [durability, replicas] = [parameters.get('durability'), parameters.get('replicas')];
  const unknown = [...parameters.keys()].filter((name) => !PARAMETERS.includes(name));
  if (unknown.length > 0) {
    throw new StoreMisconfigured(
      `the store's URL has the unknown parameter ${unknown.join(', ')}: there are ${PARAMETERS.join(', ')}`,
    );
  }
  if (durability !== null && !isDurability(durability)) {
    throw new StoreMisconfigured(`no durability ${durability}: there are ${DURABILITIES.join(', ')}`);
  }
  if (replicas !== null && (durability !== 'replicated' || !/^[1-9]\d?$/.test(replicas))) {
    throw new StoreMisconfigured('replicas is a number from 1 to 99, of durability=replicated');
  }
  return {
    bare: url.slice(0, mark),
    asked: {
      ...(durability === null ? {} : { durability }),
      ...(replicas === null ? {} : { replicas: Number(replicas) }),
    },
  };
}

const DURABILITIES: readonly Durability[] = ['memory', 'fsync', 'replicated'];

function isDurability(text: string): text is Durability {
  return (DURABILITIES as readonly string[]).includes(text);
}
