// How units are dealt among packages of which some have a greatest weight. Without one, each item goes to the cheapest that has it;
// with one, items compete for the room, and the ways to deal them are searched, depth first with a lower bound.
import { DEALS_MAX } from './limits.ts';
import { type Packed, TOLERANCE } from './problem.ts';

export interface Deal {
  /** Of each package, units of each item. */
  readonly units: readonly Float64Array[];
  /** Of the units alone: their costs, and what is unfilled. */
  readonly weight: number;
}

interface Searched {
  /** Undefined where none weighs less than the limit. */
  readonly deal: Deal | undefined;
  /** False where the search ended before all ways were looked at. */
  readonly isProved: boolean;
}

/** @param options one of each of some nodes; `nodes` names those */
export function dealWithin(packed: Packed, nodes: ArrayLike<number>, options: Int32Array, limit: number): Searched {
  return new Dealing(packed, nodes, options, limit).run();
}

class Dealing {
  readonly #packed: Packed;
  readonly #nodes: ArrayLike<number>;
  readonly #options: Int32Array;
  /** Items wanted, the heaviest first: they fit in the fewest ways. */
  readonly #order: readonly number[];
  /** By place in the order: packages that have the item, the cheapest first. */
  readonly #byCost: readonly (readonly number[])[];
  /** From each place on: the least that the rest can weigh, as if there were room for all. */
  readonly #leastFrom: Float64Array;
  readonly #room: Float64Array;
  readonly #units: readonly Float64Array[];
  #limit: number;
  #found: Deal | undefined;
  #looks = 0;

  constructor(packed: Packed, nodes: ArrayLike<number>, options: Int32Array, limit: number) {
    this.#packed = packed;
    this.#nodes = nodes;
    this.#options = options;
    this.#limit = limit;
    this.#room = Float64Array.from(options, (option) => packed.gramsMax[option] as number);
    this.#units = Array.from(options, () => new Float64Array(packed.items));
    this.#order = Array.from(packed.wanted.keys())
      .filter((item) => (packed.wanted[item] as number) > 0)
      .sort((a, b) => (packed.grams[b] as number) - (packed.grams[a] as number));
    this.#byCost = this.#order.map((item) =>
      Array.from(options.keys())
        .filter((place) => this.#available(place, item) > 0)
        .sort((a, b) => this.#cost(a, item) - this.#cost(b, item)),
    );
    this.#leastFrom = new Float64Array(this.#order.length + 1);
    for (let at = this.#order.length - 1; at >= 0; at--) {
      const item = this.#order[at] as number;
      let left = packed.wanted[item] as number;
      let weight = this.#leastFrom[at + 1] as number;
      for (const place of this.#byCost[at] as readonly number[]) {
        const given = Math.min(left, this.#available(place, item));
        weight += given * this.#cost(place, item);
        left -= given;
      }
      this.#leastFrom[at] = weight + left * packed.unfilledWeight;
    }
  }

  run(): Searched {
    this.#dealItem(0, 0, this.#packed.wanted[this.#order[0] ?? 0] ?? 0, 0);
    return { deal: this.#found, isProved: this.#looks < DEALS_MAX };
  }

  #available(place: number, item: number): number {
    return this.#packed.available[(this.#nodes[place] as number) * this.#packed.items + item] as number;
  }

  #cost(place: number, item: number): number {
    return this.#packed.perUnit[(this.#options[place] as number) * this.#packed.items + item] as number;
  }

  /** Gives `left` units of the item at a place of the order to the packages from a rank on, in every way. */
  #dealItem(at: number, rank: number, left: number, weight: number): void {
    if (this.#looks >= DEALS_MAX) return;
    this.#looks += 1;
    if (at === this.#order.length) {
      if (weight >= this.#limit - TOLERANCE) return;
      this.#limit = weight;
      this.#found = { units: this.#units.map((units) => units.slice()), weight };
      return;
    }
    const item = this.#order[at] as number;
    const byCost = this.#byCost[at] as readonly number[];
    const { unfilledWeight, grams, wanted } = this.#packed;
    const rest = this.#leastFrom[at + 1] as number;
    if (left === 0 || rank === byCost.length) {
      const next = weight + left * unfilledWeight;
      if (next + rest >= this.#limit - TOLERANCE) return;
      this.#dealItem(at + 1, 0, wanted[this.#order[at + 1] ?? 0] as number, next);
      return;
    }
    const place = byCost[rank] as number;
    const each = this.#cost(place, item);
    if (weight + left * each + rest >= this.#limit - TOLERANCE) return;
    const heavy = grams[item] as number;
    const room = this.#room[place] as number;
    const fits = heavy === 0 ? left : Math.floor((room + TOLERANCE) / heavy);
    const units = this.#units[place] as Float64Array;
    for (let given = Math.min(left, fits, this.#available(place, item)); given >= 0; given--) {
      units[item] = given;
      this.#room[place] = room - given * heavy;
      this.#dealItem(at, rank + 1, left - given, weight + given * each);
    }
    units[item] = 0;
    this.#room[place] = room;
  }
}
