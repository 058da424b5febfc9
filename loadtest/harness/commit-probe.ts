// The bare store's own latency of one commit: a blob of the size the grid writes, one commit at a time, nothing else
// running. What is measured of the grid is held against this, so that a slow disk does not count against it.
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { open } from 'lmdb';
import { LatencyHistogram } from '../generator/histogram.ts';
import type { Percentiles } from '../generator/load.ts';

/** One of the two. */
export type ProbedStore = { readonly lmdb: string } | { readonly redisPort: number };

export interface ProbeSize {
  readonly commitBytes: number;
  readonly commits: number;
}

/** Commits that are made and not counted: files grow, code is compiled. */
const WARM_UP_COMMITS = 100;

/** µs per commit. */
export async function measureCommits(store: ProbedStore, { commitBytes, commits }: ProbeSize): Promise<Percentiles> {
  const probe = 'lmdb' in store ? probeLmdb(store.lmdb) : probeRedis(store.redisPort);
  const histogram = new LatencyHistogram();
  const blob = randomBytes(commitBytes);
  try {
    for (let i = 0; i < WARM_UP_COMMITS + commits; i++) {
      const startMs = performance.now();
      await probe.commit(i, blob);
      if (i >= WARM_UP_COMMITS) histogram.recordMs(performance.now() - startMs);
    }
  } finally {
    await probe.close();
  }
  return histogram.summary();
}

interface Probe {
  commit(seq: number, blob: Buffer): Promise<unknown>;
  close(): Promise<void>;
}

function probeLmdb(path: string): Probe {
  const db = open<Buffer, number>({ path, keyEncoding: 'uint32', encoding: 'binary', compression: false });
  return { commit: (seq, blob) => db.put(seq, blob), close: () => db.close() };
}

/** The server must be set to appendfsync always by who started it. */
function probeRedis(port: number): Probe {
  const redis = new Redis({ port, host: '127.0.0.1' });
  return {
    commit: (_seq, blob) => redis.xadd('probe', '*', 'b', blob),
    close: async () => redis.disconnect(),
  };
}
