// What can be wrong with a file and with a row of it, as the people who sent it are told.

export interface RowError {
  /** Line of a CSV file, segment of an X12 one; both count from 1. */
  readonly row: number;
  /** As the file calls it: a column, or PO102. Empty where it is the row as a whole. */
  readonly field: string;
  readonly reason: string;
  /** What to do about it. */
  readonly next: string;
}

/** The file as a whole cannot be read, or not beyond that row. Readers throw nothing else. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused';
  readonly problem: RowError;

  constructor(problem: RowError) {
    super(problem.row === 0 ? problem.reason : `row ${problem.row}: ${problem.reason}`);
    this.problem = problem;
  }
}

/** As rows of the `.errors` file, which is CSV. */
export function errorRows(errors: readonly RowError[], orderId = ''): string {
  return errors
    .map(({ row, field, reason, next }) => `${row},${[field, orderId, reason, next].map(quoted).join(',')}\n`)
    .join('');
}

/** Its first line. */
export const ERRORS_HEADER = 'row,field,order,reason,what to do\n';

function quoted(text: string): string {
  // Every control character becomes a space: one error is one line.
  const plain = text.replace(/\p{Cc}/gu, ' ');
  return /[",]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
