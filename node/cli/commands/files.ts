// `holdfast files`: orders that other systems leave in a folder, captured; counts, reconciled; acknowledgements, written.
import { createHash } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runFileDrop } from '../../../orders/legacy/drop.ts';
import { FileRefused } from '../../../orders/legacy/errors.ts';
import type { Format } from '../../../orders/legacy/items.ts';
import { SETTLE_MS_DEFAULT } from '../../../orders/legacy/limits.ts';
import { readPostalCodes } from '../../../orders/legacy/postal-codes.ts';
import { messageOf, usageError } from '../exit.ts';
import { type RegionConnection, withRegions } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls, parseCount, parseRegion } from '../options.ts';
import { createOutput } from '../output.ts';
import { onSignals, signalExitCode } from '../signals.ts';

const FORMATS: readonly Format[] = ['csv', 'x12'];

interface FilesOptions extends GridOptions {
  readonly in: string;
  readonly out: string;
  readonly format: Format;
  readonly region?: string;
  readonly postalCodes?: string;
  readonly settleMs: number;
  readonly once: boolean;
  readonly json: boolean;
}

export function filesCommand(): Command {
  const command = new Command('files')
    .description('Capture orders that other systems leave in a folder, as CSV or EDI X12. Several may share a folder.')
    .requiredOption('--in <dir>', 'where files are left; what became of them is in done/ and failed/ in it')
    .requiredOption('--out <dir>', 'where acknowledgements are written')
    .addOption(new Option('--format <format>', 'of all files').choices(FORMATS).default('csv'))
    .option('--region <region>', 'that captures the orders, where the grid has several', parseRegion)
    .option('--postal-codes <file>', 'where postal codes are, a file of CSV: zip_code, latitude, longitude')
    .option('--settle-ms <ms>', 'how long a file rests before it is taken for whole', parseSettle, SETTLE_MS_DEFAULT)
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
  const locate = await postalCodesOf(options.postalCodes);
  const ends = new AbortController();
  const stop = onSignals(
    () => ends.abort(),
    (signal) => process.exit(signalExitCode(signal)),
  );
  try {
    const results = await withRegions(gridUrls(options), (connections) => {
      const { client, region } = regionOf(connections, options.region);
      output.line(`orders in ${options.in} are captured in region ${region}`);
      const drop = { in: options.in, out: options.out, format: options.format, settleMs: options.settleMs, locate };
      return runFileDrop(
        { ...drop, once: options.once, signal: ends.signal, log: (line) => output.line(line) },
        {
          async capture(order) {
            const { replayed } = await client.captureOrder({ region, order });
            return { replayed: replayed === true };
          },
          async advise(advice, key) {
            const requestId = `846-${createHash('sha256').update(key).digest('hex').slice(0, 40)}`;
            await client.adjust({ ...advice, region, reason: 'inventory advice (846)', requestId });
          },
        },
      );
    });
    output.result(results);
    if (options.once && results.some(({ outcome }) => outcome === 'failed')) process.exitCode = 1;
  } finally {
    stop();
  }
}

function regionOf(connections: readonly RegionConnection[], wanted: string | undefined): RegionConnection {
  const regions = connections.map(({ region }) => region);
  const found =
    wanted === undefined && connections.length === 1
      ? connections[0]
      : connections.find(({ region }) => region === wanted);
  if (found !== undefined) return found;
  if (wanted === undefined)
    throw usageError('which region is to capture the orders?', `Give --region, one of ${regions.join(', ')}.`);
  throw usageError(`no worker of region ${wanted} is connected; the regions are ${regions.join(', ')}`);
}

async function postalCodesOf(file: string | undefined) {
  if (file === undefined) return () => undefined;
  try {
    return await readPostalCodes(file);
  } catch (error) {
    const why = error instanceof FileRefused ? `${error.message}. ${error.problem.next}` : messageOf(error);
    throw usageError(`--postal-codes ${file} cannot be read: ${why}`);
  }
}

function parseSettle(text: string): number {
  const ms = parseCount(text);
  if (ms >= 1 && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError('It takes 1 to 3600000 milliseconds.');
}
