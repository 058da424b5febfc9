// Live soft reservations by expiry: a binary heap of (expiresAt, no) over one flat array. Entries are not removed
// when a reservation is extended or ends early: whoever pops one asks the reservations whether it still holds.

export class ExpiryQueue {
  /** (expiresAt, no) pairs in heap order. */
  private heap: number[] = [];

  /** Entries, stale ones included. */
  get size(): number {
    return this.heap.length / 2;
  }

  /** The earliest expiry, ms, or Infinity; may be of a stale entry, so waking up for nothing is possible, missing one is not. */
  nextAt(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : (this.heap[0] as number);
  }

  /** The reservation of nextAt(); only when there is one. */
  nextNo(): number {
    return this.heap[1] as number;
  }

  push(expiresAt: number, no: number): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(expiresAt, no);
    while (i > 0) {
      const parent = (((i >> 1) - 1) >> 1) << 1;
      const at = heap[parent] as number;
      const by = heap[parent + 1] as number;
      if (at < expiresAt || (at === expiresAt && by < no)) break;
      heap[i] = at;
      heap[i + 1] = by;
      i = parent;
    }
    heap[i] = expiresAt;
    heap[i + 1] = no;
  }

  /** Visits every entry with expiresAt ≤ now, in no order; the visitor changes nothing here. */
  eachDue(now: number, visit: (expiresAt: number, no: number) => void, from = 0): void {
    const { heap } = this;
    if (from >= heap.length || (heap[from] as number) > now) return;
    visit(heap[from] as number, heap[from + 1] as number);
    this.eachDue(now, visit, 2 * from + 2);
    this.eachDue(now, visit, 2 * from + 4);
  }

  /** Removes the first entry. */
  pop(): void {
    const { heap } = this;
    const no = heap.pop();
    const expiresAt = heap.pop();
    if (no === undefined || expiresAt === undefined || heap.length === 0) return;
    this.sink(0, expiresAt, no);
  }

  /** Drops every entry that no longer holds; called when most are stale, so each push pays a constant share. */
  retain(holds: (expiresAt: number, no: number) => boolean): void {
    const { heap } = this;
    let to = 0;
    for (let from = 0; from < heap.length; from += 2) {
      const expiresAt = heap[from] as number;
      const no = heap[from + 1] as number;
      if (!holds(expiresAt, no)) continue;
      heap[to] = expiresAt;
      heap[to + 1] = no;
      to += 2;
    }
    heap.length = to;
    for (let pair = (to >> 2) - 1; pair >= 0; pair--) {
      this.sink(pair * 2, heap[pair * 2] as number, heap[pair * 2 + 1] as number);
    }
  }

  private sink(from: number, expiresAt: number, no: number): void {
    const { heap } = this;
    let i = from;
    for (;;) {
      let child = 2 * i + 2;
      if (child >= heap.length) break;
      const other = child + 2;
      if (other < heap.length && this.before(other, child)) child = other;
      const at = heap[child] as number;
      const by = heap[child + 1] as number;
      if (expiresAt < at || (expiresAt === at && no < by)) break;
      heap[i] = at;
      heap[i + 1] = by;
      i = child;
    }
    heap[i] = expiresAt;
    heap[i + 1] = no;
  }

  private before(a: number, b: number): boolean {
    const { heap } = this;
    return heap[a] === heap[b]
      ? (heap[a + 1] as number) < (heap[b + 1] as number)
      : (heap[a] as number) < (heap[b] as number);
  }
}
