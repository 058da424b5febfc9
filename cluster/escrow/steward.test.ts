// How rights are spread: in time, without going to and fro, and down to the last unit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRows } from './messages.ts';
import type { TestRegion } from './testing/region.ts';
import { World } from './testing/world.ts';

const RUN = { latencyMs: 80 };

function worldOf(rights: Readonly<Record<string, number>>): World {
  const world = new World(Object.keys(rights));
  for (const region of world.regions) {
    const qty = rights[region.name] ?? 0;
    if (qty > 0) region.mint(qty);
    world.flush(region);
  }
  return world;
}

function transfers(world: World): number {
  return world.regions.reduce((n, { journal }) => n + journal.filter(({ type }) => type === 'transferred').length, 0);
}

describe('spreading rights', () => {
  it('given stock in one region, when a quiet region opens, then it has its float before the first buyer comes', () => {
    const world = worldOf({ eu: 100, us: 0 });
    world.run(2_000, RUN);
    expect(world.region(1).rights).toBeGreaterThanOrEqual(4);
  });

  it('given a shelf that empties, when low water is reached, then rights arrive before it is empty', () => {
    const world = worldOf({ eu: 10_000, us: 0 });
    world.run(2_000, RUN);
    let refused = 0;
    let speed = 0;
    world.run(20_000, {
      ...RUN,
      each: () => {
        speed = Math.min(1, speed + 0.002);
        if (Math.floor(world.now * speed) % 10 < 10 * speed && !world.region(1).spend(1)) refused += 1;
      },
    });
    expect(refused).toBe(0);
  });

  it('given equal demand in two regions, when they have shared the stock, then hardly anything goes to and fro', () => {
    const world = worldOf({ eu: 4_000, us: 0 });
    const each = () => {
      for (const region of world.regions) region.spend(1);
    };
    world.run(3_000, { ...RUN, each });
    const before = transfers(world);
    world.run(12_000, { ...RUN, each });
    expect(transfers(world) - before).toBeLessThanOrEqual(8);
  });

  it('given two empty regions, when buyers go on asking in both, then messages stay few', () => {
    const world = worldOf({ eu: 0, us: 0 });
    const each = () => {
      for (const region of world.regions) region.spend(1);
    };
    world.run(5_000, { ...RUN, each });
    const before = world.sent;
    world.run(60_000, { ...RUN, each });
    // An ask and an answer each way every two seconds, the longest pause.
    expect(world.sent - before).toBeLessThanOrEqual(140);
  });

  it('given nobody who buys, when rights have settled, then nothing is said at all', () => {
    const world = worldOf({ eu: 50, us: 3, za: 0 });
    world.run(30_000, RUN);
    const before = world.sent;
    world.run(60_000, RUN);
    expect(world.sent - before).toBe(0);
  });

  it('given units here and there, when two regions each need more than they have, then one of them gets them', () => {
    const world = worldOf({ eu: 2, us: 2 });
    world.run(3_000, RUN);
    let served = 0;
    world.run(10_000, {
      ...RUN,
      each: () => {
        for (const region of world.regions) if (region.spend(3)) served += 1;
      },
    });
    expect(served).toBe(1);
  });

  it('given one buyer who asks for far more than there is, when it is refused, then the other region keeps its stock', () => {
    const world = worldOf({ eu: 1_000, us: 0 });
    world.run(3_000, RUN);
    world.region(1).spend(2_000_000_000);
    world.run(10_000, RUN);
    expect(world.region(0).rights).toBeGreaterThan(700);
  });

  it('given a last unit anywhere, when buyers want it anywhere, then it is sold within a bounded number of messages', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.integer({ min: 0, max: 300 }), (at, wanted, latencyMs) => {
        const names = ['ap', 'br', 'eu', 'us', 'za'];
        const world = worldOf(Object.fromEntries(names.map((name, i) => [name, i === at ? 1 : 0])));
        world.run(3_000, RUN);
        const before = world.sent;
        let sold = 0;
        world.run(12_000, {
          latencyMs,
          each: () => {
            if (sold === 0 && world.region(wanted).spend(1)) sold = world.sent;
          },
        });
        expect(sold).toBeGreaterThan(0);
        expect(sold - before).toBeLessThanOrEqual(24);
      }),
      { numRuns: 60 },
    );
  });

  it('given a way that is cut, when a donor is asked again and again, then one transfer at most is stranded', () => {
    const world = worldOf({ eu: 1_000, us: 0 });
    const [eu, us] = world.regions as [TestRegion, TestRegion];
    us.spend(1);
    world.flush(us);
    const ask = world.onTheWay.find(({ to }) => to === 'eu');
    if (ask === undefined) throw new Error('us asked nobody');
    for (let i = 0; i < 10; i++) world.hand(ask);
    expect(transfers(world)).toBe(1);
    expect(eu.rights).toBeGreaterThan(900);
  });

  it('given all rights at rest, when rows of long ago arrive once more, then nothing is believed that was known better', () => {
    const world = worldOf({ eu: 1_000, us: 0 });
    const [eu, us] = world.regions as [TestRegion, TestRegion];
    world.run(5_000, { ...RUN, each: () => void us.spend(1) });
    world.run(60_000, RUN);
    for (const message of [...world.history].reverse()) {
      const rows = decodeRows(message.bytes);
      if (message.to === 'eu' && rows.every(({ want, need }) => want === 0 && need === 0)) world.hand(message);
    }
    world.flush(eu);
    world.wait(10_000);
    expect(eu.tick().rows).toEqual([]);
  });

  it('given rights that arrived, when they are durable, then the donor is told at once and may give more', () => {
    const world = worldOf({ eu: 1_000, us: 0 });
    const [eu, us] = world.regions as [TestRegion, TestRegion];
    eu.transfer('us', 10);
    world.flush(eu);
    world.deliver(0);
    expect(world.onTheWay).toEqual([]);
    world.flush(us);
    expect(world.onTheWay.map(({ bytes }) => decodeRows(bytes)[0])).toMatchObject([{ to: 'eu', seen: 10, askNo: 0 }]);
  });

  it('given two words of a region that overtook each other, when the older comes last, then it is not believed', () => {
    const world = worldOf({ eu: 0, us: 0, za: 0 });
    const [eu] = world.regions as [TestRegion];
    const word = { sku: 'sku', to: 'eu', given: 0, seen: 0, weight: 8, askNo: 0, answerNo: 0, want: 0, need: 0 };
    eu.receive({ ...word, from: 'us', rights: 0, epoch: 2, seq: 1 });
    eu.receive({ ...word, from: 'us', rights: 100, epoch: 1, seq: 9 });
    eu.receive({ ...word, from: 'za', rights: 0, epoch: 1, seq: 4 });
    eu.receive({ ...word, from: 'za', rights: 200, epoch: 1, seq: 3 });
    expect(eu.flush().messages).toEqual([]);
    eu.receive({ ...word, from: 'za', rights: 200, epoch: 1, seq: 5 });
    expect(eu.flush().messages).toMatchObject([{ to: 'za' }]);
  });

  it('given a row for another region or from a stranger, when it arrives, then it is refused and changes nothing', () => {
    const world = worldOf({ eu: 5, us: 5 });
    const [eu, us] = world.regions as [TestRegion, TestRegion];
    const row = us.tick().rows[0];
    if (row === undefined) throw new Error('us says nothing');
    for (const bad of [
      { ...row, to: 'za' },
      { ...row, from: 'za', want: 3, askNo: 1 },
      { ...row, sku: 'other', given: 9 },
    ]) {
      expect(eu.receive(bad)).toMatchObject({ events: [], rows: [], refusal: { code: 'BAD_REQUEST' } });
    }
    expect(eu.rights).toBe(5);
  });
});
