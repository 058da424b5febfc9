// The actors of one lane as a journal replay makes them: rows of a snapshot, then records over them. Rows stay bytes
// until a record touches them, so that an image of a million actors costs little more than its rows.
import {
  assertInvariants,
  createState,
  evolve,
  type InventoryEvent,
  type InventoryState,
  packedBytes,
  unpack,
} from '../../core/index.ts';
import type { LaneReader, SnapshotManifest } from '../../journal/port.ts';

/** A record does not continue its actor's history. */
export class HistoryGap extends Error {
  override readonly name = 'HistoryGap';
  readonly expectedSeq: number;
  constructor(sku: string, expectedSeq: number, found: number) {
    super(`${sku} is at seq ${expectedSeq - 1} and its next record has seq ${found}`);
    this.expectedSeq = expectedSeq;
  }
}

export class ActorImage {
  /** The journal seq that the rows cover; records behind it are applied. */
  readonly coveredSeq: number;
  readonly #actors = new Map<string, Uint8Array | InventoryState>();

  private constructor(coveredSeq: number) {
    this.coveredSeq = coveredSeq;
  }

  /** The rows of a snapshot; undefined: nothing, as before the first record. */
  static async load(reader: LaneReader, manifest: SnapshotManifest | undefined): Promise<ActorImage> {
    const image = new ActorImage(manifest?.coveredSeq ?? 0);
    if (manifest === undefined) return image;
    for await (const rows of reader.rows(manifest.slot)) {
      // Copied: a driver may reuse what it hands out.
      for (const { sku, bytes } of rows) image.#actors.set(sku, Uint8Array.from(bytes));
    }
    return image;
  }

  get size(): number {
    return this.#actors.size;
  }

  skus(): IterableIterator<string> {
    return this.#actors.keys();
  }

  has(sku: string): boolean {
    return this.#actors.has(sku);
  }

  /** Applies a record unless the actor's row contains it. @throws HistoryGap, or InvariantViolation (I1, I2) */
  apply(sku: string, seq: number, event: InventoryEvent): InventoryState {
    const held = this.#actors.get(sku);
    const state = held === undefined ? createState(sku) : held instanceof Uint8Array ? unpack(held) : held;
    if (held !== state) this.#actors.set(sku, state);
    if (seq <= state.seq) return state;
    if (seq !== state.seq + 1) throw new HistoryGap(sku, state.seq + 1, seq);
    evolve(state, event);
    assertInvariants(state);
    return state;
  }

  /** The actor; a row is unpacked for the caller and not kept. @throws CorruptRecord when the row is damaged */
  state(sku: string): InventoryState | undefined {
    const held = this.#actors.get(sku);
    return held instanceof Uint8Array ? unpack(held) : held;
  }

  /** As a row that no record touched; undefined once one did, or when there is none. */
  row(sku: string): Uint8Array | undefined {
    const held = this.#actors.get(sku);
    return held instanceof Uint8Array ? held : undefined;
  }

  /**
   * The actor in canonical bytes as of `asOf`, ms, which I7 compares: rows were packed at different times, and what
   * has aged out of its window by then is not in them. @throws CorruptRecord when the row is damaged
   */
  bytes(sku: string, asOf: number): Uint8Array | undefined {
    const state = this.state(sku);
    return state === undefined ? undefined : packedBytes(state, asOf);
  }
}
