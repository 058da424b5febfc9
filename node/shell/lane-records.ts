// The journal's records that are not events of an actor: the hand-off of partitions, and the actors that arrive with
// one. They stand between the events of actors, in the same batches, and count as records of the lane.
// Layout: version and type, partition, then the type's fields in the order below.
import type { TableEvent } from '../../cluster/handoff/table.ts';
import { type ByteReader, type ByteWriter, CorruptRecord } from '../core/index.ts';

/** High four bits of the first byte; events of actors have 1 there. */
const VERSION = 2;

/** Low four bits of the first byte. Part of the stored format: add, never renumber. */
const TYPE = { staged: 1, openedUncounted: 2, sealed: 3, left: 4, opened: 5 } as const;

/** An actor of a partition on its way here; it counts once the partition is opened by the same move. */
export interface StagedRecord {
  readonly type: 'staged';
  readonly partition: number;
  readonly moveId: string;
  readonly sku: string;
  /** The packed actor; see core/pack.ts. */
  readonly bytes: Uint8Array;
}

export type LaneRecord = TableEvent | StagedRecord;

export function encodeLaneRecord(w: ByteWriter, record: LaneRecord): void {
  const isUncounted = record.type === 'opened' && record.actors === undefined;
  w.u8((VERSION << 4) | (isUncounted ? TYPE.openedUncounted : TYPE[record.type]));
  w.varint(record.partition);
  switch (record.type) {
    case 'staged':
      w.string(record.moveId);
      w.string(record.sku);
      w.blob(record.bytes);
      return;
    case 'opened':
      w.varint(record.epoch);
      w.string(record.moveId);
      if (record.actors !== undefined) w.varint(record.actors);
      return;
    case 'sealed':
      w.varint(record.epoch);
      w.string(record.toLane);
      return;
    case 'left':
      return;
    default:
      record satisfies never;
  }
}

/**
 * Reads one record; the bytes of a row are a view of the reader's.
 * @throws CorruptRecord
 */
export function decodeLaneRecord(r: ByteReader): LaneRecord {
  const head = r.u8();
  if (head >> 4 !== VERSION) throw new CorruptRecord(`a record of version ${head >> 4}, expected ${VERSION}`);
  const partition = r.varint();
  switch (head & 15) {
    case TYPE.staged:
      return { type: 'staged', partition, moveId: r.string(), sku: r.string(), bytes: r.blob() };
    case TYPE.openedUncounted:
      return { type: 'opened', partition, epoch: r.varint(), moveId: r.string() };
    case TYPE.opened:
      return { type: 'opened', partition, epoch: r.varint(), moveId: r.string(), actors: r.varint() };
    case TYPE.sealed:
      return { type: 'sealed', partition, epoch: r.varint(), toLane: r.string() };
    case TYPE.left:
      return { type: 'left', partition };
    default:
      throw new CorruptRecord(`lane record type ${head & 15} is not known`);
  }
}
