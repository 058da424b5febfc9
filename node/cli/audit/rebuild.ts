// Rebuilds a lane's actors from its journal, twice where it can: from the older snapshot (or from the first record)
// and from the newest, each with the records behind it, in one pass over the journal. Both must come to the same
// bytes (I7), the chain must be whole (I8), and every actor must hold its invariants (I1, I2).
import { assertDeep, ByteReader, decodeEvent } from '../../core/index.ts';
import { GENESIS_CHECKSUM, JournalCorrupt } from '../../journal/batch.ts';
import type { LaneReader, SnapshotManifest } from '../../journal/port.ts';
import { readVerified } from '../../journal/verify.ts';
import { messageOf } from '../exit.ts';
import { ActorImage, HistoryGap } from './image.ts';
import type { Differences } from './report.ts';

/** The lane was trimmed while it was read: a newer snapshot took over. Begin again. */
export class LaneMoved extends Error {
  override readonly name = 'LaneMoved';
}

export interface Rebuilt {
  /** The actors from the older snapshot, or from the first record. */
  readonly image: ActorImage;
  readonly snapshots: readonly SnapshotManifest[];
  epoch: number;
  lastSeq: number;
  checksum: number;
  batches: number;
  records: number;
}

/** @throws LaneMoved when the records needed were trimmed meanwhile */
export async function rebuild(reader: LaneReader, differences: Differences): Promise<Rebuilt> {
  const snapshots = await reader.snapshots();
  const [newest, older] = snapshots;
  const image = await ActorImage.load(reader, older);
  const fromNewest = newest === undefined ? undefined : await ActorImage.load(reader, newest);
  const rebuilt: Rebuilt = {
    image,
    snapshots,
    epoch: 0,
    lastSeq: older?.coveredSeq ?? 0,
    checksum: older?.checksum ?? GENESIS_CHECKSUM,
    batches: 0,
    records: 0,
  };
  await readOn(reader, rebuilt, differences, fromNewest);
  if (fromNewest !== undefined) compareImages(image, fromNewest, newest as SnapshotManifest, differences);
  for (const sku of image.skus()) {
    try {
      const state = image.state(sku);
      if (state !== undefined) assertDeep(state);
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
  return rebuilt;
}

/**
 * Applies the records behind rebuilt.lastSeq and moves it on. `applied` is told of every actor a record touched.
 * @throws LaneMoved
 */
export async function readOn(
  reader: LaneReader,
  rebuilt: Rebuilt,
  differences: Differences,
  alsoTo?: ActorImage,
  applied?: (sku: string) => void,
): Promise<void> {
  const images = alsoTo === undefined ? [rebuilt.image] : [rebuilt.image, alsoTo];
  try {
    for await (const batch of readVerified(reader, rebuilt.lastSeq + 1, rebuilt.checksum)) {
      const records = new ByteReader(batch.records);
      for (let i = 0; i < batch.count; i++) {
        const { sku, seq, event } = decodeEvent(records, () => batch.epoch);
        for (const image of images) {
          if (batch.lastSeq > image.coveredSeq) applyRecord(image, sku, seq, event, batch.firstSeq + i, differences);
        }
        applied?.(sku);
      }
      rebuilt.epoch = batch.epoch;
      rebuilt.lastSeq = batch.lastSeq;
      rebuilt.checksum = batch.checksum;
      rebuilt.batches += 1;
      rebuilt.records += batch.count;
    }
  } catch (error) {
    const older = (await reader.snapshots())[1];
    if ((older?.coveredSeq ?? 0) > rebuilt.lastSeq) throw new LaneMoved('the journal was trimmed while it was read');
    if (!(error instanceof JournalCorrupt) && (error as Error).name !== 'CorruptRecord') throw error;
    const seq = error instanceof JournalCorrupt ? error.seq : rebuilt.lastSeq + 1;
    const expected = error instanceof JournalCorrupt ? error.expected : 'records that can be read';
    const found = error instanceof JournalCorrupt ? error.found : messageOf(error);
    differences.add({ check: 'journal (I8)', sku: undefined, seq, expected, found });
  }
}

function applyRecord(
  image: ActorImage,
  sku: string,
  seq: number,
  event: Parameters<ActorImage['apply']>[2],
  journalSeq: number,
  differences: Differences,
): void {
  try {
    image.apply(sku, seq, event);
  } catch (error) {
    const isGap = error instanceof HistoryGap;
    differences.add({
      check: isGap ? 'journal (I8)' : 'invariants (I1, I2)',
      sku,
      seq,
      expected: isGap
        ? `seq ${error.expectedSeq}`
        : `a ${event.type} record (journal seq ${journalSeq}) that keeps the invariants`,
      found: messageOf(error),
    });
  }
}

/** The clocks of the worker and of the audit may differ by so much, ms. */
const CLOCK_SKEW_MS_MAX = 60_000;

function compareImages(
  image: ActorImage,
  fromNewest: ActorImage,
  newest: SnapshotManifest,
  differences: Differences,
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
