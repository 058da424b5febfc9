// Every bound of gossip, with its reason.

/** Partitions of a region: a stamp for each is in every digest. */
export const PARTITIONS_MAX = 16_384;
/** Regions: each adds its digests to every message. */
export const REGIONS_MAX = 64;
/** Ages that an answer tells apart in one region: those of as many workers; the rest are told with the oldest among them. */
export const AGES_MAX = 16;
/** Workers that a region tells of. */
export const WORKERS_MAX = 1_024;
/** What a sku's register holds, bytes: a view of a position with its nodes. */
export const VALUE_BYTES_MAX = 4_096;
/** An address or URL of a worker, characters. */
export const ADDRESS_LENGTH_MAX = 512;
/** A message of more bytes is not read: an answer is kept below what its sender was configured with, and a margin. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

export interface GossipOptions {
  /** This worker's. */
  readonly region: string;
  readonly worker: string;
  /** An answer has no more bytes: it is made and taken in within one turn. */
  readonly answerBytesMax: number;
  /** SKUs that are kept of all regions together; those beyond are not, and say so. Default: 20,000,000. */
  readonly skusMax?: number;
  /** Which partition of so many a sku is in: the same in all regions. */
  readonly partitionOf: (sku: string, partitions: number) => number;
}

export const SKUS_MAX = 20_000_000;
