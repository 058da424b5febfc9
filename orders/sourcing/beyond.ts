// What sets of ship nodes cost at least that were not looked at yet: those that add nodes from some place on to the nodes of a set.
import { leastRowOf, type Packed } from './problem.ts';

export class Beyond {
  readonly #packed: Packed;
  readonly #set: Int32Array;
  readonly #splitPenalty: number;
  /** Of the nodes from each on, a row each: the least cost of a unit of each item, and how many units they have. */
  readonly #leastFrom: Float64Array;
  readonly #unitsFrom: Float64Array;
  readonly #leastFixedFrom: Float64Array;
  /** Units that the set does not have, and what each further node adds to them. */
  readonly #open: Float64Array;
  readonly #gains: Float64Array;

  /** @param set the nodes of the set looked at, by place; as long as a set may be. It changes while this is in use. */
  constructor(packed: Packed, set: Int32Array, splitPenalty: number) {
    const { items, nodes } = packed;
    this.#packed = packed;
    this.#set = set;
    this.#splitPenalty = splitPenalty;
    this.#open = new Float64Array(items);
    this.#gains = new Float64Array(set.length);
    this.#leastFrom = new Float64Array((nodes + 1) * items).fill(Number.POSITIVE_INFINITY, nodes * items);
    this.#unitsFrom = new Float64Array((nodes + 1) * items);
    this.#leastFixedFrom = new Float64Array(nodes + 1).fill(Number.POSITIVE_INFINITY);
    for (let node = nodes - 1; node >= 0; node--) {
      this.#leastFixedFrom[node] = Math.min(
        packed.leastFixed[node] as number,
        this.#leastFixedFrom[node + 1] as number,
      );
      for (let item = 0; item < items; item++) {
        const at = node * items + item;
        const has = packed.available[at] as number;
        const cost = has === 0 ? Number.POSITIVE_INFINITY : (packed.perUnit[leastRowOf(packed, node) + item] as number);
        this.#leastFrom[at] = Math.min(cost, this.#leastFrom[at + items] as number);
        this.#unitsFrom[at] = has + (this.#unitsFrom[at + items] as number);
      }
    }
  }

  /**
   * No set that adds a node from these on to the first `size` weighs less: as if the nodes cost the least to send, and all units were
   * had where they cost least. As to how many stay unfilled: what r more nodes add is no more than what the r best of them add each.
   */
  least(from: number, size: number): number {
    const { items, wanted, available, perUnit, leastFixed, unfilledWeight } = this.#packed;
    const leastRows = leastRowOf(this.#packed, 0);
    let cost = size * this.#splitPenalty + (this.#leastFixedFrom[from] as number);
    for (let place = 0; place < size; place++) cost += leastFixed[this.#set[place] as number] as number;
    let unitCost = 0;
    let short = 0;
    let left = 0;
    for (let item = 0; item < items; item++) {
      let has = 0;
      let least = this.#leastFrom[from * items + item] as number;
      for (let place = 0; place < size; place++) {
        const at = (this.#set[place] as number) * items + item;
        if (available[at] === 0) continue;
        has += available[at] as number;
        least = Math.min(least, perUnit[leastRows + at] as number);
      }
      const want = wanted[item] as number;
      const open = Math.max(0, want - has);
      this.#open[item] = open;
      left += open;
      const filled = Math.min(want, has + (this.#unitsFrom[from * items + item] as number));
      if (filled > 0) unitCost += filled * least;
      short += want - filled;
    }
    if (left > short) {
      const shortAtLeast = left - this.#gainAtMost(from, this.#set.length - size);
      // Which units then stay unfilled is open, and so is what the others cost.
      if (shortAtLeast > short) return cost + shortAtLeast * unfilledWeight;
    }
    return cost + unitCost + short * unfilledWeight;
  }

  /** Units that any `count` of the nodes from `from` on can add to what is open, at most. */
  #gainAtMost(from: number, count: number): number {
    const { items, nodes, available } = this.#packed;
    const gains = this.#gains.fill(0);
    for (let node = from; node < nodes; node++) {
      let gain = 0;
      for (let item = 0; item < items; item++) {
        gain += Math.min(this.#open[item] as number, available[node * items + item] as number);
      }
      // The greatest stay, the greatest first.
      for (let n = 0; n < count && gain > 0; n++) {
        const other = gains[n] as number;
        if (gain > other) [gains[n], gain] = [gain, other];
      }
    }
    let sum = 0;
    for (let n = 0; n < count; n++) sum += gains[n] as number;
    return sum;
  }
}
