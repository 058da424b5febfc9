// `holdfast source ORDER`: how an order would be sent, what that costs, and what else there was. Reserves nothing.
import { Command, InvalidArgumentError } from 'commander';
import { readCapacity } from '../../../orders/feeds/capacity.ts';
import { readFuelPrices } from '../../../orders/feeds/fuel.ts';
import { openFeed } from '../../../orders/feeds/open.ts';
import { rulesAsFed } from '../../../orders/feeds/rules.ts';
import type { Reader } from '../../../orders/feeds/source.ts';
import { sendableOf } from '../../../orders/fulfilment/sendable.ts';
import { type Explanation, explain } from '../../../orders/sourcing/explain.ts';
import type { ShipNode, SourcingRules } from '../../../orders/sourcing/rules.ts';
import { compareShadow, ShadowSummary } from '../../../orders/sourcing/shadow.ts';
import type { Stock } from '../../../orders/sourcing/situation.ts';
import type { PlanChoice } from '../../../orders/sourcing/source.ts';
import { planOrder } from '../../../orders/sourcing/whole.ts';
import type { AvailabilityView } from '../../../protocol/index.ts';
import { UserError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { readOrdersFile, readRulesFile } from '../orders/files.ts';
import { counted, createOutput, type Output, table } from '../output.ts';
import { money, percent, shadowText, TERMS } from '../shadow-text.ts';

interface SourceOptions extends GridOptions {
  readonly rules: string;
  readonly shadow?: string;
  readonly fuelPrices?: string;
  readonly capacity?: string;
  readonly promisedInDays?: number;
  readonly json: boolean;
}

export function sourceCommand(): Command {
  const command = new Command('source')
    .description('Say how an order would be sent by these rules and the stock of now, and why. Reserves nothing.')
    .argument('<orders...>', 'files of JSON, each an order or a list of orders; docs/orders.md has its fields')
    .requiredOption('--rules <file>', 'nodes, carrier services and costs, JSON as examples/sourcing/rules.json')
    .option('--shadow <file>', 'other rules: sum up what they would do otherwise in the same situation')
    .option('--fuel-prices <address>', 'surcharges follow these weekly prices, a file or a URL')
    .option('--capacity <address>', 'packages a day of ship nodes as their systems say, a file or a URL')
    .option('--promised-in-days <days>', 'what orders without promisedAt were promised, from now on', parseDays)
    .option('--json', 'write the whole plan, or the whole report, as one JSON object', false)
    .addHelpText(
      'after',
      `
Exit code 1 also when not all units can be sent.

Example:
  holdfast source examples/sourcing/order.json --rules examples/sourcing/rules.json
  holdfast source examples/sourcing/order.json --rules examples/sourcing/rules.json --promised-in-days 4`,
    )
    .action(sourceOrder);
  return addGridOptions(command);
}

const DAY_MS = 86_400_000;
const DAYS_MAX = 3_650;

function parseDays(text: string): number {
  const days = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && days > 0 && days <= DAYS_MAX) return days;
  throw new InvalidArgumentError(`It takes a number of days above 0 and up to ${DAYS_MAX}.`);
}

async function sourceOrder(files: readonly string[], options: SourceOptions): Promise<void> {
  const output = createOutput(options.json);
  const rules = await fed(await readRulesFile(options.rules), options, output);
  const shadow = options.shadow === undefined ? undefined : await readRulesFile(options.shadow);
  const lists = await Promise.all(files.map(readOrdersFile));
  const now = Date.now();
  const { promisedInDays } = options;
  const orders = lists
    .flat()
    .map((order) =>
      promisedInDays === undefined ? order : { promisedAt: now + Math.round(promisedInDays * DAY_MS), ...order },
    );
  const skus = [
    ...new Set(orders.flatMap(({ lines }) => lines.flatMap(({ sku, substitutes = [] }) => [sku, ...substitutes]))),
  ];
  const nodes = [...rules.nodes, ...(shadow?.nodes ?? [])];
  const situation = { stock: await stockOf(skus, nodes, options), packagesOf: () => 0, now };
  if (shadow !== undefined) {
    const summary = new ShadowSummary(rules, shadow);
    for (const order of orders) {
      summary.add(compareShadow(order, planOrder(order, rules, situation), { rules, shadow, situation }));
    }
    const report = summary.report();
    output.result(report);
    output.line(shadowText(report));
    return;
  }
  const explained = orders.map((order) => explain(order, rules, situation));
  const results = explained.map(({ plan, candidates, excluded }) => ({ ...plan, candidates, excluded }));
  output.result(results.length === 1 ? results[0] : results);
  for (const one of explained) print(one, output);
  if (explained.some(({ plan }) => plan.unfilled.length > 0)) process.exitCode = 1;
}

/** The rules as feeds have them now. What is stale, or cannot be read, is told, and the rules count. */
async function fed(
  rules: SourcingRules,
  { fuelPrices, capacity }: SourceOptions,
  output: Output,
): Promise<SourcingRules> {
  const open = async <D>(address: string, reader: Reader<D>): Promise<D | undefined> => {
    const source = await openFeed(address, reader);
    source.close();
    if (source.status.failure !== undefined) output.note(`${address} cannot be used: ${source.status.failure}`);
    return source.document;
  };
  const feeds = {
    ...(fuelPrices === undefined ? {} : { fuel: { prices: await open(fuelPrices, readFuelPrices) } }),
    ...(capacity === undefined ? {} : { capacity: { plan: await open(capacity, readCapacity) } }),
  };
  const { rules: asFed, defaults } = rulesAsFed(rules, feeds, Date.now());
  for (const why of defaults) output.note(why);
  return asFed;
}

/** What each node can send of what is sold through no channel, asked of the region itself where one of the URLs serves it, else of another, from memory. */
async function stockOf(skus: readonly string[], nodes: readonly ShipNode[], options: GridOptions): Promise<Stock> {
  const units = new Map<string, number>();
  const key = (region: string, sku: string, node: string): string => `${region}/${sku}/${node}`;
  const regions = [...new Set(nodes.map(({ region }) => region))];
  await withRegions(gridUrls(options), async (connections) => {
    const [first] = connections;
    if (first === undefined) return;
    for (const region of regions) {
      const own = connections.find((connection) => connection.region === region);
      const { client } = own ?? first;
      const unknown = (error: Error): never => {
        throw new UserError(
          `the stock of region ${region} is not known: ${error.message}`,
          'Give the --url of one of its workers, or take its nodes out of the rules.',
        );
      };
      const { positions } = await client.query({ skus: [...skus], regions: [region] }).catch(unknown);
      // Of a region that nobody knows a query says only that none of the SKUs are known there.
      if (own === undefined && positions.length === 0) {
        await client.get({ sku: skus[0] ?? '', region }).catch((error: Error) => {
          if (error.message.startsWith('region ')) unknown(error);
        });
      }
      for (const view of positions) {
        for (const [node, sendable] of sendableOf(view as AvailabilityView, { channel: undefined })) {
          units.set(key(region, view.sku, node), sendable);
        }
      }
    }
  });
  return (region, sku, node) => units.get(key(region, sku, node)) ?? 0;
}

/** Packages alone that are printed; all are in the JSON. */
const CANDIDATES_PRINTED = 8;

function print({ plan, candidates, excluded }: Explanation, { line }: Output): void {
  const { packages, unfilled, alternatives, rules, visits, substituted = [], heldBack = [] } = plan;
  const how = plan.proved
    ? 'no other is cheaper'
    : `another may be cheaper by ${percent(plan.gap)} at most: ${plan.fallback}`;
  line(
    `${plan.orderId}: ${describe(plan)}, ${money(plan.total)} in all (rules ${rules}; ${visits} plans looked at, ${how})`,
  );
  if (packages.length > 0) {
    const rows = packages.map((one) => [
      one.node,
      `${one.carrier} ${one.service}`,
      one.lines.map(({ sku, qty }) => `${qty} × ${sku}`).join(', '),
      Math.round(one.km),
      new Date(one.handedOverAt).toISOString().slice(0, 16),
      one.missProbability === undefined ? '' : percent(one.missProbability),
      ...TERMS.map((term) => money(one.cost[term])),
    ]);
    line(`\n${table(['from', 'by', 'what', 'km', 'handed over (UTC)', 'late', ...TERMS], rows)}`);
    if (plan.splitPenalty > 0) line(`and ${money(plan.splitPenalty)} for more packages than one`);
  }
  for (const { lineId, sku, qty } of unfilled) line(`line ${lineId}: ${qty} × ${sku} cannot be sent`);
  for (const { lineId, sku, instead, qty, short } of substituted)
    line(`line ${lineId}: ${qty} × ${instead} instead of ${sku}, of which ${short} lack`);
  for (const { lineId, sku, qty } of heldBack)
    line(`line ${lineId}: ${qty} × ${sku} are there, and wait for the rest of their bundle`);
  if (alternatives.length > 0) {
    line('\nothers:');
    for (const one of alternatives) line(`  ${describe(one)}: ${money(one.total)}`);
  }
  if (candidates.length > 0) {
    const shown = candidates.slice(0, CANDIDATES_PRINTED);
    line(`\npackages alone (${shown.length} of ${candidates.length}; --json has all):`);
    const rows = shown.map((one) => [
      one.node,
      `${one.carrier} ${one.service}`,
      one.short === 0 ? 'all' : `${counted(one.short, 'unit')} short`,
      one.missProbability === undefined ? '' : percent(one.missProbability),
      ...TERMS.map((term) => money(one.cost[term])),
      money(one.total),
    ]);
    line(table(['from', 'by', 'what', 'late', ...TERMS, 'total'], rows));
  }
  if (excluded.length > 0) {
    line('\nleft out:');
    for (const { node, service, reason } of excluded)
      line(`  ${node}${service === undefined ? '' : ` by ${service}`}: ${reason}`);
  }
}

function describe({ packages, unfilled }: PlanChoice): string {
  const sent = packages.map(({ node, service }) => `${node} by ${service}`).join(' + ');
  const left = unfilled.reduce((sum, { qty }) => sum + qty, 0);
  return `${sent === '' ? 'nothing' : sent}${left === 0 ? '' : `, ${counted(left, 'unit')} short`}`;
}
