// The journals of one region at the end of a run: where its partitions came to be, and what its actors are by the replay of all that ever
// landed, with which every recovery and every snapshot row must agree.
import { MemoryStore } from '../../node/journal/memory/store.ts';
import type { AnyState } from '../../node/shell/kind-table.ts';
import type { ShellLimits } from '../../node/shell/limits.ts';
import type { SimMedium } from '../kernel/medium.ts';
import type { Violation } from './history.ts';
import {
  compareRecovery,
  compareRows,
  type Journal,
  type JournaledEvent,
  type JournaledOrderEvent,
  readLane,
  replay,
  replayOrders,
} from './journal.ts';
import { followPartitions, type Placement } from './region.ts';

export interface RegionJournals {
  readonly placement: Placement;
  /** By `region/lane`. */
  readonly lanes: ReadonlyMap<string, readonly JournaledEvent[]>;
  readonly stock: Journal;
  readonly orders: ReturnType<typeof replayOrders>;
}

export interface Judged {
  readonly medium: SimMedium;
  readonly limits: ShellLimits;
  readonly violations: Violation[];
}

/** Once the region has settled, as it has unless something is said of liveness, no partition may be left sealed. */
export async function judgeRegion(
  { medium, limits, violations }: Judged,
  region: string,
  partitions: number,
): Promise<RegionJournals> {
  const store = new MemoryStore(medium.memory);
  const ofRegion = ({ lane }: { readonly lane: string }): boolean => lane.startsWith(`${region}/`);
  const placement = followPartitions(medium.landings.filter(ofRegion), partitions, violations);
  const isSettled = !violations.some(({ invariant }) => invariant === 'liveness');
  for (const [partition, { isOpen, lane }] of placement.places.entries()) {
    if (isOpen || !isSettled) continue;
    violations.push({ invariant: 'H4', text: `partition ${partition} of ${region} ended sealed in lane ${lane}` });
  }
  const lanes = new Map<string, readonly JournaledEvent[]>();
  const readers = [];
  const orderEvents: JournaledOrderEvent[] = [];
  for (const name of await store.lanes(region)) {
    const key = `${region}/${name}`;
    const reader = await store.reader(region, name);
    readers.push({ key, reader });
    const archive = medium.archive.get(key) ?? [];
    lanes.set(key, await readLane(key, reader, archive, partitions, violations, orderEvents));
  }
  const stock = replay([...lanes.values()], violations);
  const orders = replayOrders(orderEvents, violations);
  const states = new Map<string, AnyState>([...stock.states, ...orders.states]);
  for (const { key, reader } of readers) await compareRecovery(key, reader, states, limits, partitions, violations);
  await compareRows(medium.rows.filter(ofRegion), [...stock.events, ...orders.events], violations);
  return { placement, lanes, stock, orders };
}
