// What the evaluations share as programs: how their options are read, that what cannot be used ends in one sentence with exit code 2, and how
// a mean is shown with its interval.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { ProfileInvalid } from '../carriers/simulated/profile.ts';
import { meanInterval, meanOf } from './statistics.ts';

const EXIT_UNUSABLE = 2;

/** What was given cannot be used; the message says why in a sentence. */
export class InputRefused extends Error {
  override readonly name = 'InputRefused';
}

/** Runs the command over what was given on the command line, and resolves with the exit code. @throws what is a defect */
export async function runEvaluation(
  command: Command,
  args: readonly string[] = process.argv.slice(2),
): Promise<number> {
  try {
    await command.exitOverride().parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_UNUSABLE;
    const message = refusalOf(error);
    if (message === undefined) throw error;
    process.stderr.write(`${command.name()}: ${message}\n`);
    return EXIT_UNUSABLE;
  }
}

/** Undefined: a defect of the program. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof InputRefused || error instanceof ProfileInvalid) return error.message;
  const { path, code } = error as NodeJS.ErrnoException;
  return path === undefined ? undefined : `${path} cannot be read (${code})`;
}

/** @throws InputRefused where it was not given, or lacks one of the folders */
export function dataFolder(given: string | undefined, folders: readonly string[]): string {
  const wanted = `a folder with ${folders.join(', ')}`;
  if (given === undefined) throw new InputRefused(`say where the data are: --data, ${wanted}`);
  const missing = folders.filter((folder) => !existsSync(join(given, folder)));
  if (missing.length > 0) throw new InputRefused(`${given} has no ${missing.join(', ')}; --data is ${wanted}`);
  return given;
}

export function parseWhole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of 1 or more');
  return value;
}

/** `1.5 [1.2, 1.8]`; of one value, which has no interval, the value. */
export function shownMean(values: readonly number[], show: (value: number) => string): string {
  if (values.length < 2) return show(meanOf(values));
  const { mean, low, high } = meanInterval(values);
  return `${show(mean)} [${show(low)}, ${show(high)}]`;
}

/** What runs wrote with --json: the lines of a file that are results. @throws InputRefused where one is cut off */
export function resultsIn<T>(file: string, text: string): T[] {
  return text.split('\n').flatMap((line, n) => {
    if (!line.startsWith('{')) return [];
    try {
      return [JSON.parse(line) as T];
    } catch {
      throw new InputRefused(`${file}, line ${n + 1}: no JSON`);
    }
  });
}
