// Rows of a CSV document with the columns that a feed has to have; others are left alone.
import { CsvError, parse } from 'csv-parse/sync';
import { COMMAS_EXPECTED, otherSeparatorOf } from '../shared/separators.ts';
import { RECORDS_MAX } from './limits.ts';
import { FeedMalformed } from './reading.ts';

export interface Row {
  /** In the file, the header is 1. */
  readonly row: number;
  readonly cells: Readonly<Record<string, string>>;
}

/** @throws FeedMalformed */
export function rowsOf(text: string, required: readonly string[]): Row[] {
  let records: Record<string, string>[];
  try {
    records = parse(text, {
      columns: namesOf,
      bom: true,
      trim: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      to: RECORDS_MAX + 1,
    });
  } catch (error) {
    if (error instanceof CsvError) throw new FeedMalformed(error.message);
    throw error;
  }
  const [first] = records;
  if (first === undefined) throw new FeedMalformed('there are no rows');
  if (records.length > RECORDS_MAX) throw new FeedMalformed(`more than ${RECORDS_MAX} rows`);
  const missing = required.find((name) => !(name in first));
  if (missing !== undefined) throw new FeedMalformed(`the column ${missing} is missing`);
  return records.map((cells, n) => ({ row: n + 2, cells }));
}

function namesOf(header: string[]): string[] {
  const found = otherSeparatorOf(header);
  if (found !== undefined) throw new FeedMalformed(`columns seem to be separated by ${found}. ${COMMAS_EXPECTED}`);
  return header;
}

/** Undefined where it is none, as `NA`. @throws FeedMalformed where it has a comma: half of it would count, or nothing */
export function numberOf({ row, cells }: Row, name: string): number | undefined {
  const text = cells[name] ?? '';
  if (/^[+-]?\d*,\d+$/.test(text))
    throw new FeedMalformed(`row ${row}, ${name}: ${text} has a comma, where a point is expected`);
  const value = Number(text || Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}
