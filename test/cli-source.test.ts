// `holdfast source` over the demo stock, as docs/orders.md shows it.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readWeather } from '../orders/feeds/weather.ts';
import type { Plan } from '../orders/sourcing/source.ts';
import { freePortPair, holdfast } from './support/cli.ts';
import { type RunningGrid, startGrid, temporaryDirectory } from './support/grid.ts';
import { connectWire, type Json } from './support/wire.ts';

const RULES = 'examples/sourcing/rules.json';
const ORDER = 'examples/sourcing/order.json';

let root: { path: string; remove: () => Promise<void> };
let grid: RunningGrid;
let at: string[];

beforeAll(async () => {
  root = await temporaryDirectory();
  const port = await freePortPair();
  grid = await startGrid(['start', '--port', String(port), '--data-dir', join(root.path, 'data')], port);
  at = ['--port', String(port)];
});
afterAll(async () => {
  await grid?.end('SIGTERM');
  await root?.remove();
});

async function changed(file: string, change: (document: Json) => unknown): Promise<string> {
  const path = join(root.path, `${Math.random()}.json`);
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(file, 'utf8')))));
  return path;
}

async function planOf(order: string, rules = RULES): Promise<Plan> {
  const { stdout } = await holdfast('source', order, '--rules', rules, '--json', ...at);
  return JSON.parse(stdout) as Plan;
}

describe('holdfast capture', () => {
  test('given the example twice, then it counts once, and in another region again; each region that has it is named', async () => {
    const none = await holdfast('policy', 'report', '--data-dir', join(root.path, 'data'));
    expect(none.stdout).toBe('0 orders read, no exceptions\n');
    const capture = (region: string, file = ORDER) => holdfast('capture', file, '--region', region, ...at);

    expect(await capture('eu-west')).toMatchObject({ code: 0, stdout: 'order-1001 is captured in eu-west\n' });
    expect(await capture('eu-west')).toMatchObject({ code: 0, stdout: 'order-1001 was captured before in eu-west\n' });
    const shown = (await holdfast('order', 'order-1001', ...at)).stdout;
    expect(shown).toMatch(/^order-1001 in eu-west: CAPTURED/);
    expect(shown).toMatch(/^ *1 +2 × MUG-STONEWARE-BLUE +19\.00 +38\.00 +2 to be sourced/m);
    await capture('us-east');

    const { stdout } = await holdfast('order', 'order-1001', ...at);
    expect(stdout).toMatch(/^eu-west and us-east each captured an order order-1001: they count as 2 orders\n/);
    expect(stdout.match(/order-1001\/source#1 +since /g)).toHaveLength(2);
    const { others } = JSON.parse((await holdfast('order', 'order-1001', '--json', ...at)).stdout);
    expect(others).toMatchObject([{ region: 'us-east', orderId: 'order-1001' }]);
    const wrong = await changed(ORDER, (document) => ({ ...document, lines: [] }));
    expect(await capture('eu-west', wrong)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^holdfast: order-1001 is refused: .*order\.lines/),
    });
    // The others of a list are captured all the same.
    const list = await changed(ORDER, (document) =>
      ['a', 'b', 'c'].map((orderId) => ({ ...document, orderId, lines: orderId === 'b' ? [] : document['lines'] })),
    );
    expect(await capture('eu-west', list)).toMatchObject({
      code: 1,
      stdout: 'a is captured in eu-west\nc is captured in eu-west\n',
      stderr: expect.stringMatching(/^holdfast: 1 of 3 orders are refused\n {2}b is refused: .*order\.lines/),
    });
  });
});

describe('holdfast source', () => {
  test('given the example, then it prints packages, their costs and the other plans, and reserves nothing', async () => {
    const { code, stdout, stderr } = await holdfast('source', ORDER, '--rules', RULES, ...at);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^order-1001: .*-dc by ground.*rules 2026-11-24.*no other is cheaper/);
    expect(stdout).toMatch(/from +by +what +km/);
    expect(stdout).toContain('packages alone');
    const promised = await holdfast('source', ORDER, '--rules', RULES, '--promised-in-days', '1', '--json', ...at);
    const { packages } = JSON.parse(promised.stdout) as Plan;
    for (const { cost } of packages) expect(cost.lateness).toBeGreaterThan(0);
    const client = await connectWire(grid.url);
    const skus = ['MUG-STONEWARE-BLUE', 'TEAPOT-CAST-IRON-08', 'TENT-TREK-2P'];
    const { positions } = await client.call({ op: 'query', skus, regions: ['us-east'] });
    expect((positions as Json[]).map(({ reserved }) => reserved)).toEqual([0, 0, 0]);
    client.close();
  });

  test('given a plan, then each package is of a node that has what is in it', async () => {
    const plan = await planOf(ORDER);

    const client = await connectWire(grid.url);
    for (const { node, region, lines } of plan.packages) {
      for (const { sku, qty } of lines) {
        const position = await client.call({ op: 'get', sku, region });
        const found = (position.nodes as Json[]).find((one) => one.node === node);
        expect(found?.availableToSell).toBeGreaterThanOrEqual(qty);
      }
    }
    client.close();
    expect(plan.packages.flatMap(({ lines }) => lines)).toHaveLength(3);
  });

  test('given a line that takes another SKU, and a bundle of which a component lacks, then it says what is sent instead and what waits', async () => {
    const order = await changed(ORDER, (document) => ({
      ...document,
      lines: [
        { lineId: '1', sku: 'NO-SUCH-MUG', qty: 2, substitutes: ['MUG-STONEWARE-BLUE'] },
        { lineId: '2', sku: 'TEAPOT-CAST-IRON-08', qty: 1, bundle: { bundle: 'set', units: 1 } },
        { lineId: '3', sku: 'NO-SUCH-CUP', qty: 2, bundle: { bundle: 'set', units: 2 } },
      ],
    }));

    const { code, stdout } = await holdfast('source', order, '--rules', RULES, ...at);

    expect(code).toBe(1);
    expect(stdout).toContain('line 1: 2 × MUG-STONEWARE-BLUE instead of NO-SUCH-MUG, of which 2 lack');
    expect(stdout).toContain('line 2: 1 × TEAPOT-CAST-IRON-08 are there, and wait for the rest of their bundle');
  });

  test('given other rules in the shadow, then it sums up what they would do otherwise, and reserves nothing', async () => {
    const shadow = 'examples/sourcing/next-rules.json';

    const printed = await holdfast('source', ORDER, ORDER, '--rules', RULES, '--shadow', shadow, ...at);
    const { stdout } = await holdfast('source', ORDER, '--rules', RULES, '--shadow', shadow, '--json', ...at);

    expect(printed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^2 orders: .*2026-12-08/) });
    expect(printed.stdout).toMatch(/freight +\d+\.\d\d/);
    expect(JSON.parse(stdout)).toMatchObject({ shadow: '2026-12-08', orders: 1, incomparable: 0 });
  });

  test('given more than there is, then it says what cannot be sent and ends with 1', async () => {
    const order = await changed(ORDER, (document) => ({
      ...document,
      lines: [{ lineId: '9', sku: 'FLASH-CONSOLE-01', qty: 1_000 }],
    }));

    const { code, stdout } = await holdfast('source', order, '--rules', RULES, ...at);

    expect(code).toBe(1);
    expect(stdout).toContain('line 9: 900 × FLASH-CONSOLE-01 cannot be sent');
  });

  test('given files with mistakes, then it names the file and the places and ends with 2', async () => {
    const order = await changed(ORDER, ({ destination: _, ...rest }) => rest);
    const rules = await changed(RULES, (document) => ({ ...document, packagesMax: 0, spiltPenalty: 1 }));

    const wrongOrder = await holdfast('source', order, '--rules', RULES, ...at);
    const wrongRules = await holdfast('source', ORDER, '--rules', rules, ...at);
    const missing = await holdfast('source', ORDER, '--rules', '/nonexistent.json', ...at);

    expect(wrongOrder).toMatchObject({ code: 2, stderr: expect.stringContaining('destination: ') });
    expect(wrongRules).toMatchObject({ code: 2, stderr: expect.stringMatching(/packagesMax: [\s\S]*spiltPenalty/) });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('/nonexistent.json cannot be read') });
  });

  test('given a region that the grid does not know, then it says so and ends with 1', async () => {
    const rules = await changed(RULES, (document) => ({
      ...document,
      nodes: (document.nodes as Json[]).map((node) => ({ ...node, region: 'moon' })),
    }));

    const { code, stderr } = await holdfast('source', ORDER, '--rules', rules, ...at);

    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('region moon') });
  });

  test('given the example feeds, then all that they say counts', async () => {
    await promisify(execFile)(process.execPath, [resolve('examples/feeds-of-today.mjs')], { cwd: root.path });
    const feeds = [
      '--fuel-prices',
      join(root.path, 'feeds/wti-weekly.csv'),
      '--capacity',
      join(root.path, 'feeds/capacity.json'),
    ];

    const { code, stdout, stderr } = await holdfast('source', ORDER, '--rules', RULES, '--json', ...at, ...feeds);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((JSON.parse(stdout) as Plan).rules).toMatch(/\+fuel=0\.065\+capacity=\d{4}-/);
    expect(readWeather(await readFile(join(root.path, 'feeds/weather.csv'), 'utf8'))).toMatchObject([
      { station: 'EWR' },
    ]);
  });

  test('given feeds, then what is fresh counts and stands in the version, and what is not is told', async () => {
    const prices = join(root.path, 'prices.csv');
    const day = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10);
    await writeFile(prices, `Date,Price\n${day},71.2\n`);
    const none = join(root.path, 'none.json');
    const { code, stdout, stderr } = await holdfast(
      ...['source', ORDER, '--rules', RULES, '--json', ...at, '--fuel-prices', prices, '--capacity', none],
    );
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Plan).rules).toMatch(/\+fuel=0\.065$/);
    expect(stderr).toMatch(/none\.json cannot be used: ENOENT/);
    expect(stderr).toMatch(/packages a day of \S+ are those of the rules: nothing was loaded yet/);
  });
});

describe('holdfast order', () => {
  test('given an order of which only lines are reserved, then it says what UNCAPTURED means', async () => {
    const client = await connectWire(grid.url);
    const lines = [{ lineId: '1', sku: 'MUG-STONEWARE-BLUE', qty: 1 }];
    await client.call({ op: 'reserveOrder', orderId: 'reserved-1', requestId: 'r-1', policy: 'all', lines });
    client.close();

    expect((await holdfast('order', 'reserved-1', ...at)).stdout).toMatch(
      /^reserved-1 in eu-west: UNCAPTURED\nOnly its reservations are known .*not captured/,
    );
  });
});
