// What sourcing looks at besides an order and the rules: the world of one moment, as its caller knows it.
import type { TransitTimes } from './transit.ts';

/** What can be sold of a SKU at a ship node, units. */
export type Stock = (region: string, sku: string, node: string) => number;

/** What stock and capacity are worth to other orders, minor units. */
export interface ShadowPrices {
  /** When the demand and the stock behind them were read, ms since the epoch. */
  readonly asOf: number;
  /** Of a unit, by node and SKU. */
  readonly scarcity: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Of a package, by node. */
  readonly capacity: ReadonlyMap<string, number>;
}

export interface Situation {
  readonly stock: Stock;
  /** What ship nodes have that are left out for a while: there, and not to be had now. Not in `stock`. */
  readonly leftOutStock?: Stock;
  /** Packages that a node hands over at its next cutoff already. */
  readonly packagesOf: (node: string) => number;
  /** ms since the epoch. */
  readonly now: number;
  /** Without it, the bands of the rules. */
  readonly transit?: TransitTimes;
  /** Where they know one, in place of the rules' `scarcity` and `capacityPrice`. */
  readonly prices?: ShadowPrices;
  /** Of a carrier of now, as a share of freight; where undefined, the rules' `fuelSurcharge`. */
  readonly fuelSurchargeOf?: (carrier: string, service: string) => number | undefined;
}
