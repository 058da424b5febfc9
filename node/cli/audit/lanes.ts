// The lanes of a region, read one after the other as of one moment.
import { type JournalStore, type LaneReader, type Ownership, RegionUnknown } from '../../journal/port.ts';
import type { LaneIdentity } from './lane-image.ts';
import { CLOCK_SKEW_MS_MAX, type Rebuilt } from './rebuild.ts';
import type { DifferenceSink, Differences } from './report.ts';

export interface LanesOptions {
  readonly store: JournalStore;
  readonly region: string;
  /** Called with the last owner of each lane before anything is read. */
  readonly checkOwners?: (ownerships: readonly Ownership[]) => Promise<void>;
}

export interface Lanes {
  readonly lanes: readonly Rebuilt[];
  readonly partitions: number;
  readonly ownerships: readonly Ownership[];
}

/**
 * @param read how one lane is read
 * @throws RegionUnknown, and LaneMoved where what is to be read was trimmed meanwhile
 */
export async function readLanes(
  { store, region, checkOwners }: LanesOptions,
  read: (reader: LaneReader, identity: LaneIdentity, differences: DifferenceSink, asOf: number) => Promise<Rebuilt>,
  differences: Differences,
): Promise<Lanes> {
  const names = await store.lanes(region);
  if (names.length === 0) throw new RegionUnknown(`no lane of region ${region} in this store`);
  const readers = await Promise.all(names.map(async (lane) => ({ lane, reader: await store.reader(region, lane) })));
  const ownerships = (await Promise.all(readers.map(({ reader }) => reader.ownership()))).filter(
    (ownership) => ownership !== undefined,
  );
  await checkOwners?.(ownerships);
  // One moment for all lanes: their rows are compared with each other's.
  const asOf = Date.now() + CLOCK_SKEW_MS_MAX;
  const lanes: Rebuilt[] = [];
  let partitions = 0;
  for (const { lane, reader } of readers) {
    ({ partitions } = reader.layout);
    const sink = names.length === 1 ? differences : differences.inLane(lane);
    lanes.push(await read(reader, { lane, partitions }, sink, asOf));
  }
  return { lanes, partitions, ownerships };
}
