// The token of a grid: from the environment or a file, never from the command line, which every user of the machine
// can read. A token file is put into the environment, where forked workers find it.
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { TOKEN_LENGTH_MAX } from '../../protocol/index.ts';
import { messageOf, usageError } from './exit.ts';

export const TOKEN_VARIABLE = 'HOLDFAST_TOKEN';
/** What the workers of a grid prove to each other; the same for all of them. */
export const MESH_SECRET_VARIABLE = 'HOLDFAST_MESH_SECRET';

export function addTokenOption(command: Command): Command {
  return command
    .option('--token-file <file>', `the file with the grid's token; else ${TOKEN_VARIABLE}, else none`)
    .hook('preAction', (_, action) => {
      const { tokenFile } = action.opts<{ tokenFile?: string }>();
      if (tokenFile !== undefined) process.env[TOKEN_VARIABLE] = readToken(tokenFile);
      checkToken(tokenFile === undefined ? TOKEN_VARIABLE : tokenFile);
    });
}

/** The token that clients show and workers ask for; undefined: none. */
export function token(): string | undefined {
  const value = process.env[TOKEN_VARIABLE];
  return value === undefined || value === '' ? undefined : value;
}

/** The secret of the grid's workers; undefined: none was given. */
export function meshSecret(): string | undefined {
  const value = process.env[MESH_SECRET_VARIABLE];
  return value === undefined || value === '' ? undefined : value;
}

/** Headers of an HTTP request to a worker. */
export function authorization(): Record<string, string> {
  const value = token();
  return value === undefined ? {} : { authorization: `Bearer ${value}` };
}

function readToken(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw usageError(`cannot read --token-file ${file}: ${messageOf(error)}`);
  }
  // An empty file must not open a grid to everybody.
  if (text === '') throw usageError(`--token-file ${file} is empty`, 'Write the token into it, on one line.');
  return text;
}

function checkToken(source: string): void {
  const value = token();
  if (value === undefined || (/^[!-~]+$/.test(value) && value.length <= TOKEN_LENGTH_MAX)) return;
  throw usageError(
    `the token in ${source} cannot be sent`,
    `A token is 1 to ${TOKEN_LENGTH_MAX} printable ASCII characters without spaces.`,
  );
}
