// Files of orders and of postal codes have commas between their columns: another separator refuses the file.
import { COMMAS_EXPECTED, otherSeparatorOf } from '../shared/separators.ts';
import { FileRefused } from './errors.ts';

/** @throws FileRefused where the columns are separated by something else */
export function requireCommas(header: readonly string[]): void {
  const found = otherSeparatorOf(header);
  if (found === undefined) return;
  throw new FileRefused({
    row: 1,
    field: '',
    reason: `columns seem to be separated by ${found}`,
    next: COMMAS_EXPECTED,
  });
}
