// The examples run as written, against a real grid with the demo catalogue.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';

const run = promisify(execFile);

describe('the examples', () => {
  let grid: RunningGrid;
  let data: { path: string; remove: () => Promise<void> };

  beforeAll(async () => {
    data = await temporaryDirectory();
    grid = await startWorkerProcess(`lmdb:${data.path}`, await freePort(), ['--catalog', 'demo']);
  });

  afterAll(async () => {
    await grid.end('SIGTERM');
    await data.remove();
  });

  async function runExample(name: string): Promise<string> {
    const file = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
    const { stdout } = await run(process.execPath, [file, grid.url]);
    return stdout;
  }

  test('given the demo catalogue, then the first reservation is made, committed, and the impossible one refused', async () => {
    const output = await runExample('first-reservation.mjs');

    expect(output).toMatch(/^reserved 2 at .*-(dc|store)/m);
    expect(output).toMatch(/is COMMITTED, 2 units$/m);
    expect(output).toMatch(/^INSUFFICIENT_STOCK: 1000000 asked/m);
  });

  test('given 2,000 buyers of 100 units, then 100 of them get one', async () => {
    const output = await runExample('flash-sale.mjs');

    expect(output).toMatch(/^100 available, 2000 buyers: 100 reserved one/m);
    expect(output).toMatch(/the grid says: 0 left, 100 reserved$/m);
    expect(output).toMatch(/^99 released, 1 sold$/m);
  });
});
