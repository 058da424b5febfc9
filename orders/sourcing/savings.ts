// What packages cost at least beside one that is chosen: with that one's costs of a unit as the price of all units, each other package costs
// what sending it does, less what it could save of them within its weight. The sum is a lower bound (Lagrangian relaxation) that sees, as
// costs of sending and of units alone do not, that the service with cheap units is not the one that is cheap to send.
import type { Packed } from './problem.ts';
import { priceWhere } from './room-price.ts';

/** For one problem. Each figure is made when it is first asked for. */
export class Savings {
  readonly #packed: Packed;
  /** By row of unit costs: of each option, and after them of each node, what its package costs beside that row. */
  readonly #beside: (Float64Array | undefined)[];
  /** By row: what all that is wanted costs at its prices, or where its node has none, at the least anywhere. */
  readonly #all: Float64Array;
  /** Of a pair of rows, as weighed last: what units cost less by the other, all and those without weight; and what those with weight weigh. */
  #saved = 0;
  #weightless = 0;
  #heavy = 0;
  /** Of the items with weight: how many, what each saves a gram and weighs, and the most that one saves a gram. */
  #count = 0;
  readonly #ratio: Float64Array;
  readonly #load: Float64Array;
  #ratioMost = 0;

  constructor(packed: Packed) {
    const rows = packed.firstRow[packed.nodes] as number;
    this.#packed = packed;
    this.#beside = Array.from({ length: rows });
    this.#all = new Float64Array(rows).fill(Number.NaN);
    this.#ratio = new Float64Array(packed.items);
    this.#load = new Float64Array(packed.items);
  }

  /** @param row the number of a row of the node's */
  all(row: number, node: number): number {
    const known = this.#all[row] as number;
    if (!Number.isNaN(known)) return known;
    const { items, wanted, available, perUnit, nodes, firstRow } = this.#packed;
    let sum = 0;
    for (let item = 0; item < items; item++) {
      let each = Number.POSITIVE_INFINITY;
      if ((available[node * items + item] as number) > 0) each = perUnit[row * items + item] as number;
      else {
        for (let other = 0; other < nodes; other++) {
          if (available[other * items + item] === 0) continue;
          each = Math.min(each, perUnit[((firstRow[nodes] as number) + other) * items + item] as number);
        }
      }
      if (Number.isFinite(each)) sum += each * (wanted[item] as number);
    }
    this.#all[row] = sum;
    return sum;
  }

  /** What a package by an option of another node costs at least, beside one with this row of this node. */
  of(row: number, node: number, option: number, other: number): number {
    const beside = this.#rowOf(row);
    const known = beside[option] as number;
    if (!Number.isNaN(known)) return known;
    const { fixed, gramsMax, row: rowOf } = this.#packed;
    this.#weigh(row, node, rowOf[option] as number, other);
    const cost = (fixed[option] as number) - this.#savedWithin(gramsMax[option] as number);
    beside[option] = cost;
    return cost;
  }

  /** The least of all options of another node. */
  ofNode(row: number, node: number, other: number): number {
    const { first, index, fixed, gramsMax, row: rowOf } = this.#packed;
    const beside = this.#rowOf(row);
    const known = beside[index.length + other] as number;
    if (!Number.isNaN(known)) return known;
    let least = Number.POSITIVE_INFINITY;
    let of = -1;
    for (let option = first[other] as number; option < (first[other + 1] as number); option++) {
      if (rowOf[option] !== of) {
        of = rowOf[option] as number;
        this.#weigh(row, node, of, other);
      }
      // What it could save with room for all, or with all its room for what saves most, is known at once.
      const most = Math.min(this.#saved, this.#weightless + this.#ratioMost * (gramsMax[option] as number));
      if ((fixed[option] as number) - most >= least) continue;
      least = Math.min(least, (fixed[option] as number) - this.#savedWithin(gramsMax[option] as number));
    }
    beside[index.length + other] = least;
    return least;
  }

  #rowOf(row: number): Float64Array {
    const { index, nodes } = this.#packed;
    const known = this.#beside[row];
    if (known !== undefined) return known;
    const made = new Float64Array(index.length + nodes).fill(Number.NaN);
    this.#beside[row] = made;
    return made;
  }

  /** What units cost less by a row of another node, and what they weigh. */
  #weigh(row: number, node: number, of: number, other: number): void {
    const { items, available, grams, perUnit } = this.#packed;
    this.#saved = 0;
    this.#heavy = 0;
    this.#weightless = 0;
    this.#ratioMost = 0;
    this.#count = 0;
    for (let item = 0; item < items; item++) {
      if (available[node * items + item] === 0) continue;
      const units = available[other * items + item] as number;
      const each = (perUnit[row * items + item] as number) - (perUnit[of * items + item] as number);
      if (units === 0 || each <= 0) continue;
      this.#saved += units * each;
      const heavy = grams[item] as number;
      if (heavy === 0) {
        this.#weightless += units * each;
        continue;
      }
      const ratio = each / heavy;
      this.#heavy += units * heavy;
      this.#ratioMost = Math.max(this.#ratioMost, ratio);
      this.#ratio[this.#count] = ratio;
      this.#load[this.#count++] = units * heavy;
    }
  }

  /** Of what was weighed last, what units cost less within a weight, at most: those first that save most for it, the last cut. */
  #savedWithin(room: number): number {
    if (this.#heavy <= room) return this.#saved;
    const price = priceWhere(this.#ratio, this.#load, this.#count, room);
    let saved = this.#weightless + price * room;
    for (let n = 0; n < this.#count; n++) {
      saved += Math.max(0, (this.#ratio[n] as number) - price) * (this.#load[n] as number);
    }
    return saved;
  }
}
