// The rows of a catalogue: what is read, what is refused and in which words, and that what is written reads back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CatalogRow, COLUMNS, csvCells, readRow } from './rows.ts';

const PLACE = { sku: 'MUG', region: 'eu-west', node: 'dublin-dc' };

describe('readRow', () => {
  test('given the texts of a CSV line, then counts become numbers and empty cells stay unset', () => {
    const row = readRow({ ...PLACE, onHand: '12', safetyStock: '', channelBuffers: 'web=5;pos=2' });

    expect(row).toEqual({
      ...PLACE,
      onHand: 12,
      safetyStock: undefined,
      backorderLimit: undefined,
      limitPerOwner: undefined,
      channelBuffers: { web: 5, pos: 2 },
    });
  });

  test('given JSON values, then the same row comes out, and a numeric SKU is its digits', () => {
    const row = readRow({ ...PLACE, sku: 85123, onHand: 12, channelBuffers: { web: 5 } });

    expect(row.sku).toBe('85123');
    expect(row.channelBuffers).toEqual({ web: 5 });
  });

  test('given names in any script, then they are names, as on the wire', () => {
    const row = readRow({ sku: '商品-1', region: 'süd', node: 'größe', channelBuffers: 'Магазин=5' });

    expect(row).toMatchObject({ sku: '商品-1', region: 'süd', node: 'größe', channelBuffers: { Магазин: 5 } });
  });

  test.each([
    ['a missing SKU', { ...PLACE, sku: '', onHand: 1 }, /^sku is missing$/],
    ['a SKU with a space', { ...PLACE, sku: 'A B', onHand: 1 }, /^sku must be 1 to 64 printable/],
    ['a SKU with an invisible character', { ...PLACE, sku: 'A\u200bB', onHand: 1 }, /^sku must be/],
    ['a SKU too long', { ...PLACE, sku: 'A'.repeat(65), onHand: 1 }, /^sku must be/],
    ['a negative count', { ...PLACE, onHand: '-1' }, /^onHand must be a whole number from 0 to 2147483647, not "-1"$/],
    ['a fraction', { ...PLACE, onHand: 1.5 }, /^onHand must be/],
    ['a count beyond 2^31 − 1', { ...PLACE, onHand: 2 ** 31 }, /^onHand must be/],
    ['words for a count', { ...PLACE, safetyStock: 'many' }, /^safetyStock must be/],
    ['nothing to set', { ...PLACE }, /^sets nothing/],
    ['a column with a typo', { ...PLACE, onhand: 1 }, /^unknown column "onhand"; the columns are sku, region/],
    ['a buffer without a figure', { ...PLACE, channelBuffers: 'web' }, /^channelBuffers must look like/],
    ['a buffer below zero', { ...PLACE, channelBuffers: { web: -1 } }, /^the buffer of web must be/],
    ['a list for buffers', { ...PLACE, channelBuffers: [1] }, /^channelBuffers must look like/],
    ['broken JSON for buffers', { ...PLACE, channelBuffers: '{"web":' }, /^channelBuffers must look like/],
    ['too many channels', { ...PLACE, channelBuffers: Object.fromEntries(range(17)) }, /^at most 16 channels/],
  ])('given %s, then the reason names it', (_, fields, reason) => {
    expect(() => readRow(fields)).toThrow(reason);
  });

  test('given __proto__ among the channels, then it is a channel like any other', () => {
    const row = readRow({ ...PLACE, channelBuffers: '{"__proto__":3}' });

    expect(Object.entries(row.channelBuffers ?? {})).toEqual([['__proto__', 3]]);
  });

  test('whatever row is written as CSV cells, reading them gives the row back', () => {
    const name = fc.oneof(fc.stringMatching(/^[!-~]{1,32}$/), fc.stringMatching(/^[éßЖ商品–€]{1,32}$/));
    const units = fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { nil: undefined });
    const rows: fc.Arbitrary<CatalogRow> = fc.record({
      sku: name,
      region: name,
      node: name,
      onHand: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      safetyStock: units,
      backorderLimit: units,
      limitPerOwner: units,
      channelBuffers: fc.option(fc.dictionary(name, fc.nat(), { maxKeys: 16 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(rows, (row) => {
        const cells = csvCells(row).map((cell) =>
          cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
        );
        expect(readRow(Object.fromEntries(COLUMNS.map((column, i) => [column, cells[i]])))).toEqual(row);
      }),
    );
  });
});

function range(count: number): [string, number][] {
  return Array.from({ length: count }, (_, i) => [`c${i}`, i]);
}
