// A large actor as bytes, a few rows a turn while it goes on changing: packing hundreds of thousands of rows at once
// would hold up everybody else. What is packed is the actor as it was when the packing began: its tables show each row
// before they change it (see sorted-pages.ts, beginWalk), and what is younger is left out. The rows stand in no order that
// means anything, so the bytes are not canonical; what unpack makes of them is.
import { crc32 } from 'node:zlib';
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { ByteWriter } from './bytes.ts';
import type { PackedEntry } from './dedup.ts';
import { Held, packHeadInTurns, ROW, writeHeld } from './pack.ts';
import { writeAnswer, writeReservation } from './packed-rows.ts';
import type { InventoryState, Reservation } from './types.ts';

/** Rows are gathered in parts of about this size, so that no buffer grows by copying all there is. */
const PART_BYTES = 65_536;
/** Bytes put together in the time it takes to pack a row. */
const BYTES_PER_ROW = 256;

/** Something that is walked in turns: see beginWalk in sorted-pages.ts and sharded-map.ts. */
interface Walked {
  walkOn(most: number): number;
  endWalk(): void;
}

export class PackInTurns {
  /** The seq up to which events are in the bytes: the actor's when the packing began. */
  readonly seq: number;
  readonly #answeredSince: number;
  readonly #walks: readonly Walked[];
  /** The walk that is taken on next; behind the last one, the parts are put together. */
  #walk = 0;
  readonly #writer = new ByteWriter(PART_BYTES + 4_096);
  readonly #parts: Uint8Array[] = [];
  readonly #held = new Held();
  #partsJoined = 0;
  #bytes: Uint8Array | undefined;
  #length = 0;
  #checksum = 0;
  #failure: Error | undefined;

  /**
   * Begins to pack the actor as it is now; it may be changed by evolve between the turns. What has aged out at `asOf`
   * is left out, as pack does. An actor is packed by one at a time.
   */
  constructor(state: InventoryState, asOf: number = state.lastAt) {
    const now = Math.max(asOf, state.lastAt);
    this.seq = state.seq;
    this.#answeredSince = now - IDEMPOTENCY_WINDOW_MS;
    packHeadInTurns(state, this.#writer);
    // A limit that is lifted leaves the map as it is.
    const { bought } = state;
    this.#walks = [state.reservations, state.dedup, ...(bought === undefined ? [] : [bought])];
    state.reservations.walk(now, state.seq, (r) => this.#write(() => this.#reservation(r)));
    state.dedup.beginWalk(now, (entry) => this.#write(() => this.#outcome(entry)));
    bought?.beginWalk((units, owner) => this.#write(() => this.#bought(owner, units)));
  }

  /** Packs about `rows` more; true once all is packed. @throws what went wrong with a row */
  step(rows: number): boolean {
    let left = rows;
    while (left > 0 && this.#walk < this.#walks.length) {
      const passed = (this.#walks[this.#walk] as Walked).walkOn(left);
      if (passed < left) this.#walk += 1;
      left -= passed;
    }
    if (this.#failure !== undefined) {
      this.cancel();
      throw this.#failure;
    }
    if (left > 0 && this.#walk === this.#walks.length) this.#join(left * BYTES_PER_ROW);
    return this.#bytes !== undefined && this.#partsJoined === this.#parts.length;
  }

  /** The packed actor; once step has said that all is packed. */
  bytes(): Uint8Array {
    if (this.#bytes === undefined || this.#partsJoined < this.#parts.length) throw new Error('the packing is not done');
    return this.#bytes;
  }

  /** Gives up, wherever it is, so that the actor need show nothing any more; harmless once all is packed. */
  cancel(): void {
    if (this.#walk === this.#walks.length) return;
    // Only the walks of its own: those that came to their end may have been begun anew by a successor.
    for (; this.#walk < this.#walks.length; this.#walk++) (this.#walks[this.#walk] as Walked).endWalk();
    this.#failure ??= new Error('the packing was cancelled');
  }

  /** A row that cannot be packed must fail the packing, never the change of the actor that it is shown for. */
  #write(row: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      row();
      if (this.#writer.length >= PART_BYTES) this.#cut();
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  #reservation(r: Reservation): void {
    this.#writer.u8(ROW.reservation);
    this.#writer.varint(r.no);
    writeReservation(this.#writer, r);
    this.#held.add(r);
  }

  #outcome(entry: PackedEntry): void {
    const w = this.#writer;
    const aged = entry.at < this.#answeredSince;
    w.u8(aged ? ROW.agedOutcome : ROW.outcome);
    w.word53(entry.a);
    w.word53(entry.b);
    w.varint(entry.seq);
    w.time(entry.at);
    if (!aged) writeAnswer(w, entry, 0);
  }

  #bought(owner: string, units: number): void {
    this.#writer.u8(ROW.bought);
    this.#writer.string(owner);
    this.#writer.varint(units);
  }

  /** Closes the part that was gathered. */
  #cut(): void {
    const part = this.#writer.copy();
    this.#checksum = crc32(part, this.#checksum);
    this.#length += part.length;
    this.#parts.push(part);
    this.#writer.reset();
  }

  /** Puts parts together, about `most` bytes. */
  #join(most: number): void {
    if (this.#bytes === undefined) {
      this.#writer.u8(ROW.end);
      writeHeld(this.#writer, this.#held);
      this.#cut();
      this.#writer.u32(this.#checksum);
      this.#cut();
      this.#bytes = Buffer.allocUnsafeSlow(this.#length);
      this.#length = 0;
    }
    for (let joined = 0; joined < most && this.#partsJoined < this.#parts.length; this.#partsJoined++) {
      const part = this.#parts[this.#partsJoined] as Uint8Array;
      this.#parts[this.#partsJoined] = new Uint8Array();
      this.#bytes.set(part, this.#length);
      this.#length += part.length;
      joined += part.length;
    }
  }
}
