// `npm run bench:forward`: what a request costs that enters at the worker which serves its SKU, and what one that has to be
// passed on. Two workers; the same load goes to the owners and to the others in turns; counted is the processor time of
// both workers, from /proc.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type HoldfastClient } from '../protocol/client/index.ts';
import { type MapReply, partitionOf } from '../protocol/index.ts';
import { presentOf } from './harness/absent.ts';
import { coresLost, cpuUse, sampleCpu } from './harness/cpu.ts';
import { describeMachine, machineLine, quietMachine } from './harness/machine.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseCount,
  parseNames,
  parseOneOf,
  parsePositive,
} from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable, fixed, showSpread, spreadOf } from './harness/statistics.ts';
import { freshDir, removeDir, startHoldfast, startRedis } from './harness/systems.ts';
import type { Section } from './report/section.ts';

/** The promise: a request that enters at the wrong worker costs at most so many times one that enters at the right one. */
const PROMISED_TIMES = 2;

interface Options extends CommonOptions {
  readonly requests: number;
  readonly rounds: number;
  readonly rates: readonly string[];
  readonly connections: number;
  readonly inFlight: number;
  readonly skus: number;
  readonly store: 'lmdb' | 'redis';
}

const options = benchmarkCommand('bench:forward', 'Processor time of a request at its owner, and at the other worker.')
  .option('--requests <n>', 'reserves of each measurement', parseCount, 40_000)
  .option('--rounds <n>', 'measurements of each, in turns', parsePositive, 5)
  .option('--rates <list>', 'requests a second; 0: as many as the connections carry', parseNames, ['4000', '0'])
  .option('--connections <n>', 'to each worker', parseCount, 4)
  .option('--in-flight <n>', 'on each connection, where there is no rate', parseCount, 16)
  .option('--skus <n>', 'SKUs, drawn from uniformly', parseCount, 4_096)
  .option('--store <store>', 'lmdb or redis', parseOneOf(['lmdb', 'redis']), 'lmdb')
  .parse()
  .opts<Options>();

const STOCK = 1_000_000_000;
const TICK_MS = 2;
const ENTRIES = ['owner', 'other'] as const;
type Entry = (typeof ENTRIES)[number];

interface Run {
  readonly entry: Entry;
  readonly rate: number;
  readonly cpuMsPer1000: number;
  readonly perSecond: number;
  readonly passedOn: number;
  readonly othersCores: number;
}

interface Worker {
  readonly pid: number;
  readonly url: string;
  readonly moving: readonly number[];
  readonly lanes: readonly { readonly open: number }[];
}

const skus = Array.from({ length: options.skus }, (_, n) => `sku-${n}`);
presentOf([options.store], '--store lmdb');
const dir = freshDir(options.dir);
const redis = options.store === 'redis' ? await startRedis(dir, 'always') : undefined;
const store = redis === undefined ? `lmdb:${join(dir, 'lmdb')}` : `redis://127.0.0.1:${redis.port}`;
const { service: grid, port } = await startHoldfast(store, { workers: 2 });
const machine = describeMachine();
const report = new Report(options.reports, `bench-forward-${options.store}`);
console.log(machineLine(machine));

const workers = await settled();
const pids = workers.map(({ pid }) => pid);
const clients = new Map<string, HoldfastClient[]>();
for (const { url } of workers) {
  clients.set(url, await Promise.all(Array.from({ length: options.connections }, () => connect({ url }))));
}
const map = (await ask({ op: 'map' })) as MapReply;
/** By sku: the connections to its owner, and to the other worker. */
const entries = skus.map((sku) => {
  const owner = map.workers[map.owners[partitionOf(sku, map.owners.length)] as number] as string;
  const other = map.workers.find((url) => url !== owner) as string;
  return { sku, owner: clients.get(owner) as HoldfastClient[], other: clients.get(other) as HoldfastClient[] };
});

const runs: Run[] = [];
try {
  const [first] = clients.get(map.workers[0] as string) as [HoldfastClient];
  for (let at = 0; at < skus.length; at += 500) {
    const items = skus.slice(at, at + 500).map((sku) => ({
      op: 'adjust' as const,
      sku,
      node: 'n1',
      onHand: STOCK,
      reason: 'bench',
    }));
    await first.batch(items);
  }
  for (const rate of options.rates.map(Number)) {
    for (const entry of ENTRIES) await load(entry, rate, options.requests / 2);
    for (let round = 0; round < options.rounds; round++) {
      // Each goes first in every other round.
      const order = round % 2 === 0 ? ENTRIES : ENTRIES.toReversed();
      for (const entry of order) {
        const run = await measured(entry, rate);
        runs.push(run);
        process.stderr.write(`${JSON.stringify(run)}\n`);
        report.write({ machine, options, runs, sections: [sectionOf()] });
      }
    }
  }
  console.log(alignedTable(table()));
  console.log(`promised: ≤ ${PROMISED_TIMES} ×; the machine is shared: what others took of it is in the last column`);
  console.log(`wrote ${report.path}`);
} finally {
  await Promise.all([...clients.values()].flat().map((client) => client.close()));
  await grid.stop();
  await redis?.service.stop();
  removeDir(dir);
}

async function measured(entry: Entry, rate: number): Promise<Run> {
  await quietMachine(options.quietWait * 1_000);
  const names = new Map([...pids.map((pid, n) => [pid, `w${n + 1}`] as const), [process.pid, 'load'] as const]);
  const passedBefore = await passedOn();
  const from = sampleCpu(names.keys());
  await load(entry, rate, options.requests);
  const to = sampleCpu(names.keys());
  if (from === undefined || to === undefined) throw new Error('processor time is read from /proc: Linux only');
  const used = pids.reduce((sum, pid) => sum + (to.byPid.get(pid) ?? 0) - (from.byPid.get(pid) ?? 0), 0);
  return {
    entry,
    rate,
    cpuMsPer1000: (used * 1_000 * 1_000) / options.requests,
    perSecond: options.requests / ((to.atMs - from.atMs) / 1_000),
    passedOn: ((await passedOn()) - passedBefore) / options.requests,
    othersCores: coresLost(cpuUse(from, to, names)),
  };
}

/** Sends so many reserves and waits for all answers. @throws HoldfastError when one is refused */
async function load(entry: Entry, rate: number, count: number): Promise<void> {
  let sent = 0;
  const next = (): Promise<unknown> => {
    const { sku, [entry]: to } = entries[(sent * 7_919) % entries.length] as (typeof entries)[number];
    sent += 1;
    return (to[sent % to.length] as HoldfastClient).reserve({ sku, qty: 1, ttlMs: 86_400_000 });
  };
  if (rate === 0) {
    const loop = async (): Promise<void> => {
      while (sent < count) await next();
    };
    await Promise.all(Array.from({ length: 2 * options.connections * options.inFlight }, loop));
    return;
  }
  const startedAt = performance.now();
  const answers: Promise<unknown>[] = [];
  while (sent < count) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) * rate) / 1_000));
    while (sent < due) answers.push(next());
    await sleep(TICK_MS);
  }
  await Promise.all(answers);
}

/** Requests that a worker passed on to the other, so far. */
async function passedOn(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const counts = [...text.matchAll(/^holdfast_forwards_total\{[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function ask(request: object): Promise<unknown> {
  const body = JSON.stringify(request);
  return (await fetch(`http://127.0.0.1:${port}/v1/requests`, { method: 'POST', body })).json();
}

/** Both workers, once each has its half and nothing moves. */
async function settled(): Promise<readonly Worker[]> {
  for (const end = performance.now() + 60_000; performance.now() < end; await sleep(100)) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/status`);
    const { region } = (await response.json()) as { region: { workers: Worker[] } };
    const isEven = region.workers.every(({ moving, lanes }) => moving.length === 0 && (lanes[0]?.open ?? 0) >= 60);
    if (region.workers.length === 2 && isEven) return region.workers;
  }
  throw new Error('the workers did not come to share the partitions');
}

function sectionOf(): Section {
  const text = `${options.store}: processor time of both workers; promised: at the other one ≤ ${PROMISED_TIMES} × that at the owner.`;
  return { title: 'A request that is passed on', text, table: table() };
}

function table(): string[][] {
  const head = [
    'load',
    'CPU ms / 1,000 at the owner',
    'at the other',
    'ratio of each round',
    'passed on',
    'others, cores',
  ];
  const rows = options.rates.map(Number).flatMap((rate) => {
    const of = (entry: Entry): Run[] => runs.filter((run) => run.entry === entry && run.rate === rate);
    // A run that is not yet through has rounds of which one half is missing.
    const rounds = Math.min(...ENTRIES.map((entry) => of(entry).length));
    if (rounds === 0) return [];
    const [owner, other] = [of('owner').slice(0, rounds), of('other').slice(0, rounds)];
    const cpu = (all: readonly Run[]): string => showSpread(spreadOf(all.map((run) => run.cpuMsPer1000)), fixed(1));
    const ratios = other.map((run, n) => run.cpuMsPer1000 / (owner[n] as Run).cpuMsPer1000);
    const load = rate === 0 ? `closed, ${2 * options.connections} × ${options.inFlight}` : `${rate}/s`;
    const most = (all: readonly Run[], what: (run: Run) => number): string => Math.max(...all.map(what)).toFixed(2);
    return [
      [
        load,
        cpu(owner),
        cpu(other),
        showSpread(spreadOf(ratios), fixed(2)),
        `${most(owner, (run) => run.passedOn)} / ${most(other, (run) => run.passedOn)}`,
        most([...owner, ...other], (run) => run.othersCores),
      ],
    ];
  });
  return [head, ...rows];
}
