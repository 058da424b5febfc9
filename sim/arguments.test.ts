// The simulator's command lines as a person types them.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../dist/sim/', import.meta.url));

describe.each(['run.js', 'planted/run.js'])('sim/%s', (script) => {
  const run = (...args: string[]) => spawnSync(process.execPath, [`${DIST}${script}`, ...args], { encoding: 'utf8' });

  test('given --help, then it prints how to use it', () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/npm run sim.*--seeds N/s) });
  });

  test.each([[['--sceed', '1']], [['--seeds']]])(
    'given %s, then what is wrong and the usage, without a stack',
    (args) => {
      const { status, stderr } = run(...args);

      expect(status).toBe(2);
      expect(stderr).toMatch(/--\w+.*npm run sim/s);
      expect(stderr).not.toMatch(/^ {4}at /m);
    },
  );
});

test('given a scenario that there is not, then those there are', () => {
  const { status, stderr } = spawnSync(process.execPath, [`${DIST}run.js`, '--scenario', 'regoin'], {
    encoding: 'utf8',
  });

  expect(status).toBe(2);
  expect(stderr).toContain(
    '--scenario is one of contended-lane, region, fail-over, orders, regions, order-lines, not regoin',
  );
});
