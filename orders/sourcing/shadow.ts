// Rules in the shadow of others: both plan the same orders in the same situations, only the first count, and what the second would have
// done otherwise is summed up. For whoever sources orders, beside each; nothing of it reaches the order.
import { ask, type Candidate, type CostTerms, candidatesOf, sourceOf, sumOf } from './candidates.ts';
import { SHADOW_EXAMPLES_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { type Package, type Plan, type PlanChoice, packageOf } from './source.ts';
import { asPlanned, planOrder } from './whole.ts';

/** A plan in figures. Costs are as one set of rules reckons them. */
export interface ShadowSide {
  readonly cost: CostTerms & { readonly splits: number };
  readonly total: number;
  /** That all its packages keep the promise, if each is late for itself; 1 where nothing is promised. */
  readonly onTime: number;
  readonly packages: number;
  /** Units. */
  readonly unfilled: number;
  /** Units by node. */
  readonly nodes: Readonly<Record<string, number>>;
}

export interface ShadowComparison {
  readonly orderId: string;
  /** The same units from the same nodes by the same services. */
  readonly isSame: boolean;
  readonly first: ShadowSide;
  /** The second plan as the first rules reckon it, so that the two compare; undefined where they do not know what it uses. */
  readonly second: ShadowSide | undefined;
  /** As the second rules themselves do. */
  readonly secondTotal: number;
}

/** @param plan what the first rules made of the order in this situation */
export function compareShadow(
  order: Order,
  plan: Plan,
  { rules, shadow, situation }: { rules: SourcingRules; shadow: SourcingRules; situation: Situation },
): ShadowComparison {
  const second = planOrder(order, shadow, situation);
  const reckoned = reckon(second, asPlanned(order, second), rules, situation);
  return {
    orderId: order.orderId,
    isSame: sentBy(plan) === sentBy(second),
    first: sideOf(plan),
    second: reckoned === undefined ? undefined : sideOf(reckoned),
    secondTotal: second.total,
  };
}

/** A plan of other rules at the prices of these. Undefined where these have no such node, service or price. */
function reckon(plan: PlanChoice, order: Order, rules: SourcingRules, situation: Situation): PlanChoice | undefined {
  const asked = ask(order, rules, situation);
  const packages: Package[] = [];
  for (const one of plan.packages) {
    const node = rules.nodes.find((other) => other.node === one.node && other.region === one.region);
    const service = rules.services.find((other) => other.service === one.service);
    const from = node === undefined ? undefined : sourceOf(node, asked);
    if (from === undefined || service === undefined) return undefined;
    const hasRoom = ({ gramsMax }: Candidate): boolean => gramsMax === undefined || gramsMax >= one.grams;
    const candidate = candidatesOf(from, service, asked).find(hasRoom);
    if (candidate === undefined) return undefined;
    const units = asked.items.map(({ sku }) =>
      one.lines.reduce((sum, line) => (line.sku === sku ? sum + line.qty : sum), 0),
    );
    packages.push(packageOf(candidate, { units }, one.lines, asked));
  }
  const splitPenalty = Math.max(0, packages.length - 1) * rules.splitPenalty;
  const total = packages.reduce((sum, { cost }) => sum + sumOf(cost), splitPenalty);
  return { packages, unfilled: plan.unfilled, splitPenalty, total };
}

function sentBy({ packages }: PlanChoice): string {
  return packages
    .map(
      ({ node, service, lines }) =>
        `${node} ${service} ${lines.map(({ lineId, sku, qty }) => `${lineId} ${sku} ${qty}`).sort()}`,
    )
    .sort()
    .join('; ');
}

const NONE = { freight: 0, fuel: 0, handling: 0, capacity: 0, scarcity: 0, lateness: 0, splits: 0 };
type Terms = typeof NONE;
const TERMS = Object.keys(NONE) as (keyof Terms)[];

function sideOf({ packages, unfilled, splitPenalty, total }: PlanChoice): ShadowSide {
  const cost = { ...NONE, splits: splitPenalty };
  const nodes: Record<string, number> = {};
  let onTime = 1;
  for (const one of packages) {
    for (const term of Object.keys(one.cost) as (keyof CostTerms)[]) cost[term] += one.cost[term];
    onTime *= 1 - (one.missProbability ?? 0);
    nodes[one.node] = one.lines.reduce((sum, { qty }) => sum + qty, nodes[one.node] ?? 0);
  }
  const short = unfilled.reduce((sum, { qty }) => sum + qty, 0);
  return { cost, total, onTime, packages: packages.length, unfilled: short, nodes };
}

/** Means over the orders that both compare on; costs in minor units as the first rules reckon them. */
export interface ShadowReport {
  readonly rules: string;
  readonly shadow: string;
  readonly orders: number;
  /** Sent in the same way by both. */
  readonly same: number;
  /** Left out of the means: the first rules do not know what the second used. */
  readonly incomparable: number;
  readonly first: Omit<ShadowSide, 'nodes'>;
  readonly second: Omit<ShadowSide, 'nodes'>;
  /** Units that each takes from a node, of all orders. */
  readonly nodes: Readonly<Record<string, { readonly first: number; readonly second: number }>>;
  /** Orders that differ most in cost. */
  readonly examples: readonly ShadowComparison[];
}

/** Adds up comparisons; holds no more than sums and a few examples however many there are. */
export class ShadowSummary {
  readonly #rules: string;
  readonly #shadow: string;
  #orders = 0;
  #same = 0;
  #compared = 0;
  readonly #first = new Sums();
  readonly #second = new Sums();
  #examples: ShadowComparison[] = [];

  constructor(rules: Pick<SourcingRules, 'version'>, shadow: Pick<SourcingRules, 'version'>) {
    this.#rules = rules.version;
    this.#shadow = shadow.version;
  }

  add(comparison: ShadowComparison): void {
    const { isSame, first, second } = comparison;
    this.#orders += 1;
    if (isSame) this.#same += 1;
    if (second === undefined) return;
    this.#compared += 1;
    this.#first.add(first);
    this.#second.add(second);
    if (isSame) return;
    const apart = (one: ShadowComparison): number => Math.abs(one.first.total - (one.second?.total ?? one.first.total));
    this.#examples = [...this.#examples, comparison].sort((a, b) => apart(b) - apart(a)).slice(0, SHADOW_EXAMPLES_MAX);
  }

  report(): ShadowReport {
    const names = new Set([...this.#first.nodes.keys(), ...this.#second.nodes.keys()]);
    const nodes = [...names].sort().map((node) => {
      const units = { first: this.#first.nodes.get(node) ?? 0, second: this.#second.nodes.get(node) ?? 0 };
      return [node, units] as const;
    });
    return {
      rules: this.#rules,
      shadow: this.#shadow,
      orders: this.#orders,
      same: this.#same,
      incomparable: this.#orders - this.#compared,
      first: this.#first.mean(this.#compared),
      second: this.#second.mean(this.#compared),
      nodes: Object.fromEntries(nodes),
      examples: this.#examples,
    };
  }
}

class Sums {
  readonly #cost: Terms = { ...NONE };
  #total = 0;
  #onTime = 0;
  #packages = 0;
  #unfilled = 0;
  readonly nodes = new Map<string, number>();

  add({ cost, total, onTime, packages, unfilled, nodes }: ShadowSide): void {
    for (const term of TERMS) this.#cost[term] += cost[term];
    this.#total += total;
    this.#onTime += onTime;
    this.#packages += packages;
    this.#unfilled += unfilled;
    for (const [node, units] of Object.entries(nodes)) this.nodes.set(node, units + (this.nodes.get(node) ?? 0));
  }

  /** Zeros where nothing was added. */
  mean(count: number): Omit<ShadowSide, 'nodes'> {
    const of = (sum: number): number => sum / Math.max(1, count);
    const cost = { ...NONE };
    for (const term of TERMS) cost[term] = of(this.#cost[term]);
    return {
      cost,
      total: of(this.#total),
      onTime: of(this.#onTime),
      packages: of(this.#packages),
      unfilled: of(this.#unfilled),
    };
  }
}
