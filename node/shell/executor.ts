// Runs commands on actors: finds or loads the actor, ends what is due, executes, hands the records to the committer
// and the reply to its gate. The one place where an actor's state changes; between deciding and recording nothing
// waits.
import type { PoolEvent, PoolRow } from '../../cluster/escrow/index.ts';
import { type AvailabilityPush, type Failure, failure, type MutatingRequest } from '../../protocol/index.ts';
import {
  applyRights,
  availableToSell,
  type Command,
  type Decision,
  type ExpireCommand,
  encodeEvent,
  execute,
  type InventoryEvent,
  nextDueAt,
} from '../core/index.ts';
import type { Lane } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { ABSENT } from './actor.ts';
import type { ActorLoader } from './actor-loader.ts';
import type { Committer } from './committer.ts';
import type { Actor, ActorDirectory } from './directory.ts';
import type { Respond } from './grid.ts';
import type { LanePartitions } from './lane-partitions.ts';
import type { ShellLimits } from './limits.ts';
import type { Pools, PoolTurn } from './pools.ts';
import { MOVING } from './refusals.ts';
import type { Runtime } from './runtime.ts';
import type { Tentatives } from './tentatives.ts';
import type { Watchers } from './watchers.ts';
import type { TimerWheel } from './wheel.ts';

export interface ExecutorDeps {
  readonly region: string;
  readonly lane: Lane;
  readonly loader: ActorLoader;
  readonly committer: Committer;
  readonly directory: ActorDirectory;
  /** The lane's partitions: only actors of open ones are touched. */
  readonly partitions: LanePartitions;
  readonly wheel: TimerWheel;
  readonly watchers: Watchers;
  readonly pools: Pools;
  readonly tentatives: Tentatives;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits: ShellLimits;
  readonly log: (line: string) => void;
  /** Told of the sku with each event, which is not durable yet; undefined: nobody wants to know. */
  readonly changed: ((sku: string) => void) | undefined;
}

/** Receives the actor; undefined when the sku is unknown; a refusal when the actor cannot be had. */
export type WithActor = (actor: Actor | undefined | Failure) => void;

/** A reservation that is due and whose actor cannot be loaded is ended so much later, ms. */
const DUE_AGAIN_MS = 500;

const EXPIRE: ExpireCommand = { op: 'expire' };

export class Executor {
  readonly committer: Committer;
  /** The context handed to the core: one object, its `now` and `epoch` set before each use. */
  readonly ctx: { now: number; epoch: number; readonly region: string };
  readonly #deps: ExecutorDeps;
  /** Subscribed skus whose actor could not be loaded when it was to be watched. */
  readonly #toWatch = new Set<string>();
  /** SKUs whose actor stopped, and why. */
  readonly #stopped = new Map<string, string>();

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    this.committer = deps.committer;
    this.ctx = { now: 0, epoch: 0, region: deps.region };
  }

  /** The context for a look now at an actor of the partition. */
  now(partition: number): { readonly now: number; readonly epoch: number; readonly region: string } {
    this.ctx.now = this.#deps.runtime.now();
    this.ctx.epoch = this.#deps.partitions.epochOf(partition);
    return this.ctx;
  }

  /** Requests accepted and not yet answered. */
  get depth(): number {
    return this.committer.pending + this.#deps.loader.waiting;
  }

  /** Carries out a request that changes something. */
  mutate(sku: string, request: MutatingRequest, respond: Respond): void {
    const found = this.#deps.directory.find(sku);
    // The common case, without a closure.
    if (typeof found === 'object' && this.#deps.partitions.table.isOpen(found.partition) && this.#expireDue(found))
      this.#execute(found, request, respond);
    else this.withActor(sku, (actor) => this.#mutateFound(sku, actor, request, respond));
  }

  #mutateFound(sku: string, actor: Actor | undefined | Failure, request: MutatingRequest, respond: Respond): void {
    if (actor === undefined) this.#mutateUnknown(sku, request, respond);
    else if ('ok' in actor) respond(actor);
    else this.#execute(actor, request, respond);
  }

  /** A sku that has no actor gets one only if the request records something. */
  #mutateUnknown(sku: string, request: MutatingRequest, respond: Respond): void {
    const draft = this.#deps.directory.draft(sku);
    draft.watched = this.#deps.watchers.has(sku);
    this.now(draft.partition);
    this.#execute(draft, request, respond);
  }

  /** Decides on one command as of ctx.now and records what it leads to. */
  #execute(actor: Actor, command: Command, respond: Respond | undefined): void {
    const { committer, ctx } = this;
    const { state } = actor;
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
      const newNodes = state.nodes.length - nodesBefore;
      const newLive = state.reservations.live - liveBefore;
      if (newNodes !== 0 || newLive !== 0) this.#deps.directory.count(actor.partition, newNodes, newLive);
    }
    if (respond !== undefined && decision.reply !== undefined) {
      committer.gate(actor.journalSeq, respond, decision.reply);
    }
    if (state.pool !== undefined && decision.events.length > 0) {
      this.#gateRows(actor, this.#deps.pools.after(actor, command, decision.events, ctx.epoch));
    }
  }

  #gateRows(actor: Actor, rows: readonly PoolRow[]): void {
    if (rows.length > 0) this.committer.gateRows(actor.journalSeq, rows);
  }

  /**
   * Gives the actor of a pool a turn: what is due has been ended; events are recorded, and rows leave once these are
   * durable (I6). `absent` is called instead when there is no such actor to be had now.
   */
  readonly takePoolTurn = (sku: string, turn: PoolTurn, absent: () => void): void => {
    this.withActor(sku, (actor) => {
      if (actor === undefined || 'ok' in actor || actor.state.pool === undefined) absent();
      else this.#poolTurn(actor, turn);
    });
  };

  #poolTurn(actor: Actor, turn: PoolTurn): void {
    const { committer, ctx } = this;
    const events: InventoryEvent[] = [];
    const apply = (event: PoolEvent): void => {
      events.push(applyRights(actor.state, event, ctx.now, ctx.epoch));
    };
    let rows: readonly PoolRow[];
    try {
      rows = turn(actor, ctx.epoch, apply);
    } catch (error) {
      this.#stopActor(actor, error, undefined);
      return;
    }
    if (events.length > 0) this.#record(actor, events, committer);
    this.#gateRows(actor, rows);
  }

  #record(actor: Actor, events: readonly InventoryEvent[], committer: Committer): void {
    const { state, sku } = actor;
    const firstSeq = state.seq - events.length + 1;
    for (let i = 0; i < events.length; i++) {
      encodeEvent(committer.writer, sku, firstSeq + i, events[i] as InventoryEvent);
      actor.journalSeq = committer.recorded();
    }
    if (firstSeq === 1) this.#deps.directory.keep(actor);
    this.#deps.directory.changes.note(actor);
    const nextAt = nextDueAt(state);
    if (nextAt < actor.wheelAt) {
      actor.wheelAt = nextAt;
      this.#deps.wheel.schedule(sku, nextAt);
    }
    this.#deps.changed?.(sku);
    if (actor.watched) committer.gatePush(actor.journalSeq, this.#pushOf(actor));
    this.#deps.directory.cool(committer.durableSeq, 2);
  }

  /** A failed assertion, or a defect: this actor stops, loudly; it is rebuilt from the journal at the next start. */
  #stopActor(actor: Actor, error: unknown, respond: Respond | undefined): void {
    const why = `the actor of ${actor.sku} stopped: ${error instanceof Error ? error.message : String(error)}`;
    this.#deps.metrics.invariantViolations.inc();
    this.#deps.log(`${why}\n${error instanceof Error ? error.stack : ''}`);
    this.#stopped.set(actor.sku, `${why}; restart the worker to rebuild it from the journal`);
    if (actor.clockIndex !== ABSENT) this.#deps.directory.drop(actor);
    respond?.(failure('INTERNAL', why));
  }

  /**
   * Calls `run` with the hot actor, loading it first where it is only in the store. What is due has been ended, so
   * that it is free before anything else is decided or shown.
   */
  withActor(sku: string, run: WithActor): void {
    const { directory } = this.#deps;
    // Those that are only looked at become objects too, and must not be more than may be.
    directory.cool(this.committer.durableSeq, 2);
    const found = directory.find(sku);
    if (typeof found !== 'string') {
      this.#offer(sku, found, run);
      return;
    }
    this.#deps.loader.load(sku, found, (failed) => {
      if (failed !== undefined) run(failed);
      else this.#offer(sku, directory.find(sku) as Actor | undefined, run);
    });
  }

  #offer(sku: string, actor: Actor | undefined, run: WithActor): void {
    if (!this.#deps.partitions.isOpenFor(sku)) {
      run(MOVING);
      return;
    }
    if (actor !== undefined && this.#expireDue(actor)) {
      run(actor);
      return;
    }
    const why = this.#stopped.get(sku);
    run(why === undefined ? undefined : failure('INTERNAL', why));
  }

  /** Ends what is due now, and leaves the time in ctx; false when the actor stopped over it. */
  #expireDue(actor: Actor): boolean {
    if (actor.state.expiries.nextAt() > this.now(actor.partition).now) return true;
    const before = actor.state.reservations.live;
    this.#execute(actor, EXPIRE, undefined);
    if (this.#stopped.has(actor.sku)) return false;
    this.#deps.metrics.expiries.inc(before - actor.state.reservations.live);
    return true;
  }

  /** Marks the actor as watched and publishes what it has. */
  watch(sku: string): void {
    this.withActor(sku, (actor) => {
      if (actor === undefined) return;
      if ('ok' in actor) {
        if (isOfNow(actor)) this.#toWatch.add(sku);
        return;
      }
      actor.watched = true;
      this.committer.gatePush(actor.journalSeq, this.#pushOf(actor));
    });
  }

  /** Ends what the timer wheel says is due, a bounded number of actors; true when there are more. */
  sweep(): boolean {
    const { wheel, runtime, limits } = this.#deps;
    const due = wheel.take(runtime.now(), limits.expiriesPerTurn);
    for (const sku of due) this.withActor(sku, (actor) => this.#onDue(sku, actor));
    this.#watchAgain(limits.expiriesPerTurn);
    return due.length === limits.expiriesPerTurn;
  }

  /** Tries again what could not be loaded when it was to be watched: who subscribed would hear nothing of it otherwise. */
  #watchAgain(most: number): void {
    if (this.#toWatch.size === 0) return;
    const skus = firstOf(this.#toWatch, most);
    for (const sku of skus) {
      this.#toWatch.delete(sku);
      if (this.#deps.watchers.has(sku)) this.watch(sku);
    }
  }

  #onDue(sku: string, actor: Actor | undefined | Failure): void {
    const { tentatives } = this.#deps;
    if (actor === undefined) {
      tentatives.forget(sku);
      return;
    }
    if ('ok' in actor) {
      tentatives.forget(sku);
      // It could not be loaded now: it is as due a moment later.
      if (isOfNow(actor)) this.#deps.wheel.schedule(sku, this.#deps.runtime.now() + DUE_AGAIN_MS);
      return;
    }
    // The wheel has a later entry of it already; this one was left from before the actor was packed. One goes on.
    if (actor.wheelAt > this.ctx.now && actor.wheelAt !== Number.POSITIVE_INFINITY) return;
    actor.wheelAt = Number.POSITIVE_INFINITY;
    const nextAt = Math.min(actor.state.expiries.nextAt(), tentatives.look(actor.state, this.ctx.now));
    if (nextAt === Number.POSITIVE_INFINITY) return;
    actor.wheelAt = nextAt;
    this.#deps.wheel.schedule(actor.sku, nextAt);
  }

  #pushOf(actor: Actor): AvailabilityPush {
    return {
      push: 'availability',
      sku: actor.sku,
      region: this.#deps.region,
      availableToSell: availableToSell(actor.state),
      version: { epoch: this.ctx.epoch, seq: actor.state.seq },
    };
  }
}

/** It could not be loaded at this moment; one whose partition moves is another lane's business. */
function isOfNow(failed: Failure): boolean {
  return failed.retriable && failed !== MOVING;
}

function firstOf(skus: ReadonlySet<string>, most: number): string[] {
  const first: string[] = [];
  for (const sku of skus) {
    if (first.length === most) break;
    first.push(sku);
  }
  return first;
}
