// `npm run eval:exceptions`: exceptions settled by a policy in a simulated world, and re-planning compared with doing nothing and with a rule of
// fixed time-outs. docs/decisions.md has what came of it, and all that is assumed.
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type Policy, PolicyInvalid, parsePolicy } from '../exceptions/policy.ts';
import type { ExceptionEvent } from '../exceptions/state.ts';
import { type KindZeroTouch, zeroTouch } from '../exceptions/zero-touch.ts';
import { OnlineTransitModel } from '../transit/online-model.ts';
import { casesOf } from './exceptions/cases.ts';
import { type Measures, measure } from './exceptions/measures.ts';
import { PolicyWay } from './exceptions/policy-way.ts';
import { type Ending, run, type Way } from './exceptions/re-planning.ts';
import { RecentDeliveries, type RiskModel } from './exceptions/risk.ts';
import { settle } from './exceptions/settling.ts';
import { type TimeOuts, TUNED, timeOutWay } from './exceptions/time-outs.ts';
import { World } from './exceptions/world.ts';
import { InputRefused, parseWhole, runEvaluation, shownMean } from './program.ts';

/** Settings are chosen on these, before any of the others is looked at. */
const TUNING_SEEDS = [1, 2, 3, 4, 5, 6];
const FIRST_TEST_SEED = 501;
/** Chosen by `--tune`: the one of TUNED that costs least. */
const CHOSEN: TimeOuts = {
  pickupHours: Number.POSITIVE_INFINITY,
  scanHours: Number.POSITIVE_INFINITY,
  scanAction: 'none',
  dueHours: 18,
  noticeDays: 3,
  lostDays: 10,
};
/** Of the policy file, tried by `--tune`. */
const RISKS_TUNED = [0.3, 0.45, 0.6];
const TOLD_HOURS_TUNED = [18, 24];

const NOTHING: Way = { name: 'nothing', review: () => undefined };
/** Where the policy has its risk from. */
const MODELS = {
  online: () => new OnlineTransitModel(),
  recent: () => new RecentDeliveries(),
} as const satisfies Record<string, () => RiskModel>;
type ModelName = keyof typeof MODELS;
const ALWAYS = { from: 0, to: Number.MAX_SAFE_INTEGER };

interface Options {
  readonly seeds: number;
  readonly firstSeed: number;
  readonly policy: string;
  readonly model: ModelName;
  readonly tune: boolean;
  readonly json: boolean;
  readonly history: boolean;
}

interface Prepared {
  readonly world: World;
  readonly untouched: readonly Ending[];
}

/** Costs are reckoned in minor units and shown in dollars, as in the other evaluations. */
const DOLLARS = 0.01;

const ROWS: readonly (readonly [keyof Measures, string, factor: number])[] = [
  ['missed', 'first promises missed, of 1,000', 1],
  ['averted', '… averted', 1],
  ['caused', '… caused', 1],
  ['told', 'of the missed, told 12 h before, %', 100],
  ['interventions', 'interventions, of 1,000 parcels', 1],
  ['falseInterventions', '… on parcels that would have come in time, %', 100],
  ['notices', 'new promises, of 1,000 parcels', 1],
  ['falseNotices', '… of parcels that came in time, %', 100],
  ['leadHours', 'lead time before the promise, median, hours', 1],
  ['actionCost', 'cost of actions, a parcel', DOLLARS],
  ['breachCost', 'cost of missed promises, a parcel', DOLLARS],
  ['cost', 'cost, a parcel', DOLLARS],
];

const command = new Command('eval:exceptions')
  .description('Settle exceptions by a policy in a simulated world.')
  .option('--seeds <count>', 'worlds', parseWhole, 24)
  .option(
    '--first-seed <seed>',
    'of the first world; those below 101 are for tuning, those from 101 to 424 were looked at before the policy was as it is',
    parseWhole,
    FIRST_TEST_SEED,
  )
  .option('--policy <file>', 'YAML or JSON', 'examples/policies/standard.yaml')
  .addOption(new Option('--model <name>', 'of transit times').choices(Object.keys(MODELS)).default('online'))
  .option('--tune', 'compare settings on seeds of their own', false)
  .option('--json', 'each result of each seed, one a line', false)
  .option('--history', 'write the history of the first world, one event a line, and nothing else', false)
  .action(main);
process.exitCode = await runEvaluation(command);

function main({ seeds, firstSeed, policy: file, model, tune, json, history }: Options): void {
  const text = readFileSync(file, 'utf8');
  const policy = policyOf(file, text);
  if (tune) return tuned(text, MODELS[model]);
  const results = Array.from({ length: history ? 1 : seeds }, (_, n) =>
    evaluate(prepare(firstSeed + n), policy, MODELS[model]),
  );
  if (history) {
    for (const event of results[0]?.history ?? []) console.log(JSON.stringify(event));
    return;
  }
  if (json) for (const { history: _, ...one } of results) console.log(JSON.stringify(one));
  printRePlanning(results);
  printZeroTouch(results);
  printCosts(results);
}

/** @throws InputRefused naming all that is wrong with it */
function policyOf(file: string, text: string): Policy {
  try {
    return parsePolicy(text);
  } catch (error) {
    if (error instanceof PolicyInvalid) throw new InputRefused(`${file} cannot be used: ${error.message}`);
    throw error;
  }
}

function prepare(seed: number): Prepared {
  const world = new World(seed);
  return { world, untouched: run(world, NOTHING, new RecentDeliveries()) };
}

function dollars(minor: number): string {
  return (DOLLARS * minor).toFixed(2);
}

function tuned(text: string, model: () => RiskModel): void {
  const worlds = TUNING_SEEDS.map(prepare);
  const cost = (way: () => Way): number =>
    worlds.reduce((sum, { world, untouched }) => sum + measure(run(world, way(), model()), untouched).cost, 0) /
    worlds.length;
  console.log(`nothing: ${dollars(cost(() => NOTHING))}`);
  const rules = TUNED.map((rule) => ({ rule, cost: cost(() => timeOutWay(rule)) })).sort((a, b) => a.cost - b.cost);
  for (const { rule, cost: of } of rules.slice(0, 5)) console.log(`${dollars(of)}: ${Object.entries(rule).join(' ')}`);
  for (const risk of RISKS_TUNED) {
    for (const hours of TOLD_HOURS_TUNED) {
      const policy = parsePolicy(
        text
          .replaceAll('hoursToPromise > 18.0', `hoursToPromise > ${hours}.0`)
          .replace(/openAtRisk: [\d.]+, closeBelowRisk: [\d.]+/, `openAtRisk: ${risk}, closeBelowRisk: ${risk / 2}`),
      );
      console.log(`${dollars(cost(() => new PolicyWay(policy)))}: policy openAtRisk ${risk}, told within ${hours} h`);
    }
  }
}

interface Result {
  readonly seed: number;
  readonly nothing: Measures;
  readonly timeOuts: Measures;
  readonly policy: Measures;
  readonly zeroTouch: readonly KindZeroTouch[];
  /** Of one case, minor units: as settled, by the action that would have cost least, by a person alone. */
  readonly cases: { readonly cost: number; readonly least: number; readonly wrong: number };
  readonly history: readonly ExceptionEvent[];
}

function evaluate({ world, untouched }: Prepared, policy: Policy, model: () => RiskModel): Result {
  const way = new PolicyWay(policy);
  const policyMeasures = measure(run(world, way, model()), untouched);
  const cases = casesOf(world.seed, world.parcels).map((one) => settle(one, policy, policyMeasures.told));
  const judged = new Set(world.parcels.filter(({ isJudged }) => isJudged).map(({ orderId }) => orderId));
  const history = [...way.history, ...cases.flatMap((one) => one.history)]
    .filter((event) => judged.has(event.type === 'exceptionSettled' ? event.orderId : event.situation.orderId))
    .sort((a, b) => a.at - b.at);
  const mean = (of: (one: (typeof cases)[number]) => number): number =>
    cases.reduce((sum, one) => sum + of(one), 0) / cases.length;
  return {
    seed: world.seed,
    nothing: measure(untouched, untouched),
    timeOuts: measure(run(world, timeOutWay(CHOSEN), new RecentDeliveries()), untouched),
    policy: policyMeasures,
    zeroTouch: zeroTouch(history, ALWAYS),
    cases: {
      cost: mean(({ cost }) => cost),
      least: mean(({ leastCost }) => leastCost),
      wrong: mean(({ cost, leastCost }) => (cost > leastCost + 1 ? 1 : 0)),
    },
    history,
  };
}

function interval(values: readonly number[], digits = 1): string {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length === 0 ? '–' : shownMean(known, (value) => value.toFixed(digits));
}

function printRePlanning(results: readonly Result[]): void {
  console.log(
    `Re-planning, worlds: ${results.length}, mean${results.length > 1 ? ' and 95 % confidence interval' : ''} (simulation)\n`,
  );
  console.log('| | nothing | time-outs | policy | policy − time-outs |\n|---|---|---|---|---|');
  for (const [key, name, factor] of ROWS) {
    const of = (measures: (one: Result) => Measures): number[] => results.map((one) => factor * measures(one)[key]);
    const [nothing, timeOuts, policy] = [of((one) => one.nothing), of((one) => one.timeOuts), of((one) => one.policy)];
    const difference = policy.map((value, n) => value - (timeOuts[n] as number));
    console.log(
      `| ${name} | ${[nothing, timeOuts, policy, difference].map((values) => interval(values, factor === DOLLARS ? 2 : 1)).join(' | ')} |`,
    );
  }
}

function printZeroTouch(results: readonly Result[]): void {
  console.log(
    '\nZero-touch, % of exceptions\n\n| kind | exceptions a world | zero-touch | first promise kept too | why not, of 1,000 exceptions |\n|---|---|---|---|---|',
  );
  const kinds = [...new Set(results.flatMap((one) => one.zeroTouch.map(({ kind }) => kind)))];
  for (const kind of kinds) {
    const all = results.flatMap((one) => one.zeroTouch.filter((each) => each.kind === kind && each.exceptions > 0));
    const total = all.reduce((sum, { exceptions }) => sum + exceptions, 0);
    const misses = new Map<string, number>();
    for (const { miss, count } of all.flatMap((one) => one.misses)) misses.set(miss, (misses.get(miss) ?? 0) + count);
    const why = [...misses].map(([miss, count]) => `${miss} ${((1_000 * count) / total).toFixed(1)}`).join(', ');
    const rates = [all.map(({ rate = 0 }) => 100 * rate), all.map(({ strictRate = 0 }) => 100 * strictRate)];
    console.log(
      `| ${kind} | ${(total / results.length).toFixed(0)} | ${rates.map((values) => interval(values)).join(' | ')} | ${why} |`,
    );
  }
}

function printCosts(results: readonly Result[]): void {
  const wrong = results.map(({ cases }) => DOLLARS * (cases.cost - cases.least));
  console.log('\nCases before hand-over and from customers, dollars each\n');
  console.log(
    `- as settled: ${interval(
      results.map(({ cases }) => DOLLARS * cases.cost),
      2,
    )}`,
  );
  console.log(
    `- wrong-action cost (above the action that would have cost least, known afterwards): ${interval(wrong, 2)}`,
  );
  console.log(`- share with such an action: ${interval(results.map(({ cases }) => 100 * cases.wrong))} %`);
}
