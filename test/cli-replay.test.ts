// `holdfast replay` against a real grid with a made order file: the totals are right whatever the stock, whatever is
// killed meanwhile, and a grid that differs is found out.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { holdfast, startBothRegions } from './support/cli.ts';
import { CLI, type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { random } from './support/random.ts';
import { connectWire, type WireClient } from './support/wire.ts';

const LINES = 3_000;
const WAIT = { timeout: 60_000, interval: 20 };

let root: { path: string; remove: () => Promise<void> };
let grid: RunningGrid;
let client: WireClient;
let orders: string;
let at: string[];

beforeAll(async () => {
  root = await temporaryDirectory();
  orders = join(root.path, 'orders.csv.gz');
  await writeFile(orders, gzipSync(orderFile()));
  grid = await startBothRegions(join(root.path, 'data'));
  client = await connectWire(grid.url);
  at = ['--port', String(grid.port), '--data-dir', join(root.path, 'data')];
});
afterAll(async () => {
  client?.close();
  await grid?.end('SIGTERM');
  await root?.remove();
});

/** Orders, returns, write-offs and lines that are no goods, over ten hours, in the form of the UCI file. */
function orderFile(): string {
  const draw = random(20101201);
  const countries = ['United Kingdom', 'Germany', 'EIRE', 'Australia', 'USA'];
  const lines = ['InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'];
  for (let i = 0; i < LINES; i++) {
    const kind = draw();
    const code = kind < 0.02 ? 'POST' : `${85_000 + Math.floor(draw() ** 2 * 60)}${draw() < 0.5 ? 'a' : 'A'}`;
    const units = 1 + Math.floor(draw() * 12);
    const [invoice, quantity, price] =
      kind > 0.97 ? ['C5', -units, '1.00'] : kind > 0.95 ? ['5', -units, '0'] : ['5', units, '1.00'];
    const minute = Math.floor((i / LINES) * 600);
    const date = `2010-12-01T${String(8 + Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
    const country = countries[Math.floor(draw() * countries.length)];
    lines.push(`${invoice}${36_000 + i},${code},${quantity},${date},${price},17850,${country}`);
  }
  return `${lines.join('\n')}\n`;
}

interface ReplayResult {
  readonly ok: boolean;
  readonly run: string;
  readonly totals: Record<string, number>;
  readonly planned: { readonly lines: number; readonly counts: Record<string, number> };
  readonly verification: { readonly positions: number; readonly differencesTotal: number };
  readonly audit: readonly { readonly ok: boolean }[];
}

async function replay(...args: string[]): Promise<ReplayResult & { code: number }> {
  const { code, stdout, stderr } = await holdfast('replay', orders, '--json', ...at, ...args);
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as ReplayResult) };
}

describe('holdfast replay', () => {
  test('given all the stock it needs, then every order ships and the grid equals the file', async () => {
    const { code, stdout, stderr } = await holdfast('replay', orders, ...at);

    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^0 stock-outs \(0 units\)$/m);
    expect(stdout).toMatch(/^reserve +2,\d{3}( +\d+\.\d\d){5}$/m);
    expect(stdout).toMatch(/^eu-west +whole /m);
    expect(stdout).toMatch(/^the grid equals the recomputation from the file at all \d+ positions$/m);
  });

  test('given too little stock, then some orders find none, and the grid still equals the file', async () => {
    const result = await replay('--stock', '60');

    expect(result).toMatchObject({
      code: 0,
      ok: true,
      planned: { lines: LINES },
      verification: { differencesTotal: 0 },
    });
    expect(result.totals.stockOuts).toBeGreaterThan(100);
    expect(result.totals.unitsShipped).toBeGreaterThan(1_000);
  });

  test('given a replay that is interrupted and taken up again, then it is as if it had run through', async () => {
    const whole = await replay('--stock', '60');
    const args = ['replay', orders, '--run', 'cut', '--stock', '60', '--speed', '7200', ...at];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    const exited = once(child, 'exit');
    await vi.waitFor(async () => {
      const reply = await client.call({ op: 'get', sku: '85000A', region: 'eu-west' });
      const node = (reply.nodes as { node: string; onHand: number }[]).find((view) => view.node === 'replay-cut');
      expect(node?.onHand).toBeLessThan(60);
    }, WAIT);
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(text).toMatch(/interrupted after [\d,]+ lines\nGo on within 15 minutes with --run cut --stock 60/);

    const resumed = await replay('--run', 'cut', '--stock', '60');

    expect(resumed).toMatchObject({ code: 0, ok: true });
    expect(resumed.totals.replayed).toBeGreaterThan(0);
    const { replayed: _, ...totals } = resumed.totals;
    const { replayed: __, ...expected } = whole.totals;
    expect(totals).toEqual(expected);
  });

  test('given a worker that is killed meanwhile, then the replay waits for its successor and loses nothing', async () => {
    const before = (await epochOf(grid.port)) as number;
    const running = replay('--speed', '7200', '--run', 'killed');
    await vi.waitFor(async () => {
      const reply = await client.call({ op: 'get', sku: '85000A', region: 'eu-west' });
      expect((reply.nodes as { node: string }[]).some((view) => view.node === 'replay-killed')).toBe(true);
    }, WAIT);
    client.close();
    process.kill(await workerPid(grid, 'eu-west'), 'SIGKILL');

    const result = await running;

    expect(result).toMatchObject({ code: 0, ok: true, verification: { differencesTotal: 0 } });
    expect(await epochOf(grid.port)).toBeGreaterThan(before);
    client = await connectWire(grid.url);
  });

  test('given a grid whose stock was changed by another hand, then the position is named and it ends with 1', async () => {
    expect(await replay('--run', 'other', '--no-audit')).toMatchObject({ code: 0 });
    await client.call({
      op: 'adjust',
      sku: '85001A',
      region: 'eu-west',
      node: 'replay-other',
      delta: 1,
      reason: 'x',
      requestId: 'x1',
    });

    const { code, stdout } = await holdfast('replay', orders, '--run', 'other', '--no-audit', ...at);

    expect(code).toBe(1);
    expect(stdout).toContain('the run had been begun');
    expect(stdout).toMatch(/DIFFERS .*, 1 times:\n {2}85001A in eu-west: expected onHand (\d+), .*, found onHand \d+,/);
  });

  test('given another stock for a run that was begun, then it is refused', async () => {
    const { code, stderr } = await holdfast('replay', orders, '--run', 'cut', '--stock', '61', ...at);

    expect(code).toBe(1);
    expect(stderr).toContain('run cut was begun with another stock');
  });

  test.each([
    [['--speed', '0'], /It takes max, or a number above 0/],
    [['--run', 'a b'], /a run id is 1 to 24/],
    [['--parallel', '0'], /1 or more/],
  ])('given %j, then it is refused with 2', async (extra, reason) => {
    const { code, stderr } = await holdfast('replay', orders, ...extra, ...at);

    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });

  test('given a file of another kind, then it says which it takes', async () => {
    const other = join(root.path, 'other.csv');
    await writeFile(other, 'a,b\n1,2\n');

    const { code, stderr } = await holdfast('replay', other, ...at);

    expect(code).toBe(2);
    expect(stderr).toMatch(/the header has no column InvoiceNo\n.*UCI Online Retail/);
  });

  test('given no grid, then it says how to start one', async () => {
    const { code, stderr } = await holdfast('replay', orders, '--url', '127.0.0.1:1');

    expect(code).toBe(1);
    expect(stderr).toContain('npx holdfast start');
  });
});

async function epochOf(port: number): Promise<unknown> {
  const status = (await (await fetch(`http://127.0.0.1:${port}/v1/status`)).json()) as { info: { epoch: number } };
  return status.info.epoch;
}

/** The pid of a region's worker: the child of the grid's process whose arguments name the region. */
async function workerPid(of: RunningGrid, region: string): Promise<number> {
  const { execFileSync } = await import('node:child_process');
  const rows = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(of.process.pid)], { encoding: 'utf8' }).split(
    '\n',
  );
  const row = rows.find((text) => text.includes(`"region":"${region}"`));
  return Number(row?.trim().split(/\s+/)[0]);
}
