// `npm run bench:snapshots`: what buyers notice of a snapshot that is being written. Short windows of one load, one after the
// other; afterwards they are told apart by whether a round was running.
import { setTimeout as sleep } from 'node:timers/promises';
import { presentOf } from './harness/absent.ts';
import { describeMachine, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, runLoadOn, unitsPerSku, withSystem } from './harness/measure.ts';
import { benchmarkCommand, type CommonOptions, parseAmount, parseCount, parseOneOf } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { type Round, SnapshotWatch, shareWithin } from './harness/snapshot-watch.ts';
import { alignedTable, fixed, meanInterval, showInterval } from './harness/statistics.ts';
import { systemsNamed } from './harness/systems.ts';
import { loadStock } from './harness/wire.ts';
import type { Section } from './report/section.ts';

interface Options extends CommonOptions {
  readonly system: string;
  readonly skus: number;
  readonly rate: number;
  readonly windows: number;
  readonly window: number;
}

const options = benchmarkCommand(
  'bench:snapshots',
  'Throughput and latency while a snapshot is written, and while none is.',
)
  .option(
    '--system <name>',
    'holdfast-lmdb or holdfast-redis',
    parseOneOf(['holdfast-lmdb', 'holdfast-redis']),
    'holdfast-lmdb',
  )
  .option('--skus <n>', 'SKUs drawn uniformly', parseCount, 100_000)
  .option('--rate <n>', 'reserves a second; 0: as many as 16 connections with 64 in flight get', parseCount, 0)
  .option('--windows <n>', 'measured', parseCount, 40)
  .option('--window <s>', 'length of each', parseAmount, 1)
  .parse()
  .opts<Options>();

/** A window counts as one with a snapshot from this share of it on, and as one without at none. */
const DURING_SHARE_MIN = 0.5;
/** The first windows find an actor in its first page, and code that is not compiled yet. */
const WARM_UP_WINDOWS = 4;
/** A round rests between its turns: this is longer than any. */
const LAST_ROUND_MS = 10_000;
/** Windows between two that are compared. */
const NEIGHBOURS_APART_MAX = 5;

/** An interval takes three. */
const PAIRS_MIN = 3;
const TOO_FEW =
  ' Too few pairs to say anything: ask for more windows (--windows 120), on a machine that does nothing else.';

interface Window {
  /** ms of performance.now. */
  readonly fromMs: number;
  readonly measurement: Measurement;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-snapshots');
console.log(machineLine(machine));
const [system] = systemsNamed(presentOf([options.system], '--system holdfast-lmdb'));
await quietMachine(options.quietWait * 1000);
if (system === undefined) throw new Error('the systems that are measured have other names');
const load: Load = {
  skus: options.skus,
  shape: { connections: 16, inFlight: options.rate === 0 ? 64 : 1_000 },
  ...(options.rate === 0 ? {} : { ratePerSecond: options.rate }),
  warmUpMs: 100,
  windowMs: options.window * 1_000,
};
const section = await withSystem(system, options.dir, async (running) => {
  await loadStock(running.port, options.skus, unitsPerSku(options.skus));
  const watch = SnapshotWatch.start(running.port);
  const windows: Window[] = [];
  for (let n = -WARM_UP_WINDOWS; n < options.windows; n++) {
    const measurement = await runLoadOn(running, load);
    if (measurement.faults.length > 0) throw new Error(measurement.faults.join('; '));
    if (n >= 0) windows.push({ fromMs: measurement.endedAtMs - load.windowMs, measurement });
  }
  // The round that ran at the end is known once it is over; nothing changes meanwhile, so no other begins.
  await sleep(LAST_ROUND_MS);
  return sectionOf(windows, await watch.stop());
});
report.write({ machine, options, sections: [section] });
console.log(`\n${section.text}\n\n${alignedTable(section.table ?? [])}\n\nwrote ${report.path}`);
process.exit(0);

function sectionOf(windows: readonly Window[], rounds: readonly Round[]): Section {
  const shareOf = ({ fromMs, measurement }: Window): number => shareWithin(rounds, fromMs, measurement.endedAtMs);
  const without = windows.filter((window) => shareOf(window) === 0);
  const during = new Set(windows.filter((window) => shareOf(window) >= DURING_SHARE_MIN));
  // What a worker holds grows from window to window, and rounds become rarer: only neighbours in time can be compared.
  const pairs = without.flatMap((window) => {
    const distance = (other: Window): number => Math.abs(windows.indexOf(other) - windows.indexOf(window));
    const [nearest] = [...during].sort((a, b) => distance(a) - distance(b));
    if (nearest === undefined || distance(nearest) > NEIGHBOURS_APART_MAX) return [];
    during.delete(nearest);
    return [{ without: window.measurement.result, during: nearest.measurement.result }];
  });
  type Figure = (result: Measurement['result']) => number;
  const mean = (of: (pair: (typeof pairs)[number]) => number, digits: number): string =>
    showInterval(meanInterval(pairs.map(of)), fixed(digits)) || '(too few)';
  const figures: Figure[] = [
    ({ perSecond }) => perSecond / 1000,
    ...(['p50', 'p99', 'p999'] as const).map(
      (name): Figure =>
        ({ latencyUs }) =>
          latencyUs[name] / 1000,
    ),
  ];
  const per = options.rate === 0 ? '16 × 64' : `${options.rate.toLocaleString('en')} a second`;
  return {
    title: 'While a snapshot is written',
    text: `${options.system}, ${options.skus.toLocaleString('en')} SKUs, ${per}; ${windows.length} windows of ${options.window} s, ${rounds.length} rounds; ${pairs.length} pairs of neighbours in time. Mean [95 % confidence interval].${pairs.length >= PAIRS_MIN ? '' : TOO_FEW}`,
    table: [
      ['', 'k reserves/s', 'p50 ms', 'p99 ms', 'p99.9 ms'],
      ['while none is written', ...figures.map((of) => mean((pair) => of(pair.without), 1))],
      ['while one is', ...figures.map((of) => mean((pair) => of(pair.during), 1))],
      ['the second of the first', ...figures.map((of) => mean((pair) => of(pair.during) / of(pair.without), 2))],
    ],
  };
}
