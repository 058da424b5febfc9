// Every bound of an order that the wire contract does not have, with its reason.

/** Packages of one order over its whole life, those that were replaced included. */
export const PACKAGES_MAX = 64;
/** Times that packages of one order that rest are taken back for a better plan: an order is not moved about for ever. */
export const WITHDRAWALS_MAX = 2;
/** Exceptions over the whole life of an order: with more, a person has to look at it. Requests to cancel it are taken all the same. */
export const EXCEPTIONS_MAX = 128;
/** Tasks that are open at one time: some for each package, and those of the order. */
export const OPEN_TASKS_MAX = 256;

/**
 * Events of one order. A usual one has some 12 for each package. What goes on for ever (a parcel that is scanned each hour, a
 * policy that waits again and again) ends here instead of growing.
 */
export const ORDER_EVENTS_MAX = 1_024;
/** Of these, kept for deliveries and for what is done after an order was cancelled: a task for each package. */
export const ORDER_EVENTS_RESERVED = 64;
/** And for cancelling it: what that comes to at most for the order itself, for a package, and for an open exception. */
export const CANCEL_EVENTS = { order: 8, package: 2, exception: 2 } as const;
/**
 * And for going on with its plan, so that what is committed by it is not left with no package: its reservations, answered by several
 * regions, and its `allocate`.
 */
export const PLAN_EVENTS = 32;
/** And for an exception that is left to a person, once. */
export const ESCALATE_EVENTS = 1;
/** Characters of one event as JSON: the largest order of 1,000 lines fits. */
export const EVENT_BYTES_MAX = 1_048_576;
/** Characters of all events of one order, which are read whole to load it. */
export const ORDER_BYTES_MAX = 4_194_304;
/** Of these, kept for what ends an order. */
export const ORDER_BYTES_RESERVED = 524_288;

/** A reason, an error, a note: a line on a screen or two. */
export const TEXT_LENGTH_MAX = 256;
export const CAUSE_LENGTH_MAX = 128;
/** Places of a malformed command that are named at once. */
export const ISSUES_MAX = 8;
/** A code of a ship node or carrier, an id of theirs. */
export const CODE_LENGTH_MAX = 64;
/** Until a parcel that was cancelled is booked again, ms: whoever cancelled it for the order has told it so by then. */
export const REBOOK_PAUSE_MS = 5_000;
