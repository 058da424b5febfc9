// The structures under the actor, each against the simplest thing that does the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEDUP_RETENTION_MS, DedupWindow } from './dedup.ts';
import { ExpiryQueue } from './expiry.ts';
import { FingerprintIndex } from './fingerprint-index.ts';
import { ENDED_RETENTION_MS, ReservationTable } from './reservations.ts';
import { ShardedMap } from './sharded-map.ts';
import type { Reservation } from './types.ts';

describe('DedupWindow', () => {
  it('given twenty thousand outcomes, when each is looked up, then it is found whole, and others are not', () => {
    const dedup = new DedupWindow();
    const now = 1_700_000_000_000;
    for (let i = 1; i <= 20_000; i++) dedup.remember(`id-${i}`, i * 7, now, i % 19, 5, i, -i, i, now + i);
    for (let i = 1; i <= 20_000; i++) {
      expect(dedup.find(`id-${i}`, now)).toEqual({
        bodyHash: i * 7,
        at: now,
        code: i % 19,
        epoch: 5,
        seq: i,
        x: -i,
        y: i,
        z: now + i,
      });
    }
    for (let i = 1; i <= 1_000; i++) expect(dedup.find(`other-${i}`, now)).toBeUndefined();
    const seqs: number[] = [];
    dedup.eachInOrder(now, (entry) => seqs.push(entry.seq));
    expect(seqs).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 1));
  });

  it('given an id that comes again once it was forgotten, when looked up, then the later outcome is found', () => {
    for (const others of [0, 10, 200]) {
      const dedup = new DedupWindow();
      const now = 1_700_000_000_000;
      dedup.remember('again', 1, now, 1, 1, 1, 0, 0, 0);
      for (let i = 0; i < others; i++) dedup.remember(`id-${i}`, 1, now, 1, 1, 2 + i, 0, 0, 0);
      const later = now + DEDUP_RETENTION_MS + 1;
      expect(dedup.find('again', later)).toBeUndefined();
      dedup.remember('again', 2, later, 1, 1, 1_000, 0, 0, 0);
      expect(dedup.find('again', later)?.seq).toBe(1_000);
    }
  });

  it('given a rush that has aged, when a trickle goes on, then the index is small again and all that counts is found', () => {
    const dedup = new DedupWindow();
    let now = 1_700_000_000_000;
    for (let i = 0; i < 100_000; i++) dedup.remember(`rush-${i}`, 1, now, 1, 1, i + 1, 0, 0, 0);
    expect(dedup.indexSlots).toBeGreaterThan(100_000);
    now += DEDUP_RETENTION_MS + 1;
    for (let i = 0; i < 200; i++) dedup.remember(`trickle-${i}`, 1, now, 1, 1, 200_000 + i, 0, 0, 0);
    expect(dedup.indexSlots).toBeLessThan(5_000);
    expect(dedup.size).toBeLessThan(300);
    for (let i = 0; i < 200; i++) expect(dedup.find(`trickle-${i}`, now)?.seq).toBe(200_000 + i);
    expect(dedup.find('rush-99999', now)).toBeUndefined();
  });

  it('given a steady load over many windows, when old outcomes age, then memory stops growing', () => {
    const dedup = new DedupWindow();
    const perWindow = 5_000;
    const sizes: number[] = [];
    for (let i = 0; i < 12 * perWindow; i++) {
      const at = 1_700_000_000_000 + Math.floor((i * DEDUP_RETENTION_MS) / perWindow);
      dedup.remember(`id-${i}`, 0, at, 1, 1, i + 1, 0, 0, 0);
      if (i % perWindow === 0) sizes.push(dedup.size);
    }
    expect(Math.max(...sizes)).toBeLessThan(4 * perWindow);
  });

  it('given outcomes at any times, when looked up at any later time, then found exactly within the retention', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: DEDUP_RETENTION_MS }), { minLength: 1, maxLength: 200 }), (gaps) => {
        const dedup = new DedupWindow();
        const times: number[] = [];
        let now = 1_700_000_000_000;
        for (const gap of gaps) {
          now += gap;
          dedup.remember(`id-${times.length}`, 1, now, 1, 1, times.length + 1, 0, 0, 0);
          times.push(now);
        }
        times.forEach((at, i) => {
          expect(dedup.find(`id-${i}`, now)?.seq).toBe(now - at <= DEDUP_RETENTION_MS ? i + 1 : undefined);
        });
        expect(dedup.countAt(now)).toBe(times.filter((at) => now - at <= DEDUP_RETENTION_MS).length);
      }),
    );
  });
});

function reservation(no: number, fields: Partial<Reservation> = {}): Reservation {
  return {
    no,
    epoch: 3,
    askedQty: 2 ** 31 - 1,
    parts: [{ nodeIndex: 63, reservedQty: 9, qty: 8, shipped: 1 }],
    owner: undefined,
    channel: undefined,
    orderId: undefined,
    order: undefined,
    state: 'RESERVED',
    createdAt: 1_700_000_000_000,
    expiresAt: 1_700_000_600_000,
    endedAt: 0,
    ...fields,
  };
}

describe('FingerprintIndex', () => {
  it('given any tags, many of them alike, when rows come and the oldest go, then those held are found and no others', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.integer(), { minLength: 1, maxLength: 3_000 }),
        (bits, window, tags) => {
          let first = 0;
          const index = new FingerprintIndex((row) => row >= first);
          const kept = tags.map((tag) => tag & (-1 << (32 - bits)));
          kept.forEach((tag, row) => {
            first = Math.max(0, row - window);
            index.add(tag, row);
          });
          for (const tag of new Set(kept)) {
            const rows = new Set<number>();
            for (let row = index.first(tag); row >= 0; row = index.next()) rows.add(row);
            const expected = kept.flatMap((other, row) => (other === tag && row >= first ? [row] : []));
            expect(expected.filter((row) => !rows.has(row))).toEqual([]);
            expect([...rows].filter((row) => kept[row] !== tag)).toEqual([]);
          }
        },
      ),
    );
  });
});

describe('ReservationTable', () => {
  it('given any numbers in any order, some ended, when time passes, then each that counts is found, and in order', () => {
    const end = fc.constantFrom('not', 'released', 'shipped');
    const texts = fc.record({
      owner: fc.option(fc.constantFrom('o-1', 'o-2', 'a longer owner'), { nil: undefined }),
      channel: fc.option(fc.constantFrom('web', 'shop'), { nil: undefined }),
    });
    const step = fc.record({ no: fc.integer({ min: 1, max: 400 }), end, gap: fc.nat({ max: 40_000 }), texts });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 500 }), fc.boolean(), (steps, ascending) => {
        const table = new ReservationTable();
        const model = new Map<number, Reservation>();
        let now = 1_700_000_000_000;
        let last = 0;
        for (const { no, end, gap, texts } of steps) {
          now += gap;
          const key = ascending ? last + 1 + (no % 3) : no;
          if (table.get(key, 0) !== undefined) continue; // it was not yet dropped, and a number comes once
          last = key;
          const r = reservation(key, { ...texts, expiresAt: now + no });
          table.insert(r, now);
          model.set(key, r);
          if (end === 'not') continue;
          const [state, shipped] = end === 'shipped' ? (['COMMITTED', 8] as const) : (['RELEASED', 0] as const);
          const parts = [{ nodeIndex: 63, reservedQty: 9, qty: 8, shipped }];
          const orderId = end === 'shipped' ? `order-${key}` : undefined;
          const ended: Reservation = { ...r, state, parts, orderId, endedAt: now };
          table.update(ended);
          model.set(key, ended);
        }
        const counting = [...model.values()]
          .filter((r) => r.endedAt === 0 || now - r.endedAt <= ENDED_RETENTION_MS)
          .sort((a, b) => a.no - b.no);
        const seen: Reservation[] = [];
        table.eachInOrder(now, (r) => seen.push(r));
        expect(seen).toEqual(counting);
        for (const r of counting) expect(table.get(r.no, now)).toEqual(r);
        expect(table.get(1_000_000, now)).toBeUndefined();
        expect(table.live).toBe([...model.values()].filter((r) => r.endedAt === 0).length);
      }),
    );
  });

  it('given reservations of every shape, when read back, then they are the same', () => {
    const table = new ReservationTable();
    const all = Array.from({ length: 5_000 }, (_, i) =>
      reservation(3 * i + 1, {
        ...(i % 3 === 0 ? { owner: `owner-${i}` } : {}),
        ...(i % 5 === 0 ? { channel: 'web', orderId: `order-${i}` } : {}),
        ...(i % 7 === 0
          ? {
              parts: [
                { nodeIndex: 0, reservedQty: 2, qty: 2, shipped: 0 },
                { nodeIndex: 1, reservedQty: 1, qty: 0, shipped: 0 },
              ],
            }
          : {}),
      }),
    );
    for (const r of all) table.insert(r, 0);
    for (const r of all) expect(table.get(r.no, 0)).toEqual(r);
    expect(table.get(2, 0)).toBeUndefined();
    expect(table.live).toBe(all.length);
  });

  it('given names of any length and alphabet, when reservations come, are committed, end and age during a walk, then it shows each as it was, and each is found', () => {
    const name = fc.oneof(
      fc.constantFrom('', 'ada', 'größe', '東京', '\ud800', 'x'.repeat(64), '東'.repeat(64)),
      fc.string({ maxLength: 64 }),
    );
    const maybe = fc.option(name, { nil: undefined });
    const step = fc.record({
      owner: maybe,
      channel: maybe,
      orderId: maybe,
      which: fc.nat(),
      does: fc.constantFrom('add', 'add', 'add', 'commit', 'release', 'walk', 'walk'),
      gap: fc.constantFrom(0, 0, 0, 0, 1_000, ENDED_RETENTION_MS / 4),
      rows: fc.constantFrom(1, 20, 100),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 400, size: 'max' }), (steps) => {
        const table = new ReservationTable();
        const model = new Map<number, Reservation>();
        let now = 1_700_000_000_000;
        let atStart: Reservation[] = [];
        let shown: Reservation[] | undefined;
        const byNo = (a: Reservation, b: Reservation): number => a.no - b.no;
        const counting = (): Reservation[] =>
          [...model.values()].filter((r) => r.endedAt === 0 || now - r.endedAt <= ENDED_RETENTION_MS);
        const walkOn = (most: number): void => {
          if (table.walkOn(most) >= most) return;
          expect(shown?.sort(byNo)).toEqual(atStart);
          shown = undefined;
        };
        for (const { owner, channel, orderId, which, does, gap, rows } of steps) {
          now += gap;
          const open = [...model.values()].filter((r) => r.endedAt === 0 && r.state === 'RESERVED');
          const r = open[which % Math.max(1, open.length)];
          if (does === 'add') {
            const no = model.size + 1;
            table.add(no, 1, 2, 0, 2, now, now + 1_000, owner, channel);
            const parts = [{ nodeIndex: 0, reservedQty: 2, qty: 2, shipped: 0 }];
            const fields = { epoch: 1, askedQty: 2, parts, createdAt: now, expiresAt: now + 1_000 };
            model.set(no, reservation(no, { ...fields, owner, channel }));
          } else if (does === 'walk' && shown !== undefined) {
            walkOn(rows);
          } else if (does === 'walk') {
            const seen: Reservation[] = [];
            shown = seen;
            atStart = counting();
            table.walk(now, table.lastNo, (one) => seen.push(one));
          } else if (r !== undefined) {
            const ended = does === 'commit' ? { state: 'COMMITTED', orderId } : { state: 'RELEASED', endedAt: now };
            const next = { ...r, ...ended } as Reservation;
            table.update(next);
            model.set(r.no, next);
          }
        }
        while (shown !== undefined) walkOn(7);
        for (const r of counting()) {
          expect(table.get(r.no, now)).toEqual(r);
          if (r.owner !== undefined && r.endedAt === 0) expect(table.isHeldBy(r.no, r.owner)).toBe(true);
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
  });

  it('given ended reservations, when their window has passed and others come, then their places and texts are reused', () => {
    const table = new ReservationTable();
    let now = 1_700_000_000_000;
    let largest = 0;
    for (let no = 1; no <= 40_000; no++) {
      now += 1_000;
      table.insert(reservation(no, { owner: `owner-${no}` }), now);
      const r = table.get(no, now) as Reservation;
      r.state = 'RELEASED';
      r.endedAt = now;
      table.update(r);
      largest = Math.max(largest, table.size);
    }
    expect(largest).toBeLessThan((4 * ENDED_RETENTION_MS) / 1_000);
    expect(table.get(40_000, now)?.owner).toBe('owner-40000');
    expect(table.get(40_000 - 500, now)?.owner).toBe('owner-39500');
    expect(table.countAt(now)).toBe(ENDED_RETENTION_MS / 1_000 + 1);
    expect([table.live, table.soft]).toEqual([0, 0]);
  });

  it('given numbers that share all low bits, when very many are kept, then the directory stays small and all are found', () => {
    const table = new ReservationTable();
    for (let i = 1; i <= 500; i++) table.insert(reservation(i * 2 ** 27), 0);
    for (let i = 1; i <= 500; i++) expect(table.get(i * 2 ** 27, 0)?.no).toBe(i * 2 ** 27);
  });
});

describe('ExpiryQueue', () => {
  it('given any pushes, pops and sweeps, when emptied, then entries come in order of time, then number', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 5 }))), fc.nat({ max: 3 }), (entries, drop) => {
        const queue = new ExpiryQueue();
        let expected: [number, number][] = [];
        entries.forEach(([at, action], no) => {
          queue.push(at, no);
          expected.push([at, no]);
          expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
          if (action === 0) {
            queue.pop();
            expected.shift();
          } else if (action === 1) {
            queue.retain((_, n) => n % 4 !== drop);
            expected = expected.filter(([, n]) => n % 4 !== drop);
          }
          expect(queue.size).toBe(expected.length);
        });
        for (const [at, no] of expected) {
          expect([queue.nextAt(), queue.nextNo()]).toEqual([at, no]);
          queue.pop();
        }
        expect(queue.nextAt()).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it('given more entries than two pages hold, when swept and emptied, then all come in order, and it fills up again', () => {
    const queue = new ExpiryQueue();
    for (let round = 0; round < 2; round++) {
      for (let no = 0; no < 1_000; no++) queue.push((no * 7_919) % 1_000, no);
      queue.retain((_, no) => no % 4 !== 0);
      expect(queue.size).toBe(750);
      const expected = Array.from({ length: 1_000 }, (_, no) => [(no * 7_919) % 1_000, no] as const)
        .filter(([, no]) => no % 4 !== 0)
        .sort((a, b) => a[0] - b[0]);
      for (const [at, no] of expected) {
        expect([queue.nextAt(), queue.nextNo()]).toEqual([at, no]);
        queue.pop();
      }
      expect(queue.nextAt()).toBe(Number.POSITIVE_INFINITY);
    }
  });
});

describe('ShardedMap', () => {
  it('given more keys than one map keeps, when set, replaced and deleted, then it answers as a map does', () => {
    const sharded = new ShardedMap<string, number>();
    const plain = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      sharded.set(`k${i % 15_000}`, i);
      plain.set(`k${i % 15_000}`, i);
      if (i % 3 === 0) {
        sharded.delete(`k${i >> 1}`);
        plain.delete(`k${i >> 1}`);
      }
    }
    expect(sharded.size).toBe(plain.size);
    expect([...plain].filter(([key, value]) => sharded.get(key) !== value)).toEqual([]);
    let visited = 0;
    sharded.each(() => {
      visited += 1;
    });
    expect(visited).toBe(plain.size);
  });
});
