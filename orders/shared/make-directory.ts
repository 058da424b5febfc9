// A folder with its parents. Node's own way never returns where the system refuses one as if its parent were missing, as in /proc.
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** @throws what the system says */
export async function makeDirectory(path: string): Promise<void> {
  const directory = resolve(path);
  try {
    await mkdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = async (one: string): Promise<boolean> =>
      stat(one).then(
        (found) => found.isDirectory(),
        () => false,
      );
    if (code === 'EEXIST' && (await isThere(directory))) return;
    if (code !== 'ENOENT' || (await isThere(dirname(directory)))) throw error;
    await makeDirectory(dirname(directory));
    await makeDirectory(directory);
  }
}
