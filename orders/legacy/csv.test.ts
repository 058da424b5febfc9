// Orders as CSV: what a file says, what is wrong with a row, and that nothing but FileRefused is thrown whatever is in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readCsvOrders } from './csv.ts';
import { errorRows, FileRefused } from './errors.ts';
import type { Entry } from './orders.ts';
import { locate } from './testing/orders.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-csv-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function read(text: string | Buffer, entries: Entry[] = []): Promise<Entry[]> {
  const path = join(directory, 'orders.csv');
  writeFileSync(path, text);
  for await (const entry of readCsvOrders(path, locate)) entries.push(entry);
  return entries;
}

async function errorsOf(text: string) {
  return (await read(text)).flatMap((entry) => ('errors' in entry ? entry.errors : []));
}

describe('a file of orders', () => {
  test('given rows of two orders, then there are two, with their lines', async () => {
    const entries = await read(
      '\uFEFForderId,sku,qty,value,postalCode,recipient,promisedAt,policy\r\n' +
        'A,MUG,2,12.50,10007,"Lovelace, Ada",2026-12-24,partial\r\nA,TEAPOT,1,30,,,,\r\n\r\nB,MUG,1,.5,10001,,2026-12-24T18:00:00+01:00,\r\n',
    );
    expect(entries).toEqual([
      {
        row: 2,
        orderId: 'A',
        order: {
          orderId: 'A',
          lines: [
            { lineId: '1', sku: 'MUG', qty: 2, value: 1_250 },
            { lineId: '2', sku: 'TEAPOT', qty: 1, value: 3_000 },
          ],
          destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007', recipient: 'Lovelace, Ada' },
          promisedAt: Date.parse('2026-12-24T23:59:59Z'),
          policy: 'partial',
        },
      },
      { row: 5, orderId: 'B', order: expect.objectContaining({ promisedAt: Date.parse('2026-12-24T17:00:00Z') }) },
    ]);
  });

  test.each([
    ['semicolons', 'orderId;sku;qty;postalCode\nA;MUG;2;10007\n'],
    ['tabs', 'orderId\tsku\tqty\tpostalCode\nA\tMUG\t2\t10007\n'],
  ])('given columns that are separated by %s, then it says that commas are expected', async (separators, text) => {
    const refused = await read(text).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(FileRefused);
    expect(refused).toMatchObject({
      problem: {
        row: 1,
        reason: `columns seem to be separated by ${separators}`,
        next: expect.stringMatching(/by commas/),
      },
    });
  });

  test('given a name that is not UTF-8, then it is refused, not changed', async () => {
    const rows = 'orderId,sku,qty,postalCode,recipient\nA,MUG,1,10007,Žofia\nB,MUG,1,10007,Zo\xeb\n';
    const text = Buffer.concat([
      Buffer.from(rows.slice(0, rows.indexOf('B,'))),
      Buffer.from(rows.slice(rows.indexOf('B,')), 'latin1'),
    ]);
    const [a, b] = await read(text);
    expect(a).toMatchObject({ order: { destination: { recipient: 'Žofia' } } });
    expect(b).toMatchObject({ errors: [{ row: 3, field: 'recipient', reason: expect.stringMatching(/not UTF-8/) }] });
  });

  test('given rows of commas alone, as spreadsheets leave them at the end, then they are none', async () => {
    const entries = await read('orderId,sku,qty,postalCode\nA,MUG,1,10007\n,,,\n  , ,,\n,,,,,\n');
    expect(entries).toMatchObject([{ orderId: 'A', order: {} }]);
  });

  test.each(['\n', '\r\n'])(
    'given line ends within quotes (%j), then rows are told by the line that they begin on',
    async (end) => {
      const text = [
        'orderId,sku,qty,postalCode,recipient',
        'A,MUG,x,10007,"Ada',
        'Augusta',
        'Lovelace"',
        'B,MUG,y,10007,',
        '',
      ].join(end);
      const errors = (await errorsOf(text)).filter(({ field }) => field === 'qty');
      expect(errors.map(({ row }) => row)).toEqual([2, 5]);
    },
  );

  test('given an amount in yen or dinars, then it is in the minor units of these', async () => {
    const entries = await read(
      'orderId,sku,qty,postalCode,currency,value\nA,MUG,1,10007,JPY,1250\nB,MUG,1,10007,KWD,1.25\nC,MUG,1,10007,JPY,12.50\n',
    );
    expect(entries).toMatchObject([
      { order: { lines: [{ value: 1_250 }] } },
      { order: { lines: [{ value: 1_250 }] } },
      { errors: [{ row: 4, field: 'value', next: expect.stringMatching(/at most 0 decimals/) }] },
    ]);
  });

  test('given coordinates, then no code is looked up', async () => {
    const [entry] = await read('orderId,sku,qty,postalCode,latitude,longitude\nA,MUG,1,SW1,51.5,-0.1\n');
    expect(entry).toMatchObject({ order: { destination: { latitude: 51.5, longitude: -0.1 } } });
  });

  test.each<[string, string, number, string, RegExp]>([
    ['no units', 'A,MUG,0,10007', 2, 'qty', /cannot be "0"/],
    ['a part of a unit', 'A,MUG,1.5,10007', 2, 'qty', /cannot be "1.5"/],
    ['a SKU with a space', 'A,MU G,1,10007', 2, 'sku', /cannot be "MU G"/],
    ['no orderId', ',MUG,1,10007', 2, 'orderId', /is missing/],
    ['a code that nobody knows', 'A,MUG,1,99999', 2, 'postalCode', /nobody knows where "99999" is/],
    [
      'another place in a later row',
      'A,MUG,1,10007\nA,CUP,1,10001',
      3,
      'postalCode',
      /is not what row 2 of the same order says/,
    ],
  ])('given %s, then the row, the column and what to do are named', async (_, rows, row, field, reason) => {
    const errors = await errorsOf(`orderId,sku,qty,postalCode\n${rows}\n`);
    expect(errors).toEqual([{ row, field, reason: expect.stringMatching(reason), next: expect.stringMatching(/\w/) }]);
  });

  test('given an order whose rows are apart, then none of them is captured, and the others are', async () => {
    const entries = await read('orderId,sku,qty,postalCode\nA,MUG,1,10007\nB,MUG,1,10007\nA,CUP,1,10007\n');
    const apart = {
      reason: expect.stringMatching(/"A" is in the file more than once/),
      next: expect.stringMatching(/together/),
    };
    expect(entries).toEqual([
      { row: 2, orderId: 'A', errors: [expect.objectContaining({ row: 2, ...apart })] },
      { row: 3, orderId: 'B', order: expect.objectContaining({ orderId: 'B' }) },
      { row: 4, orderId: 'A', errors: [expect.objectContaining({ row: 4, ...apart })] },
    ]);
  });

  test('given a row that cannot be read, then the order before it is named as not captured', async () => {
    const entries: Entry[] = [];
    const text = 'orderId,sku,qty,postalCode\nA,MUG,1,10007\nB,MUG,1,10007\n"C,MUG\n';
    await expect(read(text, entries)).rejects.toThrow(FileRefused);
    expect(entries).toMatchObject([
      { orderId: 'A', order: {} },
      { orderId: 'B', errors: [{ row: 3, field: 'orderId' }] },
    ]);
  });

  test('given a date that there is not, then it is refused', async () => {
    const [error] = await errorsOf('orderId,sku,qty,postalCode,promisedAt\nA,MUG,1,10007,2026-02-30\n');
    expect(error).toMatchObject({ field: 'promisedAt' });
  });

  test.each<[string, string, RegExp]>([
    ['nothing', '', /empty/],
    ['a misspelt column', 'orderId,sku,quantity,qty,postcalCode\n', /no such column/],
    ['a column that is missing', 'orderId,sku,postalCode\n', /the column is missing/],
    ['a column twice', 'orderId,sku,qty,postalCode,sku\n', /twice/],
    ['more cells than columns', 'orderId,sku,qty,postalCode\nA,MUG,1,10007,extra\n', /5 cells under 4/],
    ['a quote that is not closed', 'orderId,sku,qty,postalCode\nA,"MUG,1,10007\n', /[Qq]uote/],
  ])('given %s, then the file is refused', async (_, text, reason) => {
    await expect(read(text)).rejects.toThrow(FileRefused);
    await expect(read(text)).rejects.toThrow(reason);
  });

  test('given anything at all, then it throws FileRefused or nothing', async () => {
    const cell = fc.oneof(fc.constantFrom('A', 'B', 'MUG', '1', '10007', '', '"', '\n', 'orderId'), fc.string());
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc
        .array(fc.array(cell, { maxLength: 6 }), { maxLength: 6 })
        .map((rows) => Buffer.from(`orderId,sku,qty,postalCode\n${rows.map((row) => row.join(',')).join('\n')}`)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (bytes) => {
        try {
          for (const entry of await read(bytes)) {
            if ('errors' in entry) expect(entry.errors.length).toBeGreaterThan(0);
            else expect(entry.order.lines.length).toBeGreaterThan(0);
          }
        } catch (error) {
          if (!(error instanceof FileRefused)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('given texts with commas, quotes and line ends, then an error is one row of CSV', () => {
  const row = errorRows([{ row: 3, field: 'a,b', reason: 'say "x"\nthen y', next: 'go' }], 'o-1');
  expect(row).toBe('3,"a,b",o-1,"say ""x"" then y",go\n');
});
