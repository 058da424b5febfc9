// What two lanes say to each other while a partition moves from one to the other, as bytes for the mesh.
import { ByteReader, ByteWriter, CorruptRecord } from '../core/index.ts';

/** A packed actor. */
export interface HandoffRow {
  readonly sku: string;
  readonly bytes: Uint8Array;
}

/** Actors of a partition that may still change: a copy made ahead, so that the pause at the end is short. */
export interface RowsMessage {
  readonly partition: number;
  readonly toLane: string;
  /** Drawn for each attempt: rows of another attempt do not count. */
  readonly moveId: string;
  /** The partition has left its lane for good already: it can only be taken, not refused. */
  readonly isSealed: boolean;
  readonly rows: readonly HandoffRow[];
}

/** The partition was sealed, durably, and these are the actors that changed after they were copied. */
export interface HandoverMessage extends RowsMessage {
  /** The epoch the partition had in the lane that sealed it. */
  readonly epoch: number;
  /** Actors of the partition, so that a copy that is not whole is noticed. */
  readonly actors: number;
}

export type HandoffAnswer =
  /** The rows are kept, or the partition is open here, durably, under `epoch`. */
  | { readonly status: 'ok'; readonly epoch: number }
  /** The copy is not whole: send all rows again, as another attempt. */
  | { readonly status: 'incomplete' }
  /** This worker does not hold the lane, or cannot take the partition now: ask again later, perhaps somebody else. */
  | { readonly status: 'refused'; readonly reason: string };

const VERSION = 1;
const STATUS = ['ok', 'incomplete', 'refused'] as const;

function writeRows(w: ByteWriter, message: RowsMessage): void {
  w.u8(VERSION);
  w.varint(message.partition);
  w.string(message.toLane);
  w.string(message.moveId);
  w.u8(message.isSealed ? 1 : 0);
  w.varint(message.rows.length);
  for (const { sku, bytes } of message.rows) {
    w.string(sku);
    w.blob(bytes);
  }
}

function readRows(r: ByteReader): RowsMessage {
  const version = r.u8();
  if (version !== VERSION) throw new CorruptRecord(`a hand-off message of version ${version}, expected ${VERSION}`);
  const partition = r.varint();
  const toLane = r.string();
  const moveId = r.string();
  const isSealed = r.u8() === 1;
  const rows: HandoffRow[] = [];
  for (let left = r.count(2); left > 0; left--) rows.push({ sku: r.string(), bytes: r.blob() });
  return { partition, toLane, moveId, isSealed, rows };
}

export function encodeRows(message: RowsMessage): Uint8Array {
  const w = new ByteWriter(4_096);
  writeRows(w, message);
  return w.view();
}

/** @throws CorruptRecord; the bytes of rows are views of `bytes` */
export function decodeRows(bytes: Uint8Array): RowsMessage {
  return readRows(new ByteReader(bytes));
}

export function encodeHandover(message: HandoverMessage): Uint8Array {
  const w = new ByteWriter(4_096);
  writeRows(w, message);
  w.varint(message.epoch);
  w.varint(message.actors);
  return w.view();
}

/** @throws CorruptRecord; the bytes of rows are views of `bytes` */
export function decodeHandover(bytes: Uint8Array): HandoverMessage {
  const r = new ByteReader(bytes);
  return { ...readRows(r), epoch: r.varint(), actors: r.varint() };
}

export function encodeAnswer(answer: HandoffAnswer): Uint8Array {
  const w = new ByteWriter(64);
  w.u8(STATUS.indexOf(answer.status));
  if (answer.status === 'ok') w.varint(answer.epoch);
  else if (answer.status === 'refused') w.string(answer.reason);
  return w.view();
}

/** @throws CorruptRecord */
export function decodeAnswer(bytes: Uint8Array): HandoffAnswer {
  const r = new ByteReader(bytes);
  const status = STATUS[r.u8()];
  if (status === 'ok') return { status, epoch: r.varint() };
  if (status === 'incomplete') return { status };
  if (status === 'refused') return { status, reason: r.string() };
  throw new CorruptRecord('a hand-off answer of an unknown status');
}
