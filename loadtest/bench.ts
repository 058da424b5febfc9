// `npm run bench`: closed-loop throughput of durable reserves, the grid beside what a user would build instead and
// beside the transport's limit, all in one run, turn by turn. README.md says what it shows and what not.

import { coresLost } from './harness/cpu.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, measureFresh, type Shape } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseCount,
  parseNames,
  parseShapes,
  parseSkuCounts,
  showShape,
  showSkus,
} from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable, fixed, showSpread, spreadOf } from './harness/statistics.ts';
import { SYSTEMS, type System, systemsNamed, whyAbsent } from './harness/systems.ts';

interface Options extends CommonOptions {
  readonly systems: string[];
  readonly against: string[];
  readonly skus: number[];
  readonly shapes: Shape[];
  readonly repeats: number;
  readonly retries: number;
  readonly warmUp: number;
  readonly window: number;
}

const options = benchmarkCommand('bench', 'Throughput of durable reserves: the grid and its alternatives in one run.')
  .option('--systems <names>', `of ${SYSTEMS.map(({ name }) => name).join(', ')}`, parseNames, [
    'holdfast-lmdb',
    'holdfast-redis',
    'lua-gateway',
    'lua-gateway-batch',
    'echo',
  ])
  .option('--against <names>', 'systems that ratios are given to', parseNames, ['lua-gateway', 'lua-gateway-batch'])
  .option('--skus <counts>', 'hot, or numbers of SKUs drawn from uniformly', parseSkuCounts, [1, 100_000])
  .option('--shapes <shapes>', 'connections x in flight', parseShapes, parseShapes('32x1,16x16,16x64'))
  .option('--repeats <n>', 'measurements of each', parseCount, 3)
  .option('--retries <n>', 'repetitions of a measurement that other processes disturbed', parseCount, 2)
  .option('--warm-up <s>', 'seconds before the measured window', Number, 2)
  .option('--window <s>', 'seconds measured', Number, 5)
  .parse()
  .opts<Options>();

interface Run {
  readonly system: string;
  readonly load: Load;
  readonly repeat: number;
  /** Others used the processors meanwhile: the figure is too low by an unknown amount. */
  readonly disturbed: boolean;
  readonly measurement: Measurement;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench');
console.log(machineLine(machine));
const systems = systemsNamed(options.systems).filter(available);
for (const { name, about } of systems) console.log(`  ${name}: ${about}`);

const runs: Run[] = [];
let faulty = 0;
for (let repeat = 0; repeat < options.repeats; repeat++) {
  for (const load of loads()) {
    // Turn by turn, and another one first each time: what drifts on the machine hits all alike.
    for (let i = 0; i < systems.length; i++) {
      const run = await measured(systems[(i + repeat) % systems.length] as System, load, repeat);
      if (run === undefined) continue;
      runs.push(run);
      report.write({ machine, options, runs });
    }
  }
}
for (const load of loads()) console.log(`\n${blockOf(load)}`);
if (runs.some(({ disturbed }) => disturbed)) {
  console.log(`\n* includes runs in which others took over ${LOST_CORES_MAX} cores`);
}
console.log(`\nwrote ${report.path}`);
if (faulty > 0) console.log(`${faulty} measurements failed and are left out`);
process.exit(faulty > 0 ? 1 : 0);

function available(system: System): boolean {
  const why = whyAbsent(system);
  if (why !== undefined) console.log(`  ${system.name}: absent, since ${why}`);
  return why === undefined;
}

function loads(): Load[] {
  return options.skus.flatMap((skus) =>
    options.shapes.map((shape) => ({
      skus,
      shape,
      warmUpMs: options.warmUp * 1000,
      windowMs: options.window * 1000,
    })),
  );
}

/** One valid measurement; of disturbed attempts, the least disturbed. */
async function measured(system: System, load: Load, repeat: number): Promise<Run | undefined> {
  const title = `${system.name}, ${showSkus(load.skus)}, ${showShape(load.shape)}, repeat ${repeat + 1}`;
  let best: Measurement | undefined;
  for (let attempt = 0; attempt <= options.retries; attempt++) {
    await quietMachine(options.quietWait * 1000);
    try {
      const measurement = await measureFresh(system, options.dir, load);
      const { perSecond, latencyUs } = measurement.result;
      const note = isDisturbed(measurement) ? ' (disturbed)' : '';
      const figures = `${kilo(perSecond)} k/s, p99 ${millis(latencyUs.p99)} ms`;
      console.log(`${title}: ${figures}, others ${coresLost(measurement.cpu).toFixed(2)} cores${note}`);
      if (measurement.faults.length > 0) throw new Error(`not valid: ${measurement.faults.join('; ')}`);
      if (best === undefined || coresLost(measurement.cpu) < coresLost(best.cpu)) best = measurement;
    } catch (error) {
      faulty++;
      console.log(`${title}: FAILED: ${(error as Error).message}`);
      return undefined;
    }
    if (!isDisturbed(best)) break;
  }
  return best && { system: system.name, load, repeat, disturbed: isDisturbed(best), measurement: best };
}

function isDisturbed(measurement: Measurement): boolean {
  return coresLost(measurement.cpu) > LOST_CORES_MAX;
}

/** The results of one load: a line per system. */
function blockOf(load: Load): string {
  const of = (name: string) => runs.filter((run) => run.system === name && sameLoad(run.load, load));
  const against = options.against.filter((name) => of(name).length > 0);
  const head = [
    `${showSkus(load.skus)}, ${showShape(load.shape)}`,
    'k reserves/s',
    ...against.map((name) => `× ${name}`),
    'p50 ms',
    'p99 ms',
    'CPU µs a reserve',
  ];
  const rows = systems.flatMap(({ name }) => {
    const mine = of(name);
    if (mine.length === 0) return [];
    const star = mine.some(({ disturbed }) => disturbed) ? ' *' : '';
    return [
      [
        name,
        showSpread(spreadOf(mine.map(rate)), kilo) + star,
        ...against.map((reference) => ratio(mine, of(reference))),
        showSpread(spreadOf(mine.map((run) => run.measurement.result.latencyUs.p50)), millis),
        showSpread(spreadOf(mine.map((run) => run.measurement.result.latencyUs.p99)), millis),
        cpuCost(mine),
      ],
    ];
  });
  return alignedTable([head, ...rows]);
}

/** Of neighbours in time: each repeat against the same repeat of the reference. */
function ratio(mine: readonly Run[], reference: readonly Run[]): string {
  const ratios = mine.flatMap((run) => {
    const other = reference.find(({ repeat }) => repeat === run.repeat);
    return other === undefined ? [] : [rate(run) / rate(other)];
  });
  return ratios.length === 0 ? '' : showSpread(spreadOf(ratios), fixed(2));
}

/** µs of processor time per acknowledged reserve, by process: a figure that other load disturbs least. */
function cpuCost(mine: readonly Run[]): string {
  const names = Object.keys(mine[0]?.measurement.cpu?.byName ?? {}).filter((name) => name !== 'harness');
  const costOf = (name: string) =>
    spreadOf(mine.map((run) => ((run.measurement.cpu?.byName[name] ?? 0) * 1e6) / rate(run))).median;
  return names.map((name) => `${name} ${costOf(name).toFixed(1)}`).join(', ');
}

function sameLoad(a: Load, b: Load): boolean {
  return a.skus === b.skus && a.shape.connections === b.shape.connections && a.shape.inFlight === b.shape.inFlight;
}

function rate(run: Run): number {
  return run.measurement.result.perSecond;
}

function kilo(perSecond: number): string {
  return (perSecond / 1000).toFixed(1);
}

function millis(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}
