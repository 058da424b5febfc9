// Which hot actors are packed, and when.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createState } from '../core/index.ts';
import { ABSENT, type Actor, newActor } from './actor.ts';
import { HotActors } from './hot-actors.ts';
import { SHELL_LIMITS } from './limits.ts';
import { RecentKeys } from './recent-keys.ts';

const IDLE_MS = 1_000;
/** Within a tenth of it an actor comes often. */
const OFTEN_MS = IDLE_MS / 10;

function hotActors(hotActorsMax = 10) {
  const packed: string[] = [];
  const hot = new HotActors({ ...SHELL_LIMITS, hotActorsMax, idleMs: IDLE_MS }, ({ sku }) => packed.push(sku));
  const come = (sku: string, journalSeq = 0): Actor => {
    const actor = newActor(sku, 0, createState(sku));
    actor.journalSeq = journalSeq;
    hot.enter(actor, false);
    return actor;
  };
  return { hot, packed, come };
}

describe('hot actors', () => {
  it('given one that comes seldom, when what happened to it is durable, then it is packed, and not before', () => {
    const { hot, packed, come } = hotActors();
    const actor = come('a', 5);
    come('b');
    hot.cool(4, 8);
    expect(packed).toEqual([]);
    hot.cool(5, 8);
    expect(packed).toEqual(['a']);
    expect(actor.clockIndex).toBe(ABSENT);
    expect(hot.size).toBe(1);
  });

  it('given the one found last, when others are packed, then it stays as long as whoever found it may go on with it', () => {
    const { hot, packed, come } = hotActors();
    come('a');
    come('b');
    hot.cool(0, 8);
    expect(packed).toEqual(['a']);
    hot.coolIdle(0, 0);
    hot.cool(0, 8);
    expect(packed).toEqual(['a', 'b']);
  });

  it('given room for all, then each has a place at once, until nobody asked for it for a while', () => {
    const { hot, packed } = hotActors();
    for (const sku of ['a', 'b', 'c']) hot.enter(newActor(sku, 0, createState(sku)), true);
    hot.cool(0, 8);
    expect(packed).toEqual([]);
    for (let turn = 0; turn < 3; turn++) hot.coolIdle(0, IDLE_MS);
    expect(packed.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('given some that are asked for again, watched or large, when their turn comes, then they stay', () => {
    const { hot, packed, come } = hotActors();
    come('used').used = true;
    come('watched').watched = true;
    const { dedup } = come('large').state;
    for (let seq = 1; seq <= SHELL_LIMITS.packedEntriesMax + 1; seq++)
      dedup.restore({ a: seq, b: seq, bodyHash: 0, at: 0, code: 0, epoch: 0, seq, x: 0, y: 0, z: 0 });
    come('last');
    hot.cool(0, 8);
    expect(packed).toEqual([]);
    expect(hot.size).toBe(4);
  });

  it('given one asked for so often that its last event is never durable, when others come behind it, then they are packed all the same', () => {
    const { hot, packed, come } = hotActors(2);
    const busy = come('busy', 1);
    for (let seq = 2; seq <= 50; seq++) {
      come(`seldom-${seq}`, seq - 1);
      busy.used = true;
      busy.journalSeq = seq;
      hot.lastFound = busy;
      hot.cool(seq - 1, 2);
    }
    expect(busy.clockIndex).toBeGreaterThanOrEqual(0);
    expect(hot.size).toBeLessThan(6);
    expect(packed).not.toContain('busy');
  });

  it('given one that comes again soon, then it stays until nobody asked for it for a while; given one that comes late, then not', () => {
    const { hot, packed, come } = hotActors();
    for (const [pauseMs, again] of [
      [OFTEN_MS / 2, []],
      [OFTEN_MS * 3, ['a']],
    ] as const) {
      come('a');
      hot.coolIdle(0, 0);
      hot.cool(0, 8);
      hot.coolIdle(0, pauseMs);
      packed.length = 0;
      const actor = come('a');
      come('b');
      hot.cool(0, 8);
      expect(packed).toEqual(again);
      if (actor.clockIndex !== ABSENT) hot.leave(actor);
      hot.clear();
    }
  });

  it('given more that come often than may be hot, then no more have a place, and the others are visitors', () => {
    const { hot, packed, come } = hotActors(2);
    for (const sku of ['a', 'b', 'c']) come(sku);
    hot.coolIdle(0, 0);
    hot.cool(0, 8);
    packed.length = 0;
    for (const sku of ['a', 'b', 'c', 'd']) come(sku);
    hot.cool(0, 8);
    expect(packed).toEqual(['c']);
    expect(hot.size).toBe(3);
  });

  it('given any coming, leaving, finding and cooling, then each is hot, packed or left, once, and none is packed too early', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('ask' as const),
          sku: fc.nat(7),
          changes: fc.boolean(),
          fits: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), sku: fc.nat(7) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('cool' as const), most: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('idle' as const), ms: fc.nat(2 * IDLE_MS) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('durable' as const), by: fc.nat(5) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 4 }), (steps, hotActorsMax) => {
        const here = new Map<string, Actor>();
        let seq = 0;
        let durable = 0;
        let found: Actor | undefined;
        const limits = { ...SHELL_LIMITS, hotActorsMax, idleMs: IDLE_MS };
        const hot = new HotActors(limits, (actor) => {
          expect(here.get(actor.sku)).toBe(actor);
          expect(actor.journalSeq).toBeLessThanOrEqual(durable);
          expect(actor).not.toBe(found);
          here.delete(actor.sku);
        });
        for (const one of steps) {
          const sku = `sku-${'sku' in one ? one.sku : 0}`;
          const actor = here.get(sku);
          if (one.do === 'ask') {
            if (actor === undefined) {
              found = newActor(sku, 0, createState(sku));
              here.set(sku, found);
              hot.enter(found, one.fits);
            } else {
              found = actor;
              actor.used = true;
              hot.lastFound = actor;
            }
            if (one.changes) found.journalSeq = ++seq;
            hot.cool(durable, 2);
          } else if (one.do === 'drop' && actor !== undefined) {
            here.delete(sku);
            hot.leave(actor);
          } else if (one.do === 'cool') {
            hot.cool(durable, one.most);
          } else if (one.do === 'idle') {
            found = undefined;
            hot.coolIdle(durable, one.ms);
          } else if (one.do === 'durable') {
            durable = Math.min(seq, durable + one.by);
          }
          expect(hot.size).toBe(here.size);
        }
        found = undefined;
        durable = seq;
        for (let turn = 0; turn < 40; turn++) {
          hot.coolIdle(seq, IDLE_MS);
          hot.cool(seq, 64);
        }
        expect(hot.size).toBe(0);
        expect(here.size).toBe(0);
      }),
    );
  });
});

describe('recent keys', () => {
  it('given a key, when it is met again, then it was here lately until twice the time has passed', () => {
    const recent = new RecentKeys(1_000, 100);
    expect(recent.meet('a')).toBe(false);
    expect(recent.meet('a')).toBe(true);
    recent.pass(199);
    expect(recent.meet('a')).toBe(true);
    recent.pass(200);
    expect(recent.meet('a')).toBe(false);
  });

  it('given a pause as long as what can be told apart, then nothing was here lately', () => {
    for (const beats of [255, 256, 257, 512, 100_000]) {
      const recent = new RecentKeys(1_000, 100);
      recent.meet('a');
      for (let left = beats; left > 0; left -= 50) recent.pass(100 * Math.min(left, 50));
      expect(recent.meet('a')).toBe(false);
      recent.pass(beats * 100);
      expect(recent.meet('a')).toBe(false);
    }
  });

  it('given as many keys as it is meant for, when they come again, then most are known, and no others', () => {
    const recent = new RecentKeys(4_096, 100);
    const keys = Array.from({ length: 4_096 }, (_, n) => `sku-${n}`);
    for (const key of keys) recent.meet(key);
    // From the last on: what takes the place of another is then looked for before.
    expect(keys.reverse().filter((key) => recent.meet(key)).length).toBeGreaterThan(2_000);
    expect(keys.filter((key) => recent.meet(`other-${key}`))).toEqual([]);
  });
});
