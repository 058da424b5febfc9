// The parts of a packed actor as bytes: a node, a reservation, a remembered outcome. What stands around them, and in
// which order, is the business of pack.ts and pack-in-turns.ts.
import { type ByteReader, type ByteWriter, CorruptRecord } from './bytes.ts';
import type { PackedEntry, ReadEntry } from './dedup.ts';
import { OUTCOME } from './outcomes.ts';
import { STATES } from './reservations.ts';
import type { NodePosition, PoolPart, Reservation, ReservationPart } from './types.ts';

const HAS_SAFETY_STOCK = 1;
const HAS_BACKORDER_LIMIT = 2;
const HAS_SHORTFALL = 4;
const HAS_SHIPPED = 8;

export function writeNode(w: ByteWriter, node: NodePosition): void {
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

export function readNode(r: ByteReader): NodePosition {
  const node = r.string();
  const has = r.u8();
  const received = r.varint();
  const safetyStock = has & HAS_SAFETY_STOCK ? r.varint() : 0;
  const backorderLimit = has & HAS_BACKORDER_LIMIT ? r.varint() : 0;
  const shortfall = has & HAS_SHORTFALL ? r.varint() : 0;
  const shipped = has & HAS_SHIPPED ? r.varint() : 0;
  return { node, received, shipped, safetyStock, backorderLimit, shortfall, reserved: 0, allocated: 0 };
}

/** The node of the pool is one of those written before. */
export function writePool(w: ByteWriter, pool: PoolPart): void {
  w.varint(pool.nodeIndex);
  w.string(pool.region);
  w.zigzag(pool.minted);
  w.varint(pool.regions.length);
  for (const region of pool.regions) w.string(region);
  w.varint(pool.accounts.length);
  for (const { region, given, taken } of pool.accounts) {
    w.string(region);
    w.varint(given);
    w.varint(taken);
  }
}

export function readPool(r: ByteReader): PoolPart {
  const nodeIndex = r.varint();
  const region = r.string();
  const minted = r.zigzag();
  const regions: string[] = [];
  for (let left = r.count(1); left > 0; left--) regions.push(r.string());
  const accounts: PoolPart['accounts'] = [];
  for (let left = r.count(3); left > 0; left--) {
    accounts.push({ region: r.string(), given: r.varint(), taken: r.varint() });
  }
  return { region, minted, accounts, regions, nodeIndex };
}

const HAS_OWNER = 4;
const HAS_CHANNEL = 8;
const HAS_ORDER = 16;
const HAS_ENDED = 32;
const HAS_PARTS = 64;
/** It was made for an order. Packed actors have it from version 6 on. */
const IS_OF_ORDER = 128;

/** Everything but the no. */
export function writeReservation(w: ByteWriter, r: Reservation): void {
  const split = r.parts.length > 1;
  w.u8(
    STATES.indexOf(r.state) |
      (r.owner === undefined ? 0 : HAS_OWNER) |
      (r.channel === undefined ? 0 : HAS_CHANNEL) |
      (r.orderId === undefined ? 0 : HAS_ORDER) |
      (r.endedAt === 0 ? 0 : HAS_ENDED) |
      (split ? HAS_PARTS : 0) |
      (r.order === undefined ? 0 : IS_OF_ORDER),
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
  if (r.order !== undefined) w.string(r.order);
}

export function readReservation(r: ByteReader, no: number): Reservation {
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
    order: has & IS_OF_ORDER ? r.string() : undefined,
    state: STATES[has & 3] as Reservation['state'],
    createdAt,
    expiresAt,
    endedAt,
  };
}

/** What an answer is made of: everything but the fingerprint, seq and time. `epochBase` is what the epoch is written from. */
export function writeAnswer(w: ByteWriter, e: PackedEntry, epochBase: number): void {
  w.word53(e.bodyHash);
  w.u8(e.code);
  w.varint(e.epoch - epochBase);
  w.zigzag(e.x);
  w.zigzag(timed(e.code) ? e.y - e.at : e.y);
  w.zigzag(e.z);
}

/** Sets what writeAnswer wrote. */
export function readAnswer(r: ByteReader, entry: ReadEntry, epochBase: number): void {
  entry.bodyHash = r.word53();
  entry.code = r.u8();
  entry.epoch = epochBase + r.varint();
  entry.x = r.zigzag();
  const y = r.zigzag();
  entry.y = timed(entry.code) ? y + entry.at : y;
  entry.z = r.zigzag();
}

/** Whether y is an expiry, which is written as a distance. */
function timed(code: number): boolean {
  return code === OUTCOME.reserved || code === OUTCOME.adopted || code === OUTCOME.extended;
}
