// `npm run bench:overload`: what is left of goodput, of latency and of others' commits and releases when several times as much is
// asked for as can be served, and how soon all is well again.
import { setTimeout as sleep } from 'node:timers/promises';
import { skuName } from './generator/load.ts';
import { presentOf } from './harness/absent.ts';
import { coresLost } from './harness/cpu.ts';
import { describeMachine, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, runLoadOn, unitsPerSku, withSystem } from './harness/measure.ts';
import {
  benchmarkCommand,
  type CommonOptions,
  parseAmount,
  parseCount,
  parseNames,
  parseOneOf,
  parsePositive,
} from './harness/options.ts';
import { type Probe, Prober } from './harness/prober.ts';
import { Report } from './harness/report.ts';
import { alignedTable, quantile } from './harness/statistics.ts';
import { BOUNCE, type RunningSystem, systemsNamed } from './harness/systems.ts';
import { loadStock } from './harness/wire.ts';
import type { Section } from './report/section.ts';

interface Options extends CommonOptions {
  readonly system: string;
  readonly factors: number[];
  readonly connections: number;
  readonly generators: number;
  readonly surge: number;
}

const options = benchmarkCommand('bench:overload', 'Several times as many reserves as can be served.')
  .option(
    '--system <name>',
    'holdfast-lmdb or holdfast-redis',
    parseOneOf(['holdfast-lmdb', 'holdfast-redis']),
    'holdfast-lmdb',
  )
  .option('--factors <list>', 'times the greatest throughput', (text) => parseNames(text).map(parseAmount), [2, 5, 10])
  .option('--connections <n>', 'of the surge', parseCount, 64)
  .option('--generators <n>', 'processes that send it', parsePositive, 1)
  .option('--surge <s>', 'how long it lasts', parseAmount, 5)
  .parse()
  .opts<Options>();

/** What is promised of each. */
const GOODPUT_MIN = 0.9;
const LATENCY_TIMES_MAX = 3;
const REFUSAL_SHARE_MAX = 0.1;
const NORMAL_WITHIN_S = 2;

const UNLOADED_SHARE = 0.1;
/** On each connection: more than a worker lets wait over all of them. */
const IN_FLIGHT = 4_096;
/** Over all connections, of the closed loop that says what is the greatest. */
const IN_FLIGHT_AT_CAPACITY = 1_024;
/** Fewer refusals than this share of the successes say nothing of what one costs. */
const REFUSED_SHARE_MIN = 0.5;
const WATCHED_AFTER_MS = 5_000;
const BUCKET_MS = 100;
const HOT: Pick<Load, 'skus' | 'warmUpMs'> = { skus: 1, warmUpMs: 1_000 };

interface Surge {
  readonly factor: number;
  /** Clients keep a window, as the SDK does, and turn away what does not fit; others send everything. */
  readonly heeds: boolean;
  /** In a closed loop on the same worker, the mean of just before and just after. */
  readonly greatestPerSecond: number;
  readonly unloadedP99Us: number;
  readonly turnedAwayPerSecond: number;
  readonly sentPerSecond: number;
  readonly goodputPerSecond: number;
  readonly refusedPerSecond: number;
  readonly goodputShare: number;
  /** From the sending of a request that was granted, µs. */
  readonly admittedP99Us: number;
  readonly latencyTimes: number;
  /** Processor time of the server for a refusal, of that for a success; undefined where too few were refused to tell. */
  readonly refusalShare: number | undefined;
  readonly settled: number;
  readonly settledThrough: number;
  readonly settledP99Ms: number;
  /** Until commits and releases took no longer than three times what they did before, s; undefined: not while watched. */
  readonly normalAfterS: number | undefined;
  readonly othersCores: number;
}

const machine = describeMachine();
const report = new Report(options.reports, 'bench-overload');
console.log(machineLine(machine));
const [system] = systemsNamed(presentOf([options.system], '--system holdfast-lmdb'));
await quietMachine(options.quietWait * 1000);
if (system === undefined) throw new Error('the systems that are measured have other names');
const busy = { connections: options.connections, inFlight: Math.ceil(IN_FLIGHT_AT_CAPACITY / options.connections) };
const surges: Surge[] = [];
const bounced = await withSystem(BOUNCE, options.dir, async (running) => {
  const load = { ...HOT, shape: busy, warmUpMs: 0, windowMs: options.surge * 1_000 };
  const measurement = await runLoadOn(running, load);
  return (cpuOf(measurement) * options.surge) / refusedIn(measurement);
});
/** Processor time of the engine for a refusal with nothing around it, of that for a success: no refusal here costs less. */
let engineShare = 0;
for (const heeds of [true, false]) {
  for (const factor of options.factors) {
    surges.push(await withSystem(system, options.dir, (running) => surgeOn(running, factor, heeds)));
    report.write({ machine, options, surges, engineShare, sections: [sectionOf()] });
    console.log(JSON.stringify(surges.at(-1)));
  }
}
console.log(`\n${alignedTable(sectionOf().table ?? [])}\n\nwrote ${report.path}`);
process.exit(0);

/** On a worker of its own: what one holds grows with each surge, and with it what a reserve costs. */
async function surgeOn(running: RunningSystem, factor: number, heeds: boolean): Promise<Surge> {
  await loadStock(running.port, 2, unitsPerSku(1));
  const run = (load: Partial<Load> & Pick<Load, 'shape' | 'windowMs'>): Promise<Measurement> =>
    runLoadOn(running, { ...HOT, ...load });
  const most = await run({ shape: busy, windowMs: 3_000 });
  const greatestBefore = most.result.perSecond;
  const many = { connections: options.connections, inFlight: IN_FLIGHT };
  const unloaded = await run({ shape: many, ratePerSecond: greatestBefore * UNLOADED_SHARE, windowMs: 6_000 });
  const prober = await Prober.start(running.port, skuName(1));
  await sleep(2_000);
  const windowMs = options.surge * 1_000;
  const surge = await run({
    shape: many,
    ratePerSecond: factor * greatestBefore,
    warmUpRatePerSecond: greatestBefore * UNLOADED_SHARE,
    heeds,
    windowMs,
  });
  await sleep(WATCHED_AFTER_MS);
  await prober.stop();
  // What a worker holds grows with each reserve, and with it what one costs: the surge lies between the two.
  const mostAfter = await run({ shape: busy, windowMs: 3_000 });
  const greatest = (greatestBefore + mostAfter.result.perSecond) / 2;
  const successCpu = (cpuOf(most) + cpuOf(mostAfter)) / 2 / greatest;
  engineShare = bounced / successCpu;
  const before = { greatest, successCpu, unloadedP99Us: unloaded.result.serviceUs?.p99 ?? 0 };
  return surgeOf({ factor, heeds }, before, surge, prober.probes, surge.endedAtMs - windowMs);
}

function refusedIn({ result }: Pick<Measurement, 'result'>): number {
  return Object.values(result.refusals).reduce((sum, count) => sum + count, 0);
}

function surgeOf(
  { factor, heeds }: Pick<Surge, 'factor' | 'heeds'>,
  { greatest, successCpu, unloadedP99Us }: { greatest: number; successCpu: number; unloadedP99Us: number },
  { result, cpu, endedAtMs }: Measurement,
  probes: readonly Probe[],
  from: number,
): Surge {
  const seconds = result.windowMs / 1000;
  const refused = refusedIn({ result });
  const goodputPerSecond = result.perSecond;
  const refusedPerSecond = refused / seconds;
  const refusalCpu = (cpuOf({ cpu }) - goodputPerSecond * successCpu) / refusedPerSecond;
  const settling = probes.filter(({ op }) => op !== 'reserve');
  const before = settling.filter(({ atMs }) => atMs < from);
  const during = settling.filter(({ atMs }) => atMs >= from && atMs < endedAtMs);
  const through = during.filter(({ refused: why }) => why === undefined);
  const admittedP99Us = result.serviceUs?.p99 ?? 0;
  return {
    factor,
    heeds,
    greatestPerSecond: greatest,
    unloadedP99Us,
    turnedAwayPerSecond: result.turnedAway / seconds,
    sentPerSecond: goodputPerSecond + refusedPerSecond,
    goodputPerSecond,
    refusedPerSecond,
    goodputShare: goodputPerSecond / greatest,
    admittedP99Us,
    latencyTimes: admittedP99Us / unloadedP99Us,
    refusalShare: refusedPerSecond < REFUSED_SHARE_MIN * goodputPerSecond ? undefined : refusalCpu / successCpu,
    settled: during.length,
    settledThrough: through.length,
    settledP99Ms:
      through.length === 0
        ? 0
        : quantile(
            through.map(({ tookMs }) => tookMs),
            0.99,
          ),
    normalAfterS: normalAfter(before, settling, endedAtMs),
    othersCores: coresLost(cpu),
  };
}

/** From the surge's end to the last window in which something was slower than three times the p99 from before it. */
function normalAfter(before: readonly Probe[], all: readonly Probe[], endMs: number): number | undefined {
  const bound =
    LATENCY_TIMES_MAX *
    quantile(
      before.map(({ tookMs }) => tookMs),
      0.99,
    );
  const slow = all.filter(
    ({ atMs, tookMs, refused }) => atMs + tookMs > endMs && (tookMs > bound || refused !== undefined),
  );
  const last = Math.max(endMs, ...slow.map(({ atMs, tookMs }) => atMs + tookMs));
  const afterMs = Math.ceil((last - endMs) / BUCKET_MS) * BUCKET_MS;
  return afterMs >= WATCHED_AFTER_MS ? undefined : afterMs / 1000;
}

/** Of all processes of the server, cores. */
function cpuOf({ cpu }: Pick<Measurement, 'cpu'>): number {
  const named = Object.entries(cpu?.byName ?? {}).filter(([name]) => name !== 'harness' && name !== 'generator');
  return named.reduce((sum, [, cores]) => sum + cores, 0);
}

function sectionOf(): Section {
  const held = (is: boolean): string => (is ? '' : ' (missed)');
  const head = [
    'times the greatest, by clients that',
    'greatest k/s',
    'turned away k/s',
    'sent k/s',
    'goodput k/s',
    `of the greatest (≥ ${GOODPUT_MIN})`,
    `p99 of the granted, × unloaded (≤ ${LATENCY_TIMES_MAX})`,
    `CPU of a refusal / a success (< ${REFUSAL_SHARE_MAX})`,
    'commits and releases through',
    'their p99 ms',
    `normal after s (≤ ${NORMAL_WITHIN_S})`,
  ];
  const rows = surges.map((surge) => [
    `${surge.factor} ×, ${surge.heeds ? 'keep a window' : 'send all'}`,
    kilo(surge.greatestPerSecond),
    kilo(surge.turnedAwayPerSecond),
    kilo(surge.sentPerSecond),
    kilo(surge.goodputPerSecond),
    `${surge.goodputShare.toFixed(2)}${held(surge.goodputShare >= GOODPUT_MIN)}`,
    `${(surge.admittedP99Us / 1000).toFixed(0)} ms, ${surge.latencyTimes.toFixed(1)} ×${held(surge.latencyTimes <= LATENCY_TIMES_MAX)}`,
    surge.refusalShare === undefined
      ? '(few)'
      : `${surge.refusalShare.toFixed(2)}${held(surge.refusalShare < REFUSAL_SHARE_MAX)}`,
    `${surge.settledThrough} of ${surge.settled}${held(surge.settledThrough === surge.settled)}`,
    surge.settledP99Ms.toFixed(0),
    surge.normalAfterS === undefined
      ? `not within ${WATCHED_AFTER_MS / 1000}`
      : `${surge.normalAfterS.toFixed(1)}${held(surge.normalAfterS <= NORMAL_WITHIN_S)}`,
  ]);
  return {
    title: 'More than can be served',
    text: `${options.system}, hot SKU, ${options.connections} connections; each surge on a worker of its own, beside the mean of what that did in a closed loop just before and just after, and the p99 at a tenth of it, which it is asked for until the surge begins. Sent is what the generator really could send beside the server; clients that keep a window turn the rest away by themselves. The engine alone, which answers every frame with one refusal, takes ${engineShare.toFixed(2)} of a success's processor time for it.`,
    table: [head, ...rows],
  };
}

function kilo(perSecond: number): string {
  return (perSecond / 1000).toFixed(0);
}
