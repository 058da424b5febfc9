// The choice of packages as numbers: what is wanted, what could be sent from where, and what it costs. Packed into flat arrays for
// the search, without options that another is never worse than.

import { PACKAGES_MAX } from './limits.ts';

/** A shipment that could be: a ship node and a carrier service. Costs are in minor units of the currency. */
export interface ShipmentOption {
  /** At most one option of a node is chosen: a node sends one package. */
  readonly node: number;
  /** Of sending it, whatever is in it. */
  readonly fixed: number;
  /** Of a unit of each item in it. */
  readonly perUnit: readonly number[];
  /** Units of each item that the node can give; the same in all options of a node. */
  readonly available: readonly number[];
  /** The greatest weight of the package; without it, any. */
  readonly gramsMax?: number | undefined;
}

export interface Problem {
  /** Units wanted of each item. */
  readonly wanted: readonly number[];
  /** Of a unit of each item; without it, nothing weighs anything. */
  readonly grams?: readonly number[];
  readonly options: readonly ShipmentOption[];
  /** For each shipment after the first. */
  readonly splitPenalty: number;
  /** At most PACKAGES_MAX: the search keeps places of a set as bits of a number. */
  readonly shipmentsMax: number;
  /** Sets of shipments looked at before the search ends with what it has. */
  readonly visitsMax: number;
  /** Choices that cost more than the best by at most this share of it are looked at too, for the sake of the alternatives. */
  readonly alternativesWithin?: number;
}

/** Sums in another order differ by less than this, minor units. */
export const TOLERANCE = 1e-6;

/** Rows of items are slices of one array: a row's place in it is where it begins. */
export interface Packed {
  readonly items: number;
  readonly wanted: Float64Array;
  readonly grams: Float64Array;
  /** A row a node; no more than wanted. */
  readonly available: Float64Array;
  readonly nodes: number;
  /** Options of a node are those from `first[node]` to before `first[node + 1]`. */
  readonly first: Int32Array;
  /** Of each option, its place among the problem's. */
  readonly index: Int32Array;
  readonly fixed: Float64Array;
  readonly gramsMax: Float64Array;
  /** Rows of what units cost: first those that options have, of each node together, then a row a node: the least of its options. */
  readonly perUnit: Float64Array;
  /** Of each option, its number of a row of `perUnit`; those of a node are from `firstRow[node]` to before `firstRow[node + 1]`. */
  readonly row: Int32Array;
  readonly firstRow: Int32Array;
  readonly leastFixed: Float64Array;
  /** What a unit unfilled weighs: more than any choice can cost, which makes one number of the two aims. */
  readonly unfilledWeight: number;
  /** Some option has a greatest weight that what is wanted could pass. */
  readonly isCapped: boolean;
}

/** Where the row begins of what units cost at least at a node. */
export function leastRowOf({ items, nodes, firstRow }: Packed, node: number): number {
  return ((firstRow[nodes] as number) + node) * items;
}

/** A node with its options, as far as no other of its options is as good. */
interface Useful {
  readonly options: readonly number[];
  /** Of each option, which of the rows is its own. */
  readonly rowOf: readonly number[];
  /** What units cost, each once: a service has many prices by weight, and units cost the same with all. */
  readonly rows: readonly (readonly number[])[];
  /** What its best option weighs when nothing else is sent. */
  readonly alone: number;
}

/** By node, the most useful first, so that a good choice is found early and prunes the rest. */
export function pack(problem: Problem): Packed {
  const distinct = check(problem);
  const { wanted, options } = problem;
  const items = wanted.length;
  const grams = problem.grams === undefined ? new Float64Array(items) : new Float64Array(problem.grams);
  const unfilledWeight = unfilledWeightOf(problem, distinct);
  const nodes = usefulByNode(problem, grams, unfilledWeight);
  let count = 0;
  let rows = 0;
  for (const node of nodes) {
    count += node.options.length;
    rows += node.rows.length;
  }
  const packed = {
    items,
    wanted: new Float64Array(wanted),
    grams,
    available: new Float64Array(nodes.length * items),
    nodes: nodes.length,
    first: new Int32Array(nodes.length + 1),
    index: new Int32Array(count),
    fixed: new Float64Array(count),
    gramsMax: new Float64Array(count),
    perUnit: new Float64Array((rows + nodes.length) * items).fill(Number.POSITIVE_INFINITY, rows * items),
    row: new Int32Array(count),
    firstRow: new Int32Array(nodes.length + 1),
    leastFixed: new Float64Array(nodes.length).fill(Number.POSITIVE_INFINITY),
    unfilledWeight,
    isCapped: false,
  };
  let next = 0;
  let row = 0;
  for (let node = 0; node < nodes.length; node++) {
    const useful = nodes[node] as Useful;
    const { available } = options[useful.options[0] as number] as ShipmentOption;
    let weight = 0;
    for (let item = 0; item < items; item++) {
      const units = Math.min(available[item] as number, wanted[item] as number);
      packed.available[node * items + item] = units;
      weight += units * (grams[item] as number);
    }
    for (let n = 0; n < useful.options.length; n++) {
      const index = useful.options[n] as number;
      const { fixed, gramsMax = Number.POSITIVE_INFINITY } = options[index] as ShipmentOption;
      packed.index[next] = index;
      packed.fixed[next] = fixed;
      packed.gramsMax[next] = gramsMax;
      packed.row[next] = row + (useful.rowOf[n] as number);
      packed.isCapped ||= gramsMax < weight;
      packed.leastFixed[node] = Math.min(packed.leastFixed[node] as number, fixed);
      next += 1;
    }
    const least = (rows + node) * items;
    for (const perUnit of useful.rows) {
      for (let item = 0; item < items; item++) {
        const cost = perUnit[item] as number;
        packed.perUnit[row * items + item] = cost;
        if (cost < (packed.perUnit[least + item] as number)) packed.perUnit[least + item] = cost;
      }
      row += 1;
    }
    packed.first[node + 1] = next;
    packed.firstRow[node + 1] = row;
  }
  return packed;
}

function usefulByNode({ wanted, options }: Problem, grams: Float64Array, unfilledWeight: number): Useful[] {
  const byNode = new Map<number, number[]>();
  for (let index = 0; index < options.length; index++) {
    const { node, available } = options[index] as ShipmentOption;
    const others = byNode.get(node);
    if (others !== undefined) others.push(index);
    else if (hasSome(available, wanted)) byNode.set(node, [index]);
  }
  const ranked: Useful[] = [];
  for (const candidates of byNode.values()) {
    const { available } = options[candidates[0] as number] as ShipmentOption;
    let heaviest = 0;
    for (let item = 0; item < wanted.length; item++) {
      heaviest += Math.min(wanted[item] as number, available[item] as number) * (grams[item] as number);
    }
    const useful: number[] = [];
    /** What units cost, each array once, and of each what they cost all together. */
    const rows: (readonly number[])[] = [];
    const sending: number[] = [];
    const rowOf: number[] = [];
    let alone = Number.POSITIVE_INFINITY;
    for (let n = 0; n < candidates.length; n++) {
      const one = options[candidates[n] as number] as ShipmentOption;
      if (isOutdone(one, n, candidates, options, heaviest)) continue;
      let row = rows.indexOf(one.perUnit);
      if (row === -1) {
        row = rows.push(one.perUnit) - 1;
        sending.push(sendingWeight(one, wanted, unfilledWeight));
      }
      useful.push(candidates[n] as number);
      rowOf.push(row);
      alone = Math.min(alone, one.fixed + (sending[row] as number));
    }
    ranked.push({ options: useful, rowOf, rows, alone });
  }
  return ranked.sort((a, b) => a.alone - b.alone);
}

function hasSome(available: readonly number[], wanted: readonly number[]): boolean {
  for (let item = 0; item < wanted.length; item++) {
    if ((available[item] as number) > 0 && (wanted[item] as number) > 0) return true;
  }
  return false;
}

/** What units weigh in the one package that has all that its node can give. */
function sendingWeight(
  { available, perUnit }: ShipmentOption,
  wanted: readonly number[],
  unfilledWeight: number,
): number {
  let weight = 0;
  for (let item = 0; item < wanted.length; item++) {
    const given = Math.min(wanted[item] as number, available[item] as number);
    weight += given * (perUnit[item] as number) + ((wanted[item] as number) - given) * unfilledWeight;
  }
  return weight;
}

/** Whether another candidate is no worse than this, the `n`th; of those that are alike the first stays. */
function isOutdone(
  one: ShipmentOption,
  n: number,
  candidates: readonly number[],
  options: readonly ShipmentOption[],
  heaviest: number,
): boolean {
  for (let m = 0; m < candidates.length; m++) {
    const other = options[candidates[m] as number] as ShipmentOption;
    if (m !== n && isNoWorse(other, one, heaviest) && (m < n || !isNoWorse(one, other, heaviest))) return true;
  }
  return false;
}

/** Whether `a` is as good as `b` whatever is in the package, which weighs at most `heaviest` grams. */
function isNoWorse(a: ShipmentOption, b: ShipmentOption, heaviest: number): boolean {
  if (a.fixed > b.fixed) return false;
  if (a.gramsMax !== undefined && a.gramsMax < heaviest && a.gramsMax < (b.gramsMax ?? heaviest)) return false;
  if (a.perUnit === b.perUnit) return true;
  for (let item = 0; item < a.perUnit.length; item++) {
    if ((a.perUnit[item] as number) > (b.perUnit[item] as number)) return false;
  }
  return true;
}

function unfilledWeightOf({ wanted, options, splitPenalty, shipmentsMax }: Problem, distinct: Distinct): number {
  let fixed = 0;
  for (const option of options) fixed = Math.max(fixed, option.fixed);
  let cost = 0;
  for (let item = 0; item < wanted.length; item++) {
    let most = 0;
    for (const perUnit of distinct) most = Math.max(most, perUnit[item] as number);
    cost += most * (wanted[item] as number);
  }
  // A power of two, so that units and costs keep apart to the last digit.
  return 2 ** Math.ceil(Math.log2(1 + cost + shipmentsMax * (fixed + splitPenalty)));
}

/** The arrays of what units cost, each once, though many options share one. */
type Distinct = readonly (readonly number[])[];

function check({ wanted, grams, options, splitPenalty, shipmentsMax, visitsMax }: Problem): Distinct {
  if (shipmentsMax > PACKAGES_MAX) throw new RangeError(`${shipmentsMax} shipments are more than ${PACKAGES_MAX}`);
  let areWhole = areCounts(wanted, wanted.length) && isCount(shipmentsMax) && isCount(visitsMax);
  let areCosts = isCost(splitPenalty) && (grams === undefined || areCostsOf(grams, wanted.length));
  let counted: readonly number[] | undefined;
  const distinct = new Set<readonly number[]>();
  for (const { fixed, perUnit, available, gramsMax = 0 } of options) {
    // Options of a node mostly share the array.
    if (available !== counted) areWhole &&= areCounts(available, wanted.length);
    counted = available;
    distinct.add(perUnit);
    areCosts &&= isCost(fixed) && gramsMax >= 0;
  }
  for (const perUnit of distinct) areCosts &&= areCostsOf(perUnit, wanted.length);
  if (!areWhole) throw new RangeError('units are whole numbers of 0 or more, one for each item');
  if (!areCosts) throw new RangeError('costs and weights are finite and 0 or more, one for each item');
  return [...distinct];
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isCost(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}

function areCounts(values: readonly number[], length: number): boolean {
  if (values.length !== length) return false;
  for (let n = 0; n < length; n++) if (!isCount(values[n] as number)) return false;
  return true;
}

function areCostsOf(values: readonly number[], length: number): boolean {
  if (values.length !== length) return false;
  for (let n = 0; n < length; n++) if (!isCost(values[n] as number)) return false;
  return true;
}
