// Live soft reservations by expiry: a binary heap of (expiresAt, no). Entries are not removed when a reservation is
// extended or ends early: whoever pops one asks the reservations whether it still holds. The heap lies in pages, since one
// array of millions would be copied whole each time it grows, and be a quarter empty.
import { freePage, longerPage } from './pages.ts';

/** Numbers in a page: 256 entries of two. */
const PAGE = 512;
/** The first grows by so many at least, once it has an entry. */
const STEP = 10;
const PAGE_SHIFT = 9;

export class ExpiryQueue {
  /** (expiresAt, no) pairs in heap order; the first page grows, the others begin at their full length. */
  private readonly pages: number[][] = [[]];
  /** Numbers in the heap. */
  private length = 0;

  /** Entries, stale ones included. */
  get size(): number {
    return this.length / 2;
  }

  /** The earliest expiry, ms, or Infinity; may be of a stale entry, so waking up for nothing is possible, missing one is not. */
  nextAt(): number {
    return this.length === 0 ? Number.POSITIVE_INFINITY : this.get(0);
  }

  /** The reservation of nextAt(); only when there is one. */
  nextNo(): number {
    return this.get(1);
  }

  push(expiresAt: number, no: number): void {
    let i = this.length;
    const { pages } = this;
    const first = pages[0] as number[];
    if (i < PAGE) {
      if (i >= first.length)
        pages[0] = longerPage(first, i, i === 0 ? 2 : Math.min(PAGE, i + Math.max(STEP, 2 * (i >> 3))));
    } else if (i % PAGE === 0 && i >> PAGE_SHIFT === pages.length) pages.push(freePage(PAGE));
    this.length += 2;
    while (i > 0) {
      const parent = (((i >> 1) - 1) >> 1) << 1;
      const at = this.get(parent);
      const by = this.get(parent + 1);
      if (at < expiresAt || (at === expiresAt && by < no)) break;
      this.set(i, at, by);
      i = parent;
    }
    this.set(i, expiresAt, no);
  }

  /** Visits every entry with expiresAt ≤ now, in no order; the visitor changes nothing here. */
  eachDue(now: number, visit: (expiresAt: number, no: number) => void, from = 0): void {
    if (from >= this.length || this.get(from) > now) return;
    visit(this.get(from), this.get(from + 1));
    this.eachDue(now, visit, 2 * from + 2);
    this.eachDue(now, visit, 2 * from + 4);
  }

  /** Removes the first entry. */
  pop(): void {
    if (this.length === 0) return;
    this.length -= 2;
    const last = this.length;
    const expiresAt = this.get(last);
    const no = this.get(last + 1);
    this.trim();
    if (last > 0) this.sink(0, expiresAt, no);
  }

  /** Drops every entry that no longer holds; called when most are stale, so each push pays a constant share. */
  retain(holds: (expiresAt: number, no: number) => boolean): void {
    let to = 0;
    for (let from = 0; from < this.length; from += 2) {
      const expiresAt = this.get(from);
      const no = this.get(from + 1);
      if (!holds(expiresAt, no)) continue;
      this.set(to, expiresAt, no);
      to += 2;
    }
    this.length = to;
    this.trim();
    for (let pair = (to >> 2) - 1; pair >= 0; pair--) this.sink(pair * 2, this.get(pair * 2), this.get(pair * 2 + 1));
  }

  private sink(from: number, expiresAt: number, no: number): void {
    let i = from;
    for (;;) {
      let child = 2 * i + 2;
      if (child >= this.length) break;
      const other = child + 2;
      if (other < this.length && this.before(other, child)) child = other;
      const at = this.get(child);
      const by = this.get(child + 1);
      if (expiresAt < at || (expiresAt === at && no < by)) break;
      this.set(i, at, by);
      i = child;
    }
    this.set(i, expiresAt, no);
  }

  private before(a: number, b: number): boolean {
    const atA = this.get(a);
    const atB = this.get(b);
    return atA === atB ? this.get(a + 1) < this.get(b + 1) : atA < atB;
  }

  private get(i: number): number {
    return (this.pages[i >> PAGE_SHIFT] as number[])[i & (PAGE - 1)] as number;
  }

  private set(i: number, expiresAt: number, no: number): void {
    const page = this.pages[i >> PAGE_SHIFT] as number[];
    page[i & (PAGE - 1)] = expiresAt;
    page[(i & (PAGE - 1)) + 1] = no;
  }

  /** Lets pages go that are not needed; one more stays, or a queue that goes up and down at a page's end would make one each time. */
  private trim(): void {
    const needed = Math.max(1, Math.ceil(this.length / PAGE));
    if (this.pages.length > needed + 1) this.pages.length = needed + 1;
    if (this.length === 0) (this.pages[0] as number[]).length = 0;
  }
}
