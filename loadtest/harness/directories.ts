// Directories that a run needs: for its reports, and for the stores that it measures.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

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
