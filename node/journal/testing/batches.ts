// Batches for journal tests: real framing around arbitrary records, linked as an owner would link them.
import { checksumOf, encodeBatch, GENESIS_CHECKSUM } from '../batch.ts';
import type { JournalBatch, Lane } from '../port.ts';

/** Writes what an owner of the lane would append, one batch after the other. */
export class BatchWriter {
  readonly epoch: number;
  readonly nonce: string;
  nextSeq: number;
  prevChecksum: number;

  /** Continues after `previous`, or begins the lane. */
  constructor(lane: Pick<Lane, 'epoch' | 'nonce' | 'openedAtSeq'>, previous?: JournalBatch) {
    this.epoch = lane.epoch;
    this.nonce = lane.nonce;
    this.nextSeq = lane.openedAtSeq + 1;
    this.prevChecksum = previous === undefined ? GENESIS_CHECKSUM : checksumOf(previous.bytes);
  }

  /** The next batch of `count` records; `records` stands for their bytes. */
  next(count = 1, records: Uint8Array | string = `${this.epoch}:${this.nextSeq}`): JournalBatch {
    const { epoch, nonce, nextSeq, prevChecksum } = this;
    const recordBytes = typeof records === 'string' ? Buffer.from(records) : records;
    const bytes = encodeBatch({ epoch, nonce, firstSeq: nextSeq, count, prevChecksum }, recordBytes);
    this.prevChecksum = checksumOf(bytes);
    this.nextSeq += count;
    return { firstSeq: nextSeq, lastSeq: nextSeq + count - 1, bytes };
  }
}

/** All of an async iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
