// Directories that a run needs: for its reports, and for the stores that it measures.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EXIT_USAGE } from './options.ts';

/** Where a report goes; says why it cannot be made, and ends the process, before anything is measured. */
export function makeReports(dir: string, option = '--reports'): void {
  try {
    makeDirectory(dir);
  } catch (error) {
    console.error(`${option} ${dir}: ${(error as Error).message}; choose a directory that this user may write`);
    process.exit(EXIT_USAGE);
  }
}

/** With its parents. Node's own way never returns where the system refuses a directory as if its parent were missing, as in /proc. */
export function makeDirectory(path: string): void {
  const directory = resolve(path);
  try {
    mkdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory));
    makeDirectory(directory);
  }
}
