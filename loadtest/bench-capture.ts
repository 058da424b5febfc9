// `npm run bench:capture`: orders captured, durable, a second, for as long as a minute; and what that does to those who reserve
// meanwhile: p99 at a fixed rate, while orders are captured as fast as they are taken and while none are.
import { setTimeout as sleep } from 'node:timers/promises';
import { presentOf } from './harness/absent.ts';
import { captureOrders, ordersAt } from './harness/captures.ts';
import { type CpuSample, coresLost, cpuUse, sampleCpu } from './harness/cpu.ts';
import { onEachSystem } from './harness/each-system.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { runLoadOn, type Shape, unitsPerSku, withSystem } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseAmount,
  parseCount,
  parsedOption,
  parsePositive,
  parseShapes,
  parseSomeOf,
} from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable, fixed, meanInterval, showInterval, showSpread, spreadOf } from './harness/statistics.ts';
import { REGION, type RunningSystem, type System, systemsNamed } from './harness/systems.ts';
import { loadStock } from './harness/wire.ts';
import type { Section } from './report/section.ts';

interface Options extends CommonOptions {
  readonly systems: string[];
  readonly shape: Shape[];
  readonly lines: number;
  readonly repeats: number;
  readonly warmUp: number;
  readonly window: number;
  readonly reserveRate: number;
  readonly reserveWindow: number;
}

const options = benchmarkCommand('bench:capture', 'Orders captured a second, and what that does to reservations.')
  .option('--systems <names>', 'holdfast-lmdb, holdfast-redis', parseSomeOf(['holdfast-lmdb', 'holdfast-redis']), [
    'holdfast-lmdb',
    'holdfast-redis',
  ])
  .addOption(parsedOption('--shape <shape>', 'connections x captures in flight on each', parseShapes, '8x64'))
  .option('--lines <n>', 'lines of each order', parseCount, 3)
  .option('--repeats <n>', 'measurements of each', parsePositive, 3)
  .option('--warm-up <s>', 'seconds before the measured window', parseAmount, 3)
  .option('--window <s>', 'seconds measured', parseAmount, 30)
  .option('--reserve-rate <n>', 'reserves a second beside the captures; 0: that is not measured', parseCount, 2_000)
  .option('--reserve-window <s>', 'seconds measured of them', parseAmount, 10)
  .parse()
  .opts<Options>();

const GOAL_PER_SECOND = 5_000;
const SKUS = 10_000;
/** The open loop's bound, not a target. */
const OPEN_SHAPE: Shape = { connections: 8, inFlight: 4_000 };

interface Run {
  readonly system: string;
  readonly repeat: number;
  readonly perSecond: number;
  /** Of the slowest second. */
  readonly leastPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly orders: number;
  readonly bytes: number;
  /** Of the grid's processes, cores. */
  readonly cores: number;
  readonly othersCores: number;
  readonly reserveAlone: { readonly p50Us: number; readonly p99Us: number } | undefined;
  readonly reserveBeside:
    | { readonly p50Us: number; readonly p99Us: number; readonly capturesPerSecond: number }
    | undefined;
}

const [shape] = options.shape as [Shape];
const machine = describeMachine();
const report = new Report(options.reports, 'bench-capture');
console.log(machineLine(machine));
const systems = systemsNamed(presentOf(options.systems, '--systems holdfast-lmdb'));
const runs: Run[] = [];
const faulty = await onEachSystem(systems, options.repeats, async (system, repeat) => {
  const run = await measured(system, repeat);
  runs.push(run);
  report.write({ machine, options, runs, sections: [section()] });
  console.log(JSON.stringify(run));
});
if (runs.length > 0) console.log(`\n${alignedTable(table())}`);
console.log(`wrote ${report.path}`);
process.exit(faulty > 0 ? 1 : 0);

async function measured(system: System, repeat: number): Promise<Run> {
  await quietMachine(options.quietWait * 1_000);
  const captured = await withSystem(system, options.dir, captureOn);
  const beside = options.reserveRate === 0 ? undefined : await withSystem(system, options.dir, reserveOn);
  return { system: system.name, repeat, ...captured, reserveAlone: beside?.alone, reserveBeside: beside?.beside };
}

async function captureOn(running: RunningSystem) {
  const names = new Map(running.services.map(({ pid, name }) => [pid, name]));
  names.set(process.pid, 'harness');
  const capturing = captureOrders({
    ...specOf(running),
    warmUpMs: options.warmUp * 1_000,
    windowMs: options.window * 1_000,
  });
  names.set(capturing.service.pid, 'captures');
  await capturing.started;
  const from: CpuSample | undefined = sampleCpu(names.keys());
  await sleep(options.window * 1_000);
  const use = cpuUse(from, sampleCpu(names.keys()), names);
  const result = await capturing.result;
  const orders = await ordersAt(running.port);
  if (orders !== result.acknowledged) {
    throw new Error(`${result.acknowledged} orders were acknowledged, and the grid has ${orders}`);
  }
  return {
    perSecond: result.perSecond,
    leastPerSecond: Math.min(...result.eachSecond),
    p50Us: result.latencyUs.p50,
    p99Us: result.latencyUs.p99,
    orders,
    bytes: result.bytes,
    cores: Object.entries(use?.byName ?? {}).reduce(
      (sum, [name, cores]) => sum + (name === 'captures' || name === 'harness' ? 0 : cores),
      0,
    ),
    othersCores: coresLost(use),
  };
}

async function reserveOn(running: RunningSystem) {
  await loadStock(running.port, SKUS, unitsPerSku(SKUS));
  await sleep(500);
  const load = {
    skus: SKUS,
    shape: OPEN_SHAPE,
    ratePerSecond: options.reserveRate,
    warmUpMs: 2_000,
    windowMs: options.reserveWindow * 1_000,
  };
  const alone = await runLoadOn(running, load);
  const capturing = captureOrders({
    ...specOf(running),
    warmUpMs: 1_000,
    windowMs: load.warmUpMs + load.windowMs + 2_000,
  });
  await capturing.started;
  const beside = await runLoadOn(running, load);
  const { perSecond } = await capturing.result;
  return {
    alone: { p50Us: alone.result.latencyUs.p50, p99Us: alone.result.latencyUs.p99 },
    beside: {
      p50Us: beside.result.latencyUs.p50,
      p99Us: beside.result.latencyUs.p99,
      capturesPerSecond: perSecond,
    },
  };
}

function specOf({ port }: RunningSystem) {
  return { port, region: REGION, lines: options.lines, skus: SKUS, ...shape };
}

function section(): Section {
  const text = `Orders with ${options.lines} lines, ${shape.connections} connections × ${shape.inFlight} in flight, ${options.window} s, ${options.repeats} repeats. Goal: ${GOAL_PER_SECOND} a second.`;
  return { title: 'Orders captured', text, table: table() };
}

function table(): string[][] {
  const head = [
    '',
    'orders/s',
    'mean [95 %]',
    'slowest second',
    'p50 ms',
    'p99 ms',
    'grid cores',
    `reserve p99 ms alone (${options.reserveRate}/s)`,
    'beside captures',
    'captures/s then',
  ];
  const millis = (us: number): string => (us / 1_000).toFixed(2);
  const rows = options.systems.flatMap((system) => {
    const mine = runs.filter((run) => run.system === system);
    if (mine.length === 0) return [];
    const star = mine.some(({ othersCores }) => othersCores > LOST_CORES_MAX) ? ' *' : '';
    const spread = (of: (run: Run) => number | undefined, format: (value: number) => string): string => {
      const values = mine.map(of).filter((value) => value !== undefined);
      return values.length === 0 ? '' : showSpread(spreadOf(values), format);
    };
    return [
      [
        `${system}${star}`,
        spread(({ perSecond }) => perSecond, fixed(0)),
        showInterval(meanInterval(mine.map(({ perSecond }) => perSecond)), fixed(0)),
        spread(({ leastPerSecond }) => leastPerSecond, fixed(0)),
        spread(({ p50Us }) => p50Us, millis),
        spread(({ p99Us }) => p99Us, millis),
        spread(({ cores }) => cores, fixed(2)),
        spread(({ reserveAlone }) => reserveAlone?.p99Us, millis),
        spread(({ reserveBeside }) => reserveBeside?.p99Us, millis),
        spread(({ reserveBeside }) => reserveBeside?.capturesPerSecond, fixed(0)),
      ],
    ];
  });
  return [head, ...rows];
}
