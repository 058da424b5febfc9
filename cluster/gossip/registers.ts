// The registers of one region, in columns by the number of the sku: a million of them are a few large arrays. Those of a
// partition are a list in the order in which they were stamped last, so that what came after a stamp is the list's end.

const NONE = -1;
const FIRST_CAPACITY = 1_024;

export class Registers {
  #capacity = 0;
  #epochs = new Float64Array(0);
  #seqs = new Float64Array(0);
  /** Of the partition's present epoch; 0: not stamped in it. */
  #stamps = new Float64Array(0);
  #before = new Int32Array(0);
  #after = new Int32Array(0);
  /** One byte a character: half of what a small typed array takes. */
  readonly #values: (string | undefined)[] = [];
  /** The ends of each partition's list. */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  count = 0;
  valueBytes = 0;

  constructor(partitions: number) {
    this.#first = new Int32Array(partitions).fill(NONE);
    this.#last = new Int32Array(partitions).fill(NONE);
  }

  has(id: number): boolean {
    return id >= 0 && this.#values[id] !== undefined;
  }

  epoch(id: number): number {
    return this.#epochs[id] as number;
  }

  seq(id: number): number {
    return this.#seqs[id] as number;
  }

  stamp(id: number): number {
    return this.#stamps[id] as number;
  }

  value(id: number): Uint8Array {
    return Buffer.from(this.#values[id] as string, 'latin1');
  }

  /** Whether a version is later than what is held. */
  isLater(id: number, epoch: number, seq: number): boolean {
    if (!this.has(id)) return true;
    const held = this.epoch(id);
    return epoch > held || (epoch === held && seq > this.seq(id));
  }

  /** Holds a value; earlier versions than what is held are to be kept away by the caller. */
  set(id: number, epoch: number, seq: number, value: Uint8Array): void {
    this.#grow(id);
    const before = this.#values[id];
    if (before === undefined) {
      this.count += 1;
      this.#before[id] = NONE;
      this.#after[id] = NONE;
    }
    this.valueBytes += value.length - (before?.length ?? 0);
    this.#epochs[id] = epoch;
    this.#seqs[id] = seq;
    this.#values[id] = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
  }

  /** Makes the register the latest of its partition. Its stamp is greater than all others there. */
  restamp(id: number, partition: number, stamp: number): void {
    const last = this.#last[partition] as number;
    this.#stamps[id] = stamp;
    if (last === id) return;
    this.#unlink(id, partition);
    this.#before[id] = last;
    this.#after[id] = NONE;
    if (last === NONE) this.#first[partition] = id;
    else this.#after[last] = id;
    this.#last[partition] = id;
  }

  #unlink(id: number, partition: number): void {
    const before = this.#before[id] as number;
    const after = this.#after[id] as number;
    if (before !== NONE) this.#after[before] = after;
    else if (this.#first[partition] === id) this.#first[partition] = after;
    if (after !== NONE) this.#before[after] = before;
  }

  /** A new epoch begins: nothing of the partition is stamped in it. */
  unstampAll(partition: number): void {
    for (let id = this.#first[partition] as number; id !== NONE; id = this.#after[id] as number) this.#stamps[id] = 0;
  }

  /** The registers of a partition that were stamped after `stamp`, in the order of their stamps. */
  after(partition: number, stamp: number): number[] {
    const ids: number[] = [];
    for (let id = this.#last[partition] as number; id !== NONE && this.stamp(id) > stamp; ) {
      ids.push(id);
      id = this.#before[id] as number;
    }
    return ids.reverse();
  }

  #grow(id: number): void {
    if (id < this.#capacity) return;
    const capacity = Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(id + 1)));
    const grown = <T extends Float64Array | Int32Array>(column: T, to: T): T => {
      to.set(column);
      return to;
    };
    this.#epochs = grown(this.#epochs, new Float64Array(capacity));
    this.#seqs = grown(this.#seqs, new Float64Array(capacity));
    this.#stamps = grown(this.#stamps, new Float64Array(capacity));
    this.#before = grown(this.#before, new Int32Array(capacity).fill(NONE));
    this.#after = grown(this.#after, new Int32Array(capacity).fill(NONE));
    while (this.#values.length < capacity) this.#values.push(undefined);
    this.#capacity = capacity;
  }
}
