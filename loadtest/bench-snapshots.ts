// `npm run bench:snapshots`: what buyers notice of a snapshot that is being written. Short windows of one load, one after the
// other; afterwards they are told apart by whether a round was running.
import { setTimeout as sleep } from 'node:timers/promises';
import { describeMachine, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, runLoadOn, unitsPerSku, withSystem } from './harness/measure.ts';
import { benchmarkCommand, type CommonOptions, parseCount } from './harness/options.ts';
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
  .option('--system <name>', 'holdfast-lmdb or holdfast-redis', 'holdfast-lmdb')
  .option('--skus <n>', 'SKUs drawn uniformly', parseCount, 100_000)
  .option('--rate <n>', 'reserves a second; 0: as many as 16 connections with 64 in flight get', parseCount, 0)
  .option('--windows <n>', 'measured', parseCount, 40)
  .option('--window <s>', 'length of each', Number, 1)
  .parse()
  .opts<Options>();

/** A window counts as one with a snapshot from this share of it on, and as one without at none. */
const DURING_SHARE_MIN = 0.5;
/** The first windows find an actor in its first page, and code that is not compiled yet. */
const WARM_UP_WINDOWS = 4;
/** A round rests between its turns: this is longer than any. */
const LAST_ROUND_MS = 10_000;
const GROUPS = ['a snapshot is being written', 'none is'] as const;

interface Window {
  /** ms of performance.now. */
  readonly fromMs: number;
  readonly measurement: Measurement;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-snapshots');
console.log(machineLine(machine));
await quietMachine(options.quietWait * 1000);
const [system] = systemsNamed([options.system]);
if (system === undefined) throw new Error(`no system "${options.system}"`);
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
console.log(`\n${alignedTable(section.table ?? [])}\n\nwrote ${report.path}`);
process.exit(0);

function sectionOf(windows: readonly Window[], rounds: readonly Round[]): Section {
  const [during, without] = GROUPS;
  const groupOf = ({ fromMs, measurement }: Window): string | undefined => {
    const share = shareWithin(rounds, fromMs, measurement.endedAtMs);
    return share >= DURING_SHARE_MIN ? during : share === 0 ? without : undefined;
  };
  const rows = GROUPS.map((name) => {
    const mine = windows.filter((window) => groupOf(window) === name).map(({ measurement }) => measurement.result);
    const mean = (of: (result: Measurement['result']) => number): string =>
      showInterval(meanInterval(mine.map(of)), fixed(1)) || '(too few)';
    return [
      name,
      String(mine.length),
      mean(({ perSecond }) => perSecond / 1000),
      ...(['p50', 'p99', 'p999'] as const).map((name) => mean(({ latencyUs }) => latencyUs[name] / 1000)),
    ];
  });
  return {
    title: 'While a snapshot is written',
    text: `${options.system}, ${options.skus.toLocaleString('en')} SKUs, ${options.rate === 0 ? '16 × 64' : `${options.rate.toLocaleString('en')} a second`}; ${windows.length} windows of ${options.window} s, ${rounds.length} rounds. Mean over the windows [95 % confidence interval].`,
    table: [['while', 'windows', 'k reserves/s', 'p50 ms', 'p99 ms', 'p99.9 ms'], ...rows],
  };
}
