// How units are dealt among packages of which some have a greatest weight. Without one, each item goes to the cheapest that has it; with
// one, items compete for the room. What can only come from one of the packages is dealt beforehand; of the ways to deal the rest, the least
// cost is bounded by a price on room (Lagrangian relaxation: A. Geoffrion 1974), and those that could be better are searched, depth first.
import { PRICING_ROUNDS } from './limits.ts';
import { type Packed, TOLERANCE } from './problem.ts';
import { priceWhere } from './room-price.ts';

export interface Deal {
  /** A row a package: units of each item. */
  readonly units: Float64Array;
  /** Of the units alone: their costs, and what is unfilled. */
  readonly weight: number;
}

interface Searched {
  /** Undefined where none weighs less than the limit. */
  readonly deal: Deal | undefined;
  /** No deal weighs less than this, as far as it is not the deal found; infinite where the search looked at all ways. */
  readonly unseen: number;
  readonly work: number;
}

/** One of each of some nodes. */
interface Packages {
  readonly size: number;
  readonly nodes: ArrayLike<number>;
  readonly options: ArrayLike<number>;
  /** A row a package: units of each item that must come from there if all are to be sent that the nodes have. */
  readonly forced: ArrayLike<number>;
}

interface DealLimits {
  /** Deals that weigh as much are not looked for. */
  readonly weight: number;
  readonly looksMax: number;
}

/** What a look at a deal counts of work. */
export const LOOK_WORK = 20;

/** For one problem; used for one choice of packages after the other. */
export class Dealer {
  readonly #packed: Packed;
  #size = 0;
  #isWhole = true;
  /** Items, the heaviest first: they fit in the fewest ways. Those of them that are to be dealt. */
  readonly #byGrams: Int32Array;
  readonly #order: number[] = [];
  /** By place in the order: units, grams of one, and from there on what the rest weighs at least with room at its price, and its grams. */
  readonly #open: Float64Array;
  readonly #grams: Float64Array;
  readonly #leastFrom: Float64Array;
  readonly #gramsFrom: Float64Array;
  /** A row a package, by place in the order: what a unit costs there, with the price of its room, and how many can be dealt there. */
  readonly #cost: Float64Array;
  readonly #priced: Float64Array;
  readonly #available: Float64Array;
  /** By place in the order, a row of packages: those that have the item, the cheapest with priced room first; and how many. */
  readonly #ranked: Int32Array;
  readonly #ranks: Int32Array;
  readonly #room: Float64Array;
  /** The room of each before any is dealt that there is a choice of. */
  readonly #begun: Float64Array;
  /** Of a gram in each package. */
  readonly #price: Float64Array;
  readonly #ratio: Float64Array;
  readonly #load: Float64Array;
  /** Of all packages. */
  #roomLeft = 0;
  /** A row a package. */
  readonly #units: Float64Array;
  /** Of what is dealt beforehand, and of what no package has. */
  #before = 0;
  /** What all room costs at its price. */
  #roomWorth = 0;
  #limit = 0;
  #looksMax = 0;
  #looks = 0;
  #found: Deal | undefined;

  constructor(packed: Packed, sizeMax: number) {
    const { items } = packed;
    this.#packed = packed;
    this.#byGrams = Int32Array.from({ length: items }, (_, item) => item);
    this.#byGrams.sort((a, b) => (packed.grams[b] as number) - (packed.grams[a] as number));
    this.#open = new Float64Array(items);
    this.#grams = new Float64Array(items);
    this.#leastFrom = new Float64Array(items + 1);
    this.#gramsFrom = new Float64Array(items + 1);
    this.#cost = new Float64Array(sizeMax * items);
    this.#priced = new Float64Array(sizeMax * items);
    this.#available = new Float64Array(sizeMax * items);
    this.#ranked = new Int32Array(sizeMax * items);
    this.#ranks = new Int32Array(items);
    this.#room = new Float64Array(sizeMax);
    this.#begun = new Float64Array(sizeMax);
    this.#price = new Float64Array(sizeMax);
    this.#ratio = new Float64Array(items);
    this.#load = new Float64Array(items);
    this.#units = new Float64Array(sizeMax * items);
  }

  /** The best way to send all that the nodes have; only where there is no room for all, the best to send less. */
  deal(packages: Packages, limits: DealLimits, isTooSmall: boolean): Searched {
    const whole: Searched = isTooSmall
      ? { deal: undefined, unseen: Number.POSITIVE_INFINITY, work: 0 }
      : this.#search(packages, limits, true);
    if (whole.deal !== undefined || Number.isFinite(whole.unseen)) return whole;
    const least = this.#packed.unfilledWeight * (1 + this.#shortOf(packages));
    if (least >= limits.weight) return whole;
    const looksMax = limits.looksMax - Math.ceil(whole.work / LOOK_WORK);
    const part = this.#search(packages, { ...limits, looksMax }, false);
    return { ...part, work: whole.work + part.work };
  }

  /** Units that the nodes do not have. */
  #shortOf({ size, nodes }: Packages): number {
    const { items, wanted, available } = this.#packed;
    let short = 0;
    for (let item = 0; item < items; item++) {
      let has = 0;
      for (let place = 0; place < size; place++) has += available[(nodes[place] as number) * items + item] as number;
      short += Math.max(0, (wanted[item] as number) - has);
    }
    return short;
  }

  /** @param isWhole whether all that the nodes have is to be sent */
  #search(packages: Packages, limits: DealLimits, isWhole: boolean): Searched {
    this.#isWhole = isWhole;
    this.#limit = limits.weight;
    this.#looksMax = limits.looksMax;
    this.#looks = 0;
    this.#found = undefined;
    const nothing = { deal: undefined, unseen: Number.POSITIVE_INFINITY };
    const opened = packages.size * this.#packed.items;
    if (!this.#begin(packages)) return { ...nothing, work: opened };
    const least = isWhole ? this.#priceRoom() : this.#leastWeight();
    const work = opened + 2 * PRICING_ROUNDS * packages.size * this.#order.length;
    if (least >= this.#limit - TOLERANCE) return { ...nothing, work };
    if (this.#looksMax <= 0) return { deal: undefined, unseen: least, work };
    this.#rank();
    this.#dealItem(0, 0, this.#open[0] ?? 0, this.#before);
    const unseen = this.#looks < this.#looksMax ? Number.POSITIVE_INFINITY : least;
    return { deal: this.#found, unseen, work: work + this.#looks * LOOK_WORK };
  }

  /** Deals what must be somewhere, and says what is open. @returns false where a package is too heavy with that alone */
  #begin({ size, nodes, options, forced }: Packages): boolean {
    const { items, wanted, available, grams, gramsMax, unfilledWeight, perUnit, row } = this.#packed;
    this.#size = size;
    this.#order.length = 0;
    this.#before = 0;
    this.#roomLeft = 0;
    this.#units.fill(0, 0, size * items);
    for (let place = 0; place < size; place++) this.#room[place] = gramsMax[options[place] as number] as number;
    for (let item = 0; item < items; item++) {
      let open = wanted[item] as number;
      let has = 0;
      for (let place = 0; place < size; place++) {
        has += available[(nodes[place] as number) * items + item] as number;
        const must = this.#isWhole ? (forced[place * items + item] as number) : 0;
        if (must === 0) continue;
        this.#units[place * items + item] = must;
        this.#room[place] = (this.#room[place] as number) - must * (grams[item] as number);
        this.#before += must * (perUnit[(row[options[place] as number] as number) * items + item] as number);
        open -= must;
        has -= must;
      }
      const short = Math.max(0, open - has);
      this.#before += short * unfilledWeight;
      this.#load[item] = open - short;
    }
    for (let place = 0; place < size; place++) {
      if ((this.#room[place] as number) < -TOLERANCE) return false;
      this.#begun[place] = this.#room[place] as number;
      this.#roomLeft += this.#room[place] as number;
    }
    for (let n = 0; n < items; n++) {
      const item = this.#byGrams[n] as number;
      if ((this.#load[item] as number) > 0) this.#order.push(item);
    }
    const count = this.#order.length;
    this.#gramsFrom[count] = 0;
    for (let at = count - 1; at >= 0; at--) {
      const item = this.#order[at] as number;
      this.#open[at] = this.#load[item] as number;
      this.#grams[at] = grams[item] as number;
      this.#gramsFrom[at] = (this.#gramsFrom[at + 1] as number) + (this.#open[at] as number) * (grams[item] as number);
      for (let place = 0; place < size; place++) {
        const begins = (row[options[place] as number] as number) * items;
        const must = this.#isWhole ? (forced[place * items + item] as number) : 0;
        this.#cost[place * items + at] = perUnit[begins + item] as number;
        this.#priced[place * items + at] = perUnit[begins + item] as number;
        this.#available[place * items + at] = (available[(nodes[place] as number) * items + item] as number) - must;
      }
    }
    this.#price.fill(0, 0, size);
    this.#roomWorth = 0;
    return true;
  }

  /** What deals weigh at least with room at its price. */
  #leastWeight(): number {
    const { items } = this.#packed;
    const count = this.#order.length;
    this.#leastFrom[count] = 0;
    for (let at = count - 1; at >= 0; at--) {
      let weight = this.#leastFrom[at + 1] as number;
      let left = this.#open[at] as number;
      let taken = 0;
      while (left > 0) {
        let cheapest = -1;
        for (let place = 0; place < this.#size; place++) {
          if ((taken & (1 << place)) !== 0) continue;
          const cost = this.#priced[place * items + at] as number;
          if (cheapest === -1 || cost < (this.#priced[cheapest * items + at] as number)) cheapest = place;
        }
        taken |= 1 << cheapest;
        const given = Math.min(left, this.#available[cheapest * items + at] as number);
        weight += given * (this.#priced[cheapest * items + at] as number);
        left -= given;
      }
      this.#leastFrom[at] = weight;
    }
    return this.#before + (this.#leastFrom[0] as number) - this.#roomWorth;
  }

  /**
   * Raises the price of room package by package to where what still wants to be in it fits, which raises what deals weigh at least.
   * @returns the greatest of that; the prices are those of it
   */
  #priceRoom(): number {
    let least = this.#leastWeight();
    for (let round = 0; round < PRICING_ROUNDS && least < this.#limit - TOLERANCE; round++) {
      let isBetter = false;
      for (let place = 0; place < this.#size; place++) {
        if (!Number.isFinite(this.#room[place] as number)) continue;
        const before = this.#price[place] as number;
        const price = this.#priceOf(place);
        if (Math.abs(price - before) <= TOLERANCE * TOLERANCE) continue;
        this.#setPrice(place, price);
        const next = this.#leastWeight();
        if (next > least + TOLERANCE) isBetter = true;
        if (next >= least) least = next;
        else {
          this.#setPrice(place, before);
          this.#leastWeight();
        }
      }
      if (!isBetter) break;
    }
    return least;
  }

  #setPrice(place: number, price: number): void {
    const { items } = this.#packed;
    this.#price[place] = price;
    for (let at = 0; at < this.#order.length; at++) {
      this.#priced[place * items + at] =
        (this.#cost[place * items + at] as number) + price * (this.#grams[at] as number);
    }
    this.#roomWorth = 0;
    for (let one = 0; one < this.#size; one++) {
      const of = this.#price[one] as number;
      if (of > 0) this.#roomWorth += of * (this.#room[one] as number);
    }
  }

  /** The price of room in a package at which what is cheaper there than elsewhere just fits, or 0 where all of it does. */
  #priceOf(place: number): number {
    const { items } = this.#packed;
    let count = 0;
    for (let at = 0; at < this.#order.length; at++) {
      const heavy = this.#grams[at] as number;
      const has = Math.min(this.#open[at] as number, this.#available[place * items + at] as number);
      if (has === 0 || heavy === 0) continue;
      let elsewhere = Number.POSITIVE_INFINITY;
      for (let other = 0; other < this.#size; other++) {
        if (other === place || this.#available[other * items + at] === 0) continue;
        elsewhere = Math.min(elsewhere, this.#priced[other * items + at] as number);
      }
      const saved = elsewhere - (this.#cost[place * items + at] as number);
      if (saved <= 0) continue;
      this.#ratio[count] = saved / heavy;
      this.#load[count] = has * heavy;
      count += 1;
    }
    return priceWhere(this.#ratio, this.#load, count, this.#room[place] as number);
  }

  #rank(): void {
    const { items } = this.#packed;
    for (let at = 0; at < this.#order.length; at++) {
      const first = at * this.#size;
      let count = 0;
      for (let place = 0; place < this.#size; place++) {
        if (this.#available[place * items + at] === 0) continue;
        const cost = this.#priced[place * items + at] as number;
        let rank = count++;
        for (; rank > 0; rank--) {
          const other = this.#ranked[first + rank - 1] as number;
          if ((this.#priced[other * items + at] as number) <= cost) break;
          this.#ranked[first + rank] = other;
        }
        this.#ranked[first + rank] = place;
      }
      this.#ranks[at] = count;
    }
  }

  /**
   * Gives `left` units of the item at a place of the order to the packages from a rank on, in every way that could be better. `weight` is of
   * what is dealt, with room at its price.
   */
  #dealItem(at: number, rank: number, left: number, weight: number): void {
    if (this.#looks >= this.#looksMax) return;
    this.#looks += 1;
    if (at === this.#order.length) {
      this.#offer(weight);
      return;
    }
    const limit = this.#limit + this.#roomWorth - TOLERANCE;
    const rest = this.#leastFrom[at + 1] as number;
    if (left === 0 || rank === (this.#ranks[at] as number)) {
      if (left > 0 && this.#isWhole) return;
      const next = weight + left * this.#packed.unfilledWeight;
      if (next + rest >= limit) return;
      this.#dealItem(at + 1, 0, this.#open[at + 1] ?? 0, next);
      return;
    }
    const heavy = this.#grams[at] as number;
    // What is left does not fit in all packages together.
    if (this.#isWhole && left * heavy + (this.#gramsFrom[at + 1] as number) > this.#roomLeft + TOLERANCE) return;
    const { items } = this.#packed;
    const place = this.#ranked[at * this.#size + rank] as number;
    const each = this.#priced[place * items + at] as number;
    if (weight + left * each + rest >= limit) return;
    const room = this.#room[place] as number;
    const fits = heavy === 0 ? left : Math.floor((room + TOLERANCE) / heavy);
    const most = Math.min(left, fits, this.#available[place * items + at] as number);
    const unit = place * items + (this.#order[at] as number);
    const before = this.#units[unit] as number;
    const roomLeft = this.#roomLeft;
    // With the last look it ends here too: units can be very many.
    for (let given = most; given >= 0 && this.#looks < this.#looksMax; given--) {
      this.#units[unit] = before + given;
      this.#room[place] = room - given * heavy;
      this.#roomLeft = roomLeft - given * heavy;
      this.#dealItem(at, rank + 1, left - given, weight + given * each);
    }
    this.#units[unit] = before;
    this.#room[place] = room;
    this.#roomLeft = roomLeft;
  }

  /** All is dealt; what the room costs that it takes was only a price. */
  #offer(priced: number): void {
    const { items } = this.#packed;
    let weight = priced;
    for (let place = 0; place < this.#size; place++) {
      const price = this.#price[place] as number;
      if (price > 0) weight -= price * ((this.#begun[place] as number) - (this.#room[place] as number));
    }
    if (weight >= this.#limit - TOLERANCE) return;
    this.#limit = weight;
    this.#found = { units: this.#units.slice(0, this.#size * items), weight };
  }
}
