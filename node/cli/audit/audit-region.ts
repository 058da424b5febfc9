// The audit of one region from first record to verdict: rebuild, check, compare, and begin again where the grid moved
// on faster than the journal could be read.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { InventoryState } from '../../core/index.ts';
import type { JournalStore, Ownership } from '../../journal/port.ts';
import { UserError } from '../exit.ts';
import { compareLive } from './live.ts';
import { LaneMoved, type Rebuilt, rebuild } from './rebuild.ts';
import { Differences, type RegionReport } from './report.ts';

/** Each attempt reads the newest two snapshots; a grid that outruns three of them is better audited offline. */
const ATTEMPTS_MAX = 3;

export interface AuditOptions {
  readonly store: JournalStore;
  /** The store as the user named it, for messages. */
  readonly storeName: string;
  readonly region: string;
  /** The live grid to compare with; undefined offline. */
  readonly client: HoldfastClient | undefined;
  /** Called with the journal's last owner before anything is compared; throws when the grid is another. */
  readonly checkOwner?: (ownership: Ownership | undefined) => Promise<void>;
  /** Shown every rebuilt actor, for checks of the caller's own. */
  readonly visit?: (state: InventoryState, region: string) => void;
}

/** @throws UserError when the region cannot be read, RegionUnknown when it is not in the store */
export async function auditRegion(options: AuditOptions): Promise<RegionReport> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await auditOnce(options);
    } catch (error) {
      if (!(error instanceof LaneMoved)) throw error;
      if (attempt < ATTEMPTS_MAX) continue;
      throw new UserError(
        `${options.region}: ${error.message}, ${attempt} times`,
        'Audit again when the grid is less busy, or stop it and run `holdfast audit --offline`.',
      );
    }
  }
}

async function auditOnce({ store, storeName, region, client, checkOwner, visit }: AuditOptions): Promise<RegionReport> {
  const startedAt = performance.now();
  const differences = new Differences();
  const reader = await store.reader(region);
  const ownership = await reader.ownership();
  await checkOwner?.(ownership);
  const rebuilt = await rebuild(reader, differences);
  const live = client === undefined ? undefined : await compareLive(client, region, reader, rebuilt, differences);
  return {
    region,
    ok: differences.total === 0,
    store: storeName,
    epoch: Math.max(rebuilt.epoch, ownership?.epoch ?? 0),
    lastSeq: rebuilt.lastSeq,
    batches: rebuilt.batches,
    records: rebuilt.records,
    ...totals(rebuilt, (state) => visit?.(state, region)),
    snapshots: rebuilt.snapshots.map(({ slot, coveredSeq, actors, at }) => ({ slot, coveredSeq, actors, at })),
    comparedLive: live?.compared,
    caughtUp: live?.caughtUp ?? 0,
    ms: Math.round(performance.now() - startedAt),
    differences: differences.listed,
    differencesTotal: differences.total,
  };
}

function totals(
  { image }: Rebuilt,
  visit: (state: InventoryState) => void,
): Pick<RegionReport, 'actors' | 'positions' | 'liveReservations' | 'units'> {
  let positions = 0;
  let liveReservations = 0;
  const units = { onHand: 0, reserved: 0, allocated: 0, shipped: 0 };
  for (const sku of image.skus()) {
    let state: InventoryState | undefined;
    try {
      state = image.state(sku);
    } catch {
      // A damaged row has been reported already.
    }
    if (state === undefined) continue;
    visit(state);
    positions += state.nodes.length;
    liveReservations += state.reservations.live;
    for (const node of state.nodes) {
      units.onHand += node.received - node.shipped;
      units.shipped += node.shipped;
      units.reserved += node.reserved;
      units.allocated += node.allocated;
    }
  }
  return { actors: image.size, positions, liveReservations, units };
}
