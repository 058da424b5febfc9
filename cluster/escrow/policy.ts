// The arithmetic of spreading rights: how much demand a region has, when it is low, what it asks for, what it gives.
// Pure functions; who is asked, and when again, is steward.ts. Never decides a sale: it only moves rights.
import { QTY_MAX } from '../../protocol/limits.ts';
import { type PoolOptions, WEIGHT_MAX } from './limits.ts';

/** Exponentially weighted demand: units asked for, served or not, each counting half after a half-life. */
export interface Demand {
  readonly mass: number;
  /** Milliseconds, on the clock that all calls share. */
  readonly at: number;
}

export const NO_DEMAND: Demand = { mass: 0, at: 0 };

/** What is known of a region's part in the pool. */
export interface Standing {
  /** Rights held and unspent, units. */
  readonly rights: number;
  /** Demand as weightOf gives it, units, ≥ 1. */
  readonly weight: number;
}

/** Adds `qty` units asked for at `now`, ms. A time before the last counts as that. */
export function demandAfter(demand: Demand, qty: number, now: number, halfLifeMs: number): Demand {
  const at = Math.max(now, demand.at);
  return { mass: massAt(demand, at, halfLifeMs) + qty, at };
}

function massAt(demand: Demand, now: number, halfLifeMs: number): number {
  return demand.mass * 2 ** (-Math.max(0, now - demand.at) / halfLifeMs);
}

/** A region's claim on the pool, units: what it expects to sell in `coverMs`, and the float. An integer ≥ 1. */
export function weightOf(demand: Demand, now: number, options: PoolOptions): number {
  const perMs = (massAt(demand, now, options.demandHalfLifeMs) * Math.LN2) / options.demandHalfLifeMs;
  return Math.min(WEIGHT_MAX, Math.max(1, Math.round(perMs * options.coverMs + options.floatUnits)));
}

/**
 * When a region asks, and up to where. Low water is what it expects to sell in coverMs, but no more than half of its
 * share of what all hold: the gap between half and whole is the hysteresis that keeps rights from going to and fro.
 */
export function marks(self: Standing, others: readonly Standing[]): { readonly low: number; readonly high: number } {
  let rights = self.rights;
  let weight = self.weight;
  for (const other of others) {
    rights += other.rights;
    weight += other.weight;
  }
  const fair = (rights * self.weight) / weight;
  return { low: Math.floor(Math.min(self.weight, fair / 2)), high: Math.floor(Math.min(4 * self.weight, fair)) };
}

/**
 * Units by which `asker` is below its fair share of what the two hold together, by weight, rounded down: so a donor
 * that gives no more keeps its own fair share, and neither has reason to ask it back.
 */
export function fairGift(donor: Standing, asker: Standing): number {
  const share = ((donor.rights + asker.rights) * asker.weight) / (donor.weight + asker.weight);
  return Math.max(0, Math.min(donor.rights, Math.floor(share) - asker.rights));
}

/** What an ask says of the asker. */
export interface Ask extends Standing {
  readonly region: string;
  readonly want: number;
  readonly need: number;
}

/**
 * Units that `donor` gives: what is asked, within the fair share; and for buyers who are being refused, all it has.
 * When both have such buyers and some rights, one of the two collects: the one with more, the first by name of equals.
 */
export function giftOf(donor: Standing & { readonly region: string; readonly need: number }, asker: Ask): number {
  const fair = Math.min(asker.want, fairGift(donor, asker));
  const yields = donor.need === 0 || precedes(asker, donor);
  const gift = yields ? Math.max(fair, Math.min(asker.need, donor.rights)) : 0;
  return Math.min(gift, QTY_MAX);
}

function precedes(a: Standing & { readonly region: string }, b: Standing & { readonly region: string }): boolean {
  return a.rights === b.rights ? a.region < b.region : a.rights > b.rights;
}
