// Snapshots of actors too large for one turn, and of those that stopped: what is published is whole, or not published.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemRequest, Outcome } from '../../protocol/index.ts';
import { MemoryStore } from '../journal/memory/store.ts';
import type { Lane, SnapshotManifest } from '../journal/port.ts';
import { SHELL_LIMITS } from './limits.ts';
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

/** Actors of more than a few entries are packed in turns, and rounds come often. */
const LIMITS = { packedEntriesMax: 8, snapshotRowsPerTurn: 4, snapshotEveryRecords: 20, snapshotEveryMs: 100 };
/** Of a row that was packed in turns. */
const VERSION_IN_TURNS = 7;

interface Asked {
  readonly request: Record<string, unknown>;
  readonly outcome: Outcome;
}

class Crash extends Error {}

/** A flash sale of one sku: its grid, and everything that was answered. */
class Sale {
  readonly runtime = new ManualRuntime();
  readonly medium = new MemoryMedium(this.runtime.now);
  readonly answered: Asked[] = [];
  readonly #ids: string[] = [];
  #count = 0;
  world!: TestGrid;

  async open(): Promise<void> {
    this.world = await openGrid(this.medium, this.runtime, LIMITS);
  }

  async call(request: Record<string, unknown>): Promise<void> {
    this.#note(request, await this.world.call(request));
  }

  #note(request: Record<string, unknown>, outcome: Outcome): void {
    this.answered.push({ request, outcome });
    if (request.op === 'reserve' && outcome.ok && 'reservationId' in outcome) this.#ids.push(outcome.reservationId);
  }

  /** Something that changes the sku. */
  change(kind: number): Record<string, unknown> {
    this.#count += 1;
    const requestId = `r${this.#count}`;
    const reservationId = this.#ids[(kind + this.#count * 7) % Math.max(1, this.#ids.length)];
    if (kind % 3 === 0 || reservationId === undefined) {
      return { ...reserve('hot', 1, requestId), owner: `owner-${kind % 40}`, ttlMs: 600_000 };
    }
    const op = (['extend', 'commit', 'release', 'ship'] as const)[kind % 4];
    return { op, reservationId, requestId, ...(op === 'extend' ? { ttlMs: 900_000 } : {}) };
  }

  /**
   * Moves the clock to the next tick, which begins a round, with one change in each turn from then on. It crashes in
   * the turn after the last of them if asked to, in the middle of whatever goes on.
   */
  async busyRound(kinds: readonly number[], crash = false): Promise<void> {
    const asked: { request: Record<string, unknown>; asked: { outcome: Outcome | undefined } }[] = [];
    const left = [...kinds];
    const again = (): void => {
      const kind = left.shift();
      if (kind === undefined) {
        if (crash) throw new Crash();
        return;
      }
      const request = this.change(kind);
      asked.push({ request, asked: this.world.ask(request) });
      this.runtime.defer(again);
    };
    this.runtime.onTimer = () => {
      this.runtime.onTimer = undefined;
      again();
    };
    try {
      await this.runtime.advance(50);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
    for (const { request, asked: a } of asked) if (a.outcome !== undefined) this.#note(request, a.outcome);
  }

  /** The journal seq that the newest snapshot covers. */
  covered(): number | undefined {
    return this.#newest()?.coveredSeq;
  }

  /** The newest snapshot's row of the sku. */
  row(): Uint8Array | undefined {
    const slot = this.#newest()?.slot ?? 'a';
    for (const [key, row] of this.medium.lanes.get(`${REGION}/0`)?.rows[slot] ?? []) {
      if (key.endsWith('/hot')) return row.bytes;
    }
    return undefined;
  }

  #newest(): SnapshotManifest | undefined {
    const manifests = this.medium.lanes.get(`${REGION}/0`)?.manifests.values() ?? [];
    return [...manifests].sort((a, b) => b.coveredSeq - a.coveredSeq)[0];
  }

  /** All that is shown of the sku. Each grid has an epoch of its own; the seq must not change with it. */
  async shown(): Promise<unknown[]> {
    const shown: unknown[] = [];
    const requests = this.#ids.map((reservationId) => ({ op: 'getReservation', reservationId }));
    for (const request of [get('hot'), ...requests]) {
      const outcome = await this.world.call(request);
      shown.push('version' in outcome ? { ...outcome, version: outcome.version.seq } : outcome);
    }
    return shown;
  }

  /** Crashes when nothing is under way: a successor shows what was shown, and repeats every answer (I5, I11). */
  async expectSameAfterCrash(): Promise<void> {
    const shown = await this.shown();
    await this.succeed();
    expect(await this.shown()).toEqual(shown);
  }

  /** After a crash, a successor repeats every answer that was given. */
  async succeed(): Promise<void> {
    await this.medium.endSession(REGION);
    await this.open();
    for (const { request, outcome } of this.answered) {
      if (!outcome.ok && outcome.code !== 'INSUFFICIENT_STOCK' && outcome.code !== 'RESERVATION_ENDED') continue;
      const { replayed: _again, ...again } = (await this.world.call(request)) as Outcome & { replayed?: boolean };
      const { replayed: _first, ...first } = outcome as Outcome & { replayed?: boolean };
      expect(again).toEqual(first);
    }
  }
}

describe('the snapshot of a large actor', () => {
  it('given changes in every turn of several rounds, when it crashes in any turn, then nothing answered is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 1_000 }), { minLength: 10, maxLength: 60 }),
        fc.array(fc.array(fc.nat({ max: 1_000 }), { maxLength: 80, size: 'max' }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (before, rounds, crash) => {
          const sale = new Sale();
          await sale.open();
          await sale.call(stock('hot', 1_000));
          for (const kind of before) await sale.call(sale.change(kind));
          for (const kinds of rounds) {
            await sale.busyRound(kinds, crash);
            if (crash) await sale.succeed();
          }
          await sale.expectSameAfterCrash();
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);

  it('given an actor beyond the limit, when snapshots are written, then in turns, and a successor starts from them', async () => {
    const sale = new Sale();
    await sale.open();
    await sale.call(stock('hot', 1_000));
    for (let i = 0; i < 100; i++) await sale.call(sale.change(i));
    for (let round = 0; round < 3; round++) {
      const seq = sale.world.grid.figures().durableSeq;
      await sale.busyRound(Array.from({ length: 120 }, (_, i) => round + i));
      // It began before the changes and ended after many of them.
      expect(sale.covered()).toBe(seq);
      expect(sale.row()?.[0]).toBe(VERSION_IN_TURNS);
    }
    await sale.expectSameAfterCrash();
    await sale.runtime.advance(500);
    expect(sale.row()?.[0]).toBe(VERSION_IN_TURNS);
    expect(sale.world.grid.figures().tailRecords).toBe(0);
    await sale.expectSameAfterCrash();
    expect(sale.world.lines.at(-1)).toContain('1 rows, 0 records replayed');
  });
});

describe('how often a snapshot is written', () => {
  const PAUSE_MS = 1_000;
  const limits = { snapshotEveryMs: 60_000, snapshotPauseMs: PAUSE_MS, snapshotSoonerRecords: 10 };

  /** A store that takes so long to take rows, ms. */
  class SlowStore extends MemoryStore {
    readonly #runtime: ManualRuntime;
    readonly #rowsMs: number;

    constructor(runtime: ManualRuntime, rowsMs: number) {
      super(new MemoryMedium(runtime.now));
      this.#runtime = runtime;
      this.#rowsMs = rowsMs;
    }

    override async acquire(...claim: Parameters<MemoryStore['acquire']>): Promise<Lane> {
      const lane = await super.acquire(...claim);
      const putRows = lane.putRows.bind(lane);
      lane.putRows = (slot, rows) => {
        this.#runtime.ms += this.#rowsMs;
        return putRows(slot, rows);
      };
      return lane;
    }
  }

  async function changed(records: number, rowsMs = 0): Promise<{ world: TestGrid; runtime: ManualRuntime }> {
    const runtime = new ManualRuntime();
    const store = new SlowStore(runtime, rowsMs);
    const world = await openGrid(new MemoryMedium(runtime.now), runtime, limits, '0', { store });
    for (let i = 0; i < records; i++) await world.call(stock(`sku-${i}`, 1));
    return { world, runtime };
  }

  it('given much that changed, when a pause has passed, then one is written before it is due by time', async () => {
    const { world, runtime } = await changed(10);
    await runtime.advance(PAUSE_MS - 100);
    expect(world.grid.figures().tailRecords).toBe(10);
    await runtime.advance(200);
    expect(world.grid.figures().tailRecords).toBe(0);
  });

  it('given little that changed, then it is written when it is due by time', async () => {
    const { world, runtime } = await changed(9);
    await runtime.advance(2 * PAUSE_MS);
    expect(world.grid.figures().tailRecords).toBe(9);
    await runtime.advance(limits.snapshotEveryMs);
    expect(world.grid.figures().tailRecords).toBe(0);
  });

  it('given more that changed than a round can write in its share of the time, then the first one waits as well', async () => {
    const { world, runtime } = await changed(10_000);
    await runtime.advance(PAUSE_MS + 400);
    expect(world.grid.figures().tailRecords).toBe(10_000);
    await runtime.advance(2_000);
    expect(world.grid.figures().tailRecords).toBe(0);
  });

  it('given rounds that keep the store busy, then the next waits until they are a small share of the time', async () => {
    const { world, runtime } = await changed(10, 100);
    await runtime.advance(PAUSE_MS + 100);
    expect(world.grid.figures().tailRecords).toBe(0);
    for (let i = 0; i < 10; i++) await world.call(stock(`sku-${i}`, 1, `again-${i}`));
    await runtime.advance(100 / SHELL_LIMITS.snapshotShareMax - 300);
    expect(world.grid.figures().tailRecords).toBe(10);
    await runtime.advance(400);
    expect(world.grid.figures().tailRecords).toBe(0);
  });
});

describe('the snapshot after an actor stopped', () => {
  /** A request that no client can send: it breaks the actor's invariants. */
  const broken = { ...stock('hot', 1, 'broken'), delta: 0.5, onHand: undefined } as unknown as ItemRequest;

  it.each([0, 3])(
    'given it stopped %i turns into a round, then no snapshot claims its events, and a restart rebuilds it',
    async (turns) => {
      const sale = new Sale();
      await sale.open();
      await sale.call(stock('hot', 1_000));
      await sale.call(stock('cold', 7));
      for (let i = 0; i < 40; i++) await sale.call(sale.change(3 * i));
      const shown = await sale.shown();
      const covered = sale.covered();
      let refused: Outcome | undefined;
      const stop = (left: number): void => {
        if (left > 0) sale.runtime.defer(() => stop(left - 1));
        else sale.world.grid.submit(broken, (outcome) => (refused = outcome));
      };
      if (turns > 0) sale.runtime.onTimer = () => stop(turns);
      else stop(0);
      await sale.runtime.advance(50);
      expect(refused).toMatchObject({ ok: false, code: 'INTERNAL' });
      await sale.world.call(stock('cold', 1, 'more'));
      await sale.runtime.advance(1_000);
      const said = sale.world.lines.filter((line) => line.includes('hot stopped, and only the journal can rebuild it'));
      expect(said.length).toBeGreaterThan(0);
      // However long the tail, it is not tried at each tick.
      expect(said.length).toBeLessThan(12);
      expect(sale.covered()).toBe(covered);
      await sale.succeed();
      expect(await sale.shown()).toEqual(shown);
      expect(await sale.world.call(get('cold'))).toMatchObject({ onHand: 8 });
    },
  );
});
