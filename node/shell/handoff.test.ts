// Partitions move between two lanes: nothing is lost or done twice, wherever either side dies (I7, I9, I11).
import { describe, expect, it } from 'vitest';
import { partitionOf } from '../core/index.ts';
import type { HandoffPeer, MoveProgress } from './handoff.ts';
import type { InventoryGrid } from './inventory-grid.ts';
import {
  get,
  ManualRuntime,
  MemoryMedium,
  openGrid,
  REGION,
  reserve,
  stock,
  type TestGrid,
} from './testing/harness.ts';

const PARTITIONS = 8;
const SKU = 'lamp';
const PARTITION = partitionOf(SKU, PARTITIONS);

function given() {
  const runtime = new ManualRuntime();
  const medium = new MemoryMedium(() => runtime.ms);
  const open = (lane: string, limits = {}): Promise<TestGrid> => openGrid(medium, runtime, limits, lane);
  return { runtime, medium, open };
}

const SILENT: MoveProgress = { sealed: () => {}, opened: () => {} };

/** Moves and settles; resolves with what moveOut did, undefined while it goes on. */
async function move(
  runtime: ManualRuntime,
  from: InventoryGrid,
  toLane: string,
  peer: HandoffPeer,
  progress = SILENT,
): Promise<boolean | undefined> {
  let moved: boolean | undefined;
  const moving = from.moveOut(PARTITION, toLane, peer, progress);
  moving.then(
    (done) => {
      moved = done;
    },
    () => {},
  );
  await runtime.settle();
  return moved;
}

/** A peer that cannot be reached from the given step on. */
function failing(peer: HandoffPeer, at: 'rows' | 'handover', how: 'before' | 'after'): HandoffPeer {
  const strike = async <T>(step: 'rows' | 'handover', run: () => Promise<T>): Promise<T> => {
    if (step !== at) return run();
    if (how === 'after') await run();
    throw new Error('injected: the link is down');
  };
  return {
    rows: (message) => strike('rows', () => peer.rows(message)),
    handover: (message) => strike('handover', () => peer.handover(message)),
  };
}

describe('a partition that moves', () => {
  it('given stock and a reservation, when it has moved, then the other lane serves both under a greater epoch', async () => {
    const { runtime, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    const reserved = await first.call(reserve(SKU, 3, 'r1'));
    const epochs: number[] = [];
    const before = first.grid.holdings().find(({ partition }) => partition === PARTITION)?.epoch ?? 0;

    const moved = await move(runtime, first.grid, 'b', second.grid.arrivals, {
      sealed: () => {},
      opened: (epoch) => epochs.push(epoch),
    });

    expect(moved).toBe(true);
    expect(first.grid.serves(PARTITION)).toBe(false);
    expect(first.grid.figures()).toMatchObject({ positions: 0, liveReservations: 0, actors: { hot: 0, packed: 0 } });
    expect(second.grid.figures()).toMatchObject({ positions: 1, liveReservations: 1 });
    expect(epochs[0]).toBeGreaterThan(before);
    expect(await second.call(get(SKU))).toMatchObject({
      onHand: 10,
      reserved: 3,
      version: { epoch: epochs[0], seq: 2 },
    });
    expect(await second.call(reserve(SKU, 3, 'r1'))).toEqual({ ...reserved, replayed: true });
    expect(await second.call(reserve(SKU, 8, 'r2'))).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK' });
  });

  it('given it moved and both lanes end, when they are opened again, then it is where it went, and moves back whole', async () => {
    const { runtime, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    await move(runtime, first.grid, 'b', second.grid.arrivals);
    await second.call(reserve(SKU, 4, 'r1'));
    await Promise.all([first.grid.close(), second.grid.close(), runtime.settle()]);

    const firstAgain = await open('0');
    const secondAgain = await open('b');

    expect(firstAgain.grid.serves(PARTITION)).toBe(false);
    expect(await secondAgain.call(get(SKU))).toMatchObject({ onHand: 10, reserved: 4 });
    expect(await move(runtime, secondAgain.grid, '0', firstAgain.grid.arrivals)).toBe(true);
    expect(await firstAgain.call(get(SKU))).toMatchObject({ onHand: 10, reserved: 4 });
    expect(await firstAgain.call(reserve(SKU, 4, 'r1'))).toMatchObject({ ok: true, replayed: true });
  });

  it('given requests between copying and sealing, when it has moved, then nothing of them is missing', async () => {
    const { runtime, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    const arrivals = second.grid.arrivals;
    const late: unknown[] = [];
    const peer: HandoffPeer = {
      rows: async (message) => {
        const answer = await arrivals.rows(message);
        if (late.length === 0) {
          late.push(first.ask(reserve(SKU, 2, 'late')));
          late.push(first.ask(stock(sameAs(SKU), 7)));
        }
        return answer;
      },
      handover: arrivals.handover,
    };

    expect(await move(runtime, first.grid, 'b', peer)).toBe(true);

    expect(late).toMatchObject([{ outcome: { ok: true } }, { outcome: { ok: true } }]);
    expect(await second.call(get(SKU))).toMatchObject({ onHand: 10, reserved: 2 });
    expect(await second.call(get(sameAs(SKU)))).toMatchObject({ onHand: 7 });
  });

  it('given the lane was lost before its seal was durable, when the move is tried again, then nothing is handed over', async () => {
    const { runtime, medium, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    medium.endSession(REGION, '0');
    const heir = await open('0');

    expect(await move(runtime, first.grid, 'b', second.grid.arrivals)).toBeUndefined();
    expect(await move(runtime, first.grid, 'b', second.grid.arrivals)).toBeUndefined();

    expect(second.grid.serves(PARTITION)).toBe(false);
    expect(heir.grid.serves(PARTITION)).toBe(true);
  });

  it('given the copy cannot be sent, then it stays open where it is', async () => {
    const { runtime, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));

    expect(await move(runtime, first.grid, 'b', failing(second.grid.arrivals, 'rows', 'after'))).toBe(false);

    expect(first.grid.serves(PARTITION)).toBe(true);
    expect(await first.call(reserve(SKU, 1, 'r1'))).toMatchObject({ ok: true });
    expect(second.grid.serves(PARTITION)).toBe(false);
  });

  it.each([
    ['before', 'the old lane'],
    ['after', 'the old lane'],
    ['before', 'the new lane'],
    ['after', 'the new lane'],
  ] as const)(
    'given the seal is durable and the link fails %s it arrived, when %s is taken over, then the move is finished',
    async (how, who) => {
      const { runtime, medium, open } = given();
      const first = await open('0');
      const second = await open('b');
      await first.call(stock(SKU, 10));
      await first.call(reserve(SKU, 3, 'r1'));
      expect(await move(runtime, first.grid, 'b', failing(second.grid.arrivals, 'handover', how))).toBe(undefined);
      expect(first.grid.serves(PARTITION)).toBe(false);

      const dies = who === 'the old lane' ? '0' : 'b';
      medium.endSession('eu-west', dies);
      const successor = await open(dies);
      const from = dies === '0' ? successor : first;
      const to = dies === '0' ? second : successor;

      expect(from.grid.holdings()).toContainEqual(
        expect.objectContaining({ partition: PARTITION, isOpen: false, toLane: 'b' }),
      );
      expect(await move(runtime, from.grid, 'b', to.grid.arrivals)).toBe(true);
      expect(await to.call(get(SKU))).toMatchObject({ onHand: 10, reserved: 3 });
      expect(await to.call(reserve(SKU, 3, 'r1'))).toMatchObject({ ok: true, replayed: true });
      expect(from.grid.holdings().some(({ partition }) => partition === PARTITION)).toBe(false);
    },
  );

  it('given it has moved on, when the word of the old seal comes again, then nothing is opened', async () => {
    const { runtime, open } = given();
    const first = await open('0');
    const second = await open('b');
    const third = await open('c');
    await first.call(stock(SKU, 10));
    const words: Parameters<HandoffPeer['handover']>[0][] = [];
    const { rows, handover } = second.grid.arrivals;
    const spy: HandoffPeer = {
      rows,
      handover: (message) => {
        words.push({ ...message, rows: message.rows.map((row) => ({ ...row })) });
        return handover(message);
      },
    };
    await move(runtime, first.grid, 'b', spy);
    await move(runtime, second.grid, 'c', third.grid.arrivals);
    await third.call(reserve(SKU, 10, 'all'));

    const again = await second.grid.arrivals.handover(words[0] as never);

    expect(again.status).toBe('ok');
    expect(second.grid.serves(PARTITION)).toBe(false);
    expect(await third.call(get(SKU))).toMatchObject({ availableToSell: 0 });
  });

  it('given snapshots on both sides after it moved, when the old lane is opened again, then the rows it left are forgotten', async () => {
    const { runtime, medium, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    await first.call(stock(otherThan(SKU), 1));
    await first.grid.close();
    await runtime.settle();
    const again = await open('0');
    await move(runtime, again.grid, 'b', second.grid.arrivals);
    for (let round = 0; round < 3; round++) {
      await again.call(stock(otherThan(SKU), 1, `more-${round}`));
      await second.call(stock(SKU, 1, `more-${round}`));
      await runtime.advance(31_000);
    }

    const rows = medium.lanes.get('eu-west/0')?.rows;
    expect([...(rows?.a.values() ?? []), ...(rows?.b.values() ?? [])].some(({ sku }) => sku === SKU)).toBe(false);
    medium.endSession('eu-west', 'b');
    const successor = await open('b');
    expect(await successor.call(get(SKU))).toMatchObject({ onHand: 13 });
  });

  it('given a snapshot that is being written, when a partition leaves, then the old lane is opened again without it', async () => {
    const { runtime, medium, open } = given();
    // The other actor is packed over many turns, and written first.
    const first = await open('0', { packedEntriesMax: 8, snapshotRowsPerTurn: 4, snapshotEveryMs: 100 });
    const second = await open('b');
    await first.call(stock(otherThan(SKU), 100));
    for (let n = 0; n < 100; n++) await first.call(reserve(otherThan(SKU), 1, `r${n}`));
    await first.call(stock(SKU, 10));
    let moved: Promise<boolean> | undefined;
    runtime.onTimer = () => {
      if (first.grid.figures().tailRecords === 0 || moved !== undefined || runtime.ms < due) return;
      first.ask(reserve(SKU, 3, 'in the round'));
      moved = first.grid.moveOut(PARTITION, 'b', second.grid.arrivals, SILENT);
    };
    const due = runtime.ms + 100;
    await runtime.advance(100);
    expect(await moved).toBe(true);
    medium.endSession(REGION, '0');

    const successor = await open('0');

    expect(successor.grid.serves(PARTITION)).toBe(false);
    expect(await second.call(get(SKU))).toMatchObject({ onHand: 10, reserved: 3 });
  });

  it('given a snapshot that a partition spoilt by leaving, when a pause has passed, then the next one is written', async () => {
    const { runtime, open } = given();
    const soon = { snapshotSoonerRecords: 10, snapshotPauseMs: 1_000, snapshotEveryMs: 60_000 };
    const first = await open('0', { packedEntriesMax: 8, snapshotRowsPerTurn: 4, ...soon });
    const second = await open('b');
    await first.call(stock(otherThan(SKU), 100));
    for (let n = 0; n < 100; n++) await first.call(reserve(otherThan(SKU), 1, `r${n}`));
    await first.call(stock(SKU, 10));
    let moved: Promise<boolean> | undefined;
    const dueAt = runtime.ms + soon.snapshotPauseMs;
    runtime.onTimer = () => {
      if (moved === undefined && runtime.ms >= dueAt) {
        moved = first.grid.moveOut(PARTITION, 'b', second.grid.arrivals, SILENT);
      }
    };

    await runtime.advance(soon.snapshotPauseMs + 200);
    expect(await moved).toBe(true);
    expect(first.lines.filter((line) => line.includes('given up'))).toHaveLength(1);
    expect(first.grid.figures().tailRecords).toBeGreaterThan(100);
    await runtime.advance(soon.snapshotPauseMs + 200);

    expect(first.grid.figures().tailRecords).toBe(0);
  });

  it('given a restart after the first snapshot of what arrived, when more are made, then each has all that arrived', async () => {
    const { runtime, medium, open } = given();
    const first = await open('0');
    const second = await open('b');
    await first.call(stock(SKU, 10));
    await first.call(stock(sameAs(SKU), 7));
    await move(runtime, first.grid, 'b', second.grid.arrivals);
    await second.grid.close();
    const again = await open('b');
    await again.call(stock(SKU, 1, 'more'));
    await again.grid.close();
    medium.endSession(REGION, 'b');

    const successor = await open('b');

    expect(medium.lanes.get(`${REGION}/b`)?.manifests.size).toBe(2);
    expect(await successor.call(get(SKU))).toMatchObject({ onHand: 11 });
    expect(await successor.call(get(sameAs(SKU)))).toMatchObject({ onHand: 7 });
  });
});

/** Another sku of the same partition. */
function sameAs(sku: string): string {
  return skuWhere((other) => other !== sku && partitionOf(other, PARTITIONS) === partitionOf(sku, PARTITIONS));
}

function otherThan(sku: string): string {
  return skuWhere((other) => partitionOf(other, PARTITIONS) !== partitionOf(sku, PARTITIONS));
}

function skuWhere(fits: (sku: string) => boolean): string {
  for (let n = 0; ; n++) if (fits(`sku-${n}`)) return `sku-${n}`;
}
