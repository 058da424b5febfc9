// The grid of one worker: takes requests to their actors, runs decide and evolve, hands records to the committer
// and replies to its gate. Everything an actor does happens here, in one turn, without a wait between deciding
// and recording; waiting is for loading an actor before, and for durability after.
import {
  type AvailabilityPush,
  type Failure,
  failure,
  type GetReservationRequest,
  type ItemRequest,
  type ListRequest,
  type MutatingRequest,
  type Outcome,
  type QueryRequest,
} from '../../protocol/index.ts';
import {
  availableToSell,
  type Command,
  type Decision,
  type ExpireCommand,
  encodeEvent,
  execute,
  type InventoryEvent,
  PARTITION_HASH,
  reservationView,
  view,
} from '../core/index.ts';
import { type JournalStore, type Lane, LaneBusy } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Committer } from './committer.ts';
import { type Actor, ActorDirectory } from './directory.ts';
import type { Grid, GridFigures, GridInfo, Readiness, Respond } from './grid.ts';
import { Lease } from './lease.ts';
import { SHELL_LIMITS, type ShellLimits } from './limits.ts';
import { recover } from './recovery.ts';
import { pause, type Runtime } from './runtime.ts';
import { Snapshotter } from './snapshotter.ts';
import { Watchers } from './watchers.ts';
import { TimerWheel } from './wheel.ts';

export interface InventoryGridOptions {
  readonly region: string;
  /** Fixed when the region is created. */
  readonly partitions: number;
  readonly store: JournalStore;
  /** Unique to this process incarnation. */
  readonly ownerId: string;
  /** Random; the nonce of the epoch that open acquires. */
  readonly nonce: string;
  readonly server: string;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits?: Partial<ShellLimits>;
  readonly log: (line: string) => void;
}

const EXPIRE: ExpireCommand = { op: 'expire' };

export class InventoryGrid implements Grid {
  readonly #options: InventoryGridOptions;
  readonly #limits: ShellLimits;
  readonly #directory: ActorDirectory;
  readonly #wheel: TimerWheel;
  readonly #watchers: Watchers;
  /** The context handed to decide: one object, its `now` set before each call. */
  readonly #ctx: { now: number; epoch: number; readonly region: string };
  readonly #loading = new Map<string, ((actor: Actor | undefined | Failure) => void)[]>();
  #loadingCount = 0;
  readonly #stopped = new Map<string, string>();
  #flush: () => void = () => {};
  #serving: Serving | undefined;
  /** What everybody is told while requests are not taken; undefined while they are. */
  #refusal: Failure | undefined = failure('UNAVAILABLE', 'the worker is starting: its journal is being read', 500);
  #heapIsFull = false;
  #cancelTick: () => void = () => {};
  #fail: (error: Error) => void = () => {};
  /** Resolves with the reason when the worker has lost its lane and must end. */
  readonly failed: Promise<Error>;

  constructor(options: InventoryGridOptions) {
    this.#options = options;
    this.#limits = { ...SHELL_LIMITS, ...options.limits };
    this.#directory = new ActorDirectory(options.partitions, this.#limits);
    this.#wheel = new TimerWheel(options.runtime.now(), this.#limits.wheelTickMs);
    this.#watchers = new Watchers(this.#limits.watchedMax);
    this.#ctx = { now: 0, epoch: 0, region: options.region };
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /**
   * Takes the lane, recovers the actors and begins to serve. While another owner's session lives it waits, up to
   * `waitMs`.
   * @throws LaneBusy, LayoutMismatch, JournalCorrupt, StoreUnavailable
   */
  async open(waitMs: number): Promise<void> {
    const { region, partitions, ownerId, nonce, runtime, log, metrics } = this.#options;
    const startedAt = runtime.monotonic();
    const { lane, acquiredAt } = await this.#acquire(startedAt + waitMs);
    this.#ctx.epoch = lane.epoch;
    const lease = new Lease(lane, runtime, this.#limits.sessionTtlMs, acquiredAt, () =>
      this.#end(new Error(`${ownerId} no longer owns ${region}: its session was taken over`)),
    );
    const recovered = await recover(lane, {
      directory: this.#directory,
      wheel: this.#wheel,
      limits: this.#limits,
      progress: log,
    });
    const committer = new Committer({
      lane,
      runtime,
      limits: this.#limits,
      metrics,
      log,
      checksum: recovered.checksum,
      lastSeq: recovered.lastSeq,
      mayAcknowledge: lease.valid,
      publish: (push) => this.#watchers.publish(push),
      released: () => this.#flush(),
      stalled: (reason) => this.#stall(reason),
      fatal: (error) => this.#end(error),
    });
    const snapshotter = new Snapshotter(
      { lane, directory: this.#directory, committer, runtime, limits: this.#limits, metrics, log },
      recovered.manifests,
    );
    this.#serving = { lane, lease, committer, snapshotter };
    this.#refusal = undefined;
    this.#tick();
    const ms = Math.round(runtime.monotonic() - startedAt);
    log(
      `${region} epoch ${lane.epoch} nonce ${nonce.slice(0, 8)}: ${this.#directory.counts.packed + this.#directory.counts.hot} actors ` +
        `(${recovered.rows} rows, ${recovered.replayed} records replayed) of ${partitions} partitions in ${ms} ms`,
    );
  }

  async #acquire(deadline: number): Promise<{ lane: Lane; acquiredAt: number }> {
    const { store, region, partitions, ownerId, nonce, runtime, log } = this.#options;
    const layout = { region, partitions, hash: PARTITION_HASH };
    const claim = { ownerId, nonce, epochSeen: 0, sessionTtlMs: this.#limits.sessionTtlMs };
    for (let said = false; ; ) {
      const acquiredAt = runtime.monotonic();
      try {
        return { lane: await store.acquire(layout, claim), acquiredAt };
      } catch (error) {
        if (!(error instanceof LaneBusy) || runtime.monotonic() + error.retryAfterMs > deadline) throw error;
        if (!said) log(`${error.message}; waiting for it to end`);
        said = true;
        await pause(runtime, Math.max(error.retryAfterMs, 50));
      }
    }
  }

  /** Stops taking requests, lets what was taken become durable, writes a snapshot and gives the lane back. */
  async close(): Promise<void> {
    const serving = this.#serving;
    this.#refusal = failure('UNAVAILABLE', 'the worker is stopping; connect again', 500);
    this.#cancelTick();
    if (serving === undefined) return;
    const { lane, lease, committer, snapshotter } = serving;
    this.#serving = undefined;
    try {
      await committer.reached(committer.lastSeq);
      await snapshotter.run();
      await snapshotter.stop();
      lease.stop();
      await lane.release();
    } catch (error) {
      lease.stop();
      this.#options.log(`stopped without a last snapshot: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  info(): GridInfo {
    const { server, region, store, partitions } = this.#options;
    const { driver, durability } = store;
    return { server, region, durability, store: driver, partitions, epoch: this.#ctx.epoch };
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
      mailboxDepth: this.#depth,
      journalSeq: serving?.committer.lastSeq ?? 0,
      durableSeq: serving?.committer.durableSeq ?? 0,
      tailRecords: serving?.snapshotter.tailRecords ?? 0,
      snapshotAgeMs: newestAt === undefined ? undefined : this.#options.runtime.now() - newestAt,
    };
  }

  onReleased(flush: () => void): void {
    this.#flush = flush;
  }

  get #depth(): number {
    return (this.#serving?.committer.pending ?? 0) + this.#loadingCount;
  }

  submit(request: ItemRequest, respond: Respond): void {
    const refusal = this.#refusal ?? this.#overload(request);
    if (refusal !== undefined) {
      respond(refusal);
      return;
    }
    switch (request.op) {
      case 'reserve':
      case 'adjust':
      case 'configure':
        this.#mutate(request.sku, request.region, request, respond);
        return;
      case 'extend':
      case 'commit':
      case 'release':
      case 'ship':
        this.#mutate(request.ref.sku, request.ref.region, request, respond);
        return;
      case 'get':
        if (!this.#isHere(request.region, respond)) return;
        this.#withActor(request.sku, (actor) => this.#get(request.sku, actor, respond));
        return;
      case 'getReservation':
        if (!this.#isHere(request.ref.region, respond)) return;
        this.#withActor(request.ref.sku, (actor) => this.#getReservation(request, actor, respond));
        return;
      case 'query':
        this.#query(request, respond);
        return;
      case 'list':
        this.#list(request, respond);
        return;
      default:
        request satisfies never;
    }
  }

  /**
   * Work that settles or frees stock may use the whole mailbox, other work a part of it; what would not be served
   * soon is refused now, which costs next to nothing.
   */
  #overload(request: ItemRequest): Failure | undefined {
    if (this.#serving?.lease.valid() !== true) return LEASE_OUT;
    const depth = this.#depth;
    if (depth < this.#limits.mailboxMaxForNewWork && !this.#heapIsFull) return undefined;
    if (SETTLES.has(request.op) && depth < this.#limits.mailboxMax) return undefined;
    this.#options.metrics.sheds.labels({ reason: this.#heapIsFull ? 'heap_full' : 'mailbox_full' }).inc();
    return this.#heapIsFull ? HEAP_FULL : OVERLOADED;
  }

  #isHere(region: string, respond: Respond): boolean {
    if (region === this.#options.region) return true;
    respond(
      failure('NOT_FOUND', `region ${region} is not served here; this worker serves ${this.#options.region}`),
    );
    return false;
  }

  #mutate(sku: string, region: string, request: MutatingRequest, respond: Respond): void {
    if (!this.#isHere(region, respond)) return;
    this.#withActor(sku, (actor) => {
      if (actor === undefined) this.#mutateUnknown(sku, request, respond);
      else if ('ok' in actor) respond(actor);
      else {
        this.#expireDue(actor);
        this.#execute(actor, request, respond);
      }
    });
  }

  /** A sku that has no actor gets one only if the request records something. */
  #mutateUnknown(sku: string, request: MutatingRequest, respond: Respond): void {
    const why = this.#stopped.get(sku);
    if (why !== undefined) {
      respond(failure('INTERNAL', why));
      return;
    }
    const draft = this.#directory.draft(sku);
    draft.watched = this.#watchers.has(sku);
    this.#execute(draft, request, respond);
  }

  /** Decides on one command and records what it leads to; the one place where an actor's state changes. */
  #execute(actor: Actor, command: Command, respond: Respond | undefined): void {
    const { committer } = this.#serving as Serving;
    const { state } = actor;
    const ctx = this.#ctx;
    ctx.now = this.#options.runtime.now();
    const nodesBefore = state.nodes.length;
    const liveBefore = state.reservations.live;
    let decision: Decision;
    try {
      decision = execute(state, command, ctx);
    } catch (error) {
      this.#stopActor(actor, error, respond);
      return;
    }
    if (decision.events.length > 0) {
      this.#record(actor, decision.events, committer);
      this.#directory.positions += state.nodes.length - nodesBefore;
      this.#directory.liveReservations += state.reservations.live - liveBefore;
    }
    if (respond !== undefined && decision.reply !== undefined) {
      committer.gate(actor.journalSeq, respond, decision.reply);
    }
  }

  #record(actor: Actor, events: readonly InventoryEvent[], committer: Committer): void {
    const { state, sku } = actor;
    const firstSeq = state.seq - events.length + 1;
    for (let i = 0; i < events.length; i++) {
      encodeEvent(committer.writer, sku, firstSeq + i, events[i] as InventoryEvent);
      actor.journalSeq = committer.recorded();
    }
    if (firstSeq === 1) this.#directory.keep(actor);
    this.#directory.markChanged(sku);
    const nextAt = state.expiries.nextAt();
    if (nextAt < actor.wheelAt) {
      actor.wheelAt = nextAt;
      this.#wheel.schedule(sku, nextAt);
    }
    if (actor.watched) committer.gatePush(actor.journalSeq, this.#pushOf(actor));
    this.#directory.cool(committer.durableSeq, 2);
  }

  /** A failed assertion, or a defect: this actor stops, loudly; it is rebuilt from the journal at the next start. */
  #stopActor(actor: Actor, error: unknown, respond: Respond | undefined): void {
    const why = `the actor of ${actor.sku} stopped: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.metrics.invariantViolations.inc();
    this.#options.log(`${why}\n${error instanceof Error ? error.stack : ''}`);
    this.#stopped.set(actor.sku, `${why}; restart the worker to rebuild it from the journal`);
    if (actor.clockIndex >= 0) this.#directory.drop(actor);
    respond?.(failure('INTERNAL', why));
  }

  /** Calls `run` with the hot actor, loading it first where it is only in the store. */
  #withActor(sku: string, run: (actor: Actor | undefined | Failure) => void): void {
    const found = this.#directory.find(sku);
    if (typeof found !== 'string') {
      if (found === undefined && this.#stopped.size > 0) {
        const why = this.#stopped.get(sku);
        if (why !== undefined) {
          run(failure('INTERNAL', why));
          return;
        }
      }
      run(found);
      return;
    }
    if (this.#loadingCount >= this.#limits.loadingMax) {
      run(OVERLOADED);
      return;
    }
    this.#loadingCount += 1;
    const waiting = this.#loading.get(sku);
    if (waiting !== undefined) {
      waiting.push(run);
      return;
    }
    this.#loading.set(sku, [run]);
    const { lane } = this.#serving as Serving;
    lane.row(found, this.#directory.partitionOf(sku), sku).then(
      (bytes) => {
        if (bytes === undefined) throw new Error(`snapshot ${found} has no row for ${sku}`);
        this.#directory.admitRow(sku, bytes);
        this.#loaded(sku, undefined);
      },
    ).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      this.#loaded(sku, failure('UNAVAILABLE', `${sku} could not be loaded: ${text}`, 250));
    });
  }

  #loaded(sku: string, failed: Failure | undefined): void {
    const waiting = this.#loading.get(sku) ?? [];
    this.#loading.delete(sku);
    this.#loadingCount -= waiting.length;
    for (const run of waiting) {
      const refusal = failed ?? this.#refusal;
      if (refusal !== undefined) run(refusal);
      else run(this.#directory.find(sku) as Actor);
    }
    this.#flush();
  }

  /** Ends what is due, so that it is free before anything else is decided or shown. */
  #expireDue(actor: Actor): void {
    if (actor.state.expiries.nextAt() > this.#options.runtime.now()) return;
    const before = actor.state.reservations.live;
    this.#execute(actor, EXPIRE, undefined);
    this.#options.metrics.expiries.inc(before - actor.state.reservations.live);
  }

  #get(sku: string, actor: Actor | undefined | Failure, respond: Respond): void {
    if (actor === undefined) {
      respond(failure('NOT_FOUND', `${sku} is not known in ${this.#options.region}`));
      return;
    }
    if ('ok' in actor) {
      respond(actor);
      return;
    }
    this.#expireDue(actor);
    const { committer } = this.#serving as Serving;
    const seen = view(actor.state, this.#options.region, this.#ctx.epoch);
    committer.gate(actor.journalSeq, respond, { ok: true, ...seen });
  }

  #getReservation(request: GetReservationRequest, actor: Actor | undefined | Failure, respond: Respond): void {
    if (actor !== undefined && 'ok' in actor) {
      respond(actor);
      return;
    }
    if (actor === undefined) {
      respond(failure('NOT_FOUND', `no reservation ${request.reservationId} is known`));
      return;
    }
    this.#expireDue(actor);
    this.#ctx.now = this.#options.runtime.now();
    const { committer } = this.#serving as Serving;
    committer.gate(actor.journalSeq, respond, reservationView(actor.state, request.ref, this.#ctx));
  }

  #query(request: QueryRequest, respond: Respond): void {
    const { region } = this.#options;
    const regions = request.regions ?? [region];
    const unknown = regions
      .filter((r) => r !== region)
      .flatMap((r) => request.skus.map((sku) => ({ sku, region: r })));
    if (!regions.includes(region)) {
      respond({ ok: true, positions: [], unknown });
      return;
    }
    this.#views(request.skus, respond, (positions, missing) => {
      for (const sku of missing) unknown.push({ sku, region });
      return { ok: true, positions, unknown };
    });
  }

  #list(request: ListRequest, respond: Respond): void {
    if (!this.#isHere(request.region, respond)) return;
    const skus = this.#directory.page(request.after, request.limit);
    const next = skus.length === request.limit ? skus[skus.length - 1] : undefined;
    this.#views(skus, respond, (positions) =>
      next === undefined ? { ok: true, positions } : { ok: true, positions, next },
    );
  }

  /** Views of many skus, answered once all that any of them shows is durable. */
  #views(
    skus: readonly string[],
    respond: Respond,
    finish: (positions: AvailabilityViews, missing: string[]) => Outcome,
  ): void {
    const { region } = this.#options;
    const positions: AvailabilityViews = [];
    const missing: string[] = [];
    let seq = 0;
    let waiting = skus.length;
    let failed: Failure | undefined;
    const done = (): void => {
      const { committer } = this.#serving ?? {};
      if (failed !== undefined || committer === undefined) respond(failed ?? (this.#refusal as Failure));
      else committer.gate(seq, respond, finish(positions, missing));
    };
    if (waiting === 0) done();
    for (const sku of skus) {
      this.#withActor(sku, (actor) => {
        if (actor === undefined) missing.push(sku);
        else if ('ok' in actor) failed = actor;
        else {
          this.#expireDue(actor);
          positions.push(view(actor.state, region, this.#ctx.epoch));
          seq = Math.max(seq, actor.journalSeq);
        }
        waiting -= 1;
        if (waiting === 0) done();
      });
    }
  }

  watch(sku: string, listener: (push: AvailabilityPush) => void): () => void {
    const stop = this.#watchers.add(sku, listener);
    if (this.#serving !== undefined && this.#refusal === undefined) {
      this.#withActor(sku, (actor) => {
        if (actor === undefined || 'ok' in actor || this.#serving === undefined) return;
        actor.watched = true;
        this.#expireDue(actor);
        this.#serving.committer.gatePush(actor.journalSeq, this.#pushOf(actor));
      });
    }
    return () => {
      stop();
      if (this.#watchers.has(sku)) return;
      const actor = this.#directory.find(sku);
      if (typeof actor === 'object') actor.watched = false;
    };
  }

  #pushOf(actor: Actor): AvailabilityPush {
    return {
      push: 'availability',
      sku: actor.sku,
      region: this.#options.region,
      availableToSell: availableToSell(actor.state),
      version: { epoch: this.#ctx.epoch, seq: actor.state.seq },
    };
  }

  /** The shell's heartbeat: expiries that are due, snapshots that are due, actors that have cooled. */
  readonly #tick = (): void => {
    const serving = this.#serving;
    if (serving === undefined) return;
    let again = false;
    this.#heapIsFull = this.#options.runtime.heapUse() > this.#limits.heapUseMax;
    if (this.#refusal === undefined && serving.lease.valid()) {
      const due = this.#wheel.take(this.#options.runtime.now(), this.#limits.expiriesPerTurn);
      again = due.length === this.#limits.expiriesPerTurn;
      for (const sku of due) this.#withActor(sku, (actor) => this.#onDue(actor));
      serving.snapshotter.tick();
      this.#directory.cool(serving.committer.durableSeq, 1_024);
    }
    this.#cancelTick = this.#options.runtime.after(again ? 0 : this.#limits.wheelTickMs, this.#tick);
  };

  #onDue(actor: Actor | undefined | Failure): void {
    if (actor === undefined || 'ok' in actor) return;
    actor.wheelAt = Number.POSITIVE_INFINITY;
    this.#expireDue(actor);
    const nextAt = actor.state.expiries.nextAt();
    if (nextAt === Number.POSITIVE_INFINITY || actor.wheelAt <= nextAt) return;
    actor.wheelAt = nextAt;
    this.#wheel.schedule(actor.sku, nextAt);
  }

  #stall(reason: string | undefined): void {
    this.#refusal =
      reason === undefined
        ? undefined
        : failure('UNAVAILABLE', `the store does not confirm writes: ${reason}; send the same requestId again`, 250);
  }

  #end(error: Error): void {
    this.#refusal = failure('UNAVAILABLE', 'this worker lost its lane and is ending; connect again', 500);
    this.#cancelTick();
    this.#serving?.lease.stop();
    this.#fail(error);
  }
}

type AvailabilityViews = ReturnType<typeof view>[];

/** What exists only while the lane is owned. */
interface Serving {
  readonly lane: Lane;
  readonly lease: Lease;
  readonly committer: Committer;
  readonly snapshotter: Snapshotter;
}

const SETTLES: ReadonlySet<string> = new Set(['commit', 'release', 'extend', 'ship']);

const OVERLOADED = failure('OVERLOADED', 'more requests are waiting than can be served soon; try again shortly', 100);

const HEAP_FULL = failure(
  'OVERLOADED',
  'the worker has no memory left for new reservations until older requests leave the idempotency window',
  1_000,
);

const LEASE_OUT = failure(
  'UNAVAILABLE',
  'the lease on this lane ran out because the store did not renew it; serving resumes once it does',
  250,
);
