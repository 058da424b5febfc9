// The role `files`: orders that other systems leave in a folder are captured, counts reconciled, acknowledgements written.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type FileResult, runFileDrop } from '../../../orders/legacy/drop.ts';
import { FileRefused } from '../../../orders/legacy/errors.ts';
import { FORMATS, type Format } from '../../../orders/legacy/items.ts';
import { SETTLE_MS_DEFAULT } from '../../../orders/legacy/limits.ts';
import type { Locate } from '../../../orders/legacy/orders.ts';
import { readPostalCodes } from '../../../orders/legacy/postal-codes.ts';
import { messageOf, usageError } from '../exit.ts';
import type { RegionConnection } from '../grid-client.ts';
import { collect, parseCount, parseRegion } from '../options.ts';

export interface FileOptions {
  readonly in?: string;
  readonly out?: string;
  readonly format: Format;
  readonly region?: string;
  readonly postalCodes?: string;
  readonly settleMs: number;
  readonly partner?: string[];
  readonly takeTests: boolean;
}

export interface FileRun {
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export function addFileOptions(command: Command): Command {
  return command
    .option('--in <dir>', 'the folder in which files are left; what became of them is in done/ and failed/ in it')
    .option('--out <dir>', 'where acknowledgements are written, and ship notices by `orders`')
    .addOption(new Option('--format <format>', 'of all files').choices(FORMATS).default('csv'))
    .option('--region <region>', 'that captures orders from files, where the grid has several', parseRegion)
    .option(
      '--postal-codes <file>',
      'where postal codes are, CSV as examples/files/postal-codes.csv: zip_code, latitude, longitude',
    )
    .option(
      '--partner <kind.id>',
      'a sender of X12 whose interchanges are taken, such as ZZ.PARTNER; may be repeated. Of one alone, orders keep the numbers of its purchase orders',
      collect(parsePartner),
    )
    .option('--take-tests', 'take interchanges of X12 that are marked as tests like others', false)
    .option('--settle-ms <ms>', 'how long a file rests before it is taken for whole', parseSettle, SETTLE_MS_DEFAULT);
}

/** Made sure of before anything is connected to. @throws UserError */
export async function prepareFiles(options: FileOptions): Promise<{ in: string; out: string; locate: Locate }> {
  const { in: into, out, postalCodes } = options;
  if (into === undefined || out === undefined) {
    throw usageError('files come from a folder and go to one', 'Give them with --in DIR and --out DIR.');
  }
  await requireFolder(into);
  return { in: into, out, locate: await postalCodesOf(postalCodes) };
}

/** One that was mistyped would be made and waited at for ever. */
async function requireFolder(path: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw usageError(`--in ${path}: ${messageOf(error)}`);
    throw usageError(`--in ${path}: there is no such folder`, `Check the name, or make it: mkdir -p ${path}`);
  }
  if (!isFolder) throw usageError(`--in ${path} is a file`, 'Give the folder in which files are left.');
}

/** Runs until the signal, or with `once` until there is nothing left to wait for. @throws UserError where no region fits */
export async function runFiles(
  options: FileOptions,
  connections: readonly RegionConnection[],
  run: FileRun,
): Promise<FileResult[]> {
  const prepared = await prepareFiles(options);
  const { client, region } = regionOf(connections, options.region);
  run.log(`what is left in ${prepared.in} is captured in region ${region}`);
  return runFileDrop(
    {
      ...prepared,
      ...run,
      format: options.format,
      settleMs: options.settleMs,
      partners: options.partner ?? [],
      takesTests: options.takeTests,
    },
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
}

/** @throws UserError where no region fits */
export function regionOf(connections: readonly RegionConnection[], wanted: string | undefined): RegionConnection {
  const regions = connections.map(({ region }) => region);
  const [first] = connections;
  if (wanted === undefined && connections.length === 1 && first !== undefined) return first;
  const found = connections.find(({ region }) => region === wanted);
  if (found !== undefined) return found;
  if (wanted === undefined) {
    throw usageError('which region is to capture the orders?', `Give --region, one of ${regions.join(', ')}.`);
  }
  throw usageError(`no worker of region ${wanted} is connected; the regions are ${regions.join(', ')}`);
}

async function postalCodesOf(file: string | undefined): Promise<Locate> {
  if (file === undefined) return () => undefined;
  try {
    return await readPostalCodes(file);
  } catch (error) {
    const why = error instanceof FileRefused ? `${error.message}. ${error.problem.next}` : messageOf(error);
    throw usageError(`--postal-codes ${file} cannot be read: ${why}`);
  }
}

function parsePartner(text: string): string {
  if (/^[A-Z0-9]{2}\..{1,15}$/.test(text)) return text;
  throw new InvalidArgumentError(
    'It is ISA05 and ISA06 of what the partner sends, with a point in between: ZZ.PARTNER.',
  );
}

function parseSettle(text: string): number {
  const ms = parseCount(text);
  if (ms >= 1 && ms <= 3_600_000) return ms;
  throw new InvalidArgumentError('It takes 1 to 3600000 milliseconds.');
}
