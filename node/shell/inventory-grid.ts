// The grid of one lane: takes it, recovers, serves the partitions that are open in it, and gives it back. Which
// requests are taken at all is decided here; what they come to is the executor's.
import type { PoolOptions, PoolRow } from '../../cluster/escrow/index.ts';
import {
  type AvailabilityPush,
  type Failure,
  failure,
  type ItemRequest,
  type OrderCore,
} from '../../protocol/index.ts';
import { FIRST_LANE, type JournalStore } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { acquireLane } from './acquire.ts';
import { ActorDirectory } from './directory.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from './grid.ts';
import type { HandoffPeer, MoveProgress } from './handoff.ts';
import type { HandoffAnswer } from './handoff-messages.ts';
import { createKinds } from './kind-table.ts';
import { type Holding, LanePartitions } from './lane-partitions.ts';
import { Lease } from './lease.ts';
import { mayBeLeft, untilMayBeLeft } from './leaving.ts';
import { SHELL_LIMITS, type ShellLimits } from './limits.ts';
import { NO_ORDERS } from './orders/no-orders.ts';
import { createOrderKind } from './orders/order-kind.ts';
import { TaskBoard } from './orders/task-board.ts';
import type { Views } from './reads.ts';
import { recoverOwned } from './recovery.ts';
import { HEAP_FULL, LEASE_OUT, NOT_COORDINATED, OF_ORDERS, OVERLOADED, SETTLES, STOPPED } from './refusals.ts';
import { evenPace, type Runtime, within } from './runtime.ts';
import { assemble, type Serving } from './serving.ts';
import type { AskOrder } from './tentatives.ts';
import { Watchers } from './watchers.ts';
import { TimerWheel } from './wheel.ts';

export interface InventoryGridOptions {
  readonly region: string;
  /** Fixed when the region is created. */
  readonly partitions: number;
  readonly store: JournalStore;
  /** Default: the region's first. */
  readonly lane?: string;
  /** Unique to this process incarnation. */
  readonly ownerId: string;
  /** Random; the nonce of the epoch that open acquires. */
  readonly nonce: string;
  readonly server: string;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits?: Partial<ShellLimits>;
  /** Takes what other regions are to be told of pooled stock, once it may leave. Default: nobody is told. */
  readonly sendRows?: (rows: readonly PoolRow[]) => void;
  /** How rights of pooled stock are spread. */
  readonly poolOptions?: PoolOptions;
  /** Asks an order what is to become of a tentative reservation. Default: none can be asked. */
  readonly askOrder?: AskOrder;
  /** What an order is. Default: no orders are served. */
  readonly orderCore?: OrderCore<unknown>;
  readonly log: (line: string) => void;
  /** See ExecutorDeps.changed. */
  readonly changed?: (sku: string) => void;
}

export class InventoryGrid implements Grid {
  readonly #options: InventoryGridOptions;
  readonly #limits: ShellLimits;
  readonly #directory: ActorDirectory;
  readonly #partitions: LanePartitions;
  readonly #wheel: TimerWheel;
  readonly #board: TaskBoard;
  readonly #watchers: Watchers;
  #flush: () => void = () => {};
  #serving: Serving | undefined;
  /** What everybody is told while requests are not taken; undefined while they are. */
  #refusal: Failure | undefined = failure('UNAVAILABLE', 'the worker is starting: its journal is being read', 500);
  #heapIsFull = false;
  #cancelTick: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  /** Why the lane was lost. */
  #lost: Error | undefined;
  /** Resolves with the reason when the worker has lost its lane and must end. */
  readonly failed: Promise<Error>;

  constructor(options: InventoryGridOptions) {
    this.#options = options;
    this.#limits = { ...SHELL_LIMITS, ...options.limits };
    const kinds = createKinds(createOrderKind(options.orderCore ?? NO_ORDERS));
    this.#directory = new ActorDirectory(options.partitions, this.#limits, kinds);
    this.#partitions = new LanePartitions(options.partitions, options.lane ?? FIRST_LANE, kinds);
    this.#wheel = new TimerWheel(options.runtime.now(), this.#limits.wheelTickMs);
    this.#board = new TaskBoard(options.runtime, this.#limits.wheelTickMs);
    this.#watchers = new Watchers(this.#limits.watchedMax);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /**
   * Takes the lane, recovers the actors and begins to serve. While another owner's session lives it waits, up to
   * `waitMs`.
   * @throws LaneBusy, LayoutMismatch, JournalCorrupt, StoreUnavailable, and the reason when the lane was lost meanwhile
   */
  async open(waitMs: number): Promise<void> {
    const { region, ownerId, nonce, runtime, log } = this.#options;
    const startedAt = runtime.monotonic();
    const { lane, acquiredAt } = await acquireLane(this.#options, this.#limits.sessionTtlMs, startedAt + waitMs);
    const lease = new Lease(
      lane,
      runtime,
      this.#limits.sessionTtlMs,
      acquiredAt,
      async () => {
        const serving = this.#serving;
        if (serving !== undefined) return serving.committer.fenced();
        const lost = new Error(`${ownerId} no longer owns ${region}: its session was taken over during recovery`);
        this.#end(lost);
        return false;
      },
      () => this.verifyTail(),
    );
    const { generation } = lane;
    const recovered = await recoverOwned(lane, {
      directory: this.#directory,
      partitions: this.#partitions,
      wheel: this.#wheel,
      board: this.#board,
      limits: this.#limits,
      progress: log,
      turn: evenPace(runtime),
    }).catch((error: unknown) => {
      // Renewed for ever, the session would keep everybody else from the lane, and the process from ending.
      lease.stop();
      throw error;
    });
    if (this.#lost !== undefined) {
      lease.stop();
      throw this.#lost;
    }
    this.#partitions.laneEpoch = lane.epoch;
    const serving = assemble({
      ...this.#options,
      lane,
      lease,
      recovered,
      generation,
      directory: this.#directory,
      partitions: this.#partitions,
      wheel: this.#wheel,
      board: this.#board,
      watchers: this.#watchers,
      limits: this.#limits,
      flush: () => this.#flush(),
      refusal: () => this.#refusal ?? (lease.valid() ? undefined : LEASE_OUT),
      hasRoom: () => !this.#heapIsFull,
      stalled: (reason) => this.#stall(reason),
      fatal: (error) => this.#end(error),
    });
    this.#serving = serving;
    this.#refusal = undefined;
    for (const sku of this.#watchers.skus()) serving.executor.watch(sku);
    this.#tick();
    const ms = Math.round(runtime.monotonic() - startedAt);
    const { hot, packed } = this.#directory.counts;
    log(
      `${region} lane ${this.lane} epoch ${lane.epoch} nonce ${nonce.slice(0, 8)}: ${hot + packed} actors ` +
        `(${recovered.rows} rows, ${recovered.replayed} records replayed) of ${this.holdings().length} partitions in ${ms} ms`,
    );
  }

  /** Stops taking requests, lets what was taken become durable, writes a snapshot and gives the lane back. */
  async close(): Promise<void> {
    const serving = this.#serving;
    this.#refusal = STOPPED;
    this.#cancelTick();
    if (serving === undefined) return;
    const { lane, lease, committer, snapshotter, handoff, orders } = serving;
    this.#serving = undefined;
    handoff.stop();
    orders.stop();
    try {
      await within(this.#options.runtime, STOP_WAIT_MS, committer.reached(committer.lastSeq), LATE);
      await snapshotter.finish();
      await untilMayBeLeft(lane, committer, this.#options.runtime, this.#options.log);
      lease.stop();
      await lane.release();
    } catch (error) {
      lease.stop();
      this.#options.log(`stopped without a last snapshot: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Whether its lane loses nothing with it. @throws StoreUnavailable */
  async mayBeLeft(): Promise<boolean> {
    return this.#serving === undefined || mayBeLeft(this.#serving.lane, this.#serving.committer);
  }

  /** Has the store hold what was acknowledged, should a fail-over have lost it. @throws StoreUnavailable */
  async verifyTail(): Promise<void> {
    await this.#serving?.committer.verifyTail();
  }

  /** The name of its lane. */
  get lane(): string {
    return this.#options.lane ?? FIRST_LANE;
  }

  /** The lane's epoch; 0 before it is owned. */
  get laneEpoch(): number {
    return this.#serving?.lane.epoch ?? 0;
  }

  /** It was owned, and the store has not renewed that for so long that another may own it by now. */
  get isLapsed(): boolean {
    return this.#serving?.lease.valid() === false;
  }

  /** Open here: their requests may be submitted. */
  serves(partition: number): boolean {
    return this.#partitions.table.isOpen(partition);
  }

  epochOf(partition: number): number {
    return this.#partitions.epochOf(partition);
  }

  /** Gives up a partition that another lane has had since under a greater epoch. */
  concede(partition: number, toLane: string): void {
    this.#serving?.handoff.concede(partition, toLane);
  }

  /** The partitions that are in this lane, with the epoch of each. */
  holdings(): readonly Holding[] {
    return this.#partitions.holdings();
  }

  /** Lists one partition: skus behind `after`, at most `limit`. */
  page(partition: number, after: string | undefined, limit: number, respond: Respond): void {
    const serving = this.#serving;
    const refusal = this.#refusal ?? (serving?.lease.valid() ? undefined : LEASE_OUT);
    if (refusal !== undefined || serving === undefined) respond(refusal ?? STOPPED);
    else serving.reads.page(partition, after, limit, respond);
  }

  /** The partition's skus, in no order. */
  skusOf(partition: number): string[] {
    return this.#directory.skusOf(partition);
  }

  /** As Reads.durableViews; undefined also while nothing may be shown. */
  durableViews(skus: readonly string[], respond: (views: Views) => void): void {
    const serving = this.#serving;
    if (this.#refusal !== undefined || serving?.lease.valid() !== true) respond(undefined);
    else serving.reads.durableViews(skus, respond);
  }

  /** As Handoff.moveOut; false also while the lane is not owned. */
  async moveOut(partition: number, toLane: string, peer: HandoffPeer, progress: MoveProgress): Promise<boolean> {
    return (await this.#serving?.handoff.moveOut(partition, toLane, peer, progress)) ?? false;
  }

  /** Takes in a partition that comes from another lane. */
  get arrivals(): HandoffPeer {
    const serving = this.#serving;
    return {
      rows: async (message) => serving?.handoff.stage(message) ?? NOT_OWNED,
      handover: async (message) => serving?.handoff.open(message) ?? NOT_OWNED,
    };
  }

  info(): GridInfo {
    const { server, region, store, partitions } = this.#options;
    const { driver, durability } = store;
    const lane = this.#serving?.lane;
    const { epoch, nonce } = lane ?? { epoch: 0, nonce: '' };
    return { server, region, durability, store: driver, partitions, epoch, nonce };
  }

  readiness(): Readiness {
    if (this.#refusal !== undefined) return { ready: false, reason: this.#refusal.message };
    if (this.#serving?.lease.valid() !== true) return { ready: false, reason: LEASE_OUT.message };
    return { ready: true, reason: 'serving' };
  }

  figures(): GridFigures {
    const serving = this.#serving;
    const { hot, packed } = this.#directory.counts;
    const newestAt = serving?.snapshotter.newestAt;
    return {
      actors: { hot, packed },
      positions: this.#directory.positions,
      liveReservations: this.#directory.liveReservations,
      orders: this.#directory.orders,
      tasksWaiting: this.#board.waiting,
      tasksLent: this.#board.lent,
      mailboxDepth: serving?.executor.depth ?? 0,
      journalSeq: serving?.committer.lastSeq ?? 0,
      durableSeq: serving?.committer.durableSeq ?? 0,
      tailRecords: serving?.snapshotter.tailRecords ?? 0,
      snapshotAgeMs: newestAt === undefined ? undefined : this.#options.runtime.now() - newestAt,
    };
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
  }

  submit(request: ItemRequest, respond: Respond): void {
    const serving = this.#serving;
    const refusal =
      this.#refusal ??
      (serving === undefined ? STOPPED : this.#overload(request.op, serving)) ??
      this.#elsewhere(request);
    if (refusal !== undefined || serving === undefined) {
      respond(refusal ?? STOPPED);
      return;
    }
    switch (request.op) {
      case 'reserve':
        if (request.order === undefined) serving.orders.others();
        serving.executor.mutate(request.sku, request, respond);
        return;
      case 'adjust':
      case 'configure':
      case 'pool':
      case 'transfer':
        serving.executor.mutate(request.sku, request, respond);
        return;
      case 'extend':
      case 'commit':
      case 'release':
      case 'ship':
        serving.executor.mutate(request.ref.sku, request, respond);
        return;
      case 'get':
        serving.reads.get(request.sku, respond);
        return;
      case 'getReservation':
        serving.reads.getReservation(request, respond);
        return;
      case 'query':
        serving.reads.query(request, respond);
        return;
      case 'list':
        respond(failure('BAD_REQUEST', 'a lane lists one partition at a time'));
        return;
      case 'captureOrder':
      case 'advanceOrder':
      case 'getOrder':
      case 'takeTasks':
        serving.orders.submit(request, respond);
        return;
      case 'reserveOrder':
      case 'commitOrder':
      case 'releaseOrder':
        respond(NOT_COORDINATED);
        return;
      default:
        request satisfies never;
    }
  }

  /**
   * Work that settles or frees stock may use the whole mailbox, other work a part of it; what would not be served
   * soon is refused now, which costs next to nothing.
   */
  #overload(op: ItemRequest['op'], serving: Serving): Failure | undefined {
    if (!serving.lease.valid()) return LEASE_OUT;
    const refusal = this.shedding();
    if (refusal === undefined) return undefined;
    if (SETTLES.has(op) && serving.executor.depth < this.#limits.mailboxMax) return undefined;
    // They have a queue of their own, and what takes memory is only what is new.
    if (OF_ORDERS.has(op) && (refusal !== HEAP_FULL || op !== 'captureOrder')) return undefined;
    serving.admission.refused(1);
    this.#options.metrics.sheds.labels({ reason: refusal === HEAP_FULL ? 'heap_full' : 'mailbox_full' }).inc();
    return refusal;
  }

  shedding(): Failure | undefined {
    if (this.#heapIsFull) return HEAP_FULL;
    const serving = this.#serving;
    return serving?.admission.refuses(serving.executor.depth) ? OVERLOADED : undefined;
  }

  refusedUnread(count: number): void {
    this.#serving?.admission.refused(count);
  }

  /** The refusal of a request for another region; a query names what it does not find. */
  #elsewhere(request: ItemRequest): Failure | undefined {
    if (request.op === 'query') return undefined;
    const region = 'ref' in request ? request.ref.region : request.region;
    if (region === this.#options.region) return undefined;
    return failure('NOT_FOUND', `region ${region} is not served here; this worker serves ${this.#options.region}`);
  }

  /** Takes in what another region says of a pool. A row that cannot be taken in now is dropped: it is said again. */
  poolRow(row: PoolRow): void {
    const serving = this.#serving;
    if (serving === undefined || this.#refusal !== undefined || !serving.lease.valid()) return;
    const { executor, pools } = serving;
    executor.takePoolTurn(row.sku, pools.receive(row), () => {
      this.#options.metrics.poolRows.labels({ result: 'refused' }).inc();
    });
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void): () => void {
    const stop = this.#watchers.add(sku, listener);
    if (this.#refusal === undefined) this.#serving?.executor.watch(sku);
    return () => {
      stop();
      if (this.#watchers.has(sku)) return;
      const actor = this.#directory.find(sku);
      if (typeof actor === 'object') actor.watched = false;
    };
  }

  /** The shell's heartbeat: expiries that are due, snapshots that are due, actors that have cooled. */
  readonly #tick = (): void => {
    const serving = this.#serving;
    if (serving === undefined) return;
    let again = false;
    serving.handoff.tick();
    this.#heapIsFull = this.#options.runtime.heapUse() > this.#limits.heapUseMax;
    if (this.#refusal === undefined && serving.lease.valid()) {
      again = serving.executor.sweep();
      again = serving.orders.tick() || again;
      serving.pools.tick(serving.executor.takePoolTurn);
      serving.snapshotter.tick();
      serving.committer.publishWithheld();
      this.#directory.cool(serving.committer.durableSeq, 1_024);
      this.#directory.coolOrders(serving.committer.durableSeq, again ? 0 : this.#limits.wheelTickMs);
      this.#directory.coolIdle(serving.committer.durableSeq, again ? 0 : this.#limits.wheelTickMs);
    }
    this.#cancelTick = this.#options.runtime.after(again ? 0 : this.#limits.wheelTickMs, this.#tick);
  };

  #stall(reason: string | undefined): void {
    if (reason === undefined) {
      this.#refusal = undefined;
      // Who subscribed meanwhile has seen nothing yet.
      for (const sku of this.#watchers.skus()) this.#serving?.executor.watch(sku);
      return;
    }
    const why = `the store does not confirm writes: ${reason}; send the same requestId again`;
    this.#refusal = failure('UNAVAILABLE', why, 250);
  }

  #end(error: Error): void {
    this.#refusal = failure('UNAVAILABLE', 'this worker lost its lane and is ending; connect again', 500);
    this.#cancelTick();
    this.#serving?.lease.stop();
    this.#serving?.orders.stop();
    this.#lost = error;
    this.#fail(error);
  }
}

/** A stop waits so long for the store to confirm what was taken; after that it is no worse than a crash. */
const STOP_WAIT_MS = 10_000;
const LATE = `the store did not confirm writes within ${STOP_WAIT_MS} ms`;

const NOT_OWNED: HandoffAnswer = { status: 'refused', reason: 'the lane is not owned at the moment' };
