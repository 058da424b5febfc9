// The audit of a region whose partitions moved between two lanes: whole when it is whole, and every damage found and named.
import { describe, expect, test } from 'vitest';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import { ByteWriter, createState, execute, packedBytes, partitionOf } from '../../core/index.ts';
import { adjust } from '../../core/testing/requests.ts';
import { checksumOf, decodeBatch, encodeBatch, GENESIS_CHECKSUM } from '../../journal/batch.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import type { JournalBatch } from '../../journal/port.ts';
import { encodeLaneRecord, type LaneRecord } from '../../shell/lane-records.ts';
import * as harness from '../../shell/testing/harness.ts';
import { auditRegion } from './audit-region.ts';
import { describeReports, type RegionReport } from './report.ts';

const REGION = 'eu-west';
const NOW = 1_750_000_000_000;

/** One worker's journal, written by hand: events of real actors, snapshots where the test wants them. */
const SKU = 'lamp';
const PARTITION = partitionOf(SKU, 8);

/** Two lanes of a region, each with a grid that works in it. */
async function givenTwoLanes() {
  const runtime = new harness.ManualRuntime();
  const medium = new MemoryMedium(() => runtime.ms);
  const first = await harness.openGrid(medium, runtime, {}, '0');
  const second = await harness.openGrid(medium, runtime, {}, 'b');
  await first.call(harness.stock(SKU, 10));
  await first.call(harness.reserve(SKU, 3, 'r1'));
  const move = async (from: harness.TestGrid, toLane: string, to: harness.TestGrid): Promise<void> => {
    const moving = from.grid.moveOut(PARTITION, toLane, to.grid.arrivals, { sealed: () => {}, opened: () => {} });
    await runtime.settle();
    expect(await moving).toBe(true);
    await runtime.settle();
  };
  const audit = (): Promise<RegionReport> =>
    auditRegion({ store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client: undefined });
  const batchesOf = (lane: string): JournalBatch[] => medium.lanes.get(`${REGION}/${lane}`)?.batches as JournalBatch[];
  /** Appends records to a lane as its owner would. */
  const forge = (lane: string, ...records: LaneRecord[]): void => {
    const data = medium.lanes.get(`${REGION}/${lane}`);
    if (data?.owner === undefined) throw new Error(`no lane ${lane}`);
    const last = data.batches.at(-1);
    const bytes = new ByteWriter(1_024);
    for (const record of records) encodeLaneRecord(bytes, record);
    const { epoch, nonce } = data.owner;
    const [firstSeq, count] = [data.lastSeq + 1, records.length];
    const prevChecksum = last === undefined ? GENESIS_CHECKSUM : checksumOf(last.bytes);
    data.lastSeq += count;
    const framed = encodeBatch({ epoch, nonce, firstSeq, count, prevChecksum }, bytes.copy());
    data.batches.push({ firstSeq, lastSeq: data.lastSeq, bytes: framed });
  };
  return { runtime, medium, first, second, move, audit, batchesOf, forge };
}

/** Frames the batches of a lane anew around altered records, so that the chain is whole. */
function rewrite(batches: JournalBatch[], alter: (records: Buffer) => void): void {
  let prevChecksum = GENESIS_CHECKSUM;
  for (const [i, { firstSeq, lastSeq, bytes }] of batches.entries()) {
    const { epoch, nonce, count, records } = decodeBatch(bytes);
    const altered = Buffer.from(records);
    alter(altered);
    const framed = encodeBatch({ epoch, nonce, firstSeq, count, prevChecksum }, altered);
    prevChecksum = checksumOf(framed);
    batches[i] = { firstSeq, lastSeq, bytes: framed };
  }
}

describe('the audit of a region of two lanes', () => {
  test('given a partition that moved there and back, then the region is whole, and says where its partitions are', async () => {
    const { first, second, move, audit } = await givenTwoLanes();
    await move(first, 'b', second);
    await second.call(harness.reserve(SKU, 2, 'r2'));
    const there = await audit();
    await move(second, '0', first);
    await first.call(harness.reserve(SKU, 1, 'r3'));

    const back = await audit();

    expect(there.differences).toEqual([]);
    expect(there).toMatchObject({ ok: true, actors: 1, units: { onHand: 10, reserved: 5 } });
    expect(there.lanes).toMatchObject([
      { lane: '0', partitions: 7 },
      { lane: 'b', partitions: 1 },
    ]);
    expect(back.differences).toEqual([]);
    expect(back).toMatchObject({ ok: true, actors: 1, liveReservations: 3, units: { onHand: 10, reserved: 6 } });
    expect(back.lanes).toMatchObject([
      { lane: '0', partitions: 8 },
      { lane: 'b', partitions: 0 },
    ]);
    expect(describeReports([back])).toMatch(/region +lane +partitions/);
  });

  test('given snapshots on both sides of each move, then the region is whole from either', async () => {
    const { runtime, first, second, move, audit, medium } = await givenTwoLanes();
    for (let round = 0; round < 4; round++) {
      const [from, toLane, to] = round % 2 === 0 ? ([first, 'b', second] as const) : ([second, '0', first] as const);
      await runtime.advance(31_000);
      await move(from, toLane, to);
      await to.call(harness.stock(SKU, 1, `more-${round}`));
      await runtime.advance(31_000);
    }

    const report = await audit();

    expect(medium.lanes.get(`${REGION}/b`)?.manifests.size).toBe(2);
    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ ok: true, actors: 1, units: { onHand: 14 } });
  });

  test('given rows of a partition that left before the newest snapshot, then they are skipped', async () => {
    const { runtime, medium, first, second, move, audit } = await givenTwoLanes();
    for (const round of ['1', '2']) {
      await first.call(harness.stock(SKU, 1, round));
      await runtime.advance(31_000);
    }
    await move(first, 'b', second);
    await first.call(harness.stock(otherThan(PARTITION), 1));
    await runtime.advance(31_000);

    const report = await audit();

    const rows = medium.lanes.get(`${REGION}/0`)?.rows;
    expect([...(rows?.a.values() ?? []), ...(rows?.b.values() ?? [])].some(({ sku }) => sku === SKU)).toBe(true);
    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ actors: 2, units: { onHand: 13 } });
  });

  test('given a partition that is sealed and not opened yet, then it is taken from the lane that sealed it', async () => {
    const { audit, forge } = await givenTwoLanes();
    forge('0', { type: 'sealed', partition: PARTITION, epoch: 1, toLane: 'b' });

    expect(await audit()).toMatchObject({ ok: true, actors: 1, units: { onHand: 10, reserved: 3 } });
  });

  test('given a staged row with an altered byte, then its SKU and lane are named', async () => {
    const { first, second, move, audit, batchesOf } = await givenTwoLanes();
    await move(first, 'b', second);
    rewrite(batchesOf('b'), (records) => {
      const at = records.indexOf(SKU);
      if (at >= 0) records[at + SKU.length + 10] = (records[at + SKU.length + 10] ?? 0) ^ 1;
    });

    const report = await audit();

    expect(report.ok).toBe(false);
    expect(report.differences).toContainEqual(
      expect.objectContaining({
        check: 'hand-off (I9)',
        lane: 'b',
        sku: SKU,
        found: expect.stringMatching(/checksum/),
      }),
    );
  });

  test('given a staged row that is whole but not what was sealed, then both sides are shown', async () => {
    const { medium, audit, forge } = await givenTwoLanes();
    const other = createState(SKU);
    execute(other, adjust('w1', { sku: SKU, delta: 99 }), { now: NOW, epoch: 1, region: REGION });
    expect(medium.lanes.size).toBe(2);
    forge('0', { type: 'sealed', partition: PARTITION, epoch: 1, toLane: 'b' });
    forge(
      'b',
      { type: 'staged', partition: PARTITION, moveId: 'm', sku: SKU, bytes: packedBytes(other) },
      { type: 'opened', partition: PARTITION, epoch: 2, moveId: 'm' },
    );
    forge('0', { type: 'left', partition: PARTITION });

    expect((await audit()).differences).toEqual([
      {
        check: 'hand-off (I9)',
        sku: SKU,
        seq: 2,
        expected: expect.stringMatching(/seq 2 .*in lane b, as lane 0 sealed it/),
        found: expect.stringMatching(/seq 1 .*epoch 2/),
      },
    ]);
  });

  test('given a partition that is opened where nobody sealed it, then both lanes are named', async () => {
    const { audit, forge } = await givenTwoLanes();
    forge('b', { type: 'opened', partition: PARTITION, epoch: 9, moveId: 'm' });

    expect((await audit()).differences).toEqual([
      {
        check: 'hand-off (I9)',
        sku: undefined,
        seq: expect.any(Number),
        expected: `partition ${PARTITION} in exactly one lane`,
        found: expect.stringMatching(/open in 2 lanes: open in lane 0 .*open in lane b/),
      },
    ]);
  });

  test('given a partition that is opened twice in one lane, then the second is named', async () => {
    const { first, second, move, audit, forge } = await givenTwoLanes();
    await move(first, 'b', second);
    forge('b', { type: 'opened', partition: PARTITION, epoch: 9, moveId: 'm' });

    expect((await audit()).differences).toMatchObject([
      { check: 'hand-off (I9)', lane: 'b', found: expect.stringMatching(/opened in epoch 9 when it is open/) },
    ]);
  });

  test('given a left without a seal, then it is named', async () => {
    const { audit, forge } = await givenTwoLanes();
    forge('0', { type: 'left', partition: PARTITION });

    expect((await audit()).differences).toMatchObject([
      { check: 'hand-off (I9)', lane: '0', found: expect.stringMatching(/left of partition \d, which is open/) },
    ]);
  });

  test('given a partition that was let go and opened by nobody, then it is in no lane', async () => {
    const { audit, forge } = await givenTwoLanes();
    forge('0', { type: 'sealed', partition: PARTITION, epoch: 1, toLane: 'b' }, { type: 'left', partition: PARTITION });

    expect((await audit()).differences).toMatchObject([
      { check: 'hand-off (I9)', sku: undefined, found: expect.stringMatching(/neither open nor sealed.*lane 0/) },
    ]);
  });

  test('given a partition that moves between the reading of two lanes, then the audit begins again and is whole', async () => {
    const { medium, first, second, move } = await givenTwoLanes();
    const store = new MemoryStore(medium);
    const reader = store.reader.bind(store);
    let readings = 0;
    store.reader = async (region, lane) => {
      const opened = await reader(region, lane);
      if (lane !== 'b') return opened;
      const snapshots = opened.snapshots.bind(opened);
      opened.snapshots = async () => {
        readings += 1;
        // Lane 0 has been read, with the partition open in it.
        if (readings === 1) await move(first, 'b', second);
        return snapshots();
      };
      return opened;
    };

    const report = await auditRegion({ store, storeName: 'memory:', region: REGION, client: undefined });

    expect(readings).toBe(2);
    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ ok: true, lanes: [{ partitions: 7 }, { partitions: 1 }] });
  });

  test('given the grid answers ahead of both lanes, then each is read on to where the answer is', async () => {
    const { medium, first, second, move } = await givenTwoLanes();
    await move(first, 'b', second);
    const [here, there] = [otherThan(PARTITION), SKU];
    await first.call(harness.stock(here, 5));
    const listAll = async function* () {
      await first.call(harness.stock(here, 1, 'late'));
      await second.call(harness.reserve(there, 1, 'late'));
      yield await first.call(harness.get(here));
      yield await second.call(harness.get(there));
    };
    const client = { listAll } as unknown as HoldfastClient;

    const report = await auditRegion({ store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client });

    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ ok: true, comparedLive: 2, caughtUp: 2 });
  });

  test('given a partition moves while answers are caught up with, then the audit begins again', async () => {
    const { medium, first, second, move } = await givenTwoLanes();
    let listings = 0;
    const listAll = async function* () {
      listings += 1;
      if (listings === 1) {
        await move(first, 'b', second);
        await second.call(harness.reserve(SKU, 1, 'late'));
      }
      yield await second.call(harness.get(SKU));
    };
    const client = { listAll } as unknown as HoldfastClient;

    const report = await auditRegion({ store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client });

    expect(listings).toBe(2);
    expect(report.differences).toEqual([]);
  });
});

function otherThan(partition: number): string {
  for (let n = 0; ; n++) if (partitionOf(`sku-${n}`, 8) !== partition) return `sku-${n}`;
}
