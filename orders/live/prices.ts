// Shadow prices of running processes: what is asked for and what is there, read every few minutes and priced in the solver's thread. No order
// waits for any of it.
import type { BusinessClock, Buyer, OrderGrid } from '../fulfilment/ports.ts';
import { PriceKeeper, type PriceStatus } from '../sourcing/highs/prices.ts';
import type { SolverThread } from '../sourcing/highs/thread.ts';
import type { PricingInput } from '../sourcing/pricing.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import type { ShadowPrices, Stock } from '../sourcing/situation.ts';
import type { Demand } from './demand.ts';
import { PRICES_EVERY_WALL_MS, PRICES_KEPT, STOCK_ASKED_MAX } from './limits.ts';
import { pricingInputOf } from './pricing.ts';

const MINUTE_MS = 60_000;

export interface LivePricesOptions {
  readonly prices: NonNullable<SourcingRules['prices']>;
  readonly rules: () => SourcingRules;
  readonly demand: (now: number) => Demand;
  readonly packagesOf: (node: string) => number;
  readonly grid: Pick<OrderGrid, 'stockOf'>;
  readonly clock: BusinessClock;
  readonly thread: Pick<SolverThread, 'prices'>;
}

export interface LivePrices {
  /** Undefined before the first, and where the last are too old. Never waits. */
  prices(): ShadowPrices | undefined;
  readonly status: PriceStatus;
  /** Makes them now. Never rejects. */
  refresh(): Promise<void>;
  stop(): void;
}

export function livePrices(options: LivePricesOptions): LivePrices {
  const { prices, rules, demand, packagesOf, grid, clock, thread } = options;
  const everyMs = Math.max(PRICES_EVERY_WALL_MS, (prices.everyMinutes * MINUTE_MS) / clock.speed);
  const read = async (): Promise<PricingInput | undefined> => {
    const now = clock.now();
    const asked = demand(now);
    if (asked.skus.length === 0) return undefined;
    const current = rules();
    const regions = [...new Set(current.nodes.map(({ region }) => region))];
    const skus = asked.skus.map(({ sku }) => sku);
    const stock = await stockOf(grid, skus, regions);
    return pricingInputOf({ demand: asked, rules: current, prices, stock, packagesOf, now });
  };
  const keeper = new PriceKeeper({
    thread,
    read,
    everyMs,
    ageMaxMs: PRICES_KEPT * everyMs * clock.speed,
    now: () => clock.now(),
  });
  keeper.start();
  return {
    prices: () => keeper.prices(),
    get status() {
      return keeper.status();
    },
    refresh: () => keeper.refresh(),
    stop: () => keeper.stop(),
  };
}

/** In as many questions as it takes, one after the other. */
export async function stockOf(
  grid: Pick<OrderGrid, 'stockOf'>,
  skus: readonly string[],
  regions: readonly string[],
  buyer?: Buyer,
): Promise<Stock> {
  const bySku = new Map<string, Stock>();
  const each = Math.max(1, Math.floor(STOCK_ASKED_MAX / regions.length));
  for (let at = 0; at < skus.length; at += each) {
    const some = skus.slice(at, at + each);
    const stock = await grid.stockOf(some, regions, buyer);
    for (const sku of some) bySku.set(sku, stock);
  }
  return (region, sku, node) => bySku.get(sku)?.(region, sku, node) ?? 0;
}
