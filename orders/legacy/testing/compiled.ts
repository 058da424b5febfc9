// The file drop as JavaScript, for tests that kill its process: Node 20 runs no TypeScript.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** @returns the script, and what removes all of it */
export async function compileDrop(): Promise<{ readonly script: string; readonly remove: () => Promise<void> }> {
  const directory = join(ROOT, 'node_modules/.cache/holdfast-drop', `${process.pid}`);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  const project = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      rootDir: ROOT,
      outDir: directory,
      incremental: false,
      declaration: false,
      sourceMap: false,
      noCheck: true,
    },
    files: [join(ROOT, 'orders/legacy/testing/drop-process.ts')],
    include: [],
  };
  const projectFile = join(directory, 'tsconfig.json');
  await writeFile(projectFile, JSON.stringify(project));
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', projectFile]);
  return {
    script: join(directory, 'orders/legacy/testing/drop-process.js'),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
