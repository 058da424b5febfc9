// How units are dealt among packages of which some have a greatest weight. Without one, each item goes to the cheapest that has it;
// with one, items compete for the room, and the ways to deal them are searched, depth first with a lower bound. What can only come
// from one of the packages is dealt beforehand.
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
  readonly looks: number;
}

/** One of each of some nodes. */
interface Packages {
  /** The first of the array are those of the options. */
  readonly nodes: ArrayLike<number>;
  readonly options: Int32Array;
  /** A row a package: units of each item that must come from there if all are to be sent that the nodes have. */
  readonly forced: ArrayLike<number>;
}

interface DealLimits {
  /** Deals that weigh as much are not looked for. */
  readonly weight: number;
  readonly looksMax: number;
}

/** The best way to send all that the nodes have; only where there is no room for all, the best to send less. */
export function dealWithin(packed: Packed, packages: Packages, limits: DealLimits): Searched {
  const whole = new Dealing(packed, packages, limits, true).run();
  if (whole.deal !== undefined || !whole.isProved) return whole;
  const least = packed.unfilledWeight * (1 + shortOf(packed, packages));
  if (least >= limits.weight) return whole;
  const looksMax = limits.looksMax - whole.looks;
  const part = new Dealing(packed, packages, { ...limits, looksMax }, false).run();
  return { ...part, looks: whole.looks + part.looks };
}

/** Units that the nodes do not have. */
function shortOf({ items, wanted, available }: Packed, { nodes, options }: Packages): number {
  let short = 0;
  for (let item = 0; item < items; item++) {
    let has = 0;
    for (let place = 0; place < options.length; place++) {
      has += available[(nodes[place] as number) * items + item] as number;
    }
    short += Math.max(0, (wanted[item] as number) - has);
  }
  return short;
}

class Dealing {
  readonly #packed: Packed;
  readonly #options: Int32Array;
  /** Items to deal, the heaviest first: they fit in the fewest ways. */
  readonly #order: number[] = [];
  /** By place in the order: units, and the packages that have the item, the cheapest first. */
  readonly #open: number[] = [];
  readonly #byCost: number[][] = [];
  /** From each place on: the least that the rest can weigh, as if there were room for all, and its grams. */
  readonly #leastFrom: Float64Array;
  readonly #gramsFrom: Float64Array;
  /** A row a package: units that can be dealt of each item. */
  readonly #available: Float64Array;
  readonly #room: Float64Array;
  /** Of all packages. */
  #roomLeft = 0;
  readonly #units: Float64Array[];
  /** Of what is dealt beforehand, and of what no package has. */
  #weight = 0;
  readonly #isWhole: boolean;
  #limit: number;
  readonly #looksMax: number;
  #found: Deal | undefined;
  #looks = 0;

  /** @param isWhole whether all that the nodes have is to be sent */
  constructor(packed: Packed, { nodes, options, forced }: Packages, limits: DealLimits, isWhole: boolean) {
    const { items, wanted, available, grams, gramsMax, unfilledWeight } = packed;
    this.#packed = packed;
    this.#options = options;
    this.#isWhole = isWhole;
    this.#limit = limits.weight;
    this.#looksMax = limits.looksMax;
    this.#room = Float64Array.from(options, (option) => gramsMax[option] as number);
    this.#units = Array.from(options, () => new Float64Array(items));
    this.#available = new Float64Array(options.length * items);
    const open = new Float64Array(wanted);
    for (let place = 0; place < options.length; place++) {
      for (let item = 0; item < items; item++) {
        const must = isWhole ? (forced[place * items + item] as number) : 0;
        const has = available[(nodes[place] as number) * items + item] as number;
        this.#available[place * items + item] = has - must;
        if (must === 0) continue;
        (this.#units[place] as Float64Array)[item] = must;
        this.#room[place] = (this.#room[place] as number) - must * (grams[item] as number);
        this.#weight += must * this.#cost(place, item);
        open[item] = (open[item] as number) - must;
      }
      this.#roomLeft += this.#room[place] as number;
    }
    for (let item = 0; item < items; item++) {
      let has = 0;
      for (let place = 0; place < options.length; place++) has += this.#available[place * items + item] as number;
      const short = Math.max(0, (open[item] as number) - has);
      this.#weight += short * unfilledWeight;
      open[item] = (open[item] as number) - short;
      if ((open[item] as number) > 0) this.#order.push(item);
    }
    this.#order.sort((a, b) => (grams[b] as number) - (grams[a] as number));
    this.#leastFrom = new Float64Array(this.#order.length + 1);
    this.#gramsFrom = new Float64Array(this.#order.length + 1);
    for (let at = this.#order.length - 1; at >= 0; at--) this.#prepare(at, open);
  }

  #prepare(at: number, open: Float64Array): void {
    const { items, grams } = this.#packed;
    const item = this.#order[at] as number;
    const byCost = Array.from(this.#options.keys())
      .filter((place) => (this.#available[place * items + item] as number) > 0)
      .sort((a, b) => this.#cost(a, item) - this.#cost(b, item));
    this.#byCost[at] = byCost;
    this.#open[at] = open[item] as number;
    let left = open[item] as number;
    let weight = this.#leastFrom[at + 1] as number;
    for (const place of byCost) {
      const given = Math.min(left, this.#available[place * items + item] as number);
      weight += given * this.#cost(place, item);
      left -= given;
    }
    this.#leastFrom[at] = weight;
    this.#gramsFrom[at] = (this.#gramsFrom[at + 1] as number) + (open[item] as number) * (grams[item] as number);
  }

  run(): Searched {
    const isTooHeavy = this.#room.some((room) => room < -TOLERANCE);
    if (!isTooHeavy) this.#dealItem(0, 0, this.#open[0] ?? 0, this.#weight);
    return { deal: this.#found, isProved: this.#looks < this.#looksMax, looks: this.#looks };
  }

  #cost(place: number, item: number): number {
    return this.#packed.perUnit[(this.#options[place] as number) * this.#packed.items + item] as number;
  }

  /** Gives `left` units of the item at a place of the order to the packages from a rank on, in every way. */
  #dealItem(at: number, rank: number, left: number, weight: number): void {
    if (this.#looks >= this.#looksMax) return;
    this.#looks += 1;
    if (at === this.#order.length) {
      if (weight >= this.#limit - TOLERANCE) return;
      this.#limit = weight;
      this.#found = { units: this.#units.map((units) => units.slice()), weight };
      return;
    }
    const { items, unfilledWeight, grams } = this.#packed;
    const item = this.#order[at] as number;
    const byCost = this.#byCost[at] as readonly number[];
    const heavy = grams[item] as number;
    const rest = this.#leastFrom[at + 1] as number;
    if (left === 0 || rank === byCost.length) {
      if (left > 0 && this.#isWhole) return;
      const next = weight + left * unfilledWeight;
      if (next + rest >= this.#limit - TOLERANCE) return;
      this.#dealItem(at + 1, 0, this.#open[at + 1] ?? 0, next);
      return;
    }
    // What is left does not fit in all packages together.
    if (this.#isWhole && left * heavy + (this.#gramsFrom[at + 1] as number) > this.#roomLeft + TOLERANCE) return;
    const place = byCost[rank] as number;
    const each = this.#cost(place, item);
    if (weight + left * each + rest >= this.#limit - TOLERANCE) return;
    const room = this.#room[place] as number;
    const fits = heavy === 0 ? left : Math.floor((room + TOLERANCE) / heavy);
    const units = this.#units[place] as Float64Array;
    const before = units[item] as number;
    const most = Math.min(left, fits, this.#available[place * items + item] as number);
    const roomLeft = this.#roomLeft;
    for (let given = most; given >= 0; given--) {
      units[item] = before + given;
      this.#room[place] = room - given * heavy;
      this.#roomLeft = roomLeft - given * heavy;
      this.#dealItem(at, rank + 1, left - given, weight + given * each);
    }
    units[item] = before;
    this.#room[place] = room;
    this.#roomLeft = roomLeft;
  }
}
