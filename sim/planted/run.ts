// Plants one mistake after the other in a copy of the compiled program and simulates that until a seed finds it.
//   npm run sim:planted -- [--seeds N] [--seconds S] [--only TEXT]
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { argumentsOf, refuse } from '../arguments.ts';
import { edited, MISTAKES, type Mistake } from './mistakes.ts';

const run = promisify(execFile);
/** Of the compiled program. */
const DIST = fileURLToPath(new URL('../../', import.meta.url));
const PARTS = ['cluster', 'node', 'orders', 'protocol', 'sim'] as const;
/** A copy that hangs is given up so long after its time, ms. */
const GRACE_MS = 30_000;

const USAGE = `Plants one mistake after the other in a copy of the compiled program and simulates until a seed finds it.
Exit code 1 when a mistake is not found.

  npm run sim:planted -- [--seeds N] [--seconds S] [--only TEXT]

  --seeds N    at most so many seeds for each mistake; default 400
  --seconds S  at most so long for each mistake; default 120
  --only TEXT  only mistakes whose name contains it`;

interface Found {
  readonly seed: string;
  readonly as: string;
}

async function main(): Promise<number> {
  const values = argumentsOf(
    {
      seeds: { type: 'string', default: '400' },
      seconds: { type: 'string', default: '120' },
      only: { type: 'string', default: '' },
    },
    USAGE,
  );
  if (!(Number(values.seeds) >= 1) || !(Number(values.seconds) > 0)) {
    refuse('--seeds and --seconds must be positive numbers', USAGE);
  }
  let missed = 0;
  console.log('| mistake | scenario | found by seed | as |\n|---|---|---|---|');
  for (const mistake of MISTAKES.filter(({ name }) => name.includes(values.only))) {
    const found = await withPlanted(mistake, (dir) => search(dir, mistake, values.seeds, Number(values.seconds)));
    if (found === undefined) missed += 1;
    const result = found === undefined ? '**not found** | ' : `${found.seed} | ${found.as}`;
    console.log(`| ${mistake.name} | ${mistake.scenario} | ${result} |`);
  }
  return missed === 0 ? 0 : 1;
}

async function withPlanted<T>({ name, edits }: Mistake, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-planted-'));
  try {
    for (const part of PARTS) await cp(join(DIST, part), join(dir, part), { recursive: true });
    await cp(join(DIST, '../package.json'), join(dir, 'package.json'));
    await symlink(join(DIST, '../node_modules'), join(dir, 'node_modules'));
    for (const edit of edits) {
      const path = join(dir, edit.file);
      const text = await readFile(path, 'utf8');
      const planted = edited(text, edit);
      if (planted === text) throw new Error(`"${name}" cannot be planted: ${edit.file} does not have: ${edit.find}`);
      await writeFile(path, planted);
    }
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function search(dir: string, { scenario }: Mistake, seeds: string, seconds: number): Promise<Found | undefined> {
  const args = [join(dir, 'sim/run.js'), '--scenario', scenario, '--base', 'planted', '--workers', '1'];
  const limits = ['--seeds', seeds, '--minutes', String(seconds / 60), '--until-found'];
  const { stdout, stderr } = await run(process.execPath, [...args, ...limits], {
    timeout: seconds * 1_000 + GRACE_MS,
  }).catch((error: { stdout?: string; stderr?: string }) => ({
    stdout: error.stdout ?? '',
    stderr: error.stderr ?? '',
  }));
  const [, seed, as] = /seed (\S+): \d+ VIOLATIONS[^\n]*\n[^\n]*\n {2}([^\n]*)/.exec(stdout) ?? [];
  if (seed !== undefined && as !== undefined) return { seed, as: shortened(as) };
  const [thrown] = /^\w*Error: .*/m.exec(stderr) ?? [];
  return thrown === undefined ? undefined : { seed: '(first)', as: `thrown: ${shortened(thrown)}` };
}

function shortened(text: string): string {
  const line = text.replaceAll('|', '/');
  return line.length > 120 ? `${line.slice(0, 117)}…` : line;
}

process.exitCode = await main();
