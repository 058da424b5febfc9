// `npm run bench:memory`: what a worker with many positions weighs above an empty one, and how long it takes to serve
// again after a clean stop and after a kill.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { presentOf } from './harness/absent.ts';
import { type MemoryFigures, settledMemory } from './harness/inspector.ts';
import { describeMachine, machineLine } from './harness/machine.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseCount,
  parseCounts,
  parseNames,
  parseSomeOf,
} from './harness/options.ts';
import { freePort, type Service } from './harness/processes.ts';
import { Report } from './harness/report.ts';
import { alignedTable } from './harness/statistics.ts';
import { freshDir, removeDir, startHoldfast, startRedis } from './harness/systems.ts';
import { loadStock, unitsAvailable } from './harness/wire.ts';
import type { Section, Series } from './report/section.ts';

const UNITS = 100;
const SERVED_MS_MAX = 120_000;
const POLL_MS = 20;

interface Options extends CommonOptions {
  readonly positions: number[];
  readonly stores: string[];
  readonly nodeFlags: string[];
  readonly settle: number;
}

const options = benchmarkCommand('bench:memory', 'Memory of many positions in one worker, and its restart.')
  .option(
    '--positions <counts>',
    'SKUs with stock at one node, in one measurement after the other',
    parseCounts,
    [1_000_000],
  )
  .option('--stores <names>', 'lmdb, redis', parseSomeOf(['lmdb', 'redis']), ['lmdb', 'redis'])
  .option(
    '--node-flags <flags>',
    'flags of Node, comma-separated, for the empty and the full worker alike',
    parseNames,
    [],
  )
  .option('--settle <s>', 'seconds after loading before memory is read: snapshots and timers run out', parseCount, 10)
  .parse()
  .opts<Options>();

interface Restart {
  readonly after: 'SIGTERM' | 'SIGKILL';
  /** ms from spawn to the line "holdfast ready", to 200 from /readyz, and to the first position read. */
  readonly readyLineMs: number;
  readonly readyzMs: number;
  readonly firstReadMs: number;
}

interface StoreReport {
  readonly store: string;
  readonly positions: number;
  readonly loadMs: number;
  readonly empty: MemoryFigures;
  readonly restarted: MemoryFigures;
  readonly loaded: MemoryFigures;
  readonly restarts: readonly Restart[];
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-memory');
console.log(machineLine(machine));
const stores = presentOf(options.stores, '--stores lmdb');
const reports: StoreReport[] = [];
for (const store of stores) {
  for (const positions of options.positions) {
    reports.push(await measured(store, positions));
    report.write({ machine, options, reports, sections: sectionsOf() });
  }
}
for (const one of reports) console.log(`\n${tableOf(one)}`);
console.log(`\nwrote ${report.path}`);
process.exit(0);

async function measured(store: string, positions: number): Promise<StoreReport> {
  const dir = freshDir(options.dir);
  const redis = store === 'redis' ? await startRedis(dir, 'always') : undefined;
  const address = redis === undefined ? `lmdb:${join(dir, 'lmdb')}` : `redis://127.0.0.1:${redis.port}`;
  try {
    const first = await start(address);
    const empty = await settledMemory(first.inspector, first.service.pid);
    const startMs = performance.now();
    await loadStock(first.port, positions, UNITS, (done) => {
      if (done % 100_000 === 0) console.log(`${store}: ${done} positions loaded`);
    });
    const loadMs = performance.now() - startMs;
    await sleep(options.settle * 1000);
    const loaded = await settledMemory(first.inspector, first.service.pid);
    await first.service.stop('SIGTERM');
    const [afterStop, stopped] = await restart(address, 'SIGTERM');
    const restarted = await settledMemory(afterStop.inspector, afterStop.service.pid);
    await afterStop.service.stop('SIGKILL');
    const [afterKill, killed] = await restart(address, 'SIGKILL');
    const units = await unitsAvailable(afterKill.port, positions);
    if (units !== positions * UNITS) throw new Error(`${units} units after the restarts`);
    await afterKill.service.stop('SIGTERM');
    return { store, positions, loadMs, empty, loaded, restarted, restarts: [stopped, killed] };
  } finally {
    await redis?.service.stop('SIGKILL');
    removeDir(dir);
  }
}

interface Worker {
  readonly service: Service;
  readonly port: number;
  /** Address of its inspector. */
  readonly inspector: string;
}

async function start(address: string): Promise<Worker> {
  const nodeFlags = [`--inspect=127.0.0.1:${await freePort()}`, ...options.nodeFlags];
  const { service, port } = await startHoldfast(address, { nodeFlags });
  const inspector = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(service.output)?.[0];
  if (inspector === undefined) throw new Error(`no inspector: ${service.output}`);
  return { service, port, inspector };
}

/** Starts on what is stored, timed from the spawn; `after` says how the process before it ended. */
async function restart(address: string, after: Restart['after']): Promise<[Worker, Restart]> {
  const port = await freePort();
  const startMs = performance.now();
  const readyz = servingSince(port, '/readyz', startMs);
  const firstRead = servingSince(port, '/v1/positions/sku-00000000/eu-west', startMs);
  const nodeFlags = [`--inspect=127.0.0.1:${await freePort()}`, ...options.nodeFlags];
  const { service } = await startHoldfast(address, { nodeFlags, port });
  const readyLineMs = performance.now() - startMs;
  const inspector = /ws:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]+/.exec(service.output)?.[0] ?? '';
  const restart = { after, readyLineMs, readyzMs: await readyz, firstReadMs: await firstRead };
  return [{ service, port, inspector }, restart];
}

/** ms from startMs until a GET answers 200. */
async function servingSince(port: number, path: string, startMs: number): Promise<number> {
  while (performance.now() - startMs < SERVED_MS_MAX) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return performance.now() - startMs;
    await sleep(POLL_MS);
  }
  throw new Error(`${path} did not answer`);
}

function tableOf({ store, positions, loadMs, empty, loaded, restarted, restarts }: StoreReport): string {
  const figure = (name: string, of: (memory: MemoryFigures) => number) => [
    name,
    mib(of(empty)),
    mib(of(loaded)),
    mib(of(loaded) - of(empty)),
    mib(of(restarted)),
    mib(of(restarted) - of(empty)),
  ];
  const rows = [
    [`${store}, ${positions} positions, MiB`, 'empty', 'loaded', 'above', 'restarted', 'above'],
    figure('resident (RSS)', ({ rss }) => rss),
    figure('  private', ({ rssAnonymous }) => rssAnonymous),
    figure('  pages of mapped files', ({ rssFiles }) => rssFiles),
    figure('heap used', ({ heapUsed }) => heapUsed),
    figure('external and buffers', ({ external }) => external),
  ];
  const lines = restarts.map(
    ({ after, readyLineMs, readyzMs, firstReadMs }) =>
      `after ${after}: ready line ${seconds(readyLineMs)}, /readyz ${seconds(readyzMs)}, first read ${seconds(firstReadMs)}`,
  );
  const perPosition = ((loaded.rss - empty.rss) / positions).toFixed(0);
  return [alignedTable(rows), `${perPosition} bytes RSS a position; loaded in ${seconds(loadMs)}`, ...lines].join('\n');
}

/** Memory and recovery over the number of positions, a line for each store. */
function sectionsOf(): Section[] {
  const head = [
    'store',
    'positions',
    'RSS above empty, MiB',
    'private, restarted, B a position',
    'loaded in s',
    'first read after SIGTERM s',
    'after SIGKILL s',
  ];
  const rows = reports.map(({ store, positions, loadMs, empty, loaded, restarted, restarts }) => [
    store,
    positions.toLocaleString('en'),
    mib(loaded.rss - empty.rss),
    ((restarted.rssAnonymous - empty.rssAnonymous) / positions).toFixed(0),
    (loadMs / 1000).toFixed(1),
    ...restarts.map(({ firstReadMs }) => (firstReadMs / 1000).toFixed(2)),
  ]);
  const lines = (name: string, of: (report: StoreReport) => number): Series[] =>
    stores.map((store) => ({
      name: `${store}, ${name}`,
      points: reports.filter((one) => one.store === store).map((one) => ({ x: one.positions, y: of(one) })),
    }));
  const x = { label: 'positions', log: true };
  const killed = ({ restarts }: StoreReport): number => (restarts.at(-1)?.firstReadMs ?? 0) / 1000;
  return [
    {
      title: 'Memory and restart by number of positions',
      text: `Idle positions, each with its adjust remembered; memory ${options.settle} s after loading.`,
      table: [head, ...rows],
      chart: { kind: 'lines', x, y: { label: 's', log: true }, series: lines('first read after SIGKILL', killed) },
    },
  ];
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
