// A first-in-first-out list whose members can also leave from the middle or come back to the front, each in O(1) and
// leaving nothing behind. The links stand in the members, so that a call costs no allocation here.

export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

export class Fifo<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** The item must be in no list. */
  append(item: T): void {
    item.previous = this.#last;
    item.next = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Puts the items, which must be in no list, before all others, in their order. */
  prepend(items: readonly T[]): void {
    for (const item of items.toReversed()) {
      item.previous = undefined;
      item.next = this.#first;
      if (this.#first === undefined) this.#last = item;
      else this.#first.previous = item;
      this.#first = item;
      this.#size += 1;
    }
  }

  /** The item must be in this list. */
  remove(item: T): void {
    if (item.previous === undefined) this.#first = item.next;
    else item.previous.next = item.next;
    if (item.next === undefined) this.#last = item.previous;
    else item.next.previous = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#first; item !== undefined; ) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}
