// The audit of a lane that real actors wrote: whole when it is whole, and every kind of damage found and named.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  applyRights,
  ByteWriter,
  createState,
  encodeEvent,
  execute,
  type InventoryEvent,
  type InventoryState,
  packedBytes,
} from '../../core/index.ts';
import { adjust, pool, reserve, transfer } from '../../core/testing/requests.ts';
import { checksumOf } from '../../journal/batch.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import type { Lane, SnapshotSlot } from '../../journal/port.ts';
import { BatchWriter } from '../../journal/testing/batches.ts';
import { auditRegion } from './audit-region.ts';
import type { RegionReport } from './report.ts';

const REGION = 'eu-west';
const NOW = 1_750_000_000_000;

/** One worker's journal, written by hand: events of real actors, snapshots where the test wants them. */
class Author {
  readonly medium = new MemoryMedium();
  readonly store = new MemoryStore(this.medium);
  readonly states = new Map<string, InventoryState>();
  #lane: Lane | undefined;
  #writer: BatchWriter | undefined;
  #lastSeq = 0;
  #checksum = 0;

  async begin(): Promise<void> {
    const layout = { region: REGION, partitions: 1, hash: 'test' };
    const claim = { ownerId: 'author', nonce: 'nonce-1', epochSeen: 0, sessionTtlMs: 1_000 };
    this.#lane = await this.store.acquire(layout, claim);
    this.#writer = new BatchWriter(this.#lane);
  }

  get lane(): Lane {
    if (this.#lane === undefined) throw new Error('begin first');
    return this.#lane;
  }

  /** A batch of one adjustment and one reservation of each SKU. */
  async work(...skus: string[]): Promise<void> {
    const records: [string, number, InventoryEvent][] = [];
    for (const sku of skus) {
      const state = this.states.get(sku) ?? createState(sku);
      this.states.set(sku, state);
      for (const command of [adjust('n1', { sku, delta: 5 }), reserve({ sku })]) {
        const { events } = execute(state, command, { now: NOW, epoch: this.lane.epoch, region: REGION });
        for (const event of events) records.push([sku, state.seq, event]);
      }
    }
    await this.append(records);
  }

  async append(records: readonly (readonly [string, number, InventoryEvent])[]): Promise<void> {
    const bytes = new ByteWriter(1_024);
    for (const [sku, seq, event] of records) encodeEvent(bytes, sku, seq, event);
    const batch = (this.#writer as BatchWriter).next(records.length, bytes.copy());
    expect(await this.lane.append(batch)).toBe('OK');
    this.#lastSeq = batch.lastSeq;
    this.#checksum = checksumOf(batch.bytes);
  }

  async snapshot(slot: SnapshotSlot, rows = this.rows()): Promise<void> {
    await this.lane.putRows(
      slot,
      rows.map(([sku, bytes]) => ({ partition: 0, sku, bytes })),
    );
    const coveredSeq = this.#lastSeq;
    await this.lane.publish({ slot, coveredSeq, checksum: this.#checksum, at: NOW, actors: rows.length });
  }

  rows(): [string, Uint8Array][] {
    return [...this.states].map(([sku, state]) => [sku, packedBytes(state)]);
  }

  audit(): Promise<RegionReport> {
    return auditRegion({ store: this.store, storeName: 'memory:', region: REGION, client: undefined });
  }
}

let author: Author;

beforeEach(async () => {
  author = new Author();
  await author.begin();
});

describe('the audit of a journal', () => {
  test('given no record yet, then the lane is whole and empty', async () => {
    expect(await author.audit()).toMatchObject({ ok: true, actors: 0, records: 0 });
  });

  test('given records and no snapshot, then all is rebuilt from the first', async () => {
    await author.work('A', 'B');
    await author.work('A');

    expect(await author.audit()).toMatchObject({
      ok: true,
      epoch: 1,
      lastSeq: 6,
      records: 6,
      actors: 2,
      positions: 2,
      liveReservations: 3,
      units: { onHand: 15, reserved: 3, allocated: 0, shipped: 0 },
    });
  });

  test('given two snapshots and a trimmed journal, then both roads lead to the same bytes', async () => {
    await author.work('A', 'B');
    await author.snapshot('a');
    await author.lane.trim(4);
    await author.work('A', 'C');
    await author.snapshot('b');
    await author.work('B', 'C');

    expect(await author.audit()).toMatchObject({ ok: true, actors: 3, records: 8, lastSeq: 12 });
  });

  test('given rows that are newer than their snapshot says, then their records are not applied twice', async () => {
    await author.work('A');
    await author.snapshot('a');
    await author.work('A');
    await author.lane.putRows(
      'a',
      author.rows().map(([sku, bytes]) => ({ partition: 0, sku, bytes })),
    );

    expect(await author.audit()).toMatchObject({ ok: true, units: { onHand: 10 } });
  });

  test('given a snapshot whose row is another history, then its SKU, seq and both sides are shown', async () => {
    await author.work('A', 'B');
    await author.snapshot('a');
    await author.work('A');
    const other = createState('B');
    execute(other, adjust('n1', { sku: 'B', delta: 5 }), {
      now: NOW,
      epoch: 1,
      region: REGION,
    });
    execute(other, adjust('n1', { sku: 'B', delta: 1 }), {
      now: NOW,
      epoch: 1,
      region: REGION,
    });
    await author.snapshot('b', [...author.rows().slice(0, 1), ['B', packedBytes(other)]]);

    const report = await author.audit();

    expect(report.ok).toBe(false);
    expect(report.differences).toEqual([
      {
        check: 'snapshots (I7)',
        sku: 'B',
        seq: 2,
        expected: expect.stringMatching(/^\d+ bytes [0-9a-f]+.*older snapshot/),
        found: expect.stringMatching(/^\d+ bytes [0-9a-f]+.*snapshot b/),
      },
    ]);
  });

  test('given a snapshot that lacks an actor, then it is named', async () => {
    await author.work('A', 'B');
    await author.snapshot('a', author.rows().slice(0, 1));

    expect((await author.audit()).differences).toMatchObject([
      { check: 'snapshots (I7)', sku: 'B', found: expect.stringContaining('no such actor') },
    ]);
  });

  test('given pooled stock, then its records are read like any others, and rights out of nothing are found', async () => {
    const ctx = { now: NOW, epoch: 1, region: REGION };
    const state = createState('P');
    const records: [string, number, InventoryEvent][] = [];
    const note = (events: readonly InventoryEvent[]): void => {
      for (const [i, event] of events.entries()) records.push(['P', state.seq - events.length + 1 + i, event]);
    };
    note(execute(state, pool([REGION, 'us'], { sku: 'P' }), ctx).events);
    note(execute(state, adjust('pool', { sku: 'P', delta: 9 }), ctx).events);
    note(execute(state, transfer('us', 4, { sku: 'P' }), ctx).events);
    author.states.set('P', state);
    await author.append(records.splice(0));
    await author.snapshot('a');
    note([applyRights(state, { type: 'credited', from: 'us', total: 2 }, NOW, 1)]);
    note([applyRights(state, { type: 'conceded', to: 'us', total: 5 }, NOW, 1)]);
    note([applyRights(state, { type: 'transferred', to: 'us', total: 6 }, NOW, 1)]);
    note(execute(state, reserve({ sku: 'P', qty: 5 }), ctx).events);
    await author.append(records.splice(0));
    await author.snapshot('b');
    expect(await author.audit()).toMatchObject({ ok: true, actors: 1, units: { onHand: 5, reserved: 5 } });

    const forged = { type: 'transferred', at: NOW, epoch: 1, to: 'us', total: 7, cause: undefined } as const;
    await author.append([['P', state.seq + 1, forged]]);
    expect((await author.audit()).differences).toContainEqual(
      expect.objectContaining({
        check: 'invariants (I1, I2)',
        sku: 'P',
        found: expect.stringContaining('I1 is broken'),
      }),
    );
  });

  test('given a damaged row, then it is named and the rest is still checked', async () => {
    await author.work('A', 'B');
    const rows = author.rows();
    const damaged = Uint8Array.from(rows[0]?.[1] ?? []);
    damaged[6] = (damaged[6] ?? 0) ^ 1;
    await author.snapshot('a', [['A', damaged], ...rows.slice(1)]);

    const report = await author.audit();

    expect(report.ok).toBe(false);
    expect(report.differences.map(({ sku }) => sku)).toEqual(['A']);
    expect(report.differences[0]?.found).toMatch(/checksum/);
  });

  test.each([
    ['a batch is missing', (batches: { bytes: Uint8Array }[]) => batches.splice(1, 1)],
    [
      'two batches are swapped',
      (batches: { bytes: Uint8Array }[]) => batches.splice(0, 2, ...batches.slice(0, 2).reverse()),
    ],
    ['the last batch is missing', (batches: { bytes: Uint8Array }[]) => batches.pop()],
    [
      'a byte is altered',
      (batches: { bytes: Uint8Array }[]) => {
        const bytes = batches[1]?.bytes;
        if (bytes !== undefined) bytes[50] = (bytes[50] ?? 0) ^ 1;
      },
    ],
  ])('given that %s, then the chain is broken at a seq', async (_, damage) => {
    await author.work('A');
    await author.work('A');
    await author.work('A');
    damage(author.medium.lanes.get(`${REGION}/0`)?.batches as { bytes: Uint8Array }[]);

    const report = await author.audit();

    expect(report.ok).toBe(false);
    expect(report.differences[0]).toMatchObject({ check: 'journal (I8)', sku: undefined, seq: expect.any(Number) });
  });

  test("given a record that skips one of its actor's seqs, then the gap is named", async () => {
    await author.work('A');
    const state = author.states.get('A') as InventoryState;
    const { events } = execute(state, reserve({ sku: 'A' }), { now: NOW, epoch: 1, region: REGION });
    await author.append([['A', 5, events[0] as InventoryEvent]]);

    expect((await author.audit()).differences).toMatchObject([
      { check: 'journal (I8)', sku: 'A', seq: 5, expected: 'seq 3' },
    ]);
  });

  test('given a record that sells more than there is, then I1 is broken there', async () => {
    await author.work('A');
    const state = author.states.get('A') as InventoryState;
    const { events } = execute(state, reserve({ sku: 'A', qty: 4 }), { now: NOW, epoch: 1, region: REGION });
    const event = events[0] as InventoryEvent & { parts: { nodeIndex: number; qty: number }[] };
    await author.append([['A', 3, { ...event, parts: [{ nodeIndex: 0, qty: 400 }] } as InventoryEvent]]);

    expect((await author.audit()).differences[0]).toMatchObject({
      check: 'invariants (I1, I2)',
      sku: 'A',
      seq: 3,
      found: expect.stringContaining('I1 is broken at A seq 3'),
    });
  });
});
