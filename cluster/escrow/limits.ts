// Every bound and default of pooled stock, with its reason. Reads nothing.

/** A cumulative count, units: as much as a position may have received, and 32 of them still add up exactly. */
export const COUNT_MAX = 2 ** 46;
/** A weight, units: one position cannot lose more than this in one reserve either. */
export const WEIGHT_MAX = 2 ** 31 - 1;
/** Rows of one message: a round of a worker's pools, few enough that one message never holds up a link. */
export const ROWS_MAX = 512;
/** Bytes of one message: ROWS_MAX rows of the longest names and numbers fit. */
export const MESSAGE_BYTES_MAX = 262_144;

/** How rights are spread. Times in ms, quantities in units. */
export interface PoolOptions {
  /** Half-life of the demand estimate: shorter follows a rush sooner, longer trembles less. */
  readonly demandHalfLifeMs: number;
  /** Stock is wanted for this much demand: some round trips between the furthest regions, journals included. */
  readonly coverMs: number;
  /** Counted as demand everywhere, so that a quiet region has something for its first buyers. */
  readonly floatUnits: number;
  /** Most units that refused buyers may call for beyond a fair share, and that one refusal counts as demand for. */
  readonly needUnitsMax: number;
  /** A refused buyer is thought to try again for this long. */
  readonly needTtlMs: number;
  /** An ask without an answer is given up after this long. */
  readonly askTimeoutMs: number;
  /** A region that gave nothing is left alone for this long, then twice as long, … */
  readonly pauseMs: number;
  /** … up to this long. */
  readonly pauseMaxMs: number;
  /** A region is told of changes, and of rights it has not acknowledged, no more often than this. */
  readonly heartbeatMs: number;
}

export const POOL_DEFAULTS: PoolOptions = {
  demandHalfLifeMs: 2_000,
  coverMs: 2_000,
  floatUnits: 8,
  needUnitsMax: 64,
  needTtlMs: 2_000,
  askTimeoutMs: 1_000,
  pauseMs: 100,
  pauseMaxMs: 2_000,
  heartbeatMs: 250,
};
