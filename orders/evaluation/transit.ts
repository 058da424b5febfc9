// `npm run eval:transit -- --data DIR`: the transit-time model against a lane table that is kept up to date, on real deliveries and in a
// simulation. docs/decisions.md has what came of it, and all that is assumed.
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { DEFAULT_LANE_TABLE, LaneTable } from '../transit/lane-table.ts';
import { OnlineTransitModel } from '../transit/online-model.ts';
import { DEFAULT_SETTINGS } from '../transit/settings.ts';
import { dataFolder, parseWhole, resultsIn, runEvaluation, shownMean } from './program.ts';
import { readCalibration, simulateLanes, WORLD } from './transit/lanes.ts';
import { Random } from './transit/random.ts';
import { readScms } from './transit/scms.ts';
import { coverage, coverageBelow, pinball, replay, type Scored } from './transit/score.ts';
import { LANE_VARIANTS, SCMS_HORIZON_DAYS, SCMS_SETTINGS, SCMS_TABLE, TABLE } from './transit/variants.ts';

const DAY_MS = 86_400_000;
/** Seeds of `--tune`; those of the evaluation begin at 1. */
const FIRST_TUNING_SEED = 9_001;
/** Simulation: the first days only teach; tuning looks at those until the second, the evaluation at those after it. */
const TUNED_DAYS = [40, 70] as const;
const TESTED_DAYS = [70, 100] as const;
const SIMULATION_START_MS = Date.UTC(2024, 0, 1);
/** SCMS: by the year of the hand-over. */
const SCMS_TUNED = [Date.UTC(2008, 0, 1), Date.UTC(2012, 0, 1)] as const;
const SCMS_TESTED = [Date.UTC(2012, 0, 1), Date.UTC(2016, 0, 1)] as const;
/** Of a disruption when a parcel is handed over. */
const AGES_DAYS = [
  [0, 0.25],
  [0.25, 1],
  [1, 2],
  [2, 30],
] as const;
const RESAMPLES = 2_000;
const BLOCK_DAYS = 91;

const grouped = new WeakMap<readonly Scored[], Map<number, Scored[]>>();

interface Options {
  readonly data?: string;
  readonly on: 'lanes' | 'scms';
  readonly seeds: number;
  readonly first: number;
  readonly tune: boolean;
  readonly ablate: boolean;
  readonly json: boolean;
  readonly results?: readonly string[];
}

const command = new Command('eval:transit')
  .description('Compare the transit-time model with a lane table.')
  .option('--data <directory>', 'the folder with scms, geo and carrier-calibration')
  .addOption(
    new Option('--on <what>', 'lanes (simulation) or scms (real deliveries)')
      .choices(['lanes', 'scms'])
      .default('lanes'),
  )
  .option('--seeds <count>', 'simulated worlds', parseWhole, 20)
  .option('--first <seed>', 'the first of them', parseWhole, 1)
  .option('--tune', 'the part that settings were chosen on, and seeds of its own', false)
  .option('--ablate', 'also the model with one part of it left out', false)
  .option('--json', 'what each way came to in each world, one a line', false)
  .option('--results <files...>', 'report what earlier runs wrote with --json, instead of running')
  .action(run);
process.exitCode = await runEvaluation(command);

async function run(options: Options): Promise<void> {
  if (options.on === 'scms') onScms(options);
  else onLanes(options);
}

function onLanes(options: Options): void {
  const { seeds, tune, ablate, json, results } = options;
  if (results !== undefined) {
    reportLanes(results.flatMap(readResults));
    return;
  }
  const calibration = readCalibration(dataFolder(options.data, ['geo', 'carrier-calibration']));
  const first = tune && options.first === 1 ? FIRST_TUNING_SEED : options.first;
  const [firstDay, endDay] = tune ? TUNED_DAYS : TESTED_DAYS;
  const ways = Object.entries({ 'lane table': undefined, model: {}, ...(ablate ? LANE_VARIANTS : {}) });
  const lines: Line[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    const cases = simulateLanes(seed, calibration);
    for (const [way, changes] of ways) {
      const model =
        changes === undefined ? new LaneTable(TABLE) : new OnlineTransitModel({ ...DEFAULT_SETTINGS, ...changes });
      const scored = replay(model, cases).filter(
        ({ handedOverAt }) =>
          handedOverAt >= SIMULATION_START_MS + firstDay * DAY_MS &&
          handedOverAt < SIMULATION_START_MS + endDay * DAY_MS,
      );
      const line = { seed, way, ...summaryOf(scored) };
      lines.push(line);
      if (json) console.log(JSON.stringify(line));
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${seed - first + 1} of ${seeds} seeds`);
  }
  if (!json) reportLanes(lines);
}

function summaryOf(scored: readonly Scored[]) {
  const disrupted = scored.filter(isDisrupted);
  return {
    parcels: scored.length,
    pinball: pinball(scored),
    pinballUndisturbed: pinball(scored.filter((one) => !isDisrupted(one))),
    pinballDisrupted: pinball(disrupted),
    p50: 100 * coverage(scored, 0.5),
    p90: 100 * coverage(scored, 0.9),
    p99: 100 * coverage(scored, 0.99),
    p90Disrupted: 100 * coverage(disrupted, 0.9),
    disrupted: AGES_DAYS.map(([start, end]) => {
      const within = disrupted.filter(({ disruptedDays = 0 }) => disruptedDays >= start && disruptedDays < end);
      return { parcels: within.length, covered: within.length * (within.length === 0 ? 0 : coverage(within, 0.9)) };
    }),
  };
}

/** What a way came to in a world. */
type Line = { readonly seed: number; readonly way: string } & ReturnType<typeof summaryOf>;

function readResults(file: string): Line[] {
  return resultsIn(file, readFileSync(file, 'utf8'));
}

function reportLanes(lines: readonly Line[]): void {
  const of = (way: string): Line[] => lines.filter((line) => line.way === way).sort((a, b) => a.seed - b.seed);
  const table = of('lane table');
  console.log(`\nsimulation: ${table.length} seeds from ${table[0]?.seed} on, ${JSON.stringify(WORLD)}\n`);
  console.log(
    '| | pinball, days | less than the lane table, % | undisturbed, % | p50 | p90 | p99 | p90, disrupted | pinball, disrupted |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const way of new Set(lines.map((line) => line.way))) {
    const interval = (value: (line: Line, n: number) => number, digits: number): string =>
      shownMean(of(way).map(value), (one) => one.toFixed(digits));
    const less = (value: (line: Line) => number): string =>
      interval((line, n) => 100 * (1 - value(line) / value(table[n] as Line)), 1);
    const cells = [
      interval((line) => line.pinball, 3),
      less((line) => line.pinball),
      less((line) => line.pinballUndisturbed),
      interval((line) => line.p50, 1),
      interval((line) => line.p90, 1),
      interval((line) => line.p99, 1),
      interval((line) => line.p90Disrupted, 1),
      interval((line) => line.pinballDisrupted, 3),
    ];
    console.log(`| ${[way, ...cells].join(' | ')} |`);
  }
  console.log(
    '\n| p90 covered, %, by days since the disruption began | parcels | lane table | model |\n|---|---|---|---|',
  );
  for (const [n, [start, end]] of AGES_DAYS.entries()) {
    const sum = (way: string, field: 'parcels' | 'covered'): number =>
      of(way).reduce((total, line) => total + (line.disrupted[n]?.[field] ?? 0), 0);
    const percent = (way: string): string => ((100 * sum(way, 'covered')) / sum(way, 'parcels')).toFixed(1);
    console.log(`| ${start} to ${end} | ${sum('model', 'parcels')} | ${percent('lane table')} | ${percent('model')} |`);
  }
}

function onScms({ data, tune }: Options): void {
  const [from, until] = tune ? SCMS_TUNED : SCMS_TESTED;
  const cases = readScms(dataFolder(data, ['scms']), SCMS_HORIZON_DAYS);
  const tested = (scored: readonly Scored[]): Scored[] =>
    scored.filter(({ handedOverAt }) => handedOverAt >= from && handedOverAt < until);
  const ways = {
    'lane table': tested(replay(new LaneTable({ ...DEFAULT_LANE_TABLE, ...SCMS_TABLE }), cases)),
    model: tested(replay(new OnlineTransitModel({ ...DEFAULT_SETTINGS, ...SCMS_SETTINGS }), cases)),
  };
  console.log(
    `\n${ways.model.length} of ${cases.length} deliveries; ${RESAMPLES} resamples of blocks of ${BLOCK_DAYS} days\n`,
  );
  console.log(
    '| | pinball, days | less than the lane table, % | p50: less, at most | p90 | p99 |\n|---|---|---|---|---|---|',
  );
  const blocks = [...new Set(ways.model.map(blockOf))];
  for (const [name, scored] of Object.entries(ways)) {
    const share = (quantile: number): string =>
      [coverageBelow(scored, quantile), coverage(scored, quantile)].map((value) => (100 * value).toFixed(1)).join(', ');
    const cells = [
      bootstrap(blocks, (drawn) => meanOver(drawn, scored)).replace('%', ''),
      bootstrap(blocks, (drawn) => 100 * (1 - meanOver(drawn, scored) / meanOver(drawn, ways['lane table']))),
      ...[0.5, 0.9, 0.99].map(share),
    ];
    console.log(`| ${[name, ...cells].join(' | ')} |`);
  }
}

function isDisrupted({ disruptedDays }: Scored): boolean {
  return disruptedDays !== undefined;
}

function blockOf({ handedOverAt }: Scored): number {
  return Math.floor(handedOverAt / (BLOCK_DAYS * DAY_MS));
}

/** Pinball loss over blocks that may be drawn several times. */
function meanOver(drawn: readonly number[], scored: readonly Scored[]): number {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [block, of] of byBlock(scored)) sums.set(block, { sum: pinball(of) * of.length, count: of.length });
  const picked = drawn.map((block) => sums.get(block) ?? { sum: 0, count: 0 });
  return picked.reduce((total, { sum }) => total + sum, 0) / picked.reduce((total, { count }) => total + count, 0);
}

function byBlock(scored: readonly Scored[]): Map<number, Scored[]> {
  const known = grouped.get(scored) ?? new Map<number, Scored[]>();
  if (known.size === 0) {
    for (const one of scored) known.set(blockOf(one), [...(known.get(blockOf(one)) ?? []), one]);
    grouped.set(scored, known);
  }
  return known;
}

/** A value with its interval of 95 %: blocks of time are drawn with replacement, as deliveries of a time are late together. */
function bootstrap(blocks: readonly number[], value: (drawn: readonly number[]) => number): string {
  const random = new Random(1);
  const draws = Array.from({ length: RESAMPLES }, () =>
    value(blocks.map(() => blocks[Math.floor(random.next() * blocks.length)] as number)),
  ).sort((a, b) => a - b);
  const at = (share: number): string => (draws[Math.floor(share * RESAMPLES)] as number).toFixed(2);
  return `${value(blocks).toFixed(2)} [${at(0.025)}, ${at(0.975)}]`;
}
