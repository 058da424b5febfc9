// `holdfast start` and `serve` as their users meet them: ready lines, the first stock, restarts, signals, taken places.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { freePortPair, holdfast, startBothRegions } from './support/cli.ts';
import { CLI, freePort, type RunningGrid, startGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';
import { connectWire } from './support/wire.ts';

const WAIT = { timeout: 60_000, interval: 50 };

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function dataDir(): Promise<string> {
  const directory = await temporaryDirectory();
  cleanups.push(directory.remove);
  return directory.path;
}

function tracked(grid: RunningGrid): RunningGrid {
  cleanups.push(async () => {
    if (grid.process.exitCode === null && grid.process.signalCode === null) await grid.end('SIGKILL');
  });
  return grid;
}

interface Status {
  readonly info: { readonly region: string; readonly epoch: number };
  readonly figures: { readonly positions: number };
}

async function statusOf(port: number): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${port}/v1/status`)).json()) as Status;
}

/** The pids of the workers, from the ready line of a start with --json. */
function workerPids(grid: RunningGrid): Map<string, number> {
  const ready = grid
    .output()
    .split('\n')
    .find((line) => line.startsWith('{"event":"ready"'));
  return new Map(Object.entries(JSON.parse(ready ?? '{}').pids as Record<string, number>));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** With --json there is no plain ready line; the event says the same. */
async function startJson(args: readonly string[], port: number): Promise<RunningGrid> {
  const child = spawn(process.execPath, [CLI, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await vi.waitFor(() => expect(text).toContain('{"event":"ready"'), WAIT);
  return tracked({
    port,
    url: `ws://127.0.0.1:${port}/v1`,
    process: child,
    output: () => text,
    end: async (signal) => {
      child.kill(signal);
      const [code, by] = await exited;
      return code ?? (by as NodeJS.Signals);
    },
  });
}

/** An order for a bundle of the example's catalogue is sourced by the example's rules, and its journey shows what of it is what. */
async function expectBundleSourced(port: number): Promise<void> {
  const region = 'us-east';
  const client = await connectWire(`ws://127.0.0.1:${port}/v1`);
  const order = {
    orderId: 'set-1',
    lines: [{ lineId: '1', sku: 'SET-TEA-FOR-TWO', qty: 1, grams: 2_440, value: 10_700 }],
    destination: { latitude: 38.9072, longitude: -77.0369, postalCode: '20001' },
  };
  await client.call({ op: 'captureOrder', region, order, requestId: 'capture-set-1' });
  await vi.waitFor(async () => {
    const { detail } = await client.call({ op: 'getOrder', region, orderId: 'set-1' });
    expect((detail as { packages: readonly unknown[] }).packages).not.toEqual([]);
  }, WAIT);
  client.close();
  const { stdout } = await holdfast('order', 'set-1', '--url', `http://127.0.0.1:${port}`);
  expect(stdout).toMatch(/expanded +task:source#1 +1 × SET-TEA-FOR-TWO by 2026-11-24/);
  expect(stdout).toMatch(/1 +SET-TEA-FOR-TWO +1\.2 +2 × MUG-STONEWARE-BLUE/);
}

describe('holdfast start', () => {
  test('given a first start, then both regions serve the demo stock; a clean stop and a second start, now with rules, keep what was sold', async () => {
    const data = await dataDir();
    const port = await freePortPair();
    const args = ['start', '--port', String(port), '--data-dir', data];
    const first = tracked(await startGrid(args, port));

    expect(first.output()).toMatch(/^engine {3}\S/m);
    expect(first.output()).toMatch(
      new RegExp(`^eu-west {2}ws://127.0.0.1:${port}/v1 {2}lmdb:${data} \\(fsync\\)$`, 'm'),
    );
    expect(first.output()).toMatch(/^holdfast ready$/m);
    expect((await statusOf(port)).info.region).toBe('eu-west');
    expect((await statusOf(port + 1)).info.region).toBe('us-east');
    const { info, figures } = await statusOf(port);
    const { epoch } = info;
    const { positions } = figures;
    expect(positions).toBeGreaterThan(50);

    const client = await connectWire(first.url);
    const flash = { sku: 'FLASH-CONSOLE-01', region: 'eu-west' };
    const reserved = await client.call({ op: 'reserve', ...flash, qty: 2, owner: 'buyer-1', requestId: 'r1' });
    expect(reserved).toMatchObject({ ok: true, availableToSell: 98 });
    expect(await client.call({ op: 'reserve', ...flash, qty: 1, owner: 'buyer-1', requestId: 'r2' })).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
    await client.call({ op: 'commit', reservationId: reserved.reservationId, requestId: 'r3' });
    await client.call({ op: 'ship', reservationId: reserved.reservationId, requestId: 'r4' });
    client.close();
    expect(await first.end('SIGTERM')).toBe(0);
    expect(first.output()).toMatch(/^holdfast stopped$/m);

    const examples = ['--rules', 'examples/sourcing/rules.json', '--bundles', 'examples/sourcing/bundles.json'];
    const policy = ['--policy', 'examples/policies/standard.yaml', '--speed', '500'];
    const second = tracked(await startGrid([...args, ...examples, ...policy], port));
    expect(second.output()).not.toMatch(/positions of the catalogue/);
    expect((await statusOf(port)).info.epoch).toBeGreaterThan(epoch);
    expect((await statusOf(port)).figures.positions).toBe(positions);
    const again = await connectWire(second.url);
    expect(await again.call({ op: 'get', ...flash })).toMatchObject({ onHand: 98, availableToSell: 98 });
    expect(await again.call({ op: 'ship', reservationId: reserved.reservationId, requestId: 'r4' })).toMatchObject({
      ok: true,
      replayed: true,
    });
    again.close();
    await expectBundleSourced(port + 1);
    expect(second.output()).toMatch(/^orders {3}sourced and fulfilled here; .*\(seed 1, 500 × the time\)$/m);
    expect(await second.end('SIGINT')).toBe(0);
  });

  test('given a worker that is killed, then the supervisor starts another and the grid goes on', async () => {
    const port = await freePortPair();
    const args = ['start', '--port', String(port), '--data-dir', await dataDir(), '--catalog', 'none'];
    const grid = await startJson(args, port);

    const before = [(await statusOf(port)).info.epoch, (await statusOf(port + 1)).info.epoch];

    process.kill(workerPids(grid).get('eu-west') ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(grid.output()).toContain('eu-west serves again'), WAIT);

    expect((await statusOf(port)).info.epoch).toBeGreaterThan(before[0] ?? 0);
    expect((await statusOf(port + 1)).info.epoch).toBe(before[1]);
    expect(await grid.end('SIGTERM')).toBe(0);
  });

  test('given a supervisor that is killed, then no worker outlives it', async () => {
    const port = await freePortPair();
    const args = ['start', '--port', String(port), '--data-dir', await dataDir(), '--catalog', 'none'];
    const grid = await startJson(args, port);
    const pids = [...workerPids(grid).values()];
    expect(pids.map(isAlive)).toEqual([true, true]);

    await grid.end('SIGKILL');

    await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), WAIT);
  });

  test('given a port that is taken, then it names the port and the way out, and ends with 1', async () => {
    const port = await freePortPair();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    cleanups.push(async () => other.close());

    const { code, stderr } = await holdfast('start', '--port', String(port), '--data-dir', await dataDir());

    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`holdfast: eu-west: .*${port}`));
    expect(stderr).toContain('--port');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('given a data directory that another grid uses, then it says who and the way out, and that grid goes on', async () => {
    const data = await dataDir();
    const grid = tracked(await startBothRegions(data));
    const { epoch } = (await statusOf(grid.port)).info;

    const port = await freePortPair();
    const { code, stderr } = await holdfast('start', '--port', String(port), '--data-dir', data, '--catalog', 'none');

    expect(code).toBe(1);
    expect(stderr).toMatch(/^holdfast: (eu-west|us-east): /m);
    expect(stderr).toContain('--data-dir');
    expect((await statusOf(grid.port)).info.epoch).toBe(epoch);
    expect(await grid.end('SIGTERM')).toBe(0);
  });

  test.each([
    [
      'a Redis that refuses and is not waited for',
      ['--store', 'redis://127.0.0.1:1', '--store-wait-ms', '0'],
      /ECONNREFUSED.*\n.*--store/,
    ],
    ['a data directory that is a file', ['--data-dir', CLI], /ENOTDIR.*\n.*--data-dir/],
  ])('given %s, then it says so at once with a way out, and ends with 1', async (_, where, reason) => {
    const port = String(await freePortPair());

    const { code, stdout, stderr } = await holdfast('start', '--port', port, '--catalog', 'none', ...where);

    expect(code).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stdout).not.toContain('restarting');
  });

  test('given a Redis that is not there, then it says so and what to do within seconds, and a signal ends it', async () => {
    const port = String(await freePortPair());
    const args = ['start', '--port', port, '--catalog', 'none', '--store', 'redis://127.0.0.1:1'];
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    cleanups.push(async () => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const exit = once(child, 'exit');
    await vi.waitFor(() => expect(said).toMatch(/ECONNREFUSED.*waiting for it for \d+ s at most.*--store/), {
      timeout: 10_000,
    });
    child.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
  });

  test.each([
    [['--workers', '0'], /whole number of 1 or more/],
    [['--port', '65535'], /leaves no room/],
    [['--port', 'http'], /A port is a number/],
    [['--store', 'mysql://x'], /It takes redis:/],
    [['--policy', 'policy.yaml'], /--policy needs --rules/],
    [['--speed', '2'], /--speed needs --demo or --rules/],
    [['--seed', '2'], /--seed needs --demo or --rules/],
  ])('given %j, then it is refused with 2 and the reason', async (extra, reason) => {
    const { code, stderr } = await holdfast('start', ...extra);

    expect(code).toBe(2);
    expect(stderr).toMatch(reason);
  });
});

describe('files given to a grid that is to start', () => {
  const RULES = ['--rules', 'examples/sourcing/rules.json'];

  test.each([
    [
      'rules that are not there',
      ['start', '--rules', 'nowhere.json'],
      /nowhere\.json cannot be read: .*\nOne to begin with is/,
    ],
    [
      'a policy in place of rules',
      ['start', '--rules', 'examples/policies/standard.yaml'],
      /which is given by --policy/,
    ],
    [
      'a policy that is none',
      ['start', ...RULES, '--policy', 'examples/files/orders.csv'],
      /orders\.csv cannot be used/,
    ],
    ['bundles that are not there', ['start', ...RULES, '--bundles', 'nowhere.json'], /nowhere\.json cannot be read/],
    ['a catalogue that is not there', ['start', '--catalog', 'nowhere.csv'], /cannot read nowhere\.csv/],
    [
      'a catalogue that is none',
      ['start', '--catalog', 'examples/files/orders.csv'],
      /the header has no column region/,
    ],
    [
      'the same for one worker',
      ['serve', '--region', 'eu-west', '--catalog', 'nowhere.csv'],
      /cannot read nowhere\.csv/,
    ],
    [
      'and several',
      ['serve', '--region', 'eu-west', '--workers', '2', '--catalog', 'nowhere.csv'],
      /cannot read nowhere\.csv/,
    ],
  ])('given %s, then it says so and ends with 2 before anything is started', async (_, args, reason) => {
    const data = await dataDir();

    const { code, stdout, stderr } = await holdfast(...args, '--port', '0', '--data-dir', data);

    expect(stderr).toMatch(reason);
    expect({ code, stdout, left: await readdir(data) }).toEqual({ code: 2, stdout: '', left: [] });
  });
});

describe('credentials', () => {
  test('given a token file, then a caller without the token gets 401, and the commands that have it work', async () => {
    const data = await dataDir();
    const file = join(data, 'token');
    await writeFile(file, 'open-sesame\n');
    const port = await freePortPair();
    const at = ['--port', String(port)];
    const grid = tracked(await startGrid(['start', ...at, '--data-dir', data, '--token-file', file], port));
    const stock = join(data, 'stock.csv');
    await writeFile(stock, 'sku,region,node,onHand\nT-1,eu-west,n1,1\n');

    expect((await fetch(`http://127.0.0.1:${port}/v1/status`)).status).toBe(401);
    for (const command of [['status'], ['export'], ['import', stock]]) {
      const refused = await holdfast(...command, ...at);
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--token-file') });
    }

    const commands = [['status'], ['export'], ['import', stock], ['audit', '--data-dir', data]];
    for (const command of commands) {
      expect(await holdfast(...command, ...at, '--token-file', file)).toMatchObject({ code: 0 });
    }
    expect(await grid.end('SIGTERM')).toBe(0);
  });

  test('given an empty token file, then nothing is started: it would be open to all', async () => {
    const file = join(await dataDir(), 'token');
    await writeFile(file, '\n');

    expect(await holdfast('start', '--token-file', file)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is empty'),
    });
  });
});

describe('holdfast serve', () => {
  test('given an IPv6 address, then its URLs have brackets and the region can be reached', async () => {
    const port = await freePort();
    const args = ['serve', '--host', '::1', '--port', String(port), '--store', 'memory:', '--catalog', 'demo'];
    const worker = tracked(await startGrid(args, port));

    expect(worker.output()).toContain(`ws://[::1]:${port}/v1`);
    expect(worker.output()).not.toContain('warning');
    expect(await holdfast('status', '--url', `[::1]:${port}`)).toMatchObject({ code: 0 });
    await worker.end('SIGTERM');
  });

  test('given a catalogue file, then the region begins with it, and a first signal drains', async () => {
    const worker = tracked(await startWorkerProcess('memory:', await freePort(), ['--catalog', 'demo']));

    expect(worker.output()).toMatch(/eu-west: \d+ positions of the catalogue demo loaded\n(.*\n)*holdfast ready/);
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(worker.output()).toMatch(/SIGTERM: draining\nholdfast stopped\n$/);
  });

  test('given a region with another name, then it serves that', async () => {
    const port = await freePort();
    const args = ['serve', '--region', 'ap-south', '--port', String(port), '--store', 'memory:', '--catalog', 'demo'];
    const worker = tracked(await startGrid(args, port));

    expect((await statusOf(port)).info.region).toBe('ap-south');
    expect((await statusOf(port)).figures.positions).toBeGreaterThan(20);
    await worker.end('SIGTERM');
  });

  test('given --partitions, then the region is created with so many, and a start with another number is refused', async () => {
    const store = `lmdb:${await dataDir()}`;
    const port = await freePort();
    const workers = ['--workers', '2', '--partitions', '16'];
    const grid = tracked(await startGrid(['serve', '--port', String(port), '--store', store, ...workers], port));
    expect((await statusOf(port)).info).toMatchObject({ partitions: 16 });
    await grid.end('SIGTERM');

    const refused = await holdfast('serve', '--port', String(port), '--store', store);

    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('holds region eu-west with 16 partitions');
    expect(refused.stderr).toContain('--partitions');
    const again = tracked(await startWorkerProcess(store, port, ['--partitions', '16']));
    expect((await statusOf(port)).info).toMatchObject({ partitions: 16 });
    await again.end('SIGTERM');
  });

  test.each(['0', '65537', '1.5'])(
    'given --partitions %s, then it says what it takes and ends with 2',
    async (count) => {
      const { code, stderr } = await holdfast('serve', '--partitions', count, '--store', 'memory:');

      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('1 to 65536 partitions') });
    },
  );

  test('given a catalogue with a bad row, then it names the row and ends with 2', async () => {
    const { code, stderr } = await holdfast(
      'serve',
      '--port',
      '0',
      '--store',
      'memory:',
      '--catalog',
      '/nonexistent.csv',
    );

    expect(code).toBe(2);
    expect(stderr).toContain('cannot read /nonexistent.csv');
  });
});
