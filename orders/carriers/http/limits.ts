// The bounds of a carrier spoken to over HTTP, each with its reason.

/** An answer of a carrier: some hundred scans of a parcel fit many times over. */
export const ANSWER_BYTES_MAX = 1024 * 1024;

/** A call without an answer is given up after so long, ms; it is tried again with the same key. */
export const TIMEOUT_MS_DEFAULT = 10_000;

/** Tries of one call, the first included. What fails then is the caller's to try later: tasks are. */
export const ATTEMPTS_MAX = 4;

/** Before the second try, ms, at most; doubled each time, and drawn between nothing and it (full jitter). */
export const BACKOFF_MS = 200;
export const BACKOFF_MAX_MS = 5_000;

/** A carrier that asks for a longer pause is not waited for within a call: the caller is told. */
export const RETRY_AFTER_WAITED_MAX_MS = 5_000;

/** A pause that a carrier asks for is believed up to so long, ms. */
export const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/** Calls under way at once to one carrier, and calls that wait for one of them to end. */
export const CALLS_IN_FLIGHT_MAX = 32;
export const CALLS_WAITING_MAX = 128;

/** What a caller is told to wait where too many calls wait already, ms. */
export const OVERLOADED_RETRY_AFTER_MS = 500;

/** Calls that fail one after the other until none is tried any more, and after how long one is tried again, ms. */
export const FAILURES_UNTIL_OPEN = 8;
export const OPEN_MS = 15_000;

/**
 * Bookings that a carrier took back one after the other until none is asked for any more, for how long, ms, and how many are known as
 * counted. Long beside the breaker of calls: collections are hours apart.
 */
export const TAKEN_BACK_UNTIL_OPEN = 8;
export const TAKEN_BACK_OPEN_MS = 15 * 60_000;
export const TAKEN_BACK_REMEMBERED = 10_000;

/** Calls a second, and at once after a rest, unless the carrier's contract says otherwise. */
export const CALLS_PER_SECOND_DEFAULT = 20;
export const BURST_DEFAULT = 40;

/** A webhook's body, bytes: thousands of events. */
export const WEBHOOK_BYTES_MAX = 256 * 1024;

/** Events of one webhook. */
export const WEBHOOK_EVENTS_MAX = 1_000;

/** Webhooks that are read and handled at once; beyond it the carrier is asked to come again. */
export const WEBHOOKS_IN_FLIGHT_MAX = 128;

/** Events that are remembered as told, so that those told twice are known: those of some days. */
export const EVENTS_REMEMBERED = 200_000;

/** Until a body has to be there, ms: a sender that drips holds no slot for longer. */
export const BODY_WITHIN_MS = 10_000;
