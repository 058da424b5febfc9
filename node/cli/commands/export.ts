// `holdfast export`: all positions in a form that `import` takes back. Reservations are not exported: a count says
// what is at the node, promised or not.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { Command, Option } from 'commander';
import type { AvailabilityView } from '../../../protocol/index.ts';
import { type CatalogRow, COLUMNS, csvCells } from '../catalog/rows.ts';
import { messageOf, UserError, usageError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, collect, type GridOptions, gridUrls, parseRegion } from '../options.ts';
import { counted, createOutput, grouped } from '../output.ts';
import { startPatience } from '../patience.ts';

type Format = 'ndjson' | 'csv';

interface ExportOptions extends GridOptions {
  readonly region?: string[];
  readonly format: Format;
  readonly out?: string;
  readonly json: boolean;
}

export function exportCommand(): Command {
  const command = new Command('export')
    .description('Write all positions in a form that `import` takes back.')
    .option('--region <name>', 'only this region; may be repeated', collect(parseRegion))
    .addOption(new Option('--format <format>', 'the form of a row').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--out <file>', 'write to a file instead of the terminal')
    .option('--json', 'with --out: print the counts as JSON; else the same as --format ndjson', false)
    .addHelpText(
      'after',
      `
onHand is a count of the units at the node, promised ones included; reservations themselves are not exported.

Example:
  holdfast export --region eu-west --format csv --out stock.csv`,
    )
    .action(exportPositions);
  return addGridOptions(command);
}

async function exportPositions(options: ExportOptions): Promise<void> {
  const output = createOutput(options.json);
  if (options.json && options.out === undefined && options.format === 'csv') {
    throw usageError('--json and --format csv exclude each other', 'Leave one of them out, or add --out FILE.');
  }
  const counts = new Map<string, number>();
  const patience = startPatience(output.note);
  await withRegions(gridUrls(options), async (connections) => {
    for (const region of options.region ?? []) {
      if (connections.some((connection) => connection.region === region)) continue;
      const known = connections.map((connection) => connection.region).join(', ');
      throw usageError(`no worker of region ${region} is connected`, `The regions are ${known}; add --url for others.`);
    }
    const sink = await openSink(options.out);
    if (options.format === 'csv') await write(sink, `${COLUMNS.join(',')}\n`);
    for (const { region, client } of connections) {
      if (options.region !== undefined && !options.region.includes(region)) continue;
      let count = 0;
      for await (const view of client.listAll({ region })) {
        patience.pause();
        const rows = catalogRows(view);
        count += rows.length;
        await write(sink, rows.map((row) => `${lineOf(row, options.format)}\n`).join(''));
        patience.heard();
      }
      counts.set(region, count);
    }
    if (options.out !== undefined) {
      sink.end();
      await finished(sink);
    }
  }).finally(patience.stop);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const summary = `${counted(total, 'position')} exported (${[...counts].map(([region, count]) => `${region} ${grouped(count)}`).join(', ')})`;
  if (options.out === undefined) output.note(summary);
  else {
    output.line(`${summary} to ${options.out}`);
    output.result({ out: options.out, format: options.format, positions: total, regions: Object.fromEntries(counts) });
  }
}

/** The rows of one SKU and region that, imported into an empty grid, give the same stock and settings. */
export function catalogRows(view: AvailabilityView): CatalogRow[] {
  return view.nodes.map((node) => ({
    sku: view.sku,
    region: view.region,
    node: node.node,
    // What was counted: units still to be written off are not there.
    onHand: node.onHand - (node.shortfall ?? 0),
    safetyStock: node.safetyStock,
    backorderLimit: node.backorderLimit,
    limitPerOwner: view.limitPerOwner,
    channelBuffers: view.channelBuffers,
  }));
}

function lineOf(row: CatalogRow, format: Format): string {
  return format === 'csv' ? csvCells(row).join(',') : JSON.stringify(row);
}

async function openSink(out: string | undefined): Promise<Writable> {
  if (out === undefined) return process.stdout;
  const stream = createWriteStream(out);
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new UserError(`cannot write ${out}: ${messageOf(error)}`, 'Give --out a path that can be written.');
  }
  return stream;
}

async function write(sink: Writable, text: string): Promise<void> {
  if (text !== '' && !sink.write(text)) await once(sink, 'drain');
}
