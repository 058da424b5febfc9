// What every journal driver must do for a region of several lanes: the part of the suite in conformance.ts about lanes, the
// register, rows of partitions that moved, and lanes that a fail-over set back.
import { describe, expect, it } from 'vitest';
import { checksumOf } from '../batch.ts';
import type { JournalStore } from '../port.ts';
import { LaneBusy, LayoutMismatch, RegionUnknown, StoreUnavailable } from '../port.ts';
import { BatchWriter, collect } from './batches.ts';
import { type JournalHarness, journalFixture } from './fixture.ts';
import { batchesOf, claimOf, comparable, layoutOf, manifestOf, rowOf, text } from './given.ts';

/** To be called within the describe of a driver. */
export function describeRegion(factory: () => Promise<JournalHarness>): void {
  const { given, opened, givenLane, appendAll } = journalFixture(factory);

  describe('lanes', () => {
    it('given two lanes of a region, then fence, seqs, rows, snapshots and sessions of each are its own', async () => {
      const harness = await given();
      const [store, other] = [await opened(harness), await opened(harness)];
      const one = await store.acquire(layoutOf('eu-west'), claimOf('first'), '1');
      const two = await other.acquire(layoutOf('eu-west'), claimOf('second', 6), 'w-2');
      expect([one.epoch, two.epoch]).toEqual([1, 7]);

      const batches = [new BatchWriter(one).next(5), new BatchWriter(two).next(2)] as const;
      await appendAll(one, [batches[0]]);
      await appendAll(two, [batches[1]]);
      await one.putRows('a', [rowOf(0, 'x', 'of one')]);
      await one.publish(manifestOf('a', 5));

      expect(await batchesOf(one)).toEqual([comparable(batches[0])]);
      expect(await batchesOf(await store.reader('eu-west', 'w-2'))).toEqual([comparable(batches[1])]);
      expect(await two.row('a', 0, 'x')).toBeUndefined();
      expect(await two.snapshots()).toEqual([]);
      await expect(other.acquire(layoutOf('eu-west'), claimOf('third'), '1')).rejects.toBeInstanceOf(LaneBusy);

      await harness.endSession('eu-west', '1');
      const successor = await other.acquire(layoutOf('eu-west'), claimOf('third'), '1');
      expect([successor.epoch, successor.openedAtSeq]).toEqual([2, 5]);
      expect(await one.append(new BatchWriter(one, batches[0]).next())).toBe('FENCED');
      expect(await two.renew()).toBe(true);
      await expect(store.acquire(layoutOf('eu-west'), claimOf('third'), 'w-2')).rejects.toBeInstanceOf(LaneBusy);
    });

    it('given lanes acquired by several stores, then each store lists them all, sorted; of an unknown region none', async () => {
      const harness = await given();
      const [store, other] = [await opened(harness), await opened(harness)];
      expect(await store.lanes('eu-west')).toEqual([]);

      await store.acquire(layoutOf('eu-west'), claimOf('first'), '7');
      await other.acquire(layoutOf('eu-west'), claimOf('second'), '10');
      expect(await store.lanes('eu-west')).toEqual(['10', '7']);
      await store.acquire(layoutOf('eu-west'), claimOf('first'));
      await store.acquire(layoutOf('us-east'), claimOf('first'), '3');

      expect(await other.lanes('eu-west')).toEqual(['0', '10', '7']);
      expect(await (await opened(harness)).lanes('eu-west')).toEqual(['0', '10', '7']);
      expect(await other.lanes('eu')).toEqual([]);
    });

    it('given a lane that was never acquired, when a reader is asked for, then RegionUnknown', async () => {
      const harness = await given();
      const store = await opened(harness);
      await store.acquire(layoutOf('eu-west'), claimOf('first'), '1');

      await expect(store.reader('eu-west')).rejects.toBeInstanceOf(RegionUnknown);
      await expect(store.reader('eu-west', '2')).rejects.toBeInstanceOf(RegionUnknown);
      expect((await store.reader('eu-west', '1')).layout).toEqual(layoutOf('eu-west'));
    });

    it('given a region with any lane, when another lane is acquired with another layout, then LayoutMismatch', async () => {
      const harness = await given();
      const store = await opened(harness);
      for (const [region, lane, next] of [
        ['eu-west', '0', '1'],
        ['us-east', '1', '0'],
        ['ap-south', '1', '2'],
      ] as const) {
        await store.acquire(layoutOf(region, 8), claimOf('first'), lane);

        const other = store.acquire(layoutOf(region, 16), claimOf('first'), next);
        await expect(other, region).rejects.toBeInstanceOf(LayoutMismatch);
        expect(await store.lanes(region)).toEqual([lane]);
        expect((await store.acquire(layoutOf(region, 8), claimOf('first'), next)).epoch).toBe(1);
      }
    });
  });

  describe('the register of a region', () => {
    it('given a region that nobody has, then version 0 and nothing; then what was written, each region its own', async () => {
      const store = await opened(await given());
      const register = store.register('eu-west');
      expect(await register.read()).toEqual({ version: 0, value: '' });

      expect(await register.write(1, 'too early')).toBe(false);
      expect(await register.write(0, 'été')).toBe(true);
      expect(await register.write(0, 'too late')).toBe(false);

      expect(await register.read()).toEqual({ version: 1, value: 'été' });
      expect(await store.register('us-east').read()).toEqual({ version: 0, value: '' });
      expect(await store.lanes('eu-west')).toEqual([]);
    });

    it('given several writers at once, then each version has one, and no change is lost', async () => {
      const harness = await given();
      const stores = [await opened(harness), await opened(harness), await opened(harness)];

      await Promise.all(
        stores.map(async (store, who) => {
          const register = store.register('eu-west');
          for (let n = 0; n < 10; ) {
            const { version, value } = await register.read();
            if (await register.write(version, `${value}${who}`)) n += 1;
          }
        }),
      );

      const { version, value } = await (stores[0] as JournalStore).register('eu-west').read();
      expect(version).toBe(30);
      expect([...value].sort().join('')).toBe(`${'0'.repeat(10)}${'1'.repeat(10)}${'2'.repeat(10)}`);
    });

    it('given a store that is closed and opened again, then register and lanes are there', async () => {
      const harness = await given();
      const store = await harness.open();
      await store.register('eu-west').write(0, 'members');
      await (await store.acquire(layoutOf('eu-west'), claimOf('first'), '4')).release();
      await store.close();
      await expect(store.register('eu-west').read()).rejects.toBeInstanceOf(StoreUnavailable);

      const again = await opened(harness);

      expect(await again.register('eu-west').read()).toEqual({ version: 1, value: 'members' });
      expect(await again.lanes('eu-west')).toEqual(['4']);
    });
  });

  describe('forgetting rows', () => {
    it('given rows of several partitions, then those of one go from both slots, and no others', async () => {
      const { lane } = await givenLane('eu-west', 65_536);
      const rows = (slot: string) =>
        Array.from({ length: 1_300 }, (_, n) => rowOf(9, `sku-${n}`, slot)).concat(
          [8, 10, 65_535].map((partition) => rowOf(partition, 'x', slot)),
        );
      await lane.putRows('a', rows('a'));
      await lane.putRows('b', rows('b'));

      expect(await lane.forgetRows(9)).toBe('OK');
      expect(await lane.forgetRows(65_535)).toBe('OK');
      expect(await lane.forgetRows(5)).toBe('OK');

      for (const slot of ['a', 'b'] as const) {
        expect(await lane.row(slot, 9, 'sku-0')).toBeUndefined();
        for (const partition of [8, 10]) expect(text(await lane.row(slot, partition, 'x'))).toBe(slot);
        expect(await lane.row(slot, 65_535, 'x')).toBeUndefined();
      }
      expect(await lane.putRows('a', [rowOf(9, 'sku-1', 'again')])).toBe('OK');
      expect(text(await lane.row('a', 9, 'sku-1'))).toBe('again');
    });

    it('given appends in flight meanwhile, then they land', async () => {
      const { lane } = await givenLane();
      await lane.putRows(
        'a',
        Array.from({ length: 1_500 }, (_, n) => rowOf(1, `sku-${n}`)),
      );
      const writer = new BatchWriter(lane);
      const batches = Array.from({ length: 20 }, () => writer.next());

      const results = await Promise.all([lane.forgetRows(1), ...batches.map((batch) => lane.append(batch))]);

      expect(results.every((result) => result === 'OK')).toBe(true);
      expect(await batchesOf(lane)).toEqual(batches.map(comparable));
      expect((await collect(lane.rows('a'))).flat()).toEqual([]);
    });
  });

  describe('re-asserting', () => {
    it('given a lane that is ours, then nothing changes, and the answer says where it ends', async () => {
      const { lane } = await givenLane();
      expect(await lane.reassert(0)).toEqual({ lastSeq: 0, checksum: undefined });
      const writer = new BatchWriter(lane);
      const batches = [writer.next(3), writer.next(2)];
      await appendAll(lane, batches);

      const checksum = checksumOf(batches[1]?.bytes ?? Buffer.alloc(4));
      expect(await lane.reassert(0)).toEqual({ lastSeq: 5, checksum });
      expect(await lane.reassert(5)).toEqual({ lastSeq: 5, checksum });
      expect(await lane.reassert(6)).toBe('GAP');
      expect(await batchesOf(lane)).toEqual(batches.map(comparable));
      await lane.trim(5);
      expect(await lane.reassert(0)).toEqual({ lastSeq: 5, checksum: undefined });
      expect(await lane.append(writer.next())).toBe('OK');
    });

    it('given a successor, then the answer is FENCED, and the successor keeps the lane', async () => {
      const { harness, lane } = await givenLane();
      await harness.endSession('eu-west');
      const successor = await (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('second'));

      expect(await lane.reassert(0)).toBe('FENCED');
      expect(await successor.append(new BatchWriter(successor).next())).toBe('OK');
    });

    it('given a store that fell back, then the owner has the lane again, ends its predecessor, and appends what is missing', async () => {
      const { harness, lane: earlier } = await givenLane();
      const { checkpoint } = harness;
      if (checkpoint === undefined) {
        // One copy that does not fall back: what it must do then is said above.
        expect(earlier.mayLoseTail).toBe(false);
        return;
      }
      const before = new BatchWriter(earlier).next(2);
      await appendAll(earlier, [before]);
      const fallBack = await checkpoint();
      await harness.endSession('eu-west');
      const store = await opened(harness);
      const lane = await store.acquire(layoutOf('eu-west'), claimOf('second'));
      const { generation } = lane;
      const writer = new BatchWriter(lane, before);
      const batches = [writer.next(3), writer.next(4)];
      await appendAll(lane, batches);
      const other = await store.acquire(layoutOf('eu-west'), claimOf('second'), '1');
      const ofOther = new BatchWriter(other).next(2);
      await appendAll(other, [ofOther]);

      await fallBack();
      expect(lane.mayLoseTail).toBe(true);
      expect(await available(() => lane.reassert(3))).toBe('GAP');
      expect(await earlier.renew()).toBe(true);
      expect(await available(() => lane.reassert(2))).toEqual({ lastSeq: 2, checksum: checksumOf(before.bytes) });
      expect(lane.generation).toBeGreaterThan(generation);

      expect(await earlier.append(new BatchWriter(earlier, before).next())).toBe('FENCED');
      expect(await earlier.reassert(2)).toBe('FENCED');
      await appendAll(lane, batches);
      expect(await lane.renew()).toBe(true);
      expect(await batchesOf(lane)).toEqual([before, ...batches].map(comparable));
      expect(await lane.ownership()).toMatchObject({ epoch: lane.epoch, nonce: lane.nonce, lastSeq: 9 });
      const third = (await opened(harness)).acquire(layoutOf('eu-west'), claimOf('third'));
      await expect(third).rejects.toBeInstanceOf(LaneBusy);
      // A lane that began after the copy was made, and of which everything is kept, begins again.
      expect(await other.reassert(0)).not.toBeTypeOf('string');
      expect(await other.append(ofOther)).toBe('OK');
      expect(await store.lanes('eu-west')).toEqual(['0', '1']);
    });
  });
}

/** A store that fell back may be away for a moment. */
async function available<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailable);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
