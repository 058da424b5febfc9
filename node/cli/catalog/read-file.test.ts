// Catalogue files in their three forms, gzipped or not: the same rows, the right line numbers, and bad lines that
// disturb no other.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type NumberedRow, openCatalog } from './read-file.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-catalog-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function read(content: string | Uint8Array): Promise<{ format: string; rows: NumberedRow[]; digest: string }> {
  const file = join(directory, `${Math.random()}`);
  await writeFile(file, content);
  const catalog = await openCatalog(file);
  const rows: NumberedRow[] = [];
  for await (const row of catalog.rows()) rows.push(row);
  return { format: catalog.format, rows, digest: catalog.digest };
}

const brief = (row: NumberedRow): unknown =>
  'error' in row ? [row.line, row.error] : [row.line, row.row.sku, row.row.onHand];

const CSV = 'sku,region,node,onHand\nA,eu-west,n1,1\n\nB,eu-west,n1,x\nC,eu-west\n"D",eu-west,n1,4\n';
const NDJSON =
  '{"sku":"A","region":"eu-west","node":"n1","onHand":1}\nnonsense\n{"sku":"B","region":"eu-west","node":"n1","onHand":2}';

describe('openCatalog', () => {
  test('given CSV with blank, bad and short lines, then each row carries its line, and the bad ones a reason', async () => {
    const { format, rows } = await read(CSV);

    expect(format).toBe('csv');
    expect(rows.map(brief)).toEqual([
      [2, 'A', 1],
      [4, 'onHand must be a whole number from 0 to 2147483647, not "x"'],
      [5, 'has more or fewer cells than the header'],
      [6, 'D', 4],
    ]);
  });

  test('given the same CSV with a byte order mark, Windows line ends and gzip, then the rows are the same', async () => {
    const plain = await read(CSV);
    const { format, rows } = await read(gzipSync(`\uFEFF${CSV.replaceAll('\n', '\r\n')}`));

    expect(format).toBe('csv');
    expect(rows.map(brief)).toEqual(plain.rows.map(brief));
  });

  test('given NDJSON with a line that is no JSON, then the others stand', async () => {
    const { format, rows } = await read(NDJSON);

    expect(format).toBe('ndjson');
    expect(rows.map(brief)).toEqual([
      [1, 'A', 1],
      [2, expect.stringMatching(/^is no JSON: /)],
      [3, 'B', 2],
    ]);
  });

  test('given a JSON list over several lines, then its elements are the rows', async () => {
    const { format, rows } = await read(
      JSON.stringify([{ sku: 'A', region: 'eu-west', node: 'n1', onHand: 1 }, 7], undefined, 2),
    );

    expect(format).toBe('json');
    expect(rows.map(brief)).toEqual([
      [1, 'A', 1],
      [2, 'is no object'],
    ]);
  });

  test('given a header that names an unknown column, then it is refused with the columns', async () => {
    await expect(read('sku,region,node,stock\nA,eu-west,n1,1\n')).rejects.toMatchObject({
      message: expect.stringContaining('the header names unknown columns: stock'),
      hint: expect.stringContaining('sku,region,node,onHand'),
    });
  });

  test.each([
    ['semicolons', 'sku;region;node;onHand\nA;eu-west;n1;1\n', /separated by semicolons/, /by commas/],
    ['tabs', 'sku\tregion\tnode\nA\teu-west\tn1\n', /separated by tabs/, /by commas/],
    ['capitals', 'SKU,Region,node,onHand\nA,eu-west,n1,1\n', /SKU \(did you mean sku\?\), Region/, /sku,region/],
    ['a column twice', 'sku,region,node,onHand,onHand\nA,eu-west,n1,1,2\n', /names onHand twice/, /sku,region/],
  ])('given a header with %s, then it says so, and what is expected', async (_, content, message, hint) => {
    await expect(read(content)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  test.each([
    ['a file that is not there', '/nonexistent/stock.csv'],
    ['a directory', tmpdir()],
  ])('given %s, then the message says so and what to give', async (_, path) => {
    await expect(openCatalog(path)).rejects.toMatchObject({
      message: expect.stringContaining(`cannot read ${path}`),
      hint: expect.stringContaining('Give the path'),
      exitCode: 2,
    });
  });

  test('given gzip that is cut short, then reading fails as a user error', async () => {
    await expect(read(gzipSync(CSV.repeat(100)).subarray(0, 60))).rejects.toMatchObject({ name: 'UserError' });
  });

  test('given the same bytes twice and other bytes, then the digests agree and differ', async () => {
    const [one, again, other] = [await read(CSV), await read(CSV), await read(`${CSV}E,eu-west,n1,5\n`)];

    expect(again.digest).toBe(one.digest);
    expect(other.digest).not.toBe(one.digest);
  });
});
