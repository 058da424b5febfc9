// Extendible hashing (Fagin et al., 1979) over flat rows of doubles: a directory of small buckets, each one array
// of numbers. It grows one bucket at a time, so millions of rows never cause a rehash pause; it holds no object a
// row, so the garbage collector has nothing to trace; and a small table is one bucket. What a row means is the
// subclass's business: field 0 is its key, and one field is the time after which it may be dropped.

/** One more doubling than this would serve nothing but keys made to collide. */
const DEPTH_MAX = 26;
/** The directory has at most so many entries for each bucket's worth of rows; beyond it a bucket may overflow. */
const DIRECTORY_SLACK = 8;

/** A bucket's number and a place in it share one double; no bucket is this long. */
const ROW_ADDRESS = 2 ** 26;

/** A row starts at `bucket[at]`. */
export type RowVisitor = (bucket: readonly number[], at: number) => void;

/**
 * bucket[0] is the bucket's own depth, bucket[1] the number of the last walk that showed it, then 64 bits of which each
 * row sets one by its key: most keys that are not there are known not to be without a look at the rows, which lie in a
 * dozen cache lines. Rows follow.
 */
const HEAD = 4;
const SHOWN = 1;
const SEEN = 2;
/** Positions of a walk: the key's low bits, the lowest first, so that a split divides a range of them in two. */
const WALK_END = 2 ** DEPTH_MAX;

export abstract class BucketTable {
  /** Rows held, including those that have gone stale and are still to be dropped. */
  size = 0;
  private readonly stride: number;
  private readonly staleField: number;
  private readonly bucketLengthMax: number;
  private directory: number[][];
  private mask = 0;
  /** Of the walk under way; undefined: there is none. */
  private visitor: RowVisitor | undefined;
  private walks = 0;
  private walkedTo = 0;

  /**
   * @param stride fields of a row
   * @param rowsPerBucket rows at which a bucket is cleaned or split
   * @param staleField the field that holds the time from which a row ages, ms; 0: it does not age
   */
  constructor(stride: number, rowsPerBucket: number, staleField: number) {
    this.stride = stride;
    this.staleField = staleField;
    this.bucketLengthMax = HEAD + rowsPerBucket * stride;
    this.directory = [emptyBucket(0)];
  }

  /** The bucket that holds the rows of `key`, or would. */
  protected bucketOf(key: number): number[] {
    return this.directory[key & this.mask] as number[];
  }

  /** Where the newest row with this key starts in the bucket, or −1. Newest first: it is the one asked for most. */
  protected indexIn(bucket: readonly number[], key: number): number {
    const bits = seenBits(key);
    if (((bucket[SEEN + (bits >> 5)] as number) & (1 << (bits & 31))) === 0) return -1;
    for (let i = bucket.length - this.stride; i >= HEAD; i -= this.stride) if (bucket[i] === key) return i;
    return -1;
  }

  /** The next row with this key before `from`, or −1. */
  protected indexBefore(bucket: readonly number[], key: number, from: number): number {
    for (let i = from - this.stride; i >= HEAD; i -= this.stride) if (bucket[i] === key) return i;
    return -1;
  }

  /**
   * A bucket with room for one more row of `key`; the caller pushes exactly `stride` numbers onto it. A full
   * bucket first loses its rows that aged before `staleBefore`, and is split if that was not enough.
   */
  protected roomFor(key: number, staleBefore: number): number[] {
    this.size += 1;
    let bucket = this.bucketOf(key);
    if (bucket.length < this.bucketLengthMax) {
      markSeen(bucket, key);
      return bucket;
    }
    this.dropStale(bucket, staleBefore);
    // Splitting unless a quarter is free keeps the cleaning of a nearly full bucket from being repeated each time.
    while (bucket.length * 4 > this.bucketLengthMax * 3) {
      if (!this.split(bucket, key)) break;
      bucket = this.bucketOf(key);
    }
    markSeen(bucket, key);
    return bucket;
  }

  /** Called for each row that is dropped, before its place is reused. */
  protected dropped(_bucket: readonly number[], _at: number): void {}

  private dropStale(bucket: number[], staleBefore: number): void {
    this.beforeChange(bucket);
    const { stride, staleField } = this;
    let to = HEAD;
    for (let from = HEAD; from < bucket.length; from += stride) {
      const since = bucket[from + staleField] as number;
      if (since !== 0 && since < staleBefore) {
        this.dropped(bucket, from);
        this.size -= 1;
        continue;
      }
      if (to !== from) for (let f = 0; f < stride; f++) bucket[to + f] = bucket[from + f] as number;
      to += stride;
    }
    bucket.length = to;
    this.markAllSeen(bucket);
  }

  private markAllSeen(bucket: number[]): void {
    bucket[SEEN] = 0;
    bucket[SEEN + 1] = 0;
    for (let at = HEAD; at < bucket.length; at += this.stride) markSeen(bucket, bucket[at] as number);
  }

  private split(bucket: number[], key: number): boolean {
    const depth = bucket[0] as number;
    const bit = 2 ** depth;
    if (bit === this.directory.length && !this.doubleDirectory()) return false;
    bucket[0] = depth + 1;
    const sibling = bucket.slice(); // a copy at full capacity, so that filling it up need not grow it step by step
    const { stride } = this;
    let stay = HEAD;
    let move = HEAD;
    for (let from = HEAD; from < bucket.length; from += stride) {
      if ((bucket[from] as number) & bit) {
        for (let f = 0; f < stride; f++) sibling[move + f] = bucket[from + f] as number;
        move += stride;
      } else {
        if (stay !== from) for (let f = 0; f < stride; f++) bucket[stay + f] = bucket[from + f] as number;
        stay += stride;
      }
    }
    bucket.length = stay;
    sibling.length = move;
    this.markAllSeen(bucket);
    this.markAllSeen(sibling);
    for (let i = (key & (bit - 1)) + bit; i < this.directory.length; i += 2 * bit) this.directory[i] = sibling;
    return true;
  }

  private doubleDirectory(): boolean {
    const { directory } = this;
    const bucketsWorth = 1 + (this.size * this.stride) / this.bucketLengthMax;
    if (directory.length > DIRECTORY_SLACK * bucketsWorth || directory.length >= 2 ** DEPTH_MAX) return false;
    this.directory = directory.concat(directory);
    this.mask = this.directory.length - 1;
    return true;
  }

  /**
   * Begins a walk over the rows as they are now, to be taken on in turns by walkOn while the table is being changed:
   * every row is shown to `visit` once, as it stands now, at the latest before it is changed or dropped. Rows added
   * from now on may be shown too; the visitor tells them apart.
   */
  protected beginWalk(visit: RowVisitor): void {
    if (this.visitor !== undefined) throw new Error('this table is being walked already');
    this.visitor = visit;
    this.walks += 1;
    this.walkedTo = 0;
  }

  /** Takes the walk on by about `most` rows; returns how many it came past, fewer only at its end. */
  walkOn(most: number): number {
    let passed = 0;
    while (passed < most && this.walkedTo < WALK_END) {
      const bucket = this.directory[reversed(this.walkedTo) & this.mask] as number[];
      this.walkedTo += 2 ** (DEPTH_MAX - (bucket[0] as number));
      passed += 1 + (bucket.length - HEAD) / this.stride;
      this.beforeChange(bucket);
    }
    if (passed < most) this.endWalk();
    return passed;
  }

  /** Ends the walk, wherever it is; harmless when there is none. */
  endWalk(): void {
    this.visitor = undefined;
  }

  /** To be called before a row in the bucket is changed. A split of a bucket that was shown gives two that were. */
  protected beforeChange(bucket: number[]): void {
    if (this.visitor === undefined || bucket[SHOWN] === this.walks) return;
    bucket[SHOWN] = this.walks;
    for (let at = HEAD; at < bucket.length; at += this.stride) this.visitor(bucket, at);
  }

  /** Visits each row that has not aged before `staleBefore`, in no order that means anything. */
  protected eachRow(staleBefore: number, visit: RowVisitor): void {
    for (let i = 0; i < this.directory.length; i++) {
      const bucket = this.directory[i] as number[];
      if (i >= 2 ** (bucket[0] as number)) continue; // seen under its first directory entry
      for (let at = HEAD; at < bucket.length; at += this.stride) {
        const since = bucket[at + this.staleField] as number;
        if (since === 0 || since >= staleBefore) visit(bucket, at);
      }
    }
  }

  /** As eachRow, in ascending order of a field whose values are distinct integers. */
  protected eachRowInOrder(field: number, staleBefore: number, visit: RowVisitor): void {
    if (this.size === 0) return;
    const buckets: (readonly number[])[] = [];
    const rows: number[] = [];
    const values: number[] = [];
    this.eachRow(staleBefore, (bucket, at) => {
      if (buckets[buckets.length - 1] !== bucket) buckets.push(bucket);
      rows.push((buckets.length - 1) * ROW_ADDRESS + at);
      values.push(bucket[at + field] as number);
    });
    for (const i of ascending(values)) {
      const row = rows[i] as number;
      visit(buckets[Math.floor(row / ROW_ADDRESS)] as number[], row % ROW_ADDRESS);
    }
  }
}

/** The indices of `values` in ascending order of value. */
function ascending(values: readonly number[]): Iterable<number> {
  const count = values.length;
  if (count < 2) return count === 0 ? [] : [0];
  let least = values[0] as number;
  let greatest = least;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if ((greatest - least + 1) * count > Number.MAX_SAFE_INTEGER) {
    return values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  }
  // Value and index in one double: the native sort of numbers is an order of magnitude faster than a comparator.
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = ((values[i] as number) - least) * count + i;
  keys.sort();
  for (let i = 0; i < count; i++) keys[i] = (keys[i] as number) % count;
  return keys;
}

/** Starts with a fraction so that V8 keeps the array as unboxed doubles from its first row on. */
function emptyBucket(depth: number): number[] {
  const bucket = [0.5, 0, 0, 0];
  bucket[0] = depth;
  return bucket;
}

/** Which of the 64 bits stands for a key: by its high bits, since its low ones chose the bucket. */
function seenBits(key: number): number {
  return (key / 0x100000000) & 63;
}

function markSeen(bucket: number[], key: number): void {
  const bits = seenBits(key);
  const word = SEEN + (bits >> 5);
  bucket[word] = (bucket[word] as number) | (1 << (bits & 31));
}

/** The low DEPTH_MAX bits in reverse. */
function reversed(bits: number): number {
  let v = bits;
  v = ((v >>> 1) & 0x55555555) | ((v & 0x55555555) << 1);
  v = ((v >>> 2) & 0x33333333) | ((v & 0x33333333) << 2);
  v = ((v >>> 4) & 0x0f0f0f0f) | ((v & 0x0f0f0f0f) << 4);
  v = ((v >>> 8) & 0x00ff00ff) | ((v & 0x00ff00ff) << 8);
  return ((v >>> 16) | (v << 16)) >>> (32 - DEPTH_MAX);
}
