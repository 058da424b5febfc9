// Orders in and shipments out as CSV: one row a line of an order, rows of one order together.
import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import {
  CHANNEL_LENGTH_MAX,
  CURRENCY_LENGTH_MAX,
  LINE_ID_LENGTH_MAX,
  ORDER_ID_LENGTH_MAX,
  ORDER_LINES_MAX,
  OWNER_LENGTH_MAX,
  QTY_MAX,
  SERVICE_LENGTH_MAX,
  SKU_LENGTH_MAX,
} from '../../protocol/limits.ts';
import type { OrderDocument, OrderLine } from '../../protocol/orders.ts';
import { nearest } from '../../protocol/suggest.ts';
import { minorDigitsOf } from './currencies.ts';
import { FileRefused } from './errors.ts';
import { CSV_ORDERS_MAX, CSV_ROW_LENGTH_MAX } from './limits.ts';
import { type AddressNames, destinationOf, type Entry, Fields, type Locate, shown } from './orders.ts';
import { requireCommas } from './separator.ts';

const REQUIRED = ['orderId', 'sku', 'qty', 'postalCode'] as const;
const OF_LINE = ['lineId', 'sku', 'qty', 'grams', 'value'] as const;
const OF_ORDER = [
  'orderId',
  'postalCode',
  'latitude',
  'longitude',
  'country',
  'city',
  'street',
  'recipient',
  'email',
  'promisedAt',
  'service',
  'channel',
  'customer',
  'currency',
  'policy',
] as const;
const COLUMNS = [...OF_ORDER, ...OF_LINE] as const;

type Column = (typeof COLUMNS)[number];
type Row = Readonly<Record<Column, string>>;

const NAMES: AddressNames = {
  postalCode: 'postalCode',
  country: 'country',
  city: 'city',
  street: 'street',
  recipient: 'recipient',
  email: 'email',
  latitude: 'latitude',
  longitude: 'longitude',
};

interface NumberedRow {
  readonly row: number;
  readonly cells: Row;
}

/** @throws FileRefused where the file cannot be read as CSV, or not beyond a row; what came before is good */
export async function* readCsvOrders(path: string, locate: Locate): AsyncGenerator<Entry> {
  const apart = await idsApart(path);
  const seen = new Set<string>();
  let rows: NumberedRow[] = [];
  try {
    for await (const row of rowsOf(path)) {
      const [first] = rows;
      if (first !== undefined && first.cells.orderId !== row.cells.orderId) {
        yield entryOf(rows, seen, apart, locate);
        rows = [];
      }
      rows.push(row);
      // More lines than an order may have are not kept: the first beyond it is enough to refuse the order.
      if (rows.length > ORDER_LINES_MAX + 1) rows.pop();
    }
  } catch (error) {
    const [first] = rows;
    if (error instanceof FileRefused && first !== undefined) yield cutOff(first, error.problem.row);
    throw error;
  }
  if (rows.length > 0) yield entryOf(rows, seen, apart, locate);
}

/** Orders whose rows have others in between: none of their rows may be captured, as an order is captured once. */
async function idsApart(path: string): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const apart = new Set<string>();
  let last: string | undefined;
  try {
    for await (const { cells } of rowsOf(path)) {
      if (cells.orderId === last) continue;
      last = cells.orderId;
      if (seen.has(last)) apart.add(last);
      else seen.add(last);
      if (seen.size > CSV_ORDERS_MAX) break;
    }
  } catch (error) {
    // It is told of when the rows are read.
    if (!(error instanceof FileRefused)) throw error;
  }
  return apart;
}

/** The order before a row that cannot be read: that row may be one of its lines. */
function cutOff({ row, cells: { orderId } }: NumberedRow, at: number): Entry {
  const fields = new Fields();
  fields.fail(
    row,
    'orderId',
    `${shown(orderId)} is not captured, since row ${at}, which cannot be read, may be one of its lines`,
    'Correct that row and send the file again.',
  );
  return { row, orderId, errors: fields.errors };
}

async function* rowsOf(path: string): AsyncGenerator<NumberedRow> {
  const source = createReadStream(path);
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    max_record_size: CSV_ROW_LENGTH_MAX,
  });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let header: readonly string[] | undefined;
  const lines = new LineNumbers();
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const row = lines.firstOf(record, info.lines);
      if (header === undefined) header = headerOf(record);
      else yield { row, cells: cellsOf(header, record, row) };
    }
  } catch (error) {
    if (error instanceof FileRefused || !(error instanceof CsvError)) throw error;
    const row = lines.of(Number((error as { lines?: unknown }).lines ?? 0));
    throw new FileRefused({ row, field: '', reason: error.message, next: 'Correct the row and send the file again.' });
  } finally {
    source.destroy();
    parser.destroy();
  }
  if (header === undefined) {
    throw new FileRefused({
      row: 1,
      field: '',
      reason: 'the file is empty',
      next: `Begin with a row of column names: ${REQUIRED.join(',')}.`,
    });
  }
}

/** A record of several lines is told by its first; the parser names its last, and counts line ends of two characters within quotes twice. */
class LineNumbers {
  #countedTwice = 0;

  firstOf(record: readonly string[], last: number): number {
    const ends = record.flatMap((cell) => cell.match(/\r\n|\r|\n/g) ?? []);
    this.#countedTwice += ends.filter((end) => end.length === 2).length;
    return this.of(last) - ends.length;
  }

  of(line: number): number {
    return line - this.#countedTwice;
  }
}

function headerOf(record: readonly string[]): readonly string[] {
  requireCommas(record);
  const names = record.map((name) => name.trim());
  const refuse = (field: string, reason: string, next: string): never => {
    throw new FileRefused({ row: 1, field, reason, next });
  };
  for (const name of names) {
    if ((COLUMNS as readonly string[]).includes(name)) continue;
    const near = nearest(name, COLUMNS);
    refuse(
      name,
      'no such column',
      near === undefined ? `The columns are ${COLUMNS.join(', ')}.` : `Did you mean ${near}?`,
    );
  }
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) refuse(twice, 'the column is there twice', 'Leave one of them out.');
  const missing = REQUIRED.find((name) => !names.includes(name));
  if (missing !== undefined)
    refuse(missing, 'the column is missing', `These have to be there: ${REQUIRED.join(', ')}.`);
  return names;
}

const NO_CELLS = Object.fromEntries(COLUMNS.map((column) => [column, ''])) as Row;

function cellsOf(header: readonly string[], record: readonly string[], row: number): Row {
  if (record.length > header.length) {
    const reason = `${record.length} cells under ${header.length} column names`;
    throw new FileRefused({
      row,
      field: '',
      reason,
      next: 'Quote cells that have a comma in them, and send the file again.',
    });
  }
  return { ...NO_CELLS, ...Object.fromEntries(record.map((cell, n) => [header[n], cell.trim()])) };
}

function entryOf(rows: readonly NumberedRow[], seen: Set<string>, apart: ReadonlySet<string>, locate: Locate): Entry {
  const fields = new Fields();
  const [{ row, cells }] = rows as [NumberedRow];
  const { orderId } = cells;
  fields.name(row, 'orderId', orderId, ORDER_ID_LENGTH_MAX);
  if (apart.has(orderId)) {
    fields.fail(
      row,
      'orderId',
      `${shown(orderId)} is in the file more than once, with other orders in between`,
      'Keep the rows of an order together.',
    );
  }
  if (seen.size >= CSV_ORDERS_MAX) {
    throw new FileRefused({ row, field: '', reason: `more than ${CSV_ORDERS_MAX} orders`, next: 'Split the file.' });
  }
  seen.add(orderId);
  if (rows.length > ORDER_LINES_MAX) {
    fields.fail(row, '', `the order has more than ${ORDER_LINES_MAX} lines`, 'Split the order.');
  }
  for (const other of rows) {
    const garbled = COLUMNS.find((column) => other.cells[column].includes('\uFFFD'));
    if (garbled !== undefined) {
      fields.fail(other.row, garbled, 'has characters that are not UTF-8', 'Save the file as UTF-8.');
    }
    const differs = OF_ORDER.find((column) => other.cells[column] !== '' && other.cells[column] !== cells[column]);
    if (differs !== undefined) {
      fields.fail(
        other.row,
        differs,
        `is not what row ${row} of the same order says`,
        'Say the same in all rows of an order, or in its first only.',
      );
    }
  }
  const order: OrderDocument = {
    orderId,
    lines: linesOf(fields, rows),
    destination: destinationOf(fields, row, cells, NAMES, locate),
    ...extrasOf(fields, row, cells),
  };
  return fields.errors.length > 0 ? { row, orderId, errors: fields.errors } : { row, orderId, order };
}

function linesOf(fields: Fields, rows: readonly NumberedRow[]): OrderLine[] {
  const ids = new Set<string>();
  const digits = minorDigitsOf(rows[0]?.cells.currency);
  return rows.map(({ row, cells }, n) => {
    const lineId = cells.lineId === '' ? `${n + 1}` : fields.name(row, 'lineId', cells.lineId, LINE_ID_LENGTH_MAX);
    if (ids.has(lineId)) {
      fields.fail(
        row,
        'lineId',
        `${shown(lineId)} is that of another line`,
        'Give each line of an order its own, or leave the column out.',
      );
    }
    ids.add(lineId);
    return {
      lineId,
      sku: fields.name(row, 'sku', cells.sku, SKU_LENGTH_MAX),
      qty: fields.whole(row, 'qty', cells.qty, 1, QTY_MAX),
      ...(cells.grams === '' ? {} : { grams: fields.whole(row, 'grams', cells.grams, 0, QTY_MAX) }),
      ...(cells.value === '' ? {} : { value: fields.money(row, 'value', cells.value, digits) }),
    };
  });
}

function extrasOf(fields: Fields, row: number, cells: Row): Partial<OrderDocument> {
  const named = (['service', 'channel', 'customer', 'currency'] as const)
    .filter((column) => cells[column] !== '')
    .map((column) => [column, fields.name(row, column, cells[column], LENGTHS[column])] as const);
  const { promisedAt, policy } = cells;
  if (policy !== '' && policy !== 'all' && policy !== 'partial') {
    fields.fail(row, 'policy', `cannot be ${shown(policy)}`, 'Give all or partial.');
  }
  return {
    ...Object.fromEntries(named),
    ...(promisedAt === '' ? {} : { promisedAt: fields.time(row, 'promisedAt', promisedAt) }),
    ...(policy === 'all' || policy === 'partial' ? { policy } : {}),
  };
}

const LENGTHS = {
  service: SERVICE_LENGTH_MAX,
  channel: CHANNEL_LENGTH_MAX,
  customer: OWNER_LENGTH_MAX,
  currency: CURRENCY_LENGTH_MAX,
} as const;
