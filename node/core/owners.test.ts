// Who holds what, and the texts and the index that it is known by, each against the simplest thing that does the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FingerprintIndex } from './fingerprint-index.ts';
import { tagOf } from './hash.ts';
import { findOpen, hold, OwnerIndex, openUnits, SCANNED_ROWS_MAX } from './owners.ts';
import { ReservationTable } from './reservations.ts';
import { TextBytes } from './text-bytes.ts';
import type { Reservation } from './types.ts';

/** Two owners that have one tag. */
const ALIKE = ['owner-9vduz2r9zp3', 'owner-9te9e4jfoum'] as const;
const NOW = 1_700_000_000_000;

/** What an actor has of owners and reservations, with what evolve does to them. */
class Holder {
  readonly reservations = new ReservationTable();
  readonly limitPerOwner = 0;
  owners: OwnerIndex | undefined;

  make(no: number, owner: string | undefined, units: number): void {
    this.reservations.add(no, 1, units, 0, units, NOW, NOW + 1_000, owner, undefined);
    hold(this, owner, no, units);
  }

  end(no: number): void {
    const r = this.reservations.get(no, NOW) as Reservation;
    this.reservations.update({ ...r, state: 'RELEASED', endedAt: NOW });
    if (r.owner !== undefined) this.owners?.subtract(r.owner, no, r.parts[0]?.qty ?? 0, true);
  }

  newest(owner: string): number | undefined {
    return findOpen(this, owner, NOW, (r) => r.state === 'RESERVED')?.no;
  }
}

describe('owners', () => {
  it('given any reservations made and ended, few or many, when owners are asked for, then all have what a look at each says', () => {
    const names = [...ALIKE, 'größe', '東京', ...Array.from({ length: 40 }, (_, i) => `customer-${i}`)];
    const owner = fc.option(fc.constantFrom(...names), { nil: undefined });
    const step = fc.record({ owner, units: fc.integer({ min: 1, max: 9 }), end: fc.nat({ max: 400 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3 * SCANNED_ROWS_MAX, size: 'max' }), (steps) => {
        const holder = new Holder();
        const open = new Map<number, { owner: string | undefined; units: number }>();
        steps.forEach(({ owner, units, end }, i) => {
          holder.make(i + 1, owner, units);
          open.set(i + 1, { owner, units });
          if (!open.delete(end)) return;
          holder.end(end);
        });
        for (const name of names) {
          const held = [...open].filter(([, { owner }]) => owner === name);
          expect(openUnits(holder, name)).toBe(held.reduce((sum, [, { units }]) => sum + units, 0));
          expect(holder.newest(name)).toBe(held.at(-1)?.[0]);
        }
        const distinct = new Set([...open.values()].flatMap(({ owner }) => owner ?? []));
        expect(holder.owners?.size ?? distinct.size).toBe(distinct.size);
        expect(holder.owners === undefined).toBe(steps.length <= SCANNED_ROWS_MAX);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it('given two owners whose names have one tag, and numbers that the index takes for one, when one lets go, then the other still holds', () => {
    const [ada, bob] = ALIKE;
    expect(tagOf(ada)).toBe(tagOf(bob));
    for (const [first, second] of [ALIKE, [bob, ada]] as const) {
      const { reservations, ...holder } = new Holder();
      const owners = new OwnerIndex(reservations);
      const held = Object.assign(holder, { reservations, owners });
      const later = 7 + 2 ** 30;
      reservations.add(7, 1, 1, 0, 3, NOW, NOW + 1_000, first, undefined);
      hold(held, first, 7, 3);
      reservations.add(later, 1, 1, 0, 4, NOW, NOW + 1_000, second, undefined);
      hold(held, second, later, 4);
      expect([owners.size, openUnits(held, first), openUnits(held, second)]).toEqual([2, 3, 4]);
      reservations.update({ ...(reservations.get(7, NOW) as Reservation), state: 'RELEASED', endedAt: NOW });
      owners.subtract(first, 7, 3, true);
      expect([owners.size, openUnits(held, first), openUnits(held, second)]).toEqual([1, 0, 4]);
    }
  });
});

describe('TextBytes', () => {
  it('given any texts kept and given up, when read, then each is the one that was put in', () => {
    const text = fc.option(fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: 'binary', maxLength: 90 })), {
      nil: undefined,
    });
    const step = fc.record({ texts: fc.tuple(text, text, text), remove: fc.nat({ max: 60 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const bytes = new TextBytes();
        const kept: { place: number; texts: string[] }[] = [];
        for (const { texts, remove } of steps) {
          const those = texts.filter((one) => one !== undefined);
          if (those.length > 0) kept.push({ place: bytes.add(...texts), texts: those });
          const [gone] = kept.splice(remove, 1);
          if (gone !== undefined) bytes.remove(gone.place, gone.texts.length);
        }
        for (const { place, texts } of kept) {
          expect(texts.map((_, i) => bytes.get(place, i))).toEqual(texts);
          expect(bytes.isFirst(place, texts[0] as string)).toBe(true);
          expect(bytes.isFirst(place, `${texts[0]}x`)).toBe(false);
          expect(bytes.isFirst(place, 'x'.repeat((texts[0] as string).length + 1).slice(1))).toBe(
            /^x*$/.test(texts[0] as string),
          );
        }
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it('given places given up, when texts as long are kept, then they are used again', () => {
    const bytes = new TextBytes();
    let highest = 0;
    for (let round = 0; round < 20; round++) {
      const places = Array.from({ length: 1_000 }, (_, i) =>
        bytes.add(`owner-${1_000 + i}`, undefined, `o-${round % 10}`),
      );
      highest = Math.max(highest, ...places);
      for (const place of places) bytes.remove(place, 2);
    }
    expect(highest).toBeLessThan(5_000);
  });
});

describe('FingerprintIndex with removals', () => {
  it('given any tags, many alike, when rows come and go, then those there are found, no others, and little is left of a rush', () => {
    const step = fc.record({ tag: fc.integer(), remove: fc.nat({ max: 1_500 }) });
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 32 }), fc.array(step, { maxLength: 1_000, size: 'max' }), (bits, steps) => {
        const index = new FingerprintIndex(() => true);
        const tags = steps.map(({ tag }) => tag & (-1 << (32 - bits)));
        const there = new Set<number>();
        steps.forEach(({ remove }, row) => {
          index.add(tags[row] as number, row);
          there.add(row);
          index.remove(tags[remove] ?? 0, remove);
          there.delete(remove);
        });
        expect(found(index, tags)).toEqual([...there].sort((a, b) => a - b));
        for (const row of there) index.remove(tags[row] as number, row);
        expect(found(index, tags)).toEqual([]);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it('given a rush of rows, when nearly all have been removed, then little is left of it', () => {
    const index = new FingerprintIndex(() => true);
    for (let row = 0; row < 50_000; row++) index.add(tagOf(`owner-${row}`), row);
    const { slots } = index;
    for (let row = 100; row < 50_000; row++) index.remove(tagOf(`owner-${row}`), row);
    expect(index.slots).toBeLessThan(slots / 6);
    for (let row = 0; row < 100; row++) expect(index.first(tagOf(`owner-${row}`))).toBe(row);
  });
});

/** The rows that are found by these tags, all of one tag at most once. */
function found(index: FingerprintIndex, tags: readonly number[]): number[] {
  const rows: number[] = [];
  for (const tag of new Set(tags)) for (let row = index.first(tag); row >= 0; row = index.next()) rows.push(row);
  return rows.sort((a, b) => a - b);
}
