// `npm run bench:latency`: p99 of a reserve at half of the greatest throughput (open loop, corrected for coordinated
// omission) beside the p99 of one commit of the bare store, on the same disk in the same run.
import { join } from 'node:path';
import { presentOf } from './harness/absent.ts';
import { measureCommits } from './harness/commit-probe.ts';
import { coresLost } from './harness/cpu.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, measureFresh, type Shape } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseAmount,
  parseCount,
  parsedOption,
  parsePositive,
  parseShapes,
  parseSkuCounts,
  parseSomeOf,
  showSkus,
} from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable, type Spread, showSpread, spreadOf } from './harness/statistics.ts';
import { freshDir, removeDir, type System, startRedis, systemsNamed } from './harness/systems.ts';
import type { Section } from './report/section.ts';

/** The promise: p99 of a reserve ≤ this many times the store's own p99 of one commit, plus a fixed part. */
const PROMISED_TIMES = 2;
const PROMISED_PLUS_US = 2_000;
const PROMISED = `Promised: p99 ≤ ${PROMISED_TIMES} × the store's p99 of one commit + ${PROMISED_PLUS_US / 1000} ms.`;

interface Options extends CommonOptions {
  readonly systems: string[];
  readonly skus: number[];
  readonly shape: Shape[];
  readonly fraction: number;
  readonly repeats: number;
  readonly warmUp: number;
  readonly window: number;
  readonly commitBytes: number;
  readonly commits: number;
}

const options = benchmarkCommand('bench:latency', 'Latency of reserves at a fraction of the greatest throughput.')
  .option('--systems <names>', 'holdfast-lmdb, holdfast-redis', parseSomeOf(['holdfast-lmdb', 'holdfast-redis']), [
    'holdfast-lmdb',
    'holdfast-redis',
  ])
  .addOption(
    parsedOption('--skus <counts>', 'hot, or numbers of SKUs drawn from uniformly', parseSkuCounts, 'hot,100000'),
  )
  .addOption(
    parsedOption('--shape <shape>', 'connections x in flight that find the greatest throughput', parseShapes, '16x64'),
  )
  .option('--fraction <f>', 'of the greatest throughput', parseAmount, 0.5)
  .option('--repeats <n>', 'measurements of each', parsePositive, 3)
  .option('--warm-up <s>', 'seconds before the measured window', parseAmount, 2)
  .option('--window <s>', 'seconds measured', parseAmount, 8)
  .option('--commit-bytes <n>', 'bytes of one commit of the bare store', parseCount, 8_192)
  .option('--commits <n>', 'commits of the bare store, before and again after the load', parseCount, 1_000)
  .parse()
  .opts<Options>();

/** In flight is only a bound in the open loop: enough that a stall of a second finds room at any rate we reach. */
const OPEN_SHAPE: Shape = { connections: 16, inFlight: 8_000 };

interface Run {
  readonly system: string;
  readonly skus: number;
  readonly repeat: number;
  readonly greatestPerSecond: number;
  readonly ratePerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** How late the generator itself sent, p99; part of p99Us. */
  readonly latenessP99Us: number;
  readonly commitP50Us: number;
  readonly commitP99Us: number;
  readonly othersCores: number;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-latency');
console.log(machineLine(machine));
const systems = systemsNamed(presentOf(options.systems, '--systems holdfast-lmdb'));
const runs: Run[] = [];
let faulty = 0;
for (let repeat = 0; repeat < options.repeats; repeat++) {
  for (const skus of options.skus) {
    for (const system of systems) {
      try {
        const run = await measured(system, skus, repeat);
        runs.push(run);
        report.write({ machine, options, runs, sections: [sectionOf()] });
        console.log(describe(run));
      } catch (error) {
        faulty++;
        console.log(`${system.name}, ${showSkus(skus)}: FAILED: ${(error as Error).message}`);
      }
    }
  }
}
console.log(`\n${alignedTable(table())}`);
console.log(`\n${PROMISED}`);
if (runs.some(({ othersCores }) => othersCores > LOST_CORES_MAX)) {
  console.log(`* others took over ${LOST_CORES_MAX} cores during a run`);
}
console.log(`wrote ${report.path}`);
process.exit(faulty > 0 ? 1 : 0);

async function measured(system: System, skus: number, repeat: number): Promise<Run> {
  await quietMachine(options.quietWait * 1000);
  const [shape] = options.shape as [Shape];
  const load: Load = { skus, shape, warmUpMs: options.warmUp * 1000, windowMs: options.window * 1000 };
  const before = await commitsOf(system);
  const greatest = await measureFresh(system, options.dir, { ...load, windowMs: load.windowMs / 2 });
  if (greatest.faults.length > 0) throw new Error(greatest.faults.join('; '));
  const ratePerSecond = greatest.result.perSecond * options.fraction;
  const open = await measureFresh(system, options.dir, { ...load, shape: OPEN_SHAPE, ratePerSecond });
  if (open.faults.length > 0) throw new Error(open.faults.join('; '));
  const after = await commitsOf(system);
  const { latencyUs, latenessUs } = open.result;
  return {
    system: system.name,
    skus,
    repeat,
    greatestPerSecond: greatest.result.perSecond,
    ratePerSecond,
    p50Us: latencyUs.p50,
    p99Us: latencyUs.p99,
    p999Us: latencyUs.p999,
    latenessP99Us: latenessUs?.p99 ?? 0,
    commitP50Us: (before.p50 + after.p50) / 2,
    // The worse of two samples would flatter us; the mean of before and after is what the store was like meanwhile.
    commitP99Us: (before.p99 + after.p99) / 2,
    othersCores: coresLost(open.cpu),
  };
}

/** The bare store on the same disk, idle. */
async function commitsOf(system: System) {
  const dir = freshDir(options.dir);
  try {
    if (!system.name.includes('redis')) return await measureCommits({ lmdb: join(dir, 'probe') }, options);
    const { service, port } = await startRedis(dir, 'always');
    try {
      return await measureCommits({ redisPort: port }, options);
    } finally {
      await service.stop('SIGKILL');
    }
  } finally {
    removeDir(dir);
  }
}

function describe(run: Run): string {
  const { system, skus, repeat, ratePerSecond, p99Us, commitP99Us, latenessP99Us, othersCores } = run;
  return `${system}, ${showSkus(skus)}, repeat ${repeat + 1}: at ${(ratePerSecond / 1000).toFixed(1)} k/s p99 ${millis(p99Us)} ms (generator's lateness ${millis(latenessP99Us)}), store's commit p99 ${millis(commitP99Us)} ms, others ${othersCores.toFixed(2)} cores`;
}

function sectionOf(): Section {
  const text = `Open loop at ${options.fraction} of the greatest throughput; ${options.repeats} repeats. ${PROMISED}`;
  return { title: 'p99 at a share of the greatest throughput', text, table: table() };
}

function table(): string[][] {
  const head = [
    '',
    'greatest k/s',
    'offered k/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    "store's p99 ms",
    'bound ms',
    'held',
  ];
  const rows = options.skus.flatMap((skus) =>
    options.systems.flatMap((system) => {
      const mine = runs.filter((run) => run.system === system && run.skus === skus);
      if (mine.length === 0) return [];
      const of = (value: (run: Run) => number): Spread => spreadOf(mine.map(value));
      const star = mine.some(({ othersCores }) => othersCores > LOST_CORES_MAX) ? ' *' : '';
      return [
        [
          `${system}, ${showSkus(skus)}${star}`,
          showSpread(
            of((run) => run.greatestPerSecond / 1000),
            (value) => value.toFixed(1),
          ),
          of((run) => run.ratePerSecond / 1000).median.toFixed(1),
          showSpread(
            of((run) => run.p50Us),
            millis,
          ),
          showSpread(
            of((run) => run.p99Us),
            millis,
          ),
          showSpread(
            of((run) => run.p999Us),
            millis,
          ),
          showSpread(
            of((run) => run.commitP99Us),
            millis,
          ),
          millis(of(boundUs).median),
          `${mine.filter((run) => run.p99Us <= boundUs(run)).length} of ${mine.length}`,
        ],
      ];
    }),
  );
  return [head, ...rows];
}

function boundUs({ commitP99Us }: Run): number {
  return PROMISED_TIMES * commitP99Us + PROMISED_PLUS_US;
}

function millis(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}
