// An actor as bytes: the snapshot row, and what a cold actor is kept as. Canonical: two states that mean the same have
// the same bytes (I7), so what has aged out of its window is left out even where the live state still holds it, and
// everything stands in an order that history alone decides. Layout: version, body, what a recovery has to know of its
// reservations, CRC-32 of all. A large actor is packed in turns instead, see pack-in-turns.ts: the same head, then rows in
// any order; unpack reads both.
import { crc32 } from 'node:zlib';
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { ByteReader, ByteWriter, CorruptRecord } from './bytes.ts';
import type { PackedEntry, ReadEntry } from './dedup.ts';
import { nextDueAt, track } from './evolve.ts';
import {
  readAnswer,
  readNode,
  readPool,
  readReservation,
  writeAnswer,
  writeNode,
  writePool,
  writeReservation,
} from './packed-rows.ts';
import { ShardedMap } from './sharded-map.ts';
import { createState } from './state.ts';
import type { InventoryState, Reservation } from './types.ts';

const VERSION = 6;
const VERSION_IN_TURNS = 7;
// The same, of a version that knew of no reservations made for orders. Still read, never written, like what follows.
const VERSION_BEFORE_ORDERS = 4;
const VERSION_BEFORE_ORDERS_IN_TURNS = 5;
// Of 0.1.0 and before, without the summary of their reservations.
const VERSION_OLD = 1;
/** Packed in turns, with outcomes in no order. */
const VERSION_OLD_UNORDERED = 2;
const VERSION_OLD_IN_TURNS = 3;
/** What stands before the checksum, bytes: see writeHeld. */
const HELD_BYTES = 10;
const CHECKSUM_BYTES = 4;

/** What each row of VERSION_IN_TURNS begins with. */
export const ROW = { end: 0, reservation: 1, outcome: 2, agedOutcome: 3, bought: 4 } as const;

// Which optional sections a body has.
const HAS_LIMIT = 1;
const HAS_CHANNELS = 2;
const HAS_RESERVATIONS = 4;
const HAS_OUTCOMES = 8;
const HAS_POOL = 16;

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
  const held = new Held();
  w.u8(VERSION);
  writeHead(w, state, (reservations > 0 ? HAS_RESERVATIONS : 0) | (outcomes > 0 ? HAS_OUTCOMES : 0), state.bought);
  if (reservations > 0) {
    w.varint(reservations);
    let before = 0;
    state.reservations.eachInOrder(now, (r) => {
      w.varint(r.no - before);
      before = r.no;
      writeReservation(w, r);
      held.add(r);
    });
  }
  if (outcomes > 0) writeOutcomes(w, state, outcomes, now);
  if (reservations > 0) writeHeld(w, held);
  w.u32(crc32(w.buffer.subarray(start, w.length)));
}

/** Begins an actor that is packed in turns: all but its rows, and its buyers are among those. */
export function packHeadInTurns(state: InventoryState, w: ByteWriter): void {
  w.u8(VERSION_IN_TURNS);
  writeHead(w, state, 0, undefined);
}

function writeHead(w: ByteWriter, state: InventoryState, has: number, bought: InventoryState['bought']): void {
  w.u8(
    has |
      (state.limitPerOwner > 0 ? HAS_LIMIT : 0) |
      (state.channels !== undefined ? HAS_CHANNELS : 0) |
      (state.pool !== undefined ? HAS_POOL : 0),
  );
  w.string(state.sku);
  w.varint(state.seq);
  w.time(state.lastAt);
  w.varint(state.nodes.length);
  for (const node of state.nodes) writeNode(w, node);
  if (state.limitPerOwner > 0) writeLimit(w, state.limitPerOwner, bought);
  if (state.channels !== undefined) {
    w.varint(state.channels.length);
    for (const { channel, buffer } of state.channels) {
      w.string(channel);
      w.varint(buffer);
    }
  }
  if (state.pool !== undefined) writePool(w, state.pool);
}

/** Of the reservations that are packed, those that hold stock: how many, and when the first of them expires, or its order is to be asked. */
export class Held {
  live = 0;
  /** ms since the epoch; Infinity: none does. */
  nextAt = Number.POSITIVE_INFINITY;

  add(r: Reservation): void {
    if (r.endedAt !== 0) return;
    this.live += 1;
    if (r.state === 'RESERVED' && r.expiresAt < this.nextAt) this.nextAt = r.expiresAt;
  }
}

/** Ends a body that has reservations, so that a recovery need not read them; see summarise. */
export function writeHeld(w: ByteWriter, { live, nextAt }: Held): void {
  w.u32(live);
  w.time(nextAt === Number.POSITIVE_INFINITY ? 0 : nextAt);
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

/** Where the body of a packed actor begins and ends. @throws CorruptRecord when it is damaged, or none of ours */
function bodyOf(bytes: Uint8Array): { version: number; r: ByteReader } {
  if (bytes.length <= CHECKSUM_BYTES) throw new CorruptRecord(`${bytes.length} bytes are no packed actor`);
  const end = bytes.length - CHECKSUM_BYTES;
  const checksum = new ByteReader(bytes, end).u32();
  if (crc32(bytes.subarray(0, end)) !== checksum)
    throw new CorruptRecord('the checksum of a packed actor does not match');
  const r = new ByteReader(bytes, 0, end);
  const version = r.u8();
  if (version < VERSION_OLD || version > VERSION_IN_TURNS)
    throw new CorruptRecord(`packed actor of version ${version}, expected ${VERSION_OLD} to ${VERSION_IN_TURNS}`);
  return { version, r };
}

function hasSummary(version: number): boolean {
  return version >= VERSION_BEFORE_ORDERS;
}

function isInTurns(version: number): boolean {
  return version === VERSION_IN_TURNS || version === VERSION_BEFORE_ORDERS_IN_TURNS || version === VERSION_OLD_IN_TURNS;
}

/** What a recovery has to know of an actor that stays packed. */
export interface PackedSummary {
  readonly seq: number;
  /** Its ship nodes. */
  readonly positions: number;
  /** Reservations that hold stock. */
  readonly live: number;
  /** When the first of them expires, ms since the epoch, or before; Infinity: none does. */
  readonly nextAt: number;
  readonly isPooled: boolean;
}

/**
 * Verifies the packed actor's checksum and reads what is known without rebuilding it.
 * @throws CorruptRecord as unpack does
 */
export function summarise(bytes: Uint8Array): PackedSummary {
  const { version, r } = bodyOf(bytes);
  if (!hasSummary(version)) return summaryOf(unpack(bytes));
  const has = r.u8();
  r.string();
  const seq = r.varint();
  r.time();
  const positions = r.count(4);
  const isPooled = (has & HAS_POOL) !== 0;
  if (!isInTurns(version) && (has & HAS_RESERVATIONS) === 0) {
    return { seq, positions, live: 0, nextAt: Number.POSITIVE_INFINITY, isPooled };
  }
  const { live, nextAt } = readHeld(new ByteReader(bytes, bytes.length - CHECKSUM_BYTES - HELD_BYTES));
  return { seq, positions, live, nextAt, isPooled };
}

function summaryOf(state: InventoryState): PackedSummary {
  const { seq, nodes, reservations, pool } = state;
  const { live } = reservations;
  return { seq, positions: nodes.length, live, nextAt: nextDueAt(state), isPooled: pool !== undefined };
}

function readHeld(r: ByteReader): Pick<Held, 'live' | 'nextAt'> {
  const live = r.u32();
  return { live, nextAt: r.time() || Number.POSITIVE_INFINITY };
}

/**
 * Rebuilds the actor and everything derived.
 * @throws CorruptRecord when the bytes are not exactly one packed actor of a known version, undamaged
 */
export function unpack(bytes: Uint8Array): InventoryState {
  const { version, r } = bodyOf(bytes);
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
  if (has & HAS_POOL) state.pool = readPool(r);
  if (isInTurns(version)) {
    readRows(r, state, (entry) => state.dedup.restore(entry));
  } else if (version === VERSION_OLD_UNORDERED) {
    const outcomes: PackedEntry[] = [];
    readRows(r, state, (entry) => outcomes.push({ ...entry }));
    for (const entry of outcomes.sort((a, b) => a.seq - b.seq)) state.dedup.restore(entry);
  }
  if (has & HAS_RESERVATIONS) {
    let no = 0;
    for (let left = r.count(8); left > 0; left--) {
      no += r.varint();
      restore(state, readReservation(r, no));
    }
  }
  if (has & HAS_OUTCOMES) readOutcomes(r, state);
  if (hasSummary(version) && (isInTurns(version) || (has & HAS_RESERVATIONS) !== 0)) {
    const held = readHeld(r);
    if (held.live !== state.reservations.live || held.nextAt !== nextDueAt(state))
      throw new CorruptRecord('a packed actor does not have the reservations that it says it has');
  }
  if (r.remaining > 0) throw new CorruptRecord(`${r.remaining} bytes after the end of a packed actor`);
  return state;
}

function writeLimit(w: ByteWriter, limit: number, bought: InventoryState['bought']): void {
  w.varint(limit);
  w.varint(bought?.size ?? 0);
  bought?.each((units, owner) => {
    w.string(owner);
    w.varint(units);
  });
}

function readLimit(r: ByteReader, state: InventoryState): void {
  state.limitPerOwner = r.varint();
  for (let left = r.count(2); left > 0; left--) readBought(r, state);
}

function readBought(r: ByteReader, state: InventoryState): void {
  state.bought ??= new ShardedMap();
  state.bought.set(r.string(), r.varint());
}

/** The rows of an actor that was packed in turns. */
function readRows(r: ByteReader, state: InventoryState, remember: (entry: PackedEntry) => void): void {
  for (;;) {
    const kind = r.u8();
    switch (kind) {
      case ROW.end:
        state.owners?.sortHeld();
        return;
      case ROW.reservation:
        restore(state, readReservation(r, r.varint()));
        break;
      case ROW.bought:
        readBought(r, state);
        break;
      case ROW.outcome:
      case ROW.agedOutcome: {
        const entry = agedEntry(r.word53(), r.word53(), r.varint(), r.time());
        if (kind === ROW.outcome) readAnswer(r, entry, 0);
        remember(entry);
        break;
      }
      default:
        throw new CorruptRecord(`a row of kind ${kind} in a packed actor`);
    }
  }
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
  track(state, r, open);
}

/**
 * First the entries that are past their window, of which only the fingerprint and the time still matter: they are
 * answered IDEMPOTENCY_EXPIRED. Then the others, whole. Both in order of seq, so that differences are small.
 */
function writeOutcomes(w: ByteWriter, state: InventoryState, count: number, now: number): void {
  const answeredSince = now - IDEMPOTENCY_WINDOW_MS;
  const aged = count - state.dedup.countSince(answeredSince);
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
    writeAnswer(w, e, epoch);
    epoch = e.epoch;
  });
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
    const entry = agedEntry(a, b, seq, at);
    if (i >= aged) {
      readAnswer(r, entry, epoch);
      epoch = entry.epoch;
    }
    state.dedup.restore(entry);
  }
}

/** The entry that is being read: an object for each would be the greater part of the work. */
const ENTRY: ReadEntry = {
  a: 0.5,
  b: 0.5,
  seq: 0.5,
  at: 0.5,
  bodyHash: 0.5,
  code: 0,
  epoch: 0.5,
  x: 0.5,
  y: 0.5,
  z: 0.5,
};

/** An entry of which nothing is left but that it was there; valid until the next. */
function agedEntry(a: number, b: number, seq: number, at: number): ReadEntry {
  ENTRY.a = a;
  ENTRY.b = b;
  ENTRY.seq = seq;
  ENTRY.at = at;
  ENTRY.bodyHash = 0;
  ENTRY.code = 0;
  ENTRY.epoch = 0;
  ENTRY.x = 0;
  ENTRY.y = 0;
  ENTRY.z = 0;
  return ENTRY;
}
