// The audit of one region from first record to verdict: rebuild, check, compare, and begin again where the grid moved
// on faster than the journal could be read.
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { InventoryState } from '../../core/index.ts';
import type { JournalStore, Ownership } from '../../journal/port.ts';
import type { HostedOrder } from '../../shell/orders/hosted-order.ts';
import { UserError } from '../exit.ts';
import { readLanes } from './lanes.ts';
import { compareLive } from './live.ts';
import { compareOrders } from './live-orders.ts';
import { LaneMoved, type Rebuilt, readOn, rebuild } from './rebuild.ts';
import { compareCargo, RegionImage } from './region-image.ts';
import { Differences, type LaneReport, type RegionReport } from './report.ts';

/** Each attempt reads the newest two snapshots; a grid that outruns three of them is better audited offline. */
const ATTEMPTS_MAX = 3;

export interface AuditOptions {
  readonly store: JournalStore;
  /** The store as the user named it, for messages. */
  readonly storeName: string;
  readonly region: string;
  /** The live grid to compare with; undefined offline. */
  readonly client: HoldfastClient | undefined;
  /** Called with the last owner of each lane before anything is compared; throws when the grid is another. */
  readonly checkOwners?: (ownerships: readonly Ownership[]) => Promise<void>;
  /** Shown every rebuilt actor, for checks of the caller's own. */
  readonly visit?: (state: InventoryState, region: string) => void;
  /** Likewise every rebuilt order. */
  readonly visitOrder?: (order: HostedOrder, region: string) => void;
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

async function auditOnce(options: AuditOptions): Promise<RegionReport> {
  const { storeName, region, client, visit, visitOrder } = options;
  const startedAt = performance.now();
  const differences = new Differences();
  const { lanes, partitions, ownerships } = await readLanes(options, rebuild, differences);
  const image = await putTogether(options, lanes, partitions, differences);
  compareCargo(lanes, differences);
  const live = client === undefined ? undefined : await compareLive(client, region, image, lanes, differences);
  const orders = client === undefined ? undefined : await compareOrders(client, region, image, lanes, differences);
  const sum = (of: (lane: Rebuilt) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
  return {
    region,
    ok: differences.total === 0,
    store: storeName,
    epoch: Math.max(0, ...lanes.map(({ epoch }) => epoch), ...ownerships.map(({ epoch }) => epoch)),
    lastSeq: sum(({ lastSeq }) => lastSeq),
    batches: sum(({ batches }) => batches),
    records: sum(({ records }) => records),
    ...(lanes.length === 1 ? {} : { lanes: lanes.map((lane) => describeLane(lane, image)) }),
    ...totals(image, {
      stock: (state) => visit?.(state, region),
      order: (order) => visitOrder?.(order, region),
    }),
    snapshots: lanes.flatMap(({ lane, snapshots }) =>
      snapshots.map(({ slot, coveredSeq, actors, at }) => ({
        ...(lanes.length === 1 ? {} : { lane }),
        slot,
        coveredSeq,
        actors,
        at,
      })),
    ),
    comparedLive: live && orders && live.compared + orders.compared,
    caughtUp: (live?.caughtUp ?? 0) + (orders?.caughtUp ?? 0),
    ms: Math.round(performance.now() - startedAt),
    differences: differences.listed,
    differencesTotal: differences.total,
  };
}

/**
 * The lanes are read one after the other, and a partition may move meanwhile: what looks wrong then is told from what
 * is by reading on, as each step of a hand-off is durable in one lane before the next is in another.
 * @throws LaneMoved
 */
async function putTogether(
  { store, region }: AuditOptions,
  lanes: readonly Rebuilt[],
  partitions: number,
  differences: Differences,
): Promise<RegionImage> {
  const found = new Differences();
  const image = RegionImage.of(lanes, partitions, found);
  if (found.total === 0) return image;
  for (const lane of lanes) await readOn(lane);
  const names = await store.lanes(region);
  if (names.length !== lanes.length) throw new LaneMoved('a lane was added while the others were read');
  for (const difference of found.listed) differences.add(difference);
  return image;
}

function describeLane(lane: Rebuilt, image: RegionImage): LaneReport {
  const { epoch, lastSeq, records } = lane;
  return { lane: lane.lane, partitions: image.partitionsOf(lane), epoch, lastSeq, records };
}

interface Visits {
  readonly stock: (state: InventoryState) => void;
  readonly order: (order: HostedOrder) => void;
}

function totals(
  image: RegionImage,
  visit: Visits,
): Pick<RegionReport, 'actors' | 'orders' | 'positions' | 'liveReservations' | 'units'> {
  let actors = 0;
  let positions = 0;
  let liveReservations = 0;
  const units = { onHand: 0, reserved: 0, allocated: 0, shipped: 0 };
  for (const sku of image.skus()) {
    actors += 1;
    const state = undamaged(() => image.state(sku));
    if (state === undefined) continue;
    visit.stock(state);
    positions += state.nodes.length;
    liveReservations += state.reservations.live;
    for (const node of state.nodes) {
      units.onHand += node.received - node.shipped;
      units.shipped += node.shipped;
      units.reserved += node.reserved;
      units.allocated += node.allocated;
    }
  }
  let orders = 0;
  for (const key of image.orders()) {
    orders += 1;
    const order = undamaged(() => image.order(key));
    if (order !== undefined) visit.order(order);
  }
  return { actors: actors + orders, orders, positions, liveReservations, units };
}

/** What is read; undefined: its row is damaged, which has been reported already. */
function undamaged<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
