// Fuel: weekly prices of oil (Date,Price, as the EIA publishes them), and the surcharge that follows from them. Pure.
import { FUEL_STALE_AFTER_MS } from './limits.ts';
import { FeedMalformed, type Reading, readingAt, type Timed } from './reading.ts';
import { numberOf, rowsOf } from './rows.ts';

/** USD a barrel. */
export type FuelPrices = readonly Timed<number>[];

const DAY_MS = 86_400_000;

/** Each price counts from the end of its day. @throws FeedMalformed naming the row */
export function readFuelPrices(text: string): FuelPrices {
  const prices = rowsOf(text, ['Date', 'Price']).map((one) => {
    const { row, cells } = one;
    const at = Date.parse(`${cells['Date']}T00:00:00Z`) + DAY_MS;
    const value = numberOf(one, 'Price');
    if (!(at >= -DAY_MS * 40_000) || !/^\d{4}-\d\d-\d\d$/.test(cells['Date'] ?? '')) {
      throw new FeedMalformed(`row ${row}, Date: ${cells['Date']} is no date such as 2026-11-27`);
    }
    // In April 2020 oil was sold below nothing.
    if (value === undefined) throw new FeedMalformed(`row ${row}, Price: ${cells['Price']} is no price`);
    return { at, value };
  });
  return prices.sort((a, b) => a.at - b.at);
}

/** A table as carriers publish it: so much more for each step that the price is above the base. */
export interface SurchargeTable {
  /** USD a barrel, up to which nothing is added. */
  readonly base: number;
  readonly step: number;
  /** Of freight, for each step begun. */
  readonly sharePerStep: number;
  readonly shareMax: number;
}

/** Made up, of the order of what parcel carriers add. */
export const DEFAULT_SURCHARGES: SurchargeTable = { base: 40, step: 2.5, sharePerStep: 0.005, shareMax: 0.35 };

/** Share of freight: ⌈(price − base) / step⌉ × sharePerStep, between nothing and shareMax. */
export function surchargeOf(price: number, { base, step, sharePerStep, shareMax }: SurchargeTable): number {
  const steps = Math.max(0, Math.ceil((price - base) / step));
  return Math.min(shareMax, Math.round(steps * sharePerStep * 1e6) / 1e6);
}

export interface FuelTerms {
  readonly table?: SurchargeTable;
  readonly staleAfterMs?: number;
  /** The surcharge that counts while no price does. */
  readonly fallback: number;
}

/** The surcharge that counts now. */
export function fuelSurchargeAt(prices: FuelPrices | undefined, terms: FuelTerms, now: number): Reading<number> {
  const { table = DEFAULT_SURCHARGES, staleAfterMs = FUEL_STALE_AFTER_MS, fallback } = terms;
  const { source, ...reading } = readingAt(prices, { staleAfterMs, fallback: Number.NaN }, now);
  const value = source === 'feed' ? surchargeOf(reading.value, table) : fallback;
  return { ...reading, value, source };
}
