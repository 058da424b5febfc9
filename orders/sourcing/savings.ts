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
  readonly #ratio: Float64Array;
  readonly #load: Float64Array;

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
    const cost = (this.#packed.fixed[option] as number) - this.#saved(row, node, option, other);
    beside[option] = cost;
    return cost;
  }

  /** The least of all options of another node. */
  ofNode(row: number, node: number, other: number): number {
    const { first, index } = this.#packed;
    const beside = this.#rowOf(row);
    const known = beside[index.length + other] as number;
    if (!Number.isNaN(known)) return known;
    let least = Number.POSITIVE_INFINITY;
    for (let option = first[other] as number; option < (first[other + 1] as number); option++) {
      least = Math.min(least, this.of(row, node, option, other));
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

  /** What units cost less in the package than by the row, at most: those first that save most for their weight, the last cut. */
  #saved(row: number, node: number, option: number, other: number): number {
    const { items, available, grams, gramsMax, perUnit, row: rowOf } = this.#packed;
    const begins = (rowOf[option] as number) * items;
    const room = gramsMax[option] as number;
    let saved = 0;
    let heavy = 0;
    let weightless = 0;
    let count = 0;
    for (let item = 0; item < items; item++) {
      if (available[node * items + item] === 0) continue;
      const units = available[other * items + item] as number;
      const each = (perUnit[row * items + item] as number) - (perUnit[begins + item] as number);
      if (units === 0 || each <= 0) continue;
      saved += units * each;
      const load = units * (grams[item] as number);
      if (load === 0) {
        weightless += units * each;
        continue;
      }
      heavy += load;
      this.#ratio[count] = each / (grams[item] as number);
      this.#load[count++] = load;
    }
    if (heavy <= room) return saved;
    const price = priceWhere(this.#ratio, this.#load, count, room);
    let within = weightless + price * room;
    for (let n = 0; n < count; n++) {
      within += Math.max(0, (this.#ratio[n] as number) - price) * (this.#load[n] as number);
    }
    return within;
  }
}
