// LMDB that does not answer: another process keeps the writer's lock. The caller is told in time, and what was sent lands all the same.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { StoreUnavailable } from '../port.ts';
import { BatchWriter } from '../testing/batches.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { LmdbStore } from './store.ts';

/** Begins a transaction, says so, and ends it when its input does. */
const HOLDER = `
  import { readSync } from 'node:fs';
  import { open } from 'lmdb';
  const root = open({ path: process.argv[1], noSubdir: false, maxDbs: 8 });
  root.transactionSync(() => {
    console.log('held');
    readSync(0, Buffer.alloc(1));
  });
`;

afterEach(() => vi.useRealTimers());

it('given a writer that is held up, when an append waits too long, then it is refused in time, and lands once it can', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
  const store = new LmdbStore(directory);
  const lane = await store.acquire(layoutOf('eu-west'), claimOf('first'));
  const batch = new BatchWriter(lane).next(1, Buffer.alloc(100, 1));
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, join(directory, 'eu-west')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');

  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const late = lane.append(batch);
  const refused = expect(late).rejects.toThrow(/has not committed for 10000 ms; look at its disk/);
  vi.advanceTimersByTime(12_000);
  await refused;
  await expect(late).rejects.toBeInstanceOf(StoreUnavailable);

  holder.stdin.end('x');
  await once(holder, 'exit');
  expect(await lane.append(batch)).toBe('OK');
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2_000);
  expect(vi.getTimerCount()).toBe(0);
  await store.close();
  await rm(directory, { recursive: true });
});
