// The benchmarks as a user starts them where nothing can be measured: a program is missing, or what is asked for is not there. They
// say what to do about it, and do not pass for runs that went well.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const USAGE = 2;

interface Ended {
  readonly code: number;
  readonly output: string;
}

describe('the benchmarks', () => {
  let reports: string;
  beforeEach(async () => {
    reports = await mkdtemp(join(tmpdir(), 'holdfast-benchmarks-'));
  });
  afterEach(() => rm(reports, { recursive: true }));

  function bench(name: string, ...args: string[]): Promise<Ended> {
    const script = fileURLToPath(new URL(`../dist/loadtest/${name}.js`, import.meta.url));
    const env = { ...process.env, PATH: join(reports, 'nothing') };
    return new Promise((resolve) => {
      execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, output: stdout + stderr });
      });
    });
  }

  test.each([
    ['bench', ['--systems', 'holdfast-redis,lua-gateway'], '--systems holdfast-lmdb,echo,core'],
    ['bench-latency', ['--systems', 'holdfast-redis'], '--systems holdfast-lmdb'],
    ['bench-capture', ['--systems', 'holdfast-redis'], '--systems holdfast-lmdb'],
    ['bench-fulfilment', ['--systems', 'holdfast-redis'], '--systems holdfast-lmdb'],
    ['bench-memory', ['--stores', 'redis'], '--stores lmdb'],
    ['bench-overload', ['--system', 'holdfast-redis'], '--system holdfast-lmdb'],
    ['bench-snapshots', ['--system', 'holdfast-redis'], '--system holdfast-lmdb'],
    ['bench-forward', ['--store', 'redis'], '--store lmdb'],
    ['bench-takeover', ['--store', 'redis'], '--store lmdb'],
    ['bench-moves', ['--store', 'redis'], '--store lmdb'],
  ])(
    'given no redis-server, when %s is asked for Redis alone, then it says how to get it and what to ask for instead',
    async (name, asked, instead) => {
      const ended = await bench(name, ...asked, '--reports', reports);

      expect(ended.code).toBe(USAGE);
      expect(ended.output).toContain(
        'redis: absent, since redis-server is not on the PATH (apt-get install redis-server',
      );
      expect(ended.output).toMatch(new RegExp(`Nothing is left to measure: .*: ${instead}$`, 'm'));
      expect(ended.output).not.toMatch(/^ +at /m);
      expect(await readdir(reports)).toEqual([]);
    },
  );

  test.each([
    ['bench-scale', ['--curves', 'sku'], 'one of skus, reservations, connections, workers, partitions'],
    ['bench-snapshots', ['--system', 'echo'], 'one of holdfast-lmdb, holdfast-redis'],
    ['bench-moves', ['--store', 'postgres'], 'one of lmdb, redis'],
    ['bench', ['--systems', 'holdfast'], 'one of holdfast-lmdb, '],
    ['bench-report', ['--reports', 'no-such-directory'], 'run one of the benchmarks first, such as npm run bench'],
    ['bench-guard', ['--reports', '/proc/holdfast/reports'], 'choose a directory that this user may write'],
    ['bench-report', ['--dir', 'reports'], "unknown option '--dir'"],
  ])('given what there is not, when %s is asked for it, then it says what there is', async (name, asked, why) => {
    const ended = await bench(name, ...asked);

    expect(ended.code).toBe(USAGE);
    expect(ended.output).toContain(why);
    expect(ended.output).not.toMatch(/^ +at /m);
  });

  test('given --help, then defaults are written as they would be typed', async () => {
    const { code, output } = await bench('bench', '--help');

    expect(code).toBe(0);
    const text = output.replaceAll(/\s+/g, ' ');
    expect(text).toContain('Usage: npm run bench -- [options]');
    expect(text).toContain('(default: hot,100000)');
    expect(text).toContain('(default: 32x1,16x16,16x64)');
    expect(text).toContain('(default: lua-gateway,echo)');
    expect(text).not.toMatch(/default: ["[{]/);
  });
});
