// Rows outside of the heap, beside a Map that has the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowStore } from './row-store.ts';

const PAGE = 131_072;

/** Bytes that say whose they are. */
function rowOf(seed: number, length: number): Uint8Array {
  const row = new Uint8Array(length);
  for (let i = 0; i < length; i++) row[i] = (seed * 31 + i * 7) & 0xff;
  return row;
}

interface Known {
  readonly row: Uint8Array;
  readonly note: number;
}

function expectSame(store: RowStore, model: ReadonlyMap<number, Known>): void {
  expect(store.size).toBe(model.size);
  for (const [handle, { row, note }] of model) {
    expect(Buffer.compare(store.read(handle), row)).toBe(0);
    expect(store.lengthOf(handle)).toBe(row.length);
    expect(store.noteOf(handle)).toBe(note);
  }
}

/** What the pages may weigh: what lives and a third of it, what may be dead at any rate, the page that is open, a spare one, and what no row fits into. */
function bytesMax(model: ReadonlyMap<number, Known>): number {
  let live = 0;
  for (const { row } of model.values()) live += Math.ceil((row.length + 8) / 8) * 8;
  return (live / 0.75) * 1.15 + 7 * PAGE;
}

describe('rows outside of the heap', () => {
  it('given any rows of any length, when some are removed and others come, then each is as it was, and pages are no more than so many', () => {
    const length = fc.oneof(
      { weight: 6, arbitrary: fc.nat(300) },
      { weight: 3, arbitrary: fc.integer({ min: 300, max: 20_000 }) },
      { weight: 1, arbitrary: fc.constantFrom(0, PAGE / 8 - 8, PAGE / 8 - 7, PAGE - 8, PAGE, 2 * PAGE + 3) },
    );
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('add' as const), length, times: fc.integer({ min: 1, max: 40 }) }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat(), times: fc.nat(40) }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('replace' as const), which: fc.nat(), length, times: fc.nat(40) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const store = new RowStore();
        const model = new Map<number, Known>();
        let seed = 0;
        const add = (bytes: number): void => {
          seed += 1;
          const known = { row: rowOf(seed, bytes), note: seed % 7 === 0 ? Number.POSITIVE_INFINITY : seed * 1e9 };
          const handle = store.add(known.row, known.note);
          expect(model.has(handle)).toBe(false);
          model.set(handle, known);
        };
        const remove = (which: number): void => {
          const handle = [...model.keys()][which % Math.max(1, model.size)];
          if (handle === undefined) return;
          store.remove(handle);
          model.delete(handle);
          expect(() => store.read(handle)).toThrow('no row has the handle');
        };
        for (const one of steps) {
          for (let n = 0; n < ('times' in one ? one.times : 1); n++) {
            if (one.do === 'remove' || one.do === 'replace') remove(one.which + n * 7);
            if (one.do === 'add' || one.do === 'replace') add(one.length);
          }
          if (one.do === 'clear') {
            store.clear();
            model.clear();
          }
          expect(store.bytes).toBeLessThanOrEqual(bytesMax(model));
        }
        expectSame(store, model);
      }),
      { numRuns: 60 },
    );
  });

  it('given many rows that come and go for long, then none is lost, and pages and handles are used again', () => {
    const store = new RowStore();
    const model = new Map<number, Known>();
    const handles: number[] = [];
    let random = 12345;
    const draw = (below: number): number => {
      random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
      return random % below;
    };
    for (let seed = 0; seed < 20_000; seed++) {
      const known = { row: rowOf(seed, 60 + draw(100)), note: seed };
      const handle = store.add(known.row, seed);
      model.set(handle, known);
      handles.push(handle);
    }
    let most = 0;
    for (let seed = 20_000; seed < 100_000; seed++) {
      const at = draw(handles.length);
      const gone = handles[at] as number;
      store.remove(gone);
      model.delete(gone);
      // They grow, as actors do.
      const known = { row: rowOf(seed, 60 + draw(100) + Math.floor(seed / 500)), note: seed };
      const handle = store.add(known.row, seed);
      model.set(handle, known);
      handles[at] = handle;
      most = Math.max(most, handle);
    }
    expectSame(store, model);
    expect(most).toBeLessThan(20_000);
    expect(store.bytes).toBeLessThanOrEqual(bytesMax(model));
    for (const handle of handles) store.remove(handle);
    expect(store.size).toBe(0);
    expect(store.bytes).toBeLessThanOrEqual(7 * PAGE);
  });

  it('given a handle that no row has, when it is asked for, then that is an error, never another row', () => {
    const store = new RowStore();
    const handle = store.add(rowOf(1, 10), 0);
    for (const wrong of [-1, handle + 1, 5_000]) {
      expect(() => store.read(wrong)).toThrow('no row has the handle');
      expect(() => store.remove(wrong)).toThrow('no row has the handle');
      expect(() => store.noteOf(wrong)).toThrow('no row has the handle');
    }
    store.remove(handle);
    expect(() => store.remove(handle)).toThrow('no row has the handle');
    expect(store.size).toBe(0);
  });
});
