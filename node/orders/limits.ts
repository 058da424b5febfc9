// Bounds of the coordinator of orders, with their reasons.

/** A client is answered within so long, ms, one way or another: a take-over of a worker fits, and it may ask again. */
export const REPLY_WAIT_MS = 4_000;
/** Errands are sent again for so long, ms, by whoever began with them; then their order's task has others take them up. */
export const DRIVE_MS = 8_000;
/** Pause before what could not be done is tried again, ms: from, to. */
export const PAUSE_MS = [25, 1_000] as const;
/** Outcomes told to the order in one command: with the longest ids they fit a command. */
export const OUTCOMES_PER_COMMAND = 128;
/** Orders that one worker has in hand at once of those it takes up; when it has as many, it lets go of those whose lines cannot be reached. */
export const TAKEN_UP_MAX = 32;
/** One that was taken up is offered to others after so long, ms: longer than it is driven. */
export const LEASE_MS = 10_000;
/** A worker looks for orders to take up so often, ms: a look costs next to nothing when there are none. */
export const LOOK_MS = 250;
