// The recent batches of a live owner, as they were acknowledged: what it can append again when a fail-over of the store
// has lost the end of its lane. Bounded in time and bytes; a loss that reaches further back cannot be made good.
import type { JournalBatch, StoredTail } from '../journal/port.ts';

export interface LinkedBatch extends JournalBatch {
  readonly checksum: number;
}

export interface KeptTailBounds {
  readonly ms: number;
  readonly bytesMax: number;
}

interface Kept extends LinkedBatch {
  readonly at: number;
}

/** Forgotten batches are taken out of the list once they are so many, and half of it. */
const FORGOTTEN_MIN = 1_024;

export class KeptTail {
  readonly #bounds: KeptTailBounds;
  /** Those before `#first` are forgotten, and let go of their bytes at once. */
  #batches: (Kept | undefined)[] = [];
  /** Where the batches begin that are still kept. */
  #first = 0;
  #bytes = 0;
  #fromSeq: number;
  #fromChecksum: number;

  /** @param fromSeq the last seq of the lane, and `checksum` that of the batch that ends there */
  constructor(bounds: KeptTailBounds, fromSeq: number, checksum: number) {
    this.#bounds = bounds;
    this.#fromSeq = fromSeq;
    this.#fromChecksum = checksum;
  }

  /** All batches behind this seq are kept. */
  get fromSeq(): number {
    return this.#fromSeq;
  }

  /** Whether all that was kept is too old to be appended again. `now` as in push. */
  hasAged(now: number): boolean {
    const newest = this.#batches.at(-1);
    return newest === undefined || now - newest.at >= this.#bounds.ms;
  }

  /** The next batch of the lane. `now`: on a clock that does not go back, ms. */
  push({ firstSeq, lastSeq, bytes, checksum }: LinkedBatch, now: number): void {
    this.#batches.push({ firstSeq, lastSeq, bytes, checksum, at: now });
    this.#bytes += bytes.length;
    for (let oldest = this.#batches[this.#first]; oldest !== undefined; oldest = this.#batches[this.#first]) {
      if (this.#bytes <= this.#bounds.bytesMax && now - oldest.at < this.#bounds.ms) break;
      this.#bytes -= oldest.bytes.length;
      this.#fromSeq = oldest.lastSeq;
      this.#fromChecksum = oldest.checksum;
      this.#batches[this.#first] = undefined;
      this.#first += 1;
    }
    if (this.#first < FORGOTTEN_MIN || this.#first * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#first);
    this.#first = 0;
  }

  /**
   * What the store lacks of what is kept; undefined when its end is no end of ours: it lies before what is kept, or
   * somebody else wrote it.
   * @param unacknowledged sent behind the kept ones: the store may have them
   */
  behind(tail: StoredTail, unacknowledged: readonly Pick<LinkedBatch, 'lastSeq' | 'checksum'>[]) {
    const kept = this.#batches.slice(this.#first) as Kept[];
    const ends = [{ lastSeq: this.#fromSeq, checksum: this.#fromChecksum }, ...kept, ...unacknowledged];
    const end = ends.find(({ lastSeq }) => lastSeq === tail.lastSeq);
    if (end === undefined || (tail.checksum !== undefined && tail.checksum !== end.checksum)) return undefined;
    return kept.filter(({ firstSeq }) => firstSeq > tail.lastSeq);
  }
}
