// `holdfast audit`: proves from the journal that the grid holds what it acknowledged, and nothing else.
import { Command } from 'commander';
import { describeReports, type RegionReport } from '../audit/report.ts';
import { EXIT, UserError, usageError } from '../exit.ts';
import { closeAll, connectRegions, type RegionConnection } from '../grid-client.ts';
import {
  addGridOptions,
  collect,
  DEFAULT_DATA_DIR,
  type GridOptions,
  gridUrls,
  LOCAL_REGIONS,
  parseRegion,
  parseStore,
  storeOf,
} from '../options.ts';
import { createOutput, duration } from '../output.ts';

interface AuditCommandOptions extends GridOptions {
  readonly region?: string[];
  readonly dataDir: string;
  readonly store?: string;
  readonly offline: boolean;
  readonly all: boolean;
  readonly json: boolean;
}

export function auditCommand(): Command {
  const command = new Command('audit')
    .description('Rebuild every position from the journal and compare with the live grid.')
    .option('--region <name>', 'only this region; may be repeated', collect(parseRegion))
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--store <url>', 'redis://host:port, or lmdb:DIR', parseStore)
    .option('--offline', 'check the journal alone; no grid need run', false)
    .option('--all', 'print every difference, not the first 10 alone', false)
    .option('--json', 'print the report as JSON', false)
    .addHelpText(
      'after',
      `
Checks that the journal's chain is whole, that the older and the newest snapshot with the records behind them come
to the same bytes, that no position is oversold and all totals are the sums of their parts, that what was reserved for an
order ended as the order decided, in whichever region, and that the live grid says the same of every SKU and order. The grid may go on working meanwhile. In differences, I6 stands for "what a grid shows is
durable" and I7 for "replaying the journal gives the same state, from whichever snapshot".

Exit code 1 also when a difference is found; each is printed with its SKU, seq and both sides.

Example:
  holdfast audit --data-dir ./data
  holdfast audit --offline --store redis://127.0.0.1:6379 --region eu-west`,
    )
    .action(audit);
  return addGridOptions(command);
}

async function audit(options: AuditCommandOptions): Promise<void> {
  const output = createOutput(options.json);
  const startedAt = performance.now();
  const reports = await auditGrid({ ...options, storeUrl: storeOf(options) });
  const ok = reports.every((report) => report.ok);
  output.line(describeReports(reports, options.all ? Number.POSITIVE_INFINITY : undefined));
  output.line(
    ok
      ? `\naudit passed in ${duration(performance.now() - startedAt)}: no difference`
      : `\naudit FAILED: ${reports.reduce((sum, report) => sum + report.differencesTotal, 0)} differences`,
  );
  output.result({ ok, regions: reports });
  if (!ok) process.exitCode = EXIT.failed;
}

/** Audits the wanted regions, or all that are there. @throws UserError when nothing can be read */
async function auditGrid(options: AuditCommandOptions & { readonly storeUrl: string }): Promise<RegionReport[]> {
  const { storeUrl, offline } = options;
  if (storeUrl === 'memory:') throw usageError('memory: keeps no journal that could be audited');
  const connections = offline ? [] : await connectForAudit(options);
  try {
    const regions = options.region ?? (offline ? [...LOCAL_REGIONS] : connections.map(({ region }) => region));
    // Loaded here alone: no other command waits for the stores to load.
    const { auditRegions } = await import('../audit/audit-regions.ts');
    return await auditRegions({ storeUrl, regions, connections, offline, named: options.region !== undefined });
  } finally {
    await closeAll(connections);
  }
}

async function connectForAudit(options: GridOptions): Promise<RegionConnection[]> {
  try {
    return await connectRegions(gridUrls(options));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      error.message,
      `${error.hint ?? ''}\nTo check the journal of a grid that is stopped, add --offline.`,
    );
  }
}
