// `holdfast status`: what each worker says of itself, in one table; with --pool what the regions say of one pool.
import { Command } from 'commander';
import type { GridFigures } from '../../shell/grid.ts';
import { EXIT, UserError } from '../exit.ts';
import { causeOf, positionOf, statusOf, unreachable, type WorkerStatus } from '../grid-client.ts';
import { addGridOptions, type GridOptions, gridUrls } from '../options.ts';
import { createOutput, duration, grouped, type Output, table } from '../output.ts';
import { isUnbalanced, poolLines, poolStatus } from '../pool-status.ts';
import { isAbandoned, isMixed, regionLines } from '../region-status.ts';

interface StatusOptions extends GridOptions {
  readonly json: boolean;
  readonly pool?: string;
}

type Report = { readonly url: string } & (
  | ({ readonly reachable: true } & WorkerStatus)
  | { readonly reachable: false; readonly reason: string; readonly refusal: unknown }
);

export function statusCommand(): Command {
  const command = new Command('status')
    .description('Show regions, readiness, durability and load of a running grid.')
    .option('--json', 'print the whole answer of each worker as JSON', false)
    .option(
      '--pool <sku>',
      "where the pooled stock of a SKU is: each region's rights, what is on its way, what was sold",
    )
    .addHelpText(
      'after',
      `
Exit code 1 also when a worker is not ready, or partitions are served by nobody and none is moving; with --pool when a region does not answer or units are unaccounted for.

Examples:
  holdfast status --url 7400 --url 7401
  holdfast status --pool SKU-000001`,
    )
    .action(status);
  return addGridOptions(command);
}

async function status(options: StatusOptions): Promise<void> {
  const output = createOutput(options.json);
  const urls = gridUrls(options);
  if (options.pool !== undefined) {
    await showPool(options.pool, urls, output);
    return;
  }
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
  if (!allReady || reached.some(isAbandoned)) process.exitCode = EXIT.failed;
}

async function showPool(sku: string, urls: readonly string[], output: Output): Promise<void> {
  const silent: { url: string; reason: string }[] = [];
  const answered: string[] = [];
  const answers = await Promise.all(
    urls.map(async (url) => {
      try {
        const { info } = await statusOf(url);
        const position = await positionOf(url, sku, info.region);
        answered.push(info.region);
        return position;
      } catch (error) {
        silent.push({ url, reason: error instanceof UserError ? error.message : causeOf(error) });
        return undefined;
      }
    }),
  );
  if (silent.length === urls.length) throw unreachable(urls.join(' and '), new Error(silent[0]?.reason));
  const status = poolStatus(
    sku,
    answers.filter((answer) => answer !== undefined),
  );
  if (status === undefined) throw new UserError(`${sku} has no pooled stock in the regions that answered`);
  output.result({ ...status, silent });
  for (const line of poolLines(status, { answered, isAnySilent: silent.length > 0 })) output.line(line);
  for (const { url, reason } of silent) output.line(`${url} does not answer: ${reason}`);
  if (silent.length > 0 || isUnbalanced(status)) process.exitCode = EXIT.failed;
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
    'orders',
    'tasks',
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
          isMixed(report) ? `${report.info.durability} (mixed)` : report.info.durability,
          report.info.store,
          report.info.epoch,
          report.info.partitions,
          grouped(inRegion(report, ({ positions }) => positions)),
          grouped(inRegion(report, ({ liveReservations }) => liveReservations)),
          grouped(inRegion(report, ({ orders }) => orders)),
          grouped(inRegion(report, ({ tasksWaiting, tasksLent }) => tasksWaiting + tasksLent)),
          inRegion(report, ({ mailboxDepth }) => mailboxDepth),
          inRegion(report, ({ journalSeq, durableSeq }) => journalSeq - durableSeq),
          report.figures.snapshotAgeMs === undefined ? 'none yet' : `${duration(report.figures.snapshotAgeMs)} ago`,
          report.url,
        ]
      : ['?', 'NO', '', '', '', '', '', '', '', '', '', report.url],
  );
  line(table(columns, rows));
  for (const report of reports) if (report.reachable) for (const text of regionLines(report)) line(text);
  printOthers(reports, line);
  const engines = new Set(reports.flatMap((report) => (report.reachable ? [report.gateway.engine ?? 'unknown'] : [])));
  line(`\nengine ${[...engines].join(', ')}; lag is in records not yet durable`);
  for (const report of reports) {
    if (!report.reachable) line(`${report.url} does not answer: ${report.reason}`);
    else if (!report.readiness.ready) line(`${report.info.region} is not ready: ${report.readiness.reason}`);
  }
}

/** A figure added up over the workers of a region that answer. */
function inRegion({ figures, region }: WorkerStatus, of: (figures: GridFigures) => number): number {
  const workers = region?.workers ?? [{ figures }];
  return workers.reduce((sum, worker) => sum + of(worker.figures), 0);
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
