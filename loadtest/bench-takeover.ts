// `npm run bench:takeover`: workers are killed with SIGKILL under load, one after the other; how long until every SKU is
// acknowledged again, what clients saw, and whether every acknowledged unit is still there.
import { join } from 'node:path';
import { connect, type HoldfastClient, HoldfastError } from '../protocol/client/index.ts';
import { describeMachine, machineLine } from './harness/machine.ts';
import { benchmarkCommand, type CommonOptions, parseCount } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable } from './harness/statistics.ts';
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
  .option('--clients <n>', 'connections, each with as many requests in flight', parseCount, 8)
  .option('--skus <n>', 'SKUs, reserved in turns', parseCount, 256)
  .option('--rate <n>', 'requests a second by all clients, half of them reserves', parseCount, 4_000)
  .option('--store <store>', 'lmdb or redis', 'lmdb')
  .parse()
  .opts<Options>();

const STOCK = 1_000_000_000;
const TTL_MS = 86_400_000;
const KEPT_MAX = 100;

interface Status {
  readonly region: {
    readonly workers: readonly {
      readonly id: string;
      readonly pid: number;
      readonly moving: readonly number[];
      readonly lanes: readonly { readonly open: number; readonly sealed: number }[];
    }[];
    readonly silent: readonly string[];
    readonly partitions: readonly unknown[];
  };
}

const skus = Array.from({ length: options.skus }, (_, n) => `sku-${n}`);
/** When each sku was acknowledged last, and for the first time since the kill; monotonic ms. */
const acknowledgedSince = new Map<string, number>();
const reserved = new Map<string, number>();
let acknowledged = 0;
const failures = new Map<string, number>();
let killedAt = Number.POSITIVE_INFINITY;
let isOver = false;

/** A buyer: reserves, and gives back what it reserved a while ago; a hundred reservations of each stay. */
async function load(client: HoldfastClient, offset: number): Promise<void> {
  const kept: { sku: string; reservationId: string }[] = [];
  const everyMs = (1_000 * options.clients ** 2) / options.rate;
  for (let n = offset, due = performance.now(); !isOver; n++, due = Math.max(due + everyMs, performance.now())) {
    const restMs = due - performance.now();
    if (restMs > 1) await new Promise((resolve) => setTimeout(resolve, restMs));
    const sku = skus[(n >> 1) % skus.length] as string;
    const sentAt = performance.now();
    try {
      const oldest = n % 2 === 0 || kept.length < KEPT_MAX ? undefined : kept[0];
      if (oldest !== undefined) {
        // Whatever comes of it, it need not be there any more.
        kept.shift();
        reserved.set(oldest.sku, (reserved.get(oldest.sku) as number) - 1);
        await client.release({ reservationId: oldest.reservationId });
        acknowledged += 1;
        continue;
      }
      const { reservationId } = await client.reserve({ sku, qty: 1, ttlMs: TTL_MS });
      acknowledged += 1;
      kept.push({ sku, reservationId });
      reserved.set(sku, (reserved.get(sku) ?? 0) + 1);
      // What was sent before the kill may have been decided before it.
      if (sentAt >= killedAt && !acknowledgedSince.has(sku)) acknowledgedSince.set(sku, performance.now());
    } catch (error) {
      const code = error instanceof HoldfastError ? `${error.code} ${error.outcome}` : String(error);
      failures.set(code, (failures.get(code) ?? 0) + 1);
    }
  }
}

/** A worker lives so long before it is killed again, ms: longer than what its supervisor calls a quick death. */
const LIFE_MS = 13_000;
const killedBefore = new Map<string, number>();

async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
  for (const end = performance.now() + withinMs; !(await holds()); ) {
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const dir = freshDir(options.dir);
const redis = options.store === 'redis' ? await startRedis(dir, 'always') : undefined;
const store = redis === undefined ? `lmdb:${join(dir, 'lmdb')}` : `redis://127.0.0.1:${redis.port}`;
const { service: grid, port } = await startHoldfast(store, [], undefined, options.workers);
const url = `http://127.0.0.1:${port}`;

async function status(): Promise<Status['region'] | undefined> {
  try {
    const response = await fetch(`${url}/v1/status`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as Status).region;
  } catch {
    return undefined;
  }
}

async function isSettled(): Promise<boolean> {
  const region = await status();
  if (region === undefined || region.workers.length !== options.workers || region.silent.length > 0) return false;
  const counts = region.workers.map(({ lanes }) => lanes.reduce((sum, { open }) => sum + open, 0));
  const isEven = counts.every((count) => count > 0.8 * (Math.min(...counts) || 1) && count >= 32);
  return (
    isEven &&
    region.partitions.length === 128 &&
    region.workers.every(({ moving, lanes }) => moving.length === 0 && lanes.length === 1)
  );
}

const report = new Report(options.reports, 'takeover');
try {
  const clients = await Promise.all(
    Array.from({ length: options.clients }, () => connect({ url: `ws://127.0.0.1:${port}` })),
  );
  const [first] = clients as [HoldfastClient];
  for (const sku of skus) await first.adjust({ sku, node: 'n1', delta: STOCK, reason: 'bench' });
  const loops = clients.flatMap((client, c) =>
    Array.from({ length: options.clients }, (_, n) => load(client, (c * options.clients + n) * 7)),
  );
  const times: number[] = [];
  for (let kill = 0; kill < options.kills; kill++) {
    await until('the grid is whole and even', isSettled, 60_000);
    const region = await status();
    const victim = region?.workers[kill % options.workers];
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
    process.stderr.write(
      `kill ${kill + 1} of ${options.kills}: ${victim.id} ${Math.round(ms)} ms, ${acknowledged} acknowledged\n`,
    );
    report.write({ machine: describeMachine(), options, times, acknowledged, failures: [...failures] });
  }
  isOver = true;
  await Promise.all(loops);
  let kept = 0;
  let missing = 0;
  for (const sku of skus) {
    const view = await first.get({ sku });
    kept += view.reserved;
    missing += Math.max(0, (reserved.get(sku) ?? 0) - view.reserved);
  }
  await Promise.all(clients.map((client) => client.close()));
  const sorted = [...times].sort((a, b) => a - b);
  const at = (q: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] as number)} ms`;
  console.log(machineLine(describeMachine()));
  console.log(
    alignedTable([
      ['kills', 'p50', 'p90', 'p99', 'max', 'acknowledged', 'of them missing', 'kept', 'failed calls'],
      [
        String(times.length),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1),
        String(acknowledged),
        String(missing),
        String(kept),
        [...failures].map(([code, count]) => `${code} ${count}`).join(', ') || 'none',
      ],
    ]),
  );
  if (missing > 0) process.exitCode = 1;
} finally {
  await grid.stop();
  await redis?.service.stop();
  removeDir(dir);
}
