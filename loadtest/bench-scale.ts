// `npm run bench:scale`: how throughput and latency bend with the number of SKUs, of live reservations, of connections, of
// workers and of partitions. Each curve is measured in one run on one worker with the embedded store, but for that of the workers.
import { join } from 'node:path';
import { coresLost } from './harness/cpu.ts';
import { describeMachine, LOST_CORES_MAX, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, measureFresh, runLoadOn, unitsPerSku, withSystem } from './harness/measure.ts';
import { benchmarkCommand, type CommonOptions, parseAmount, parseCount, parseSomeOf } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable } from './harness/statistics.ts';
import { type HoldfastOptions, type System, startHoldfast } from './harness/systems.ts';
import { loadStock } from './harness/wire.ts';
import type { Section } from './report/section.ts';

type CurveName = (typeof CURVE_NAMES)[number];

interface Options extends CommonOptions {
  readonly curves: CurveName[];
  readonly skusMost: number;
  readonly reservationsMost: number;
  readonly connectionsMost: number;
  readonly window: number;
}

/** One value of what is varied, and what was measured there. */
interface Spot {
  readonly at: number;
  readonly measurement: Measurement;
}

interface Curve {
  /** What is varied. */
  readonly what: string;
  readonly about: string;
  measure(spot: (at: number, measurement: Measurement) => void): Promise<void>;
}

const CURVE_NAMES = ['skus', 'reservations', 'connections', 'workers', 'partitions'] as const;

const options = benchmarkCommand('bench:scale', 'Throughput and latency against the size of things.')
  .option('--curves <names>', `of ${CURVE_NAMES.join(', ')}`, parseSomeOf(CURVE_NAMES), [...CURVE_NAMES])
  .option('--skus-most <n>', 'SKUs of the last point; ten million take some minutes to load', parseCount, 1_000_000)
  .option('--reservations-most <n>', 'live reservations of one SKU at the last point', parseCount, 10_000_000)
  .option('--connections-most <n>', 'connections of the last point', parseCount, 10_000)
  .option('--window <s>', 'seconds measured at each point', parseAmount, 4)
  .parse()
  .opts<Options>();

/** Requests in flight over all connections, at least one on each. */
const IN_FLIGHT = 1024;
const WARM_UP_MS = 2_000;
const SHAPE = { connections: 16, inFlight: IN_FLIGHT / 16 };
/** Ten million live reservations weigh more than what Node takes for its heap by itself. */
const HEAP_MB = 12_288;

const holdfast = (layout: Pick<HoldfastOptions, 'workers' | 'partitions'> = {}): System => ({
  name: 'holdfast-lmdb',
  about: '',
  start: async (dir) => {
    const nodeFlags = [`--max-old-space-size=${HEAP_MB}`];
    const { service, port, stopsBy } = await startHoldfast(`lmdb:${join(dir, 'lmdb')}`, { nodeFlags, ...layout });
    return { port, services: [service], stop: () => service.stop(stopsBy) };
  },
});

const CURVES: Readonly<Record<CurveName, Curve>> = {
  skus: {
    what: 'SKUs',
    about: 'Reserves of SKUs drawn uniformly; 16 connections with 64 in flight each.',
    measure: async (spot) => {
      for (const skus of powersOfTen(100, options.skusMost)) {
        spot(skus, await measureFresh(holdfast(), options.dir, loadOf({ skus })));
      }
    },
  },
  reservations: {
    what: 'live reservations',
    about: 'Reserves of one SKU that has so many live reservations already, each with its remembered request.',
    measure: (spot) =>
      withSystem(holdfast(), options.dir, async (running) => {
        await loadStock(running.port, 1, unitsPerSku(1));
        let live = 0;
        let perSecond = 100_000;
        for (const target of powersOfTen(1_000, options.reservationsMost)) {
          while (live < target) {
            const windowMs = Math.max(50, ((target - live) * 1000) / perSecond);
            const { result } = await runLoadOn(running, { ...loadOf({}), warmUpMs: 0, windowMs });
            live += result.acknowledged;
            perSecond = Math.max(perSecond, result.perSecond);
          }
          const measurement = await runLoadOn(running, { ...loadOf({}), warmUpMs: 0 });
          spot(live, measurement);
          live += measurement.result.acknowledged;
        }
      }),
  },
  connections: {
    what: 'connections',
    about: `Reserves of 10,000 SKUs with ${IN_FLIGHT} in flight over all connections, or one on each where there are more.`,
    measure: async (spot) => {
      for (const connections of powersOfTen(1, options.connectionsMost)) {
        const shape = { connections, inFlight: Math.max(1, Math.floor(IN_FLIGHT / connections)) };
        spot(connections, await measureFresh(holdfast(), options.dir, loadOf({ skus: 10_000, shape })));
      }
    },
  },
  workers: {
    what: 'workers',
    about: 'Reserves of 10,000 SKUs; clients know nothing of the workers, so most requests are passed on.',
    measure: async (spot) => {
      for (const workers of [1, 2, 3, 4]) {
        spot(workers, await measureFresh(holdfast({ workers }), options.dir, loadOf({ skus: 10_000 })));
      }
    },
  },
  partitions: {
    what: 'partitions',
    about: 'Reserves of 10,000 SKUs, dealt into so many partitions, all on one worker.',
    measure: async (spot) => {
      for (const partitions of [1, 8, 64, 512, 4096]) {
        spot(partitions, await measureFresh(holdfast({ partitions }), options.dir, loadOf({ skus: 10_000 })));
      }
    },
  },
};

const machine = describeMachine();
const report = new Report(options.reports, 'bench-scale');
console.log(machineLine(machine));
const sections: Section[] = [];
let faulty = 0;
for (const name of options.curves) {
  const curve = CURVES[name];
  const spots: Spot[] = [];
  await quietMachine(options.quietWait * 1000);
  await curve.measure((at, measurement) => {
    for (const fault of measurement.faults) console.log(`${at} ${curve.what}: NOT VALID: ${fault}`);
    if (measurement.faults.length > 0) faulty += 1;
    else spots.push({ at, measurement });
    console.log(`${at} ${curve.what}: ${kilo(measurement)} k/s, p99 ${millis(measurement)} ms`);
  });
  sections.push(...sectionsOf(curve, spots));
  report.write({ machine, options, sections });
}
for (const { title, table } of sections) if (table !== undefined) console.log(`\n${title}\n${alignedTable(table)}`);
console.log(`\nwrote ${report.path}`);
process.exit(faulty > 0 ? 1 : 0);

function loadOf(some: Partial<Load>): Load {
  return { skus: 1, shape: SHAPE, warmUpMs: WARM_UP_MS, windowMs: options.window * 1000, ...some };
}

function powersOfTen(from: number, most: number): number[] {
  const all: number[] = [];
  for (let n = from; n <= most; n *= 10) all.push(n);
  return all;
}

function sectionsOf({ what, about }: Curve, spots: readonly Spot[]): Section[] {
  const x = { label: what, log: true };
  const points = (y: (measurement: Measurement) => number) =>
    spots.map(({ at, measurement }) => ({ x: at, y: y(measurement), disturbed: isDisturbed(measurement) }));
  const throughput = { name: 'reserves a second', points: points(({ result }) => result.perSecond) };
  const latency = (['p50', 'p99', 'p999'] as const).map((quantile) => ({
    name: quantile === 'p999' ? 'p99.9' : quantile,
    points: points(({ result }) => result.latencyUs[quantile] / 1000),
  }));
  const rows = spots.map(({ at, measurement }) => {
    const { p50, p99, p999 } = measurement.result.latencyUs;
    const cpu = (Object.values(measurement.cpu?.byName ?? {})[0] ?? 0) / measurement.result.perSecond;
    const others = coresLost(measurement.cpu).toFixed(2);
    const star = isDisturbed(measurement) ? ' *' : '';
    return [
      at.toLocaleString('en'),
      kilo(measurement) + star,
      ...[p50, p99, p999].map(ms),
      (cpu * 1e6).toFixed(1),
      others,
    ];
  });
  const head = [what, 'k reserves/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'CPU µs a reserve', 'others, cores'];
  return [
    {
      title: `Throughput by ${what}`,
      text: `${about} A figure with * is one that other programs disturbed.`,
      table: [head, ...rows],
      chart: { kind: 'lines', x, y: { label: 'reserves a second' }, series: [throughput] },
    },
    {
      title: `Latency by ${what}`,
      chart: { kind: 'lines', x, y: { label: 'ms', log: true }, series: latency },
    },
  ];
}

function isDisturbed({ cpu }: Measurement): boolean {
  return coresLost(cpu) > LOST_CORES_MAX;
}

function kilo({ result }: Measurement): string {
  return (result.perSecond / 1000).toFixed(1);
}

function millis({ result }: Measurement): string {
  return ms(result.latencyUs.p99);
}

function ms(us: number): string {
  return (us / 1000).toFixed(us < 10_000 ? 2 : 1);
}
