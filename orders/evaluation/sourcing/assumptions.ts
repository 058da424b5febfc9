// What the data do not say and the evaluation assumes. Each is named in docs/decisions.md; those of `Assumptions` are varied there.

export interface Assumptions {
  /** Stock at a position, as a multiple of what it sells until it is replenished, or of a usual line of it. */
  readonly cover: number;
  /** What a late package costs: a share of its value, and besides. */
  readonly lateCostShare: number;
  readonly lateCostPerPackage: number;
  /** How much dearer a faster service is: prices times (the usual p90 over its own) to this power. The data have no base price. */
  readonly speedPremium: number;
  /** True days of all packages, as a multiple of what the rules believe. */
  readonly slower: number;
}

export const ASSUMPTIONS: Assumptions = {
  cover: 2.5,
  lateCostShare: 0.05,
  lateCostPerPackage: 1_000,
  speedPremium: 1,
  slower: 1,
};

/** Where a SKU is kept: those that sell most at all hubs, the next at some, the rest at few. Shares of all SKUs, by units sold. */
export const CARRIED = [
  { share: 0.6, hubs: 8 },
  { share: 0.85, hubs: 6 },
  { share: 1, hubs: 4 },
] as const;
/** What was sold is back after so many nights. */
export const REPLENISHED_AFTER_DAYS = 3;
/** So many positions begin somewhere between empty and full, the rest of them on its way. */
export const STARTS_SHORT_SHARE = 0.3;
/** Weights are not in the data: of a unit, drawn evenly for each SKU. */
export const GRAMS_MIN = 20;
export const GRAMS_MAX = 120;
/** Of a package, drawn evenly for each hub; of a unit. Minor units. */
export const HANDLING_MIN = 120;
export const HANDLING_MAX = 300;
export const HANDLING_PER_UNIT = 3;
export const SPLIT_PENALTY = 150;
export const PACKAGES_MAX = 4;
export const PACKAGES_PER_DAY = 25;
/** Lost with a unit that is not sent, as a share of its price. */
export const LOST_MARGIN_SHARE = 0.3;
/** Days from the first cutoff anywhere to the promise, with how often each is sold. */
export const PROMISES = [
  { days: 3, until: 0.25 },
  { days: 5, until: 0.75 },
  { days: 7, until: 1 },
] as const;
/** The luck of a package is that of its service on its day with this chance, else its own. */
export const SHARED_LUCK = 0.5;
/** The data's clock is read as that of the hubs' middle. */
export const CLOCK_SHIFT_MS = 6 * 3_600_000;
export const CUTOFF = '16:00';
