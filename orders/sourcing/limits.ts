// Every bound of sourcing, and why it is what it is.

/** Above the ship nodes of the largest networks; the search is bounded by work, not by this. */
export const NODES_MAX = 2_000;
/** A carrier has a dozen services, a shipper a dozen carriers. */
export const SERVICES_MAX = 400;
/** Tariffs of parcel carriers have eight zones; some shippers cut them finer. */
export const ZONES_MAX = 64;
/** Tariffs have a price a pound up to 150. Each price that an order could need is an option to the search. */
export const ZONE_PRICES_MAX = 200;
/** Packages of one order. Nobody wants more doorbells, and sets grow with it. */
export const PACKAGES_MAX = 16;
/** Sets of packages looked at for one order, at the most that rules may ask for: some ten seconds. */
export const SEARCH_MAX = 10_000_000;
/** Up to so many ship nodes that have something, the search is meant to end with a proof whatever `searchMax` says. */
export const NODES_SEARCHED_THROUGH = 10;
/** And still ends after so many sets: about two seconds. No order of the usual kind comes near. */
export const SEARCHED_THROUGH_MAX = 2_000_000;
/** Ways to deal units among packages with a greatest weight, looked at for one set of packages when it is first met. */
export const DEALS_FIRST_MAX = 60;
/** And when the best plan is known better, for those that could still be cheaper, the most promising first. */
export const DEALS_MAX = 2_000;
/** Work on one order where weights have a say, in items looked at: with what is not counted, three milliseconds or four. Beyond, what was found stands, with a gap. */
export const WEIGHING_WORK_MAX = 120_000;
/** Times that the price of room is set anew for each of some packages; more seldom bring a closer bound. */
export const PRICING_ROUNDS = 3;
/** The next best plans that are shown. */
export const ALTERNATIVES_MAX = 5;
/** Times that an order is solved again after a node refused what it was thought to have. */
export const SOLVED_AGAIN_MAX = 3;
/** SKUs with shadow prices at a time: some 45,000 columns over eight nodes and areas, which HiGHS solves in about a second. */
export const PRICED_SKUS_MAX = 700;
/** SKUs that demand is given of: they pass between threads, some milliseconds for so many. */
export const PRICING_SKUS_MAX = 50_000;
/** How long HiGHS may take for prices; they are asked for every few minutes. */
export const PRICING_TIME_MS = 20_000;
/** Orders that are weighed together at a time: HiGHS proves so many within seconds, and twice as many often not within a minute. */
export const JOINT_ORDERS_MAX = 50;
/** How much longer than it was allowed a solver may take to answer, before its thread is ended. */
export const SOLVER_GRACE_MS = 5_000;
/** Of the solver's thread: far above what the largest program here takes. */
export const SOLVER_HEAP_MB = 512;
/** Orders that a shadow report shows. */
export const SHADOW_EXAMPLES_MAX = 5;
/** A year: a rejection is no reason to leave a ship node out for good. */
export const REJECTED_HOURS_MAX = 8_760;
/** Plans that are made of one order to see what substitutes are worth: a line or two lacks stock, and few substitutes suffice. */
export const SUBSTITUTIONS_TRIED_MAX = 16;
/** Times that an order is planned again because bundles were not whole, before all that are not are given up. */
export const BUNDLE_ROUNDS_MAX = 8;
/** Bundles of one catalogue: a large shop has some thousands. */
export const BUNDLES_MAX = 100_000;
