// What shadow prices are made from: the demand that is expected until stock is replenished, the stock of now, and what sending costs. Over the
// rules' own costs, so that prices are in the same money.
import { ask, candidatesOf, packageCost, sourceOf, sumOf, unitCost } from '../sourcing/candidates.ts';
import type { PricingInput } from '../sourcing/pricing.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import type { Stock } from '../sourcing/situation.ts';
import type { Area, Demand } from './demand.ts';

/** A unit that is not sent costs so many times what sending the dearest does, and a share of its value: what can be sent is. */
const LOST_FACTOR = 2;
const PLENTY = 1_000_000;

export interface Pricing {
  readonly demand: Demand;
  readonly rules: SourcingRules;
  readonly prices: NonNullable<SourcingRules['prices']>;
  /** Of all SKUs that are asked for. */
  readonly stock: Stock;
  /** Packages that a node has to hand over next already. */
  readonly packagesOf: (node: string) => number;
  /** ms since the epoch of business. */
  readonly now: number;
}

export function pricingInputOf({ demand, rules, prices, stock, packagesOf, now }: Pricing): PricingInput {
  const days = prices.replenishedAfterDays;
  const unitsPerPackage = Math.max(1, demand.unitsPerOrder);
  const unitCosts = rules.nodes.map((node) =>
    demand.areas.map((area) => packageCostTo(node, area, demand, rules, now) / unitsPerPackage),
  );
  const dearest = Math.max(0, ...unitCosts.flat().filter(Number.isFinite));
  return {
    asOf: now,
    nodes: rules.nodes.map(({ node, packagesPerDay }) =>
      packagesPerDay === undefined
        ? { node }
        : { node, packages: Math.max(0, packagesPerDay * Math.max(1, days) - packagesOf(node)) },
    ),
    skus: demand.skus.map(({ sku, unitsPerDay, value }) => ({
      sku,
      stock: rules.nodes.map(({ node, region }) => stock(region, sku, node)),
      demand: unitsPerDay.map((units) => units * days),
      lostCost: LOST_FACTOR * dearest + prices.lostShare * value,
    })),
    unitCost: unitCosts,
    unitsPerPackage,
  };
}

/** Of a package of the usual size, by the cheapest service; infinite where none goes there. */
function packageCostTo(
  node: SourcingRules['nodes'][number],
  { postalCode, latitude, longitude }: Area,
  { skus, unitsPerOrder }: Demand,
  rules: SourcingRules,
  now: number,
): number {
  const qty = Math.max(1, Math.round(unitsPerOrder));
  const grams = skus.reduce((sum, one) => sum + one.grams, 0) / Math.max(1, skus.length);
  const order = {
    orderId: '-',
    lines: [{ lineId: '1', sku: '-', qty, grams, value: 0 }],
    destination: { latitude, longitude, postalCode },
  };
  const asked = ask(order, rules, { stock: () => PLENTY, packagesOf: () => 0, now });
  const source = sourceOf(node, asked);
  if (source === undefined) return Number.POSITIVE_INFINITY;
  // What its capacity and its stock are worth is what is asked.
  const free = { ...source, capacityPrice: 0, scarcity: [0] };
  const [item] = asked.items;
  if (item === undefined) return Number.POSITIVE_INFINITY;
  const costs = rules.services.flatMap((service) =>
    candidatesOf(free, service, asked).flatMap((one) =>
      one.gramsMax !== undefined && one.gramsMax < grams * qty
        ? []
        : [sumOf(packageCost(one, rules)) + qty * sumOf(unitCost(one, item, 0, rules))],
    ),
  );
  return Math.min(Number.POSITIVE_INFINITY, ...costs);
}
