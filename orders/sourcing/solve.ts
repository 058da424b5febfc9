// Which ship nodes ship which units by which service, for the least cost: branch and bound (A. Land, A. Doig 1960) over sets of ship
// nodes, and within a set over their services. A unit that only one node of a set has must come from there, which says at once how
// many stay unfilled and nearly what the set costs; few sets are looked into. The rest is dealt each to the cheapest.
import { Beyond } from './beyond.ts';
import { type Deal, dealWithin } from './deal.ts';
import { ALTERNATIVES_MAX, DEAL_LOOK_WORK, DEALS_MAX, WEIGHING_WORK_MAX } from './limits.ts';
import { cheapestPlace, type Packed, type Problem, pack, TOLERANCE } from './problem.ts';

export interface Shipment {
  /** Index into the options. */
  readonly option: number;
  /** Units of each item. */
  readonly units: readonly number[];
}

export interface Choice {
  readonly shipments: readonly Shipment[];
  /** Of each item, units that these shipments do not have. */
  readonly unfilled: readonly number[];
  /** Of the shipments; what is unfilled costs nothing here, but fewer unfilled units always come first. */
  readonly cost: number;
}

export interface Solution extends Choice {
  /** No choice is better: the search went through all of them. */
  readonly proved: boolean;
  /** How much cheaper, as a share of the cost, an unseen choice could be at most; 0 when proved. */
  readonly gap: number;
  /** Choices looked at. */
  readonly visits: number;
  /** The choice is the greedy one that the search began with, and was cut short before it found a better. */
  readonly isGreedy: boolean;
  /** The best of the others, each of other shipments; cheapest first. */
  readonly alternatives: readonly Choice[];
}

/**
 * The best choice, or the best seen within `visitsMax`, which is never worse than the greedy one.
 * @throws RangeError when counts are not whole numbers of 0 or more, or a cost or weight is below 0 or not finite
 */
export function solve(problem: Problem): Solution {
  return new Search(problem, pack(problem)).run();
}

/** Options of the packed problem, one of each of some nodes, in the order of the nodes. */
interface Found {
  readonly nodes: Int32Array;
  readonly options: Int32Array;
  /** Cost and unfilled units as one number. */
  readonly weight: number;
  /** Where a greatest weight had a say in it. */
  readonly deal: Deal | undefined;
}

class Search {
  readonly #problem: Problem;
  readonly #packed: Packed;
  readonly #sizeMax: number;
  readonly #beyond: Beyond;
  readonly #set: Int32Array;
  /** By place in the set: the option looked at, and the row of what a unit costs with it, or could at least. */
  readonly #chosen: Int32Array;
  readonly #rows: Int32Array;
  /** A row a place in the set: units that must come from there. */
  readonly #forced: Float64Array;
  readonly #forcedUnits: Float64Array;
  /** Items of which there is a choice, how many, and how many units of each. */
  readonly #freeItems: Int32Array;
  readonly #free: Float64Array;
  #freeCount = 0;
  /** What is unfilled in the set weighs. */
  #shortWeight = 0;
  /** Of all units that the set has of what is wanted. */
  #grams = 0;
  /** By place in the set, and one beyond: the room that the packages from there on have at most. */
  readonly #roomFrom: Float64Array;
  /** By place in the set: what could be in its package at most. */
  readonly #reach: Float64Array;
  /** Work that is left where greatest weights have a say. */
  #work: number;
  /** A row a place in the set: all units, as dealt last. */
  readonly #units: Float64Array;
  /** Of each option in a set: its cost with what must be in it. By place in the set: the least of them, and whose that is. */
  readonly #optionCost: Float64Array;
  readonly #leastCost: Float64Array;
  readonly #leastOption: Int32Array;
  #best: Found;
  #others: Found[] = [];
  #visits = 0;
  /** The least bound of what was not looked into for want of visits. */
  #unseen = Number.POSITIVE_INFINITY;

  constructor(problem: Problem, packed: Packed) {
    const { items } = packed;
    this.#problem = problem;
    this.#packed = packed;
    this.#sizeMax = Math.min(problem.shipmentsMax, packed.nodes);
    this.#set = new Int32Array(this.#sizeMax);
    this.#beyond = new Beyond(packed, this.#set, problem.splitPenalty);
    this.#chosen = new Int32Array(this.#sizeMax);
    this.#rows = new Int32Array(this.#sizeMax);
    this.#forced = new Float64Array(this.#sizeMax * items);
    this.#forcedUnits = new Float64Array(this.#sizeMax);
    this.#freeItems = new Int32Array(items);
    this.#free = new Float64Array(items);
    this.#optionCost = new Float64Array(packed.index.length);
    this.#leastCost = new Float64Array(this.#sizeMax);
    this.#roomFrom = new Float64Array(this.#sizeMax + 1);
    this.#reach = new Float64Array(this.#sizeMax);
    this.#work = packed.isCapped ? WEIGHING_WORK_MAX : Number.POSITIVE_INFINITY;
    this.#leastOption = new Int32Array(this.#sizeMax);
    this.#units = new Float64Array(this.#sizeMax * items);
    this.#best = this.#found(
      0,
      packed.wanted.reduce((sum, units) => sum + units, 0) * packed.unfilledWeight,
      undefined,
    );
  }

  run(): Solution {
    this.#greedily();
    const greedy = this.#best;
    this.#branchNodes(0, 0);
    const best = this.#choiceOf(this.#best);
    const isProved = this.#unseen >= this.#best.weight - TOLERANCE;
    const unseenCost = best.cost - (this.#best.weight - this.#unseen);
    return {
      ...best,
      proved: isProved,
      gap: isProved ? 0 : Math.min(1, (best.cost - Math.max(0, unseenCost)) / Math.max(best.cost, TOLERANCE)),
      visits: this.#visits,
      isGreedy: !isProved && this.#best === greedy,
      alternatives: this.#others.map((other) => this.#choiceOf(other)),
    };
  }

  /** What weighs as much is looked into no more. */
  #limit(): number {
    const within = this.#problem.alternativesWithin ?? 0;
    const { weight } = this.#best;
    return weight - TOLERANCE + (within === 0 ? 0 : within * (weight % this.#packed.unfilledWeight));
  }

  /** A first choice to measure others by: whatever node helps most is added, as long as one helps. */
  #greedily(): void {
    const taken: number[] = [];
    for (let size = 1; size <= this.#sizeMax; size++) {
      let next = -1;
      for (let node = 0; node < this.#packed.nodes; node++) {
        if (taken.includes(node)) continue;
        for (const [place, one] of taken.entries()) this.#set[place] = one;
        this.#set[size - 1] = node;
        const before = this.#best;
        this.#bound(size);
        if (this.#packed.isCapped) this.#offerPacked(size);
        if (size === 1) this.#offerEach(node);
        else if (!this.#packed.isCapped) this.#offerLeast(size);
        if (this.#best !== before) next = node;
      }
      if (next === -1) return;
      taken.push(next);
    }
  }

  /** All options of a node alone. */
  #offerEach(node: number): void {
    const { first } = this.#packed;
    for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
      this.#visits += 1;
      this.#choose(0, option);
      this.#offer(1, (this.#optionCost[option] as number) + this.#shortWeight);
    }
  }

  /** Of each node in the set the option that costs least with what must be in it. */
  #offerLeast(size: number): void {
    this.#visits += 1;
    let weight = this.#shortWeight + (size - 1) * this.#problem.splitPenalty;
    for (let place = 0; place < size; place++) {
      this.#choose(place, this.#leastOption[place] as number);
      weight += this.#leastCost[place] as number;
    }
    this.#offer(size, weight + this.#freeWeight(size));
  }

  /**
   * Where weights have a say: deals what there is a choice of to where it could cost least, and takes of each node the option that
   * costs least with that. Seldom the best, always near, and soon done, so that few sets need a closer look.
   */
  #offerPacked(size: number): void {
    const { items, first, fixed, perUnit, grams, gramsMax } = this.#packed;
    this.#dealAll(size);
    let weight = this.#shortWeight + (size - 1) * this.#problem.splitPenalty;
    for (let place = 0; place < size; place++) {
      const node = this.#set[place] as number;
      let heavy = 0;
      let count = 0;
      for (let item = 0; item < items; item++) {
        const units = this.#units[place * items + item] as number;
        heavy += units * (grams[item] as number);
        count += units;
      }
      if (count === 0) return;
      let least = Number.POSITIVE_INFINITY;
      for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
        let cost = fixed[option] as number;
        if (cost >= least || heavy > (gramsMax[option] as number) + TOLERANCE) continue;
        for (let item = 0; item < items; item++) {
          cost += (this.#units[place * items + item] as number) * (perUnit[option * items + item] as number);
        }
        if (cost >= least) continue;
        least = cost;
        this.#chosen[place] = option;
      }
      weight += least;
    }
    if (!Number.isFinite(weight)) return;
    const units = Array.from({ length: size }, (_, place) => this.#units.slice(place * items, (place + 1) * items));
    this.#take(size, weight, { units, weight });
  }

  /** All sets that add to the first `size` nodes of the set, from the nodes from `from` on. */
  #branchNodes(from: number, size: number): void {
    if (size === this.#sizeMax) return;
    for (let node = from; node < this.#packed.nodes; node++) {
      const least = this.#beyond.least(node, size);
      // It rises from node to node.
      if (least >= this.#limit()) return;
      if (this.#visits >= this.#problem.visitsMax) {
        this.#unseen = Math.min(this.#unseen, least);
        return;
      }
      this.#set[size] = node;
      this.#visits += 1;
      if (this.#bound(size + 1) < this.#limit()) {
        if (this.#packed.isCapped) this.#offerPacked(size + 1);
        const sum = size * this.#problem.splitPenalty + this.#shortWeight + this.#sumOfLeast(size + 1);
        this.#branchOptions(0, size + 1, sum, 0);
      }
      this.#branchNodes(node + 1, size + 1);
    }
  }

  #sumOfLeast(size: number): number {
    let sum = 0;
    for (let place = 0; place < size; place++) sum += this.#leastCost[place] as number;
    return sum;
  }

  /**
   * All options of the nodes in the set from a place on. `sum` is what the set costs at least without what there is a choice of, `room` what
   * the packages before have. Packages without room for all leave something unfilled, which outweighs all costs.
   */
  #branchOptions(place: number, size: number, sum: number, room: number): void {
    const { first, items, index, gramsMax, unfilledWeight } = this.#packed;
    const node = this.#set[place] as number;
    for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
      const total = sum - (this.#leastCost[place] as number) + (this.#optionCost[option] as number);
      const roomWith = room + Math.min(gramsMax[option] as number, this.#reach[place] as number);
      const isTight = roomWith + (this.#roomFrom[place + 1] as number) < this.#grams - TOLERANCE;
      if ((isTight ? this.#shortWeight + unfilledWeight : total) >= this.#limit() || total >= this.#limit()) continue;
      this.#choose(place, option);
      const weight = total + this.#freeWeight(size);
      if (weight >= this.#limit()) continue;
      if (this.#visits >= this.#problem.visitsMax || this.#work <= 0) {
        this.#unseen = Math.min(this.#unseen, weight);
        continue;
      }
      this.#visits += 1;
      this.#work -= 1 + size * this.#freeCount;
      if (place + 1 === size) this.#offer(size, weight);
      else this.#branchOptions(place + 1, size, total, roomWith);
    }
    this.#rows[place] = (index.length + node) * items;
  }

  #choose(place: number, option: number): void {
    this.#chosen[place] = option;
    this.#rows[place] = option * this.#packed.items;
  }

  /**
   * Says of the set what must come from where, and what that costs; no choice of services for it weighs less than what is returned. Nothing
   * that leaves more unfilled for want of room does either, since a unit unfilled outweighs all costs.
   */
  #bound(size: number): number {
    const { items, wanted, available, grams, first, fixed, perUnit, gramsMax, unfilledWeight, index } = this.#packed;
    this.#freeCount = 0;
    this.#forcedUnits.fill(0, 0, size);
    let short = 0;
    let heavyInAll = 0;
    for (let item = 0; item < items; item++) {
      let total = 0;
      for (let place = 0; place < size; place++) {
        total += available[(this.#set[place] as number) * items + item] as number;
      }
      const filled = Math.min(total, wanted[item] as number);
      short += (wanted[item] as number) - filled;
      heavyInAll += filled * (grams[item] as number);
      let left = filled;
      for (let place = 0; place < size; place++) {
        const has = available[(this.#set[place] as number) * items + item] as number;
        const must = Math.max(0, filled - (total - has));
        this.#forced[place * items + item] = must;
        this.#forcedUnits[place] = (this.#forcedUnits[place] as number) + must;
        left -= must;
      }
      if (left > 0) {
        this.#freeItems[this.#freeCount++] = item;
        this.#free[item] = left;
      }
    }
    this.#shortWeight = short * unfilledWeight;
    this.#grams = heavyInAll;
    let weight = this.#shortWeight + (size - 1) * this.#problem.splitPenalty;
    for (let place = 0; place < size; place++) {
      const node = this.#set[place] as number;
      this.#rows[place] = (index.length + node) * items;
      let heavy = 0;
      for (let item = 0; item < items; item++) {
        heavy += (this.#forced[place * items + item] as number) * (grams[item] as number);
      }
      let reach = heavy;
      for (let n = 0; n < this.#freeCount; n++) {
        const item = this.#freeItems[n] as number;
        const has = (available[node * items + item] as number) - (this.#forced[place * items + item] as number);
        reach += Math.min(has, this.#free[item] as number) * (grams[item] as number);
      }
      this.#reach[place] = reach;
      let least = Number.POSITIVE_INFINITY;
      let room = 0;
      for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
        room = Math.max(room, Math.min(gramsMax[option] as number, reach));
        let cost = fixed[option] as number;
        if (heavy > (gramsMax[option] as number) + TOLERANCE) cost += unfilledWeight;
        else {
          for (let item = 0; item < items; item++) {
            const must = this.#forced[place * items + item] as number;
            if (must > 0) cost += must * (perUnit[option * items + item] as number);
          }
        }
        this.#optionCost[option] = cost;
        if (cost < least) {
          least = cost;
          this.#leastOption[place] = option;
        }
      }
      this.#leastCost[place] = least;
      this.#roomFrom[place] = room;
      weight += least;
    }
    this.#roomFrom[size] = 0;
    for (let place = size - 1; place >= 0; place--) {
      this.#roomFrom[place] = (this.#roomFrom[place] as number) + (this.#roomFrom[place + 1] as number);
    }
    return weight + this.#freeWeight(size);
  }

  /** What units cost that there is a choice of, each dealt to the cheapest by the rows of now. */
  #freeWeight(size: number): number {
    const { items, available, perUnit } = this.#packed;
    let weight = 0;
    for (let n = 0; n < this.#freeCount; n++) {
      const item = this.#freeItems[n] as number;
      let left = this.#free[item] as number;
      let taken = 0;
      while (left > 0) {
        const cheapest = cheapestPlace(perUnit, this.#rows, item, size, taken);
        taken |= 1 << cheapest;
        const has = available[(this.#set[cheapest] as number) * items + item] as number;
        const given = Math.min(left, has - (this.#forced[cheapest * items + item] as number));
        weight += given * (perUnit[(this.#rows[cheapest] as number) + item] as number);
        left -= given;
      }
    }
    return weight;
  }

  /** A choice of options for the nodes in the set, which weighs so much if packages had room for all. */
  #offer(size: number, weight: number): void {
    let deal: Deal | undefined;
    let weighs = weight;
    if (this.#packed.isCapped && !this.#fits(size)) {
      const { fixed } = this.#packed;
      let sending = (size - 1) * this.#problem.splitPenalty;
      for (let place = 0; place < size; place++) sending += fixed[this.#chosen[place] as number] as number;
      const options = this.#chosen.slice(0, size);
      const looksMax = Math.min(DEALS_MAX, Math.max(0, Math.ceil(this.#work / DEAL_LOOK_WORK)));
      const packages = { nodes: this.#set, options, forced: this.#forced };
      const searched = dealWithin(this.#packed, packages, { weight: this.#limit() - sending, looksMax });
      this.#work -= searched.looks * DEAL_LOOK_WORK;
      if (!searched.isProved) this.#unseen = Math.min(this.#unseen, weight);
      deal = searched.deal;
      // One that has nothing to send is a worse form of another.
      if (deal === undefined || deal.units.some((units) => units.every((count) => count === 0))) return;
      weighs = sending + deal.weight;
    } else if (this.#hasEmpty(size)) return;
    this.#take(size, weighs, deal);
  }

  /** A choice that holds. */
  #take(size: number, weighs: number, deal: Deal | undefined): void {
    if (weighs < this.#best.weight - TOLERANCE) {
      const before = this.#best;
      this.#best = this.#found(size, weighs, deal);
      if (before.options.length > 0) this.#keep(before);
    } else {
      const last = this.#others[ALTERNATIVES_MAX - 1];
      if (last === undefined || weighs < last.weight) this.#keep(this.#found(size, weighs, deal));
    }
  }

  #found(size: number, weight: number, deal: Deal | undefined): Found {
    return { nodes: this.#set.slice(0, size), options: this.#chosen.slice(0, size), weight, deal };
  }

  #keep(found: Found): void {
    const isSame = ({ options }: Found): boolean =>
      options.length === found.options.length && options.every((option) => found.options.includes(option));
    if (isSame(this.#best) || this.#others.some(isSame)) return;
    this.#others.push(found);
    this.#others.sort((a, b) => a.weight - b.weight);
    this.#others.length = Math.min(this.#others.length, ALTERNATIVES_MAX);
  }

  #hasEmpty(size: number): boolean {
    if (!this.#forcedUnits.subarray(0, size).includes(0)) return false;
    this.#dealAll(size);
    const { items } = this.#packed;
    for (let place = 0; place < size; place++) {
      if (this.#units.subarray(place * items, (place + 1) * items).every((units) => units === 0)) return true;
    }
    return false;
  }

  #fits(size: number): boolean {
    this.#dealAll(size);
    const { items, grams, gramsMax } = this.#packed;
    for (let place = 0; place < size; place++) {
      let heavy = 0;
      for (let item = 0; item < items; item++) {
        heavy += (this.#units[place * items + item] as number) * (grams[item] as number);
      }
      if (heavy > (gramsMax[this.#chosen[place] as number] as number) + TOLERANCE) return false;
    }
    return true;
  }

  /** Deals each item to the cheapest of the chosen that have it. */
  #dealAll(size: number): void {
    const { items, available, perUnit } = this.#packed;
    this.#units.set(this.#forced.subarray(0, size * items));
    for (let n = 0; n < this.#freeCount; n++) {
      const item = this.#freeItems[n] as number;
      let left = this.#free[item] as number;
      let taken = 0;
      while (left > 0) {
        const cheapest = cheapestPlace(perUnit, this.#rows, item, size, taken);
        taken |= 1 << cheapest;
        const at = cheapest * items + item;
        const has = available[(this.#set[cheapest] as number) * items + item] as number;
        const given = Math.min(left, has - (this.#forced[at] as number));
        this.#units[at] = (this.#units[at] as number) + given;
        left -= given;
      }
    }
  }

  #choiceOf({ nodes, options, deal }: Found): Choice {
    const { items, wanted, index, fixed, perUnit } = this.#packed;
    const size = nodes.length;
    this.#set.set(nodes);
    this.#bound(size);
    for (const [place, option] of options.entries()) this.#choose(place, option);
    this.#dealAll(size);
    const unfilled = Array.from(wanted);
    let cost = Math.max(0, size - 1) * this.#problem.splitPenalty;
    const shipments = Array.from(options, (option, place): Shipment => {
      const units = Array.from(deal?.units[place] ?? this.#units.subarray(place * items, (place + 1) * items));
      cost += fixed[option] as number;
      for (const [item, count] of units.entries()) {
        unfilled[item] = (unfilled[item] as number) - count;
        if (count > 0) cost += count * (perUnit[option * items + item] as number);
      }
      return { option: index[option] as number, units };
    });
    return { shipments, unfilled, cost };
  }
}
