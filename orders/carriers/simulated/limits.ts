// The bounds of a simulated carrier, each with its reason.

const DAY_MS = 86_400_000;

/** More in one week leave no week without. */
export const DISRUPTIONS_PER_WEEK_MAX = 100;

/** Parcels that are remembered: a few hundred bytes each and their scans, 2 GB in all. Bookings beyond find no capacity. */
export const PARCELS_MAX = 1_000_000;

/** After its last scan a parcel is remembered for so long, as carriers answer for some weeks. */
export const KEPT_AFTER_END_MS = 30 * DAY_MS;

/** A parcel that was lost is forgotten after so long. */
export const KEPT_LOST_MS = 120 * DAY_MS;

/** Keys of calls that change something, with their answers, the oldest forgotten first: one for each parcel. */
export const KEYS_MAX = 1_000_000;

/** Keys of questions, of which only the tries are counted: as many as may be under way. */
export const READ_KEYS_MAX = 10_000;

/** What a caller is told to wait where the carrier does not know how long it will be away. */
export const OUTAGE_RETRY_AFTER_MS = 60_000;

/** What a caller is told to wait after a call that failed by itself. */
export const FAILED_RETRY_AFTER_MS = 1_000;

/** Tries to tell a listener of an event; a webhook that is away for a day is told within them. */
export const TELL_ATTEMPTS_MAX = 12;

/** Between two of them at most. */
export const TELL_BACKOFF_MAX_MS = 2 * 3_600_000;

/** Before the second of them, by the wall clock; doubled each time. */
export const TELL_BACKOFF_MS = 500;

/** Events on their way to listeners. Beyond it the carrier tells later, and no event is dropped. */
export const TELLING_MAX = 64;

/** A timer of Node waits no longer than 2^31 ms. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** Of a request to the server: two places and a few words. */
export const REQUEST_BYTES_MAX = 64 * 1024;

/** For a webhook to be taken. */
export const TELL_TIMEOUT_MS = 10_000;
