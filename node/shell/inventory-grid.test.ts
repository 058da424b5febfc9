// The shell through its seam: nothing leaves before it is durable, nothing acknowledged is lost, faults pass.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { AvailabilityPush } from '../../protocol/index.ts';
import type { ShellLimits } from './limits.ts';
import { get, ManualRuntime, MemoryMedium, openGrid, REGION, reserve, stock } from './testing/harness.ts';
import { TimerWheel } from './wheel.ts';

const SNAPSHOT_EAGERLY = { snapshotEveryRecords: 1, snapshotEveryMs: 1 };

function world(): { medium: MemoryMedium; runtime: ManualRuntime } {
  const runtime = new ManualRuntime();
  return { medium: new MemoryMedium(runtime.now), runtime };
}

describe('the output gate (I6)', () => {
  it('given an append in flight, when reserving and reading, then neither is answered before it is durable', async () => {
    const { medium, runtime } = world();
    const { call, ask } = await openGrid(medium, runtime);
    await call(stock('a', 10));
    medium.hold();
    const reserved = ask(reserve('a', 3, 'r1'));
    const read = ask(get('a'));
    const listed = ask({ op: 'list', region: REGION });
    await runtime.settle();
    expect([reserved.outcome, read.outcome, listed.outcome]).toEqual([undefined, undefined, undefined]);
    medium.release();
    await runtime.settle();
    expect(reserved.outcome).toMatchObject({ ok: true, qty: 3, availableToSell: 7 });
    expect(read.outcome).toMatchObject({ ok: true, reserved: 3, availableToSell: 7 });
    expect(listed.outcome).toMatchObject({ ok: true, positions: [{ sku: 'a', reserved: 3 }] });
  });

  it('given a refusal for want of stock held by an append in flight, then the refusal waits for it too', async () => {
    const { medium, runtime } = world();
    const { call, ask } = await openGrid(medium, runtime);
    await call(stock('a', 1));
    medium.hold();
    const winner = ask(reserve('a', 1, 'r1'));
    const loser = ask(reserve('a', 1, 'r2'));
    await runtime.settle();
    expect(loser.outcome).toBeUndefined();
    medium.release();
    await runtime.settle();
    expect(winner.outcome).toMatchObject({ ok: true });
    expect(loser.outcome).toMatchObject({ ok: false, code: 'INSUFFICIENT_STOCK' });
  });

  it('given a watched sku, when it changes, then pushes show durable states only and never go backward', async () => {
    const { medium, runtime } = world();
    const { grid, call, ask } = await openGrid(medium, runtime);
    await call(stock('a', 10));
    const pushes: AvailabilityPush[] = [];
    const stop = grid.watch('a', (push) => pushes.push(push));
    expect(pushes.map((p) => p.availableToSell)).toEqual([10]);
    medium.hold();
    ask(reserve('a', 1, 'r1'));
    ask(reserve('a', 1, 'r2'));
    await runtime.settle();
    expect(pushes).toHaveLength(1);
    medium.release();
    await runtime.settle();
    expect(pushes.at(-1)).toMatchObject({ availableToSell: 8, version: { epoch: grid.info().epoch, seq: 3 } });
    const seqs = pushes.map((p) => p.version.seq);
    expect(seqs).toEqual([...seqs].sort((x, y) => x - y));
    stop();
    await call(reserve('a', 1, 'r3'));
    expect(pushes.at(-1)?.version.seq).toBe(3);
  });
});

describe('a store that fails (I5, I11)', () => {
  it.each(['before', 'after'] as const)(
    'given an append that fails %s it landed, when asked again, then there is one effect and service resumed',
    async (fault) => {
      const { medium, runtime } = world();
      const { grid, call, ask } = await openGrid(medium, runtime);
      await call(stock('a', 10));
      medium.failAppends(fault);
      const reserved = ask(reserve('a', 3, 'r1'));
      await runtime.advance(5_000);
      expect(reserved.outcome).toMatchObject({ ok: false, code: 'UNAVAILABLE', retriable: true });
      expect(grid.readiness()).toEqual({ ready: true, reason: 'serving' });
      expect(await call(reserve('a', 3, 'r1'))).toMatchObject({ ok: true, qty: 3, replayed: true });
      expect(await call(get('a'))).toMatchObject({ reserved: 3, availableToSell: 7 });
    },
  );

  it('given several commits in flight and the first fails, then all land in order and answers are not lost', async () => {
    const { medium, runtime } = world();
    const { call, ask } = await openGrid(medium, runtime, { commitsInFlightMax: 3 });
    await call(stock('a', 100));
    medium.failAppends('before');
    medium.hold();
    const asked = [];
    for (let i = 0; i < 3; i++) {
      asked.push(ask(reserve('a', 1, `r${i}`)));
      await runtime.settle();
    }
    medium.release();
    await runtime.advance(5_000);
    for (const { outcome } of asked) expect(outcome).toBeDefined();
    for (let i = 0; i < 3; i++)
      expect(await call(reserve('a', 1, `r${i}`))).toMatchObject({ ok: true, replayed: true });
    expect(await call(get('a'))).toMatchObject({ reserved: 3 });
  });

  it('given actors nobody asks for, when time passes, then they are packed, and those asked for stay hot', async () => {
    const { medium, runtime } = world();
    const { grid, call } = await openGrid(medium, runtime, { idleMs: 2_000 });
    for (const sku of ['idle', 'busy']) await call(stock(sku, 10));
    await call(reserve('idle', 3, 'r1'));
    for (let i = 0; i < 50; i++) {
      await runtime.advance(100);
      await call(get('busy'));
    }
    expect(grid.figures().actors).toEqual({ hot: 1, packed: 1 });
    expect(await call(reserve('idle', 3, 'r1'))).toMatchObject({ ok: true, qty: 3, replayed: true });
    expect(grid.figures().actors).toEqual({ hot: 2, packed: 0 });
  });

  it('given more actors than may be objects, when all are only read, then no more of them become objects', async () => {
    const { medium, runtime } = world();
    const { grid, call } = await openGrid(medium, runtime, { hotActorsMax: 3 });
    const skus = Array.from({ length: 40 }, (_, n) => `sku-${n}`);
    for (const sku of skus) await call(stock(sku, 1));
    for (const sku of skus) expect(await call(get(sku))).toMatchObject({ ok: true, onHand: 1 });
    // Three, the one that was read last, and one whose turn of the clock is yet to come.
    expect(grid.figures().actors.hot).toBeLessThanOrEqual(5);
  });

  it('given a store that is down, then requests are refused retriably, and served again when it is back', async () => {
    const { medium, runtime } = world();
    const { grid, call, ask } = await openGrid(medium, runtime);
    await call(stock('a', 10));
    medium.down('disk full');
    const first = ask(reserve('a', 1, 'r1'));
    await runtime.advance(300);
    expect(first.outcome).toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    expect(grid.readiness().reason).toContain('disk full');
    expect(await call(reserve('a', 1, 'r2'))).toMatchObject({ code: 'UNAVAILABLE', retriable: true });
    medium.up();
    await runtime.advance(3_000);
    expect(await call(reserve('a', 1, 'r1'))).toMatchObject({ ok: true, replayed: true });
    expect(await call(reserve('a', 1, 'r2'))).toMatchObject({ ok: true });
    expect(await call(get('a'))).toMatchObject({ reserved: 2 });
  });

  it('given a lease that could not be renewed in time, then even reads are refused until it is', async () => {
    const { medium, runtime } = world();
    const { call } = await openGrid(medium, runtime, { sessionTtlMs: 1_000 });
    await call(stock('a', 10));
    medium.down('cut off');
    await runtime.advance(1_500);
    expect(await call(get('a'))).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    medium.up();
    await runtime.advance(500);
    expect(await call(get('a'))).toMatchObject({ ok: true, onHand: 10 });
  });

  it('given a change that became durable while no lease held, when one does again, then who watches is told of it', async () => {
    const held = fc.record({ downMs: fc.integer({ min: 900, max: 2_500 }), qty: fc.integer({ min: 1, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(held, async ({ downMs, qty }) => {
        const { medium, runtime } = world();
        const { grid, call, ask } = await openGrid(medium, runtime, { sessionTtlMs: 1_000 });
        await call(stock('a', 10));
        const told: number[] = [];
        grid.watch('a', ({ availableToSell }) => told.push(availableToSell));
        medium.down('cut off');
        ask(reserve('a', qty, 'r1'));
        await runtime.advance(downMs);
        medium.up();
        await runtime.advance(3_000);
        expect(await call(get('a'))).toMatchObject({ availableToSell: 10 - qty });
        expect([...new Set(told)]).toEqual([10, 10 - qty]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('fencing (I9)', () => {
  it('given a successor took the lane, when the old owner appends, then it acknowledges nothing and ends', async () => {
    const { medium, runtime } = world();
    const old = await openGrid(medium, runtime);
    await old.call(stock('a', 10));
    medium.endSession(REGION);
    const successor = await openGrid(medium, runtime);
    const zombie = old.ask(reserve('a', 10, 'zombie'));
    await runtime.settle();
    expect(zombie.outcome).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    await expect(old.grid.failed).resolves.toMatchObject({ name: 'Fenced' });
    expect(await successor.call(get('a'))).toMatchObject({
      reserved: 0,
      version: { epoch: old.grid.info().epoch + 1, seq: 1 },
    });
    expect(await successor.call(reserve('a', 10, 'r1'))).toMatchObject({ ok: true });
  });
});

describe('a store that lost what it acknowledged (I5)', () => {
  /** Ten in stock and one reserved, and the way to make the store forget both. */
  async function given(limits: Partial<ShellLimits> = {}) {
    const { medium, runtime } = world();
    const grid = await openGrid(medium, runtime, limits);
    const rollBack = medium.checkpoint(REGION);
    await grid.call(stock('a', 10));
    await grid.call(reserve('a', 1, 'r1'));
    return { medium, runtime, grid, rollBack };
  }

  it('given its owner lives, when it writes, then all is appended again, and a successor has it', async () => {
    const { medium, runtime, grid, rollBack } = await given();
    rollBack();

    const asked = grid.ask(reserve('a', 2, 'r2'));
    await runtime.advance(1_000);

    expect(asked.outcome).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    expect(grid.lines.join()).toContain('from seq 1 to 2; it is appended again');
    expect(await grid.call(reserve('a', 2, 'r2'))).toMatchObject({ ok: true });
    medium.endSession(REGION);
    const successor = await openGrid(medium, runtime);
    expect(await successor.call(get('a'))).toMatchObject({ reserved: 3 });
  });

  it('given its owner lives and nobody writes, when the lease is renewed, then all is appended again', async () => {
    const { medium, runtime, grid, rollBack } = await given();
    rollBack();

    await runtime.advance(5_000);

    expect(medium.lanes.get(`${REGION}/0`)?.lastSeq).toBe(2);
    expect(await grid.call(get('a'))).toMatchObject({ ok: true, reserved: 1 });
  });

  it('given it fell back to the epoch before, when the owner notices, then its epoch is restored and an earlier owner fenced', async () => {
    const { medium, runtime } = world();
    const earlier = await openGrid(medium, runtime);
    await earlier.call(stock('a', 10));
    const rollBack = medium.checkpoint(REGION);
    medium.endSession(REGION);
    const owner = await openGrid(medium, runtime);
    await owner.call(reserve('a', 1, 'r1'));

    rollBack();
    await owner.call(reserve('a', 2, 'r2'));
    await runtime.advance(1_000);

    expect(medium.lanes.get(`${REGION}/0`)?.owner?.epoch).toBe(owner.grid.info().epoch);
    expect(await earlier.call(reserve('a', 9, 'r3'))).toMatchObject({ ok: false });
    await expect(earlier.grid.failed).resolves.toMatchObject({ name: 'Fenced' });
    expect(await owner.call(reserve('a', 2, 'r2'))).toMatchObject({ ok: true });
    expect(await owner.call(get('a'))).toMatchObject({ reserved: 3 });
  });

  it.each([
    ['more bytes', { tailKeptBytesMax: 8 }, 0],
    ['longer', { tailKeptMs: 1_000 }, 1_500],
  ])(
    'given %s were lost than the owner keeps, then the loss is said and nothing is acknowledged',
    async (_, limits, ms) => {
      const { runtime, grid, rollBack } = await given(limits);
      await runtime.advance(ms);
      await grid.call(reserve('a', 1, 'r2'));
      rollBack();

      const asked = grid.ask(reserve('a', 1, 'r3'));
      await runtime.settle();

      expect(asked.outcome).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
      await expect(grid.grid.failed).resolves.toMatchObject({ name: 'JournalLost' });
      expect(await grid.call(get('a'))).toMatchObject({ ok: false, code: 'UNAVAILABLE' });
    },
  );

  it('given somebody else wrote there meanwhile, then the loss is said', async () => {
    const { medium, runtime } = world();
    const earlier = await openGrid(medium, runtime);
    const rollBack = medium.checkpoint(REGION);
    medium.endSession(REGION);
    const owner = await openGrid(medium, runtime);
    await owner.call(stock('a', 10));
    rollBack();
    await earlier.call(stock('a', 5));

    await owner.call(reserve('a', 1, 'r1'));

    await expect(owner.grid.failed).resolves.toMatchObject({ name: 'JournalLost' });
    expect((await owner.grid.failed).message).toContain('not ours');
  });

  it('given snapshots were lost with it, when later rounds trim the journal, then a successor has everything (I7)', async () => {
    const { medium, runtime } = world();
    const limits = { snapshotEveryMs: 100 };
    const { call } = await openGrid(medium, runtime, limits);
    const snapshots = () => medium.lanes.get(`${REGION}/0`)?.manifests.size;
    await call(stock('idle', 7));
    await runtime.advance(200);
    expect(snapshots()).toBe(1);
    const rollBack = medium.checkpoint(REGION);
    await call(stock('a', 10));
    await runtime.advance(200);
    await call(reserve('a', 1, 'r1'));
    await runtime.advance(200);
    expect(snapshots()).toBe(2);

    rollBack();
    for (let round = 0; round < 3; round++) {
      await runtime.advance(5_000);
      await call(reserve('a', 1, `after-${round}`));
    }

    expect(snapshots()).toBe(2);
    medium.endSession(REGION);
    const successor = await openGrid(medium, runtime);
    expect(await successor.call(get('a'))).toMatchObject({ reserved: 4 });
    expect(await successor.call(get('idle'))).toMatchObject({ ok: true });
  });
});

describe('a store that begins anew (I8)', () => {
  it('given a region whose store was wiped while nobody served it, when opened, then its epoch never was before', async () => {
    const { medium, runtime } = world();
    let greatest = 0;
    for (let owner = 0; owner < 5; owner++) {
      const { grid, call } = await openGrid(medium, runtime);
      await call(stock('a', 10));
      greatest = grid.info().epoch;
      await runtime.advance(6_000);
      medium.endSession(REGION);
    }
    const { grid } = await openGrid(new MemoryMedium(runtime.now), runtime);
    expect(grid.info().epoch).toBeGreaterThan(greatest);
  });
});

describe('expiry', () => {
  it('given a reservation past its expiry, when read before any sweep, then it is free', async () => {
    const { medium, runtime } = world();
    const { call } = await openGrid(medium, runtime);
    await call(stock('a', 10));
    await call({ ...reserve('a', 4, 'r1'), ttlMs: 1_000 });
    runtime.ms += 1_001;
    expect(await call(get('a'))).toMatchObject({ reserved: 0, availableToSell: 10 });
  });

  it('given nobody asks, when time passes, then the wheel ends it, counts it, and subscribers hear of it', async () => {
    const { medium, runtime } = world();
    const { grid, call, metrics } = await openGrid(medium, runtime);
    await call(stock('a', 10));
    await call({ ...reserve('a', 4, 'r1'), ttlMs: 1_000 });
    const pushes: AvailabilityPush[] = [];
    grid.watch('a', (push) => pushes.push(push));
    await runtime.advance(1_200);
    expect(pushes.at(-1)?.availableToSell).toBe(10);
    expect((await metrics.expiries.get()).values[0]?.value).toBe(1);
    expect(grid.figures().liveReservations).toBe(0);
  });

  it('given an actor packed between its requests, when reservations fall due in another order, then each ends in time, and has no entry too many', async () => {
    const { medium, runtime } = world();
    const { grid, call } = await openGrid(medium, runtime, { idleMs: 1_000 });
    await call(stock('a', 10));
    await runtime.advance(4_500);
    const start = runtime.now();
    const schedule = vi.spyOn(TimerWheel.prototype, 'schedule');
    for (const [n, until] of [30_000, 60_000, 20_000, 40_000].entries()) {
      await call({ ...reserve('a', 1, `r${n}`), ttlMs: until - (runtime.now() - start) });
      await runtime.advance(4_500);
      expect(grid.figures().actors).toEqual({ hot: 0, packed: 1 });
    }
    expect(schedule.mock.calls.filter(([sku]) => sku === 'a')).toHaveLength(2);
    schedule.mockRestore();
    for (const [live, until] of [20_000, 30_000, 40_000, 60_000].entries()) {
      await runtime.advance(until - 100 - (runtime.now() - start));
      expect(grid.figures().liveReservations).toBe(4 - live);
      await runtime.advance(200);
      expect(grid.figures().liveReservations).toBe(3 - live);
    }
  });

  it('given an actor packed and asked for again and again, when its reservations fall due, then the wheel keeps few entries', async () => {
    const { medium, runtime } = world();
    const { call } = await openGrid(medium, runtime, { idleMs: 1_000 });
    await call(stock('a', 1_000));
    const schedule = vi.spyOn(TimerWheel.prototype, 'schedule');
    const perTenCycles: number[] = [];
    for (let cycle = 0; cycle < 60; cycle++) {
      if (cycle % 10 === 0) perTenCycles.push(0);
      schedule.mockClear();
      await call({ ...reserve('a', 1, `r${cycle}`), ttlMs: 20_000 });
      await runtime.advance(3_000);
      perTenCycles[perTenCycles.length - 1] = (perTenCycles.at(-1) ?? 0) + schedule.mock.calls.length;
    }
    schedule.mockRestore();
    expect(perTenCycles.at(-1)).toBeLessThanOrEqual(2 * (perTenCycles[1] ?? 0));
    expect(Math.max(...perTenCycles)).toBeLessThan(60);
  });

  it('given a crash before the sweep, when recovered, then the wheel of the successor ends it', async () => {
    const { medium, runtime } = world();
    const first = await openGrid(medium, runtime, SNAPSHOT_EAGERLY);
    await first.call(stock('a', 10));
    await first.call({ ...reserve('a', 4, 'r1'), ttlMs: 10_000 });
    await runtime.advance(500);
    medium.endSession(REGION);
    const second = await openGrid(medium, runtime);
    await runtime.advance(11_000);
    expect(second.grid.figures().liveReservations).toBe(0);
  });
});

describe('bounds', () => {
  it('given a full mailbox, then new work is refused early while commit and release still go through', async () => {
    const { medium, runtime } = world();
    const { call, ask, metrics } = await openGrid(medium, runtime, { mailboxMax: 6, mailboxMaxForNewWork: 4 });
    await call(stock('a', 100));
    const held = await call(reserve('a', 1, 'r0'));
    if (!held.ok || !('reservationId' in held)) throw new Error('no reservation');
    medium.hold();
    const admitted = [1, 2, 3, 4].map((i) => ask(reserve('a', 1, `r${i}`)));
    const refused = ask(reserve('a', 1, 'r5'));
    const release = ask({ op: 'release', reservationId: held.reservationId, requestId: 'rel' });
    expect(refused.outcome).toMatchObject({ code: 'OVERLOADED', retriable: true });
    expect((await metrics.sheds.get()).values[0]).toMatchObject({ value: 1, labels: { reason: 'mailbox_full' } });
    medium.release();
    await runtime.settle();
    expect(release.outcome).toMatchObject({ ok: true, state: 'RELEASED' });
    for (const { outcome } of admitted) expect(outcome).toMatchObject({ ok: true });
  });

  it('given many commits and reads wait and a few reserves are refused, then that is no flood: no more reserves may wait than before', async () => {
    const { medium, runtime } = world();
    const limits = { mailboxForNewWork: 4, mailboxMaxForNewWork: 100, mailboxMax: 1_000 };
    const { grid, call, ask } = await openGrid(medium, runtime, limits);
    await call(stock('a', 1_000));
    const refusedOf = (name: string): number => {
      const asked = Array.from({ length: 100 }, (_, i) => ask(reserve('a', 1, `${name}-${i}`)));
      return asked.filter(({ outcome }) => outcome?.ok === false).length;
    };
    for (let round = 0; round < 10; round++) {
      medium.hold();
      for (let i = 0; i < 4; i++) ask({ op: 'get', sku: 'a', region: REGION });
      for (let i = 0; i < 4; i++) ask(reserve('a', 1, `first-${round}-${i}`));
      for (let i = 0; i < 20; i++) {
        // As the gateway asks before it reads a frame.
        grid.shedding();
        ask({ op: 'ship', reservationId: '1.1.eu-west/a', requestId: `s-${round}-${i}` });
      }
      ask(reserve('a', 1, `one-${round}`));
      medium.release();
      await runtime.settle();
      await runtime.advance(100);
    }
    medium.hold();
    const refused = refusedOf('last');
    medium.release();
    await runtime.settle();
    expect(refused).toBe(96);
  });

  it('given a heap near its limit, then new work is refused and what settles stock is served', async () => {
    const { medium, runtime } = world();
    const { call } = await openGrid(medium, runtime);
    await call(stock('a', 100));
    const held = await call(reserve('a', 1, 'r0'));
    if (!held.ok || !('reservationId' in held)) throw new Error('no reservation');
    runtime.heap = 0.95;
    await runtime.advance(100);
    expect(await call(reserve('a', 1, 'r1'))).toMatchObject({ code: 'OVERLOADED' });
    expect(await call({ op: 'commit', reservationId: held.reservationId, requestId: 'c' })).toMatchObject({ ok: true });
    runtime.heap = 0.2;
    await runtime.advance(100);
    expect(await call(reserve('a', 1, 'r1'))).toMatchObject({ ok: true });
  });
});

describe('requests for what is not here', () => {
  it('given another region or an unknown sku, then the refusal says so and nothing is remembered', async () => {
    const { medium, runtime } = world();
    const { call, grid } = await openGrid(medium, runtime);
    expect(await call({ ...reserve('a', 1, 'r1'), region: 'mars' })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await call(reserve('nope', 1, 'r1'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await call(get('nope'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(grid.figures()).toMatchObject({ positions: 0, actors: { hot: 0, packed: 0 } });
    expect(await call({ op: 'query', skus: ['nope'], regions: [REGION, 'mars'] })).toMatchObject({
      ok: true,
      positions: [],
      unknown: [
        { sku: 'nope', region: 'mars' },
        { sku: 'nope', region: REGION },
      ],
    });
  });
});
