// A catalogue file as numbered rows: CSV, NDJSON or JSON, gzipped or not, told apart by what they contain rather
// than by their names. Reading is streamed, except of JSON, which is one document.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parse as parseCsv } from 'csv-parse';
import { COMMAS_EXPECTED, otherSeparatorOf } from '../../../orders/shared/separators.ts';
import { nearest } from '../../../protocol/suggest.ts';
import { messageOf, usageError } from '../exit.ts';
import { type CatalogRow, COLUMNS, RowError, readRow } from './rows.ts';

/** One row, or why it cannot be read; `line` counts from 1 (in a JSON document: the element). */
export type NumberedRow = { readonly line: number } & ({ readonly row: CatalogRow } | { readonly error: string });

export interface CatalogFile {
  readonly format: 'csv' | 'ndjson' | 'json';
  /** Digest of the file's bytes: the same file has the same requestIds. */
  readonly digest: string;
  rows(): AsyncIterable<NumberedRow>;
}

/** A JSON document is read whole; beyond this, bytes, NDJSON is the form to use. */
const JSON_BYTES_MAX = 256 * 1024 * 1024;

/** Opens a catalogue and tells its format and digest. @throws UserError when it cannot be read */
export async function openCatalog(file: string): Promise<CatalogFile> {
  try {
    if ((await stat(file)).isDirectory()) throw new Error('it is a directory');
    const digest = await digestOf(file);
    const format = await detectFormat(file);
    return { format, digest, rows: () => ROWS[format](file) };
  } catch (error) {
    throw usageError(
      `cannot read ${file}: ${messageOf(error)}`,
      'Give the path of a CSV, NDJSON or JSON file, gzipped or not.',
    );
  }
}

async function digestOf(file: string): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The file's bytes, gunzipped when its first two say so. */
export async function openText(file: string): Promise<Readable> {
  const handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  await handle.close();
  const source = createReadStream(file);
  if (bytesRead < 2 || buffer[0] !== 0x1f || buffer[1] !== 0x8b) return source;
  const gunzip = createGunzip();
  pipeline(source, gunzip).catch((error) => gunzip.destroy(error));
  return gunzip;
}

async function detectFormat(file: string): Promise<CatalogFile['format']> {
  const stream = await openText(file);
  let text = '';
  for await (const chunk of stream) {
    text += (chunk as Buffer).toString('utf8');
    if (text.trimStart().length > 0 && (text.includes('\n') || text.length > 65_536)) break;
  }
  stream.destroy();
  const head = text.replace(/^\uFEFF/, '').trimStart();
  if (head.startsWith('[')) return 'json';
  if (!head.startsWith('{')) return 'csv';
  // One object a line is NDJSON; an object that goes on over lines is a JSON document.
  try {
    JSON.parse(head.split('\n', 1)[0] ?? '');
    return 'ndjson';
  } catch {
    return 'json';
  }
}

const ROWS: Readonly<Record<CatalogFile['format'], (file: string) => AsyncIterable<NumberedRow>>> = {
  csv: csvRows,
  ndjson: ndjsonRows,
  json: jsonRows,
};

async function* csvRows(file: string): AsyncIterable<NumberedRow> {
  const text = await openText(file);
  const parser = text.pipe(
    parseCsv({
      bom: true,
      columns: checkHeader,
      info: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
      relax_column_count: true,
    }),
  );
  text.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number; error?: { message: string; code: string } };
    }>) {
      if (info.error !== undefined) yield { line: info.lines, error: 'has more or fewer cells than the header' };
      else yield numbered(info.lines, record);
    }
  } catch (error) {
    if (error instanceof OtherSeparator) throw usageError(`${file}: ${error.message}`, COMMAS_EXPECTED);
    throw usageError(`${file}: ${messageOf(error)}`, `The first line must name the columns: ${COLUMNS.join(',')}`);
  }
}

class OtherSeparator extends Error {}

function checkHeader(header: string[]): string[] {
  const separators = otherSeparatorOf(header);
  if (separators !== undefined) throw new OtherSeparator(`columns seem to be separated by ${separators}`);
  const twice = header.find((name, n) => header.indexOf(name) !== n);
  if (twice !== undefined) throw new Error(`the header names ${twice} twice`);
  const unknown = header.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  const missing = ['sku', 'region', 'node'].find((name) => !header.includes(name));
  const isMisspelt = unknown.some((name) => missing !== undefined && nearest(name, [missing]) !== undefined);
  if (missing !== undefined && !isMisspelt) throw new Error(`the header has no column ${missing}`);
  if (unknown.length > 0) {
    const told = unknown.map((name) => {
      const near = nearest(name, COLUMNS);
      return near === undefined ? name : `${name} (did you mean ${near}?)`;
    });
    throw new Error(`the header names unknown columns: ${told.join(', ')}`);
  }
  return header;
}

async function* ndjsonRows(file: string): AsyncIterable<NumberedRow> {
  let line = 0;
  for await (const text of createInterface({ input: await openText(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line === 1 ? text.replace(/^\uFEFF/, '') : text);
    } catch (error) {
      yield { line, error: `is no JSON: ${messageOf(error)}` };
      continue;
    }
    yield numbered(line, value);
  }
}

async function* jsonRows(file: string): AsyncIterable<NumberedRow> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of await openText(file)) {
    bytes += (chunk as Buffer).length;
    if (bytes > JSON_BYTES_MAX)
      throw usageError(`${file} is too large for one JSON document`, 'Write one object a line (NDJSON).');
    chunks.push(chunk as Buffer);
  }
  let value: unknown;
  try {
    value = JSON.parse(
      Buffer.concat(chunks)
        .toString('utf8')
        .replace(/^\uFEFF/, ''),
    );
  } catch (error) {
    throw usageError(`${file} is no JSON: ${messageOf(error)}`);
  }
  const elements = Array.isArray(value) ? value : [value];
  for (const [index, element] of elements.entries()) yield numbered(index + 1, element);
}

function numbered(line: number, value: unknown): NumberedRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { line, error: 'is no object' };
  try {
    return { line, row: readRow(value as Record<string, unknown>) };
  } catch (error) {
    if (error instanceof RowError) return { line, error: error.message };
    throw error;
  }
}
