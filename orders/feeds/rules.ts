// Rules of sourcing as feeds have them now: fuel surcharges by the price of oil, packages a day by what ship nodes say. What no feed
// says, or only a stale one, stays as the rules state it. Pure.
import { DateTime } from 'luxon';
import { handedOverAt } from '../sourcing/promise.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import { type Capacity, capacityOf } from './capacity.ts';
import { type FuelPrices, fuelSurchargeAt, type SurchargeTable } from './fuel.ts';

export interface Fed {
  /** Without it, fuel is as the rules state it; undefined within it: nothing was loaded yet. */
  readonly fuel?: { readonly prices: FuelPrices | undefined; readonly table?: SurchargeTable };
  readonly capacity?: { readonly plan: Capacity | undefined };
}

export interface FedRules {
  /** Its version says what was fed, so that a decision can be made again. */
  readonly rules: SourcingRules;
  /** Why something is as the rules state it, though there is a feed for it. */
  readonly defaults: readonly string[];
}

/** @param now ms since the epoch */
export function rulesAsFed(rules: SourcingRules, fed: Fed, now: number): FedRules {
  const defaults: string[] = [];
  const changes: string[] = [];
  let { services, nodes } = rules;
  if (fed.fuel !== undefined) {
    const { prices, ...table } = fed.fuel;
    const { value, source, reason } = fuelSurchargeAt(prices, { ...table, fallback: 0 }, now);
    if (source === 'feed') {
      changes.push(`fuel=${value}`);
      services = services.map((service) => ({ ...service, fuelSurcharge: value }));
    } else defaults.push(`fuel surcharges are those of the rules: ${reason}`);
  }
  if (fed.capacity !== undefined) {
    const { plan } = fed.capacity;
    nodes = nodes.map((node) => {
      const cutoff = handedOverAt(node, now);
      if (cutoff === undefined) return node;
      const date = DateTime.fromMillis(cutoff, { zone: node.timeZone }).toISODate() ?? '';
      const { value, source, reason } = capacityOf(plan, node.node, date, { fallback: node.packagesPerDay }, now);
      if (source === 'default' || value === undefined) {
        defaults.push(`packages a day of ${node.node} are those of the rules: ${reason}`);
        return node;
      }
      return { ...node, packagesPerDay: value };
    });
    if (plan !== undefined) changes.push(`capacity=${new Date(plan.asOf).toISOString().slice(0, 16)}Z`);
  }
  const version = [rules.version, ...changes].join('+');
  return { rules: { ...rules, version, services, nodes }, defaults };
}
