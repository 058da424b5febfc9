// Which ship nodes ship which units by which service, for the least cost: branch and bound (A. Land, A. Doig 1960) over sets of ship
// nodes, and within a set over their services. A unit that only one node of a set has must come from there, which says at once how
// many stay unfilled and nearly what the set costs; few sets are looked into. The rest is dealt each to the cheapest.
import { Beyond } from './beyond.ts';
import { Dealer, LOOK_WORK } from './deal.ts';
import { ALTERNATIVES_MAX, DEALS_FIRST_MAX, DEALS_MAX, WEIGHING_WORK_MAX } from './limits.ts';
import { isAnyEmpty, NodeSet } from './node-set.ts';
import { type Packed, type Problem, pack, TOLERANCE } from './problem.ts';
import { Savings } from './savings.ts';

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
 * @throws RangeError when counts are not whole numbers of 0 or more, a cost or weight is below 0 or not finite, or `shipmentsMax` is too great
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
  /** A row a package: units of each item, where a greatest weight had a say in them. */
  readonly units: Float64Array | undefined;
}

class Search {
  readonly #problem: Problem;
  readonly #packed: Packed;
  readonly #sizeMax: number;
  readonly #set: NodeSet;
  readonly #beyond: Beyond;
  /** Only made where weights have a say: most problems need neither, and their arrays are garbage afterwards. */
  #lazyDealer: Dealer | undefined;
  #lazySavings: Savings | undefined;
  /**
   * By place in the set, with the options chosen before it: what the set costs at least without what there is a choice of, what that
   * costs, and the room of their packages. Not arguments, since numbers that are passed on are garbage afterwards.
   */
  readonly #sum: Float64Array;
  readonly #free: Float64Array;
  readonly #room: Float64Array;
  /** Work that is left where greatest weights have a say. */
  #work: number;
  #best: Found;
  #others: Found[] = [];
  #visits = 0;
  /** Choices of which not all deals were looked at, and what those not looked at weigh at least. */
  #open: (Found & { readonly unseen: number })[] = [];
  /** The least bound of what was not looked into for want of visits. */
  #unseen = Number.POSITIVE_INFINITY;

  constructor(problem: Problem, packed: Packed) {
    this.#problem = problem;
    this.#packed = packed;
    this.#sizeMax = Math.min(problem.shipmentsMax, packed.nodes);
    this.#set = new NodeSet(packed, this.#sizeMax, problem);
    this.#sum = new Float64Array(this.#sizeMax);
    this.#room = new Float64Array(this.#sizeMax);
    this.#free = new Float64Array(this.#sizeMax);
    this.#beyond = new Beyond(packed, this.#set.nodes, problem.splitPenalty);
    this.#work = packed.isCapped ? WEIGHING_WORK_MAX : Number.POSITIVE_INFINITY;
    let units = 0;
    for (let item = 0; item < packed.items; item++) units += packed.wanted[item] as number;
    this.#best = this.#found(0, units * packed.unfilledWeight, undefined);
  }

  get #dealer(): Dealer {
    this.#lazyDealer ??= new Dealer(this.#packed, this.#sizeMax);
    return this.#lazyDealer;
  }

  get #savings(): Savings {
    this.#lazySavings ??= new Savings(this.#packed);
    return this.#lazySavings;
  }

  run(): Solution {
    this.#greedily();
    const greedy = this.#best;
    this.#branchNodes(0, 0);
    this.#dealOpen();
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

  /** Looks closer at the deals that took longest, the most promising first: by now fewer of them could be the best. */
  #dealOpen(): void {
    const open = this.#open.sort((a, b) => a.unseen - b.unseen);
    this.#open = [];
    for (const { nodes, options, weight, unseen } of open) {
      if (unseen >= this.#limit()) break;
      if (this.#work <= 0) this.#unseen = Math.min(this.#unseen, unseen);
      else {
        this.#set.nodes.set(nodes);
        this.#set.bound(nodes.length);
        for (let place = 0; place < options.length; place++) this.#set.choose(place, options[place] as number);
        this.#offer(nodes.length, weight, DEALS_MAX);
      }
    }
    for (const { unseen } of this.#open) this.#unseen = Math.min(this.#unseen, unseen);
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
        for (const [place, one] of taken.entries()) this.#set.nodes[place] = one;
        this.#set.nodes[size - 1] = node;
        const before = this.#best;
        this.#set.bound(size);
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
      this.#set.choose(0, option);
      this.#offer(1, (this.#set.optionCost[option] as number) + this.#set.shortWeight);
    }
  }

  /** Of each node in the set the option that costs least with what must be in it. */
  #offerLeast(size: number): void {
    this.#visits += 1;
    let weight = this.#set.shortWeight + (size - 1) * this.#problem.splitPenalty;
    for (let place = 0; place < size; place++) {
      this.#set.choose(place, this.#set.leastOption[place] as number);
      weight += this.#set.leastCost[place] as number;
    }
    this.#offer(size, weight + this.#set.freeWeight(size));
  }

  /**
   * Where weights have a say: deals what there is a choice of to where it could cost least, and takes of each node the option that
   * costs least with that. Seldom the best, always near, and soon done, so that few sets need a closer look.
   */
  #offerPacked(size: number): void {
    const { items, first, fixed, perUnit, row, grams, gramsMax } = this.#packed;
    this.#set.dealAll(size);
    let weight = this.#set.shortWeight + (size - 1) * this.#problem.splitPenalty;
    for (let place = 0; place < size; place++) {
      const node = this.#set.nodes[place] as number;
      let heavy = 0;
      let count = 0;
      for (let item = 0; item < items; item++) {
        const units = this.#set.units[place * items + item] as number;
        heavy += units * (grams[item] as number);
        count += units;
      }
      if (count === 0) return;
      let least = Number.POSITIVE_INFINITY;
      for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
        let cost = fixed[option] as number;
        const begins = (row[option] as number) * items;
        if (cost >= least || heavy > (gramsMax[option] as number) + TOLERANCE) continue;
        for (let item = 0; item < items; item++) {
          cost += (this.#set.units[place * items + item] as number) * (perUnit[begins + item] as number);
        }
        if (cost >= least) continue;
        least = cost;
        this.#set.chosen[place] = option;
      }
      weight += least;
    }
    if (!Number.isFinite(weight)) return;
    this.#take(size, weight, this.#set.units);
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
      this.#set.nodes[size] = node;
      this.#visits += 1;
      if (this.#set.bound(size + 1) < this.#limit()) {
        if (this.#packed.isCapped) this.#offerPacked(size + 1);
        this.#sum[0] = size * this.#problem.splitPenalty + this.#set.shortWeight + this.#set.sumOfLeast(size + 1);
        this.#room[0] = 0;
        this.#free[0] = this.#set.freeLeast;
        this.#branchOptions(0, size + 1);
      }
      this.#branchNodes(node + 1, size + 1);
    }
  }

  /**
   * All options of the nodes in the set from a place on, with those chosen before. Packages without room for all leave something
   * unfilled, which outweighs all costs.
   */
  #branchOptions(place: number, size: number): void {
    const { first, gramsMax, unfilledWeight, isCapped } = this.#packed;
    const node = this.#set.nodes[place] as number;
    const without = (this.#sum[place] as number) - (this.#set.leastCost[place] as number);
    for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
      const total = without + (this.#set.optionCost[option] as number);
      const limit = this.#limit();
      // With another option chosen, units of which there is a choice cost no less than before.
      if (total + (this.#free[place] as number) >= limit) continue;
      const room =
        (this.#room[place] as number) + Math.min(gramsMax[option] as number, this.#set.reach[place] as number);
      this.#set.choose(place, option);
      const isTight =
        room + (this.#set.roomFrom[place + 1] as number) < this.#set.grams - TOLERANCE ||
        (isCapped && this.#set.isTooSmall(place, size));
      if (isTight && this.#set.shortWeight + unfilledWeight >= limit) continue;
      const free = this.#set.freeWeight(size);
      const weight = total + free;
      if (weight >= limit) continue;
      if (isCapped && this.#isDearBeside(place, size, limit)) continue;
      if (this.#visits >= this.#problem.visitsMax || this.#work <= 0) {
        this.#unseen = Math.min(this.#unseen, weight);
        continue;
      }
      this.#visits += 1;
      this.#work -= 1 + size * this.#set.freeCount;
      if (place + 1 === size) this.#offer(size, weight);
      else {
        this.#sum[place + 1] = total;
        this.#room[place + 1] = room;
        this.#free[place + 1] = free;
        this.#branchOptions(place + 1, size);
      }
    }
    this.#set.reopen(place);
  }

  /** Whether the set costs as much as the limit with the options chosen up to a place, seen beside one of them. */
  #isDearBeside(place: number, size: number, limit: number): boolean {
    // It is about sets that send all, where that is possible.
    if (size === 1 || this.#set.shortWeight > 0 || this.#best.weight > this.#packed.unfilledWeight) return false;
    for (let by = 0; by <= place; by++) if (this.#weightBeside(by, place, size) >= limit) return true;
    return false;
  }

  /** What the set costs at least with the options chosen up to a place, at the prices of the one at `by`. */
  #weightBeside(by: number, place: number, size: number): number {
    const { row, fixed } = this.#packed;
    const { nodes, chosen } = this.#set;
    const node = nodes[by] as number;
    const option = chosen[by] as number;
    const of = row[option] as number;
    let weight = (size - 1) * this.#problem.splitPenalty + (fixed[option] as number) + this.#savings.all(of, node);
    for (let one = 0; one < size; one++) {
      if (one === by) continue;
      const other = nodes[one] as number;
      weight +=
        one <= place ? this.#savings.of(of, node, chosen[one] as number, other) : this.#savings.ofNode(of, node, other);
    }
    return weight;
  }

  /** A choice of options for the nodes in the set, which weighs so much if packages had room for all. */
  #offer(size: number, weight: number, looksAtMost = DEALS_FIRST_MAX): void {
    let units: Float64Array | undefined;
    let weighs = weight;
    if (this.#packed.isCapped && !this.#set.fits(size)) {
      const { fixed } = this.#packed;
      const { nodes, chosen, forced } = this.#set;
      let sending = (size - 1) * this.#problem.splitPenalty;
      for (let place = 0; place < size; place++) sending += fixed[chosen[place] as number] as number;
      const looksMax = Math.min(looksAtMost, Math.max(0, Math.ceil(this.#work / LOOK_WORK)));
      const packages = { size, nodes, options: chosen, forced };
      const isTooSmall = this.#set.isTooSmall(size - 1, size);
      const searched = this.#dealer.deal(packages, { weight: this.#limit() - sending, looksMax }, isTooSmall);
      this.#work -= searched.work;
      const unseen = Math.max(weight, sending + searched.unseen);
      if (Number.isFinite(unseen)) this.#open.push({ ...this.#found(size, weight, undefined), unseen });
      const { deal } = searched;
      // One that has nothing to send is a worse form of another.
      if (deal === undefined || isAnyEmpty(deal.units, size, this.#packed.items)) return;
      units = deal.units;
      weighs = sending + deal.weight;
    } else if (this.#set.hasEmpty(size)) return;
    this.#take(size, weighs, units);
  }

  /** A choice that holds. @param units copied, if the choice is kept */
  #take(size: number, weighs: number, units: Float64Array | undefined): void {
    if (weighs < this.#best.weight - TOLERANCE) {
      const before = this.#best;
      this.#best = this.#found(size, weighs, units);
      if (before.options.length > 0) this.#keep(before);
    } else {
      const last = this.#others[ALTERNATIVES_MAX - 1];
      if (last !== undefined && weighs >= last.weight) return;
      // Most are met again and again: nothing is made of those.
      if (!this.#isKnown(this.#set.chosen, size)) this.#keep(this.#found(size, weighs, units));
    }
  }

  #found(size: number, weight: number, units: Float64Array | undefined): Found {
    return {
      nodes: this.#set.nodes.slice(0, size),
      options: this.#set.chosen.slice(0, size),
      weight,
      units: units?.slice(0, size * this.#packed.items),
    };
  }

  /** Behind those that weigh as much. */
  #keep(found: Found): void {
    if (this.#isKnown(found.options, found.options.length)) return;
    let rank = this.#others.length;
    while (rank > 0 && (this.#others[rank - 1] as Found).weight > found.weight) rank -= 1;
    this.#others.splice(rank, 0, found);
    this.#others.length = Math.min(this.#others.length, ALTERNATIVES_MAX);
  }

  /** Whether it is the best or one of the others, of the same options in whatever order. */
  #isKnown(options: Int32Array, size: number): boolean {
    if (isSame(this.#best.options, options, size)) return true;
    for (const other of this.#others) if (isSame(other.options, options, size)) return true;
    return false;
  }

  #choiceOf({ nodes, options, units: dealt }: Found): Choice {
    const { items, wanted, index, fixed, perUnit, row } = this.#packed;
    const size = nodes.length;
    this.#set.nodes.set(nodes);
    this.#set.bound(size);
    for (let place = 0; place < size; place++) this.#set.choose(place, options[place] as number);
    this.#set.dealAll(size);
    const units = dealt ?? this.#set.units;
    const unfilled: number[] = [];
    for (let item = 0; item < items; item++) unfilled.push(wanted[item] as number);
    let cost = Math.max(0, size - 1) * this.#problem.splitPenalty;
    const shipments: Shipment[] = [];
    for (let place = 0; place < size; place++) {
      const option = options[place] as number;
      const begins = (row[option] as number) * items;
      const inside: number[] = [];
      cost += fixed[option] as number;
      for (let item = 0; item < items; item++) {
        const count = units[place * items + item] as number;
        inside.push(count);
        unfilled[item] = (unfilled[item] as number) - count;
        if (count > 0) cost += count * (perUnit[begins + item] as number);
      }
      shipments.push({ option: index[option] as number, units: inside });
    }
    return { shipments, unfilled, cost };
  }
}

function isSame(one: Int32Array, other: Int32Array, size: number): boolean {
  if (one.length !== size) return false;
  for (let place = 0; place < size; place++) if (!one.includes(other[place] as number)) return false;
  return true;
}
