// `holdfast files`: the role `files` of `holdfast orders` alone, also to be run once over what a folder holds; and stock as files.
import { Command } from 'commander';
import { usageError } from '../exit.ts';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, collect, type GridOptions, gridUrls } from '../options.ts';
import { addFileOptions, type FileOptions, prepareFiles, regionOf, runFiles } from '../orders/file-role.ts';
import { type Written, writeRegion } from '../orders/positions-out.ts';
import { counted, createOutput } from '../output.ts';
import { startPatience } from '../patience.ts';
import { onSignals, signalExitCode } from '../signals.ts';

interface FilesOptions extends GridOptions, FileOptions {
  readonly once: boolean;
  readonly json: boolean;
}

export function filesCommand(): Command {
  const command = new Command('files').description(
    'Capture orders that other systems leave in a folder, as CSV or EDI X12. Several may share a folder.',
  );
  addFileOptions(command)
    .option('--once', 'end when there is nothing left to wait for', false)
    .option('--json', 'write what became of the files as one JSON object, at the end', false)
    .addHelpText(
      'after',
      `
What the files hold, and what NAME.errors says: docs/orders.md. Exit code 1 also when a file failed, with --once.

Example:
  holdfast files --in ./inbox --out ./outbox --format csv --region us-east --postal-codes examples/files/postal-codes.csv`,
    )
    .action(serveFiles);
  return addGridOptions(command).addCommand(positionsCommand());
}

interface PositionsOptions extends GridOptions, Pick<FileOptions, 'out' | 'format' | 'region'> {
  readonly node?: string[];
  readonly json: boolean;
}

function positionsCommand(): Command {
  return new Command('positions')
    .description('Write what ship nodes have and what can be sold, once: CSV, or 846 of EDI X12.')
    .option('--node <node>', 'only of this ship node; may be repeated', collect(String))
    .addHelpText(
      'after',
      `
Takes --out, --format, --region (without it all regions) and where the grid is, as \`holdfast files\` does.

Example:
  holdfast files positions --out ./outbox --format x12 --region us-east --node newark-dc`,
    )
    .action((_: object, self: Command) => writePositions(self.optsWithGlobals() as PositionsOptions));
}

async function writePositions({ out, format, region, node, json, ...grid }: PositionsOptions): Promise<void> {
  if (out === undefined) throw usageError('files go to a folder', 'Give it with --out DIR.');
  const output = createOutput(json);
  const patience = startPatience(output.note);
  const at = Date.now();
  const regions: ({ readonly region: string } & Written)[] = [];
  await withRegions(gridUrls(grid), async (connections) => {
    const wanted = region === undefined ? connections : [regionOf(connections, region)];
    for (const { client, region: of } of wanted) {
      const views = client.listAll({ region: of });
      const nodes = node === undefined ? {} : { nodes: node };
      regions.push({ region: of, ...(await writeRegion(views, of, { out, format, at, ...nodes }, patience)) });
    }
  }).finally(patience.stop);
  output.result({ out, format, regions });
  for (const { region: of, positions, files } of regions)
    output.line(`${of}: ${counted(positions, 'position')} in ${counted(files, 'file')}`);
}

async function serveFiles(options: FilesOptions): Promise<void> {
  const output = createOutput(options.json);
  await prepareFiles(options);
  const ends = new AbortController();
  const stop = onSignals(
    () => ends.abort(),
    (signal) => process.exit(signalExitCode(signal)),
  );
  try {
    const run = { once: options.once, signal: ends.signal, log: (line: string) => output.line(line) };
    const results = await withRegions(gridUrls(options), (connections) => runFiles(options, connections, run));
    output.result(results);
    if (options.once && results.length === 0 && !ends.signal.aborted) output.line(`there was no file in ${options.in}`);
    if (options.once && results.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
  } finally {
    stop();
  }
}
