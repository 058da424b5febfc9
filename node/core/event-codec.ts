// Events as journal records, and back. The epoch is not in the record: its batch carries it. Checksums are the
// batch's too. Layout: version and type, sku, seq, at, then the type's fields in the order below.
import { type ByteReader, type ByteWriter, CorruptRecord } from './bytes.ts';
import { STATES } from './reservations.ts';
import type { Cause, ConfiguredEvent, InventoryEvent, RefusedEvent, ReservedEvent } from './types.ts';

/** High four bits of a record's first byte. */
const VERSION = 1;

/** Low four bits of a record's first byte; of 16 and more, the second byte. Part of the stored format: add, never renumber. */
const TYPE: Record<InventoryEvent['type'], number> = {
  reserved: 1,
  adopted: 2,
  extended: 3,
  committed: 4,
  released: 5,
  shipped: 6,
  adjusted: 7,
  configured: 8,
  expired: 9,
  refused: 10,
  pooled: 11,
  transferred: 12,
  credited: 13,
  conceded: 14,
  enlisted: 16,
  putBack: 17,
};

/** In a record's first byte: the type is 16 or more, and is the byte that follows. */
const TYPE_FOLLOWS = 15;

const REFUSALS: readonly RefusedEvent['code'][] = ['INSUFFICIENT_STOCK', 'LIMIT_EXCEEDED', 'RESERVATION_ENDED'];

/** Appends the record of the actor's event number `seq`. */
export function encodeEvent(w: ByteWriter, sku: string, seq: number, event: InventoryEvent): void {
  const type = TYPE[event.type];
  w.u8((VERSION << 4) | Math.min(type, TYPE_FOLLOWS));
  if (type > TYPE_FOLLOWS) w.u8(type);
  w.string(sku);
  w.varint(seq);
  w.time(event.at);
  switch (event.type) {
    case 'reserved':
      writeCause(w, event);
      writeReserved(w, event);
      return;
    case 'adopted':
      writeCause(w, event);
      w.varint(event.no);
      w.time(event.expiresAt);
      w.varint(event.availableToSell);
      return;
    case 'enlisted':
      writeCause(w, event);
      w.varint(event.no);
      w.string(event.order);
      w.time(event.expiresAt);
      w.varint(event.availableToSell);
      return;
    case 'extended':
      writeCause(w, event);
      w.varint(event.no);
      w.time(event.expiresAt);
      return;
    case 'committed':
      writeCause(w, event);
      w.varint(event.no);
      w.varint(event.qty);
      writeText(w, event.orderId);
      return;
    case 'released':
      writeCause(w, event);
      w.varint(event.no);
      return;
    case 'shipped':
    case 'putBack':
      writeCause(w, event);
      w.varint(event.no);
      w.varint(event.qty);
      return;
    case 'adjusted':
      writeCause(w, event);
      w.string(event.node);
      w.zigzag(event.delta);
      w.varint(event.shortfall);
      w.string(event.reason);
      return;
    case 'configured':
      writeCause(w, event);
      writeConfigured(w, event);
      return;
    case 'expired':
      w.time(event.through);
      return;
    case 'refused':
      writeCause(w, event);
      w.u8(REFUSALS.indexOf(event.code) * 8 + (event.endState === undefined ? 0 : STATES.indexOf(event.endState)));
      w.zigzag(event.asked);
      w.zigzag(event.available);
      w.zigzag(event.bound);
      return;
    case 'pooled':
      writeCause(w, event);
      w.string(event.region);
      w.varint(event.regions.length);
      for (const region of event.regions) w.string(region);
      return;
    case 'transferred':
      w.string(event.to);
      w.varint(event.total);
      w.u8(event.cause === undefined ? 0 : 1);
      if (event.cause !== undefined) writeCause(w, event.cause);
      return;
    case 'credited':
      w.string(event.from);
      w.varint(event.total);
      return;
    case 'conceded':
      w.string(event.to);
      w.varint(event.total);
      return;
    default:
      event satisfies never;
  }
}

/** Whether the reader stands before an actor's event; other versions are other kinds of record. */
export function isEvent(r: ByteReader): boolean {
  return r.peek() >> 4 === VERSION;
}

/**
 * Reads one record; the reader then stands behind it.
 * @param epochOf the epoch of a sku's partition, under which the event was decided
 * @throws CorruptRecord when the bytes are no record of this version
 */
export function decodeEvent(
  r: ByteReader,
  epochOf: (sku: string) => number,
): { sku: string; seq: number; event: InventoryEvent } {
  const head = r.u8();
  if (head >> 4 !== VERSION) throw new CorruptRecord(`event record of version ${head >> 4}, expected ${VERSION}`);
  const type = (head & 15) === TYPE_FOLLOWS ? r.u8() : head & 15;
  const sku = r.string();
  const seq = r.varint();
  return { sku, seq, event: readBody(r, type, epochOf(sku), r.time()) };
}

function readBody(r: ByteReader, type: number, epoch: number, at: number): InventoryEvent {
  // These have no cause, or perhaps none.
  switch (type) {
    case TYPE.expired:
      return { type: 'expired', at, epoch, through: r.time() };
    case TYPE.transferred: {
      const to = r.string();
      const total = r.varint();
      const cause = readPresence(r) ? { requestId: r.string(), bodyHash: r.word53() } : undefined;
      return { type: 'transferred', at, epoch, to, total, cause };
    }
    case TYPE.credited:
      return { type: 'credited', at, epoch, from: r.string(), total: r.varint() };
    case TYPE.conceded:
      return { type: 'conceded', at, epoch, to: r.string(), total: r.varint() };
    default:
  }
  const requestId = r.string();
  const bodyHash = r.word53();
  const base = { at, epoch, requestId, bodyHash };
  switch (type) {
    case TYPE.reserved:
      return readReserved(r, base);
    case TYPE.adopted:
      return { type: 'adopted', ...base, no: r.varint(), expiresAt: r.time(), availableToSell: r.varint() };
    case TYPE.enlisted: {
      const no = r.varint();
      const order = r.string();
      return { type: 'enlisted', ...base, no, order, expiresAt: r.time(), availableToSell: r.varint() };
    }
    case TYPE.extended:
      return { type: 'extended', ...base, no: r.varint(), expiresAt: r.time() };
    case TYPE.committed:
      return { type: 'committed', ...base, no: r.varint(), qty: r.varint(), orderId: readText(r) };
    case TYPE.released:
      return { type: 'released', ...base, no: r.varint() };
    case TYPE.shipped:
      return { type: 'shipped', ...base, no: r.varint(), qty: r.varint() };
    case TYPE.putBack:
      return { type: 'putBack', ...base, no: r.varint(), qty: r.varint() };
    case TYPE.adjusted:
      return {
        type: 'adjusted',
        ...base,
        node: r.string(),
        delta: r.zigzag(),
        shortfall: r.varint(),
        reason: r.string(),
      };
    case TYPE.configured:
      return readConfigured(r, base);
    case TYPE.refused: {
      const codes = r.u8();
      const code = REFUSALS[codes >> 3];
      if (code === undefined) throw new CorruptRecord(`refusal ${codes >> 3} is not known`);
      const state = STATES[codes & 7];
      if (state === undefined) throw new CorruptRecord(`state ${codes & 7} is not known`);
      const endState = state === 'RESERVED' ? undefined : state;
      return {
        type: 'refused',
        ...base,
        code,
        asked: r.zigzag(),
        available: r.zigzag(),
        bound: r.zigzag(),
        endState,
      };
    }
    case TYPE.pooled:
      return { type: 'pooled', ...base, region: r.string(), regions: readStrings(r) };
    default:
      throw new CorruptRecord(`event type ${type} is not known`);
  }
}

type Base = Cause & { readonly at: number; readonly epoch: number };

function writeCause(w: ByteWriter, cause: Cause): void {
  w.string(cause.requestId);
  w.word53(cause.bodyHash);
}

const HAS_OWNER = 1;
const HAS_CHANNEL = 2;
const HAS_ORDER = 4;

function writeReserved(w: ByteWriter, event: ReservedEvent): void {
  w.u8(
    (event.owner === undefined ? 0 : HAS_OWNER) |
      (event.channel === undefined ? 0 : HAS_CHANNEL) |
      (event.order === undefined ? 0 : HAS_ORDER),
  );
  w.varint(event.askedQty);
  w.varint(event.parts.length);
  for (const part of event.parts) {
    w.varint(part.nodeIndex);
    w.varint(part.qty);
  }
  w.time(event.expiresAt);
  w.varint(event.availableToSell);
  if (event.owner !== undefined) w.string(event.owner);
  if (event.channel !== undefined) w.string(event.channel);
  if (event.order !== undefined) w.string(event.order);
}

function readReserved(r: ByteReader, base: Base): ReservedEvent {
  const has = r.u8();
  const askedQty = r.varint();
  const parts: { nodeIndex: number; qty: number }[] = [];
  for (let left = r.count(2); left > 0; left--) parts.push({ nodeIndex: r.varint(), qty: r.varint() });
  const expiresAt = r.time();
  const availableToSell = r.varint();
  const owner = has & HAS_OWNER ? r.string() : undefined;
  const channel = has & HAS_CHANNEL ? r.string() : undefined;
  const order = has & HAS_ORDER ? r.string() : undefined;
  return { type: 'reserved', ...base, askedQty, parts, expiresAt, owner, channel, order, availableToSell };
}

const HAS_NODE = 1;
const HAS_SAFETY_STOCK = 2;
const HAS_BACKORDER_LIMIT = 4;
const HAS_BUFFERS = 8;
const HAS_LIMIT = 16;

function writeConfigured(w: ByteWriter, event: ConfiguredEvent): void {
  w.u8(
    (event.node === undefined ? 0 : HAS_NODE) |
      (event.safetyStock === undefined ? 0 : HAS_SAFETY_STOCK) |
      (event.backorderLimit === undefined ? 0 : HAS_BACKORDER_LIMIT) |
      (event.channelBuffers === undefined ? 0 : HAS_BUFFERS) |
      (event.limitPerOwner === undefined ? 0 : HAS_LIMIT),
  );
  if (event.node !== undefined) w.string(event.node);
  if (event.safetyStock !== undefined) w.varint(event.safetyStock);
  if (event.backorderLimit !== undefined) w.varint(event.backorderLimit);
  if (event.channelBuffers !== undefined) {
    const channels = Object.keys(event.channelBuffers);
    w.varint(channels.length);
    for (const channel of channels) {
      w.string(channel);
      w.varint(event.channelBuffers[channel] ?? 0);
    }
  }
  if (event.limitPerOwner !== undefined) w.varint(event.limitPerOwner);
}

function readConfigured(r: ByteReader, base: Base): ConfiguredEvent {
  const has = r.u8();
  return {
    type: 'configured',
    ...base,
    node: has & HAS_NODE ? r.string() : undefined,
    safetyStock: has & HAS_SAFETY_STOCK ? r.varint() : undefined,
    backorderLimit: has & HAS_BACKORDER_LIMIT ? r.varint() : undefined,
    channelBuffers: has & HAS_BUFFERS ? readBuffers(r) : undefined,
    limitPerOwner: has & HAS_LIMIT ? r.varint() : undefined,
  };
}

function readBuffers(r: ByteReader): Record<string, number> {
  const entries: [string, number][] = [];
  for (let left = r.count(2); left > 0; left--) entries.push([r.string(), r.varint()]);
  return Object.fromEntries(entries); // defines properties, so a channel named __proto__ is one like any other
}

function writeText(w: ByteWriter, text: string | undefined): void {
  w.u8(text === undefined ? 0 : 1);
  if (text !== undefined) w.string(text);
}

function readText(r: ByteReader): string | undefined {
  return readPresence(r) ? r.string() : undefined;
}

function readPresence(r: ByteReader): boolean {
  const present = r.u8();
  if (present > 1) throw new CorruptRecord(`${present} where 0 or 1 is expected`);
  return present === 1;
}

function readStrings(r: ByteReader): string[] {
  const strings: string[] = [];
  for (let left = r.count(1); left > 0; left--) strings.push(r.string());
  return strings;
}
