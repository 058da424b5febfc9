// The audit of several regions in one store: which are there, and what to say of those that are not.
import { openStore } from '../../journal/open.ts';
import { UserError, usageError } from '../exit.ts';
import type { RegionConnection } from '../grid-client.ts';
import { describeStore } from '../worker-options.ts';
import { auditRegion } from './audit-region.ts';
import { OrderLines } from './order-lines.ts';
import { DIFFERENCES_LISTED_MAX, type RegionReport } from './report.ts';
import { assertSameJournal } from './same-journal.ts';

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
    const lines = new OrderLines(offline);
    const missing: string[] = [];
    for (const region of regions) {
      const connection = connections.find((other) => other.region === region);
      const client = connection?.client;
      if (client === undefined && !offline) {
        throw usageError(`no worker of region ${region} is connected`, 'Add its --url, or --offline.');
      }
      try {
        reports.push(
          await auditRegion({
            store,
            storeName,
            region,
            client,
            ...(connection === undefined
              ? {}
              : { checkOwners: (ownerships) => assertSameJournal(connection, store.driver, storeName, ownerships) }),
            visit: (state, of) => {
              lines.stock(state, of);
              visit?.(state, of);
            },
            visitOrder: lines.order,
          }),
        );
      } catch (error) {
        const { name, message } = error as Error;
        if (name === 'StoreDamaged') {
          throw new UserError(`region ${region} cannot be audited: ${message}`, 'Restore a backup of the store.');
        }
        if (name !== 'RegionUnknown') throw error;
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
    return withLines(reports, lines);
  } finally {
    await store.close();
  }
}

/** The reports, with what is wrong between their regions in that of the order. */
function withLines(reports: readonly RegionReport[], lines: OrderLines): RegionReport[] {
  const all = [...lines.differences()];
  return reports.map((report) => {
    const found = all.filter(({ region }) => region === report.region).map(({ difference }) => difference);
    if (found.length === 0) return report;
    const differences = [...report.differences, ...found].slice(0, DIFFERENCES_LISTED_MAX);
    return { ...report, ok: false, differences, differencesTotal: report.differencesTotal + found.length };
  });
}
