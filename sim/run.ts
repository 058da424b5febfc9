// The simulator's command: one seed, or as many as fit into some minutes, over several threads.
//   npm run sim -- [--scenario contended-lane|region|regions] --seed S [--trace]     runs one seed and says all about it
//   npm run sim -- [--scenario …] --minutes N [--workers W] [--base B] [--seeds N] [--until-found]
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { argumentsOf, refuse } from './arguments.ts';
import { runContendedLane } from './scenarios/contended-lane.ts';
import { runOrderLines } from './scenarios/order-lines.ts';
import { runFailOver, runOrders, runRegion } from './scenarios/region.ts';
import { runRegions } from './scenarios/regions.ts';
import type { RunResult } from './scenarios/run-result.ts';

const SCENARIOS = {
  'contended-lane': runContendedLane,
  region: runRegion,
  'fail-over': runFailOver,
  orders: runOrders,
  regions: runRegions,
  'order-lines': runOrderLines,
} as const;
/** Bytes of bytecode: a fifth of V8's default. So much code runs here, each part of it seldom, that compiling it is a good part of the work. */
const INLINED_MAX = 200;

const USAGE = `Simulates the grid with faults of all kinds and judges what it did. Exit code 1 when a seed has a violation.

  npm run sim -- [--scenario NAME] --seed S [--trace]    one seed, and all about it
  npm run sim -- [--scenario NAME] [--minutes N]         as many seeds as fit

  --scenario NAME  ${Object.keys(SCENARIOS).join(', ')}; default: all in turns
  --seed S         any text; the same seed gives the same run
  --trace          print each event of the run
  --minutes N      how long; default 1
  --workers N      threads; default: one for each processor
  --base B         begins the names of the seeds; default: the time
  --seeds N        at most so many seeds
  --until-found    stop at the first violation`;
type Scenario = keyof typeof SCENARIOS;

interface Share {
  readonly scenarios: readonly Scenario[];
  readonly base: string;
  readonly first: number;
  readonly step: number;
  readonly untilMs: number;
  /** Seeds from this number on are left out. */
  readonly end: number;
  readonly untilFound: boolean;
}

/** A seed with less proves less, and is counted apart. */
const OPERATIONS_MIN = 300;
const FAULTS_MIN = 10;

/** What the seeds of a scenario came to. */
interface Tally {
  seeds: number;
  operations: number;
  faults: number;
  /** Seeds of less than OPERATIONS_MIN or FAULTS_MIN: a planned fault strikes nobody where the worker is already down. */
  thin: number;
  events: number;
  falseAlarms: number;
  /** Seeds with violations. */
  failed: number;
  /** ms of wall time. */
  ms: number;
}
type Tallies = Record<Scenario, Tally>;

const NOTHING: Tally = {
  seeds: 0,
  operations: 0,
  faults: 0,
  thin: 0,
  events: 0,
  falseAlarms: 0,
  failed: 0,
  ms: 0,
};

async function main(): Promise<number> {
  const values = argumentsOf(
    {
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '1' },
      workers: { type: 'string' },
      base: { type: 'string' },
      seeds: { type: 'string', default: 'Infinity' },
      'until-found': { type: 'boolean', default: false },
      scenario: { type: 'string' },
    },
    USAGE,
  );
  const all = Object.keys(SCENARIOS) as Scenario[];
  const scenarios = values.scenario === undefined ? all : all.filter((name) => name === values.scenario);
  setFlagsFromString(`--max-inlined-bytecode-size-cumulative=${INLINED_MAX}`);
  if (scenarios.length === 0) refuse(`--scenario is one of ${all.join(', ')}, not ${values.scenario}`, USAGE);
  if (values.seed !== undefined) {
    let failed = 0;
    for (const scenario of scenarios) {
      const result = await SCENARIOS[scenario](values.seed, { keepTrace: values.trace });
      if (values.trace) console.log(result.trace.join('\n'));
      console.log(report(scenario, result));
      if (result.violations.length > 0) failed += 1;
    }
    return failed === 0 ? 0 : 1;
  }
  const base = values.base ?? String(Date.now());
  const threads = Number(values.workers ?? availableParallelism());
  const minutes = Number(values.minutes);
  if (!(threads >= 1) || !(minutes > 0)) refuse('--workers and --minutes must be positive numbers', USAGE);
  console.log(`seeds ${base}-0, ${base}-1, … over ${threads} threads for ${minutes} min`);
  const startedAt = performance.now();
  const untilMs = Date.now() + minutes * 60_000;
  const end = Number(values.seeds);
  const untilFound = values['until-found'];
  const shares = Array.from({ length: threads }, (_, first) => ({
    scenarios,
    base,
    first,
    step: threads,
    untilMs,
    end,
    untilFound,
  }));
  const progress = new Progress();
  const tallies = await Promise.all(
    shares.map((share) => (threads === 1 ? runShare(share, progress.noted) : runThread(share, progress.noted))),
  );
  const { user, system } = process.cpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  const seconds = (performance.now() - startedAt) / 1_000;
  const ofScenarios = scenarios.map((scenario) => together(tallies.map((tally) => tally[scenario])));
  if (scenarios.length > 1) {
    for (const [at, tally] of ofScenarios.entries()) console.log(`${scenarios[at]}: ${summary(tally)}`);
  }
  const total = together(ofScenarios);
  console.log(
    `${summary(total)}; ${seconds.toFixed(1)} s, ${(total.seeds / cpuSeconds).toFixed(1)} seeds a second of CPU`,
  );
  return total.failed === 0 ? 0 : 1;
}

function together(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (a, b) => ({
      seeds: a.seeds + b.seeds,
      operations: a.operations + b.operations,
      faults: a.faults + b.faults,
      thin: a.thin + b.thin,
      events: a.events + b.events,
      falseAlarms: a.falseAlarms + b.falseAlarms,
      failed: a.failed + b.failed,
      ms: a.ms + b.ms,
    }),
    NOTHING,
  );
}

function summary({ seeds, operations, faults, thin, events, falseAlarms, failed }: Tally): string {
  return (
    `${seeds} seeds (${thin} of less than ${OPERATIONS_MIN} operations or ${FAULTS_MIN} faults), ${operations} operations, ` +
    `${faults} faults, ${events} events, ${falseAlarms} false alarms, ${failed} seeds with violations`
  );
}

function report(scenario: Scenario, result: RunResult): string {
  const { seed, faults, violations, traceHash, operations, faultsStruck, events, simulatedMs, epochs } = result;
  const lines = [
    `${scenario} seed ${seed}: ${violations.length === 0 ? 'holds' : `${violations.length} VIOLATIONS`}; ${operations} operations, ` +
      `${faultsStruck} faults, ${epochs} epochs, ${events} events, ${(simulatedMs / 1_000).toFixed(1)} s simulated, trace ${traceHash}`,
    `  faults: ${faults}`,
  ];
  for (const { invariant, text } of violations.slice(0, 10)) lines.push(`  ${invariant}: ${text}`);
  for (const text of result.falseAlarms) lines.push(`  false alarm: ${text}`);
  if (violations.length > 0) lines.push(`  replay: npm run sim -- --scenario ${scenario} --seed ${seed} --trace`);
  return lines.join('\n');
}

/** What a thread tells of each seed that it has run: the report of one that failed. */
interface Noted {
  readonly failed: string | undefined;
}

/** Says how far a long run is, now and then, and at once what it finds. */
class Progress {
  #seeds = 0;
  #failed = 0;
  #saidAt = performance.now();

  readonly noted = ({ failed }: Noted): void => {
    this.#seeds += 1;
    if (failed !== undefined) {
      this.#failed += 1;
      console.log(failed);
    }
    if (performance.now() - this.#saidAt < PROGRESS_MS) return;
    this.#saidAt = performance.now();
    console.error(`${this.#seeds} seeds so far, ${this.#failed} with violations`);
  };
}
const PROGRESS_MS = 30_000;

async function runShare(
  { scenarios, base, first, step, untilMs, end, untilFound }: Share,
  note: (noted: Noted) => void,
): Promise<Tallies> {
  // Errors are made all the time, and their stacks read by nobody; a seed that is run alone has them.
  Error.stackTraceLimit = 0;
  const tallies = Object.fromEntries(Object.keys(SCENARIOS).map((name) => [name, { ...NOTHING }])) as Tallies;
  for (let n = first; n < end && Date.now() < untilMs; n += step) {
    // Each scenario has the same share of the time on every thread.
    const scenario = scenarios.reduce((least, name) => (tallies[name].ms < tallies[least].ms ? name : least));
    const tally = tallies[scenario];
    const startedAt = performance.now();
    const failed = await runSeed(scenario, `${base}-${n}`, tally);
    tally.ms += performance.now() - startedAt;
    note({ failed });
    if (untilFound && failed !== undefined) break;
    // Between two runs, so that an exception that nobody caught ends the process.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return tallies;
}

/** Runs a seed and counts it. Returns the report of one that failed. */
async function runSeed(scenario: Scenario, seed: string, tally: Tally): Promise<string | undefined> {
  tally.seeds += 1;
  let failed: string | undefined;
  try {
    const result = await SCENARIOS[scenario](seed);
    tally.operations += result.operations;
    tally.faults += result.faultsStruck;
    if (result.operations < OPERATIONS_MIN || result.faultsStruck < FAULTS_MIN) tally.thin += 1;
    tally.events += result.events;
    tally.falseAlarms += result.falseAlarms.length;
    if (result.violations.length > 0) failed = report(scenario, result);
  } catch (error) {
    // The journals do not even make sense to the oracle.
    const replay = `npm run sim -- --scenario ${scenario} --seed ${seed} --trace`;
    failed = `${scenario} seed ${seed}: 1 VIOLATIONS\n  replay: ${replay}\n  I7: ${error}`;
  }
  if (failed !== undefined) tally.failed += 1;
  return failed;
}

function runThread(share: Share, note: (noted: Noted) => void): Promise<Tallies> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: share });
    thread.on('message', (said: Noted | Tallies) => {
      if ('failed' in said) note(said);
      else resolve(said);
    });
    thread.once('error', reject);
  });
}

if (isMainThread) process.exitCode = await main();
else {
  const tell = (said: Noted | Tallies): void => parentPort?.postMessage(said);
  tell(await runShare(workerData as Share, tell));
}
