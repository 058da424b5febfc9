// Every bound of what a worker does between regions, with its reason. All may be overridden; none may be infinite.

export interface RegionsLimits {
  /** A request for another region is answered within this, ms: what its owner's region lets it wait, and a round trip. */
  readonly forwardMs: number;
  /** One attempt, ms; after it the request is sent again, to another worker where there is one. */
  readonly attemptMs: number;
  /** An attempt at a worker that did not answer the last time, ms: long enough for a round trip around the world. */
  readonly probeMs: number;
  /** Attempts at one request. Its requestId makes them count once. */
  readonly attemptsMax: number;
  /** Requests for one region without an answer: a region that hangs must not hold the memory of this one. */
  readonly forwardsMax: number;
  /** Requests of other regions that are being served here: their own workers refuse beyond that, and so does this one. */
  readonly servedMax: number;
  /**
   * SKUs told to other regions in one turn, and the time between two turns, ms: a turn takes well under a millisecond,
   * and telling a million skus that begin to be served takes 40 s of a tenth of one core.
   */
  readonly publishedPerTurn: number;
  readonly publishTurnMs: number;
  /** Between two rounds of gossip, ms: what a change takes from one region to the next, beside the way. */
  readonly gossipRoundMs: number;
  /** A worker that has not answered a round by then is taken for dead until it does, ms. */
  readonly gossipTimeoutMs: number;
  /** One answer: some 700 skus, a millisecond or two to make and to take in. */
  readonly gossipAnswerBytesMax: number;
  /** Whose answer may have been cut is asked again after this, ms: who is far behind catches up between rounds. */
  readonly gossipMoreMs: number;
  /** Answers of one worker to all that ask, over a second; and at most one answer more. */
  readonly gossipBytesPerSecond: number;
  /** SKUs of other regions changed through this worker that it waits to hear of: some seconds' worth. */
  readonly ownWritesMax: number;
  /** Addresses of one region that are remembered: more than a region has workers. */
  readonly addressesMax: number;
}

export const REGIONS_LIMITS: RegionsLimits = {
  forwardMs: 5_000,
  attemptMs: 2_000,
  probeMs: 600,
  attemptsMax: 4,
  forwardsMax: 4_096,
  servedMax: 16_384,
  publishedPerTurn: 128,
  publishTurnMs: 5,
  gossipRoundMs: 200,
  gossipTimeoutMs: 1_000,
  gossipAnswerBytesMax: 64 * 1024,
  gossipMoreMs: 15,
  gossipBytesPerSecond: 4 * 1024 * 1024,
  ownWritesMax: 8_192,
  addressesMax: 256,
};
