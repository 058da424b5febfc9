// From the store to a directory of actors: snapshot rows, then the journal's tail over them (I7).
import { ByteReader, decodeEvent, evolve, isEvent, unpack } from '../core/index.ts';
import { GENESIS_CHECKSUM, JournalCorrupt } from '../journal/batch.ts';
import type { Lane, LaneReader, SnapshotManifest } from '../journal/port.ts';
import { readVerified } from '../journal/verify.ts';
import { Fenced } from './committer.ts';
import type { ActorDirectory } from './directory.ts';
import type { LanePartitions } from './lane-partitions.ts';
import { decodeLaneRecord, type LaneRecord } from './lane-records.ts';
import type { ShellLimits } from './limits.ts';
import type { TimerWheel } from './wheel.ts';

export interface Recovered {
  /** The last seq of the journal and its chained checksum. */
  readonly lastSeq: number;
  readonly checksum: number;
  /** The greatest epoch that was read; 0 when there was nothing to read. */
  readonly epoch: number;
  /** The snapshots that are whole, newest first. */
  readonly manifests: readonly SnapshotManifest[];
  readonly rows: number;
  readonly replayed: number;
}

export interface RecoveryTarget {
  readonly directory: ActorDirectory;
  readonly partitions: LanePartitions;
  readonly wheel: TimerWheel;
  readonly limits: ShellLimits;
  readonly progress: (text: string) => void;
}

/**
 * Fills the directory from the newest readable snapshot and the tail behind it.
 * @throws JournalCorrupt when neither snapshot and its tail are whole
 */
export async function recover(lane: LaneReader, target: RecoveryTarget): Promise<Recovered> {
  const { directory, progress } = target;
  let manifests = await lane.snapshots();
  const [newest, older] = manifests;
  let rows = 0;
  // Up to here the journal was trimmed; with one snapshot, or none, it is whole.
  const trimmed = older;
  if (newest !== undefined) {
    try {
      rows = await loadRows(lane, newest, target);
    } catch (error) {
      if (older === undefined || !isCorrupt(error)) throw error;
      progress(`snapshot ${newest.slot} at seq ${newest.coveredSeq} is damaged (${message(error)}); using the older`);
      directory.clear();
      rows = await loadRows(lane, older, target);
      directory.markAllChanged();
      manifests = [older];
    }
  }
  const tail = await replayTail(lane, manifests[0]?.coveredSeq ?? 0, trimmed, target);
  return { ...tail, manifests, rows };
}

/**
 * As recover, of a lane that was just acquired. A process that was stopped meanwhile may have read what a successor wrote
 * since, and would go on from there; or miss what the successor has trimmed, and call that a damaged journal.
 * @throws Fenced when the lane was taken over meanwhile
 */
export async function recoverOwned(lane: Lane, target: RecoveryTarget): Promise<Recovered> {
  const fenced = (epoch: number): Error =>
    new Fenced(`epoch ${lane.epoch} was taken over during its recovery: epoch ${epoch} owns the lane now`);
  try {
    const recovered = await recover(lane, target);
    if (recovered.epoch > lane.epoch) throw fenced(recovered.epoch);
    return recovered;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const owner = await lane.ownership();
    throw owner === undefined || owner.epoch === lane.epoch ? error : fenced(owner.epoch);
  }
}

async function loadRows(lane: LaneReader, manifest: SnapshotManifest, target: RecoveryTarget): Promise<number> {
  const { directory, partitions, wheel, limits, progress } = target;
  let rows = 0;
  let said = 0;
  partitions.table.load(manifest.partitions);
  for await (const chunk of lane.rows(manifest.slot)) {
    for (const { partition, sku, bytes } of chunk) {
      // What left before the snapshot may still have rows; they are forgotten once both snapshots are past it.
      if (partitions.table.row(partition).status === 'elsewhere') continue;
      // Unpacking verifies the row's checksum and tells when its first reservation expires.
      const state = unpack(bytes);
      directory.count(partition, state.nodes.length, state.reservations.live);
      if (state.pool !== undefined) directory.notePooled(sku);
      const nextAt = state.expiries.nextAt();
      if (nextAt !== Number.POSITIVE_INFINITY) wheel.schedule(sku, nextAt);
      if (rows < limits.packedActorsMax) directory.admitRow(sku, bytes);
      else directory.admitPassivated(sku, manifest.slot);
      rows += 1;
    }
    if (rows - said >= 250_000) {
      said = rows;
      progress(`${rows} of ${manifest.actors} actors loaded`);
    }
  }
  return rows;
}

/**
 * Reads from behind the older snapshot, though only what is behind the newest is replayed: what changed between
 * the two is missing in the older one's slot, and must be written there by the next round.
 */
async function replayTail(
  lane: LaneReader,
  coveredSeq: number,
  trimmed: SnapshotManifest | undefined,
  target: RecoveryTarget,
): Promise<Pick<Recovered, 'lastSeq' | 'checksum' | 'epoch' | 'replayed'>> {
  const { directory, partitions, progress } = target;
  let lastSeq = trimmed?.coveredSeq ?? 0;
  let checksum = trimmed?.checksum ?? GENESIS_CHECKSUM;
  let epoch = 0;
  let replayed = 0;
  let said = 0;
  for await (const batch of readVerified(lane, lastSeq + 1, checksum)) {
    const reader = new ByteReader(batch.records);
    lastSeq = batch.lastSeq;
    checksum = batch.checksum;
    epoch = batch.epoch;
    partitions.laneEpoch = epoch;
    for (let i = 0; i < batch.count; i++) {
      if (!isEvent(reader)) {
        const record = decodeLaneRecord(reader);
        if (lastSeq > coveredSeq) replayLaneRecord(record, batch.firstSeq + i, target);
        // An actor that arrived is a change like an event: the older one's slot does not have it.
        else if (record.type === 'staged') directory.markChanged(record.sku, record.partition);
        continue;
      }
      const record = decodeEvent(reader, partitions.epochOfSku);
      if (lastSeq <= coveredSeq) directory.markChanged(record.sku);
      else if (await replay(lane, record, target)) replayed += 1;
    }
    if (replayed - said >= 1_000_000) {
      said = replayed;
      progress(`${replayed} records replayed`);
    }
  }
  if (lastSeq < coveredSeq) {
    throw new JournalCorrupt(
      coveredSeq,
      `a journal that reaches the snapshot's seq ${coveredSeq}`,
      `one that ends at ${lastSeq}`,
    );
  }
  return { lastSeq, checksum, epoch, replayed };
}

function replayLaneRecord(record: LaneRecord, seq: number, { directory, partitions, wheel }: RecoveryTarget): void {
  if (record.type === 'staged') {
    partitions.stage(record.partition, record.moveId, record.sku, record.bytes);
    return;
  }
  partitions.apply(record, seq);
  if (record.type === 'opened') partitions.admit(record, directory, wheel);
  else if (record.type === 'left') directory.dropPartition(record.partition);
}

/** Applies one record; false when the actor's row already contained it. */
async function replay(
  lane: LaneReader,
  record: ReturnType<typeof decodeEvent>,
  target: RecoveryTarget,
): Promise<boolean> {
  const { directory, wheel } = target;
  const { sku, seq, event } = record;
  let actor = directory.find(sku);
  if (typeof actor === 'string') {
    const bytes = await lane.row(actor, directory.partitionOf(sku), sku);
    if (bytes === undefined) throw new JournalCorrupt(seq, `a row of ${sku} in snapshot ${actor}`, 'none');
    directory.admitRow(sku, bytes);
    actor = directory.find(sku);
  }
  if (typeof actor !== 'object') {
    actor = directory.draft(sku);
    directory.keep(actor);
  }
  directory.markChanged(sku);
  const { state } = actor;
  if (seq <= state.seq) return false;
  if (seq !== state.seq + 1) {
    throw new JournalCorrupt(seq, `event ${state.seq + 1} of ${sku}`, `event ${seq}`);
  }
  const nodesBefore = state.nodes.length;
  const liveBefore = state.reservations.live;
  evolve(state, event);
  if (event.type === 'pooled') directory.notePooled(sku);
  directory.count(actor.partition, state.nodes.length - nodesBefore, state.reservations.live - liveBefore);
  const nextAt = state.expiries.nextAt();
  if (nextAt < actor.wheelAt) {
    actor.wheelAt = nextAt;
    wheel.schedule(sku, nextAt);
  }
  directory.cool(Number.POSITIVE_INFINITY, 2);
  return true;
}

function isCorrupt(error: unknown): boolean {
  return error instanceof Error && (error.name === 'CorruptRecord' || error.name === 'JournalCorrupt');
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
