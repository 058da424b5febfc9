// A set of ship nodes that the search looks at: what must come from where, of what there is a choice, and what that costs at least.
import { leastRowOf, type Packed, type Problem, TOLERANCE } from './problem.ts';

/** Of larger sets, rooms are only compared for each package and for all together: their parts are too many. */
const PARTS_SIZE_MAX = 4;

export class NodeSet {
  readonly #packed: Packed;
  readonly #splitPenalty: number;
  readonly nodes: Int32Array;
  /** By place in the set: the option looked at, and where the row begins of what a unit costs with it, or could at least. */
  readonly chosen: Int32Array;
  readonly #rows: Int32Array;
  /** A row a place in the set: units that must come from there. */
  readonly forced: Float64Array;
  readonly #forcedUnits: Float64Array;
  /** Items of which there is a choice, how many, and how many units of each. */
  readonly #freeItems: Int32Array;
  readonly #free: Float64Array;
  freeCount = 0;
  /** What those cost at least, by whatever options. */
  freeLeast = 0;
  /** What is unfilled in the set weighs. */
  shortWeight = 0;
  /** Of all units that the set has of what is wanted. */
  grams = 0;
  /** By place in the set, and one beyond: the room that the packages from there on have at most. */
  readonly roomFrom: Float64Array;
  /** By place in the set: what could be in its package at most. */
  readonly reach: Float64Array;
  /** By part of the set, a bit for each place: grams that can only be in its packages. Made when first asked for. */
  readonly #gramsOfPart: Float64Array;
  #hasParts = false;
  /** A row a place in the set: all units, as dealt last. */
  readonly units: Float64Array;
  /** Of each option in a set: its cost with what must be in it. By place in the set: the least of them, and whose that is. */
  readonly optionCost: Float64Array;
  readonly leastCost: Float64Array;
  readonly leastOption: Int32Array;
  /** Of each row, what must come from its node costs with it. */
  readonly #rowCost: Float64Array;

  constructor(packed: Packed, sizeMax: number, { splitPenalty }: Pick<Problem, 'splitPenalty'>) {
    const { items, index, firstRow, nodes } = packed;
    this.#packed = packed;
    this.#splitPenalty = splitPenalty;
    this.nodes = new Int32Array(sizeMax);
    this.chosen = new Int32Array(sizeMax);
    this.#rows = new Int32Array(sizeMax);
    this.forced = new Float64Array(sizeMax * items);
    this.#forcedUnits = new Float64Array(sizeMax);
    this.#freeItems = new Int32Array(items);
    this.#free = new Float64Array(items);
    this.roomFrom = new Float64Array(sizeMax + 1);
    this.reach = new Float64Array(sizeMax);
    this.#gramsOfPart = new Float64Array(1 << Math.min(sizeMax, PARTS_SIZE_MAX));
    this.units = new Float64Array(sizeMax * items);
    this.optionCost = new Float64Array(index.length);
    this.leastCost = new Float64Array(sizeMax);
    this.leastOption = new Int32Array(sizeMax);
    this.#rowCost = new Float64Array(firstRow[nodes] as number);
  }

  /** The place takes this option. */
  choose(place: number, option: number): void {
    this.chosen[place] = option;
    this.#rows[place] = (this.#packed.row[option] as number) * this.#packed.items;
  }

  /** The place is open again: its units cost what they cost at least. */
  reopen(place: number): void {
    this.#rows[place] = leastRowOf(this.#packed, this.nodes[place] as number);
  }

  /**
   * Says of the first `size` nodes what must come from where, and what that costs; no choice of services for them weighs less than what is
   * returned. Nothing that leaves more unfilled for want of room does either, since a unit unfilled outweighs all costs.
   */
  bound(size: number): number {
    const { items, wanted, available, grams, unfilledWeight } = this.#packed;
    this.freeCount = 0;
    this.#hasParts = false;
    this.#forcedUnits.fill(0, 0, size);
    let short = 0;
    let heavyInAll = 0;
    for (let item = 0; item < items; item++) {
      let total = 0;
      for (let place = 0; place < size; place++) {
        total += available[(this.nodes[place] as number) * items + item] as number;
      }
      const filled = Math.min(total, wanted[item] as number);
      short += (wanted[item] as number) - filled;
      heavyInAll += filled * (grams[item] as number);
      let left = filled;
      for (let place = 0; place < size; place++) {
        const has = available[(this.nodes[place] as number) * items + item] as number;
        const must = Math.max(0, filled - (total - has));
        this.forced[place * items + item] = must;
        this.#forcedUnits[place] = (this.#forcedUnits[place] as number) + must;
        left -= must;
      }
      if (left > 0) {
        this.#freeItems[this.freeCount++] = item;
        this.#free[item] = left;
      }
    }
    this.shortWeight = short * unfilledWeight;
    this.grams = heavyInAll;
    let weight = this.shortWeight + (size - 1) * this.#splitPenalty;
    for (let place = 0; place < size; place++) weight += this.#boundPlace(place);
    this.roomFrom[size] = 0;
    for (let place = size - 1; place >= 0; place--) {
      this.roomFrom[place] = (this.roomFrom[place] as number) + (this.roomFrom[place + 1] as number);
    }
    this.freeLeast = this.freeWeight(size);
    return weight + this.freeLeast;
  }

  /** The least that its package costs with what must be in it. */
  #boundPlace(place: number): number {
    const { items, available, grams, first, fixed, perUnit, row, firstRow, gramsMax, unfilledWeight } = this.#packed;
    const node = this.nodes[place] as number;
    this.reopen(place);
    let heavy = 0;
    for (let item = 0; item < items; item++) {
      heavy += (this.forced[place * items + item] as number) * (grams[item] as number);
    }
    let reach = heavy;
    for (let n = 0; n < this.freeCount; n++) {
      const item = this.#freeItems[n] as number;
      const has = (available[node * items + item] as number) - (this.forced[place * items + item] as number);
      reach += Math.min(has, this.#free[item] as number) * (grams[item] as number);
    }
    this.reach[place] = reach;
    const isAnyForced = (this.#forcedUnits[place] as number) > 0;
    for (let one = firstRow[node] as number; one < (firstRow[node + 1] as number); one++) {
      let cost = 0;
      for (let item = 0; isAnyForced && item < items; item++) {
        const must = this.forced[place * items + item] as number;
        if (must > 0) cost += must * (perUnit[one * items + item] as number);
      }
      this.#rowCost[one] = cost;
    }
    let least = Number.POSITIVE_INFINITY;
    let room = 0;
    for (let option = first[node] as number; option < (first[node + 1] as number); option++) {
      room = Math.max(room, Math.min(gramsMax[option] as number, reach));
      const isTooHeavy = heavy > (gramsMax[option] as number) + TOLERANCE;
      const cost =
        (fixed[option] as number) + (isTooHeavy ? unfilledWeight : (this.#rowCost[row[option] as number] as number));
      this.optionCost[option] = cost;
      if (cost < least) {
        least = cost;
        this.leastOption[place] = option;
      }
    }
    this.leastCost[place] = least;
    this.roomFrom[place] = room;
    return least;
  }

  sumOfLeast(size: number): number {
    let sum = 0;
    for (let place = 0; place < size; place++) sum += this.leastCost[place] as number;
    return sum;
  }

  /** What units cost that there is a choice of, each dealt to the cheapest by the rows of now. */
  freeWeight(size: number): number {
    return this.#dealFree(size, false);
  }

  /** Deals each item to the cheapest of the chosen that have it. */
  dealAll(size: number): void {
    const cells = size * this.#packed.items;
    for (let at = 0; at < cells; at++) this.units[at] = this.forced[at] as number;
    this.#dealFree(size, true);
  }

  /** Deals what there is a choice of to the cheapest, into `units` if they are kept; returns what it costs. */
  #dealFree(size: number, isKept: boolean): number {
    if (this.freeCount === 0) return 0;
    const { items, available, perUnit } = this.#packed;
    let weight = 0;
    for (let n = 0; n < this.freeCount; n++) {
      const item = this.#freeItems[n] as number;
      let left = this.#free[item] as number;
      let taken = 0;
      // The places have together what is free, and each is taken once: it ends after at most so many.
      while (left > 0) {
        const cheapest = cheapestPlace(perUnit, this.#rows, item, size, taken);
        taken |= 1 << cheapest;
        const at = cheapest * items + item;
        const has = available[(this.nodes[cheapest] as number) * items + item] as number;
        const given = Math.min(left, has - (this.forced[at] as number));
        weight += given * (perUnit[(this.#rows[cheapest] as number) + item] as number);
        if (isKept) this.units[at] = (this.units[at] as number) + given;
        left -= given;
      }
    }
    return weight;
  }

  /** Whether a package of the chosen has nothing in it when each item goes to the cheapest. */
  hasEmpty(size: number): boolean {
    let isSure = true;
    for (let place = 0; place < size; place++) if (this.#forcedUnits[place] === 0) isSure = false;
    if (isSure) return false;
    this.dealAll(size);
    return isAnyEmpty(this.units, size, this.#packed.items);
  }

  /** Whether no package of the chosen is too heavy when each item goes to the cheapest. */
  fits(size: number): boolean {
    this.dealAll(size);
    const { items, grams, gramsMax } = this.#packed;
    for (let place = 0; place < size; place++) {
      let heavy = 0;
      for (let item = 0; item < items; item++) {
        heavy += (this.units[place * items + item] as number) * (grams[item] as number);
      }
      if (heavy > (gramsMax[this.chosen[place] as number] as number) + TOLERANCE) return false;
    }
    return true;
  }

  /**
   * Whether packages have no room for all, by those chosen for the places up to this: for each part of them that it is in, what can only be
   * sent by that part must fit (units that could be cut would, then: max-flow min-cut).
   */
  isTooSmall(place: number, size: number): boolean {
    if (size > PARTS_SIZE_MAX) return false;
    if (!this.#hasParts) this.#weighParts(size);
    const { gramsMax } = this.#packed;
    for (let part = 1 << place; part < 2 << place; part++) {
      let room = TOLERANCE;
      for (let one = 0; one <= place; one++) {
        if (part & (1 << one)) room += gramsMax[this.chosen[one] as number] as number;
      }
      if ((this.#gramsOfPart[part] as number) > room) return true;
    }
    return false;
  }

  #weighParts(size: number): void {
    const { items, wanted, available, grams } = this.#packed;
    this.#hasParts = true;
    for (let part = 1; part < 1 << size; part++) {
      let heavy = 0;
      for (let item = 0; item < items; item++) {
        let inside = 0;
        let outside = 0;
        for (let place = 0; place < size; place++) {
          const has = available[(this.nodes[place] as number) * items + item] as number;
          if (part & (1 << place)) inside += has;
          else outside += has;
        }
        const must = Math.min(inside, (wanted[item] as number) - outside);
        if (must > 0) heavy += must * (grams[item] as number);
      }
      this.#gramsOfPart[part] = heavy;
    }
  }
}

/** Whether one of the first `size` rows has no units. */
export function isAnyEmpty(units: Float64Array, size: number, items: number): boolean {
  for (let place = 0; place < size; place++) {
    let isEmpty = true;
    for (let at = place * items; at < (place + 1) * items && isEmpty; at++) isEmpty = units[at] === 0;
    if (isEmpty) return true;
  }
  return false;
}

/**
 * Of the first `size` places of a set without those taken, the one where a unit of the item costs least.
 * @param rows by place, where its row of `perUnit` begins; @param taken a bit for each place
 */
function cheapestPlace(perUnit: Float64Array, rows: Int32Array, item: number, size: number, taken: number): number {
  let cheapest = -1;
  let cost = Number.POSITIVE_INFINITY;
  for (let place = 0; place < size; place++) {
    const each = perUnit[(rows[place] as number) + item] as number;
    if (each < cost && (taken & (1 << place)) === 0) {
      cheapest = place;
      cost = each;
    }
  }
  return cheapest;
}
