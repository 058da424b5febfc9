// Bounds of fulfilment, with their reasons.

export interface FulfilmentLimits {
  /** Tasks that one process works on at a time: what waits beyond stays in the outbox, where it costs the grid nothing. */
  readonly inFlightMax: number;
  /** How long a task is lent to this process, ms: a process that dies holds it up for so long. */
  readonly leaseMs: number;
  /** And to a relay: a job that Redis lost, or a task that was revived, is relayed after so long, ms. */
  readonly relayLeaseMs: number;
  /** How long one question for tasks waits, ms. */
  readonly waitMs: number;
  /** After so many failures in a row a task is dead, until a person revives it. */
  readonly attemptsMax: number;
  /** The pause after the first failure, ms; it doubles with each, up to the longest, and is drawn between half and all of it. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** A job that is left to another process can be had again after this, ms; without Redis, once its lease is over. */
  readonly leftMs: number;
  /** So long before and after that lease is over, whoever left it asks for nothing, ms: others get it first. More than a question takes on its way. */
  readonly yieldMs: number;
  /** The grid does not answer: it is asked again after this, ms. */
  readonly gridRetryMs: number;
  /** So often a relay looks whether somebody does what waits in Redis, ms; first after as long, in which the others start. */
  readonly servedLookMs: number;
}

export const FULFILMENT_LIMITS: FulfilmentLimits = {
  inFlightMax: 64,
  leaseMs: 30_000,
  relayLeaseMs: 60_000,
  waitMs: 5_000,
  attemptsMax: 8,
  retryMs: 500,
  retryMsMax: 60_000,
  leftMs: 2_000,
  yieldMs: 250,
  gridRetryMs: 500,
  servedLookMs: 15_000,
};

/** On the machine of the grid: a question costs no network, and a stop does not wait for it long. */
export const BESIDE_THE_GRID: Partial<FulfilmentLimits> = { waitMs: 1_000 };

/** Characters of an error that a dead task keeps. */
export const ERROR_LENGTH_MAX = 200;

/**
 * Where stock was lacking, an order is sourced again after this part of the time that it has waited, within these bounds, ms. Each try is an
 * event of its journey: some twenty in the first week, then one a day.
 */
export const BACKORDER_RETRY = { share: 0.25, leastMs: 4 * 3_600_000, mostMs: 24 * 3_600_000 };
/** What lacks stock and is promised for no day is decided about again after so long, ms. Made up. */
export const UNDATED_AGAIN_MS = 7 * 24 * 3_600_000;
/** A parcel is asked for so often where its carrier tells nothing by itself, ms. */
export const TRACK_EVERY_MS = 4 * 3_600_000;
/** A ship node is asked so often what it has done, ms. */
export const PICK_EVERY_MS = 3_600_000;
/** The risk of being late is looked at so often until the parcel is on its way, ms. */
export const REPLAN_EVERY_MS = 12 * 3_600_000;
/** So long after its hand-over a parcel that is booked is taken for collected though nobody has scanned it, ms: it is at its carrier's first depot. Made up. */
export const COLLECTED_UNSEEN_MS = 8 * 3_600_000;
/** A parcel with no scan for so long, and late by it, is stuck; and after the longer, lost. ms. */
export const STUCK_AFTER_MS = 2 * 86_400_000;
export const LOST_AFTER_MS = 7 * 86_400_000;
/** A scan may be so far ahead of this process by its carrier's clock, ms; more is a clock or a time zone that is wrong. */
export const CLOCK_SKEW_MS = 300_000;
/** A carrier's estimate is kept where it moves by so much, ms: each is an event of the journey. */
export const ESTIMATE_STEP_MS = 3_600_000;
/** It is waited for as long as this after the last scan, ms, however late it is. */
export const ESTIMATE_HEEDED_MS = 30 * 86_400_000;
/** A carrier that cannot be reached is tried again after this, ms. */
export const CARRIER_RETRY_MS = 1_800_000;
/** One that did not answer to a booking, which may have been made, is asked again after this, ms: it seldom takes longer. */
export const ANSWER_RETRY_MS = 60_000;
/** A carrier that has not said for so long what it booked is an exception, ms: until then two parcels are worse than one that waits. */
export const UNANSWERED_AFTER_MS = 4 * 3_600_000;
/** A carrier that took back a booking of a package is not booked for it again before this, ms: until it may take it after all. */
export const CARRIER_REST_MS = 12 * 3_600_000;
/**
 * A process that does not know the carrier of a booking leaves it to others for so long, ms of the grid's time: twenty leases, in each of which
 * another may get it. Then it is an exception.
 */
export const UNSERVED_AFTER_MS = 600_000;
/**
 * Of other tasks it is one once nothing has happened in the order for so long, ms of business. Whoever tracks a parcel says nothing between two
 * scans, and takes it for lost in the end; whoever waits for a carrier's answer says so every four hours.
 */
export const UNSERVED_QUIET_MS = { track: LOST_AFTER_MS + 86_400_000, others: 86_400_000 };
/** Tasks that a process remembers to have left; of one that it forgets it counts the time anew. */
export const LEFT_MAX = 100_000;
/** Without a policy, missing the promise is an exception from this probability on. */
export const LATE_RISK = 0.3;
