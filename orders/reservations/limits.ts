// Bounds of an order's reservations, with their reasons.

/** Attempts that one order may make: each is in its journal for ever, and sourcing needs a few for each time it is done. */
export const ATTEMPTS_MAX = 64;

/**
 * Claims of one attempt: a thousand lines of bundles would be more, and as many requests would be under way at once. What needs more is
 * several orders.
 */
export const CLAIMS_MAX = 2_048;
