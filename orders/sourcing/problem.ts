// The choice of packages as numbers: what is wanted, what could be sent from where, and what it costs. Packed into flat arrays for
// the search, without options that another is never worse than.

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
  readonly gramsMax?: number;
}

export interface Problem {
  /** Units wanted of each item. */
  readonly wanted: readonly number[];
  /** Of a unit of each item; without it, nothing weighs anything. */
  readonly grams?: readonly number[];
  readonly options: readonly ShipmentOption[];
  /** For each shipment after the first. */
  readonly splitPenalty: number;
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
  const grams = Float64Array.from(problem.grams ?? wanted, (each) => (problem.grams === undefined ? 0 : each));
  const unfilledWeight = unfilledWeightOf(problem, distinct);
  const nodes = usefulByNode(problem, grams, unfilledWeight);
  const count = nodes.reduce((sum, node) => sum + node.options.length, 0);
  const rows = nodes.reduce((sum, node) => sum + node.rows.length, 0);
  const packed = {
    items,
    wanted: Float64Array.from(wanted),
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
  for (const [node, useful] of nodes.entries()) {
    const { available } = options[useful.options[0] as number] as ShipmentOption;
    let weight = 0;
    for (let item = 0; item < items; item++) {
      const units = Math.min(available[item] as number, wanted[item] as number);
      packed.available[node * items + item] = units;
      weight += units * (grams[item] as number);
    }
    for (const [n, index] of useful.options.entries()) {
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
  for (const [index, { node, available }] of options.entries()) {
    const others = byNode.get(node);
    if (others !== undefined) others.push(index);
    else if (available.some((units, item) => units > 0 && (wanted[item] as number) > 0)) byNode.set(node, [index]);
  }
  const ranked: Useful[] = [];
  for (const candidates of byNode.values()) {
    const { available } = options[candidates[0] as number] as ShipmentOption;
    let heaviest = 0;
    for (let item = 0; item < wanted.length; item++) {
      heaviest += Math.min(wanted[item] as number, available[item] as number) * (grams[item] as number);
    }
    const useful = candidates.filter((one, n) => {
      const b = options[one] as ShipmentOption;
      for (let m = 0; m < candidates.length; m++) {
        const a = options[candidates[m] as number] as ShipmentOption;
        if (m !== n && isNoWorse(a, b, heaviest) && (m < n || !isNoWorse(b, a, heaviest))) return false;
      }
      return true;
    });
    const rows: (readonly number[])[] = [];
    const rowOf = useful.map((index) => {
      const { perUnit } = options[index] as ShipmentOption;
      const known = rows.indexOf(perUnit);
      return known === -1 ? rows.push(perUnit) - 1 : known;
    });
    const sending = rows.map((perUnit) => {
      let weight = 0;
      for (let item = 0; item < wanted.length; item++) {
        const given = Math.min(wanted[item] as number, available[item] as number);
        weight += given * (perUnit[item] as number) + ((wanted[item] as number) - given) * unfilledWeight;
      }
      return weight;
    });
    let alone = Number.POSITIVE_INFINITY;
    for (const [n, index] of useful.entries()) {
      alone = Math.min(alone, (options[index] as ShipmentOption).fixed + (sending[rowOf[n] as number] as number));
    }
    ranked.push({ options: useful, rowOf, rows, alone });
  }
  return ranked.sort((a, b) => a.alone - b.alone);
}

/** Whether `a` is as good as `b` whatever is in the package, which weighs at most `heaviest` grams. */
function isNoWorse(a: ShipmentOption, b: ShipmentOption, heaviest: number): boolean {
  if (a.fixed > b.fixed) return false;
  const [most, other] = [a.gramsMax ?? heaviest, b.gramsMax ?? heaviest];
  if (most < heaviest && most < other) return false;
  if (a.perUnit === b.perUnit) return true;
  for (let item = 0; item < a.perUnit.length; item++) {
    if ((a.perUnit[item] as number) > (b.perUnit[item] as number)) return false;
  }
  return true;
}

function unfilledWeightOf({ wanted, options, splitPenalty, shipmentsMax }: Problem, distinct: Distinct): number {
  let fixed = 0;
  for (const option of options) fixed = Math.max(fixed, option.fixed);
  const most = wanted.map(() => 0);
  for (const perUnit of distinct) {
    for (let item = 0; item < most.length; item++) {
      most[item] = Math.max(most[item] as number, perUnit[item] as number);
    }
  }
  const cost = most.reduce((sum, each, item) => sum + each * (wanted[item] as number), 0);
  // A power of two, so that units and costs keep apart to the last digit.
  return 2 ** Math.ceil(Math.log2(1 + cost + shipmentsMax * (fixed + splitPenalty)));
}

/** The arrays of what units cost, each once, though many options share one. */
type Distinct = ReadonlySet<readonly number[]>;

function check({ wanted, grams = [], options, splitPenalty, shipmentsMax, visitsMax }: Problem): Distinct {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  const isCost = (value: number): boolean => Number.isFinite(value) && value >= 0;
  const areAligned = (values: readonly number[]): boolean => values.length === wanted.length;
  let areWhole = wanted.every(isCount) && isCount(shipmentsMax) && isCount(visitsMax);
  let areCosts = isCost(splitPenalty) && grams.every(isCost) && (grams.length === 0 || areAligned(grams));
  let counted: readonly number[] | undefined;
  const distinct = new Set<readonly number[]>();
  for (const { fixed, perUnit, available, gramsMax = 0 } of options) {
    // Options of a node mostly share the array.
    if (available !== counted) areWhole &&= areAligned(available) && available.every(isCount);
    counted = available;
    distinct.add(perUnit);
    areCosts &&= isCost(fixed) && gramsMax >= 0;
  }
  for (const perUnit of distinct) areCosts &&= areAligned(perUnit) && perUnit.every(isCost);
  if (!areWhole) throw new RangeError('units are whole numbers of 0 or more, one for each item');
  if (!areCosts) throw new RangeError('costs and weights are finite and 0 or more, one for each item');
  return distinct;
}

/**
 * Of the first `size` places of a set without those taken, the one where a unit of the item costs least.
 * @param rows by place, where its row of `perUnit` begins; @param taken a bit for each place
 */
export function cheapestPlace(
  perUnit: Float64Array,
  rows: Int32Array,
  item: number,
  size: number,
  taken: number,
): number {
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
