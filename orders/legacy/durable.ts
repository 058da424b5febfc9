// Files that are there whole or not at all, also after the power went: written under another name, made durable, renamed.
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names that begin so are being written, and are nobody's business. */
const WRITING = '.writing-';

/** The file is replaced in one step. Its folder must be there. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const name = path.slice(dirname(path).length + 1);
  const temporary = join(dirname(path), `${WRITING}${process.pid}-${name}`);
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await renameDurably(temporary, path);
}

/** @throws ENOENT where somebody else was first */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network shares know no such thing; then it is their matter.
    if (!['EINVAL', 'EISDIR', 'EPERM', 'ENOTSUP'].includes(codeOf(error))) throw error;
  } finally {
    await folder.close();
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** @returns undefined where one of these went wrong */
export async function unless<T>(codes: readonly string[], doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (codes.includes(codeOf(error))) return undefined;
    throw error;
  }
}
