// A table of groups by number with a few figures each, in typed arrays: no object per group, growing to a bound, beyond which the
// group that was touched longest ago makes room. Column 0 of each is when it was touched, days.
import { PROBES_MAX } from './limits.ts';

const SLOTS_MIN = 64;

export interface CellsState {
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

export class Cells {
  readonly #columns: number;
  readonly #slotsMax: number;
  /** Of each slot its key plus one; 0 is free. */
  #keys: Float64Array;
  /** The figures of all slots, one slot after the other; offsets into it are what `find` and `claim` return. */
  values: Float32Array;
  #used = 0;

  /** @param slotsMax a power of two */
  constructor(columns: number, slotsMax: number, state?: CellsState) {
    this.#columns = columns;
    this.#slotsMax = slotsMax;
    this.#keys = state === undefined ? new Float64Array(Math.min(SLOTS_MIN, slotsMax)) : floats64(state.keys);
    this.values = state === undefined ? new Float32Array(this.#keys.length * columns) : floats32(state.values);
    for (const key of this.#keys) if (key !== 0) this.#used++;
  }

  get size(): number {
    return this.#used;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#keys.byteLength + this.values.byteLength;
  }

  /** Where the figures of a group begin, or −1. */
  find(key: number): number {
    const mask = this.#keys.length - 1;
    const start = slotOf(key) & mask;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (start + probe) & mask;
      if (this.#keys[slot] === key + 1) return slot * this.#columns;
    }
    return -1;
  }

  /** The same, for a group that is there afterwards in any case; a new one has zeros in all columns, but `day` in the first. */
  claim(key: number, day: number): number {
    const known = this.find(key);
    if (known >= 0) return known;
    while (this.#used * 2 >= this.#keys.length && this.#keys.length < this.#slotsMax) this.#grow();
    const slot = this.#place(key);
    const offset = slot * this.#columns;
    this.values.fill(0, offset, offset + this.#columns);
    this.values[offset] = day;
    return offset;
  }

  state(): CellsState {
    return { keys: bytesOf(this.#keys), values: bytesOf(this.values) };
  }

  /** A slot for a key that has none: free, or of the neighbour that was touched longest ago. */
  #place(key: number): number {
    const mask = this.#keys.length - 1;
    const start = slotOf(key) & mask;
    let oldest = start;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      const slot = (start + probe) & mask;
      if (this.#keys[slot] === 0) {
        this.#used++;
        oldest = slot;
        break;
      }
      if (this.#touched(slot) < this.#touched(oldest)) oldest = slot;
    }
    this.#keys[oldest] = key + 1;
    return oldest;
  }

  #touched(slot: number): number {
    return this.values[slot * this.#columns] as number;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.values];
    this.#keys = new Float64Array(keys.length * 2);
    this.values = new Float32Array(values.length * 2);
    this.#used = 0;
    for (const [slot, key] of keys.entries()) {
      if (key === 0) continue;
      const from = slot * this.#columns;
      const to = this.#place(key - 1) * this.#columns;
      this.values.set(values.subarray(from, from + this.#columns), to);
    }
  }
}

/** Mixes both halves of a key of up to 2^53 (the finaliser of MurmurHash3). */
function slotOf(key: number): number {
  let h = (key >>> 0) ^ Math.imul((key / 2 ** 32) >>> 0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function bytesOf(array: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength));
}

function floats64(bytes: Uint8Array): Float64Array {
  return new Float64Array(Uint8Array.from(bytes).buffer);
}

function floats32(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
