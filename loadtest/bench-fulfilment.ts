// `npm run bench:fulfilment`: what fulfilment does to those who reserve: p99 at a fixed rate with no orders in the grid, with many that wait
// while nobody fulfils, and while `holdfast orders` works on them as fast as it can. All three on one grid, one after the other. What two
// shared processors cost alone is told by `--loop`, beside a program that only computes, and `--apart`, with orders on a grid of their own.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOAD_NODE } from './generator/load.ts';
import { presentOf } from './harness/absent.ts';
import { captureOrders, ordersAt } from './harness/captures.ts';
import { coresLost } from './harness/cpu.ts';
import { onEachSystem } from './harness/each-system.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { type Measurement, runLoadOn, type Shape, unitsPerSku, withSystem } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseAmount,
  parseCount,
  parsePositive,
  parseSomeOf,
} from './harness/options.ts';
import { type Service, startService } from './harness/processes.ts';
import { Report } from './harness/report.ts';
import { alignedTable, fixed, meanInterval, showInterval, showSpread, spreadOf } from './harness/statistics.ts';
import { HOLDFAST_CLI, REGION, type RunningSystem, type System, systemsNamed } from './harness/systems.ts';
import { loadStock } from './harness/wire.ts';
import type { Section } from './report/section.ts';

interface Options extends CommonOptions {
  readonly systems: string[];
  readonly repeats: number;
  readonly rate: number;
  readonly window: number;
  readonly capture: number;
  readonly rounds: number;
  readonly nice: number;
  readonly inFlight: string;
  readonly apart: boolean;
  readonly loop: boolean;
}

const options = benchmarkCommand('bench:fulfilment', 'What fulfilment at work, or not at work, does to reservations.')
  .option('--systems <names>', 'holdfast-lmdb, holdfast-redis', parseSomeOf(['holdfast-lmdb', 'holdfast-redis']), [
    'holdfast-lmdb',
  ])
  .option('--repeats <n>', 'grids, each on an empty store', parsePositive, 3)
  .option('--rounds <n>', 'turns of waiting and at work on each grid', parsePositive, 2)
  .option('--rate <n>', 'reserves a second', parsePositive, 2_000)
  .option('--window <s>', 'seconds measured of each', parseAmount, 10)
  .option('--capture <s>', 'seconds of captures before, as fast as they are taken: what waits', parseAmount, 5)
  .option('--nice <n>', 'how far the processes of fulfilment stand back, as `nice -n`', parseCount, 0)
  .option('--in-flight <n>', 'as of `holdfast orders`', '64')
  .option('--apart', 'orders on another grid: a process and a store of its own on the same machine', false)
  .option('--loop', 'also beside a program that only computes, on one processor', false)
  .parse()
  .opts<Options>();

/** Reservations within so much of what they are alone. */
const GOAL = 1.1;
const SKUS = 10_000;
const LINES = 3;
/** The open loop's bound, not a target. */
const OPEN_SHAPE: Shape = { connections: 8, inFlight: 4_000 };
/** Business goes so much faster, so that what is picked, packed and tracked is soon due as well. */
const SPEED = 1_000;
const SETTLE_MS = 2_000;

const DAYS = { p50: 1.6, p75: 2.1, p85: 2.5, p90: 2.8, p95: 3.4, p97: 4.2, p99: 6.5 };
const RULES = {
  version: 'bench',
  nodes: [
    {
      node: LOAD_NODE,
      region: REGION,
      latitude: 40.7357,
      longitude: -74.1724,
      timeZone: 'America/New_York',
      cutoff: '16:00',
      handlingPerPackage: 180,
      handlingPerUnit: 25,
    },
  ],
  services: [
    {
      service: 'ground',
      carrier: 'overland',
      base: 520,
      perKm: 0.35,
      perKg: 60,
      fuelSurcharge: 0.14,
      transit: [{ untilKm: 5_000, days: DAYS }],
    },
  ],
  splitPenalty: 250,
  packagesMax: 3,
  lateCostShare: 0.2,
};

const STATES = ['alone', 'beside a loop', 'waiting', 'at work'] as const;
type State = (typeof STATES)[number];

interface Window {
  readonly system: string;
  readonly grid: number;
  readonly state: State;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly othersCores: number;
  /** Processors that each process took. */
  readonly cores: Readonly<Record<string, number>>;
  /** Tasks done meanwhile, a second. */
  readonly tasksPerSecond?: number;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-fulfilment');
console.log(machineLine(machine));
const systems = systemsNamed(presentOf(options.systems, '--systems holdfast-lmdb'));
const windows: Window[] = [];
const faulty = await onEachSystem(systems, options.repeats, measured);
if (windows.length > 0) console.log(`\n${alignedTable(table())}`);
console.log(`wrote ${report.path}`);
process.exit(faulty > 0 ? 1 : 0);

async function measured(system: System, grid: number): Promise<void> {
  await quietMachine(options.quietWait * 1_000);
  const note: Note = (state, { result, cpu }, tasksPerSecond) => {
    const { p50, p99 } = result.latencyUs;
    const window: Window = {
      system: system.name,
      grid,
      state,
      p50Us: p50,
      p99Us: p99,
      othersCores: coresLost(cpu),
      cores: cpu?.byName ?? {},
      ...(tasksPerSecond === undefined ? {} : { tasksPerSecond }),
    };
    windows.push(window);
    report.write({ machine, options, windows, sections: [section()] });
    console.log(JSON.stringify(window));
  };
  await withSystem(system, options.dir, async (running, dir) => {
    await loadStock(running.port, SKUS, unitsPerSku(SKUS));
    await sleep(SETTLE_MS);
    for (let round = 0; round < options.rounds; round++) {
      note('alone', await reserve(running));
      if (options.loop) note('beside a loop', await besideLoop(running));
    }
    if (!options.apart) return fulfilled(running, running, dir, note);
    await withSystem(system, options.dir, async (other, otherDir) => {
      await loadStock(other.port, SKUS, unitsPerSku(SKUS));
      await fulfilled(running, other, otherDir, note);
    });
  });
}

type Note = (state: State, measurement: Measurement, tasksPerSecond?: number) => void;

/** Those who reserve ask `running`; orders are captured and fulfilled on `other`, which may be the same. */
async function fulfilled(running: RunningSystem, other: RunningSystem, dir: string, note: Note): Promise<void> {
  await captureOrders({
    port: other.port,
    region: REGION,
    lines: LINES,
    skus: SKUS,
    connections: 8,
    inFlight: 64,
    warmUpMs: 0,
    windowMs: options.capture * 1_000,
  }).result;
  console.log(`${await ordersAt(other.port)} orders wait`);
  await sleep(SETTLE_MS);
  for (let round = 0; round < options.rounds; round++) {
    note('waiting', await reserve(running));
    const fulfilling = await startFulfilment(other.port, dir);
    try {
      const began = performance.now();
      const beside = await reserve(running, [...(other === running ? [] : other.services), fulfilling.service]);
      const seconds = (performance.now() - began) / 1_000;
      note('at work', beside, (await fulfilling.stop()) / seconds);
    } finally {
      await fulfilling.service.stop('SIGKILL');
    }
    await sleep(SETTLE_MS);
  }
}

async function besideLoop(running: RunningSystem): Promise<Measurement> {
  const computing = await startService('loop', process.execPath, ['-e', "console.log('ready'); for (;;);"], 'ready');
  try {
    return await reserve(running, [computing]);
  } finally {
    await computing.stop('SIGKILL');
  }
}

function reserve(running: RunningSystem, beside: readonly Service[] = []): Promise<Measurement> {
  return runLoadOn(
    { ...running, services: [...running.services, ...beside] },
    { skus: SKUS, shape: OPEN_SHAPE, ratePerSecond: options.rate, warmUpMs: 2_000, windowMs: options.window * 1_000 },
  );
}

interface Fulfilment {
  readonly service: Service;
  /** How many tasks it did. */
  stop(): Promise<number>;
}

async function startFulfilment(port: number, dir: string): Promise<Fulfilment> {
  const rules = join(dir, 'rules.json');
  writeFileSync(rules, JSON.stringify(RULES));
  const args = [
    'orders',
    '--json',
    '--in-flight',
    options.inFlight,
    '--rules',
    rules,
    '--speed',
    String(SPEED),
    '--url',
    `ws://127.0.0.1:${port}`,
  ];
  const [command, ...rest] = ['nice', '-n', String(options.nice), process.execPath, HOLDFAST_CLI, ...args] as const;
  const service = await startService('orders', command, rest, '"ready"');
  return {
    service,
    async stop() {
      await service.stop();
      const line = service.output.split('\n').find((text) => text.includes('"stopped"'));
      return (JSON.parse(line ?? '{}') as { figures?: { done: number } }).figures?.done ?? 0;
    },
  };
}

function section(): Section {
  const where = options.apart ? ', on a grid of their own' : '';
  const text = `${options.rate} reserves a second over ${SKUS.toLocaleString('en')} SKUs; orders of ${LINES} lines captured${where} for ${options.capture} s as fast as they are taken; ${options.window} s of each, ${options.rounds} turns on ${options.repeats} grids. Goal: p99 at most ${GOAL} times that without orders.`;
  return { title: 'Reservations and fulfilment', text, table: table() };
}

function table(): string[][] {
  const head = ['', 'fulfilment', 'p50 ms', 'p99 ms', 'mean p99 [95 %]', 'p99 ÷ alone, same grid', 'tasks/s'];
  const millis = (us: number): string => (us / 1_000).toFixed(2);
  const rows = options.systems.flatMap((system) => {
    const mine = windows.filter((window) => window.system === system);
    const star = mine.some(({ othersCores }) => othersCores > LOST_CORES_MAX) ? ' *' : '';
    const meanOf = (state: State, grid: number): number | undefined => {
      const values = mine.filter((one) => one.grid === grid && one.state === state).map(({ p99Us }) => p99Us);
      return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    return STATES.flatMap((state) => {
      const these = mine.filter((window) => window.state === state);
      if (these.length === 0) return [];
      const ratios = [...new Set(these.map(({ grid }) => grid))].map(
        (grid) => (meanOf(state, grid) as number) / (meanOf('alone', grid) ?? Number.NaN),
      );
      const tasks = these.flatMap(({ tasksPerSecond }) => tasksPerSecond ?? []);
      return [
        [
          `${system}${star}`,
          state,
          showSpread(spreadOf(these.map(({ p50Us }) => p50Us)), millis),
          showSpread(spreadOf(these.map(({ p99Us }) => p99Us)), millis),
          showInterval(meanInterval(these.map(({ p99Us }) => p99Us)), millis),
          showSpread(spreadOf(ratios), fixed(2)),
          tasks.length === 0 ? '' : showSpread(spreadOf(tasks), fixed(0)),
        ],
      ];
    });
  });
  return [head, ...rows];
}
