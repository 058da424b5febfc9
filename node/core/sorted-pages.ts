// Rows of doubles in ascending order of their key, which is field 0, in pages of plain arrays: the leaves of a B+ tree
// under one list of their first keys. Keys come in ascending order, so a row is appended in constant time and a look at
// a young row touches the last page only; no object a row, so the garbage collector has nothing to trace; a small table
// is one page. Rows age in no particular order: with each page that is opened two others are cleaned in turn, and
// neighbours that have become half empty are joined. What a row means is the subclass's business.
import { freePage, longerPage, moreRows } from './pages.ts';

const PAGE_ROWS = 64;
/** So many pages grow a few rows at a time, so that a table of few rows is small; the others begin at their full length. */
const GROWING_PAGES = 4;
/** With each page opened, so many others are cleaned: the list is gone through twice while it doubles. */
const CLEANED_PER_PAGE = 2;

/** A row starts at `page[at]`. */
export type RowVisitor = (page: number[], at: number) => void;

/** page[0] is the number of the last walk that showed the page. Rows follow. */
const HEAD = 1;
const SHOWN = 0;

/** The pages before the newest; a table of one page has none, and pays for none. */
interface Older {
  /** In order of their keys; none is empty. */
  readonly pages: number[][];
  readonly firstKeys: number[];
  rows: number;
  /** The page that is cleaned next. */
  cleaning: number;
}

interface Walk {
  readonly number: number;
  readonly visit: RowVisitor;
  next: number;
  last: number[];
}

/** Walks begun in this process: each has a number of its own, so that a page can say which one it was shown to. */
let walks = 0;

export abstract class SortedPages {
  private newest: number[] = emptyPage();
  /** Where the rows of the newest page end: it may be longer. All others are as long as their rows. */
  private newestEnd = HEAD;
  private older: Older | undefined;
  private walking: Walk | undefined;

  /** Fields of a row. Of the class, not of each table: there are as many tables as actors. */
  protected abstract get stride(): number;

  /** The field that holds the time from which a row ages, ms; 0 or less: it does not age. */
  protected abstract get staleField(): number;

  private get pageLengthMax(): number {
    return HEAD + PAGE_ROWS * this.stride;
  }

  /** Rows held, including those that have gone stale and are still to be dropped. */
  get size(): number {
    return (this.older === undefined ? 0 : this.older.rows) + (this.newestEnd - HEAD) / this.stride;
  }

  /** The greatest key, 0 when there is none. */
  protected get lastKey(): number {
    return this.newestEnd === HEAD ? 0 : (this.newest[this.newestEnd - this.stride] as number);
  }

  private endOf(page: readonly number[]): number {
    return page === this.newest ? this.newestEnd : page.length;
  }

  /** The page that holds the row of `key`, or would. */
  protected pageOf(key: number): number[] {
    const { newest, older } = this;
    if (older === undefined || older.pages.length === 0 || key >= (newest[HEAD] as number)) return newest;
    return older.pages[olderIndexOf(older, key)] as number[];
  }

  /** Where the row of `key` starts in its page, or −1. */
  protected indexIn(page: readonly number[], key: number): number {
    const { stride } = this;
    const rows = (this.endOf(page) - HEAD) / stride;
    if (rows === 0) return -1;
    // Keys are distinct integers, so their distances from both ends bound where the row can be: often to one place.
    let from = Math.max(0, rows - 1 - ((page[HEAD + (rows - 1) * stride] as number) - key));
    let to = Math.min(rows - 1, key - (page[HEAD] as number));
    while (from <= to) {
      const middle = (from + to) >> 1;
      const found = page[HEAD + middle * stride] as number;
      if (found === key) return HEAD + middle * stride;
      if (found < key) from = middle + 1;
      else to = middle - 1;
    }
    return -1;
  }

  /**
   * The newest page with room for a row whose key is greater than all others; the caller writes its fields there, one after the
   * other, from placeAtEnd() on. Rows that aged before `staleBefore` may be dropped.
   */
  protected roomAtEnd(staleBefore: number): number[] {
    const { newest, pageLengthMax } = this;
    if (this.newestEnd < newest.length) return newest;
    if (newest.length < pageLengthMax) return this.growNewest();
    if (this.older === undefined || this.older.pages.length === 0) {
      // A table of one page stays one where that is enough.
      if (this.walking === undefined) this.dropStale(newest, staleBefore);
      this.newestEnd = newest.length;
      if (newest.length * 4 <= pageLengthMax * 3) return this.growNewest();
    }
    const older = this.pushOlder(newest);
    const grows = older.pages.length < GROWING_PAGES;
    this.newest = grows ? emptyPage() : newPage(pageLengthMax);
    this.newestEnd = HEAD;
    if (this.walking === undefined) for (let i = 0; i < CLEANED_PER_PAGE; i++) this.cleanNext(older, staleBefore);
    return grows ? this.growNewest() : this.newest;
  }

  /** Makes room for more rows in the newest page. */
  private growNewest(): number[] {
    const { newest, newestEnd, stride, walking } = this;
    const rows = moreRows((newestEnd - HEAD) / stride, PAGE_ROWS);
    this.newest = longerPage(newest, newestEnd, HEAD + rows * stride);
    // A walk knows its last page by identity.
    if (walking?.last === newest) walking.last = this.newest;
    return this.newest;
  }

  /** Takes the place of one row at the end of the page that roomAtEnd gave. */
  protected placeAtEnd(): number {
    const at = this.newestEnd;
    this.newestEnd = at + this.stride;
    return at;
  }

  /** Puts a row with any key in its place. Rows that aged before `staleBefore` may be dropped. */
  protected put(row: readonly number[], staleBefore: number): void {
    const key = row[0] as number;
    if (this.newestEnd === HEAD || key > (this.newest[this.newestEnd - this.stride] as number)) {
      const page = this.roomAtEnd(staleBefore);
      const at = this.placeAtEnd();
      for (let field = 0; field < row.length; field++) page[at + field] = row[field] as number;
    } else {
      this.newest.length = this.newestEnd;
      this.putInPlace(row, key);
      this.newestEnd = this.newest.length;
    }
  }

  /** For rows that are read back in another order than they were made; the newest page is as long as its rows meanwhile. */
  private putInPlace(row: readonly number[], key: number): void {
    const { newest, older } = this;
    if (older !== undefined && older.pages.length > 0 && key < (newest[HEAD] as number)) {
      this.putIntoOlder(older, row, key);
      return;
    }
    const at = this.placeOf(newest, key);
    if (newest.length < this.pageLengthMax) {
      newest.splice(at, 0, ...row);
      return;
    }
    const next = emptyPage();
    next.push(...row);
    if (at === HEAD) {
      this.pushOlder(next);
      return;
    }
    // At the end of a full page a new one begins; in its midst, it is cut there.
    for (const field of newest.splice(at)) next.push(field);
    this.pushOlder(newest);
    this.newest = next;
  }

  /** Called for each row that is dropped, before its place is reused. */
  protected dropped(_page: readonly number[], _at: number): void {}

  private putIntoOlder(older: Older, row: readonly number[], key: number): void {
    const { pages, firstKeys } = older;
    const index = olderIndexOf(older, key);
    const page = pages[index] as number[];
    const at = this.placeOf(page, key);
    older.rows += 1;
    if (page.length < this.pageLengthMax) {
      page.splice(at, 0, ...row);
      firstKeys[index] = page[HEAD] as number;
      return;
    }
    const next = emptyPage();
    next.push(...row);
    if (at === HEAD) {
      // Before all of a full page: a page of its own in front of it.
      pages.splice(index, 0, next);
      firstKeys.splice(index, 0, key);
      return;
    }
    for (const field of page.splice(at)) next.push(field);
    pages.splice(index + 1, 0, next);
    firstKeys.splice(index + 1, 0, key);
  }

  /** Where the first row stands whose key is greater. */
  private placeOf(page: readonly number[], key: number): number {
    let at = page.length;
    while (at > HEAD && (page[at - this.stride] as number) > key) at -= this.stride;
    return at;
  }

  private pushOlder(page: number[]): Older {
    this.older ??= { pages: [], firstKeys: [], rows: 0, cleaning: 0 };
    this.older.pages.push(page);
    this.older.firstKeys.push(page[HEAD] as number);
    this.older.rows += (page.length - HEAD) / this.stride;
    return this.older;
  }

  /** Drops the stale rows of one older page, and joins it to its neighbour where one page is enough for both. */
  private cleanNext(older: Older, staleBefore: number): void {
    const { pages, firstKeys } = older;
    if (older.cleaning >= pages.length) older.cleaning = 0;
    const index = older.cleaning;
    const page = pages[index];
    if (page === undefined) return;
    const before = page.length;
    this.dropStale(page, staleBefore);
    older.rows -= (before - page.length) / this.stride;
    const previous = index === 0 ? undefined : (pages[index - 1] as number[]);
    const isEmpty = page.length === HEAD;
    if (isEmpty || (previous !== undefined && previous.length + page.length - HEAD <= this.pageLengthMax)) {
      for (let i = HEAD; i < page.length; i++) previous?.push(page[i] as number);
      pages.splice(index, 1);
      firstKeys.splice(index, 1);
      return;
    }
    firstKeys[index] = page[HEAD] as number;
    older.cleaning += 1;
  }

  private dropStale(page: number[], staleBefore: number): void {
    const { stride, staleField } = this;
    let to = HEAD;
    for (let from = HEAD; from < page.length; from += stride) {
      const since = page[from + staleField] as number;
      if (since > 0 && since < staleBefore) {
        this.dropped(page, from);
        continue;
      }
      if (to !== from) for (let f = 0; f < stride; f++) page[to + f] = page[from + f] as number;
      to += stride;
    }
    page.length = to;
  }

  /**
   * Begins a walk over the rows as they are now, to be taken on in turns by walkOn while the table is being changed:
   * every row is shown to `visit` once, as it stands now, at the latest before it is changed. Rows added from now on may
   * be shown too; the visitor tells them apart. None is dropped meanwhile.
   */
  protected beginWalk(visit: RowVisitor): void {
    if (this.walking !== undefined) throw new Error('this table is being walked already');
    walks += 1;
    this.walking = { number: walks, visit, next: 0, last: this.newest };
  }

  /** Takes the walk on by about `most` rows; returns how many it came past, fewer only at its end. */
  walkOn(most: number): number {
    let passed = 0;
    while (passed < most && this.walking !== undefined) {
      const walk = this.walking;
      const page = this.older?.pages[walk.next] ?? this.newest;
      walk.next += 1;
      passed += 1 + (this.endOf(page) - HEAD) / this.stride;
      this.beforeChange(page);
      if (page === walk.last) this.endWalk();
    }
    return passed;
  }

  /** Ends the walk, wherever it is; harmless when there is none. */
  endWalk(): void {
    this.walking = undefined;
  }

  /** To be called before a row in the page is changed. */
  protected beforeChange(page: number[]): void {
    const walk = this.walking;
    if (walk === undefined || page[SHOWN] === walk.number) return;
    page[SHOWN] = walk.number;
    const end = this.endOf(page);
    for (let at = HEAD; at < end; at += this.stride) walk.visit(page, at);
  }

  /** Visits each row that has not aged before `staleBefore`, in ascending order of key. */
  protected eachRow(staleBefore: number, visit: RowVisitor): void {
    if (this.older !== undefined) for (const page of this.older.pages) this.eachRowOf(page, staleBefore, visit);
    this.eachRowOf(this.newest, staleBefore, visit);
  }

  private eachRowOf(page: number[], staleBefore: number, visit: RowVisitor): void {
    const end = this.endOf(page);
    for (let at = HEAD; at < end; at += this.stride) {
      const since = page[at + this.staleField] as number;
      if (since <= 0 || since >= staleBefore) visit(page, at);
    }
  }
}

/** The last of the older pages whose first key is not greater, or the first page. */
function olderIndexOf({ firstKeys }: Older, key: number): number {
  let from = 0;
  let to = firstKeys.length - 1;
  while (from < to) {
    const middle = (from + to + 1) >> 1;
    if ((firstKeys[middle] as number) <= key) from = middle;
    else to = middle - 1;
  }
  return from;
}

function emptyPage(): number[] {
  return newPage(HEAD);
}

function newPage(length: number): number[] {
  const page = freePage(length);
  page[SHOWN] = 0;
  return page;
}
