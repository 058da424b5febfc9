// Several regions sell one pool over a network that loses, repeats, reorders and is cut, and crash in between (I14).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRows, type PoolRow } from './messages.ts';
import type { TestRegion } from './testing/region.ts';
import { World } from './testing/world.ts';

const NAMES = ['ap', 'br', 'eu', 'us', 'za'];

const index = fc.nat({ max: 1_000 });
const qty = fc.integer({ min: 1, max: 12 });

type Step = (world: World) => void;

/** Described for the report of a failure. */
function step(label: string, run: Step): Step {
  return Object.assign(run, { toString: () => label });
}

const flush = index.map((r) => step(`flush ${r}`, (w) => w.flush(w.region(r))));
const deliver = index.map((i) => step(`deliver ${i}`, (w) => w.deliver(i % Math.max(1, w.onTheWay.length))));

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: flush },
  { weight: 6, arbitrary: deliver },
  {
    weight: 4,
    arbitrary: fc.tuple(index, qty).map(([r, n]) => step(`spend ${r} ${n}`, (w) => void w.region(r).spend(n))),
  },
  fc.tuple(index, qty).map(([r, n]) => step(`unspend ${r} ${n}`, (w) => w.region(r).unspend(n))),
  fc.tuple(index, qty).map(([r, n]) => step(`ship ${r} ${n}`, (w) => w.region(r).ship(n))),
  fc
    .tuple(index, fc.integer({ min: -9, max: 30 }))
    .map(([r, n]) => step(`mint ${r} ${n}`, (w) => void w.region(r).mint(n))),
  fc
    .tuple(index, index, qty)
    .map(([a, b, n]) => step(`transfer ${a} ${b} ${n}`, (w) => void w.region(a).transfer(w.region(b).name, n))),
  index.map((r) => step(`tick ${r}`, (w) => void w.region(r).tick())),
  fc.integer({ min: 1, max: 3_000 }).map((ms) => step(`wait ${ms}`, (w) => w.wait(ms))),
  index.map((i) => step(`lose ${i}`, (w) => void w.onTheWay.splice(i % Math.max(1, w.onTheWay.length), 1))),
  index.map((i) => step(`repeat ${i}`, (w) => w.deliver(i % Math.max(1, w.onTheWay.length), true))),
  index.map((i) =>
    step(`replay ${i}`, (w) => {
      const message = w.history[i % Math.max(1, w.history.length)];
      if (message !== undefined) w.hand(message);
    }),
  ),
  index.map((r) => step(`crash ${r}`, (w) => w.region(r).crash())),
  fc.tuple(index, index).map(([a, b]) => step(`cut ${a} ${b}`, (w) => w.cut(w.region(a), w.region(b)))),
  fc.constant(step('heal', (w) => w.heal())),
);

const history = fc.record({
  regions: fc.integer({ min: 2, max: 5 }),
  steps: fc.array(anyStep, { minLength: 20, maxLength: 250, size: 'max' }),
});

function played({ regions, steps }: { regions: number; steps: readonly Step[] }): World {
  const world = new World(NAMES.slice(0, regions));
  for (const run of steps) {
    run(world);
    world.check();
  }
  for (const region of world.regions) world.flush(region);
  world.check();
  return world;
}

function sellOut(region: TestRegion): number {
  let sold = 0;
  while (region.spend(1)) sold += 1;
  return sold;
}

describe('pooled stock over a hostile network (I14)', () => {
  it('given any history, when anything happens, then no right is created or lost and none is negative', () => {
    fc.assert(
      fc.property(history, (given) => void played(given)),
      { numRuns: 400 },
    );
  }, 120_000);

  it('given any history, when every region is cut off, then each sells exactly what it holds and not one more', () => {
    fc.assert(
      fc.property(history, (given) => {
        const world = played(given);
        for (const region of world.regions) {
          world.isolate(region);
          const { rights } = region;
          expect(sellOut(region)).toBe(rights);
          world.flush(region);
        }
        world.check();
      }),
      { numRuns: 100 },
    );
  }, 120_000);

  it('given any history, when it has healed and only one region has buyers, then it sells all that was left within a bound', () => {
    fc.assert(
      fc.property(history, index, fc.constantFrom(0, 100, 300), (given, hot, lostPerMille) => {
        const world = played(given);
        world.heal();
        const buyer = world.region(hot);
        const { minted, consumed } = world.view();
        let sold = 0;
        world.run(boundMs(world, minted - consumed, lostPerMille), {
          latencyMs: 80,
          lostPerMille,
          each: () => {
            if (buyer.spend(1)) sold += 1;
          },
        });
        world.check();
        expect(sold).toBe(minted - consumed);
        expect(world.view()).toMatchObject({ rights: 0, inFlight: [] });
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  it('given any history, when each region is rebuilt from its journal, then it is as it was (I7)', () => {
    fc.assert(
      fc.property(history, (given) => {
        for (const region of played(given).regions) {
          const before = JSON.stringify([region.pool, region.position]);
          region.crash();
          expect(JSON.stringify([region.pool, region.position])).toBe(before);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('given a donor whose journal lost a transfer it had made, when it hears from the receiver, then it takes its loss', () => {
    const world = new World(['eu', 'us']);
    const [eu, us] = world.regions as [TestRegion, TestRegion];
    eu.mint(10);
    world.flush(eu);
    eu.transfer('us', 6);
    world.flush(eu);
    world.deliver(0);
    eu.crash(1);
    expect([eu.rights, us.rights]).toEqual([10, 6]);
    for (let i = 0; i < 8; i++) eu.spend(1);
    eu.tick();
    for (const { bytes } of eu.flush().messages) us.receive(only(decodeRows(bytes)));
    for (const { bytes } of us.flush().messages) eu.receive(only(decodeRows(bytes)));
    expect([eu.rights, eu.position.shortfall, us.rights]).toEqual([0, 4, 6]);
    eu.unspend(3);
    expect([eu.rights, eu.position.shortfall]).toEqual([0, 1]);
    expect(world.view()).toMatchObject({ minted: 10, shortfall: 1, difference: 0 });
  });
});

/** Ticks, pauses and timeouts of every region in turn; the buyer takes one unit each 10 ms. */
function boundMs(world: World, units: number, lostPerMille: number): number {
  const quietMs = 10_000 * world.regions.length;
  return (quietMs + units * 20) * (lostPerMille === 0 ? 1 : 2);
}

function only(rows: readonly PoolRow[]): PoolRow {
  const [row] = rows;
  if (row === undefined) throw new Error('there is no row');
  return row;
}
