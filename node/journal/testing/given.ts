// What the journal's tests are given and compare: layouts, claims, rows, and batches without their bytes.
import { createHash, randomUUID } from 'node:crypto';
import type { Claim, JournalBatch, LaneReader, RegionLayout, SnapshotRow } from '../port.ts';
import { collect } from './batches.ts';

export function layoutOf(region: string, partitions = 8): RegionLayout {
  return { region, partitions, hash: 'fnv1a-32' };
}

export function claimOf(ownerId: string, epochSeen = 0): Claim {
  return { ownerId, nonce: randomUUID(), epochSeen, sessionTtlMs: 60_000 };
}

/** A digest stands for the bytes: to compare a megabyte byte by byte takes expect half a minute. */
export function comparable({ firstSeq, lastSeq, bytes }: JournalBatch) {
  return { firstSeq, lastSeq, length: bytes.length, digest: createHash('sha1').update(bytes).digest('hex') };
}

export async function batchesOf(reader: LaneReader, fromSeq = 1) {
  return (await collect(reader.batches(fromSeq))).map(comparable);
}

export function rowOf(partition: number, sku: string, value = 'row'): SnapshotRow {
  return { partition, sku, bytes: Buffer.from(value) };
}

export function manifestOf(slot: 'a' | 'b', coveredSeq: number) {
  return { slot, coveredSeq, checksum: 0xdeadbeef, at: 1_700_000_000_000 + coveredSeq, actors: 3 } as const;
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}
