// `npm run bench:takeover`: workers are killed with SIGKILL under load, one after the other; how long until every SKU is
// acknowledged again, what clients saw, and whether every acknowledged unit is still there.
import { join } from 'node:path';
import { presentOf } from './harness/absent.ts';
import { Buyers } from './harness/buyers.ts';
import { describeMachine, machineLine } from './harness/machine.ts';
import { benchmarkCommand, type CommonOptions, parseCount, parseOneOf, parsePositive } from './harness/options.ts';
import { isSettled, regionAt, until } from './harness/region.ts';
import { Report } from './harness/report.ts';
import { alignedTable, quantile } from './harness/statistics.ts';
import { freshDir, removeDir, startHoldfast, startRedis } from './harness/systems.ts';

interface Options extends CommonOptions {
  readonly kills: number;
  readonly workers: number;
  readonly clients: number;
  readonly skus: number;
  readonly rate: number;
  readonly store: 'lmdb' | 'redis';
}

const options = benchmarkCommand('bench:takeover', 'Time until what a killed worker served is acknowledged again.')
  .option('--kills <n>', 'workers killed', parseCount, 50)
  .option('--workers <n>', 'worker processes of the region', parseCount, 2)
  .option('--clients <n>', 'connections that the buyers share', parseCount, 8)
  .option('--skus <n>', 'SKUs, each with a buyer', parseCount, 256)
  .option('--rate <n>', 'requests a second by all buyers, half of them reserves', parsePositive, 4_000)
  .option('--store <store>', 'lmdb or redis', parseOneOf(['lmdb', 'redis']), 'lmdb')
  .parse()
  .opts<Options>();

/** A worker lives so long before it is killed again, ms: longer than what its supervisor calls a quick death. */
const LIFE_MS = 13_000;
const killedBefore = new Map<string, number>();
/** When each sku was acknowledged for the first time since the kill; monotonic ms. */
const acknowledgedSince = new Map<string, number>();
let killedAt = Number.POSITIVE_INFINITY;

presentOf([options.store], '--store lmdb');
const dir = freshDir(options.dir);
const redis = options.store === 'redis' ? await startRedis(dir, 'always') : undefined;
const store = redis === undefined ? `lmdb:${join(dir, 'lmdb')}` : `redis://127.0.0.1:${redis.port}`;
const { service: grid, port } = await startHoldfast(store, { workers: options.workers });
const url = `http://127.0.0.1:${port}`;

const report = new Report(options.reports, `bench-takeover-${options.store}`);
try {
  const skus = Array.from({ length: options.skus }, (_, n) => `sku-${n}`);
  const buyers = await Buyers.start({
    port,
    clients: options.clients,
    skus,
    rate: options.rate,
    // What was sent before the kill may have been decided before it.
    granted: (sku, sentAt, answeredAt) => {
      if (sentAt >= killedAt && !acknowledgedSince.has(sku)) acknowledgedSince.set(sku, answeredAt);
    },
  });
  const times: number[] = [];
  for (let kill = 0; kill < options.kills; kill++) {
    await until('the grid is whole and even', () => isSettled(url, options.workers), 60_000);
    const victim = (await regionAt(url))?.workers[kill % options.workers];
    if (victim === undefined) throw new Error('no worker to kill');
    // A supervisor gives up on a worker that dies soon after its start again and again.
    const lived = performance.now() - (killedBefore.get(victim.id) ?? Number.NEGATIVE_INFINITY);
    if (lived < LIFE_MS) await new Promise((resolve) => setTimeout(resolve, LIFE_MS - lived));
    acknowledgedSince.clear();
    killedAt = performance.now();
    killedBefore.set(victim.id, killedAt);
    process.kill(victim.pid, 'SIGKILL');
    await until('every sku is acknowledged again', () => acknowledgedSince.size === skus.length, 30_000);
    const ms = Math.max(...acknowledgedSince.values()) - killedAt;
    killedAt = Number.POSITIVE_INFINITY;
    times.push(ms);
    const { acknowledged } = buyers;
    process.stderr.write(
      `kill ${kill + 1} of ${options.kills}: ${victim.id} ${Math.round(ms)} ms, ${acknowledged} acknowledged\n`,
    );
    report.write({ machine: describeMachine(), options, times, acknowledged, failures: [...buyers.failures] });
  }
  const { kept, missing } = await buyers.end();
  const at = (q: number): string => `${Math.round(quantile(times, q))} ms`;
  const table = [
    ['kills', 'p50', 'p90', 'p99', 'max', 'acknowledged', 'of them missing', 'kept', 'failed calls'],
    [
      String(times.length),
      at(0.5),
      at(0.9),
      at(0.99),
      at(1),
      String(buyers.acknowledged),
      String(missing),
      String(kept),
      buyers.failuresText(),
    ],
  ];
  const machine = describeMachine();
  const sections = [{ title: `Taking over from a killed worker (${options.store})`, table }];
  report.write({ machine, options, times, failures: [...buyers.failures], sections });
  console.log(`${machineLine(machine)}\n${alignedTable(table)}`);
  if (missing > 0) process.exitCode = 1;
} finally {
  await grid.stop();
  await redis?.service.stop();
  removeDir(dir);
}
