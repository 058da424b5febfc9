// `holdfast import FILE`: stock and settings from a file, reconciled against live reservations, row by row.
import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { type ApplyResult, applyRows } from '../catalog/apply.ts';
import { openCatalog } from '../catalog/read-file.ts';
import { COLUMNS } from '../catalog/rows.ts';
import { EXIT, UserError } from '../exit.ts';
import { clientsByRegion, withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { counted, createOutput, duration, grouped } from '../output.ts';
import { startPatience } from '../patience.ts';

/** Failed rows that are printed; as many reasons of the others are. */
const FAILURES_SHOWN = 10;

interface ImportOptions extends GridOptions {
  readonly strict: boolean;
  readonly recount: boolean;
  readonly json: boolean;
}

export function importCommand(): Command {
  const command = new Command('import')
    .description('Load stock and settings from a CSV, NDJSON or JSON file, gzipped or not.')
    .argument(
      '<file>',
      'columns: sku, region, node, and any of onHand, safetyStock, backorderLimit, limitPerOwner, channelBuffers',
    )
    .option('--strict', 'stop at the first row that fails', false)
    .option('--recount', 'apply a file again that was imported in the last 15 minutes, as a new count', false)
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      `
onHand is an absolute count of the units at the node, promised ones included: live reservations stay, and a count
below what is promised is written off as reservations end. Empty cells leave a setting as it is. Importing the same
file again within 15 minutes changes nothing.

Example:
  sku,region,node,onHand,safetyStock,channelBuffers
  MUG-BLUE,eu-west,dublin-dc,120,5,web=10;pos=2

  holdfast import stock.csv`,
    )
    .action(importFile);
  return addGridOptions(command);
}

async function importFile(file: string, options: ImportOptions): Promise<void> {
  const output = createOutput(options.json);
  const catalog = await openCatalog(file);
  const total = await countRows(catalog.rows());
  if (total === 0) {
    throw new UserError(
      `${file} has no rows of data: nothing was imported`,
      `The first line names the columns (${COLUMNS.join(',')}); below it, give one row a line.`,
    );
  }
  const progress = output.progress(total, 'rows');
  const startedAt = performance.now();
  const patience = startPatience(output.note);
  const salt = options.recount ? randomBytes(4).toString('hex') : '';
  const result = await withRegions(gridUrls(options), (connections) =>
    applyRows(catalog.rows(), {
      clients: clientsByRegion(connections),
      requestPrefix: `imp-${catalog.digest.slice(0, 24)}${salt}`,
      reason: 'import',
      strict: options.strict,
      progress: progress.update,
      answered: patience.heard,
    }),
  ).finally(() => {
    progress.stop();
    patience.stop();
  });
  const ms = performance.now() - startedAt;
  for (const line of describeFailures(result)) output.note(line);
  const { rows, applied, replayed, failed, short } = result;
  output.line(
    `${counted(rows, 'row')} in ${duration(ms)}: ${grouped(applied)} applied, ${grouped(replayed)} already imported, ${grouped(failed)} failed`,
  );
  if (short > 0)
    output.line(`${counted(short, 'count')} below what is promised; the rest is written off as reservations end.`);
  if (replayed > 0 && applied === 0) output.line('To apply the file again as a new count, add --recount.');
  if (options.strict && failed > 0)
    output.line('Stopped at the first failure (--strict); the rows before it are applied.');
  output.result({ file, format: catalog.format, ...result, ms: Math.round(ms) });
  if (failed > 0) process.exitCode = EXIT.failed;
}

/** The first failures, and of the others how many there are for each reason. */
function describeFailures({ failures, failed }: ApplyResult): string[] {
  const lines = failures
    .slice(0, FAILURES_SHOWN)
    .map(({ line, sku, reason }) => `line ${line}${sku === undefined ? '' : ` (${sku})`}: ${reason}`);
  if (failed <= FAILURES_SHOWN) return lines;
  const counts = new Map<string, number>();
  for (const { reason } of failures.slice(FAILURES_SHOWN)) {
    // What differs from row to row is in quotes, or a number.
    const kind = reason.replace(/"[^"]*"/g, '"…"').replace(/\d+/g, 'N');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const kinds = [...counts].sort(([, a], [, b]) => b - a);
  lines.push(`… and ${counted(failed - FAILURES_SHOWN, 'more row')} failed (--json lists them):`);
  for (const [kind, count] of kinds.slice(0, FAILURES_SHOWN)) lines.push(`  ${counted(count, 'time')}: ${kind}`);
  return lines;
}

async function countRows(rows: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of rows) count += 1;
  return count;
}
