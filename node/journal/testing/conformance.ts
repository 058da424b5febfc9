// What every journal driver must do, as one suite: `describeJournal(name, factory)` is called by each driver's test.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SnapshotRow } from '../port.ts';
import { LaneBusy, LayoutMismatch, RegionUnknown, StoreUnavailable } from '../port.ts';
import { readVerified } from '../verify.ts';
import { BatchWriter, collect } from './batches.ts';
import { describeRegion } from './conformance-region.ts';
import { type JournalHarness, journalFixture } from './fixture.ts';
import { batchesOf, claimOf, comparable, layoutOf, manifestOf, rowOf, text } from './given.ts';
import { checkInterleaving } from './interleaving.ts';

export type { JournalHarness } from './fixture.ts';

export interface ConformanceOptions {
  /** Runs of the property test. */
  readonly propertyRuns: number;
}

export function describeJournal(
  name: string,
  factory: () => Promise<JournalHarness>,
  options: ConformanceOptions = { propertyRuns: 25 },
): void {
  describe(`${name}: a journal`, () => {
    const { given, opened, givenLane, appendAll } = journalFixture(factory);

    describe('appending', () => {
      it('given a new region, when batches are appended, then they are read back in order and verified', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = [writer.next(3), writer.next(1), writer.next(64)];

        await appendAll(lane, batches);

        expect(await batchesOf(lane)).toEqual(batches.map(comparable));
        expect(await lane.ownership()).toEqual({
          epoch: lane.epoch,
          nonce: lane.nonce,
          ownerId: 'first',
          lastSeq: 68,
        });
        const verified = await collect(readVerified(lane, 1, 0));
        expect(verified.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual([
          [1, 3],
          [4, 4],
          [5, 68],
        ]);
      });

      it('given several appends in flight, then they are acknowledged in order and all land', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = Array.from({ length: 40 }, () => writer.next(5));
        const acknowledged: number[] = [];

        await Promise.all(
          batches.map(async (batch) => {
            expect(await lane.append(batch)).toBe('OK');
            acknowledged.push(batch.firstSeq);
          }),
        );

        expect(acknowledged).toEqual(batches.map(({ firstSeq }) => firstSeq));
        expect(await batchesOf(lane)).toEqual(batches.map(comparable));
      });

      it('given a batch that landed, when it is sent again, then it is OK and lands once', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = [writer.next(2), writer.next(2), writer.next(2)];
        await appendAll(lane, batches);

        for (const batch of batches) expect(await lane.append(batch)).toBe('OK');

        expect(await batchesOf(lane)).toEqual(batches.map(comparable));
      });

      it('given a batch that landed, when other bytes claim its seqs, then the answer is GAP', async () => {
        const { lane } = await givenLane();
        const [landed, other] = [new BatchWriter(lane).next(2), new BatchWriter(lane).next(2, 'other')];
        await appendAll(lane, [landed]);

        expect(await lane.append(other)).toBe('GAP');
        expect(await batchesOf(lane)).toEqual([comparable(landed)]);
      });

      it('given a missing batch, when a later one is appended, then GAP, and in order again OK', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const [first, second, third] = [writer.next(), writer.next(), writer.next()];
        await appendAll(lane, [first]);

        expect(await lane.append(third)).toBe('GAP');
        expect(await lane.append(second)).toBe('OK');
        expect(await lane.append(third)).toBe('OK');
      });

      it('given blobs of 1 MB, then they are kept whole', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = Array.from({ length: 6 }, (_, n) => writer.next(1_000, Buffer.alloc(1_048_576, n)));

        await Promise.all(batches.map((batch) => lane.append(batch)));

        expect(await batchesOf(lane)).toEqual(batches.map(comparable));
      });
    });

    describe('ownership', () => {
      it('given a living owner, when another claims the lane, then LaneBusy says when to come back', async () => {
        const { harness } = await givenLane();
        const other = await opened(harness);

        const refused = await other.acquire(layoutOf('eu-west'), claimOf('second')).catch((error: unknown) => error);

        expect(refused).toBeInstanceOf(LaneBusy);
        expect((refused as LaneBusy).retryAfterMs).toBeGreaterThan(0);
        expect((refused as LaneBusy).message).not.toBe('');
      });

      it('given a released lane, when another acquires it, then the epoch grows and the seq goes on', async () => {
        const { harness, lane } = await givenLane();
        const first = new BatchWriter(lane).next(3);
        await appendAll(lane, [first]);
        await lane.release();

        const successor = await (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('second'));

        expect(successor.epoch).toBe(lane.epoch + 1);
        expect(successor.openedAtSeq).toBe(3);
        const second = new BatchWriter(successor, first).next();
        await appendAll(successor, [second]);
        expect((await collect(readVerified(successor, 1, 0))).map(({ epoch }) => epoch)).toEqual([1, 2]);
      });

      it('given a dead session, when another acquires it, then every write of the zombie is FENCED', async () => {
        const { harness, lane } = await givenLane();
        const writer = new BatchWriter(lane);
        await appendAll(lane, [writer.next()]);
        await harness.endSession('eu-west');
        const successor = await (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('second'));

        expect(await lane.append(writer.next())).toBe('FENCED');
        expect(await lane.putRows('a', [rowOf(0, 'sku')])).toBe('FENCED');
        expect(await lane.publish(manifestOf('a', 1))).toBe('FENCED');
        expect(await lane.trim(1)).toBe('FENCED');
        expect(await lane.forgetRows(0)).toBe('FENCED');
        expect(await lane.renew()).toBe(false);
        await lane.release();

        expect(await successor.renew()).toBe(true);
        expect(await collect(successor.batches(1))).toHaveLength(1);
        expect(await successor.row('a', 0, 'sku')).toBeUndefined();
        expect(await successor.snapshots()).toEqual([]);
        const third = (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('third'));
        await expect(third).rejects.toBeInstanceOf(LaneBusy);
      });

      it('given its own session, when an owner acquires again, then its older lane is fenced', async () => {
        const { store, lane } = await givenLane();

        const again = await store.acquire(layoutOf('eu-west'), claimOf('first'));

        expect(again.epoch).toBe(lane.epoch + 1);
        expect(await lane.append(new BatchWriter(lane).next())).toBe('FENCED');
        expect(await again.append(new BatchWriter(again).next())).toBe('OK');
      });

      it('given a greater epoch seen elsewhere, when the lane is acquired, then its epoch is greater still', async () => {
        const store = await opened(await given());

        const lane = await store.acquire(layoutOf('eu-west'), claimOf('first', 41));

        expect(lane.epoch).toBe(42);
      });

      it('given a living session, then renewing keeps it', async () => {
        const { lane } = await givenLane();

        expect(await lane.renew()).toBe(true);
      });

      it('given another layout, when the region is acquired, then LayoutMismatch names both', async () => {
        const { harness, lane } = await givenLane();
        await lane.release();
        const other = await opened(harness);

        const partitions = other.acquire(layoutOf('eu-west', 16), claimOf('second'));
        await expect(partitions).rejects.toThrow(/8.*16/s);
        await expect(partitions).rejects.toBeInstanceOf(LayoutMismatch);
        const hash = other.acquire({ ...layoutOf('eu-west'), hash: 'xxh' }, claimOf('second'));
        await expect(hash).rejects.toBeInstanceOf(LayoutMismatch);
        expect((await other.acquire(layoutOf('eu-west'), claimOf('second'))).epoch).toBe(2);
      });

      it('given two regions, then their lanes know nothing of each other', async () => {
        const { store, lane } = await givenLane('eu-west');
        const other = await store.acquire(layoutOf('us-east'), claimOf('first'));

        await appendAll(lane, [new BatchWriter(lane).next(7)]);

        expect(other.epoch).toBe(1);
        expect(await batchesOf(other)).toEqual([]);
        expect((await other.ownership())?.lastSeq).toBe(0);
      });
    });

    describe('reading', () => {
      it('given no such region, when a reader is asked for, then RegionUnknown', async () => {
        const store = await opened(await given());

        await expect(store.reader('nowhere')).rejects.toBeInstanceOf(RegionUnknown);
      });

      it('given an owned lane, when another process reads it, then it sees layout, owner and batches', async () => {
        const { harness, lane } = await givenLane();
        const batch = new BatchWriter(lane).next(3);
        await appendAll(lane, [batch]);

        const reader = await (await opened(harness)).reader('eu-west');

        expect(reader.layout).toEqual(layoutOf('eu-west'));
        expect((await reader.ownership())?.ownerId).toBe('first');
        expect(await batchesOf(reader)).toEqual([comparable(batch)]);
      });

      it('given a start inside a batch, then the batch that contains it comes first', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = [writer.next(10), writer.next(10), writer.next(10)];
        await appendAll(lane, batches);

        const firstSeqs = async (fromSeq: number) =>
          (await collect(lane.batches(fromSeq))).map(({ firstSeq }) => firstSeq);
        expect(await firstSeqs(10)).toEqual([1, 11, 21]);
        expect(await firstSeqs(11)).toEqual([11, 21]);
        expect(await firstSeqs(15)).toEqual([11, 21]);
        expect(await firstSeqs(30)).toEqual([21]);
        expect(await firstSeqs(31)).toEqual([]);
      });

      it('given a writer at work, when a reader reads meanwhile, then it sees a verified prefix', async () => {
        const { harness, lane } = await givenLane();
        const reader = await (await opened(harness)).reader('eu-west');
        const writer = new BatchWriter(lane);
        let acknowledged = 0;
        const writing = (async () => {
          for (let n = 0; n < 60; n++) {
            const batch = writer.next(4);
            expect(await lane.append(batch)).toBe('OK');
            acknowledged = batch.lastSeq;
          }
        })();

        for (let n = 0; n < 10; n++) {
          const atLeast = acknowledged;
          const seen = await collect(readVerified(reader, 1, 0));
          expect(seen.at(-1)?.lastSeq ?? 0).toBeGreaterThanOrEqual(atLeast);
        }
        await writing;

        expect((await collect(readVerified(reader, 1, 0))).at(-1)?.lastSeq).toBe(240);
      });
    });

    describe('snapshots', () => {
      it('given rows in both slots, then each slot has its own, and rows are replaced by later ones', async () => {
        const { lane } = await givenLane();
        expect(await lane.putRows('a', [rowOf(0, 'x', 'old'), rowOf(1, 'y')])).toBe('OK');
        expect(await lane.putRows('b', [rowOf(0, 'x', 'b')])).toBe('OK');
        expect(await lane.putRows('a', [rowOf(0, 'x', 'new'), rowOf(0, 'été \u{1f4e6}')])).toBe('OK');

        expect(text(await lane.row('a', 0, 'x'))).toBe('new');
        expect(text(await lane.row('b', 0, 'x'))).toBe('b');
        expect(await lane.row('b', 1, 'y')).toBeUndefined();
        expect(await lane.row('a', 1, 'x')).toBeUndefined();
        expect(sorted((await collect(lane.rows('a'))).flat())).toEqual(
          sorted([rowOf(0, 'x', 'new'), rowOf(0, 'été \u{1f4e6}'), rowOf(1, 'y')]),
        );
      });

      it('given published slots, then manifests come newest first, and at most two', async () => {
        const { lane } = await givenLane();
        expect(await lane.snapshots()).toEqual([]);

        await lane.publish(manifestOf('a', 10));
        await lane.publish(manifestOf('b', 20));
        expect(await lane.snapshots()).toEqual([manifestOf('b', 20), manifestOf('a', 10)]);
        await lane.publish(manifestOf('a', 30));

        expect(await lane.snapshots()).toEqual([manifestOf('a', 30), manifestOf('b', 20)]);
      });

      it('given a manifest with a table of partitions, then it comes back as written', async () => {
        const { lane } = await givenLane();
        const manifest = { ...manifestOf('a', 10), partitions: '{"3":"été"}' };

        await lane.publish(manifest);

        expect(await lane.snapshots()).toEqual([manifest]);
      });

      it('given many rows in many partitions, then all are read, in chunks of bounded size', async () => {
        const { lane } = await givenLane('eu-west', 1_024);
        const rows = Array.from({ length: 5_000 }, (_, n) => rowOf(n % 1_024, `sku-${n}`, `value ${n}`));
        expect(await lane.putRows('a', rows)).toBe('OK');

        const chunks = await collect(lane.rows('a'));

        expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(5_000);
        const bySku = new Map(chunks.flat().map((row) => [row.sku, row]));
        expect(bySku.size).toBe(5_000);
        for (const row of rows) expect(text(bySku.get(row.sku)?.bytes)).toBe(text(row.bytes));
        expect(text(await lane.row('a', 1_023, 'sku-1023'))).toBe('value 1023');
      });

      it('given rows from nothing to a megabyte, then they are kept whole', async () => {
        const { lane } = await givenLane();
        const rows = [0, 1, 1_000, 4_096, 65_536, 200_000, 1_048_576].map((length) => ({
          partition: 1,
          sku: `sku-${length}`,
          bytes: Buffer.alloc(length, length % 251),
        }));
        expect(await lane.putRows('a', rows)).toBe('OK');

        const scanned = new Map((await collect(lane.rows('a'))).flat().map(({ sku, bytes }) => [sku, bytes]));
        for (const { sku, bytes } of rows) {
          expect(Buffer.compare(scanned.get(sku) ?? Buffer.from('none'), bytes), `${sku} scanned`).toBe(0);
          expect(Buffer.compare((await lane.row('a', 1, sku)) ?? Buffer.from('none'), bytes), `${sku} alone`).toBe(0);
        }
      });

      it('given a row that is changed after it was put, then the stored one is not', async () => {
        const { lane } = await givenLane();
        const bytes = Buffer.from('before');
        await lane.putRows('a', [{ partition: 0, sku: 'x', bytes }]);
        bytes.fill(0);

        const read = await lane.row('a', 0, 'x');
        expect(text(read)).toBe('before');
        read?.fill(0);
        expect(text(await lane.row('a', 0, 'x'))).toBe('before');
      });
    });

    describeRegion(factory);

    describe('trimming', () => {
      it('given a seq to trim through, then only batches that end at or before it are forgotten', async () => {
        const { lane } = await givenLane();
        const writer = new BatchWriter(lane);
        const batches = Array.from({ length: 30 }, () => writer.next(10));
        await appendAll(lane, batches);
        const firstSeq = async () => (await collect(lane.batches(1)))[0]?.firstSeq;

        expect(await lane.trim(9)).toBe('OK');
        expect(await firstSeq()).toBe(1);
        expect(await lane.trim(10)).toBe('OK');
        expect(await firstSeq()).toBe(11);
        expect(await lane.trim(259)).toBe('OK');
        expect(await firstSeq()).toBe(251);

        const tail = await collect(readVerified(lane, 251, undefined));
        expect(tail.at(-1)?.lastSeq).toBe(300);
      });

      it('given everything trimmed, then the lane goes on where it was', async () => {
        const { harness, lane } = await givenLane();
        const writer = new BatchWriter(lane);
        await appendAll(lane, [writer.next(10), writer.next(10)]);
        expect(await lane.trim(20)).toBe('OK');
        expect(await batchesOf(lane)).toEqual([]);
        expect((await lane.ownership())?.lastSeq).toBe(20);

        await appendAll(lane, [writer.next(1)]);
        await lane.release();
        const successor = await (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('second'));
        expect(successor.openedAtSeq).toBe(21);
      });
    });

    describe('closing', () => {
      it('given a released lane, when the store is closed and opened again, then all is there', async () => {
        const harness = await given();
        const store = await harness.open();
        const lane = await store.acquire(layoutOf('eu-west'), claimOf('first'));
        const writer = new BatchWriter(lane);
        const batches = [writer.next(3), writer.next(4)];
        await appendAll(lane, batches);
        await lane.putRows('b', [rowOf(3, 'x')]);
        await lane.publish(manifestOf('b', 7));
        await lane.release();
        await store.close();
        await expect(lane.append(writer.next())).rejects.toBeInstanceOf(StoreUnavailable);

        const again = await (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('second'));

        expect(again.openedAtSeq).toBe(7);
        expect(await batchesOf(again)).toEqual(batches.map(comparable));
        expect(await again.snapshots()).toEqual([manifestOf('b', 7)]);
        expect(text(await again.row('b', 3, 'x'))).toBe('row');
      });
    });

    describe('two owners (I9)', () => {
      it('given any interleaving, then none appends after the other acquired, and the acknowledged is there in order', async () => {
        const harness = await given();
        const stores = { A: await opened(harness), B: await opened(harness) };
        let run = 0;
        const step = fc.oneof(
          { weight: 1, arbitrary: fc.record({ do: fc.constant('acquire' as const), who: fc.constantFrom('A', 'B') }) },
          {
            weight: 3,
            arbitrary: fc.record({
              do: fc.constant('append' as const),
              who: fc.constantFrom('A', 'B'),
              batches: fc.integer({ min: 1, max: 4 }),
              awaited: fc.boolean(),
            }),
          },
        );
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 20 }), async (steps) => {
            const region = `r${run++}`;
            await checkInterleaving(harness, stores, region, steps);
          }),
          { numRuns: options.propertyRuns },
        );
      });
    });
  });
}

function sorted(rows: readonly SnapshotRow[]): readonly SnapshotRow[] {
  return rows
    .map((row) => ({ ...row, bytes: Buffer.from(row.bytes) }))
    .sort((left, right) => left.partition - right.partition || (left.sku < right.sku ? -1 : 1));
}
