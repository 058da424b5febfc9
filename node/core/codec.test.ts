// Bytes: what was written is read back exactly, and damage is found, never believed.
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter, CorruptRecord } from './bytes.ts';
import { bodyHash, PARTITION_HASH, partitionOf } from './hash.ts';
import { createState, decodeEvent, encodeEvent, evolve, execute, packedBytes, summarise, unpack } from './index.ts';
import { Script, step } from './testing/arbitraries.ts';
import { learn, rowOf } from './testing/pool-rows.ts';
import { adjust, configure, extend, pool, REGION, reserve, SKU, stocked, transfer } from './testing/requests.ts';
import type { InventoryEvent, InventoryState } from './types.ts';

const text = fc.oneof(
  fc.string({ maxLength: 64 }),
  fc.string({ unit: 'binary', maxLength: 64 }),
  fc.constant('\ud800x'),
);
const int53 = fc.maxSafeNat();
const time = fc.nat({ max: 2 ** 48 - 1 });
const signed = fc.integer({ min: -(2 ** 47), max: 2 ** 47 });
const opt = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const base = { at: time, epoch: fc.constant(4) };
const cause = { ...base, requestId: text, bodyHash: int53 };
const part = fc.record({ nodeIndex: fc.nat({ max: 63 }), qty: int53 });

const anyEvent: fc.Arbitrary<InventoryEvent> = fc.oneof(
  fc.record({
    type: fc.constant('reserved' as const),
    ...cause,
    askedQty: int53,
    parts: fc.array(part, { maxLength: 64 }),
    expiresAt: time,
    owner: opt(text),
    channel: opt(text),
    order: opt(text),
    availableToSell: int53,
  }),
  fc.record({ type: fc.constant('adopted' as const), ...cause, no: int53, expiresAt: time, availableToSell: int53 }),
  fc.record({
    type: fc.constant('enlisted' as const),
    ...cause,
    no: int53,
    order: text,
    expiresAt: time,
    availableToSell: int53,
  }),
  fc.record({ type: fc.constant('extended' as const), ...cause, no: int53, expiresAt: time }),
  fc.record({ type: fc.constant('committed' as const), ...cause, no: int53, qty: int53, orderId: opt(text) }),
  fc.record({ type: fc.constant('released' as const), ...cause, no: int53 }),
  fc.record({ type: fc.constantFrom('shipped' as const, 'putBack' as const), ...cause, no: int53, qty: int53 }),
  fc.record({
    type: fc.constant('adjusted' as const),
    ...cause,
    node: text,
    delta: signed,
    shortfall: int53,
    reason: text,
  }),
  fc.record({
    type: fc.constant('configured' as const),
    ...cause,
    node: opt(text),
    safetyStock: opt(int53),
    backorderLimit: opt(int53),
    channelBuffers: opt(fc.dictionary(text, int53, { noNullPrototype: true })),
    limitPerOwner: opt(int53),
  }),
  fc.record({ type: fc.constant('expired' as const), ...base, through: time }),
  fc.record({
    type: fc.constant('refused' as const),
    ...cause,
    code: fc.constantFrom('INSUFFICIENT_STOCK' as const, 'LIMIT_EXCEEDED' as const, 'RESERVATION_ENDED' as const),
    asked: signed,
    available: signed,
    bound: signed,
    endState: fc.constantFrom('COMMITTED' as const, 'RELEASED' as const, 'EXPIRED' as const, undefined),
  }),
  fc.record({
    type: fc.constant('pooled' as const),
    ...cause,
    region: text,
    regions: fc.array(text, { maxLength: 31 }),
  }),
  fc.record({
    type: fc.constant('transferred' as const),
    ...base,
    to: text,
    total: int53,
    cause: opt(fc.record({ requestId: text, bodyHash: int53 })),
  }),
  fc.record({ type: fc.constant('credited' as const), ...base, from: text, total: int53 }),
  fc.record({ type: fc.constant('conceded' as const), ...base, to: text, total: int53 }),
);

describe('journal records of events', () => {
  it('given any event, when written and read, then it is the same and the reader stands behind it', () => {
    fc.assert(
      fc.property(text, int53, anyEvent, (sku, seq, event) => {
        const w = new ByteWriter(4);
        w.u8(77);
        encodeEvent(w, sku, seq, event);
        const reader = new ByteReader(w.copy());
        expect(reader.u8()).toBe(77);
        expect(decodeEvent(reader, () => 4)).toEqual({ sku, seq, event });
        expect(reader.remaining).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('given a record cut short anywhere, when read, then it is a CorruptRecord', () => {
    fc.assert(
      fc.property(anyEvent, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (event, fraction) => {
        const w = new ByteWriter();
        encodeEvent(w, SKU, 7, event);
        const cut = w.copy().subarray(0, Math.floor(fraction * w.length));
        expect(() => decodeEvent(new ByteReader(cut), () => 4)).toThrow(CorruptRecord);
      }),
      { numRuns: 500 },
    );
  });

  it('given noise, when read, then it is an event or a CorruptRecord, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 15 }), (noise, type) => {
        const bytes = Uint8Array.of(0x10 | type, ...noise);
        try {
          decodeEvent(new ByteReader(bytes), () => 1);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptRecord);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('given a record of another version, when read, then the message names both', () => {
    expect(() => decodeEvent(new ByteReader(Uint8Array.of(0x21, 0, 0)), () => 1)).toThrow(/version 2, expected 1/);
  });
});

/** What a summary says, of the actor itself. */
function summaryOf({ seq, nodes, reservations, pool: pooled }: InventoryState): ReturnType<typeof summarise> {
  let live = 0;
  let nextAt = Number.POSITIVE_INFINITY;
  reservations.eachInOrder(0, (r) => {
    if (r.endedAt !== 0) return;
    live += 1;
    if (r.state === 'RESERVED') nextAt = Math.min(nextAt, r.expiresAt);
  });
  return { seq, positions: nodes.length, live, nextAt, isPooled: pooled !== undefined };
}

describe('packing an actor (I7)', () => {
  it('given an actor that was packed before there were orders, when unpacked, then it is the same', () => {
    const actor = stocked({ ams: 9 });
    actor.reserved({ owner: 'ada' });
    const bytes = Buffer.from(packedBytes(actor.state));
    const old = Buffer.from(bytes);
    old[0] = 4;
    old.writeUInt32LE(crc32(old.subarray(0, -4)), old.length - 4);
    expect(summarise(old)).toEqual(summarise(bytes));
    expect(Buffer.from(packedBytes(unpack(old)))).toEqual(bytes);
  });

  it('given any history, when packed and replayed from any point, then the bytes equal those of the live state', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.nat({ max: 80 }), (steps, cutAt) => {
        const script = new Script();
        const live = createState(SKU);
        const replayed = createState(SKU);
        let restored: InventoryState | undefined;
        const journal = (events: readonly InventoryEvent[]): void => {
          events.forEach((event, e) => {
            const w = new ByteWriter();
            encodeEvent(w, SKU, live.seq - events.length + 1 + e, event);
            const { event: read } = decodeEvent(new ByteReader(w.copy()), () => event.epoch);
            evolve(replayed, read);
            if (restored !== undefined) evolve(restored, read);
          });
        };
        steps.forEach((s, i) => {
          if (s.kind === 'wait') script.now += s.ms;
          if (s.kind === 'epoch') script.epoch += 1;
          const request = s.kind === 'expire' ? ({ op: 'expire' } as const) : script.request(s);
          if (request !== undefined) {
            const { events, reply } = execute(live, request, { now: script.now, epoch: script.epoch, region: REGION });
            script.learn(reply);
            journal(events);
          }
          const row = s.kind === 'row' ? rowOf(live, s) : undefined;
          if (row !== undefined) journal(learn(live, row, script));
          if (i === cutAt) restored = unpack(packedBytes(live));
        });
        const bytes = packedBytes(live);
        expect(packedBytes(replayed)).toEqual(bytes);
        expect(packedBytes(unpack(bytes))).toEqual(bytes);
        expect(summarise(bytes)).toEqual(summaryOf(unpack(bytes)));
        if (restored !== undefined) expect(packedBytes(restored)).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it('given a large actor, when packed and unpacked, then it comes back byte for byte', () => {
    const actor = stocked({ ams: 10_000, ber: 10_000 });
    actor.do(configure({ limitPerOwner: 10, channelBuffers: { web: 100 } }));
    for (let i = 0; i < 6_000; i++) {
      actor.now += 1;
      actor.reserved({ owner: `owner-${i % 4_500}`, channel: i % 2 === 0 ? 'web' : 'shop' });
    }
    const bytes = packedBytes(actor.state);
    expect(Buffer.compare(packedBytes(unpack(bytes)), bytes)).toBe(0);
  });

  it('given the bytes of 0.1.0, which have no summary, when unpacked or summarised, then it is the same actor', () => {
    const actor = stocked({ ams: 10 });
    for (const owner of ['ada', 'bob']) actor.reserved({ owner });
    const bytes = packedBytes(actor.state);
    const body = Buffer.from(bytes.subarray(0, bytes.length - 14));
    body[0] = 1;
    const w = new ByteWriter();
    for (const byte of body) w.u8(byte);
    w.u32(crc32(body));
    expect(packedBytes(unpack(w.copy()))).toEqual(bytes);
    expect(summarise(w.copy())).toEqual(summarise(bytes));
  });

  it('given one bit flipped or bytes missing, when unpacked, then it is a CorruptRecord', () => {
    const actor = stocked({ ams: 10 });
    actor.do(extend(actor.reserved({ owner: 'ada' }), 5_000));
    const bytes = packedBytes(actor.state);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => unpack(damaged)).toThrow(CorruptRecord);
      expect(() => summarise(damaged)).toThrow(CorruptRecord);
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => unpack(bytes.subarray(0, length))).toThrow(CorruptRecord);
    }
  });

  it('given an idle position, when packed once its outcomes have aged, then it takes 40 bytes at most', () => {
    const actor = stocked({ 'ams-1': 120 });
    expect(packedBytes(actor.state, actor.now + 2 * 900_000 + 1).length).toBeLessThanOrEqual(40);
  });
});

describe('hashes', () => {
  it('given the partition hash, when skus are placed, then the places never change', () => {
    expect(PARTITION_HASH).toBe('fnv1a32-fmix32');
    expect(
      ['', 'a', 'SKU-000001', '85123A', 'é', '漢', '😀'].map((sku) => partitionOf(sku, 1 << 30)),
    ).toMatchInlineSnapshot(`
      [
        725515275,
        444641715,
        801239727,
        251687724,
        239556295,
        910494665,
        855877642,
      ]
    `);
  });

  it('given sequential skus, when placed in 128 partitions, then chi-squared does not tell them from random', () => {
    for (const prefix of ['SKU-', 'P', '']) {
      const counts = new Array<number>(128).fill(0);
      const total = 128_000;
      for (let i = 0; i < total; i++) {
        const p = partitionOf(`${prefix}${String(i).padStart(6, '0')}`, 128);
        counts[p] = (counts[p] ?? 0) + 1;
      }
      const chi2 = counts.reduce((sum, count) => sum + (count - total / 128) ** 2 / (total / 128), 0);
      expect(chi2).toBeLessThan(193); // 127 degrees of freedom, p = 0.0001
    }
  });

  it('given two bodies that differ in one field, when hashed, then the hashes differ; the order of channels is nothing', () => {
    const one = reserve({ requestId: 'x' });
    const others = [
      reserve({ qty: 2 }),
      reserve({ ttlMs: 600_001 }),
      reserve({ owner: 'a' }),
      reserve({ node: 'a' }),
      reserve({ channel: 'a' }),
      reserve({ allowPartial: true }),
      adjust('a', { delta: 1 }),
      adjust('a', { onHand: 1 }),
      adjust('a', { delta: -1 }),
      adjust('a', { delta: 1, reason: 'other' }),
      configure({ limitPerOwner: 1 }),
      configure({ node: 'a', safetyStock: 1 }),
      configure({ node: 'a', backorderLimit: 1 }),
      configure({ channelBuffers: { a: 1, b: 2 } }),
      configure({ channelBuffers: { a: 2, b: 1 } }),
      configure({ channelBuffers: {} }),
      pool(['a']),
      pool(['a', 'b']),
      transfer('a', 1),
      transfer('b', 1),
      transfer('a', 2),
    ];
    expect(new Set([one, ...others].map(bodyHash)).size).toBe(others.length + 1);
    expect(bodyHash(reserve({ requestId: 'y' }))).toBe(bodyHash(one));
    expect(bodyHash(pool(['b', 'a', 'b']))).toBe(bodyHash(pool(['a', 'b'])));
    expect(bodyHash(configure({ channelBuffers: { b: 2, a: 1 } }))).toBe(
      bodyHash(configure({ channelBuffers: { a: 1, b: 2 } })),
    );
  });
});
