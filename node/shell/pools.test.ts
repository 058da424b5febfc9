// Pooled stock over whole grids: each region sells from its journal alone, rights move by rows that may be lost, and an
// owner may die at any point.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GetReply } from '../../protocol/index.ts';
import { FAIR, PoolWorld, ROUGH, SKU } from './testing/pool-world.ts';

/** Actors are packed after each use and passivated after each snapshot. */
const TIGHT = { hotActorsMax: 1, packedActorsMax: 0, snapshotEveryRecords: 3, snapshotEveryMs: 100 };

describe('selling pooled stock', () => {
  it('given no way to any other region, when units held here are sold, then each is sold at once', async () => {
    const world = await PoolWorld.of({ eu: 50, us: 0 });
    world.cut('us');
    const before = world.runtime.ms;
    expect(await world.sellOut('eu')).toBe(50);
    expect(world.runtime.ms).toBe(before);
    expect(await world.call('eu', { op: 'reserve', qty: 1 })).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
  });

  it('given stock in one region, when another begins to sell, then rights are there before its shelf is empty', async () => {
    const world = await PoolWorld.of({ eu: 2_000, us: 0 });
    await world.runtime.advance(2_000);
    expect(await world.rights()).toEqual([expect.any(Number), expect.toSatisfy((rights) => rights >= 4)]);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const buyers = i < 50 ? (i % 10 === 0 ? 1 : 0) : i < 150 ? (i % 3 === 0 ? 1 : 0) : 1;
      if (buyers === 1 && !(await world.call('us', { op: 'reserve', qty: 1 })).ok) refused += 1;
      await world.runtime.advance(10);
    }
    expect(refused).toBe(0);
    expect(await world.view()).toMatchObject({ minted: 2_000, difference: 0, torn: [] });
  });

  it('given regions that are cut apart, when all sell what they can, then each sells what it holds and not one more', async () => {
    const world = await PoolWorld.of({ eu: 60, us: 0, za: 0 });
    await world.runtime.advance(5_000);
    const held = await world.rights();
    expect(Math.min(...held)).toBeGreaterThan(0);
    for (const name of world.names) world.cut(name);
    const sold = [];
    for (const name of world.names) sold.push(await world.sellOut(name));
    await world.runtime.advance(10_000);
    for (const name of world.names) sold.push(await world.sellOut(name));
    expect(sold).toEqual([...held, 0, 0, 0]);
  });

  it('given a transfer that was cut off, when the way is open again, then it arrives and all is sold in one region', async () => {
    const world = await PoolWorld.of({ eu: 40, us: 0, za: 0 });
    world.weather = ROUGH;
    await world.runtime.advance(2_000);
    world.cut('za');
    expect(await world.call('eu', { op: 'transfer', to: 'za', qty: 10 })).toMatchObject({
      ok: true,
      given: 10 + (await world.part('za')).rights,
    });
    await world.runtime.advance(3_000);
    expect((await world.view()).inFlight).toMatchObject([{ from: 'eu', to: 'za', qty: 10 }]);
    world.heal();
    await world.runtime.advance(10_000);
    expect(await world.view()).toMatchObject({ inFlight: [], rights: 40, difference: 0 });
    let sold = 0;
    for (let i = 0; i < 1_000 && sold < 40; i++) {
      sold += await world.sellOut('us', 5);
      await world.runtime.advance(50);
    }
    expect(sold).toBe(40);
    expect(await world.view()).toMatchObject({ consumed: 40, rights: 0, inFlight: [], difference: 0, shortfall: 0 });
  });

  it('given nobody who buys, when rights have settled, then nothing is said at all', async () => {
    const world = await PoolWorld.of({ eu: 30, us: 0, za: 3 });
    await world.runtime.advance(30_000);
    const before = world.sent;
    await world.runtime.advance(60_000);
    expect(world.sent).toBe(before);
  });

  it('given actors that were packed for want of work, when one unit is sold, then it is told, and nothing is asked', async () => {
    const world = await PoolWorld.of({ eu: 30, us: 0, za: 0 });
    await world.runtime.advance(30_000);
    expect(world.of('eu').grid.grid.figures().actors).toEqual({ hot: 0, packed: 1 });
    const before = world.sent;
    await world.call('eu', { op: 'reserve', qty: 1 });
    await world.runtime.advance(30_000);
    // The others are told of the rights that are left, each by one row.
    expect(world.sent - before).toBe(2);
  });

  it('given a region that leaves the pool, when the others have dropped it, then it can give back all and keeps nothing', async () => {
    const world = await PoolWorld.of({ eu: 30, us: 0, za: 6 });
    await world.runtime.advance(10_000);
    for (const name of ['eu', 'us']) await world.call(name, { op: 'pool', regions: ['eu', 'us'] });
    expect((await world.view()).inFlight).toEqual([]);
    const { rights } = await world.part('za');
    expect(rights).toBeGreaterThan(0);
    await world.call('za', { op: 'transfer', to: 'eu', qty: rights });
    await world.runtime.advance(3_000);
    expect(await world.view()).toMatchObject({ rights: 36, inFlight: [], difference: 0 });
    expect((await world.part('za')).rights).toBe(0);
    expect(await world.call('za', { op: 'pool', regions: ['za'] })).toMatchObject({ ok: true });
  });

  it('given a region that cannot be reached and nobody who buys, then it is called ever more seldom', async () => {
    const world = await PoolWorld.of({ eu: 30, us: 0 });
    world.cut('us');
    await world.runtime.advance(20_000);
    const before = world.sent;
    await world.runtime.advance(40_000);
    // Two regions, one row each in four seconds.
    expect(world.sent - before).toBeLessThanOrEqual(22);
    expect(world.sent - before).toBeGreaterThanOrEqual(16);
    world.heal();
    await world.runtime.advance(6_000);
    expect(Math.min(...(await world.rights()))).toBeGreaterThan(0);
  });
});

describe('what leaves, and when (I6)', () => {
  it('given a transfer that is not durable, when its owner dies, then nobody was told of it and the rights are here', async () => {
    const world = await PoolWorld.of({ eu: 20, us: 0 });
    await world.runtime.advance(5_000);
    const [before] = await world.rights();
    world.hold('eu');
    const asked = world.ask('eu', { op: 'transfer', to: 'us', qty: 5 });
    await world.runtime.advance(2_000);
    expect(asked.outcome).toBeUndefined();
    await world.crash('eu');
    await world.runtime.advance(5_000);
    expect((await world.view()).torn).toEqual([]);
    expect(await world.rights()).toEqual([before, 20 - (before as number)]);
  });

  it('given a store that lost a transfer that was credited, then it is found, told, and taken out of what is held (I5)', async () => {
    const world = await PoolWorld.of({ eu: 20, us: 0 });
    await world.runtime.advance(10_000);
    const lose = world.of('eu').medium.checkpoint('eu');
    const before = (await world.part('us')).rights;
    await world.call('eu', { op: 'transfer', to: 'us', qty: 5 });
    await world.runtime.advance(1_000);
    expect((await world.part('us')).rights).toBe(before + 5);
    lose();
    await world.crash('eu');
    await world.runtime.advance(5_000);
    expect(await world.view()).toMatchObject({ rights: 20, difference: 0, torn: [], inFlight: [], shortfall: 0 });
    expect(world.lines.join('\n')).toContain(`pooled: us was credited ${before + 5} units of the pool`);
  });

  it.each([
    ['the journal', {}],
    ['a snapshot', TIGHT],
  ])(
    'given an owner that died, when another reads %s, then it speaks without waiting for a buyer',
    async (_, limits) => {
      const world = await PoolWorld.of({ eu: 20, us: 0 }, limits);
      await world.runtime.advance(10_000);
      world.cut('us');
      await world.call('eu', { op: 'transfer', to: 'us', qty: 7 });
      await world.runtime.advance(1_000);
      await world.crash('eu');
      world.heal();
      await world.runtime.advance(1_000);
      expect(await world.view()).toMatchObject({ inFlight: [], rights: 20 });
    },
  );

  it('given what was heard, when the position is read, then the others are shown as they said, and how long ago', async () => {
    const world = await PoolWorld.of({ eu: 20, us: 0 });
    await world.runtime.advance(5_000);
    const { rights } = await world.part('us');
    const { pool } = (await world.call('eu', { op: 'get' })) as GetReply;
    expect(pool?.regions).toEqual([
      { region: 'us', given: rights, taken: 0, inFlight: 0, rights, heardMsAgo: expect.toSatisfy((ms) => ms > 0) },
    ]);
    const listed = await world.call('eu', {
      op: 'query',
      skus: [SKU],
      sku: undefined,
      region: undefined,
      requestId: undefined,
    });
    expect(listed).toMatchObject({ positions: [{ pool: { regions: [{ region: 'us', given: rights, taken: 0 }] } }] });
  });
});

const REGIONS = ['eu', 'us', 'za'] as const;
const where = fc.constantFrom(...REGIONS);

type Step =
  | { do: 'reserve' | 'mint' | 'transfer'; at: string; qty: number; to: string }
  | { do: 'end'; which: number; op: 'release' | 'commit' | 'ship' }
  | { do: 'advance'; ms: number }
  | { do: 'cut' | 'hold' | 'letGo' | 'crash'; at: string }
  | { do: 'heal' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'reserve' as const,
        'reserve' as const,
        'reserve' as const,
        'mint' as const,
        'transfer' as const,
      ),
      at: where,
      qty: fc.integer({ min: 1, max: 12 }),
      to: where,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(20),
      op: fc.constantFrom('release' as const, 'commit' as const, 'ship' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 90, 300, 1_500) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'cut' as const,
        'hold' as const,
        'hold' as const,
        'letGo' as const,
        'crash' as const,
        'crash' as const,
      ),
      at: where,
    }),
  },
  fc.record({ do: fc.constant('heal' as const) }),
);

class History {
  readonly #world: PoolWorld;
  readonly #asked: { outcome: unknown }[] = [];

  constructor(world: PoolWorld) {
    this.#world = world;
    world.weather = ROUGH;
  }

  async take(s: Step): Promise<void> {
    const world = this.#world;
    switch (s.do) {
      case 'reserve':
        this.#asked.push(world.ask(s.at, { op: 'reserve', qty: s.qty, ttlMs: 5_000, allowPartial: s.qty > 6 }));
        break;
      case 'mint':
        world.ask(s.at, { op: 'adjust', node: 'pool', delta: s.qty > 8 ? -s.qty : s.qty, reason: 'test' });
        break;
      case 'transfer':
        if (s.to !== s.at) world.ask(s.at, { op: 'transfer', to: s.to, qty: s.qty });
        break;
      case 'end':
        this.#end(s.which, s.op);
        break;
      case 'advance':
        await world.runtime.advance(s.ms);
        break;
      case 'cut':
        world.cut(s.at);
        break;
      case 'hold':
        world.hold(s.at);
        break;
      case 'letGo':
        await world.letGo(s.at);
        break;
      case 'crash':
        await world.crash(s.at);
        break;
      case 'heal':
        world.heal();
        break;
      default:
        s satisfies never;
    }
    await world.runtime.settle();
  }

  #end(which: number, op: string): void {
    const reserved = this.#asked.map(({ outcome }) => outcome as { reservationId?: string } | undefined);
    const reservationId = reserved[which % Math.max(1, reserved.length)]?.reservationId;
    if (reservationId === undefined) return;
    const region = REGIONS.find((name) => reservationId.includes(`.${name}/`)) as string;
    this.#world.ask(region, { op, reservationId });
  }
}

describe('pooled stock over crashes and a bad network (I14)', () => {
  it.each([
    ['roomy', {}],
    ['tight', TIGHT],
  ])(
    'given any history with %s memory, when it has healed, then every unit is accounted for and none is stranded',
    async (_, limits) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50, size: 'max' }), async (steps) => {
          const world = await PoolWorld.of({ eu: 30, us: 10, za: 0 }, limits);
          const history = new History(world);
          for (const s of steps) await history.take(s);
          world.heal();
          for (const name of REGIONS) await world.letGo(name);
          world.weather = FAIR;
          await world.runtime.advance(15_000);
          const view = await world.view();
          expect(view).toMatchObject({ difference: 0, torn: [], inFlight: [], shortfall: 0 });
          expect(view.rights + view.consumed).toBe(view.minted);
          expect(world.lines.filter((line) => line.includes('credited'))).toEqual([]);
          let sold = 0;
          for (let i = 0; i < 200 && sold < view.rights; i++) {
            sold += await world.sellOut('za');
            await world.runtime.advance(50);
          }
          expect(sold).toBe(view.rights);
        }),
        { numRuns: 40 },
      );
    },
    120_000,
  );
});
