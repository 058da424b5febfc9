// Which ship nodes ship which units by which service, for the least cost. The cost of a shipment is a fixed part and a part for each
// unit, so once it is known which shipments there are, each SKU is dealt to the cheapest of them that has it, for itself. What is
// searched is the set of shipments: depth first over the nodes with a lower bound (branch and bound; A. Land, A. Doig 1960).

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
}

export interface Problem {
  /** Units wanted of each item. */
  readonly wanted: readonly number[];
  readonly options: readonly ShipmentOption[];
  /** For each shipment after the first. */
  readonly splitPenalty: number;
  readonly shipmentsMax: number;
  /** Sets of shipments looked at before the search ends with what it has. */
  readonly visitsMax: number;
}

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
  readonly visits: number;
  /** The best of the others, each of other shipments; cheapest first. */
  readonly alternatives: readonly Choice[];
}

const ALTERNATIVES_MAX = 5;
/** A unit unfilled weighs more than any cost, which makes one number of the two aims. */
const UNFILLED_WEIGHT = 1e9;
/** Sums in another order differ by less than this, minor units. */
const TOLERANCE = 1e-6;

/**
 * The best choice, or the best seen within `visitsMax`, which is never worse than the greedy one.
 * @throws RangeError when counts are not whole numbers of 0 or more, or a cost is below 0 or not finite
 */
export function solve(problem: Problem): Solution {
  check(problem);
  return new Search(problem).run();
}

/** An option with its place among the problem's. */
interface Candidate {
  readonly index: number;
  readonly option: ShipmentOption;
}

interface Evaluated extends Choice {
  /** Cost and unfilled units as one number. */
  readonly weight: number;
}

class Search {
  readonly #problem: Problem;
  /** Options by node, without those that another of the same node is never worse than. */
  readonly #nodes: readonly (readonly Candidate[])[];
  /** Of the nodes from each on: the least cost of a unit of each item, and how many units they have. */
  readonly #leastFrom: readonly (readonly number[])[];
  readonly #unitsFrom: readonly (readonly number[])[];
  readonly #chosen: Candidate[] = [];
  #best: Evaluated;
  #others: Evaluated[] = [];
  #visits = 0;
  /** The least bound of what was not searched for want of visits. */
  #unseen = Number.POSITIVE_INFINITY;

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#nodes = usefulByNode(problem);
    const none = problem.wanted.map(() => 0);
    const leastFrom = [problem.wanted.map(() => Number.POSITIVE_INFINITY)];
    const unitsFrom = [none];
    for (const options of this.#nodes.toReversed()) {
      const [least, units] = [leastFrom[0], unitsFrom[0]] as [number[], number[]];
      const has = (options[0] as Candidate).option.available;
      leastFrom.unshift(
        least.map((cost, item) =>
          (has[item] as number) === 0
            ? cost
            : Math.min(cost, ...options.map(({ option }) => option.perUnit[item] as number)),
        ),
      );
      unitsFrom.unshift(units.map((sum, item) => sum + (has[item] as number)));
    }
    this.#leastFrom = leastFrom;
    this.#unitsFrom = unitsFrom;
    this.#best = this.#evaluate();
  }

  run(): Solution {
    this.#greedily();
    this.#branch(0);
    const { shipments, unfilled, cost, weight } = this.#best;
    const isProved = this.#unseen >= weight - TOLERANCE;
    const unseenCost = cost - (weight - this.#unseen);
    return {
      shipments,
      unfilled,
      cost,
      proved: isProved,
      gap: isProved ? 0 : Math.min(1, (cost - Math.max(0, unseenCost)) / Math.max(cost, TOLERANCE)),
      visits: this.#visits,
      alternatives: this.#others.map(({ shipments, unfilled, cost }) => ({ shipments, unfilled, cost })),
    };
  }

  /** A first choice to measure others by: whatever shipment helps most is added, as long as one helps. */
  #greedily(): void {
    for (let helps = true; helps && this.#chosen.length < this.#problem.shipmentsMax; ) {
      const taken = new Set(this.#chosen.map(({ option }) => option.node));
      let next: Candidate | undefined;
      const before = this.#evaluate().weight;
      let least = before;
      for (const candidate of this.#nodes.flat()) {
        if (taken.has(candidate.option.node)) continue;
        this.#chosen.push(candidate);
        const { weight } = this.#visit();
        this.#chosen.pop();
        if (weight < least - TOLERANCE) [least, next] = [weight, candidate];
      }
      helps = next !== undefined;
      if (next !== undefined) this.#chosen.push(next);
    }
    this.#chosen.length = 0;
  }

  /** All choices that add to what is chosen, from the nodes from `from` on. */
  #branch(from: number): void {
    if (from === this.#nodes.length || this.#chosen.length === this.#problem.shipmentsMax) return;
    const bound = this.#bound(from);
    if (bound >= this.#best.weight - TOLERANCE) return;
    if (this.#visits >= this.#problem.visitsMax) {
      this.#unseen = Math.min(this.#unseen, bound);
      return;
    }
    for (const candidate of this.#nodes[from] as readonly Candidate[]) {
      this.#chosen.push(candidate);
      this.#visit();
      this.#branch(from + 1);
      this.#chosen.pop();
    }
    this.#branch(from + 1);
  }

  /** No choice that adds a shipment from these nodes weighs less: as if theirs cost nothing to send, and had all their units at the least cost. */
  #bound(from: number): number {
    const { wanted, splitPenalty } = this.#problem;
    const [least, units] = [this.#leastFrom[from], this.#unitsFrom[from]] as [number[], number[]];
    let weight = 0;
    for (const { option } of this.#chosen) weight += option.fixed;
    weight += this.#chosen.length * splitPenalty;
    for (let item = 0; item < wanted.length; item++) {
      let has = units[item] as number;
      let cost = has === 0 ? Number.POSITIVE_INFINITY : (least[item] as number);
      for (const { option } of this.#chosen) {
        const available = option.available[item] as number;
        if (available === 0) continue;
        has += available;
        cost = Math.min(cost, option.perUnit[item] as number);
      }
      const filled = Math.min(has, wanted[item] as number);
      if (filled > 0) weight += filled * cost;
      weight += ((wanted[item] as number) - filled) * UNFILLED_WEIGHT;
    }
    return weight;
  }

  #visit(): Evaluated {
    this.#visits += 1;
    const choice = this.#evaluate();
    if (choice.weight < this.#best.weight - TOLERANCE) {
      if (this.#best.shipments.length > 0) this.#keep(this.#best);
      this.#best = choice;
    } else if (choice.shipments.length === this.#chosen.length) {
      // One that has nothing to send is a worse form of another.
      this.#keep(choice);
    }
    return choice;
  }

  #keep(choice: Evaluated): void {
    const last = this.#others.at(-1);
    if (this.#others.length === ALTERNATIVES_MAX && last !== undefined && choice.weight >= last.weight) return;
    const isSame = (other: Evaluated): boolean =>
      other.shipments.length === choice.shipments.length &&
      other.shipments.every(({ option }) => choice.shipments.some((shipment) => shipment.option === option));
    if (isSame(this.#best) || this.#others.some(isSame)) return;
    this.#others.push(choice);
    this.#others.sort((a, b) => a.weight - b.weight);
    this.#others.length = Math.min(this.#others.length, ALTERNATIVES_MAX);
  }

  /** Deals each item to the cheapest of the chosen that have it. A shipment that gets nothing is not sent. */
  #evaluate(): Evaluated {
    const { wanted, splitPenalty } = this.#problem;
    const units = this.#chosen.map(() => wanted.map(() => 0));
    const unfilled: number[] = [];
    let cost = 0;
    let short = 0;
    for (let item = 0; item < wanted.length; item++) {
      const byCost = this.#chosen
        .map(({ option }, n) => ({ n, cost: option.perUnit[item] as number, has: option.available[item] as number }))
        .sort((a, b) => a.cost - b.cost);
      let left = wanted[item] as number;
      for (const { n, cost: each, has } of byCost) {
        const given = Math.min(left, has);
        (units[n] as number[])[item] = given;
        cost += given * each;
        left -= given;
      }
      unfilled.push(left);
      short += left;
    }
    const shipments: Shipment[] = [];
    for (const [n, { index, option }] of this.#chosen.entries()) {
      if ((units[n] as number[]).every((given) => given === 0)) continue;
      shipments.push({ option: index, units: units[n] as number[] });
      cost += option.fixed;
    }
    cost += Math.max(0, shipments.length - 1) * splitPenalty;
    return { shipments, unfilled, cost, weight: cost + short * UNFILLED_WEIGHT };
  }
}

/** By node, the most useful first, so that a good choice is found early and prunes the rest. */
function usefulByNode({ wanted, options }: Problem): Candidate[][] {
  const byNode = new Map<number, Candidate[]>();
  for (const [index, option] of options.entries()) {
    if (!option.available.some((units, item) => units > 0 && (wanted[item] as number) > 0)) continue;
    byNode.set(option.node, [...(byNode.get(option.node) ?? []), { index, option }]);
  }
  const isNoWorse = (a: ShipmentOption, b: ShipmentOption): boolean =>
    a.fixed <= b.fixed && a.perUnit.every((cost, item) => cost <= (b.perUnit[item] as number));
  const useful = [...byNode.values()].map((candidates) =>
    candidates.filter(
      (one, n) =>
        !candidates.some(
          (other, m) =>
            m !== n && isNoWorse(other.option, one.option) && (m < n || !isNoWorse(one.option, other.option)),
        ),
    ),
  );
  const alone = ({ option }: Candidate): number =>
    option.perUnit.reduce((sum, cost, item) => {
      const given = Math.min(wanted[item] as number, option.available[item] as number);
      return sum + given * cost + ((wanted[item] as number) - given) * UNFILLED_WEIGHT;
    }, option.fixed);
  const leastAlone = (candidates: readonly Candidate[]): number => Math.min(...candidates.map(alone));
  return useful.sort((a, b) => leastAlone(a) - leastAlone(b));
}

function check({ wanted, options, splitPenalty, shipmentsMax, visitsMax }: Problem): void {
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  const isCost = (value: number): boolean => Number.isFinite(value) && value >= 0;
  const areWhole = [...wanted, shipmentsMax, visitsMax, ...options.flatMap(({ available }) => available)].every(
    isCount,
  );
  const areCosts = [splitPenalty, ...options.flatMap(({ fixed, perUnit }) => [fixed, ...perUnit])].every(isCost);
  const areAligned = options.every(
    ({ perUnit, available }) => perUnit.length === wanted.length && available.length === wanted.length,
  );
  if (!areWhole || !areAligned) throw new RangeError('units are whole numbers of 0 or more, one for each item');
  if (!areCosts) throw new RangeError('costs are finite and 0 or more');
}
