// The rows of a snapshot as the store has them. The row of a giant actor is written in parts, each with a commit of its own, so
// that the journal's commits wait for no more than one of them: a row of 70 MB held them up for 200 ms. Parts are rows too, of
// names that no sku has. They come first; the row itself, which says what parts make it, comes last. So it is there as a
// whole, or as it was before, whenever the writer ends. Three generations of parts take turns: that of the row that is there, that
// of a row whose writing was not confirmed and that may be there instead, and a free one.
import { ByteReader, ByteWriter, CorruptRecord } from '../core/index.ts';
import type { AppendResult, Lane, LaneReader, SnapshotRow, SnapshotSlot } from '../journal/port.ts';

/** Between the sku, the generation and the number in a part's name: a control character, which no sku has. */
const PART = '\u001f';
/** What a row begins with that is made of parts; a packed actor begins with its version, which is small. */
const PARTED = 0xff;
const EMPTY = new Uint8Array(0);
const GENERATIONS = [0, 1, 2] as const;
/** Parts emptied in one commit. */
const EMPTIED_PER_COMMIT = 500;

type RowReader = Pick<LaneReader, 'row'>;

interface Head {
  readonly generation: number;
  readonly parts: number;
  /** Bytes of all parts together. */
  readonly length: number;
}

/**
 * The rows of the slot, as LaneReader.rows; those that are made of parts come last.
 * @throws CorruptRecord when parts are missing
 */
export async function* wholeRows(
  lane: RowReader & Pick<LaneReader, 'rows'>,
  slot: SnapshotSlot,
): AsyncGenerator<readonly SnapshotRow[], void, undefined> {
  const parted: SnapshotRow[] = [];
  for await (const rows of lane.rows(slot)) {
    const whole: SnapshotRow[] = [];
    for (const row of rows) {
      if (isPart(row.sku)) continue;
      (isParted(row.bytes) ? parted : whole).push(row);
    }
    if (whole.length > 0) yield whole;
  }
  for (const { partition, sku, bytes } of parted) {
    yield [{ partition, sku, bytes: await join(lane, slot, partition, sku, bytes) }];
  }
}

/** As LaneReader.row. @throws CorruptRecord when parts are missing */
export async function wholeRow(
  lane: RowReader,
  slot: SnapshotSlot,
  partition: number,
  sku: string,
): Promise<Uint8Array | undefined> {
  const bytes = await lane.row(slot, partition, sku);
  return bytes === undefined || !isParted(bytes) ? bytes : join(lane, slot, partition, sku, bytes);
}

/** Writes rows of any size. */
export class RowWriter {
  readonly #lane: Lane;
  readonly #partBytes: number;
  /** What is known to be there in parts, by slot and sku. */
  readonly #parted = new Map<string, Head>();
  /** What may be there instead: the store has not said whether it was written. */
  readonly #inDoubt = new Map<string, Head>();
  /** Of the lane, as of which all this is known: a fail-over of the store may have set it back. */
  #generation: number;

  constructor(lane: Lane, partBytes: number) {
    this.#lane = lane;
    this.#partBytes = partBytes;
    this.#generation = lane.generation;
  }

  /** Whether the row is to be written by itself, in parts. */
  isLarge(bytes: Uint8Array): boolean {
    return bytes.length > this.#partBytes;
  }

  /**
   * Rows that are not large. Parts that an earlier owner wrote are not looked for: where such a row has become small they stay
   * until it is large again, or its partition leaves.
   */
  async put(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult> {
    const result = await this.#lane.putRows(slot, rows);
    if (result !== 'OK') return result;
    for (const known of [this.#parted, this.#inDoubt]) {
      if (known.size === 0) continue;
      for (const { partition, sku } of rows) {
        const before = known.get(keyOf(slot, sku));
        if (before === undefined) continue;
        known.delete(keyOf(slot, sku));
        const emptied = await this.#empty(slot, partition, sku, before);
        if (emptied !== 'OK') return emptied;
      }
    }
    return 'OK';
  }

  /** @param between awaited between parts; what it throws ends the writing, and the row stays as it was */
  async putLarge(
    slot: SnapshotSlot,
    { partition, sku, bytes }: SnapshotRow,
    between: () => Promise<void>,
  ): Promise<AppendResult> {
    const key = keyOf(slot, sku);
    this.#forgetIfSetBack();
    const before = this.#parted.get(key) ?? (await this.#stored(slot, partition, sku));
    const inDoubt = this.#inDoubt.get(key);
    const generation = GENERATIONS.find((n) => n !== before?.generation && n !== inDoubt?.generation) as number;
    let parts = 0;
    for (let at = 0; at < bytes.length; at += this.#partBytes) {
      const part = { partition, sku: nameOf(sku, generation, parts), bytes: bytes.subarray(at, at + this.#partBytes) };
      const result = await this.#lane.putRows(slot, [part]);
      if (result !== 'OK') return result;
      parts += 1;
      await between();
    }
    const head = { generation, parts, length: bytes.length };
    this.#parted.delete(key);
    this.#inDoubt.set(key, head);
    const result = await this.#lane.putRows(slot, [{ partition, sku, bytes: encode(head) }]);
    if (result !== 'OK') return result;
    this.#inDoubt.delete(key);
    this.#parted.set(key, head);
    for (const left of [before, inDoubt]) {
      const emptied = left === undefined ? 'OK' : await this.#empty(slot, partition, sku, left);
      if (emptied !== 'OK') return emptied;
    }
    return 'OK';
  }

  #forgetIfSetBack(): void {
    const { generation } = this.#lane;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#parted.clear();
  }

  async #stored(slot: SnapshotSlot, partition: number, sku: string): Promise<Head | undefined> {
    const bytes = await this.#lane.row(slot, partition, sku);
    return bytes === undefined || !isParted(bytes) ? undefined : decode(sku, bytes);
  }

  /** Parts that no row is made of any more weigh nothing; their names go with their partition. */
  async #empty(slot: SnapshotSlot, partition: number, sku: string, { generation, parts }: Head): Promise<AppendResult> {
    for (let from = 0; from < parts; from += EMPTIED_PER_COMMIT) {
      const emptied = Array.from({ length: Math.min(parts - from, EMPTIED_PER_COMMIT) }, (_, n) => ({
        partition,
        sku: nameOf(sku, generation, from + n),
        bytes: EMPTY,
      }));
      const result = await this.#lane.putRows(slot, emptied);
      if (result !== 'OK') return result;
    }
    return 'OK';
  }
}

async function join(
  lane: RowReader,
  slot: SnapshotSlot,
  partition: number,
  sku: string,
  head: Uint8Array,
): Promise<Uint8Array> {
  const { generation, parts, length } = decode(sku, head);
  const read: Uint8Array[] = [];
  let bytes = 0;
  for (let n = 0; n < parts; n++) {
    const part = await lane.row(slot, partition, nameOf(sku, generation, n));
    if (part === undefined) throw new CorruptRecord(`part ${n} of ${parts} of the row of ${sku} is missing`);
    read.push(part);
    bytes += part.length;
  }
  if (bytes !== length) throw new CorruptRecord(`the parts of the row of ${sku} come to ${bytes} bytes, not ${length}`);
  return Buffer.concat(read, length);
}

function keyOf(slot: SnapshotSlot, sku: string): string {
  return `${slot}${sku}`;
}

function nameOf(sku: string, generation: number, part: number): string {
  return `${sku}${PART}${generation}${PART}${part}`;
}

/** Whether the row is a part of another. */
export function isPart(sku: string): boolean {
  return sku.includes(PART);
}

function isParted(bytes: Uint8Array): boolean {
  return bytes[0] === PARTED;
}

function encode({ generation, parts, length }: Head): Uint8Array {
  const w = new ByteWriter(32);
  w.u8(PARTED);
  w.u8(generation);
  w.varint(parts);
  w.varint(length);
  return w.copy();
}

function decode(sku: string, bytes: Uint8Array): Head {
  const r = new ByteReader(bytes, 1);
  const head = { generation: r.u8(), parts: r.varint(), length: r.varint() };
  if (r.remaining > 0) throw new CorruptRecord(`the row of ${sku} says more than what parts it has`);
  return head;
}
