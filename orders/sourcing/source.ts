// From an order, the stock and the rules to a plan: which packages are sent, what each costs and why, and what else there was.
import { kmBetween } from './geo.ts';
import type { Order } from './order.ts';
import { handedOverAt, missProbability } from './promise.ts';
import type { CarrierService, ShipNode, SourcingRules } from './rules.ts';
import { type Choice, type Shipment, type ShipmentOption, solve } from './solve.ts';

/** What can be sold of a SKU at a ship node, units. */
export type Stock = (region: string, sku: string, node: string) => number;

export interface Situation {
  readonly stock: Stock;
  /** Packages that a node hands over at its next cutoff already. */
  readonly packagesOf: (node: string) => number;
  /** ms since the epoch. */
  readonly now: number;
}

/** Minor units of the currency; their sum is what the plan is chosen by. */
export interface CostTerms {
  readonly freight: number;
  readonly fuel: number;
  readonly handling: number;
  readonly capacity: number;
  readonly scarcity: number;
  /** What lateness is expected to cost: its probability, times what it costs. */
  readonly lateness: number;
}

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

export interface Plan extends PlanChoice {
  readonly orderId: string;
  readonly rules: string;
  readonly decidedAt: number;
  /** No plan is better under these rules and this stock. */
  readonly proved: boolean;
  /** How much cheaper another could be at most, as a share of the total. */
  readonly gap: number;
  /** Plans looked at. */
  readonly visits: number;
  /** The best of the others. */
  readonly alternatives: readonly PlanChoice[];
  /** Ship nodes, and services of them, that could not be chosen. */
  readonly excluded: readonly Exclusion[];
}

export interface Exclusion {
  readonly node: string;
  readonly service?: string;
  readonly reason: string;
}

/** Up to so many ship nodes the search always ends with a proof: it is short. */
const NODES_SEARCHED_THROUGH = 10;

/** An option of the solver, and what it stands for. */
interface Candidate {
  readonly node: ShipNode;
  readonly service: CarrierService;
  readonly km: number;
  readonly handedOverAt: number;
  readonly missProbability: number | undefined;
  readonly option: ShipmentOption;
}

interface Item {
  readonly sku: string;
  readonly qty: number;
  readonly grams: number;
  readonly value: number;
}

/** The cheapest way to send most of an order. Units of a SKU on several lines are dealt as one, and given to the lines in their order. */
export function source(order: Order, rules: SourcingRules, situation: Situation): Plan {
  const items = itemsOf(order);
  const excluded: Exclusion[] = [];
  const candidates = rules.nodes.flatMap((node, index) =>
    candidatesOf(node, index, { order, items, rules, situation, excluded }),
  );
  const solution = solve({
    wanted: items.map(({ qty }) => qty),
    options: candidates.map(({ option }) => option),
    splitPenalty: rules.splitPenalty,
    shipmentsMax: rules.packagesMax,
    visitsMax: rules.nodes.length <= NODES_SEARCHED_THROUGH ? Number.MAX_SAFE_INTEGER : rules.searchMax,
  });
  const choice = (one: Choice): PlanChoice => planOf(one, { order, items, rules, candidates });
  return {
    orderId: order.orderId,
    rules: rules.version,
    decidedAt: situation.now,
    ...choice(solution),
    proved: solution.proved,
    gap: solution.gap,
    visits: solution.visits,
    alternatives: solution.alternatives.map(choice),
    excluded,
  };
}

function itemsOf({ lines }: Order): Item[] {
  const items = new Map<string, Item>();
  for (const { sku, qty, grams, value } of lines) {
    items.set(sku, { sku, qty: qty + (items.get(sku)?.qty ?? 0), grams, value });
  }
  return [...items.values()];
}

interface Around {
  readonly order: Order;
  readonly items: readonly Item[];
  readonly rules: SourcingRules;
  readonly situation: Situation;
  readonly excluded: Exclusion[];
}

function candidatesOf(node: ShipNode, index: number, around: Around): Candidate[] {
  const { order, items, rules, situation, excluded } = around;
  const exclude = (reason: string, service?: string): never[] => {
    excluded.push({ node: node.node, ...(service === undefined ? {} : { service }), reason });
    return [];
  };
  const available = items.map(({ sku }) => Math.max(0, situation.stock(node.region, sku, node.node)));
  if (available.every((units) => units === 0)) return exclude('has none of the SKUs');
  const packages = situation.packagesOf(node.node);
  if (node.packagesPerDay !== undefined && packages >= node.packagesPerDay) {
    return exclude(`hands over ${packages} of ${node.packagesPerDay} packages already`);
  }
  const at = handedOverAt(node, situation.now);
  if (at === undefined) return exclude('has no working day within a year');
  const km = kmBetween(node, order.destination);
  return rules.services.flatMap((service) => {
    if (service.nodes?.includes(node.node) === false) return exclude('does not collect here', service.service);
    const { postalCode } = order.destination;
    if (service.postalPrefixes?.some((prefix) => postalCode.startsWith(prefix)) === false) {
      return exclude(`does not deliver to ${postalCode}`, service.service);
    }
    const miss = order.promisedAt === undefined ? undefined : missedBy(service, km, at, Date.parse(order.promisedAt));
    const candidate = { node, service, km, handedOverAt: at, missProbability: miss };
    const option = {
      node: index,
      fixed: sum(packageCost(candidate)),
      perUnit: items.map((item) => sum(unitCost(candidate, item, rules))),
      available,
    };
    return [{ ...candidate, option }];
  });
}

function missedBy({ transit }: CarrierService, km: number, handedOver: number, promised: number): number {
  const band = transit.find(({ untilKm }) => km <= untilKm) ?? transit.at(-1);
  return missProbability((band as (typeof transit)[number]).days, handedOver, promised);
}

type Priced = Omit<Candidate, 'option'>;

/** Of a package, whatever is in it. */
function packageCost({ node, service, km }: Priced): CostTerms {
  const freight = service.base + service.perKm * km;
  return {
    freight,
    fuel: freight * service.fuelSurcharge,
    handling: node.handlingPerPackage,
    capacity: node.capacityPrice,
    scarcity: 0,
    lateness: 0,
  };
}

/** Of a unit in a package. */
function unitCost({ node, service, missProbability = 0 }: Priced, item: Item, rules: SourcingRules): CostTerms {
  const freight = (service.perKg * item.grams) / 1_000;
  return {
    freight,
    fuel: freight * service.fuelSurcharge,
    handling: node.handlingPerUnit,
    capacity: 0,
    scarcity: node.scarcity[item.sku] ?? 0,
    lateness: missProbability * rules.lateCostShare * item.value,
  };
}

interface Chosen {
  readonly order: Order;
  readonly items: readonly Item[];
  readonly rules: SourcingRules;
  readonly candidates: readonly Candidate[];
}

function planOf({ shipments, unfilled, cost }: Choice, { order, items, rules, candidates }: Chosen): PlanChoice {
  const left = new Map(order.lines.map(({ lineId, qty }) => [lineId, qty]));
  /** Units of each SKU, taken from its lines in their order. */
  const deal = (units: readonly number[]): PlannedLine[] =>
    units.flatMap((count, index) => {
      const { sku } = items[index] as Item;
      let open = count;
      return order.lines.flatMap((line) => {
        const qty = line.sku === sku ? Math.min(open, left.get(line.lineId) as number) : 0;
        if (qty === 0) return [];
        open -= qty;
        left.set(line.lineId, (left.get(line.lineId) as number) - qty);
        return [{ lineId: line.lineId, sku, qty }];
      });
    });
  const packages = shipments.map((shipment) => {
    const { option: _, node, service, missProbability, ...where } = candidates[shipment.option] as Candidate;
    return {
      node: node.node,
      region: node.region,
      service: service.service,
      carrier: service.carrier,
      ...where,
      ...(missProbability === undefined ? {} : { missProbability }),
      lines: deal(shipment.units),
      cost: termsOf(shipment, { order, items, rules, candidates }),
    };
  });
  const splitPenalty = Math.max(0, packages.length - 1) * rules.splitPenalty;
  return { packages, unfilled: deal(unfilled), splitPenalty, total: cost };
}

function termsOf({ option, units }: Shipment, { items, rules, candidates }: Chosen): CostTerms {
  const candidate = candidates[option] as Candidate;
  const terms = { ...packageCost(candidate) };
  for (const [index, count] of units.entries()) {
    const each = unitCost(candidate, items[index] as Item, rules);
    for (const name of Object.keys(terms) as (keyof CostTerms)[]) terms[name] += count * each[name];
  }
  return terms;
}

function sum(terms: CostTerms): number {
  return Object.values(terms).reduce((total: number, term: number) => total + term, 0);
}
