// `holdfast replay FILE`: a real order stream against a running grid, ended by the audit and by a recomputation.
import { Command, InvalidArgumentError } from 'commander';
import { describeReports, type RegionReport } from '../audit/report.ts';
import { EXIT, UserError, usageError } from '../exit.ts';
import { clientsByRegion, type RegionConnection, withRegions } from '../grid-client.ts';
import {
  addGridOptions,
  DEFAULT_DATA_DIR,
  type GridOptions,
  gridUrls,
  LOCAL_REGIONS,
  parseCount,
  parsePositive,
  parseStore,
  storeOf,
} from '../options.ts';
import { createOutput, duration, grouped, type Output } from '../output.ts';
import { DATE_FORMATS } from '../replay/dates.ts';
import { ReplayDriver } from '../replay/driver.ts';
import { Latencies } from '../replay/latencies.ts';
import { loadStock } from '../replay/load.ts';
import { driveFile, type Speed } from '../replay/pace.ts';
import { type Plan, planReplay } from '../replay/plan.ts';
import { readOrderLines } from '../replay/read-orders.ts';
import { recompute } from '../replay/recompute.ts';
import { describeRun, describeUndated, describeVerification, type RunResult } from '../replay/report.ts';
import { checkRunId, newRunId, nodeOfRun } from '../replay/run-id.ts';
import { type Verification, Verifier } from '../replay/verify.ts';
import { onSignals, signalExitCode } from '../signals.ts';

interface ReplayOptions extends GridOptions {
  readonly speed: Speed;
  readonly stock?: number;
  readonly run?: string;
  readonly parallel: number;
  readonly dataDir: string;
  readonly store?: string;
  readonly audit: boolean;
  readonly json: boolean;
}

export function replayCommand(): Command {
  const command = new Command('replay')
    .description('Replay a real order stream (UCI Online Retail as CSV, gzipped or not) against a running grid.')
    .argument('<file>', 'columns: InvoiceNo, StockCode, Quantity, InvoiceDate, CustomerID, Country')
    .option('--speed <factor>', 'max, or seconds of history in a second (3600: an hour a second)', parseSpeed, 'max')
    .option(
      '--stock <units>',
      'units loaded for each SKU and region before; default: as many as the file needs',
      parseCount,
    )
    .option('--run <id>', 'take up a run that broke off less than 15 minutes ago')
    .option('--parallel <count>', 'SKUs at work at once in each region', parsePositive, 192)
    .option('--data-dir <dir>', "where the grid's embedded store is, for the audit", DEFAULT_DATA_DIR)
    .option('--store <url>', "the grid's store, for the audit: redis://host:port or lmdb:DIR", parseStore)
    .option('--no-audit', 'leave the audit of the journal out (the recomputation stays)')
    .option('--json', 'print the result as JSON', false)
    .addHelpText(
      'after',
      `
Every order line is reserved, committed and shipped in the region that serves its country; a cancelled invoice is a
return, a negative line without one a write-off. Lines of one SKU and region keep the file's order. The run has a
ship node of its own, so its stock is apart from all other. At the end the grid must hold exactly what an independent
recomputation from the file says, and the journal is audited.

An InvoiceDate is ${DATE_FORMATS}; a line with
another is named and left out.

Exit code 1 also when the grid differs from the recomputation or the audit fails.

The stream is data set 352 of the UCI Machine Learning Repository (https://archive.ics.uci.edu/dataset/352/online+retail),
its sheet saved as CSV.

Example:
  holdfast replay online_retail.csv.gz
  holdfast replay online_retail.csv.gz --speed 3600 --stock 500`,
    )
    .action(replay);
  return addGridOptions(command);
}

function parseSpeed(text: string): Speed {
  if (text === 'max') return 'max';
  const factor = Number(text);
  if (!Number.isFinite(factor) || factor <= 0) throw new InvalidArgumentError('It takes max, or a number above 0.');
  return factor;
}

async function replay(file: string, options: ReplayOptions): Promise<void> {
  const output = createOutput(options.json);
  const run = checkRunId(options.run ?? newRunId(Date.now()));
  await withRegions(gridUrls(options), async (connections) => {
    const clients = clientsByRegion(connections);
    for (const region of LOCAL_REGIONS) {
      if (!clients.has(region))
        throw usageError(`no worker of region ${region} is connected`, 'Give the --url of both regions.');
    }
    const plan = await planReplay(readOrderLines(file));
    for (const line of describeUndated(plan)) output.note(line);
    if (plan.counts.undated > 0 && plan.counts.undated === plan.lines) {
      throw usageError(`no line of ${file} has a date that can be read`, `An InvoiceDate is ${DATE_FORMATS}.`);
    }
    const stock = new Map([...plan.outgoing].map(([key, units]) => [key, options.stock ?? units]));
    output.line(
      `run ${run}: ${grouped(plan.lines)} lines, ${grouped(stock.size)} SKU-and-region pairs at node ${nodeOfRun(run)}`,
    );
    const { resumed } = await loadStock({ clients, run, stock });
    if (resumed) output.line('the run had been begun: what was answered then is answered alike');
    const result = await drive(file, plan, run, clients, options, output);
    output.line(describeRun(result));
    const verifier = new Verifier(await recompute(file, stock), nodeOfRun(run));
    verifier.totals(result.totals);
    await verifier.live(clients);
    const audit = options.audit ? await auditAfter(options, connections, verifier, output) : [];
    finish(result, verifier.result(), audit, output);
  });
}

async function drive(
  file: string,
  plan: Plan,
  run: string,
  clients: Parameters<typeof loadStock>[0]['clients'],
  options: ReplayOptions,
  output: Output,
): Promise<RunResult> {
  const latencies = new Latencies();
  const driver = new ReplayDriver({ clients, run, parallel: options.parallel, latencies });
  const interrupted = new AbortController();
  const stopListening = onSignals(
    (signal) => interrupted.abort(signal),
    (signal) => process.exit(signalExitCode(signal)),
  );
  const startedAt = performance.now();
  try {
    await driveFile({
      lines: readOrderLines(file),
      plan,
      driver,
      speed: options.speed,
      output,
      signal: interrupted.signal,
    });
  } finally {
    stopListening();
  }
  if (interrupted.signal.aborted) {
    throw new UserError(
      `interrupted after ${grouped(driver.totals.done)} lines`,
      `Go on within 15 minutes with --run ${run}${options.stock === undefined ? '' : ` --stock ${options.stock}`}.`,
      signalExitCode(interrupted.signal.reason),
    );
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  return { run, file, plan, seconds, totals: driver.totals, latencies: latencies.summary() };
}

async function auditAfter(
  options: ReplayOptions,
  connections: readonly RegionConnection[],
  verifier: Verifier,
  output: Output,
): Promise<RegionReport[]> {
  const startedAt = performance.now();
  const { auditRegions } = await import('../audit/audit-regions.ts');
  try {
    const reports = await auditRegions({
      storeUrl: storeOf(options),
      regions: connections.map(({ region }) => region),
      connections,
      offline: false,
      named: true,
      visit: (state, region) => verifier.journaled(region, state),
    });
    output.line(`\naudit of the journal, ${duration(performance.now() - startedAt)}:\n${describeReports(reports)}`);
    return reports;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `the replay is through, but its journal could not be audited: ${error.message}`,
      'Say where the journal is with --data-dir or --store and run `holdfast audit`, or replay with --no-audit.',
    );
  }
}

function finish(result: RunResult, verification: Verification, audit: readonly RegionReport[], output: Output): void {
  const audited = audit.every((report) => report.ok);
  const ok = verification.differencesTotal === 0 && audited;
  output.line(`\n${describeVerification(verification)}`);
  const { plan, ...rest } = result;
  const { outgoing: _, ...planned } = plan;
  output.result({ ok, ...rest, planned, verification, audit });
  if (!ok) process.exitCode = EXIT.failed;
}
