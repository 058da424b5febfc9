// Bounds of what running processes of orders learn and reckon, with their reasons.

/** Parcels that the transit model is told at first, made from the bands of the rules: they are told within some seconds. */
export const SEEDS_MAX = 10_000;
/** One a day of each service and distance for so long: enough for the upper quantiles, few enough to be outweighed by some hundred parcels. */
export const SEED_WEEKS = 4;
/** Answers to sourcing are kept for so long, ms of business, and until the log is looked at next. */
export const ANSWERS_KEPT_MS = 60_000;
/** Parcels on their way of which it is remembered what was expected, to see how often that is right. */
export const EXPECTED_MAX = 50_000;
/** Packages that are counted for one hand-over of one node: no ship node hands over more. */
export const PACKAGES_COUNTED_MAX = 200_000;
/** A hand-over is remembered for so long after it, ms: clocks differ. */
export const HAND_OVER_KEPT_MS = 86_400_000;
/** Half of what is known of demand is forgotten after so long, days. */
export const DEMAND_HALF_LIFE_DAYS = 7;
/** SKUs of which demand is known; the one that was asked for longest ago makes room. As many as prices can be made of. */
export const DEMAND_SKUS_MAX = 20_000;
/** Parts of the world, by the beginning of the postal code; more are one. */
export const AREAS_MAX = 40;
/** Prices of so many makings ago count no more. */
export const PRICES_KEPT = 6;
/** And they are made no more often than so, ms of the wall, however fast business goes. */
export const PRICES_EVERY_WALL_MS = 1_000;
/** SKUs that one question about stock may name, over all its regions. */
export const STOCK_ASKED_MAX = 500;
/** Orders that rest which are remembered here; of more, the first are weighed again no more. */
export const RESTING_MAX = 5_000;
/** Times in one go that as many as the solver takes are weighed together. */
export const JOINT_ROUNDS_MAX = 4;
/** How long HiGHS may take for one of them, and how near to the best it has to come. */
export const JOINT_LIMITS = { timeMs: 5_000, gap: 0.001 } as const;
/** Whoever withdraws packages has gone on long before; if it has died, others do, ms of the grid's time. */
export const WITHDRAWAL_RESUMED_AFTER_MS = 10_000;
/** Orders that rest are weighed no more often than so, ms of the wall. */
export const REOPTIMISED_EVERY_WALL_MS = 1_000;
/** Orders that wait to be planned by the rules in the shadow; more are left out of the comparison, and counted. */
export const SHADOW_WAITING_MAX = 200;
/** What the rules in the shadow would do otherwise is told so often, ms of the wall. */
export const SHADOW_TOLD_EVERY_MS = 5 * 60_000;
/** Places whose weather is remembered, and for how long, ms of business: some hundred questions an order. */
export const WEATHER_PLACES_MAX = 10_000;
export const WEATHER_READ_EVERY_MS = 10 * 60_000;
