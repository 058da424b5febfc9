// Packing in turns: whatever happens to the actor between the turns, the bytes are the actor as it was at the start.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MutatingRequest, Outcome } from '../../protocol/index.ts';
import { ByteWriter } from './bytes.ts';
import type { PackedEntry } from './dedup.ts';
import { assertDeep, CorruptRecord, execute, PackInTurns, packedBytes, summarise, unpack } from './index.ts';
import { packHeadInTurns, ROW } from './pack.ts';
import { writeAnswer, writeReservation } from './packed-rows.ts';
import { Script, type Step, step } from './testing/arbitraries.ts';
import { commit, configure, REGION, release, reserve, ship, stocked, type TestActor } from './testing/requests.ts';
import type { InventoryState } from './types.ts';

const WINDOW_MS = 900_000;

/** An actor of a few pages: some reservations by owners and channels, of which some ended. */
function busy(reservations: number): TestActor {
  const actor = stocked({ 'ams-1': 500, 'ber-2': 500 });
  actor.do(configure({ limitPerOwner: 200, channelBuffers: { web: 50 } }));
  for (let i = 0; i < reservations; i++) {
    actor.now += 500;
    const id = actor.reserved({
      ttlMs: 86_400_000,
      owner: `owner-${i % 90}`,
      ...(i % 3 === 0 ? { channel: 'web' } : {}),
      ...(i % 11 === 0 ? { qty: 2, node: 'ber-2' } : {}),
    });
    if (i % 4 === 1) actor.do(release(id));
    if (i % 4 === 2) actor.do(commit(id, { orderId: `order-${i}` }));
    if (i % 8 === 2) actor.do(ship(id));
  }
  return actor;
}

/** Takes a packing to its end. */
function finish(packing: PackInTurns, rows = 50): Uint8Array {
  while (!packing.step(rows));
  return packing.bytes();
}

/** A live actor under a random history. */
class Life {
  readonly script = new Script();
  readonly #actor: TestActor;

  constructor(reservations: number) {
    this.#actor = busy(reservations);
    this.script.now = this.#actor.now;
  }

  get state(): InventoryState {
    return this.#actor.state;
  }

  /** Carries a step out; gives what was asked when, and the answer. */
  take(
    s: Step,
  ):
    | { request: MutatingRequest | { op: 'expire' }; now: number; epoch: number; reply: Outcome | undefined }
    | undefined {
    const { script } = this;
    if (s.kind === 'wait') script.now += s.ms;
    if (s.kind === 'epoch') script.epoch += 1;
    const request = s.kind === 'expire' ? ({ op: 'expire' } as const) : script.request(s);
    if (request === undefined) return undefined;
    const { now, epoch } = script;
    const { reply } = execute(this.state, request, { now, epoch, region: REGION });
    script.learn(reply);
    return { request, now, epoch, reply };
  }
}

const turns = fc.array(fc.record({ step, rows: fc.constantFrom(0, 0, 1, 1, 20, 100) }), { maxLength: 80, size: 'max' });

describe('packing in turns', () => {
  it('given any history between the turns, then unpacked it is the actor of the start, and lives on as that one did', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 150 }),
        fc.array(step, { maxLength: 20 }),
        fc.nat({ max: WINDOW_MS }),
        turns,
        (n, before, wait, between) => {
          const life = new Life(n);
          for (const s of before) life.take(s);
          const asOf = life.script.now + (wait % 3 === 0 ? wait : 0);
          life.script.now = asOf;
          const expected = packedBytes(life.state, asOf);
          const packing = new PackInTurns(life.state, asOf);
          expect(packing.seq).toBe(life.state.seq);
          const taken = between.map((turn) => {
            const done = life.take(turn.step);
            if (turn.rows > 0) packing.step(turn.rows);
            return done;
          });
          const restored = unpack(finish(packing));
          expect(Buffer.compare(packedBytes(restored, asOf), expected)).toBe(0);
          assertDeep(restored);
          // What the bytes must not show may matter later: whose reservation is the newest, what has been decided.
          for (const done of taken) {
            if (done === undefined) continue;
            const { now, epoch } = done;
            expect(execute(restored, done.request, { now, epoch, region: REGION }).reply).toEqual(done.reply);
          }
          expect(Buffer.compare(packedBytes(restored, life.script.now), packedBytes(life.state, life.script.now))).toBe(
            0,
          );
        },
      ),
      { numRuns: 400 },
    );
  }, 120_000);

  it('given thousands of buyers under a limit, when more buy between the turns, then those of the start are packed', () => {
    const actor = stocked({ ams: 100_000 });
    actor.do(configure({ limitPerOwner: 10 }));
    const buy = (i: number): void => {
      actor.now += 1;
      const id = actor.reserved({ owner: `buyer-${i}` });
      actor.do(commit(id));
      actor.do(ship(id));
    };
    for (const [from, to] of [
      [0, 4_090],
      [4_090, 4_100],
      [4_100, 9_000],
    ] as const) {
      for (let i = from; i < to; i++) buy(i);
      const expected = packedBytes(actor.state);
      const packing = new PackInTurns(actor.state);
      for (let i = 0; !packing.step(100); i++) buy(i % 3 === 0 ? to + 100_000 + i : i % to);
      expect(Buffer.compare(packedBytes(unpack(packing.bytes()), 0), expected)).toBe(0);
    }
  }, 120_000);

  it('given a limit that is lifted between the turns, then what was bought before is packed', () => {
    const actor = busy(120);
    const expected = packedBytes(actor.state);
    const packing = new PackInTurns(actor.state);
    packing.step(10);
    actor.do(configure({ limitPerOwner: 0 }));
    actor.do(configure({ limitPerOwner: 5 }));
    expect(Buffer.compare(packedBytes(unpack(finish(packing))), expected)).toBe(0);
  });

  it('given everything expires in one event between two turns, then it is packed as it was', () => {
    const actor = stocked({ ams: 10_000 });
    for (let i = 0; i < 3_000; i++) actor.reserved({ ttlMs: 60_000, owner: `owner-${i % 100}` });
    const expected = packedBytes(actor.state);
    const packing = new PackInTurns(actor.state);
    packing.step(1_000);
    actor.now += 60_000;
    actor.expire();
    expect(actor.state.reservations.live).toBe(0);
    expect(Buffer.compare(packedBytes(unpack(finish(packing)), 0), expected)).toBe(0);
  });

  it('given rows that age and make room between two turns, then they are packed: they counted at the start', () => {
    const actor = busy(600);
    const expected = packedBytes(actor.state);
    const packing = new PackInTurns(actor.state);
    const held = actor.state.dedup.size + actor.state.reservations.size;
    actor.now += 3 * WINDOW_MS;
    for (let i = 0; i < 900; i++) actor.do(release(actor.reserved({ owner: 'late' })));
    expect(actor.state.dedup.size + actor.state.reservations.size).toBeLessThan(held + 900 * 3);
    expect(Buffer.compare(packedBytes(unpack(finish(packing)), 0), expected)).toBe(0);
  });

  it('given an owner of many reservations, when unpacked, then the newest is the one it is given again (I4)', () => {
    const actor = stocked({ ams: 300 });
    let newest = '';
    for (let i = 0; i < 300; i++) newest = actor.reserved({ owner: 'ada' });
    actor.state = unpack(finish(new PackInTurns(actor.state)));
    expect(actor.reserved({ owner: 'ada' })).toBe(newest);
  });

  it('given many turns, then none packs many more rows than asked for', () => {
    const actor = stocked({ ams: 10_000 });
    for (let i = 0; i < 5_000; i++) actor.reserved();
    const packing = new PackInTurns(actor.state);
    let count = 1;
    while (!packing.step(100)) count += 1;
    expect(count).toBeGreaterThan(10_000 / (100 + 26));
  });

  it('given a packing that was cancelled, then it says so, and another may begin; two at once may not', () => {
    const actor = busy(100);
    const first = new PackInTurns(actor.state);
    first.step(60);
    expect(() => new PackInTurns(actor.state)).toThrow(/being walked/);
    expect(() => first.bytes()).toThrow(/not done/);
    first.cancel();
    const second = new PackInTurns(actor.state);
    second.step(10);
    first.cancel();
    expect(() => first.step(10)).toThrow(/cancelled/);
    const expected = packedBytes(actor.state);
    actor.do(reserve());
    const bytes = finish(second);
    second.cancel();
    expect(second.bytes()).toBe(bytes);
    expect(Buffer.compare(packedBytes(unpack(bytes)), expected)).toBe(0);
  });

  it('given one bit flipped or bytes missing, when unpacked, then it is a CorruptRecord', () => {
    const bytes = finish(new PackInTurns(busy(2).state));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => unpack(damaged)).toThrow(CorruptRecord);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => unpack(bytes.subarray(0, length))).toThrow(CorruptRecord);
    }
  });
});

describe('bytes of 0.1.0', () => {
  it('given outcomes in any order, when unpacked, then it is the same actor', () => {
    const { state } = busy(300);
    const packing = new PackInTurns(state);
    const ordered = finish(packing);
    const older = new ByteWriter();
    packHeadInTurns(state, older);
    older.buffer[0] = 2;
    state.reservations.eachInOrder(state.lastAt, (r) => {
      older.u8(ROW.reservation);
      older.varint(r.no);
      writeReservation(older, r);
    });
    const outcomes: PackedEntry[] = [];
    state.dedup.eachInOrder(state.lastAt, (entry) => outcomes.push({ ...entry }));
    for (const entry of outcomes.reverse()) {
      older.u8(ROW.outcome);
      older.word53(entry.a);
      older.word53(entry.b);
      older.varint(entry.seq);
      older.time(entry.at);
      writeAnswer(older, entry, 0);
    }
    state.bought?.each((units, owner) => {
      older.u8(ROW.bought);
      older.string(owner);
      older.varint(units);
    });
    older.u8(ROW.end);
    older.u32(crc32(older.view()));
    expect(packedBytes(unpack(older.copy()))).toEqual(packedBytes(unpack(ordered)));
    expect(summarise(older.copy())).toEqual(summarise(ordered));
  });
});
