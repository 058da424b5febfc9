// Measures commits a second and their latency by driver, batch size and appends in flight. On this directory's disk:
//   npx vitest bench --run node/journal
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench } from 'vitest';
import { LmdbStore } from '../lmdb/store.ts';
import type { JournalStore } from '../port.ts';
import { RedisStore } from '../redis/store.ts';
import { BatchWriter } from './batches.ts';
import { claimOf, layoutOf } from './given.ts';
import { FSYNC_SETTINGS, startRedis } from './redis.ts';
import { startPair } from './redis-fleet.ts';

const RECORD_BYTES = 60;
const SECONDS = 2;
const ONCE = { iterations: 1, time: 0, warmupIterations: 0, warmupTime: 0, throws: true };

bench(
  'lmdb, fsync',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    await measure('lmdb, fsync', new LmdbStore(directory));
    await rm(directory, { recursive: true });
  },
  ONCE,
);

bench(
  'redis, appendfsync always',
  async () => {
    const redis = await startRedis(FSYNC_SETTINGS);
    await measure('redis, appendfsync always', await RedisStore.open(redis.url));
    await redis.stop();
  },
  ONCE,
);

bench(
  'redis, replicated',
  async () => {
    const pair = await startPair();
    await measure('redis, replicated', await RedisStore.open(pair.primary.url, { durability: 'replicated' }));
    await pair.stop();
  },
  ONCE,
);

async function measure(name: string, store: JournalStore): Promise<void> {
  const rows: Record<string, string | number>[] = [];
  for (const records of [64, 512]) {
    for (const inFlight of [1, 2, 3, 4]) rows.push(await run(store, records, inFlight));
  }
  await store.close();
  console.log(name);
  console.table(rows);
}

/** Each append is replaced as soon as it resolves, as group commit would. */
async function run(store: JournalStore, records: number, inFlight: number): Promise<Record<string, string | number>> {
  const lane = await store.acquire(layoutOf(`r${records}-${inFlight}`), claimOf('bench'));
  const writer = new BatchWriter(lane);
  const bytes = Buffer.alloc(records * RECORD_BYTES, 7);
  const latencies: number[] = [];
  const start = performance.now();
  const work = async (): Promise<void> => {
    while (performance.now() - start < SECONDS * 1_000) {
      const before = performance.now();
      const result = await lane.append(writer.next(records, bytes));
      if (result !== 'OK') throw new Error(result);
      latencies.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const seconds = (performance.now() - start) / 1_000;
  latencies.sort((left, right) => left - right);
  const at = (quantile: number) => (latencies[Math.floor(latencies.length * quantile)] ?? 0).toFixed(2);
  return {
    records,
    'in flight': inFlight,
    'commits/s': Math.round(latencies.length / seconds),
    'k records/s': Math.round((latencies.length * records) / seconds / 1_000),
    'p50 ms': at(0.5),
    'p99 ms': at(0.99),
  };
}
