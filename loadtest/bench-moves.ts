// `npm run bench:moves`: a worker is drained under load, stopped, and joins again, several times; for how long nobody
// served a partition that moved, how long buyers waited meanwhile, and whether any call failed.
import { join } from 'node:path';
import { presentOf } from './harness/absent.ts';
import { Buyers } from './harness/buyers.ts';
import { describeMachine, machineLine } from './harness/machine.ts';
import { benchmarkCommand, type CommonOptions, parseCount, parseOneOf, parsePositive } from './harness/options.ts';
import { drain, isSettled, regionAt, until } from './harness/region.ts';
import { Report } from './harness/report.ts';
import { alignedTable, quantile } from './harness/statistics.ts';
import { freshDir, removeDir, startHoldfast, startRedis } from './harness/systems.ts';

interface Options extends CommonOptions {
  readonly rounds: number;
  readonly clients: number;
  readonly skus: number;
  readonly rate: number;
  readonly store: 'lmdb' | 'redis';
}

const options = benchmarkCommand('bench:moves', 'How long nobody serves a partition that moves, under load.')
  .option('--rounds <n>', 'times a worker is drained and joins again: 128 moves each', parsePositive, 5)
  .option('--clients <n>', 'connections that the buyers share', parseCount, 8)
  .option('--skus <n>', 'SKUs, each with a buyer', parseCount, 10_000)
  .option('--rate <n>', 'requests a second by all buyers, half of them reserves', parsePositive, 4_000)
  .option('--store <store>', 'lmdb or redis', parseOneOf(['lmdb', 'redis']), 'lmdb')
  .parse()
  .opts<Options>();

const WORKERS = 2;
const REST_MS = 5_000;
const PAUSE = /^holdfast_partition_move_pause_seconds_(bucket\{.*le="([^"]+)"\}|count\{?.*) (\d+)$/;

presentOf([options.store], '--store lmdb');
const dir = freshDir(options.dir);
const redis = options.store === 'redis' ? await startRedis(dir, 'always') : undefined;
const store = redis === undefined ? `lmdb:${join(dir, 'lmdb')}` : `redis://127.0.0.1:${redis.port}`;
const { service: grid, port } = await startHoldfast(store, { workers: WORKERS });
const url = `http://127.0.0.1:${port}`;

/** Pauses by the upper bound of their bucket, seconds, as each process has counted them so far. */
const pauses = new Map<number, ReadonlyMap<string, number>>();

/** Asked of each worker itself: one that has left is told of by nobody else. */
async function notePauses(workers: readonly { pid: number; url: string }[]): Promise<void> {
  for (const worker of workers) {
    const metrics = await fetch(new URL('/metrics', worker.url.replace(/^ws/, 'http')));
    const found = new Map<string, number>();
    for (const line of (await metrics.text()).split('\n')) {
      const match = PAUSE.exec(line);
      if (match !== null) found.set(match[2] ?? 'count', Number(match[3]));
    }
    pauses.set(worker.pid, found);
  }
}

/** How many pauses were no longer than each bound. */
function pausesWithin(): [bound: string, count: number][] {
  const sums = new Map<string, number>();
  for (const found of pauses.values()) {
    for (const [bound, count] of found) sums.set(bound, (sums.get(bound) ?? 0) + count);
  }
  return [...sums];
}

const report = new Report(options.reports, `bench-moves-${options.store}`);
try {
  /** How long each request took, ms, while partitions moved and while none did. */
  const moving: number[] = [];
  const resting: number[] = [];
  let waits = resting;
  const buyers = await Buyers.start({
    port,
    clients: options.clients,
    skus: Array.from({ length: options.skus }, (_, n) => `sku-${n}`),
    rate: options.rate,
    granted: (_sku, sentAt, answeredAt) => waits.push(answeredAt - sentAt),
  });
  const settled = (): Promise<void> => until('the grid is whole and even', () => isSettled(url, WORKERS), 60_000);
  for (let round = 0; round < options.rounds; round++) {
    await settled();
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    waits = moving;
    const victim = (await regionAt(url))?.workers[round % WORKERS];
    if (victim === undefined) throw new Error('no worker to drain');
    await drain(url, victim.id);
    const isEmpty = async (): Promise<boolean> => {
      const region = await regionAt(url);
      return (
        region !== undefined &&
        !region.workers.some(({ id, lanes }) => id === victim.id && lanes.some(({ open, sealed }) => open + sealed > 0))
      );
    };
    await until(`${victim.id} has handed over all`, isEmpty, 60_000);
    await notePauses([victim]);
    process.kill(victim.pid, 'SIGTERM');
    await settled();
    waits = resting;
    await notePauses((await regionAt(url))?.workers ?? []);
    process.stderr.write(`round ${round + 1} of ${options.rounds}: ${victim.id} was drained and has joined again\n`);
  }
  const { missing } = await buyers.end();
  const at = (of: readonly number[], q: number): string => `${quantile(of, q).toFixed(1)} ms`;
  const row = (what: string, of: readonly number[]): string[] => [
    what,
    String(of.length),
    at(of, 0.5),
    at(of, 0.99),
    at(of, 0.999),
    at(of, 1),
  ];
  const requests = [
    ['requests', 'count', 'p50', 'p99', 'p99.9', 'longest'],
    row('while nothing moves', resting),
    row('while partitions move', moving),
  ];
  const within = pausesWithin().map(([bound, count]) => [
    bound === 'count' ? 'all' : `≤ ${Number(bound) * 1_000} ms`,
    String(count),
  ]);
  const pauseRows = [['pauses of partitions', 'so many'], ...within.filter(([bound]) => bound !== '≤ Infinity ms')];
  const outcome = `failed calls: ${buyers.failuresText()}; acknowledged ${buyers.acknowledged}, of them missing ${missing}`;
  const machine = describeMachine();
  const title = `Moving partitions while they are sold from (${options.store})`;
  const sections = [
    { title, text: `${options.rounds} rounds; ${outcome}.`, table: pauseRows },
    { title: 'What buyers waited', table: requests },
  ];
  report.write({ machine, options, pauses: pausesWithin(), failures: [...buyers.failures], sections });
  console.log(`${machineLine(machine)}\n${alignedTable(requests)}\n\n${alignedTable(pauseRows)}\n${outcome}`);
  if (missing > 0) process.exitCode = 1;
} finally {
  await grid.stop();
  await redis?.service.stop();
  removeDir(dir);
}
