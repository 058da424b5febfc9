// The journal as JavaScript, for tests that need a process of their own: Node 20 runs no TypeScript.
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

/** Compiles once a call. Returns the directory that stands for the repository's root; imports resolve from there. */
export async function compileJournal(): Promise<string> {
  const directory = join(ROOT, 'node_modules/.cache/holdfast-journal', `${process.pid}`);
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
    files: [join(ROOT, 'node/journal/open.ts'), join(ROOT, 'node/journal/testing/owner-process.ts')],
    include: [],
  };
  const projectFile = join(directory, 'tsconfig.json');
  await writeFile(projectFile, JSON.stringify(project));
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', projectFile]);
  return directory;
}
