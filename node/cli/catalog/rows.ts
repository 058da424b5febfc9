// One row of a catalogue: what it may contain, and how texts and JSON values become one. The shape is the same in
// CSV, NDJSON and JSON, and the same for import and export.
import {
  CHANNEL_LENGTH_MAX,
  CHANNELS_PER_SKU_MAX,
  NODE_LENGTH_MAX,
  QTY_MAX,
  REGION_LENGTH_MAX,
  SKU_LENGTH_MAX,
} from '../../../protocol/index.ts';
import { isName } from '../../../protocol/names.ts';

/** The columns, in the order in which export writes them. */
export const COLUMNS = [
  'sku',
  'region',
  'node',
  'onHand',
  'safetyStock',
  'backorderLimit',
  'limitPerOwner',
  'channelBuffers',
] as const;

export type Column = (typeof COLUMNS)[number];

/** A setting that is undefined is left as it is. `limitPerOwner` and `channelBuffers` hold for all nodes of the SKU. */
export interface CatalogRow {
  readonly sku: string;
  readonly region: string;
  readonly node: string;
  /** An absolute count, including units that are already promised. */
  readonly onHand: number | undefined;
  readonly safetyStock: number | undefined;
  readonly backorderLimit: number | undefined;
  readonly limitPerOwner: number | undefined;
  readonly channelBuffers: Readonly<Record<string, number>> | undefined;
}

/** A row that cannot be read: the reason, in the words of a person who edits the file. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

/** Reads a row of texts (CSV) or of JSON values. @throws RowError */
export function readRow(fields: Readonly<Record<string, unknown>>): CatalogRow {
  for (const name of Object.keys(fields)) {
    if (!(COLUMNS as readonly string[]).includes(name)) {
      throw new RowError(`unknown column "${name}"; the columns are ${COLUMNS.join(', ')}`);
    }
  }
  const row: CatalogRow = {
    sku: readName(fields, 'sku', SKU_LENGTH_MAX),
    region: readName(fields, 'region', REGION_LENGTH_MAX),
    node: readName(fields, 'node', NODE_LENGTH_MAX),
    onHand: readUnits(fields, 'onHand'),
    safetyStock: readUnits(fields, 'safetyStock'),
    backorderLimit: readUnits(fields, 'backorderLimit'),
    limitPerOwner: readUnits(fields, 'limitPerOwner'),
    channelBuffers: readBuffers(fields['channelBuffers']),
  };
  if (row.onHand === undefined && !configures(row)) throw new RowError('sets nothing: give onHand or another setting');
  return row;
}

/** Whether the row sets anything besides the count. */
export function configures(row: CatalogRow): boolean {
  return (
    row.safetyStock !== undefined ||
    row.backorderLimit !== undefined ||
    row.limitPerOwner !== undefined ||
    row.channelBuffers !== undefined
  );
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function readName(fields: Readonly<Record<string, unknown>>, name: Column, lengthMax: number): string {
  const value = fields[name];
  if (isAbsent(value)) throw new RowError(`${name} is missing`);
  // A SKU of digits alone is a number in many JSON exports.
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !isName(text, lengthMax)) {
    throw new RowError(`${name} must be 1 to ${lengthMax} printable characters without spaces, not ${show(value)}`);
  }
  return text;
}

function readUnits(fields: Readonly<Record<string, unknown>>, name: Column): number | undefined {
  const value = fields[name];
  return isAbsent(value) ? undefined : units(value, name);
}

function units(value: unknown, name: string): number {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value.trim()) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > QTY_MAX) {
    throw new RowError(`${name} must be a whole number from 0 to ${QTY_MAX}, not ${show(value)}`);
  }
  return number;
}

/** `web=5;pos=2`, a JSON object as text, or an object; empty text leaves the buffers, `{}` removes them. */
function readBuffers(value: unknown): Readonly<Record<string, number>> | undefined {
  if (isAbsent(value)) return undefined;
  const pairs = typeof value === 'string' ? bufferPairs(value) : value;
  if (typeof pairs !== 'object' || pairs === null || Array.isArray(pairs)) {
    throw new RowError(`channelBuffers must look like web=5;pos=2 or {"web":5}, not ${show(value)}`);
  }
  const entries = Object.entries(pairs).map(([channel, buffer]) => {
    if (!isName(channel, CHANNEL_LENGTH_MAX)) {
      throw new RowError(
        `a channel is 1 to ${CHANNEL_LENGTH_MAX} printable characters without spaces, not ${show(channel)}`,
      );
    }
    return [channel, units(buffer, `the buffer of ${channel}`)] as const;
  });
  if (entries.length > CHANNELS_PER_SKU_MAX)
    throw new RowError(`at most ${CHANNELS_PER_SKU_MAX} channels may have a buffer`);
  return Object.fromEntries(entries);
}

function bufferPairs(text: string): unknown {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }
  const pairs = text.split(';').map((pair) => {
    const at = pair.lastIndexOf('=');
    if (at < 1) throw new RowError(`channelBuffers must look like web=5;pos=2 or {"web":5}, not ${show(text)}`);
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const;
  });
  return Object.fromEntries(pairs);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** The cells of a row for CSV, in the order of COLUMNS. */
export function csvCells(row: CatalogRow): string[] {
  return COLUMNS.map((column) => {
    const value = row[column];
    if (value === undefined) return '';
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
}
