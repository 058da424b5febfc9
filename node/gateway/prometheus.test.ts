// What /metrics says, as Prometheus itself sees it: its linter finds nothing, and a real server scrapes and answers.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attachGrid } from '../metrics/metrics.ts';
import { onStop, type Started, start, stopAfterEach } from './testing/setup.ts';

stopAfterEach();

const HOW_TO_INSTALL = 'install it, e.g. with `apt-get install prometheus` (the Debian package carries promtool too)';

const NAMES = [
  'holdfast_actors_in_memory',
  'holdfast_backpressure_bytes',
  'holdfast_build_info',
  'holdfast_connections',
  'holdfast_connections_closed_total',
  'holdfast_engine_info',
  'holdfast_expiries_total',
  'holdfast_invariant_violations_total',
  'holdfast_journal_append_failures_total',
  'holdfast_journal_batch_records',
  'holdfast_journal_commit_duration_seconds',
  'holdfast_journal_lag_records',
  'holdfast_journal_tail_records',
  'holdfast_live_reservations',
  'holdfast_mailbox_depth',
  'holdfast_positions',
  'holdfast_pushes_coalesced_total',
  'holdfast_request_duration_seconds',
  'holdfast_sheds_total',
  'holdfast_snapshot_age_seconds',
  'holdfast_snapshot_duration_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'process_resident_memory_bytes',
];

/** A gateway that has served each kind of thing that is counted. */
async function startServed(): Promise<Started> {
  const started = await start();
  attachGrid(started.metrics, started.grid);
  const client = await started.connect({ encoding: 'msgpack' });
  const gone = await started.connect();
  gone.socket.close();
  await gone.closed;
  await client.ask({ op: 'reserve', sku: 'A', region: 'eu-west', qty: 1, requestId: 'r' });
  await client.ask({ op: 'get', sku: 'UNKNOWN', region: 'eu-west' });
  await client.ask({ op: 'get' });
  started.metrics.sheds.inc({ reason: 'mailbox' });
  started.metrics.appendFailures.inc({ result: 'unavailable' });
  started.metrics.commitDuration.observe(0.001);
  started.metrics.batchRecords.observe(64);
  return started;
}

test('given a gateway that served, when its metrics are linted, then promtool finds nothing', async () => {
  const { port } = await startServed();
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain');
  const text = await response.text();
  for (const name of NAMES) expect(text, name).toContain(`# TYPE ${name} `);
  expect(text).toContain('holdfast_request_duration_seconds_count{op="get",code="NOT_FOUND"} 1');
  expect(text).toContain('holdfast_request_duration_seconds_count{op="invalid",code="BAD_REQUEST"} 1');
  expect(text).toContain('holdfast_connections{encoding="msgpack"} 1');
  expect(text).toContain('holdfast_connections_closed_total{reason="client"} 1');
  expect(text).toContain('holdfast_journal_lag_records 2');
  expect(text).toContain('holdfast_snapshot_age_seconds 1.5');
  const findings = await lint(text);
  expect(findings).toBe('');
});

test('given a real Prometheus, when it scrapes the gateway, then it answers questions about it', async () => {
  const { port } = await startServed();
  const prometheus = await startPrometheus(port);
  const ask = async (query: string): Promise<string | undefined> => {
    const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`).catch(
      () => undefined,
    );
    if (response?.ok !== true) return undefined;
    const answer = (await response.json()) as { data: { result: { value: [number, string] }[] } };
    return answer.data.result[0]?.value[1];
  };
  await expect.poll(() => ask('up{job="holdfast"}'), { timeout: 25_000, interval: 100 }).toBe('1');
  expect(await ask('sum(holdfast_request_duration_seconds_count{op="reserve",code="OK"})')).toBe('1');
  expect(await ask('holdfast_journal_lag_records')).toBe('2');
  expect(await ask('holdfast_actors_in_memory{residency="packed"}')).toBe('4');
  const p99 = 'histogram_quantile(0.99, sum by (le) (holdfast_request_duration_seconds_bucket{op="reserve"}))';
  expect(Number(await ask(p99))).toBeGreaterThan(0);
});

/** What promtool has to say; empty when it is content. */
function lint(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const promtool = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => {
      if (error?.code === 'ENOENT') reject(new Error(`promtool is not on the PATH: ${HOW_TO_INSTALL}`));
      else resolve(`${error === null ? '' : `exit code ${error.code}\n`}${stdout}${stderr}`);
    });
    promtool.stdin?.on('error', () => {});
    promtool.stdin?.end(text);
  });
}

/** Starts a server of its own that scrapes the port ten times a second; answers its address. */
async function startPrometheus(scraped: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-prometheus-'));
  onStop(() => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'prometheus.yml');
  await writeFile(
    config,
    `scrape_configs:\n  - job_name: holdfast\n    scrape_interval: 100ms\n    scrape_timeout: 100ms\n    static_configs:\n      - targets: ['127.0.0.1:${scraped}']\n`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  const server = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('spawn', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new Error(`prometheus is not on the PATH: ${HOW_TO_INSTALL}`) : error);
    });
  });
  onStop(async () => {
    if (server.exitCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  });
  return `http://${address}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
