// Every bound of the shell, with its reason. All may be overridden per worker; none may be infinite.

export interface ShellLimits {
  /**
   * Requests accepted and not yet answered. At 100,000 a second this many wait for about half a second, which is
   * as long as anybody should; beyond it a refusal serves the client better than a place in the queue.
   */
  readonly mailboxMax: number;
  /**
   * Waiting requests at which work that takes stock (reserve, adjust, configure, reads) is refused: eight full batches, some
   * 40 ms of a hot SKU. The rest of the mailbox is kept for commit, release, extend and ship, which settle or free it.
   */
  readonly mailboxForNewWork: number;
  /** The same in a flood, at most (admission.ts). */
  readonly mailboxMaxForNewWork: number;
  /** How often it is seen whether there is one, ms. */
  readonly admissionIntervalMs: number;
  /** Commits in flight: one that the store works on and one behind it; more would wait, and make batches smaller. */
  readonly commitsInFlightMax: number;
  /**
   * An open batch of this many records, and of as many as are on their way, is sent at once rather than at the end of
   * the turn, if one more may be in flight.
   */
  readonly batchRecordsEarly: number;
  /** Actors held as objects. The rest are packed: a fifth of the memory and no work for the garbage collector. */
  readonly hotActorsMax: number;
  /** An actor that nobody asks for is packed after once or twice this long, ms. */
  readonly idleMs: number;
  /** Actors looked at, and packed if idle, in one turn of the event loop: about a millisecond's work. */
  readonly idleLooksMax: number;
  /** An order that nobody asks for is packed after once or twice this long, ms: what happens to it next is mostly hours away. */
  readonly orderIdleMs: number;
  /** Orders looked at, and packed if idle, in one tick of the wheel: some milliseconds' work. */
  readonly orderLooksMax: number;
  /** Packed orders with open tasks held in memory, bytes; beyond it, as those without, they are only in the store. */
  readonly packedOrderBytesMax: number;
  /**
   * Requests about orders carried out in one turn of the event loop: less than a millisecond's work, so that reservations which
   * come in meanwhile are served between them.
   */
  readonly orderRequestsPerTurn: number;
  /** And the time after which no further one is begun, ms: one command of a long order takes as much as many captures. */
  readonly orderTurnMs: number;
  /** While shoppers ask for stock, orders rest so many times as long as they worked: captures have a fourth of the time, */
  readonly captureRestPerTurn: number;
  /** what is done about orders that are captured an eleventh, as long as shoppers capture or ask for stock, */
  readonly orderRestPerTurn: number;
  /** and a fourth once it has been behind for so long, ms: a surge goes before it, steady business does not. */
  readonly orderBehindMs: number;
  /** And how many wait for their turn at most: half a second's worth. */
  readonly orderRequestsMax: number;
  /** JSON of all events of one order: what a thousand lines, their plans and shipments come to, several times over. */
  readonly orderBytesMax: number;
  /** Tasks of one order lent in one answer: a large order must not keep the others waiting. */
  readonly tasksPerOrder: number;
  /** JSON of the tasks in one answer: well below what a frame may weigh. */
  readonly tasksBytesMax: number;
  /** Consumers that wait for tasks at once. */
  readonly taskWaitersMax: number;
  /** Packed actors held in memory; beyond it cold ones are only in the store, and loaded alone when asked for. */
  readonly packedActorsMax: number;
  /** An actor with more reservations and remembered requests than this stays hot: packing it would take too long. */
  readonly packedEntriesMax: number;
  /** Requests waiting for a passivated actor to be loaded, over all actors. */
  readonly loadingMax: number;
  /** A snapshot round starts after this many records: some seconds' worth for a restart to replay. */
  readonly snapshotEveryRecords: number;
  /** A snapshot round starts after this long when anything changed, ms. */
  readonly snapshotEveryMs: number;
  /**
   * Where much changes it starts sooner, since what a take-over replays is time that nobody is served: when it will be busy
   * for no more than this share of the time since the last one began, but not within `snapshotPauseMs`.
   */
  readonly snapshotShareMax: number;
  readonly snapshotPauseMs: number;
  /** And not for fewer records than this: a fifth of a second to replay, for a process that has not done it before. */
  readonly snapshotSoonerRecords: number;
  /** Rows packed in one turn of the event loop during a snapshot: a fraction of a millisecond's work. */
  readonly snapshotRowsPerTurn: number;
  /** A row of more bytes is written in parts of so many: the journal's next commit waits for one of them at most. */
  readonly snapshotPartBytes: number;
  /** Actors whose expiry is processed in one turn of the event loop. */
  readonly expiriesPerTurn: number;
  /** Orders asked for one SKU in one turn of the event loop. */
  readonly asksPerLook: number;
  /** Pause before an order is asked again that could not be asked, or did not know yet, ms: from, to. */
  readonly askAgainMs: readonly [number, number];
  /** A tentative reservation that becomes due while another waits for its order is asked for this much later at most, ms. */
  readonly askLookMs: number;
  /** Granularity of the timer wheel, ms. Expiry at read time is exact; the wheel only bounds how late it is seen. */
  readonly wheelTickMs: number;
  /** The owner counts as alive for this long after its last renewal, ms; a successor waits as long after a crash. */
  readonly sessionTtlMs: number;
  /** Pause between attempts to append while the store is unavailable, ms: from, to. */
  readonly storeRetryMs: readonly [number, number];
  /**
   * An owner keeps what it appended this long, ms, to append it again if a fail-over of the store loses it: sentinels
   * take about ten seconds to notice, and replicas that lag further behind are not promoted.
   */
  readonly tailKeptMs: number;
  /** And no more than this, bytes: ten seconds at the rate of one saturated worker. */
  readonly tailKeptBytesMax: number;
  /**
   * Share of the heap limit beyond which work that takes stock is refused. What is held for the idempotency window
   * grows with the rate of requests; the alternative to refusing would be to forget, or to fall over.
   */
  readonly heapUseMax: number;
  /** Subscribed SKUs of one worker. */
  readonly watchedMax: number;
  /** Pools that are given their turn in one turn of the event loop: about a millisecond's work. */
  readonly poolTicksPerTurn: number;
  /** A pool in which nothing happens, and that another region has not answered, speaks so often at least, ms. */
  readonly poolTickMsMax: number;
  /** Pools with nothing to say whose hints are kept all the same; of others they are asked for anew. */
  readonly quietPoolsMax: number;
}

export const SHELL_LIMITS: ShellLimits = {
  mailboxMax: 65_536,
  mailboxForNewWork: 8_192,
  mailboxMaxForNewWork: 49_152,
  admissionIntervalMs: 50,
  commitsInFlightMax: 2,
  batchRecordsEarly: 128,
  hotActorsMax: 200_000,
  idleMs: 10_000,
  idleLooksMax: 512,
  orderIdleMs: 1_000,
  orderLooksMax: 1_024,
  packedOrderBytesMax: 268_435_456,
  orderRequestsPerTurn: 8,
  orderTurnMs: 0.5,
  captureRestPerTurn: 3,
  orderRestPerTurn: 10,
  orderBehindMs: 300_000,
  orderRequestsMax: 4_096,
  orderBytesMax: 4_194_304,
  tasksPerOrder: 8,
  tasksBytesMax: 524_288,
  taskWaitersMax: 1_024,
  packedActorsMax: 20_000_000,
  packedEntriesMax: 256,
  loadingMax: 16_384,
  snapshotEveryRecords: 1_000_000,
  snapshotEveryMs: 30_000,
  snapshotShareMax: 0.05,
  snapshotPauseMs: 4_000,
  snapshotSoonerRecords: 5_000,
  snapshotRowsPerTurn: 256,
  snapshotPartBytes: 262_144,
  expiriesPerTurn: 256,
  asksPerLook: 256,
  askAgainMs: [250, 5_000],
  askLookMs: 1_000,
  wheelTickMs: 50,
  sessionTtlMs: 5_000,
  storeRetryMs: [50, 1_000],
  tailKeptMs: 30_000,
  tailKeptBytesMax: 67_108_864,
  heapUseMax: 0.85,
  watchedMax: 1_000_000,
  poolTicksPerTurn: 128,
  poolTickMsMax: 4_000,
  quietPoolsMax: 16_384,
};
