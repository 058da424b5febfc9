// `holdfast status`: what each worker says of itself, in one table.
import { Command } from 'commander';
import { EXIT, UserError } from '../exit.ts';
import { causeOf, statusOf, unreachable, type WorkerStatus } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { createOutput, duration, grouped, table } from '../output.ts';

interface StatusOptions extends GridOptions {
  readonly json: boolean;
}

type Report = { readonly url: string } & (
  | ({ readonly reachable: true } & WorkerStatus)
  | { readonly reachable: false; readonly reason: string; readonly refusal: unknown }
);

export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show regions, readiness, durability and load of a running grid.')
    .option('--json', 'print the whole answer of each worker as JSON', false)
    .addHelpText(
      'after',
      `
Exit code 1 also when a worker is not ready.

Example:
  holdfast status --url 7400 --url 7401`,
    )
    .action(status);
  return addGridOptions(command);
}

async function status(options: StatusOptions): Promise<void> {
  const output = createOutput(options.json);
  const urls = gridUrls(options);
  const reports = await Promise.all(urls.map(ask));
  const reached = reports.filter((report) => report.reachable);
  const [first] = reports;
  if (reached.length === 0 && first !== undefined && !first.reachable && !options.json) {
    if (first.refusal instanceof UserError) throw first.refusal;
    throw unreachable(urls.join(' and '), new Error(first.reason));
  }
  const allReady = reports.every((report) => report.reachable && report.readiness.ready);
  output.result({ ready: allReady, workers: reports.map((report) => ({ ...report, refusal: undefined })) });
  if (!options.json) print(reports, output.line);
  if (!allReady) process.exitCode = EXIT.failed;
}

async function ask(url: string): Promise<Report> {
  try {
    return { url, reachable: true, ...(await statusOf(url)) };
  } catch (error) {
    return {
      url,
      reachable: false,
      reason: error instanceof UserError ? error.message : causeOf(error),
      refusal: error,
    };
  }
}

function print(reports: readonly Report[], line: (text: string) => void): void {
  const columns = [
    'region',
    'ready',
    'durability',
    'store',
    'epoch',
    'partitions',
    'positions',
    'reservations',
    'mailbox',
    'lag',
    'snapshot',
    'url',
  ];
  const rows = reports.map((report) =>
    report.reachable
      ? [
          report.info.region,
          report.readiness.ready ? 'yes' : 'NO',
          report.info.durability,
          report.info.store,
          report.info.epoch,
          report.info.partitions,
          grouped(report.figures.positions),
          grouped(report.figures.liveReservations),
          report.figures.mailboxDepth,
          report.figures.journalSeq - report.figures.durableSeq,
          report.figures.snapshotAgeMs === undefined ? 'none yet' : `${duration(report.figures.snapshotAgeMs)} ago`,
          report.url,
        ]
      : ['?', 'NO', '', '', '', '', '', '', '', '', '', report.url],
  );
  line(table(columns, rows));
  for (const report of reports) if (report.reachable) printRegion(report, line);
  printOthers(reports, line);
  const engines = new Set(reports.flatMap((report) => (report.reachable ? [report.gateway.engine ?? 'unknown'] : [])));
  line(`\nengine ${[...engines].join(', ')}; lag is in records not yet durable`);
  for (const report of reports) {
    if (!report.reachable) line(`${report.url} does not answer: ${report.reason}`);
    else if (!report.readiness.ready) line(`${report.info.region} is not ready: ${report.readiness.reason}`);
  }
}

/** How each region sees the others; nothing where each stands alone. */
function printOthers(reports: readonly Report[], line: (text: string) => void): void {
  const rows = reports.flatMap((report) =>
    report.reachable
      ? (report.region?.others ?? []).map(({ region, workers, reachable, stalenessMs }) => [
          report.info.region,
          region,
          workers.length,
          reachable,
          duration(stalenessMs),
        ])
      : [],
  );
  if (rows.length > 0) line(`\n${table(['seen from', 'region', 'workers', 'reachable', 'staleness'], rows)}`);
}

/** The workers of a region that has several. */
function printRegion({ info, region }: WorkerStatus, line: (text: string) => void): void {
  if (region === undefined || (region.workers.length === 1 && region.silent.length === 0)) return;
  const columns = [
    'worker',
    'status',
    'ready',
    'lanes (epoch)',
    'partitions',
    'moving',
    'positions',
    'lag',
    'pid',
    'url',
  ];
  const rows = region.workers.map(({ id, status, readiness, lanes, moving, figures, pid, url }) => [
    `${info.region}/${id}`,
    status,
    readiness.ready ? 'yes' : 'NO',
    lanes.map(({ lane, epoch }) => `${lane} (${epoch})`).join(', ') || 'none',
    lanes.reduce((sum, { open }) => sum + open, 0),
    moving.length,
    grouped(figures.positions),
    figures.journalSeq - figures.durableSeq,
    pid,
    url,
  ]);
  line(`\n${table(columns, rows)}`);
  const unserved = info.partitions - region.partitions.length;
  if (unserved > 0)
    line(`${info.region}: ${unserved} of ${info.partitions} partitions are served by nobody at the moment`);
  for (const id of region.silent) line(`${info.region}/${id} is a member and does not answer`);
}
