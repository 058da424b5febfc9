// Spreadsheets of countries that write 1,5 save CSV with semicolons, and others with tabs: told by that name, instead of as a column that is unknown.
import { FileRefused } from './errors.ts';

const OTHERS = [
  [';', 'semicolons'],
  ['\t', 'tabs'],
] as const;

/** @throws FileRefused where a header is one cell only because its columns are not separated by commas */
export function requireCommas(header: readonly string[]): void {
  const [only = ''] = header;
  if (header.length !== 1) return;
  const found = OTHERS.find(([separator]) => only.includes(separator));
  if (found === undefined) return;
  throw new FileRefused({
    row: 1,
    field: '',
    reason: `columns seem to be separated by ${found[1]}`,
    next: `Separate them by commas (with a point in numbers: 12.50), and give the file again.`,
  });
}
