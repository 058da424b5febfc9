// `holdfast files`: the role `files` of `holdfast orders` alone, also to be run once over what a folder holds.
import { Command } from 'commander';
import { withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { addFileOptions, type FileOptions, prepareFiles, runFiles } from '../orders/file-role.ts';
import { createOutput } from '../output.ts';
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
  holdfast files --in ./inbox --out ./outbox --format csv --region us-east --postal-codes us_zipcodes.csv`,
    )
    .action(serveFiles);
  return addGridOptions(command);
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
    if (options.once && results.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
  } finally {
    stop();
  }
}
