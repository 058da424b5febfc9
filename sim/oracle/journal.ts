// Reads what the store holds at the end, three ways that must agree byte for byte: every batch that ever landed,
// replayed from the first (the archive); the production recovery, from snapshot and tail; and the snapshot rows that
// owners wrote from their live state (I7). The chain is verified on the way (I8).

import type { InventoryEvent, InventoryState } from '../../node/core/index.ts';
import { assertDeep, ByteReader, createState, decodeEvent, evolve, isEvent } from '../../node/core/index.ts';
import { GENESIS_CHECKSUM } from '../../node/journal/batch.ts';
import type { JournalBatch, LaneReader, SnapshotSlot } from '../../node/journal/port.ts';
import { readVerified } from '../../node/journal/verify.ts';
import { ActorDirectory } from '../../node/shell/directory.ts';
import { isOrderKey } from '../../node/shell/keys.ts';
import { type AnyEvent, type AnyState, kindOf } from '../../node/shell/kind-table.ts';
import { LanePartitions } from '../../node/shell/lane-partitions.ts';
import { decodeLaneRecord } from '../../node/shell/lane-records.ts';
import type { ShellLimits } from '../../node/shell/limits.ts';
import type { HostedOrder } from '../../node/shell/orders/hosted-order.ts';
import type { OrderRecord } from '../../node/shell/orders/order-kind.ts';
import { TaskBoard } from '../../node/shell/orders/task-board.ts';
import { recover } from '../../node/shell/recovery.ts';
import { isPart, wholeRow } from '../../node/shell/snapshot-rows.ts';
import { TimerWheel } from '../../node/shell/wheel.ts';
import type { LandedRow } from '../kernel/medium.ts';
import { KINDS, packed, unpacked } from '../kinds.ts';
import type { Violation } from './history.ts';

export interface JournaledEvent {
  readonly sku: string;
  readonly seq: number;
  readonly event: InventoryEvent;
  /** The lane that holds it, as `region/lane`, and its seq there. */
  readonly lane: string;
  readonly journalSeq: number;
}

/** An event of an order, as JournaledEvent. */
export interface JournaledOrderEvent extends Omit<JournaledEvent, 'event'> {
  readonly event: OrderRecord;
}

export interface Journal {
  /** All events that fit, actor by actor, in the order of their seqs. */
  readonly events: readonly JournaledEvent[];
  /** The actors that they make. */
  readonly states: ReadonlyMap<string, InventoryState>;
}

/**
 * Verifies one lane's archive, from its first batch to its last, and reads the events in it (I8).
 * @param orders takes the events of orders
 */
export async function readLane(
  name: string,
  lane: LaneReader,
  archive: readonly JournalBatch[],
  partitionCount: number,
  violations: Violation[],
  orders: JournaledOrderEvent[] = [],
): Promise<readonly JournaledEvent[]> {
  const events: JournaledEvent[] = [];
  const partitions = new LanePartitions(partitionCount, name.slice(name.indexOf('/') + 1), KINDS);
  const whole: LaneReader = {
    ownership: () => lane.ownership(),
    batches: async function* () {
      yield* archive;
    },
    snapshots: () => lane.snapshots(),
    rows: (slot) => lane.rows(slot),
    row: (slot, partition, sku) => lane.row(slot, partition, sku),
  };
  try {
    for await (const batch of readVerified(whole, 1, GENESIS_CHECKSUM)) {
      const reader = new ByteReader(batch.records);
      partitions.laneEpoch = batch.epoch;
      for (let i = 0; i < batch.count; i++) {
        const seq = batch.firstSeq + i;
        if (isEvent(reader)) {
          const { sku, seq: actorSeq, event } = decodeEvent(reader, partitions.epochOfSku);
          events.push({ sku, seq: actorSeq, event, lane: name, journalSeq: seq });
          continue;
        }
        if (reader.peek() >> 4 === KINDS.order.recordVersion) {
          const { key, seq: actorSeq, event } = KINDS.order.decode(reader, partitions.epochOfSku);
          orders.push({ sku: key, seq: actorSeq, event, lane: name, journalSeq: seq });
          continue;
        }
        const record = decodeLaneRecord(reader);
        if (record.type !== 'staged') partitions.apply(record, seq);
      }
    }
  } catch (error) {
    violations.push({ invariant: 'I8', text: error instanceof Error ? error.message : String(error) });
  }
  return events;
}

/**
 * The history of each actor over all lanes of the region, in the order of its own seqs: contiguous, under epochs that
 * never decrease (I8), and without a step that breaks the actor's invariants (I1, I2). Ends at what does not fit.
 */
export function replay(lanes: readonly (readonly JournaledEvent[])[], violations: Violation[]): Journal {
  const bySku = new Map<string, JournaledEvent[]>();
  for (const record of lanes.flat()) {
    const of = bySku.get(record.sku);
    if (of === undefined) bySku.set(record.sku, [record]);
    else of.push(record);
  }
  const events: JournaledEvent[] = [];
  const states = new Map<string, InventoryState>();
  for (const [sku, of] of bySku) {
    of.sort((left, right) => left.seq - right.seq);
    const state = createState(sku);
    states.set(sku, state);
    let epoch = 0;
    try {
      for (const record of of) {
        if (record.seq !== state.seq + 1) throw new Error(`${sku}: event ${record.seq} follows event ${state.seq}`);
        if (record.event.epoch < epoch) throw new Error(`${sku}: event ${record.seq} is of an epoch before ${epoch}`);
        epoch = record.event.epoch;
        evolve(state, record.event);
        events.push(record);
      }
      assertDeep(state);
    } catch (error) {
      violations.push({ invariant: 'I8', text: error instanceof Error ? error.message : String(error) });
    }
  }
  return { events, states };
}

/** The orders that their events make, as replay; in the order of their seqs. */
export function replayOrders(
  events: readonly JournaledOrderEvent[],
  violations: Violation[],
): { readonly events: readonly JournaledOrderEvent[]; readonly states: ReadonlyMap<string, HostedOrder> } {
  const states = new Map<string, HostedOrder>();
  const inOrder = [...events].sort((left, right) => left.seq - right.seq);
  const fitting: JournaledOrderEvent[] = [];
  for (const record of inOrder) {
    const { sku: key, seq, event } = record;
    const state = states.get(key) ?? KINDS.order.create(key);
    states.set(key, state);
    try {
      if (seq !== state.seq + 1) throw new Error(`${state.orderId}: event ${seq} follows event ${state.seq}`);
      KINDS.order.evolve(state, event);
      KINDS.order.assertInvariants(state);
      fitting.push(record);
    } catch (error) {
      violations.push({ invariant: 'I8', text: error instanceof Error ? error.message : String(error) });
    }
  }
  return { events: fitting, states };
}

/** Compares the replay with a recovery as the next owner would do it, for the partitions that are open in the lane. */
export async function compareRecovery(
  name: string,
  lane: LaneReader,
  states: ReadonlyMap<string, AnyState>,
  limits: ShellLimits,
  partitionCount: number,
  violations: Violation[],
): Promise<void> {
  const all = { ...limits, hotActorsMax: 1_000_000, packedActorsMax: 1_000_000 };
  const directory = new ActorDirectory(partitionCount, all, KINDS);
  const wheel = new TimerWheel(0, limits.wheelTickMs);
  const board = new TaskBoard({ now: () => 0, monotonic: () => 0 }, limits.wheelTickMs);
  const partitions = new LanePartitions(partitionCount, name.slice(name.indexOf('/') + 1), KINDS);
  try {
    await recover(lane, { directory, partitions, wheel, board, limits: all, progress: () => {}, turn: async () => {} });
    const found = new Map<string, Uint8Array>();
    for (let partition = 0; partition < partitionCount; partition++) {
      if (!partitions.table.isOpen(partition)) continue;
      for (const key of directory.keysOf(partition)) {
        const actor = isOrderKey(key) ? directory.findOrder(key) : directory.find(key);
        if (typeof actor === 'object') found.set(key, packed(key, actor.state));
        else if (actor !== undefined) {
          // An order that is done is only in the store.
          const row = await wholeRow(lane, actor, partition, key);
          if (row !== undefined) found.set(key, packed(key, unpacked(key, row)));
        }
      }
    }
    const here = new Map([...states].filter(([sku]) => partitions.isOpenFor(sku)));
    compare(found, here, violations);
  } catch (error) {
    violations.push({
      invariant: 'I7',
      text: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    });
  }
}

/** Rows that were written in parts, as they were when the last of it landed. */
async function madeWhole(landed: readonly LandedRow[]): Promise<LandedRow[]> {
  const whole: LandedRow[] = [];
  const parts = new Map<string, Uint8Array>();
  for (const row of landed) {
    const { lane, slot, partition, sku } = row;
    if (isPart(sku)) {
      parts.set(`${lane}/${slot}/${sku}`, row.bytes);
      continue;
    }
    const read = async (_slot: SnapshotSlot, _partition: number, name: string): Promise<Uint8Array | undefined> =>
      name === sku ? row.bytes : parts.get(`${lane}/${slot}/${name}`);
    const bytes = await wholeRow({ row: read }, slot, partition, sku);
    if (bytes !== undefined) whole.push({ ...row, bytes });
  }
  return whole;
}

/**
 * Every snapshot row that an owner ever wrote, which is its live state, is what the actor's events up to the row's seq
 * make (I7), and those were in the journal when it was written (I6).
 */
export async function compareRows(
  landed: readonly LandedRow[],
  events: readonly (JournaledEvent | JournaledOrderEvent)[],
  violations: Violation[],
): Promise<void> {
  const rows = new Map<string, LandedRow[]>();
  for (const row of await madeWhole(landed)) {
    const key = `${row.sku}@${kindOf(KINDS, row.sku).summarise(row.bytes).seq}`;
    const same = rows.get(key);
    if (same === undefined) rows.set(key, [row]);
    else same.push(row);
  }
  const states = new Map<string, AnyState>();
  for (const { sku, seq, event, lane, journalSeq } of events) {
    const kind = kindOf(KINDS, sku);
    const state = states.get(sku) ?? kind.create(sku);
    states.set(sku, state);
    kind.evolve(state, event as AnyEvent);
    const of = rows.get(`${sku}@${seq}`);
    if (of === undefined) continue;
    rows.delete(`${sku}@${seq}`);
    const expected = packed(sku, state);
    for (const row of of) {
      if (row.lane === lane && row.lastSeq < journalSeq) {
        const text = `the row of ${sku} at seq ${seq} was written while its lane ended at ${row.lastSeq}; the event is ${journalSeq}`;
        violations.push({ invariant: 'I6', text });
      }
      // A row that was packed in turns may have its parts in another order; unpacked and packed it is as any other.
      if (Buffer.compare(row.bytes, expected) === 0) continue;
      if (Buffer.compare(packed(sku, unpacked(sku, row.bytes)), expected) === 0) continue;
      violations.push({
        invariant: 'I7',
        text: `the snapshot's row of ${sku} at seq ${seq} is not what its events make`,
      });
    }
  }
  for (const key of rows.keys()) {
    violations.push({ invariant: 'I6', text: `a snapshot has the row ${key}, which the journal does not reach` });
  }
}

function compare(
  found: ReadonlyMap<string, Uint8Array>,
  states: ReadonlyMap<string, AnyState>,
  violations: Violation[],
): void {
  for (const [sku, state] of states) {
    const bytes = found.get(sku);
    const expected = packed(sku, state);
    if (bytes === undefined) {
      violations.push({ invariant: 'I7', text: `${sku} is missing after a recovery` });
    } else if (Buffer.compare(bytes, expected) !== 0) {
      const { seq } = unpacked(sku, bytes);
      const text = `${sku} as recovered from snapshot and tail differs from the replay of all events: seq ${seq}, replayed ${state.seq}`;
      violations.push({ invariant: 'I7', text });
    }
  }
  for (const sku of found.keys()) {
    if (!states.has(sku)) violations.push({ invariant: 'I7', text: `${sku} was recovered, and no event made it` });
  }
}
