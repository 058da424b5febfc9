// How a command ends: its exit code, and errors that tell a person what to do next. No output happens here.

/** The exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** The command ran and found something wrong: a difference, a row that failed, a grid that is not ready or not there. */
  failed: 1,
  /** The command line or a file given on it cannot be used as it stands. */
  usage: 2,
} as const;

export const EXIT_CODES_HELP = `
Exit codes: 0 done, 1 something was found wrong or the grid could not be reached, 2 the command line or a file
given on it cannot be used.`;

/** An error that is the answer, not a defect: printed as one message and one hint, without a stack trace. */
export class UserError extends Error {
  override readonly name = 'UserError';
  /** What to do next; printed on its own line. */
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, hint?: string, exitCode: number = EXIT.failed) {
    super(message);
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** A UserError for a command line or a file that cannot be used. */
export function usageError(message: string, hint?: string): UserError {
  return new UserError(message, hint, EXIT.usage);
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
