// The idempotency memory of one actor: for each requestId the outcome that was decided, as numbers. What the
// numbers mean is render.ts's business. Time is the actor's event time, never a clock.
//
// Rows of doubles in the order in which they were decided, in pages of plain arrays: no object a row, so the garbage
// collector has nothing to trace; what ages out goes a page at a time from the front; and nothing is ever sorted. A few
// rows are searched from the newest on; more are found through an index.
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { FingerprintIndex } from './fingerprint-index.ts';
import { FINGERPRINT, fingerprint } from './hash.ts';
import { freePage, longerPage, moreRows } from './pages.ts';

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

// Fields of a row; A and B are the fingerprint's words.
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

const PAGE_ROWS = 64;
const PAGE_LENGTH = PAGE_ROWS * STRIDE;
/** So many pages grow a few rows at a time, so that a table of few rows is small; the others begin at their full length. */
const GROWING_PAGES = 4;
/** The first has room for so many: an actor that is asked once is asked again. */
const FIRST_ROWS = 3;
/** From so many rows on there is an index: before, a look at all of them costs no more, and the index of an actor of few would weigh most. */
const INDEXED_ROWS = 40;
/** An index with more than so many slots a row is left over from a rush, and is built anew. */
const SLOTS_PER_ROW_MAX = 32;
/** The index counts rows modulo this; no actor holds as many. */
const ROW_NUMBERS = 2 ** 30;

/** One row as pack.ts writes and reads it. */
export interface PackedEntry extends DedupEntry {
  readonly a: number;
  readonly b: number;
}

/** One row while it is read. */
export type ReadEntry = Writable<PackedEntry>;

/** The entry is valid until the visitor returns. */
export type EntryVisitor = (entry: PackedEntry) => void;

interface Walk {
  readonly staleBefore: number;
  readonly visit: EntryVisitor;
  /** Numbers of rows, counted as firstRow is. */
  next: number;
  readonly end: number;
}

export class DedupWindow {
  private newest: number[] = [];
  /** Fields of the newest page that hold rows. */
  private used = 0;
  /** Full pages, oldest first. */
  private older: number[][] | undefined;
  /** How many rows were dropped: the number of the first row held. */
  private firstRow = 0;
  private index: FingerprintIndex | undefined;
  private walking: Walk | undefined;

  /** Rows held, including those that have gone stale and are still to be dropped. */
  get size(): number {
    const rows = this.used / STRIDE;
    return this.older === undefined ? rows : rows + this.older.length * PAGE_ROWS;
  }

  /**
   * What was decided on this requestId, or undefined when nothing was within the retention before `now`. Valid until the
   * next find or last.
   */
  find(requestId: string, now: number): DedupEntry | undefined {
    fingerprint(requestId);
    const { a, b } = FINGERPRINT;
    if (this.index !== undefined) return this.findIndexed(a, b, now, this.index);
    const { newest } = this;
    for (let i = this.used - STRIDE; i >= 0; i -= STRIDE) {
      if (newest[i] === a && newest[i + B] === b) return within(newest, i, now);
    }
    return undefined;
  }

  private findIndexed(a: number, b: number, now: number, index: FingerprintIndex): DedupEntry | undefined {
    let foundPage: number[] | undefined;
    let foundAt = 0;
    for (let number = index.first(a | 0); number >= 0; number = index.next()) {
      const row = this.rowOf(number);
      if (row >= this.size) continue;
      const page = this.pageOf(row);
      const i = (row % PAGE_ROWS) * STRIDE;
      // An id may be there twice, once stale: the newest counts.
      if (page[i] !== a || page[i + B] !== b) continue;
      if (foundPage !== undefined && (page[i + SEQ] as number) < (foundPage[foundAt + SEQ] as number)) continue;
      foundPage = page;
      foundAt = i;
    }
    return foundPage === undefined ? undefined : within(foundPage, foundAt, now);
  }

  /** The entry remembered last; undefined when there is none. Valid until the next find or last. */
  last(): DedupEntry | undefined {
    return this.used === 0 ? undefined : read(this.newest, this.used - STRIDE, FOUND);
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
    this.makeRoom(at - DEDUP_RETENTION_MS);
    this.append(a, b, bodyHash, at, epoch * CODES + code, seq, x, y, z);
  }

  /** Puts back an entry that pack.ts read, which it may use again; they come in the order in which they were decided. */
  restore(e: PackedEntry): void {
    this.makeRoom(0);
    this.append(e.a, e.b, e.bodyHash, e.at, e.epoch * CODES + e.code, e.seq, e.x, e.y, e.z);
  }

  private append(
    a: number,
    b: number,
    bodyHash: number,
    at: number,
    epochCode: number,
    seq: number,
    x: number,
    y: number,
    z: number,
  ): void {
    const { used } = this;
    if (used === this.newest.length) {
      const rows = Math.max(FIRST_ROWS, moreRows(used / STRIDE, PAGE_ROWS));
      this.newest = longerPage(this.newest, used, rows * STRIDE);
    }
    const { newest } = this;
    newest[used] = a;
    newest[used + B] = b;
    newest[used + BODY] = bodyHash;
    newest[used + AT] = at;
    newest[used + EPOCH_CODE] = epochCode;
    newest[used + SEQ] = seq;
    newest[used + X] = x;
    newest[used + Y] = y;
    newest[used + Z] = z;
    this.used = used + STRIDE;
    this.index?.add(a | 0, this.numberOf(this.size - 1));
  }

  /** Entries that count at `now`, in the order in which they were decided. */
  eachInOrder(now: number, visit: EntryVisitor): void {
    const staleBefore = now - DEDUP_RETENTION_MS;
    for (let row = 0; row < this.size; row++) this.show(row, staleBefore, visit);
  }

  /**
   * Begins a walk over the entries as they are now that count at `now`, to be taken on in turns by walkOn while others
   * are being remembered. Each is shown once, in order, at the latest before it is dropped.
   */
  beginWalk(now: number, visit: EntryVisitor): void {
    if (this.walking !== undefined) throw new Error('this table is being walked already');
    const staleBefore = now - DEDUP_RETENTION_MS;
    this.walking = { staleBefore, visit, next: this.firstRow, end: this.firstRow + this.size };
  }

  /** Takes the walk on by `most` rows; returns how many it came past, fewer only at its end. */
  walkOn(most: number): number {
    const { walking } = this;
    if (walking === undefined) return 0;
    const last = Math.min(walking.next + most, walking.end);
    const passed = last - walking.next;
    this.walkTo(last, walking);
    if (passed < most) this.endWalk();
    return passed;
  }

  private walkTo(last: number, walking: Walk): void {
    for (; walking.next < last; walking.next++) {
      this.show(walking.next - this.firstRow, walking.staleBefore, walking.visit);
    }
  }

  /** Ends the walk, wherever it is; harmless when there is none. */
  endWalk(): void {
    this.walking = undefined;
  }

  /** How many entries count at `now`. */
  countAt(now: number): number {
    return this.countSince(now - DEDUP_RETENTION_MS);
  }

  /** How many entries were decided at `at` or later. */
  countSince(at: number): number {
    return this.size - this.olderThan(at);
  }

  /** How many entries were decided before `at`: a binary search, since time never goes back. */
  private olderThan(at: number): number {
    let from = 0;
    let to = this.size;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.pageOf(middle)[(middle % PAGE_ROWS) * STRIDE + AT] as number) < at) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  private show(row: number, staleBefore: number, visit: EntryVisitor): void {
    const page = this.pageOf(row);
    const i = (row % PAGE_ROWS) * STRIDE;
    if ((page[i + AT] as number) < staleBefore) return;
    SHOWN.a = page[i + A] as number;
    SHOWN.b = page[i + B] as number;
    read(page, i, SHOWN);
    visit(SHOWN);
  }

  /** The page of the row that is so many behind the first. */
  private pageOf(row: number): number[] {
    const { older } = this;
    const page = Math.floor(row / PAGE_ROWS);
    return older !== undefined && page < older.length ? (older[page] as number[]) : this.newest;
  }

  /** What the index calls the row that is so many behind the first. */
  private numberOf(row: number): number {
    return (this.firstRow + row) & (ROW_NUMBERS - 1);
  }

  /** How far behind the first row a number of the index is; `size` or more when it was dropped. */
  private rowOf(number: number): number {
    return (number - this.firstRow) & (ROW_NUMBERS - 1);
  }

  /** Makes sure that one more row fits into the newest page, if need be by dropping what aged before `staleBefore`. */
  private makeRoom(staleBefore: number): void {
    if (this.used === PAGE_LENGTH) this.openPage(staleBefore);
    else if (this.used === INDEXED_ROWS * STRIDE && this.index === undefined) this.dropOrIndex(staleBefore);
  }

  private openPage(staleBefore: number): void {
    this.older ??= [];
    this.older.push(this.newest);
    this.newest = this.older.length < GROWING_PAGES ? [] : freePage(PAGE_LENGTH);
    this.used = 0;
    while (this.older.length > 0) {
      const oldest = this.older[0] as number[];
      if ((oldest[oldest.length - STRIDE + AT] as number) >= staleBefore) break;
      const { walking, firstRow } = this;
      if (walking !== undefined) this.walkTo(Math.min(firstRow + PAGE_ROWS, walking.end), walking);
      this.older.shift();
      this.firstRow += PAGE_ROWS;
    }
    // The newest page is empty yet, so there are rows in full pages only.
    const rows = this.older.length * PAGE_ROWS;
    if (this.index !== undefined && this.index.slots > SLOTS_PER_ROW_MAX * Math.max(rows, PAGE_ROWS)) this.reindex();
  }

  /** A small table loses its stale rows; if that does not halve it, it is indexed from now on. */
  private dropOrIndex(staleBefore: number): void {
    const stale = this.walking === undefined ? this.olderThan(staleBefore) : 0;
    if (stale >= INDEXED_ROWS / 2) {
      this.newest.splice(0, stale * STRIDE);
      this.used -= stale * STRIDE;
      this.firstRow += stale;
      return;
    }
    this.reindex();
  }

  private reindex(): void {
    this.index = new FingerprintIndex((number) => this.rowOf(number) < this.size);
    for (let row = 0; row < this.size; row++) {
      const a = this.pageOf(row)[(row % PAGE_ROWS) * STRIDE] as number;
      this.index.add(a | 0, this.numberOf(row));
    }
  }

  /** Slots of the index: what it weighs, at 8 bytes each. */
  get indexSlots(): number {
    return this.index === undefined ? 0 : this.index.slots;
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What find and last found: an object of its own for each request would be the greater part of its garbage. */
const FOUND: Writable<DedupEntry> = emptyEntry();
/** What a visitor is shown, likewise. */
const SHOWN: ReadEntry = { a: 0.5, b: 0.5, ...emptyEntry() };

/** Fractions, so that V8 keeps doubles in place rather than box each number anew. */
function emptyEntry(): Writable<DedupEntry> {
  return { bodyHash: 0.5, at: 0.5, code: 0, epoch: 0.5, seq: 0.5, x: 0.5, y: 0.5, z: 0.5 };
}

/** The entry, unless it is forgotten at `now`. */
function within(page: readonly number[], i: number, now: number): DedupEntry | undefined {
  return now - (page[i + AT] as number) > DEDUP_RETENTION_MS ? undefined : read(page, i, FOUND);
}

function read(page: readonly number[], i: number, entry: Writable<DedupEntry>): DedupEntry {
  const epochCode = page[i + EPOCH_CODE] as number;
  const epoch = Math.floor(epochCode / CODES);
  entry.bodyHash = page[i + BODY] as number;
  entry.at = page[i + AT] as number;
  entry.code = epochCode - epoch * CODES;
  entry.epoch = epoch;
  entry.seq = page[i + SEQ] as number;
  entry.x = page[i + X] as number;
  entry.y = page[i + Y] as number;
  entry.z = page[i + Z] as number;
  return entry;
}
