// Rebuilds a lane's actors from its journal, twice where it can: from the older snapshot (or from the first record)
// and from the newest, each with the records behind it, in one pass over the journal. Both must come to the same
// bytes (I7), the chain must be whole (I8), and every actor must hold its invariants (I1, I2).
import { ByteReader } from '../../core/index.ts';
import { GENESIS_CHECKSUM, JournalCorrupt } from '../../journal/batch.ts';
import type { LaneReader, SnapshotManifest } from '../../journal/port.ts';
import { readVerified } from '../../journal/verify.ts';
import { partitionOfKey } from '../../shell/keys.ts';
import { kindOf, kindOfRecord } from '../../shell/kind-table.ts';
import { decodeLaneRecord, type LaneRecord } from '../../shell/lane-records.ts';
import { messageOf } from '../exit.ts';
import { type Applied, requestOf } from './commands.ts';
import { type ActorImage, HistoryGap } from './image.ts';
import { KINDS } from './kinds.ts';
import { type LaneIdentity, LaneImage, type Opening, type Sealing } from './lane-image.ts';
import type { DifferenceSink } from './report.ts';

/** The lane was trimmed while it was read: a newer snapshot took over. Begin again. */
export class LaneMoved extends Error {
  override readonly name = 'LaneMoved';
}

export interface Rebuilt {
  readonly lane: string;
  readonly reader: LaneReader;
  /** Takes what is found in this lane. */
  readonly differences: DifferenceSink;
  /** The lane from the older snapshot, or from the first record. */
  readonly image: LaneImage;
  readonly snapshots: readonly SnapshotManifest[];
  /** As of when actors of different lanes are compared, ms; later than any row was packed. */
  readonly asOf: number;
  /** The hand-offs of which the records were read, in order. */
  readonly sealings: Sealing[];
  readonly openings: Opening[];
  epoch: number;
  lastSeq: number;
  checksum: number;
  batches: number;
  records: number;
}

/** @throws LaneMoved when the records needed were trimmed meanwhile */
export async function rebuild(
  reader: LaneReader,
  identity: LaneIdentity,
  differences: DifferenceSink,
  asOf: number,
): Promise<Rebuilt> {
  const snapshots = await reader.snapshots();
  const [newest, older] = snapshots;
  const rebuilt = await begin(reader, identity, older, { snapshots, differences, asOf });
  const { image } = rebuilt;
  const fromNewest = newest === undefined ? undefined : await LaneImage.load(reader, identity, newest, differences);
  await readLane(rebuilt, { alsoTo: fromNewest });
  if (fromNewest !== undefined) {
    compareTables(image, fromNewest, newest as SnapshotManifest, differences);
    compareImages(image.actors, fromNewest.actors, newest as SnapshotManifest, differences);
  }
  assertActors(image.actors, differences);
  return rebuilt;
}

/** The lane as it is now, from its newest snapshot alone, with nothing compared. @throws LaneMoved as rebuild */
export async function readNewest(
  reader: LaneReader,
  identity: LaneIdentity,
  differences: DifferenceSink,
  asOf: number,
): Promise<Rebuilt> {
  const snapshots = await reader.snapshots();
  const rebuilt = await begin(reader, identity, snapshots[0], { snapshots, differences, asOf });
  await readLane(rebuilt, {});
  return rebuilt;
}

/** The lane as a snapshot has it, or before its first record. */
async function begin(
  reader: LaneReader,
  identity: LaneIdentity,
  from: SnapshotManifest | undefined,
  { snapshots, differences, asOf }: Pick<Rebuilt, 'snapshots' | 'differences' | 'asOf'>,
): Promise<Rebuilt> {
  return {
    lane: identity.lane,
    reader,
    differences,
    image: await LaneImage.load(reader, identity, from, differences),
    snapshots,
    asOf,
    sealings: [],
    openings: [],
    epoch: 0,
    lastSeq: from?.coveredSeq ?? 0,
    checksum: from?.checksum ?? GENESIS_CHECKSUM,
    batches: 0,
    records: 0,
  };
}

function assertActors(image: ActorImage, differences: DifferenceSink): void {
  for (const sku of image.skus()) {
    try {
      const state = image.state(sku);
      if (state !== undefined) kindOf(KINDS, sku).assertDeep(state);
    } catch (error) {
      const check = 'invariants (I1, I2)';
      differences.add({
        check,
        sku,
        seq: seqOf(error),
        expected: 'all invariants of the actor',
        found: messageOf(error),
      });
    }
  }
}

/**
 * Applies the records that were written since the lane was read. `applied` is told of every actor a record touched.
 * @throws LaneMoved also when a partition was handed over meanwhile: which lane has what is then to be read anew
 */
export function readOn(rebuilt: Rebuilt, applied?: (sku: string) => void): Promise<void> {
  return readLane(rebuilt, {
    applied,
    handedOver: ({ partition }) => {
      throw new LaneMoved(`partition ${partition} was handed over while the lanes were read`);
    },
  });
}

interface ReadingOptions {
  readonly alsoTo?: LaneImage | undefined;
  readonly applied?: ((sku: string) => void) | undefined;
  /** Told of a record that changes the table, before it is applied. */
  readonly handedOver?: (record: LaneRecord) => void;
}

/** Applies the records behind rebuilt.lastSeq and moves it on. @throws LaneMoved */
async function readLane(rebuilt: Rebuilt, { alsoTo, applied, handedOver }: ReadingOptions): Promise<void> {
  const { reader, image, differences } = rebuilt;
  const images = alsoTo === undefined ? [image] : [image, alsoTo];
  const { partitions } = image.table;
  try {
    for await (const batch of readVerified(reader, rebuilt.lastSeq + 1, rebuilt.checksum)) {
      const records = new ByteReader(batch.records);
      const epochOf = (sku: string): number => image.table.epochOf(partitionOfKey(sku, partitions), batch.epoch);
      const behind = images.filter(({ coveredSeq }) => batch.lastSeq > coveredSeq);
      for (let i = 0; i < batch.count; i++) {
        const journalSeq = batch.firstSeq + i;
        const kind = kindOfRecord(KINDS, records);
        if (kind !== undefined) {
          const { key, seq, event } = kind.decode(records, epochOf);
          for (const to of behind) applyEvent(to, key, seq, event, journalSeq, differences);
          applied?.(key);
        } else {
          const record = decodeLaneRecord(records);
          if (record.type !== 'staged') handedOver?.(record);
          applyLaneRecord(rebuilt, behind, record, journalSeq);
        }
      }
      rebuilt.epoch = batch.epoch;
      rebuilt.lastSeq = batch.lastSeq;
      rebuilt.checksum = batch.checksum;
      rebuilt.batches += 1;
      rebuilt.records += batch.count;
    }
  } catch (error) {
    if (error instanceof LaneMoved) throw error;
    const older = (await reader.snapshots())[1];
    if ((older?.coveredSeq ?? 0) > rebuilt.lastSeq) throw new LaneMoved('the journal was trimmed while it was read');
    if (!(error instanceof JournalCorrupt) && (error as Error).name !== 'CorruptRecord') throw error;
    const seq = error instanceof JournalCorrupt ? error.seq : rebuilt.lastSeq + 1;
    const expected = error instanceof JournalCorrupt ? error.expected : 'records that can be read';
    const found = error instanceof JournalCorrupt ? error.found : messageOf(error);
    differences.add({ check: 'journal (I8)', sku: undefined, seq, expected, found });
  }
}

function applyLaneRecord(
  { image, sealings, openings, differences, asOf }: Rebuilt,
  images: readonly LaneImage[],
  record: LaneRecord,
  journalSeq: number,
): void {
  const epochBefore = record.type === 'opened' ? epochIn(image, record.partition) : 0;
  for (const to of images) to.apply(record, journalSeq, differences);
  if (!images.includes(image)) return;
  const { partition } = record;
  if (record.type === 'sealed') {
    sealings.push({ partition, epoch: record.epoch, toLane: record.toLane, cargo: image.cargo(partition, asOf) });
  } else if (record.type === 'opened') {
    openings.push({ partition, epoch: record.epoch, epochBefore, cargo: image.cargo(partition, asOf) });
  }
}

function epochIn({ table }: LaneImage, partition: number): number {
  return partition < table.partitions ? table.row(partition).epoch : 0;
}

function applyEvent(
  { actors, table, commands }: LaneImage,
  sku: string,
  seq: number,
  event: Parameters<ActorImage['apply']>[2],
  journalSeq: number,
  differences: DifferenceSink,
): void {
  const { status } = table.row(partitionOfKey(sku, table.partitions));
  if (status !== 'open') {
    differences.add({
      check: 'hand-off (I9)',
      sku,
      seq,
      expected: `no ${event.type} record in a lane that does not have partition ${partitionOfKey(sku, table.partitions)} open`,
      found: `one at journal seq ${journalSeq}, where the partition is ${status}`,
    });
    return;
  }
  const requestId = requestOf(event);
  const broken = commands.before(sku, requestId);
  if (broken !== undefined) differences.add(violation(broken.of, broken.error));
  const { type } = event;
  try {
    const state = actors.apply(sku, seq, event);
    if (requestId !== undefined) commands.applied({ sku, seq, type, journalSeq, requestId, state });
  } catch (error) {
    if (!(error instanceof HistoryGap)) differences.add(violation({ sku, seq, type, journalSeq }, error));
    else {
      const expected = `seq ${error.expectedSeq}`;
      differences.add({ check: 'journal (I8)', sku, seq, expected, found: messageOf(error) });
    }
  }
}

function violation(
  { sku, seq, type, journalSeq }: Pick<Applied, 'sku' | 'seq' | 'type' | 'journalSeq'>,
  error: unknown,
) {
  return {
    check: 'invariants (I1, I2)' as const,
    sku,
    seq,
    expected: `a ${type} record (journal seq ${journalSeq}) that keeps the invariants`,
    found: messageOf(error),
  };
}

/** The clocks of the worker and of the audit may differ by so much, ms. */
export const CLOCK_SKEW_MS_MAX = 60_000;

/** What is forgotten of a partition that left is in no record, so it is left out. */
function compareTables(
  image: LaneImage,
  fromNewest: LaneImage,
  newest: SnapshotManifest,
  differences: DifferenceSink,
): void {
  for (let partition = 0; partition < image.table.partitions; partition++) {
    const [expected, found] = [image, fromNewest].map(({ table }) => {
      const { status, epoch, toLane } = table.row(partition);
      return `partition ${partition} ${status} in epoch ${epoch}${toLane === '' ? '' : ` for lane ${toLane}`}`;
    }) as [string, string];
    if (expected === found) continue;
    const seq = newest.coveredSeq;
    differences.add({
      check: 'snapshots (I7)',
      sku: undefined,
      seq,
      expected: `${expected} (older snapshot and its records)`,
      found: `${found} (snapshot ${newest.slot} and its records)`,
    });
  }
}

function compareImages(
  image: ActorImage,
  fromNewest: ActorImage,
  newest: SnapshotManifest,
  differences: DifferenceSink,
): void {
  // Later than any row was packed, so that both sides have forgotten the same.
  const asOf = Math.max(Date.now(), newest.at) + CLOCK_SKEW_MS_MAX;
  const differ = (sku: string, expected: string, found: string): void =>
    differences.add({ check: 'snapshots (I7)', sku, seq: stateSeq(image, sku), expected, found });
  const read = (from: ActorImage, sku: string): Uint8Array | string => {
    try {
      return from.bytes(sku, asOf) ?? 'no such actor';
    } catch (error) {
      return messageOf(error);
    }
  };
  for (const sku of new Set([...image.skus(), ...fromNewest.skus()])) {
    const untouched = image.row(sku);
    const newer = fromNewest.row(sku);
    if (untouched !== undefined && newer !== undefined && Buffer.compare(untouched, newer) === 0) continue;
    const expected = read(image, sku);
    const found = read(fromNewest, sku);
    if (expected instanceof Uint8Array && found instanceof Uint8Array && Buffer.compare(expected, found) === 0)
      continue;
    differ(
      sku,
      `${brief(expected)} (older snapshot and its records)`,
      `${brief(found)} at seq ${stateSeq(fromNewest, sku)} (snapshot ${newest.slot} and its records)`,
    );
  }
}

function stateSeq(image: ActorImage, sku: string): number {
  try {
    return image.state(sku)?.seq ?? 0;
  } catch {
    return 0;
  }
}

function seqOf(error: unknown): number {
  const seq = (error as { seq?: unknown }).seq;
  return typeof seq === 'number' ? seq : 0;
}

function brief(read: Uint8Array | string): string {
  if (typeof read === 'string') return read;
  const hexText = Buffer.from(read).toString('hex');
  return `${read.length} bytes ${hexText.length > 64 ? `${hexText.slice(0, 64)}…` : hexText}`;
}
