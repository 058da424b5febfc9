// Parts of the program as JavaScript, for tests that need a process of their own: Node 20 runs no TypeScript.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Compiled {
  /** Stands for the repository's root; imports resolve from there. */
  readonly directory: string;
  remove(): Promise<void>;
}

/** Compiles files, named from the root, and all that they import, once a call. Two of one name in one process have one directory. */
export async function compile(name: string, files: readonly string[]): Promise<Compiled> {
  const directory = join(ROOT, 'node_modules/.cache', `holdfast-${name}`, `${process.pid}`);
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
    files: files.map((file) => join(ROOT, file)),
    include: [],
  };
  const projectFile = join(directory, 'tsconfig.json');
  await writeFile(projectFile, JSON.stringify(project));
  await promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', projectFile]);
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
