// Crashes at any moment, snapshots at any moment: a successor comes to what was acknowledged (I5, I7), whatever form
// the actors were held in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../protocol/index.ts';
import { SHELL_LIMITS, type ShellLimits } from './limits.ts';
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

const SKUS = ['a', 'b', 'c', 'd'];

/** Hardly any memory: actors are packed after each use, and passivated after each snapshot. */
const TIGHT = {
  hotActorsMax: 1,
  packedActorsMax: 0,
  snapshotEveryRecords: 3,
  snapshotEveryMs: 100,
  snapshotRowsPerTurn: 1,
};
const ROOMY = { snapshotEveryRecords: 3, snapshotEveryMs: 100 };

type Step =
  | { do: 'stock'; sku: number; qty: number }
  | { do: 'reserve'; sku: number; qty: number; ttlMs: number }
  | { do: 'end'; which: number; op: 'commit' | 'release' | 'ship' }
  | { do: 'advance'; ms: number }
  | { do: 'crash'; tight: boolean }
  | { do: 'stop' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('stock' as const), sku: fc.nat(3), qty: fc.integer({ min: 1, max: 50 }) }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      sku: fc.nat(3),
      qty: fc.integer({ min: 1, max: 5 }),
      ttlMs: fc.integer({ min: 1_000, max: 5_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(),
      op: fc.constantFrom('commit' as const, 'release' as const, 'ship' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 3_000 }) }) },
  fc.record({ do: fc.constant('crash' as const), tight: fc.boolean() }),
  fc.record({ do: fc.constant('stop' as const) }),
);

/** All that a client can see. */
async function everything(world: TestGrid, ids: readonly string[]): Promise<unknown> {
  const skus = [];
  for (const sku of SKUS) skus.push(withoutEpoch(await world.call(get(sku))));
  const reservations = [];
  for (const reservationId of ids)
    reservations.push(withoutEpoch(await world.call({ op: 'getReservation', reservationId })));
  return { skus, reservations };
}

/** The epoch is the owner's and changes with it; the actor's seq must not. */
function withoutEpoch(outcome: Outcome): unknown {
  return 'version' in outcome ? { ...outcome, version: outcome.version.seq } : outcome;
}

/** One random history: grids come and go on one medium, and everything that was answered is noted. */
class History {
  readonly #runtime = new ManualRuntime();
  readonly #medium = new MemoryMedium(this.#runtime.now);
  readonly #ids: string[] = [];
  readonly #answered: { request: Record<string, unknown>; outcome: Outcome }[] = [];
  #world: TestGrid | undefined;
  #steps = 0;

  async open(limits: Partial<ShellLimits>): Promise<void> {
    this.#world = await openGrid(this.#medium, this.#runtime, limits);
  }

  get #grid(): TestGrid {
    if (this.#world === undefined) throw new Error('not open');
    return this.#world;
  }

  async #call(request: Record<string, unknown>): Promise<void> {
    const outcome = await this.#grid.call(request);
    this.#answered.push({ request, outcome });
    if (request.op === 'reserve' && outcome.ok && 'reservationId' in outcome) this.#ids.push(outcome.reservationId);
  }

  async take(step: Step): Promise<void> {
    const n = this.#steps++;
    switch (step.do) {
      case 'stock':
        return this.#call(stock(SKUS[step.sku] as string, step.qty, `s${n}`));
      case 'reserve':
        return this.#call({ ...reserve(SKUS[step.sku] as string, step.qty, `r${n}`), ttlMs: step.ttlMs });
      case 'end': {
        const reservationId = this.#ids[step.which % Math.max(1, this.#ids.length)];
        return reservationId === undefined ? undefined : this.#call({ op: step.op, reservationId, requestId: `e${n}` });
      }
      case 'advance':
        return this.#runtime.advance(step.ms);
      case 'crash':
        return this.#succeed(step.tight ? TIGHT : ROOMY, async () => this.#medium.endSession(REGION));
      case 'stop':
        return this.#succeed(ROOMY, () => this.#grid.grid.close());
      default:
        step satisfies never;
    }
  }

  /** Ends the grid, opens a successor, and expects it to show the same. */
  async #succeed(limits: Partial<ShellLimits>, end: () => Promise<void>): Promise<void> {
    const before = await everything(this.#grid, this.#ids);
    await end();
    await this.open(limits);
    expect(await everything(this.#grid, this.#ids)).toEqual(before);
  }

  /** After one more crash, every remembered outcome is repeated as it was (I11). */
  async expectSameAnswers(): Promise<void> {
    await this.#succeed(TIGHT, async () => this.#medium.endSession(REGION));
    for (const { request, outcome } of this.#answered) {
      if (!outcome.ok && outcome.code !== 'INSUFFICIENT_STOCK' && outcome.code !== 'RESERVATION_ENDED') continue;
      const { replayed: _replayed, ...again } = await this.#grid.call(request);
      const { replayed: _before, ...first } = outcome;
      expect(again).toEqual(first);
    }
  }
}

describe('recovery', () => {
  it('given random work, snapshots, crashes and little memory, then nothing that was seen ever changes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const history = new History();
        await history.open(ROOMY);
        for (const s of steps) await history.take(s);
        await history.expectSameAnswers();
      }),
      { numRuns: 120 },
    );
  }, 120_000);

  it('given two snapshots and a damaged newest, when recovered, then the older and the tail give the same', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const first = await openGrid(medium, runtime, ROOMY);
    for (let round = 0; round < 3; round++) {
      for (const sku of SKUS) await first.call(stock(sku, 10, `s-${sku}-${round}`));
      await runtime.advance(500);
    }
    const before = await everything(first, []);
    const region = medium.lanes.get(`${REGION}/0`);
    const newest = [...(region?.manifests.values() ?? [])].sort((x, y) => y.coveredSeq - x.coveredSeq)[0];
    const row = [...(region?.rows[newest?.slot ?? 'a'].values() ?? [])][0];
    if (row === undefined) throw new Error('no snapshot was written');
    row.bytes[row.bytes.length - 1] = (row.bytes.at(-1) as number) ^ 0xff;
    medium.endSession(REGION);
    const second = await openGrid(medium, runtime, ROOMY);
    expect(second.lines.join('\n')).toContain('is damaged');
    expect(await everything(second, [])).toEqual(before);
    // The damaged slot is written whole by the next round, after which it can be recovered from.
    await second.call(stock('a', 1, 'again'));
    await runtime.advance(500);
    medium.endSession(REGION);
    const third = await openGrid(medium, runtime, ROOMY);
    expect(third.lines.join('\n')).not.toContain('is damaged');
    expect(await third.call(get('b'))).toMatchObject({ onHand: 30 });
  });

  it('given a journal that lost acknowledged records, when opened, then it refuses and says what is missing', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const first = await openGrid(medium, runtime);
    await first.call(stock('a', 10));
    await first.call(reserve('a', 1, 'r1'));
    medium.lanes.get(`${REGION}/0`)?.batches.pop();
    medium.endSession(REGION);
    await expect(openGrid(medium, runtime)).rejects.toThrow(/journal corrupt at seq 2/);
    // Whoever failed does not go on renewing its session: the lane is not busy for others.
    await runtime.advance(SHELL_LIMITS.sessionTtlMs + 1_000);
    await expect(openGrid(medium, runtime)).rejects.toThrow(/journal corrupt at seq 2/);
  });

  it('given little memory, when actors are asked for again, then they are loaded alone, and many waiters share a load', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const { grid, call, ask } = await openGrid(medium, runtime, TIGHT);
    for (const sku of SKUS) await call(stock(sku, 10));
    await runtime.advance(1_000);
    await runtime.advance(1_000);
    const { hot, packed } = grid.figures().actors;
    expect(hot + packed).toBeLessThan(SKUS.length);
    const asked = SKUS.flatMap((sku) => [ask(reserve(sku, 1, 'r1')), ask(reserve(sku, 2, 'r2')), ask(get(sku))]);
    await runtime.settle();
    for (const { outcome } of asked) expect(outcome).toMatchObject({ ok: true });
    for (const sku of SKUS) expect(await call(get(sku))).toMatchObject({ reserved: 3 });
    expect(await call({ op: 'list', region: REGION, limit: 1_000 })).toMatchObject({
      positions: { length: SKUS.length },
    });
  });

  it('given actors that were passivated, when later rounds write the other slot, then it holds them too', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const first = await openGrid(medium, runtime, TIGHT);
    for (const sku of SKUS) await first.call(stock(sku, 10));
    for (let round = 0; round < 4; round++) {
      await runtime.advance(500);
      await first.call(stock('a', 1, `again-${round}`));
    }
    medium.endSession(REGION);
    const second = await openGrid(medium, runtime, TIGHT);
    for (const sku of SKUS) expect(await second.call(get(sku))).toMatchObject({ onHand: sku === 'a' ? 14 : 10 });
  });

  it('given a lease that ends while a passivated actor is being loaded, when it has come, then it is not shown (I9)', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const { grid, call, ask } = await openGrid(medium, runtime, TIGHT);
    for (const sku of SKUS) await call(stock(sku, 10));
    for (let round = 0; round < 4; round++) {
      await runtime.advance(500);
      await call(stock('a', 1, `again-${round}`));
    }
    const { hot, packed } = grid.figures().actors;
    expect(hot + packed).toBeLessThan(SKUS.length);
    const asked = SKUS.map((sku) => ask(get(sku)));
    runtime.ms += 60_000;
    await runtime.settle();
    const shown = asked.filter(({ outcome }) => outcome?.ok === true).length;
    expect(shown).toBeLessThanOrEqual(hot + packed);
    expect(asked.filter(({ outcome }) => outcome?.ok === false)).toEqual(
      Array.from({ length: SKUS.length - shown }, () => ({
        outcome: expect.objectContaining({ code: 'UNAVAILABLE' }),
      })),
    );
  });

  it('given actors whose events were stamped by a clock far ahead, when recovered, then others forget nothing (I11)', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const first = await openGrid(medium, runtime, TIGHT);
    await first.call(stock('a', 10));
    runtime.aheadMs = 3_600_000;
    await first.call(stock('b', 10));
    await runtime.advance(500);
    runtime.aheadMs = 0;
    await first.call(stock('c', 10));
    medium.endSession(REGION);
    const second = await openGrid(medium, runtime, TIGHT);
    for (const sku of ['a', 'b', 'c'])
      expect(await second.call(stock(sku, 10)), sku).toMatchObject({ onHand: 10, replayed: true });
  });

  it('given snapshots, when the journal is trimmed, then never past the older snapshot (I7)', async () => {
    const runtime = new ManualRuntime();
    const medium = new MemoryMedium(runtime.now);
    const { call } = await openGrid(medium, runtime, ROOMY);
    for (let round = 0; round < 6; round++) {
      for (const sku of SKUS) await call(stock(sku, 1, `s-${sku}-${round}`));
      await runtime.advance(500);
      const region = medium.lanes.get(`${REGION}/0`);
      const covered = [...(region?.manifests.values() ?? [])].map((m) => m.coveredSeq);
      const older = covered.length < 2 ? 0 : Math.min(...covered);
      expect(region?.batches[0]?.firstSeq ?? 0).toBeLessThanOrEqual(older + 1);
    }
    const region = medium.lanes.get(`${REGION}/0`);
    expect(region?.batches[0]?.firstSeq).toBeGreaterThan(1);
  });
});
