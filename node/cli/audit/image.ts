// The actors of one lane as a journal replay makes them: rows of a snapshot, then records over them. Rows stay bytes
// until a record touches them, so that an image of a million actors costs little more than its rows.
import type { LaneReader, SnapshotManifest } from '../../journal/port.ts';
import { nameOfKey, partitionOfKey } from '../../shell/keys.ts';
import { type AnyEvent, type AnyState, kindOf } from '../../shell/kind-table.ts';
import { wholeRows } from '../../shell/snapshot-rows.ts';
import { requestOf } from './commands.ts';
import { KINDS, packedAs } from './kinds.ts';

/** A record does not continue its actor's history. */
export class HistoryGap extends Error {
  override readonly name = 'HistoryGap';
  readonly expectedSeq: number;
  constructor(sku: string, expectedSeq: number, found: number) {
    super(`${nameOfKey(sku)} is at seq ${expectedSeq - 1} and its next record has seq ${found}`);
    this.expectedSeq = expectedSeq;
  }
}

export class ActorImage {
  /** The journal seq that the rows cover; records behind it are applied. */
  readonly coveredSeq: number;
  /** By partition, so that one can be dropped whole. */
  readonly #partitions: readonly Map<string, Uint8Array | AnyState>[];

  private constructor(coveredSeq: number, partitions: number) {
    this.coveredSeq = coveredSeq;
    this.#partitions = Array.from({ length: partitions }, () => new Map());
  }

  /**
   * The rows of a snapshot; undefined: nothing, as before the first record.
   * @param isHere whether the lane has the partition; the rows of others are left out
   */
  static async load(
    reader: LaneReader,
    partitions: number,
    manifest: SnapshotManifest | undefined,
    isHere: (partition: number) => boolean,
  ): Promise<ActorImage> {
    const image = new ActorImage(manifest?.coveredSeq ?? 0, partitions);
    if (manifest === undefined) return image;
    for await (const rows of wholeRows(reader, manifest.slot)) {
      for (const { partition, sku, bytes } of rows) if (isHere(partition)) image.admit(sku, bytes);
    }
    return image;
  }

  *skus(): Generator<string, void, undefined> {
    for (const actors of this.#partitions) yield* actors.keys();
  }

  skusOf(partition: number): Iterable<string> {
    return this.#partitions[partition]?.keys() ?? [];
  }

  has(sku: string): boolean {
    return this.#of(sku).has(sku);
  }

  /** Takes in the row of an actor. */
  admit(sku: string, bytes: Uint8Array): void {
    // Copied: a driver may reuse what it hands out.
    this.#of(sku).set(sku, Uint8Array.from(bytes));
  }

  /** Forgets the actors of a partition. */
  drop(partition: number): void {
    this.#partitions[partition]?.clear();
  }

  #of(sku: string): Map<string, Uint8Array | AnyState> {
    return this.#partitions[partitionOfKey(sku, this.#partitions.length)] as Map<string, Uint8Array | AnyState>;
  }

  /**
   * Applies a record unless the actor's row contains it. An order is not asserted here: see commands.ts.
   * @throws HistoryGap, or InvariantViolation (I1, I2)
   */
  apply(sku: string, seq: number, event: AnyEvent): AnyState {
    const kind = kindOf(KINDS, sku);
    const actors = this.#of(sku);
    const held = actors.get(sku);
    const state = held === undefined ? kind.create(sku) : held instanceof Uint8Array ? kind.unpack(held) : held;
    if (held !== state) actors.set(sku, state);
    if (seq <= state.seq) return state;
    if (seq !== state.seq + 1) throw new HistoryGap(sku, state.seq + 1, seq);
    kind.evolve(state, event);
    if (requestOf(event) === undefined) kind.assertInvariants(state);
    return state;
  }

  /** The actor; a row is unpacked for the caller and not kept. @throws CorruptRecord when the row is damaged */
  state(sku: string): AnyState | undefined {
    const held = this.#of(sku).get(sku);
    return held instanceof Uint8Array ? kindOf(KINDS, sku).unpack(held) : held;
  }

  /** As a row that no record touched; undefined once one did, or when there is none. */
  row(sku: string): Uint8Array | undefined {
    const held = this.#of(sku).get(sku);
    return held instanceof Uint8Array ? held : undefined;
  }

  /**
   * The actor in canonical bytes as of `asOf`, ms, which I7 compares: rows were packed at different times, and what
   * has aged out of its window by then is not in them. @throws CorruptRecord when the row is damaged
   */
  bytes(sku: string, asOf: number): Uint8Array | undefined {
    const state = this.state(sku);
    return state === undefined ? undefined : packedAs(sku, state, asOf);
  }
}
