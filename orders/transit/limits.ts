// The bounds of the transit-time model, with their reasons.

/** Codes of services, nodes and areas are multiplied into one key, which must stay an exact integer (2^10 · 2^12 · 2^16 < 2^53). */
export const SERVICES_MAX = 2 ** 10 - 1;
export const NODES_MAX = 2 ** 12 - 1;
export const AREAS_MAX = 2 ** 16 - 1;

/** Slots of one level of groups: 48 bytes each, so that the lanes take 96 MB at most; a million fit, and older ones make room. */
export const CELLS_MAX = 2 ** 21;

/** Slots are looked for among so many neighbours; in a table that is half full nearly every group finds one. */
export const PROBES_MAX = 16;

/**
 * Parcels that are followed from hand-over to maturity, about 500 bytes each. With more in flight a sample of them is followed,
 * chosen by the hash of the id, so that fast and slow ones are chosen alike.
 */
export const FOLLOWED_MAX = 200_000;

/** Sketches of residuals, some 10 KB each; the one that was told of longest ago makes room. */
export const SKETCHES_MAX = 8_192;

/** Alarms are for people; who reads them less often than this many come has another problem. */
export const ALARMS_MAX = 256;

/** A transit time is at least this long, days, so that it has a logarithm. */
export const TRANSIT_DAYS_MIN = 1 / 24;

/** Nothing that a model learned from takes longer, days; what is measured beyond is a mistake of the clock. */
export const TRANSIT_DAYS_MAX = 1_000;

/** Answers that are kept for sourcing between refreshes, some 200 bytes each. */
export const TRANSIT_ANSWERS_MAX = 100_000;
