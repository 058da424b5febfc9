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
/** Ways to deal units among packages with a greatest weight, looked at for one set of packages. Beyond, what was found stands, with a gap. */
export const DEALS_MAX = 2_000;
/** The next best plans that are shown. */
export const ALTERNATIVES_MAX = 5;
/** Times that an order is solved again after a node refused what it was thought to have. */
export const SOLVED_AGAIN_MAX = 3;
