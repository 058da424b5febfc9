// `npm run eval:sourcing -- --data DIR`: Holdfast's sourcing against simple rules and the clairvoyant, in a simulation: a real retailer's
// orders, sent over eight hubs by calibrated carriers. docs/decisions.md has what came of it, and all that is assumed.
import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { dataFolder, parseWhole, resultsIn, runEvaluation, shownMean } from './program.ts';
import { ASSUMPTIONS, type Assumptions } from './sourcing/assumptions.ts';
import { type EvaluationInput, readInput, SOURCING_DATA } from './sourcing/input.ts';
import type { Result } from './sourcing/ledger.ts';
import { cheapestPerLine, fewestSplits, nearestNode } from './sourcing/simple-rules.ts';
import { type ClairvoyantResult, clairvoyant, runRule, runSearch, shadowPricer } from './sourcing/ways.ts';
import { type World, worldOf } from './sourcing/world.ts';
import { meanOf } from './statistics.ts';

/** Fixed on the seeds of `--tune` before those of the evaluation were looked at. Minor units. */
const CAUTION = { lateCaution: 4_500, splitCaution: 300 };
/** Seeds of `--tune`; those of the evaluation begin at 1. */
const FIRST_TUNING_SEED = 1_001;
const TUNED_CAUTIONS = [0, 2_000, 4_000, 4_500, 6_000].flatMap((lateCaution) =>
  [0, 300].map((splitCaution) => ({ lateCaution, splitCaution })),
);

interface Options {
  readonly data?: string;
  readonly seeds: number;
  readonly first: number;
  readonly results?: readonly string[];
  readonly orders: number;
  readonly tune: boolean;
  readonly clairvoyant: boolean;
  readonly assume: Partial<Assumptions>;
  readonly json: boolean;
}

type Way = (seed: number) => Result | ClairvoyantResult;

function assumed(text: string, before: Partial<Assumptions>): Partial<Assumptions> {
  const [name = '', value] = text.split('=');
  if (!(name in ASSUMPTIONS) || !Number.isFinite(Number(value))) {
    throw new InvalidArgumentError(`one of ${Object.keys(ASSUMPTIONS).join(', ')}, as in cover=2`);
  }
  return { ...before, [name]: Number(value) };
}

const command = new Command('eval:sourcing')
  .description('Compare ways of sourcing in a simulation.')
  .option('--data <directory>', 'the folder with uci-online-retail, geo and carrier-calibration')
  .option('--seeds <count>', 'worlds', parseWhole, 20)
  .option('--first <seed>', 'the first of them', parseWhole, 1)
  .option('--results <files...>', 'report what earlier runs wrote with --json, instead of running')
  .option('--orders <count>', 'orders in each', parseWhole, 300)
  .option('--tune', 'compare settings of the search on seeds of their own', false)
  .option('--no-clairvoyant', 'leave out what takes longest')
  .option('--assume <name=value>', 'change an assumption', assumed, {})
  .option('--json', 'each result of each seed, one a line', false)
  .action(run);
process.exitCode = await runEvaluation(command);

async function run(options: Options): Promise<void> {
  const assumptions = { ...ASSUMPTIONS, ...options.assume };
  if (options.results !== undefined) {
    report(await readResults(options.results), 'assumptions as they were run with');
    return;
  }
  const data = dataFolder(options.data, SOURCING_DATA);
  const ways = await waysOf(await readInput(data), assumptions, options);
  const first = options.tune ? FIRST_TUNING_SEED : options.first;
  const results: Line[] = [];
  for (let seed = first; seed < first + options.seeds; seed++) {
    for (const [way, source] of Object.entries(ways)) {
      const line = { seed, way, ...source(seed) };
      results.push(line);
      if (options.json) console.log(JSON.stringify(line));
    }
    if (process.stderr.isTTY) process.stderr.write(`\r${seed - first + 1} of ${options.seeds} seeds`);
  }
  if (!options.json) report(results, JSON.stringify(assumptions));
}

/** What a way came to in a world. */
type Line = { readonly seed: number; readonly way: string } & (Result | ClairvoyantResult);

async function readResults(files: readonly string[]): Promise<Line[]> {
  const read = await Promise.all(files.map(async (file) => resultsIn<Line>(file, await readFile(file, 'utf8'))));
  const lines = read.flat();
  const ways = new Set(lines.map(({ way }) => way));
  const isWhole = ({ seed }: Line): boolean => lines.filter((line) => line.seed === seed).length === ways.size;
  // A seed that was cut short has not met all ways.
  return lines.filter(isWhole).sort((a, b) => a.seed - b.seed);
}

async function waysOf(
  input: EvaluationInput,
  assumptions: Assumptions,
  options: Options,
): Promise<Record<string, Way>> {
  let made: World | undefined;
  /** The seed's world, made once for all ways. */
  const world = (seed: number): World => {
    if (made?.seed !== seed) made = worldOf(input, seed, options.orders, assumptions);
    return made;
  };
  const rules = { 'nearest node': nearestNode, 'cheapest per line': cheapestPerLine, 'fewest splits': fewestSplits };
  const simple = Object.entries(rules).map(([name, rule]): [string, Way] => [
    name,
    (seed) => runRule(world(seed), assumptions, rule),
  ]);
  const pricer = await shadowPricer(input, assumptions);
  const search =
    (caution: typeof CAUTION, isPriced: boolean): Way =>
    (seed) =>
      runSearch(world(seed), assumptions, { ...caution, ...(isPriced ? { pricer } : {}) });
  const cautions = options.tune ? TUNED_CAUTIONS : [CAUTION];
  const searches = cautions.flatMap((caution): [string, Way][] => {
    const name = options.tune ? ` (${caution.lateCaution}, ${caution.splitCaution})` : '';
    return [
      [`Holdfast${name}`, search(caution, false)],
      [`Holdfast${name}, shadow prices`, search(caution, true)],
    ];
  });
  const ways: [string, Way][] = [...simple, ...searches];
  if (options.clairvoyant && !options.tune) {
    const knowing = await clairvoyant();
    ways.push(['clairvoyant', (seed) => knowing(world(seed), assumptions)]);
  }
  return Object.fromEntries(ways);
}

function report(lines: readonly Line[], assumptions: string): void {
  const results = new Map<string, Line[]>();
  for (const line of lines) results.set(line.way, [...(results.get(line.way) ?? []), line]);
  const seeds = new Set(lines.map(({ seed }) => seed)).size;
  const of = (name: string): readonly Result[] => results.get(name) ?? [];
  const money = (minor: number): string => (minor / 100).toFixed(2);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const mean = (name: string, value: (one: Result) => number): number => meanOf(of(name).map(value));
  console.log(`\nsimulation: ${seeds} seeds of ${lines[0]?.orders} orders; ${assumptions}\n`);
  console.log('| | cost an order | freight | lateness | lost margin | on time | packages | units not sent |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const name of results.keys()) {
    const cells = [
      money(mean(name, (one) => one.cost)),
      money(mean(name, (one) => one.freight)),
      money(mean(name, (one) => one.lateness)),
      money(mean(name, (one) => one.lostMargin)),
      percent(mean(name, (one) => one.onTime)),
      mean(name, (one) => one.packages).toFixed(2),
      percent(mean(name, (one) => one.unfilled)),
    ];
    console.log(`| ${[name, ...cells].join(' | ')} |`);
  }
  for (const ours of [...results.keys()].filter((name) => name.startsWith('Holdfast'))) {
    console.log(`\n| ${ours} less … | cost an order | on time, points | packages | share of the gap captured |`);
    console.log('|---|---|---|---|---|');
    for (const name of results.keys()) {
      if (name.startsWith('Holdfast')) continue;
      const differences = (value: (one: Result) => number): number[] =>
        of(ours).map((one, n) => value(one) - value(of(name)[n] as Result));
      const gaps = of('clairvoyant').map((least, n) => {
        const [theirs, own] = [of(name)[n] as Result, of(ours)[n] as Result];
        return (theirs.cost - own.cost) / (theirs.cost - least.cost);
      });
      const cells = [
        shownMean(
          differences((one) => one.cost),
          money,
        ),
        shownMean(
          differences((one) => one.onTime * 100),
          (value) => value.toFixed(2),
        ),
        shownMean(
          differences((one) => one.packages),
          (value) => value.toFixed(3),
        ),
        gaps.length === 0 || name === 'clairvoyant' ? '' : shownMean(gaps, percent),
      ];
      console.log(`| ${[name, ...cells].join(' | ')} |`);
    }
  }
  const knowing = of('clairvoyant') as readonly ClairvoyantResult[];
  if (knowing.length === 0) return;
  const sum = (value: (one: ClairvoyantResult) => number): number => knowing.reduce((all, one) => all + value(one), 0);
  console.log(
    `\nclairvoyant: ${sum((one) => one.windows)} windows, ${sum((one) => one.unproved)} cut short; ` +
      `a better one could save ${money(sum((one) => one.bound) / knowing.length)} an order at most`,
  );
}
