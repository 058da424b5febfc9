// The idempotency memory of one actor: for each requestId the outcome that was decided, as numbers. What the
// numbers mean is render.ts's business. Time is the actor's event time, never a clock.
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { BucketTable } from './buckets.ts';
import { FINGERPRINT, fingerprint } from './hash.ts';

/**
 * How long an entry is recognised, ms: one window in which it is answered again, and a second one in which it is
 * answered IDEMPOTENCY_EXPIRED, never carried out again.
 */
export const DEDUP_RETENTION_MS = 2 * IDEMPOTENCY_WINDOW_MS;

/** What was decided on one requestId. */
export interface DedupEntry {
  readonly bodyHash: number;
  /** When it was decided, ms. */
  readonly at: number;
  /** See OUTCOME in outcomes.ts. */
  readonly code: number;
  readonly epoch: number;
  readonly seq: number;
  /** The figures of the reply; see outcomes.ts for each code's. Integers. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

// Fields of a row. The fingerprint's first word is the key.
const A = 0;
const B = 1;
const BODY = 2;
const AT = 3;
/** epoch × CODES + code */
const EPOCH_CODE = 4;
const SEQ = 5;
const X = 6;
const Y = 7;
const Z = 8;
const STRIDE = 9;

const CODES = 32;
const ROWS_PER_BUCKET = 24;

/** One row as pack.ts writes and reads it. */
export interface PackedEntry extends DedupEntry {
  readonly a: number;
  readonly b: number;
}

export class DedupWindow extends BucketTable {
  constructor() {
    super(STRIDE, ROWS_PER_BUCKET, AT);
  }

  /** What was decided on this requestId, or undefined when nothing was within the retention before `now`. */
  find(requestId: string, now: number): DedupEntry | undefined {
    fingerprint(requestId);
    const { a, b } = FINGERPRINT;
    const bucket = this.bucketOf(a);
    let i = this.indexIn(bucket, a);
    while (i >= 0 && bucket[i + B] !== b) i = this.indexBefore(bucket, a, i);
    if (i < 0 || now - (bucket[i + AT] as number) > DEDUP_RETENTION_MS) return undefined;
    return entryAt(bucket, i);
  }

  /** Remembers what was decided. The caller has looked: the id is not held within the retention. */
  remember(
    requestId: string,
    bodyHash: number,
    at: number,
    code: number,
    epoch: number,
    seq: number,
    x: number,
    y: number,
    z: number,
  ): void {
    fingerprint(requestId);
    const { a, b } = FINGERPRINT;
    this.roomFor(a, at - DEDUP_RETENTION_MS).push(a, b, bodyHash, at, epoch * CODES + code, seq, x, y, z);
  }

  /** Puts back an entry that pack.ts read. */
  restore(e: PackedEntry): void {
    this.roomFor(e.a, 0).push(e.a, e.b, e.bodyHash, e.at, e.epoch * CODES + e.code, e.seq, e.x, e.y, e.z);
  }

  /** Entries that count at `now`, in the order in which they were decided. */
  eachInOrder(now: number, visit: (entry: PackedEntry) => void): void {
    this.eachRowInOrder(SEQ, now - DEDUP_RETENTION_MS, (bucket, at) => visit(packedEntryAt(bucket, at)));
  }

  /** Begins a walk, see beginWalk, over the entries up to seq `last` that count at `now`. */
  walk(now: number, last: number, visit: (entry: PackedEntry) => void): void {
    const staleBefore = now - DEDUP_RETENTION_MS;
    this.beginWalk((bucket, at) => {
      if ((bucket[at + SEQ] as number) > last || (bucket[at + AT] as number) < staleBefore) return;
      visit(packedEntryAt(bucket, at));
    });
  }

  /** The times of the entries that count at `now`, in no order. */
  eachTime(now: number, visit: (at: number) => void): void {
    this.eachRow(now - DEDUP_RETENTION_MS, (bucket, at) => visit(bucket[at + AT] as number));
  }

  /** How many entries count at `now`. */
  countAt(now: number): number {
    let count = 0;
    this.eachRow(now - DEDUP_RETENTION_MS, () => {
      count += 1;
    });
    return count;
  }
}

function packedEntryAt(bucket: readonly number[], i: number): PackedEntry {
  return { a: bucket[i + A] as number, b: bucket[i + B] as number, ...entryAt(bucket, i) };
}

function entryAt(bucket: readonly number[], i: number): DedupEntry {
  const epochCode = bucket[i + EPOCH_CODE] as number;
  const epoch = Math.floor(epochCode / CODES);
  return {
    bodyHash: bucket[i + BODY] as number,
    at: bucket[i + AT] as number,
    code: epochCode - epoch * CODES,
    epoch,
    seq: bucket[i + SEQ] as number,
    x: bucket[i + X] as number,
    y: bucket[i + Y] as number,
    z: bucket[i + Z] as number,
  };
}
