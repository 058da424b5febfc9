// `npm run bench:guard`: a benchmark of half a minute for continuous integration. What the grid does in relation to what transport
// and core could do, measured in turns in the same run, must not fall below what it was, beyond noise.
import { measureCore } from './harness/core-loop.ts';
import { coresLost } from './harness/cpu.ts';
import { describeMachine, machineLine, quietMachine } from './harness/machine.ts';
import { type Load, type Measurement, measureFresh } from './harness/measure.ts';
import { benchmarkCommand, type CommonOptions, parsePositive } from './harness/options.ts';
import { Report } from './harness/report.ts';
import { alignedTable } from './harness/statistics.ts';
import { systemsNamed } from './harness/systems.ts';

interface Options extends CommonOptions {
  readonly rounds: number;
}

interface Round {
  readonly grid: number;
  readonly echo: number;
  readonly core: number;
  /** Cores that others had meanwhile, at most. */
  readonly othersCores: number;
}

const options = benchmarkCommand(
  'bench:guard',
  'Whether the grid keeps its distance to the limits of transport and core.',
)
  .option('--rounds <n>', 'measurements of each; the best of the grid counts', parsePositive, 3)
  .parse()
  .opts<Options>();

/**
 * The least that is allowed: about half of what was measured (docs/benchmarks.md, "The guard"), since with half of the processors taken by
 * others the shares fall to six tenths of it. The best of the rounds counts.
 */
const FLOORS = [
  { title: 'hot SKU', skus: 1, toEcho: 0.2, toCore: 0.18 },
  { title: '10,000 SKUs', skus: 10_000, toEcho: 0.12, toCore: 0.16 },
] as const;

/** The floors allow for one of two processors taken by others, not for more. */
const OTHERS_CORES_MAX = 1;

const SHAPE = { connections: 16, inFlight: 64 };
const [grid, echo] = systemsNamed(['holdfast-lmdb', 'echo']);
if (grid === undefined || echo === undefined) throw new Error('the systems that are measured have other names');

const machine = describeMachine();
const report = new Report(options.reports, 'bench-guard');
console.log(machineLine(machine));
const rows = [['load', 'k reserves/s', 'of echo', 'at least', 'of the core', 'at least', '']];
const measured: { readonly title: string; readonly rounds: readonly Round[] }[] = [];
let failed = false;
/** In the quietest round of each load that fell. */
let othersCores = 0;
for (const { title, skus, toEcho, toCore } of FLOORS) {
  const rounds: Round[] = [];
  for (let n = 0; n < options.rounds; n++) {
    await quietMachine(options.quietWait * 1000);
    rounds.push(await round(skus));
  }
  const best = (of: (round: Round) => number): number => Math.max(...rounds.map(of));
  const ofEcho = best((one) => one.grid / one.echo);
  const ofCore = best((one) => one.grid / one.core);
  const holds = ofEcho >= toEcho && ofCore >= toCore;
  failed ||= !holds;
  if (!holds) othersCores = Math.max(othersCores, Math.min(...rounds.map((one) => one.othersCores)));
  const shares = [ofEcho, toEcho, ofCore, toCore].map((share) => share.toFixed(2));
  rows.push([title, (best((one) => one.grid) / 1000).toFixed(0), ...shares, holds ? 'holds' : 'FELL']);
  measured.push({ title, rounds });
  report.write({ machine, options, measured, sections: [{ title: 'The guard', table: rows }] });
}
console.log(`${alignedTable(rows)}\nwrote ${report.path}`);
if (failed) {
  console.log(
    othersCores > OTHERS_CORES_MAX
      ? `Nothing can be said: others had ${othersCores.toFixed(1)} of the processors meanwhile. Run it again with nothing else running.`
      : 'Slower than it was, beyond noise: profile it (docs/benchmarks.md says how), or lower FLOORS with the reason.',
  );
}
process.exit(failed ? 1 : 0);

async function round(skus: number): Promise<Round> {
  const load: Load = { skus, shape: SHAPE, warmUpMs: 1_500, windowMs: 2_000 };
  const measured = {
    echo: await measureFresh(echo as NonNullable<typeof echo>, options.dir, load),
    grid: await measureFresh(grid as NonNullable<typeof grid>, options.dir, load),
    core: await measureCore(load),
  };
  return {
    echo: rateOf(measured.echo),
    grid: rateOf(measured.grid),
    core: rateOf(measured.core),
    othersCores: Math.max(...Object.values(measured).map(({ cpu }) => coresLost(cpu))),
  };
}

function rateOf({ result, faults }: Measurement): number {
  if (faults.length > 0) throw new Error(faults.join('; '));
  return result.perSecond;
}
