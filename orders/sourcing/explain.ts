// Why an order is sent as it is: besides the plan, each package that a node could send for it by each service, with every term of its
// cost, and what was left out and for what reason.
import { type Asked, ask, candidatesOf, type Exclusion, type Item, sourceOf, sumOf } from './candidates.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { type Package, type Plan, packageOf, planned } from './source.ts';
import { planOrder } from './whole.ts';

/** A package alone, with all that its node has of the order and the service takes. */
export interface Explained extends Omit<Package, 'lines'> {
  readonly units: readonly { readonly sku: string; readonly qty: number }[];
  /** Units of the order that would not be in it. */
  readonly short: number;
  /** All terms. */
  readonly total: number;
}

export interface Explanation {
  readonly plan: Plan;
  /** Those that lack the fewest units first, and of those the cheapest. */
  readonly candidates: readonly Explained[];
  /** Ship nodes, and services of them, that could not be chosen. */
  readonly excluded: readonly Exclusion[];
}

/** Alternatives that are dearer by more are not looked for. */
const ALTERNATIVES_WITHIN = 0.25;

/** The plan of `source`, and what there was to choose from. Slower than it: for people, not for each order. */
export function explain(order: Order, rules: SourcingRules, situation: Situation): Explanation {
  const excluded: Exclusion[] = [];
  const asked = ask(order, rules, situation, excluded);
  const candidates = rules.nodes.flatMap((node) => {
    const from = sourceOf(node, asked);
    if (from === undefined) return [];
    return rules.services.flatMap((service) => {
      // The price of the weight that it would have is the last: the first that has room for all, or the greatest there is.
      const candidate = candidatesOf(from, service, asked).at(-1);
      if (candidate === undefined) return [];
      let room = candidate.gramsMax ?? Number.POSITIVE_INFINITY;
      const units = asked.items.map(({ qty, grams }, n) => {
        const fits = grams === 0 ? qty : Math.floor(room / grams);
        const given = Math.min(qty, from.available[n] as number, fits);
        room -= given * grams;
        return given;
      });
      return [explained(packageOf(candidate, { units }, [], asked), units, asked)];
    });
  });
  return {
    plan: planOrder(order, rules, situation, (of) => planned(ask(of, rules, situation), ALTERNATIVES_WITHIN)),
    candidates: candidates.sort((a, b) => a.short - b.short || a.total - b.total),
    excluded,
  };
}

function explained({ lines: _, ...one }: Package, units: readonly number[], { items }: Asked): Explained {
  return {
    ...one,
    units: units.flatMap((qty, n) => (qty === 0 ? [] : [{ sku: (items[n] as Item).sku, qty }])),
    short: units.reduce((sum, qty, n) => sum + (items[n] as Item).qty - qty, 0),
    total: sumOf(one.cost),
  };
}
