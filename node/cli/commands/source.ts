// `holdfast source ORDER`: how an order would be sent, what that costs, and what else there was. Reserves nothing.
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { CostTerms } from '../../../orders/sourcing/candidates.ts';
import { type Explanation, explain } from '../../../orders/sourcing/explain.ts';
import { OrderInvalid, readOrder } from '../../../orders/sourcing/order.ts';
import { RulesInvalid, readRules, type SourcingRules } from '../../../orders/sourcing/rules.ts';
import type { Stock } from '../../../orders/sourcing/situation.ts';
import type { PlanChoice } from '../../../orders/sourcing/source.ts';
import type { NodeView } from '../../../protocol/index.ts';
import { messageOf, UserError, usageError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { createOutput, type Output, table } from '../output.ts';

interface SourceOptions extends GridOptions {
  readonly rules: string;
  readonly json: boolean;
}

export function sourceCommand(): Command {
  const command = new Command('source')
    .description('Say how an order would be sent by these rules and the stock of now, and why. Reserves nothing.')
    .argument('<order>', 'a file of JSON; docs/orders.md has its fields')
    .requiredOption('--rules <file>', 'nodes, carrier services and costs, a file of JSON')
    .option('--json', 'write the whole plan as one JSON object', false)
    .addHelpText(
      'after',
      `
Exit code 1 also when not all units can be sent.

Example:
  holdfast source examples/sourcing/order.json --rules examples/sourcing/rules.json`,
    )
    .action(sourceOrder);
  return addGridOptions(command);
}

async function sourceOrder(file: string, options: SourceOptions): Promise<void> {
  const output = createOutput(options.json);
  const rules = await read(options.rules, readRules);
  const order = await read(file, readOrder);
  const skus = [...new Set(order.lines.map(({ sku }) => sku))];
  const stock = await stockOf(skus, rules, options);
  const explanation = explain(order, rules, { stock, packagesOf: () => 0, now: Date.now() });
  const { plan, candidates, excluded } = explanation;
  output.result({ ...plan, candidates, excluded });
  print(explanation, output);
  if (plan.unfilled.length > 0) process.exitCode = 1;
}

/** @throws UserError naming the file and each place in it that is wrong */
async function read<T>(file: string, parse: (document: unknown) => T): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${messageOf(error)}`);
  }
  try {
    return parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) throw usageError(`${file} is no JSON: ${error.message}`);
    if (!(error instanceof RulesInvalid || error instanceof OrderInvalid)) throw error;
    throw usageError(`${file} cannot be used:\n${error.message}`, 'docs/orders.md has all fields.');
  }
}

/** What each node can sell, asked of the region itself where one of the URLs serves it, else of another, from memory. */
async function stockOf(skus: readonly string[], rules: SourcingRules, options: GridOptions): Promise<Stock> {
  const units = new Map<string, number>();
  const key = (region: string, sku: string, node: string): string => `${region}/${sku}/${node}`;
  const regions = [...new Set(rules.nodes.map(({ region }) => region))];
  await withRegions(gridUrls(options), async (connections) => {
    const [first] = connections;
    if (first === undefined) return;
    for (const region of regions) {
      const { client } = connections.find((connection) => connection.region === region) ?? first;
      const { positions } = await client.query({ skus: [...skus], regions: [region] }).catch((error: Error) => {
        throw new UserError(
          `the stock of region ${region} is not known: ${error.message}`,
          'Give the --url of one of its workers, or take its nodes out of the rules.',
        );
      });
      for (const { sku, nodes } of positions) {
        for (const { node, availableToSell } of nodes as readonly NodeView[]) {
          units.set(key(region, sku, node), availableToSell);
        }
      }
    }
  });
  return (region, sku, node) => units.get(key(region, sku, node)) ?? 0;
}

const TERMS = [
  'freight',
  'fuel',
  'handling',
  'capacity',
  'scarcity',
  'lateness',
] as const satisfies readonly (keyof CostTerms)[];

/** Packages alone that are printed; all are in the JSON. */
const CANDIDATES_PRINTED = 8;

function print({ plan, candidates, excluded }: Explanation, { line }: Output): void {
  const { packages, unfilled, alternatives, rules, visits } = plan;
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
      one.short === 0 ? 'all' : `${one.short} units short`,
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
  return `${sent === '' ? 'nothing' : sent}${left === 0 ? '' : `, ${left} units short`}`;
}

function money(minor: number): string {
  return (minor / 100).toFixed(2);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
