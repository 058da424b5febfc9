// `npm run bench`: closed-loop throughput of durable reserves, the grid beside what a user would build instead and
// beside the transport's limit, all in one run, turn by turn. README.md says what it shows and what not.

import { presentOf } from './harness/absent.ts';
import { measureCore } from './harness/core-loop.ts';
import { coresLost } from './harness/cpu.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, measureFresh, type Shape } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  type Keys,
  parseAmount,
  parseCount,
  parsedOption,
  parseKeys,
  parsePositive,
  parseShapes,
  parseSomeOf,
  showKeys,
  showShape,
} from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable, fixed, meanInterval, showInterval, showSpread, spreadOf } from './harness/statistics.ts';
import { CORE, SYSTEMS, systemsNamed } from './harness/systems.ts';
import type { Section } from './report/section.ts';

interface Options extends CommonOptions {
  readonly systems: string[];
  readonly against: string[];
  readonly skus: Keys[];
  readonly shapes: Shape[];
  readonly batch: number;
  readonly batchShapes: Shape[];
  readonly generators: number;
  readonly repeats: number;
  readonly retries: number;
  readonly warmUp: number;
  readonly window: number;
}

const NAMES = [...SYSTEMS, CORE].map(({ name }) => name);
const parseSystems = parseSomeOf(NAMES);

const options = benchmarkCommand('bench', 'Throughput of durable reserves: the grid and its alternatives in one run.')
  .option('--systems <names>', `of ${NAMES.join(', ')}`, parseSystems, [
    'holdfast-lmdb',
    'holdfast-redis',
    'lua-gateway',
    'lua-gateway-batch',
    'postgres-gateway',
    'echo',
    'core',
  ])
  .option('--against <names>', 'systems that ratios are given to', parseSystems, ['lua-gateway', 'echo'])
  .addOption(
    parsedOption(
      '--skus <counts>',
      'hot, numbers of SKUs drawn from uniformly, or zipf:<n> by popularity',
      parseKeys,
      'hot,100000',
    ),
  )
  .addOption(parsedOption('--shapes <shapes>', 'connections x in flight', parseShapes, '32x1,16x16,16x64'))
  .option('--batch <n>', 'reserves in a frame of the batched loads; 0 leaves them out', parseCount, 100)
  .addOption(
    parsedOption('--batch-shapes <shapes>', 'connections x frames in flight, of batched loads', parseShapes, '16x4'),
  )
  .option('--generators <n>', 'processes that the connections are spread over', parsePositive, 1)
  .option('--repeats <n>', 'measurements of each', parsePositive, 3)
  .option('--retries <n>', 'repetitions of a measurement that other processes disturbed', parseCount, 2)
  .option('--warm-up <s>', 'seconds before the measured window', parseAmount, 2)
  .option('--window <s>', 'seconds measured', parseAmount, 5)
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
const contenders = presentOf(options.systems, '--systems holdfast-lmdb,echo,core').map(contenderNamed);
for (const { name, about } of contenders) console.log(`  ${name}: ${about}`);

const runs: Run[] = [];
let faulty = 0;
for (let repeat = 0; repeat < options.repeats; repeat++) {
  for (const load of loads()) {
    // Turn by turn, and another one first each time: what drifts on the machine hits all alike.
    for (let i = 0; i < contenders.length; i++) {
      const run = await measured(contenders[(i + repeat) % contenders.length] as Contender, load, repeat);
      if (run === undefined) continue;
      runs.push(run);
      report.write({ machine, options, runs, sections: sectionsOf() });
    }
  }
}
for (const load of loads()) console.log(`\n${titleOf(load)}\n${alignedTable(tableOf(load))}`);
if (runs.some(({ disturbed }) => disturbed)) {
  console.log(`\n* includes runs in which others took over ${LOST_CORES_MAX} cores`);
}
console.log(`\nwrote ${report.path}`);
if (faulty > 0) console.log(`${faulty} measurements failed and are left out`);
process.exit(faulty > 0 ? 1 : 0);

/** What is measured: a system that requests are sent to, or the core, which needs none. */
interface Contender {
  readonly name: string;
  readonly about: string;
  measure(load: Load): Promise<Measurement>;
}

function contenderNamed(name: string): Contender {
  if (name === CORE.name) return { ...CORE, measure: measureCore };
  const [system] = systemsNamed([name]);
  if (system === undefined) throw new Error(`no system "${name}"`);
  return { name, about: system.about, measure: (load) => measureFresh(system, options.dir, load) };
}

function loads(): Load[] {
  const { skus, shapes, batch, batchShapes, generators, warmUp, window } = options;
  const each = (more: Pick<Load, 'shape' | 'batch'>): Load[] =>
    skus.map((keys) => ({ ...keys, ...more, generators, warmUpMs: warmUp * 1000, windowMs: window * 1000 }));
  const single = shapes.flatMap((shape) => each({ shape }));
  return batch === 0 ? single : [...single, ...batchShapes.flatMap((shape) => each({ shape, batch }))];
}

function titleOf({ skus, zipf = 0, shape, batch = 1 }: Load): string {
  const frames = batch === 1 ? '' : ` frames of ${batch}`;
  return `${showKeys({ skus, zipf })}, ${showShape(shape)}${frames}`;
}

/** One valid measurement; of disturbed attempts, the least disturbed. */
async function measured(contender: Contender, load: Load, repeat: number): Promise<Run | undefined> {
  const title = `${contender.name}, ${titleOf(load)}, repeat ${repeat + 1}`;
  let best: Measurement | undefined;
  for (let attempt = 0; attempt <= options.retries; attempt++) {
    await quietMachine(options.quietWait * 1000);
    try {
      const measurement = await contender.measure(load);
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
  return best && { system: contender.name, load, repeat, disturbed: isDisturbed(best), measurement: best };
}

function isDisturbed(measurement: Measurement): boolean {
  return coresLost(measurement.cpu) > LOST_CORES_MAX;
}

/** The results of one load: a line per system. */
function tableOf(load: Load): string[][] {
  const against = options.against.filter((name) => runsOf(name, load).length > 0);
  const head = [
    'system',
    'k reserves/s',
    '95 % interval',
    ...against.map((name) => `× ${name}`),
    'p50 ms',
    'p99 ms',
    'CPU µs a reserve',
  ];
  const rows = contenders.flatMap(({ name }) => {
    const mine = runsOf(name, load);
    if (mine.length === 0) return [];
    const star = mine.some(({ disturbed }) => disturbed) ? ' *' : '';
    const latency = (of: 'p50' | 'p99'): string =>
      name === CORE.name ? '' : showSpread(spreadOf(mine.map((run) => run.measurement.result.latencyUs[of])), millis);
    return [
      [
        name,
        showSpread(spreadOf(mine.map(rate)), kilo) + star,
        showInterval(meanInterval(mine.map(rate)), kilo),
        ...against.map((reference) => ratio(mine, runsOf(reference, load))),
        latency('p50'),
        latency('p99'),
        cpuCost(mine),
      ],
    ];
  });
  return [head, ...rows];
}

function runsOf(name: string, load: Load): Run[] {
  return runs.filter((run) => run.system === name && titleOf(run.load) === titleOf(load));
}

function sectionsOf(): Section[] {
  const tables = loads().map((load): Section => ({ title: titleOf(load), table: tableOf(load) }));
  const series = contenders.map(({ name }) => ({
    name,
    points: loads().flatMap((load) => {
      const mine = runsOf(name, load);
      const rates = mine.map(rate);
      if (rates.length === 0) return [];
      const interval = meanInterval(rates);
      const disturbed = mine.some((run) => run.disturbed);
      const point = { x: titleOf(load), y: spreadOf(rates).median, disturbed };
      return [interval === undefined ? point : { ...point, interval: [interval.low, interval.high] as const }];
    }),
  }));
  const overview: Section = {
    title: 'Durable reserves a second',
    text: 'Closed loop; all systems in one run, taking turns. echo and core are limits: nothing of theirs is durable. A figure with * is one that other programs disturbed.',
    chart: { kind: 'bars', x: { label: 'load' }, y: { label: 'reserves a second', log: true }, series },
  };
  return [overview, ...tables];
}

/** Of neighbours in time: each repeat against the same repeat of the reference. */
function ratio(mine: readonly Run[], reference: readonly Run[]): string {
  const ratios = mine.flatMap((run) => {
    const other = reference.find(({ repeat }) => repeat === run.repeat);
    return other === undefined ? [] : [rate(run) / rate(other)];
  });
  if (ratios.length === 0) return '';
  return showInterval(meanInterval(ratios), fixed(2)) || showSpread(spreadOf(ratios), fixed(2));
}

/** µs of processor time per acknowledged reserve, by process: a figure that other load disturbs least. */
function cpuCost(mine: readonly Run[]): string {
  const names = Object.keys(mine[0]?.measurement.cpu?.byName ?? {}).filter((name) => name !== 'harness');
  const costOf = (name: string) =>
    spreadOf(mine.map((run) => ((run.measurement.cpu?.byName[name] ?? 0) * 1e6) / rate(run))).median;
  return names.map((name) => `${name} ${costOf(name).toFixed(1)}`).join(', ');
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
