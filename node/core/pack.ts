// An actor as bytes: the snapshot row, and what a cold actor is kept as. Canonical: two states that mean the same have
// the same bytes (I7), so what has aged out of its window is left out even where the live state still holds it, and
// everything stands in an order that history alone decides. Layout: version, body, CRC-32 of both.
import { crc32 } from 'node:zlib';
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { ByteReader, ByteWriter, CorruptRecord } from './bytes.ts';
import type { PackedEntry } from './dedup.ts';
import { track } from './evolve.ts';
import { OUTCOME } from './outcomes.ts';
import { OwnerIndex } from './owners.ts';
import { STATES } from './reservations.ts';
import { createState } from './state.ts';
import type { InventoryState, NodePosition, Reservation, ReservationPart } from './types.ts';

const VERSION = 1;

// Which optional sections a body has.
const HAS_LIMIT = 1;
const HAS_CHANNELS = 2;
const HAS_RESERVATIONS = 4;
const HAS_OUTCOMES = 8;

/**
 * Appends the packed actor to the writer. What has aged out at `asOf` (ms; never before the last event) is left out:
 * with the present time an idle actor is smallest. Two states are comparable as of one time, no earlier than any that
 * either was packed as of.
 */
export function pack(state: InventoryState, w: ByteWriter, asOf: number = state.lastAt): void {
  const start = w.length;
  const now = Math.max(asOf, state.lastAt);
  const reservations = state.reservations.size === 0 ? 0 : state.reservations.countAt(now);
  const outcomes = state.dedup.size === 0 ? 0 : state.dedup.countAt(now);
  w.u8(VERSION);
  w.u8(
    (state.limitPerOwner > 0 ? HAS_LIMIT : 0) |
      (state.channels !== undefined ? HAS_CHANNELS : 0) |
      (reservations > 0 ? HAS_RESERVATIONS : 0) |
      (outcomes > 0 ? HAS_OUTCOMES : 0),
  );
  w.string(state.sku);
  w.varint(state.seq);
  w.time(state.lastAt);
  w.varint(state.nodes.length);
  for (const node of state.nodes) writeNode(w, node);
  if (state.limitPerOwner > 0) writeLimit(w, state);
  if (state.channels !== undefined) {
    w.varint(state.channels.length);
    for (const { channel, buffer } of state.channels) {
      w.string(channel);
      w.varint(buffer);
    }
  }
  if (reservations > 0) {
    w.varint(reservations);
    let before = 0;
    state.reservations.eachInOrder(now, (r) => {
      w.varint(r.no - before);
      before = r.no;
      writeReservation(w, r);
    });
  }
  if (outcomes > 0) writeOutcomes(w, state, outcomes, now);
  w.u32(crc32(w.buffer.subarray(start, w.length)));
}

const scratch = new ByteWriter(4096);

/** The packed actor as bytes of its own; `asOf` as in pack. */
export function packedBytes(state: InventoryState, asOf: number = state.lastAt): Uint8Array {
  scratch.reset();
  pack(state, scratch, asOf);
  const bytes = scratch.copy();
  if (scratch.buffer.length > SCRATCH_BYTES_MAX) scratch.shrink(4096);
  return bytes;
}

/** One giant actor must not keep its size in memory for good. */
const SCRATCH_BYTES_MAX = 1 << 20;

/**
 * Rebuilds the actor and everything derived.
 * @throws CorruptRecord when the bytes are not exactly one packed actor of this version, undamaged
 */
export function unpack(bytes: Uint8Array): InventoryState {
  if (bytes.length < 5) throw new CorruptRecord(`${bytes.length} bytes are no packed actor`);
  const end = bytes.length - 4;
  const checksum = new ByteReader(bytes, end).u32();
  if (crc32(bytes.subarray(0, end)) !== checksum)
    throw new CorruptRecord('the checksum of a packed actor does not match');
  const r = new ByteReader(bytes, 0, end);
  const version = r.u8();
  if (version !== VERSION) throw new CorruptRecord(`packed actor of version ${version}, expected ${VERSION}`);
  const has = r.u8();
  const state = createState(r.string());
  state.seq = r.varint();
  state.lastAt = r.time();
  for (let left = r.count(4); left > 0; left--) state.nodes.push(readNode(r));
  if (has & HAS_LIMIT) readLimit(r, state);
  if (has & HAS_CHANNELS) {
    state.channels = [];
    for (let left = r.count(2); left > 0; left--) {
      state.channels.push({ channel: r.string(), buffer: r.varint(), used: 0 });
    }
  }
  if (has & HAS_RESERVATIONS) {
    let no = 0;
    for (let left = r.count(8); left > 0; left--) {
      no += r.varint();
      restore(state, readReservation(r, no));
    }
  }
  if (has & HAS_OUTCOMES) readOutcomes(r, state);
  if (r.remaining > 0) throw new CorruptRecord(`${r.remaining} bytes after the end of a packed actor`);
  return state;
}

const HAS_SAFETY_STOCK = 1;
const HAS_BACKORDER_LIMIT = 2;
const HAS_SHORTFALL = 4;
const HAS_SHIPPED = 8;

function writeNode(w: ByteWriter, node: NodePosition): void {
  w.string(node.node);
  w.u8(
    (node.safetyStock > 0 ? HAS_SAFETY_STOCK : 0) |
      (node.backorderLimit > 0 ? HAS_BACKORDER_LIMIT : 0) |
      (node.shortfall > 0 ? HAS_SHORTFALL : 0) |
      (node.shipped > 0 ? HAS_SHIPPED : 0),
  );
  w.varint(node.received);
  if (node.safetyStock > 0) w.varint(node.safetyStock);
  if (node.backorderLimit > 0) w.varint(node.backorderLimit);
  if (node.shortfall > 0) w.varint(node.shortfall);
  if (node.shipped > 0) w.varint(node.shipped);
}

function readNode(r: ByteReader): NodePosition {
  const node = r.string();
  const has = r.u8();
  const received = r.varint();
  const safetyStock = has & HAS_SAFETY_STOCK ? r.varint() : 0;
  const backorderLimit = has & HAS_BACKORDER_LIMIT ? r.varint() : 0;
  const shortfall = has & HAS_SHORTFALL ? r.varint() : 0;
  const shipped = has & HAS_SHIPPED ? r.varint() : 0;
  return { node, received, shipped, safetyStock, backorderLimit, shortfall, reserved: 0, allocated: 0 };
}

function writeLimit(w: ByteWriter, state: InventoryState): void {
  w.varint(state.limitPerOwner);
  w.varint(state.owners?.boughtCount() ?? 0);
  state.owners?.eachBought((owner, units) => {
    w.string(owner);
    w.varint(units);
  });
}

function readLimit(r: ByteReader, state: InventoryState): void {
  state.limitPerOwner = r.varint();
  const count = r.count(2);
  if (count === 0) return;
  state.owners = new OwnerIndex(state.reservations);
  for (let left = count; left > 0; left--) state.owners.addBought(r.string(), r.varint());
}

const HAS_OWNER = 4;
const HAS_CHANNEL = 8;
const HAS_ORDER = 16;
const HAS_ENDED = 32;
const HAS_PARTS = 64;

/** Everything but the no. */
function writeReservation(w: ByteWriter, r: Reservation): void {
  const split = r.parts.length > 1;
  w.u8(
    STATES.indexOf(r.state) |
      (r.owner === undefined ? 0 : HAS_OWNER) |
      (r.channel === undefined ? 0 : HAS_CHANNEL) |
      (r.orderId === undefined ? 0 : HAS_ORDER) |
      (r.endedAt === 0 ? 0 : HAS_ENDED) |
      (split ? HAS_PARTS : 0),
  );
  w.varint(r.epoch);
  w.varint(r.askedQty);
  w.time(r.createdAt);
  w.zigzag(r.expiresAt - r.createdAt);
  if (r.endedAt !== 0) w.varint(r.endedAt - r.createdAt);
  if (split) w.varint(r.parts.length);
  for (const part of r.parts) {
    w.varint(part.nodeIndex);
    w.varint(part.reservedQty);
    w.varint(part.qty);
    w.varint(part.shipped);
  }
  if (r.owner !== undefined) w.string(r.owner);
  if (r.channel !== undefined) w.string(r.channel);
  if (r.orderId !== undefined) w.string(r.orderId);
}

function readReservation(r: ByteReader, no: number): Reservation {
  const has = r.u8();
  const epoch = r.varint();
  const askedQty = r.varint();
  const createdAt = r.time();
  const expiresAt = createdAt + r.zigzag();
  const endedAt = has & HAS_ENDED ? createdAt + r.varint() : 0;
  const parts: ReservationPart[] = [];
  for (let left = has & HAS_PARTS ? r.count(4) : 1; left > 0; left--) {
    parts.push({ nodeIndex: r.varint(), reservedQty: r.varint(), qty: r.varint(), shipped: r.varint() });
  }
  if (parts.length === 0) throw new CorruptRecord(`reservation ${no} has no part`);
  return {
    no,
    epoch,
    askedQty,
    parts,
    owner: has & HAS_OWNER ? r.string() : undefined,
    channel: has & HAS_CHANNEL ? r.string() : undefined,
    orderId: has & HAS_ORDER ? r.string() : undefined,
    state: STATES[has & 3] as Reservation['state'],
    createdAt,
    expiresAt,
    endedAt,
  };
}

/** Puts a reservation back and derives the totals from it. */
function restore(state: InventoryState, r: Reservation): void {
  let open = 0;
  for (const part of r.parts) {
    const node = state.nodes[part.nodeIndex];
    if (node === undefined)
      throw new CorruptRecord(`reservation ${r.no} names node ${part.nodeIndex}, which is not there`);
    if (r.endedAt !== 0) continue;
    if (r.state === 'RESERVED') node.reserved += part.qty;
    else node.allocated += part.qty - part.shipped;
    open += part.qty - part.shipped;
  }
  state.reservations.insert(r, 0);
  if (r.endedAt === 0) track(state, r, open);
}

/**
 * First the entries that are past their window, of which only the fingerprint and the time still matter: they are
 * answered IDEMPOTENCY_EXPIRED. Then the others, whole. Both in order of seq, so that differences are small.
 */
function writeOutcomes(w: ByteWriter, state: InventoryState, count: number, now: number): void {
  const answeredSince = now - IDEMPOTENCY_WINDOW_MS;
  let aged = 0;
  state.dedup.eachTime(now, (at) => {
    if (at < answeredSince) aged += 1;
  });
  w.varint(aged);
  w.varint(count - aged);
  let seq = 0;
  let at = 0;
  let epoch = 0;
  state.dedup.eachInOrder(now, (e) => {
    w.word53(e.a);
    w.word53(e.b);
    w.varint(e.seq - seq);
    w.varint(e.at - at);
    seq = e.seq;
    at = e.at;
    if (e.at < answeredSince) return;
    w.word53(e.bodyHash);
    w.u8(e.code);
    w.varint(e.epoch - epoch);
    epoch = e.epoch;
    w.zigzag(e.x);
    w.zigzag(timed(e.code) ? e.y - e.at : e.y);
    w.zigzag(e.z);
  });
}

/** Whether y is an expiry, which is written as a distance. */
function timed(code: number): boolean {
  return code === OUTCOME.reserved || code === OUTCOME.adopted || code === OUTCOME.extended;
}

function readOutcomes(r: ByteReader, state: InventoryState): void {
  const aged = r.count(16);
  const whole = r.count(27);
  let seq = 0;
  let at = 0;
  let epoch = 0;
  for (let i = 0; i < aged + whole; i++) {
    const a = r.word53();
    const b = r.word53();
    seq += r.varint();
    at += r.varint();
    const entry: PackedEntry = { a, b, seq, at, bodyHash: 0, code: 0, epoch: 0, x: 0, y: 0, z: 0 };
    state.dedup.restore(i < aged ? entry : readWhole(entry));
  }

  function readWhole(entry: PackedEntry): PackedEntry {
    const bodyHash = r.word53();
    const code = r.u8();
    epoch += r.varint();
    const x = r.zigzag();
    const y = r.zigzag();
    return { ...entry, bodyHash, code, epoch, x, y: timed(code) ? y + entry.at : y, z: r.zigzag() };
  }
}
