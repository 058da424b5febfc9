// From the store to a directory of actors: snapshot rows, then the journal's tail over them (I7).
import { ByteReader, decodeEvent, evolve, isEvent, nextDueAt } from '../core/index.ts';
import { GENESIS_CHECKSUM, JournalCorrupt } from '../journal/batch.ts';
import type { Lane, LaneReader, SnapshotManifest, SnapshotSlot } from '../journal/port.ts';
import { readVerified } from '../journal/verify.ts';
import { type Arrivals, noteArrival } from './arrivals.ts';
import { Fenced } from './committer.ts';
import type { ActorDirectory } from './directory.ts';
import { nameOfKey } from './keys.ts';
import { kindOf, kindOfRecord } from './kind-table.ts';
import type { ActorRecord } from './kinds.ts';
import type { LanePartitions } from './lane-partitions.ts';
import { decodeLaneRecord, type LaneRecord } from './lane-records.ts';
import type { ShellLimits } from './limits.ts';
import type { OrderRecord } from './orders/order-kind.ts';
import { changeOrder } from './orders/task-changes.ts';
import { wholeRow, wholeRows } from './snapshot-rows.ts';

export interface Recovered {
  /** The last seq of the journal and its chained checksum. */
  readonly lastSeq: number;
  readonly checksum: number;
  /** The greatest epoch that was read in the tail; 0 when there was nothing to read. */
  readonly epoch: number;
  /** The snapshots that are whole, newest first. */
  readonly manifests: readonly SnapshotManifest[];
  /** All actors are marked as changed, since the other slot is damaged: nothing is to be found out about what it lacks. */
  readonly isAllDue: boolean;
  readonly rows: number;
  readonly replayed: number;
}

export interface RecoveryTarget extends Arrivals {
  readonly partitions: LanePartitions;
  readonly limits: ShellLimits;
  readonly progress: (text: string) => void;
  /** Called now and then, to leave the turn to others: who takes a lane over is serving another meanwhile. */
  readonly turn: () => Promise<void>;
}

/** Records between two calls of `turn`: a fraction of a millisecond's work. */
const RECORDS_PER_TURN = 128;
/** What each event of an order counts for on the clock by which idle ones are packed, ms: some thousand are hot. */
const ORDER_MS = 1;
/** Bytes of rows that take as long as a record. */
const BYTES_PER_RECORD = 512;

/**
 * Fills the directory from the newest readable snapshot and the tail behind it.
 * @throws JournalCorrupt when neither snapshot and its tail are whole
 */
export async function recover(lane: LaneReader, target: RecoveryTarget): Promise<Recovered> {
  const { directory, progress } = target;
  let manifests = await lane.snapshots();
  const [newest, older] = manifests;
  let rows = 0;
  let isAllDue = false;
  if (newest !== undefined) {
    try {
      rows = await loadRows(lane, newest, target);
    } catch (error) {
      if (older === undefined || !isCorrupt(error)) throw error;
      progress(`snapshot ${newest.slot} at seq ${newest.coveredSeq} is damaged (${message(error)}); using the older`);
      directory.clear();
      rows = await loadRows(lane, older, target);
      directory.markAllChanged();
      isAllDue = true;
      manifests = [older];
    }
  }
  const tail = await replayTail(lane, manifests[0], target);
  return { ...tail, manifests, isAllDue, rows };
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
    // Asked also when no later epoch was read: a successor's snapshot may leave no tail to tell of it.
    const owner = await lane.ownership();
    const epoch = Math.max(recovered.epoch, owner?.epoch ?? 0);
    if (epoch > lane.epoch) throw fenced(epoch);
    return recovered;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const owner = await lane.ownership();
    throw owner === undefined || owner.epoch === lane.epoch ? error : fenced(owner.epoch);
  }
}

async function loadRows(lane: LaneReader, manifest: SnapshotManifest, target: RecoveryTarget): Promise<number> {
  const { directory, partitions, limits, progress, turn } = target;
  let rows = 0;
  let said = 0;
  let sinceTurn = 0;
  partitions.table.load(manifest.partitions);
  for await (const chunk of wholeRows(lane, manifest.slot)) {
    for (const { partition, sku, bytes } of chunk) {
      // What left before the snapshot may still have rows; they are forgotten once both snapshots are past it.
      if (partitions.table.row(partition).status === 'elsewhere') continue;
      noteArrival(sku, partition, kindOf(directory.kinds, sku).summarise(bytes), target);
      if (rows < limits.packedActorsMax && directory.keepsInMemory(sku, bytes)) directory.admitRow(sku, bytes);
      else directory.admitPassivated(sku, manifest.slot);
      rows += 1;
      sinceTurn += 1 + bytes.length / BYTES_PER_RECORD;
      if (sinceTurn < RECORDS_PER_TURN) continue;
      sinceTurn = 0;
      await turn();
    }
    if (rows - said >= 250_000) {
      said = rows;
      progress(`${rows} of ${manifest.actors} actors loaded`);
    }
  }
  return rows;
}

/** Applies all that is behind the snapshot. */
async function replayTail(
  lane: LaneReader,
  snapshot: SnapshotManifest | undefined,
  target: RecoveryTarget,
): Promise<Pick<Recovered, 'lastSeq' | 'checksum' | 'epoch' | 'replayed'>> {
  const { directory, partitions, progress, turn } = target;
  let lastSeq = snapshot?.coveredSeq ?? 0;
  let checksum = snapshot?.checksum ?? GENESIS_CHECKSUM;
  let epoch = 0;
  let replayed = 0;
  let said = 0;
  let sinceTurn = 0;
  // The partition of the record that is read, worked out once.
  let partition = 0;
  const epochOf = (sku: string): number => {
    partition = directory.partitionOf(sku);
    return partitions.epochOf(partition);
  };
  for await (const batch of readVerified(lane, lastSeq + 1, checksum)) {
    const reader = new ByteReader(batch.records);
    lastSeq = batch.lastSeq;
    checksum = batch.checksum;
    epoch = batch.epoch;
    partitions.laneEpoch = epoch;
    for (let i = 0; i < batch.count; i++) {
      if (isEvent(reader)) {
        const record = decodeEvent(reader, epochOf);
        const slot = directory.passivatedIn(record.sku, partition);
        if (slot !== undefined) await load(lane, slot, record.sku, record.seq, directory);
        if (replay(record, partition, target)) replayed += 1;
      } else if (kindOfRecord(directory.kinds, reader) === undefined) {
        replayLaneRecord(decodeLaneRecord(reader), batch.firstSeq + i, target);
        continue;
      } else {
        const record = directory.kinds.order.decode(reader, epochOf);
        const slot = directory.passivatedIn(record.key);
        if (slot !== undefined) await load(lane, slot, record.key, record.seq, directory);
        if (replayOrder(record, target)) replayed += 1;
      }
      sinceTurn += 1;
      if (sinceTurn < RECORDS_PER_TURN) continue;
      sinceTurn = 0;
      await turn();
    }
    if (replayed - said >= 1_000_000) {
      said = replayed;
      progress(`${replayed} records replayed`);
    }
  }
  return { lastSeq, checksum, epoch, replayed };
}

/**
 * Marks what changed between the two snapshots: the next round writes over the older one, and that does not have it.
 * Not needed to serve, so it is read when the first round begins; the journal is not trimmed before.
 * @param turn called now and then; what it returns is waited for
 * @throws JournalCorrupt, StoreUnavailable
 */
export async function markChangedBetween(
  lane: LaneReader,
  [newest, older]: readonly SnapshotManifest[],
  directory: ActorDirectory,
  turn: () => Promise<void>,
): Promise<void> {
  if (newest === undefined) return;
  const isUnversioned = (): number => 0;
  let sinceTurn = 0;
  for await (const batch of readVerified(lane, (older?.coveredSeq ?? 0) + 1, older?.checksum ?? GENESIS_CHECKSUM)) {
    if (batch.firstSeq > newest.coveredSeq) return;
    const reader = new ByteReader(batch.records);
    for (let i = 0; i < batch.count; i++) {
      const kind = kindOfRecord(directory.kinds, reader);
      if (kind !== undefined) {
        const { key } = kind.decode(reader, isUnversioned);
        directory.changes.mark(key, directory.partitionOf(key));
      } else {
        // An actor that arrived is a change like an event.
        const record = decodeLaneRecord(reader);
        if (record.type === 'staged') directory.changes.mark(record.sku, record.partition);
      }
    }
    sinceTurn += batch.count;
    if (sinceTurn < RECORDS_PER_TURN) continue;
    sinceTurn = 0;
    await turn();
  }
}

function replayLaneRecord(record: LaneRecord, seq: number, target: RecoveryTarget): void {
  const { directory, partitions } = target;
  if (record.type === 'staged') {
    partitions.stage(record.partition, record.moveId, record.sku, record.bytes);
    return;
  }
  partitions.apply(record, seq);
  if (record.type === 'opened') partitions.admit(record, target);
  else if (record.type === 'left') directory.dropPartition(record.partition);
}

/** The actor of a record that is only in a snapshot's row. */
async function load(lane: LaneReader, slot: SnapshotSlot, sku: string, seq: number, directory: ActorDirectory) {
  const bytes = await wholeRow(lane, slot, directory.partitionOf(sku), sku);
  if (bytes === undefined) throw new JournalCorrupt(seq, `a row of ${nameOfKey(sku)} in snapshot ${slot}`, 'none');
  directory.admitRow(sku, bytes);
}

/** Applies one record to an actor that is in memory, or new; false when its row already contained it. */
function replay(record: ReturnType<typeof decodeEvent>, partition: number, target: RecoveryTarget): boolean {
  const { directory, wheel } = target;
  const { sku, seq, event } = record;
  let actor = directory.find(sku, partition);
  if (typeof actor !== 'object') {
    actor = directory.draft(sku);
    directory.keep(actor);
  }
  directory.changes.note(actor);
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
  const nextAt = nextDueAt(state);
  if (nextAt < actor.wheelAt) {
    actor.wheelAt = nextAt;
    wheel.schedule(sku, nextAt);
  }
  directory.cool(Number.POSITIVE_INFINITY, 2);
  return true;
}

/** As replay, of an order. */
function replayOrder(record: ActorRecord<OrderRecord>, { directory, board }: RecoveryTarget): boolean {
  const { key, seq, event } = record;
  let actor = directory.findOrder(key);
  if (typeof actor !== 'object') {
    actor = directory.draftOrder(key);
    directory.keepOrder(actor);
  }
  directory.changes.note(actor);
  const { state } = actor;
  if (seq <= state.seq) return false;
  if (seq !== state.seq + 1)
    throw new JournalCorrupt(seq, `event ${state.seq + 1} of ${nameOfKey(key)}`, `event ${seq}`);
  const { order } = directory.kinds;
  changeOrder(order, board, state, () => order.evolve(state, event));
  directory.coolOrders(Number.POSITIVE_INFINITY, ORDER_MS);
  return true;
}

/** Whether what was read is damaged. */
export function isCorrupt(error: unknown): boolean {
  return error instanceof Error && (error.name === 'CorruptRecord' || error.name === 'JournalCorrupt');
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
