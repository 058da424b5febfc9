// From an order, the stock and the rules to a plan: which packages are sent, what each costs and why, and what else there was.
import {
  type Asked,
  ask,
  type Candidate,
  type CostTerms,
  candidatesOf,
  type Item,
  packageCost,
  sourceOf,
  sumOf,
  undominated,
  unitCost,
} from './candidates.ts';
import { NODES_SEARCHED_THROUGH, SEARCHED_THROUGH_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { ShipmentOption } from './problem.ts';
import type { CarrierService, SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { type Choice, type Shipment, type Solution, solve } from './solve.ts';

export interface PlannedLine {
  readonly lineId: string;
  readonly sku: string;
  readonly qty: number;
}

export interface Package {
  readonly node: string;
  readonly region: string;
  readonly service: string;
  readonly carrier: string;
  readonly km: number;
  readonly grams: number;
  /** ms since the epoch. */
  readonly handedOverAt: number;
  /** 0 to 1; undefined where nothing is promised. */
  readonly missProbability?: number;
  readonly lines: readonly PlannedLine[];
  readonly cost: CostTerms;
}

export interface PlanChoice {
  readonly packages: readonly Package[];
  /** What these packages do not hold. */
  readonly unfilled: readonly PlannedLine[];
  readonly splitPenalty: number;
  /** All terms of all packages and the penalty. */
  readonly total: number;
}

/** A line of which another SKU is sent. */
export interface Substitution {
  readonly lineId: string;
  readonly sku: string;
  readonly instead: string;
  readonly qty: number;
  /** Of its own SKU, units that no ship node could give. */
  readonly short: number;
}

/** A ship node that has units of what is unfilled and can hand over no more packages for now. */
export interface FullNode {
  readonly node: string;
  readonly packages: number;
  readonly packagesPerDay: number;
}

export interface Plan extends PlanChoice {
  readonly orderId: string;
  /** The version of the rules. */
  readonly rules: string;
  readonly decidedAt: number;
  /** When the shadow prices in it were made, ms since the epoch; undefined where the rules' own counted. */
  readonly pricesAsOf?: number;
  /** No plan is better under these rules and this stock. */
  readonly proved: boolean;
  /** How much cheaper another could be at most, as a share of the total. */
  readonly gap: number;
  /** Why it is not proved, and whether the search found it or it is the greedy one; undefined when proved. */
  readonly fallback?: string;
  /** Plans looked at. */
  readonly visits: number;
  /** The best of the others. */
  readonly alternatives: readonly PlanChoice[];
  /** Where there are any. */
  readonly substituted?: readonly Substitution[];
  /** Units that could be had and are not planned: components of bundles that are not whole. They are among the unfilled, too. */
  readonly heldBack?: readonly PlannedLine[];
  /** Where there are any. */
  readonly full?: readonly FullNode[];
  /** The service that the order is to go by, where units are unfilled that could go by another. */
  readonly notBy?: string;
}

/** The cheapest way to send most of an order. Units of a SKU on several lines are dealt as one, and given to the lines in their order. */
export function source(order: Order, rules: SourcingRules, situation: Situation): Plan {
  return planned(ask(order, rules, situation), 0);
}

/** @param alternativesWithin the share of the cost by which an alternative may be dearer and still be looked for */
export function planned(asked: Asked, alternativesWithin: number): Plan {
  const { order, items, rules, situation } = asked;
  const { candidates, options, nodes } = optionsOf(asked);
  const visitsMax = nodes <= NODES_SEARCHED_THROUGH ? SEARCHED_THROUGH_MAX : rules.searchMax;
  const solution = solve({
    wanted: items.map(({ qty }) => qty),
    grams: items.map(({ grams }) => grams),
    options,
    splitPenalty: rules.splitPenalty,
    shipmentsMax: rules.packagesMax,
    visitsMax,
    alternativesWithin,
  });
  const chosen = { ...asked, candidates };
  const choice = (one: Choice): PlanChoice => planOf(one, chosen);
  const fallback = fallbackOf(solution, visitsMax);
  return {
    orderId: order.orderId,
    rules: rules.version,
    decidedAt: situation.now,
    ...(situation.prices === undefined ? {} : { pricesAsOf: situation.prices.asOf }),
    ...choice(solution),
    proved: solution.proved,
    gap: solution.gap,
    ...(fallback === undefined ? {} : { fallback }),
    visits: solution.visits,
    alternatives: solution.alternatives.map(choice),
  };
}

function fallbackOf({ proved, visits, isGreedy }: Solution, visitsMax: number): string | undefined {
  if (proved) return undefined;
  const why =
    visits >= visitsMax
      ? `the search ended after ${visits} plans`
      : 'the ways to share packages by weight were too many to look at all';
  return `${isGreedy ? 'the greedy plan' : 'the best plan found'}: ${why}`;
}

export interface Options {
  readonly candidates: readonly Candidate[];
  /** One a candidate. */
  readonly options: readonly ShipmentOption[];
  /** Ship nodes with candidates. */
  readonly nodes: number;
}

/** What the search chooses from: candidates without those that another is as good as, and their costs as numbers. */
export function optionsOf(asked: Asked): Options {
  const { items, rules } = asked;
  const candidates: Candidate[] = [];
  const options: ShipmentOption[] = [];
  let nodes = 0;
  for (const [node, shipNode] of rules.nodes.entries()) {
    const from = sourceOf(shipNode, asked);
    if (from === undefined) continue;
    const all: Candidate[] = [];
    for (const service of rules.services) for (const one of candidatesOf(from, service, asked)) all.push(one);
    if (all.length > 0) nodes += 1;
    /** Whatever the weight: of all its prices, so that the search sees that they are the same. */
    const perUnitBy = new Map<CarrierService, readonly number[]>();
    for (const candidate of undominated(all, rules)) {
      const { gramsMax, service } = candidate;
      let perUnit = perUnitBy.get(service);
      if (perUnit === undefined) {
        perUnit = items.map((item, n) => sumOf(unitCost(candidate, item, n, rules)));
        perUnitBy.set(service, perUnit);
      }
      candidates.push(candidate);
      const fixed = sumOf(packageCost(candidate, rules));
      options.push({ node, fixed, perUnit, available: from.available, gramsMax });
    }
  }
  return { candidates, options, nodes };
}

export interface Chosen extends Asked {
  readonly candidates: readonly Candidate[];
}

/** What a choice of the search means for the order. */
export function planOf({ shipments, unfilled, cost }: Choice, chosen: Chosen): PlanChoice {
  const { order, itemOf, rules, candidates } = chosen;
  const left = order.lines.map(({ qty }) => qty);
  /** Units of each SKU, taken from its lines in their order. */
  const deal = (units: readonly number[]): PlannedLine[] => {
    const open = units.slice();
    const dealt: PlannedLine[] = [];
    for (let n = 0; n < left.length; n++) {
      const item = itemOf[n] as number;
      const qty = Math.min(open[item] as number, left[n] as number);
      if (qty === 0) continue;
      open[item] = (open[item] as number) - qty;
      left[n] = (left[n] as number) - qty;
      const { lineId, sku } = order.lines[n] as Order['lines'][number];
      dealt.push({ lineId, sku, qty });
    }
    return dealt;
  };
  const packages = shipments.map((shipment) =>
    packageOf(candidates[shipment.option] as Candidate, shipment, deal(shipment.units), chosen),
  );
  const splitPenalty = Math.max(0, packages.length - 1) * rules.splitPenalty;
  return { packages, unfilled: deal(unfilled), splitPenalty, total: cost };
}

/** @param shipment its units are what the lines hold */
export function packageOf(
  candidate: Candidate,
  { units }: Pick<Shipment, 'units'>,
  lines: readonly PlannedLine[],
  { items, rules }: Pick<Asked, 'items' | 'rules'>,
): Package {
  const { source: from, service, missProbability } = candidate;
  let grams = 0;
  for (let n = 0; n < units.length; n++) grams += (units[n] as number) * (items[n] as Item).grams;
  return {
    node: from.node.node,
    region: from.node.region,
    service: service.service,
    carrier: service.carrier,
    km: from.km,
    grams,
    handedOverAt: from.handedOverAt,
    ...(missProbability === undefined ? {} : { missProbability }),
    lines,
    cost: termsOf(candidate, units, items, rules),
  };
}

function termsOf(
  candidate: Candidate,
  units: readonly number[],
  items: readonly Item[],
  rules: SourcingRules,
): CostTerms {
  let { freight, fuel, handling, capacity, scarcity, lateness } = packageCost(candidate, rules);
  for (let n = 0; n < units.length; n++) {
    const count = units[n] as number;
    if (count === 0) continue;
    const each = unitCost(candidate, items[n] as Item, n, rules);
    freight += count * each.freight;
    fuel += count * each.fuel;
    handling += count * each.handling;
    capacity += count * each.capacity;
    scarcity += count * each.scarcity;
    lateness += count * each.lateness;
  }
  return { freight, fuel, handling, capacity, scarcity, lateness };
}
