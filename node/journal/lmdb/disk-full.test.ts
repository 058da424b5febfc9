// LMDB on a disk that fills up: nothing acknowledged is lost, the rest is refused as retriable, and it goes on by
// itself once there is space. Needs a file system of limited size, hence the right to mount one.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JournalBatch, type Lane, StoreUnavailable } from '../port.ts';
import { BatchWriter, collect } from '../testing/batches.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { readVerified } from '../verify.ts';
import { LmdbStore } from './store.ts';

const DISK_BYTES = 16 * 1_048_576;
const RECORDS = Buffer.alloc(30_000, 1);

describe('LMDB on a full disk', () => {
  let mount = '';
  let skipBecause: string | undefined;

  beforeAll(async () => {
    mount = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', mount], { stdio: 'pipe' });
    } catch (error) {
      skipBecause = `a tmpfs of limited size could not be mounted, which needs root: ${error}`;
    }
  });

  afterAll(async () => {
    if (skipBecause === undefined) execFileSync('umount', [mount]);
    await rm(mount, { recursive: true, force: true });
  });

  const ballast = () => join(mount, 'ballast');
  const fill = () => writeFile(ballast(), Buffer.alloc(DISK_BYTES)).catch(() => undefined);

  it('given a disk that fills up under appends, then they are refused, resume with space, and nothing is lost', async (context) => {
    if (skipBecause !== undefined) {
      console.warn(`SKIPPED: ${skipBecause}`);
      context.skip();
    }
    const store = new LmdbStore(join(mount, 'data'));
    const lane = await store.acquire(layoutOf('eu-west'), claimOf('first'));
    const writer = new BatchWriter(lane);
    await writeFile(ballast(), Buffer.alloc(DISK_BYTES / 2));

    const refused = await appendUntilRefused(lane, writer);
    expect(refused[0]?.error?.message).toMatch(/disk of .*data\/eu-west is full; appends resume once space is freed/);
    await fill();
    const row = { partition: 0, sku: 'x', bytes: Buffer.alloc(60_000) };
    await expect(lane.putRows('a', [row])).rejects.toBeInstanceOf(StoreUnavailable);
    expect((await collect(readVerified(lane, 1, 0))).at(-1)?.lastSeq).toBe((refused[0]?.batch.firstSeq ?? 0) - 1);

    await rm(ballast());
    for (const { batch } of refused) expect(await lane.append(batch)).toBe('OK');
    expect(await lane.putRows('a', [row])).toBe('OK');
    const last = writer.next(10, RECORDS);
    expect(await lane.append(last)).toBe('OK');
    await store.close();

    await fill();
    const whileFull = new LmdbStore(join(mount, 'data'));
    await expect(whileFull.acquire(layoutOf('eu-west'), claimOf('first'))).rejects.toThrow(/is full/);
    await whileFull.close();
    await rm(ballast());
    const reopened = new LmdbStore(join(mount, 'data'));
    const again = await reopened.acquire(layoutOf('eu-west'), claimOf('first'));
    expect(again.openedAtSeq).toBe(last.lastSeq);
    expect((await collect(readVerified(again, 1, 0))).at(-1)?.lastSeq).toBe(last.lastSeq);
    await reopened.close();
  }, 120_000);
});

/** Four in flight, as a worker would have, until one is refused; returns those that were not acknowledged. */
async function appendUntilRefused(
  lane: Lane,
  writer: BatchWriter,
): Promise<{ batch: JournalBatch; error: Error | undefined }[]> {
  for (;;) {
    const batches = [1, 2, 3, 4].map(() => writer.next(10, RECORDS));
    const results = await Promise.allSettled(batches.map((batch) => lane.append(batch)));
    const refused = batches.flatMap((batch, n) => {
      const result = results[n];
      if (result?.status === 'fulfilled' && result.value === 'OK') return [];
      if (result?.status === 'rejected') expect(result.reason).toBeInstanceOf(StoreUnavailable);
      return [{ batch, error: result?.status === 'rejected' ? (result.reason as Error) : undefined }];
    });
    if (refused.length > 0) return refused;
  }
}
