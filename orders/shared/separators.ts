// Spreadsheets of countries that write 1,5 save CSV with semicolons, and others with tabs: told by that name, instead of as a column that is unknown.

const OTHERS = [
  [';', 'semicolons'],
  ['\t', 'tabs'],
] as const;

export const COMMAS_EXPECTED = 'Separate them by commas (with a point in numbers: 12.50), and give the file again.';

/** What separates the columns of a header that is one cell only, since it is not commas; undefined where nothing is known to. */
export function otherSeparatorOf(header: readonly string[]): 'semicolons' | 'tabs' | undefined {
  const [only = ''] = header;
  return header.length === 1 ? OTHERS.find(([separator]) => only.includes(separator))?.[1] : undefined;
}
