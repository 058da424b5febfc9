// `holdfast audit`: proves from the journal that the grid holds what it acknowledged, and nothing else.
import { Command } from 'commander';
import { openStore } from '../../journal/open.ts';
import { auditRegion } from '../audit/audit-region.ts';
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
import { describeStore } from '../worker-options.ts';

interface AuditCommandOptions extends GridOptions {
  readonly region?: string[];
  readonly dataDir: string;
  readonly store?: string;
  readonly offline: boolean;
  readonly json: boolean;
}

export function auditCommand(): Command {
  const command = new Command('audit')
    .description('Rebuild every position from the journal and compare with the live grid.')
    .option('--region <name>', 'only this region; may be repeated', collect(parseRegion))
    .option('--data-dir <dir>', 'where the embedded store keeps its files', DEFAULT_DATA_DIR)
    .option('--store <url>', 'redis://host:port, or lmdb:DIR', parseStore)
    .option('--offline', 'check the journal alone; no grid need run', false)
    .option('--json', 'print the report as JSON', false)
    .addHelpText(
      'after',
      `
Checks that the journal's chain is whole, that the older and the newest snapshot with the records behind them come
to the same bytes, that no position is oversold and all totals are the sums of their parts, and that the live grid
says the same of every SKU. The grid may go on working meanwhile.

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
  output.line(describeReports(reports));
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

export interface AuditRegionsOptions {
  readonly storeUrl: string;
  readonly regions: readonly string[];
  readonly connections: readonly RegionConnection[];
  readonly offline: boolean;
  /** The user named the regions, so that each must be there. */
  readonly named: boolean;
  readonly visit?: Parameters<typeof auditRegion>[0]['visit'];
}

export async function auditRegions(options: AuditRegionsOptions): Promise<RegionReport[]> {
  const { storeUrl, regions, connections, offline, named, visit } = options;
  const storeName = describeStore(storeUrl);
  const store = await openStore(storeUrl, { readOnly: true }).catch((error: Error) => {
    throw new UserError(
      `the store ${storeName} cannot be read: ${error.message}`,
      'Say where the journal is with --data-dir or --store.',
    );
  });
  try {
    const reports: RegionReport[] = [];
    const missing: string[] = [];
    for (const region of regions) {
      const client = connections.find((connection) => connection.region === region)?.client;
      if (client === undefined && !offline) {
        throw usageError(`no worker of region ${region} is connected`, 'Add its --url, or --offline.');
      }
      try {
        reports.push(
          await auditRegion({ store, storeName, region, client, ...(visit === undefined ? {} : { visit }) }),
        );
      } catch (error) {
        if ((error as Error).name !== 'RegionUnknown') throw error;
        missing.push(region);
      }
    }
    const [unread] = missing;
    if (unread !== undefined && (named || !offline || reports.length === 0)) {
      throw new UserError(
        `${storeName} holds no journal of ${unread}`,
        'Say where the journal is with --data-dir or --store.',
      );
    }
    return reports;
  } finally {
    await store.close();
  }
}
