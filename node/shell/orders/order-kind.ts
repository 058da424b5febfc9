// Orders as a kind of actors: their records in the journal, and an order as bytes, which is its events one after the other. A record:
// version and type, orderId, seq, the event's JSON. A packed order: version, orderId, how many events, the time of the last, what tasks are
// open (kind and time, so that a recovery need not rebuild the order), the events' JSON, CRC-32 of all.
import { crc32 } from 'node:zlib';
import type { OrderCore, OrderEvent } from '../../../protocol/index.ts';
import { ByteReader, type ByteWriter, CorruptRecord } from '../../core/index.ts';
import { orderKey } from '../keys.ts';
import type { ActorKind, DueTask, RowSummary } from '../kinds.ts';
import { applyEvent, type HostedOrder } from './hosted-order.ts';

/** High four bits of a record's first byte; inventory actors have 1 there, records of the lane 2. */
const RECORD = 3;
/** Low four bits. Part of the stored format: add, never renumber. */
const EVENT = 1;

// What a packed order begins with; a packed SKU begins with its version, which is smaller.
const OPEN = 0x43;
/** No task is open: nobody will ask for it soon. */
const DONE = 0x44;
const CHECKSUM_BYTES = 4;

/** An event as it is journaled. */
export interface OrderRecord {
  readonly type: string;
  readonly event: OrderEvent;
  /** Its JSON. */
  readonly text: string;
}

export interface OrderKind extends ActorKind<HostedOrder, OrderRecord> {
  readonly core: OrderCore<unknown>;
}

/** Whether a packed order has no open task. @param head its first byte */
export function isDoneRow(head: number): boolean {
  return head === DONE;
}

/** Appends the record of the order's event number `seq`. */
export function encodeOrderRecord(w: ByteWriter, orderId: string, seq: number, text: string): void {
  w.u8((RECORD << 4) | EVENT);
  w.string(orderId);
  w.varint(seq);
  w.string(text);
}

export function createOrderKind(core: OrderCore<unknown>): OrderKind {
  return {
    core,
    recordVersion: RECORD,
    create: (key) => {
      const orderId = key.slice(1);
      return { key, orderId, seq: 0, lastAt: 0, texts: [], size: 0, core: core.create(orderId) };
    },
    seqOf: ({ seq }) => seq,
    decode: (r) => {
      const head = r.u8();
      if (head !== ((RECORD << 4) | EVENT)) throw new CorruptRecord(`order record type ${head} is not known`);
      const key = orderKey(r.string());
      const seq = r.varint();
      const text = r.string();
      const event = eventOf(text);
      return { key, seq, event: { type: event.type, event, text } };
    },
    evolve: (order, { event, text }) => applyEvent(core, order, event, text),
    assertInvariants: (order) => core.assertInvariants(order.core),
    assertDeep: (order) => core.assertInvariants(order.core),
    pack: (order, w) => packOrder(core, order, w),
    unpack: (bytes) => unpackOrder(core, bytes),
    summarise,
    // One with many events is packed in a fraction of a millisecond all the same: its texts are copied, not made.
    isLarge: () => false,
  };
}

function packOrder(core: OrderCore<unknown>, order: HostedOrder, w: ByteWriter): void {
  const start = w.length;
  const tasks = core.openTasks(order.core);
  w.u8(tasks.length === 0 ? DONE : OPEN);
  w.string(order.orderId);
  w.varint(order.seq);
  w.time(order.lastAt);
  w.varint(tasks.length);
  for (const { kind, dueAt } of tasks) {
    w.string(kind);
    w.time(dueAt);
  }
  for (const text of order.texts) w.string(text);
  w.u32(crc32(w.buffer.subarray(start, w.length)));
}

interface Head {
  /** Stands before the events. */
  readonly r: ByteReader;
  readonly orderId: string;
  readonly seq: number;
  readonly lastAt: number;
  readonly tasks: readonly DueTask[];
}

function readHead(bytes: Uint8Array): Head {
  if (bytes.length <= CHECKSUM_BYTES) throw new CorruptRecord(`${bytes.length} bytes are no packed order`);
  const end = bytes.length - CHECKSUM_BYTES;
  if (crc32(bytes.subarray(0, end)) !== new ByteReader(bytes, end).u32()) {
    throw new CorruptRecord('the checksum of a packed order does not match');
  }
  const r = new ByteReader(bytes, 0, end);
  const version = r.u8();
  if (version !== OPEN && version !== DONE) throw new CorruptRecord(`packed order of version ${version}`);
  const orderId = r.string();
  const seq = r.varint();
  const lastAt = r.time();
  const tasks: DueTask[] = [];
  for (let left = r.count(7); left > 0; left--) tasks.push({ kind: r.string(), dueAt: r.time() });
  return { r, orderId, seq, lastAt, tasks };
}

function summarise(bytes: Uint8Array): RowSummary {
  const { seq, tasks, lastAt } = readHead(bytes);
  return { seq, positions: 0, live: 0, nextAt: Number.POSITIVE_INFINITY, isPooled: false, tasks, lastAt };
}

function unpackOrder(core: OrderCore<unknown>, bytes: Uint8Array): HostedOrder {
  const { r, orderId, seq } = readHead(bytes);
  const key = orderKey(orderId);
  const order: HostedOrder = { key, orderId, seq: 0, lastAt: 0, texts: [], size: 0, core: core.create(orderId) };
  for (let n = 0; n < seq; n++) {
    const text = r.string();
    applyEvent(core, order, eventOf(text), text);
  }
  if (r.remaining > 0) throw new CorruptRecord(`${r.remaining} bytes follow the events of order ${orderId}`);
  return order;
}

function eventOf(text: string): OrderEvent {
  try {
    const event = JSON.parse(text) as OrderEvent | null;
    if (typeof event === 'object' && event !== null && typeof event.type === 'string') return event;
  } catch {
    // Said below.
  }
  throw new CorruptRecord('an event of an order that is no JSON of one');
}
