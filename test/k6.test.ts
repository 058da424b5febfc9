// The load tests, with the real k6 and short: that they say what is so. A flash sale sells exactly what there was, a bound that is
// crossed fails the run, the page shows its charts in a browser, and a command line that makes no sense is answered.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { AvailabilityView } from '../protocol/index.ts';
import { toolPath } from './setup/tools.ts';
import { type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';

const RUNNER = fileURLToPath(new URL('../dist/loadtest/k6.js', import.meta.url));
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PROTOCOLS = ['msgpack', 'json'] as const;
/** What is tested here is not how fast the grid is. */
const PATIENT = ['--p99', '30s'];
const THRESHOLDS_CROSSED = 99;
const USAGE = 2;
const STALL_MS = 2_000;

interface Ended {
  readonly code: number;
  /** All that was printed. */
  readonly output: string;
  /** The page, as a path; the summary lies beside it. */
  readonly page: string;
}

interface Summary {
  readonly run: { readonly id: string };
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Record<string, { readonly ok: boolean }>;
      }
    >
  >;
}

describe('the k6 load tests', () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  let grid: RunningGrid;
  let reports: string;

  beforeAll(async () => {
    const directory = await temporaryDirectory();
    cleanUp.push(directory.remove);
    reports = join(directory.path, 'reports');
    grid = await startWorkerProcess(`lmdb:${join(directory.path, 'lmdb')}`);
    cleanUp.push(() => grid.end('SIGKILL'));
  });

  afterAll(async () => {
    for (const clean of cleanUp.reverse()) await clean();
  });

  function loadtest(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return new Promise((resolve) => {
      const given = [RUNNER, ...args];
      execFile(process.execPath, given, { cwd: ROOT, env: { ...process.env, ...env } }, (error, stdout, stderr) => {
        const output = stdout + stderr;
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, output, page: /^report: (.*\.html)/m.exec(output)?.[1] ?? '' });
      });
    });
  }

  function onGrid(scenario: string, ...args: string[]): Promise<Ended> {
    return loadtest([scenario, '--url', grid.url, '--reports', reports, ...args]);
  }

  async function summaryOf({ page }: Ended): Promise<Summary> {
    return JSON.parse(await readFile(page.replace(/html$/, 'json'), 'utf8')) as Summary;
  }

  async function position(sku: string): Promise<AvailabilityView> {
    const response = await fetch(`http://127.0.0.1:${grid.port}/v1/positions/${sku}/eu-west`);
    return (await response.json()) as AvailabilityView;
  }

  /** Of all SKUs. */
  async function unitsReserved(): Promise<number> {
    const body = JSON.stringify({ id: 1, op: 'list', region: 'eu-west' });
    const response = await fetch(`http://127.0.0.1:${grid.port}/v1/requests`, { method: 'POST', body });
    const { positions } = (await response.json()) as { positions: readonly AvailabilityView[] };
    return positions.reduce((sum, { reserved }) => sum + reserved, 0);
  }

  describe.each(PROTOCOLS)('over %s', (protocol) => {
    test('given no grid, smoke starts one, and leaves no store behind', async () => {
      const directory = await temporaryDirectory();
      cleanUp.push(directory.remove);
      const stores = join(directory.path, 'stores');
      await mkdir(stores);
      const ended = await loadtest(['smoke', '--protocol', protocol, '--reports', reports, '--dir', stores]);

      expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('8 acknowledged, 0 refused') });
      // What it sold it has shipped, and nobody asked the grid for it.
      expect(ended.output).not.toContain('units');
      expect(await readdir(stores)).toEqual([]);
    });

    test('given more buyers than units, the flash sale sells each unit once, as the grid itself says afterwards', async () => {
      const stock = ['--units', '2000', '--buyers', '5000', '--duration', '3s'];
      const ended = await onGrid('flash-sale', '--protocol', protocol, ...stock, ...PATIENT);

      expect(ended).toMatchObject({ code: 0 });
      const { run, metrics } = await summaryOf(ended);
      expect(await position(`load-${run.id}-0`)).toMatchObject({ allocated: 2_000, reserved: 0, availableToSell: 0 });
      expect(metrics['holdfast_acknowledged{op:commit}']?.values.count).toBe(2_000);
      expect(metrics['holdfast_refused{code:INSUFFICIENT_STOCK}']?.values.count).toBeGreaterThanOrEqual(3_000);
    });

    test('given buyers that pay, change their mind or leave, every unit is accounted for', async () => {
      const load = ['--rate', '200', '--skus', '20', '--duration', '4s'];
      const ended = await onGrid('mixed', '--protocol', protocol, ...load, ...PATIENT);

      expect(ended).toMatchObject({ code: 0 });
      const { metrics } = await summaryOf(ended);
      for (const op of ['get', 'reserve', 'commit', 'release'])
        expect(metrics[`holdfast_latency{op:${op},code:OK}`]?.values.count, op).toBeGreaterThan(0);
    });
  });

  describe('given a bound that no grid keeps', () => {
    let ended: Ended;

    beforeAll(async () => {
      ended = await onGrid('steady', '--rate', '200', '--duration', '3s', '--p99', '1ms');
    });

    test('the run fails, and the summary says which threshold did it', async () => {
      expect(ended).toMatchObject({
        code: THRESHOLDS_CROSSED,
        output: expect.stringMatching(/^CROSSED +holdfast_latency p\(99\)<1/m),
      });
      const { metrics } = await summaryOf(ended);
      expect(metrics.holdfast_latency?.thresholds).toEqual({ 'p(99)<1': { ok: false } });
      expect(metrics.holdfast_unexpected?.thresholds).toEqual({ 'rate==0': { ok: true } });
    });

    test('its page shows that in a browser, with charts, and asks nothing of any network', async () => {
      const browser = await chromium.launch({ executablePath: toolPath('chromium'), args: ['--no-sandbox'] });
      cleanUp.push(() => browser.close());
      const page = await browser.newPage();
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      const address = pathToFileURL(ended.page).href;
      await page.goto(address);

      expect(asked).toEqual([address]);
      expect(await page.locator('tr.crossed').allInnerTexts()).toEqual([expect.stringContaining('p(99)<1')]);
      expect(await page.locator('#ops tr').nth(1).textContent()).toMatch(/^reserveOK\d{3}/);
      const charts = await page.locator('svg').all();
      expect(charts).toHaveLength(2);
      for (const chart of charts) {
        const line = (await chart.locator('polyline').first().boundingBox()) ?? { width: 0 };
        const whole = (await chart.boundingBox()) ?? { width: Number.POSITIVE_INFINITY };
        expect(line.width).toBeGreaterThan(whole.width / 2);
      }
    });
  });

  test('given a k6 that stands still, its requests count from when they were due', async () => {
    const directory = await temporaryDirectory();
    cleanUp.push(directory.remove);
    const [k6, pidFile] = [join(directory.path, 'k6'), join(directory.path, 'pid')];
    await writeFile(k6, `#!/bin/sh\necho $$ > '${pidFile}'\nexec '${process.env.K6 ?? 'k6'}' "$@"\n`, { mode: 0o755 });
    const before = await unitsReserved();
    const args = ['steady', '--url', grid.url, '--reports', reports, '--rate', '200', '--duration', '6s', ...PATIENT];
    const ending = loadtest(args, { K6: k6 });
    await vi.waitUntil(async () => (await unitsReserved()) > before + 100, { timeout: 60_000, interval: 50 });
    const pid = Number(await readFile(pidFile, 'utf8'));
    process.kill(pid, 'SIGSTOP');
    await setTimeout(STALL_MS);
    process.kill(pid, 'SIGCONT');
    const ended = await ending;

    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('measured itself rather than the grid') });
    const { metrics } = await summaryOf(ended);
    // Those due in the first half of the stall, a sixth of all, waited for more than its second half.
    expect(metrics.holdfast_latency?.values['p(90)']).toBeGreaterThan(STALL_MS / 2);
    expect(metrics.holdfast_lateness?.values['p(90)']).toBeGreaterThan(STALL_MS / 2);
  });

  describe('the command line', () => {
    test.each([
      ['no scenario', [], 'Commands:'],
      ['an unknown scenario', ['flash'], "unknown command 'flash'"],
      ['an option that the scenario has not', ['smoke', '--rate', '5'], "unknown option '--rate'"],
      ['a time without its unit', ['steady', '--duration', '30'], 'not like 250ms'],
      ['a count that is none', ['steady', '--rate', '0'], 'must be above 0'],
      ['another kind of address', ['smoke', '--url', 'http://127.0.0.1:7400'], 'not like ws://'],
      ['an unknown protocol', ['smoke', '--protocol', 'xml'], 'Allowed choices'],
    ])('given %s, answers with the usage', async (_, args, why) => {
      const ended = await loadtest(args);

      expect(ended.code).toBe(USAGE);
      expect(ended.output).toContain(why);
      expect(ended.output).toContain('Usage: npm run loadtest --');
    });

    test('given no k6, says how to get it, and starts nothing', async () => {
      const ended = await loadtest(['smoke', '--reports', join(reports, 'never')], { K6: '/nowhere/k6' });

      expect(ended.code).toBe(USAGE);
      expect(existsSync(join(reports, 'never'))).toBe(false);
      expect(ended.output).toContain('go install go.k6.io/k6@');
    });

    test('given an address where nobody is, the run fails and says so', async () => {
      const ended = await loadtest(['steady', '--url', 'ws://127.0.0.1:9', '--reports', reports]);

      expect(ended.code).not.toBe(0);
      expect(ended.output).toContain('no grid answers at http://127.0.0.1:9');
      expect(ended.output).toMatch(/^not measured +holdfast_latency p\(99\)<100$/m);
      expect(ended.output).not.toMatch(/^held/m);
      expect(await readFile(ended.page, 'utf8')).not.toContain('<td>held</td>');
    });

    test.each([
      ['at once', 0],
      ['midway', 1_500],
    ])(
      'given a proxy that closes each connection %s as if all were well, the run fails and says how many requests that concerns',
      async (_, afterMs) => {
        const proxy = createServer((request, response) => {
          const { method, url: path, headers } = request;
          const onward = forward({ port: grid.port, method, path, headers }, (answer) => {
            response.writeHead(answer.statusCode ?? 500, answer.headers);
            answer.pipe(response);
          });
          request.pipe(onward);
        });
        const sockets = new WebSocketServer({ server: proxy, handleProtocols: ([first]) => first ?? false });
        sockets.on('connection', (socket, { url = '' }) => {
          const onward = new WebSocket(`ws://127.0.0.1:${grid.port}${url}`, socket.protocol);
          const isOpen = new Promise((resolve) => onward.once('open', resolve));
          socket.on('message', async (data, binary) => {
            await isOpen;
            onward.send(data, { binary });
          });
          onward.on('message', (data, binary) => socket.send(data, { binary }));
          onward.on('error', () => socket.close());
          socket.on('close', () => onward.close());
          globalThis.setTimeout(() => socket.close(1_000), afterMs);
        });
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
        cleanUp.push(async () => proxy.close());
        const url = `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
        const args = ['steady', '--url', url, '--rate', '50', '--duration', '3s', '--reports', reports, ...PATIENT];
        const ended = await loadtest(args);

        expect(ended.code).toBe(THRESHOLDS_CROSSED);
        expect(ended.output).toMatch(/connection \d+ ended with \d+ requests unanswered/);
        expect(ended.output).toMatch(/^CROSSED +holdfast_unexpected rate==0/m);
        expect(ended.output).toMatch(
          afterMs === 0 ? /^CROSSED +holdfast_acknowledged count>0/m : /^held +holdfast_acknowledged count>0/m,
        );
      },
    );
  });
});
