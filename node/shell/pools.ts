// Pooled stock beside the actors of a lane: one steward for each pool that is in use, told of what the actor did, given the
// rows of other regions, and asked now and then whether there is something to say. All that it remembers are hints: none
// of it is journaled or packed, and after a take-over it begins with one tick for each pool. Changing the actor and holding
// rows until they are durable is the executor's.
import {
  POOL_DEFAULTS,
  type PoolContext,
  type PoolDecision,
  type PoolEvent,
  type PoolHint,
  type PoolOptions,
  type PoolRow,
  Steward,
} from '../../cluster/escrow/index.ts';
import { type Command, type InventoryEvent, type InventoryState, type PoolPart, poolNode } from '../core/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Actor, ActorDirectory } from './directory.ts';
import type { ShellLimits } from './limits.ts';
import type { Runtime } from './runtime.ts';
import { TimerWheel } from './wheel.ts';

export interface PoolsDeps {
  readonly directory: ActorDirectory;
  readonly runtime: Runtime;
  readonly limits: ShellLimits;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  readonly options?: PoolOptions;
}

/** Carries an event out on the actor whose turn it is. */
export type ApplyRights = (event: PoolEvent) => void;

/** What is done with the actor of a pool in a turn of its own; the rows that follow from it. */
export type PoolTurn = (actor: Actor, epoch: number, apply: ApplyRights) => readonly PoolRow[];

/** Runs a turn on the pool of the sku; `absent` is called instead when there is none to be had. */
export type TakePoolTurn = (sku: string, turn: PoolTurn, absent: () => void) => void;

interface Tended {
  readonly steward: Steward;
  /** As the actor has them: another array of the same names once it was packed meanwhile. */
  regions: readonly string[];
  /** When the wheel will hand it out, ms on the clock that never jumps; Infinity: not at all. */
  dueAt: number;
  intervalMs: number;
  /** Something happened since the last tick. */
  isActive: boolean;
}

const NO_ROWS: readonly PoolRow[] = [];

export class Pools {
  readonly #deps: PoolsDeps;
  readonly #options: PoolOptions;
  readonly #wheel: TimerWheel;
  readonly #tended = new Map<string, Tended>();
  /** Those that have nothing to say until something happens, the longest quiet first. */
  readonly #quiet = new Set<string>();

  constructor(deps: PoolsDeps) {
    this.#deps = deps;
    this.#options = deps.options ?? POOL_DEFAULTS;
    this.#wheel = new TimerWheel(deps.runtime.monotonic(), deps.limits.wheelTickMs);
  }

  /**
   * To be told of each command that came to events on an actor with a pool. The rows may leave once the last of these
   * events is durable.
   */
  after(actor: Actor, command: Command, events: readonly InventoryEvent[], epoch: number): readonly PoolRow[] {
    const pool = actor.state.pool as PoolPart;
    if (command.op === 'pool') this.#deps.directory.notePooled(actor.sku);
    const { steward } = this.#active(actor.sku, pool);
    if (command.op === 'transfer')
      return steward.gave(contextOf(actor.state, pool, this.#now(), epoch), command.to).rows;
    if (command.op !== 'reserve') return NO_ROWS;
    const granted = unitsFrom(pool, events);
    const refused = unitsRefused(actor.state, events, command.node);
    if (granted + refused === 0) return NO_ROWS;
    return steward.spent(contextOf(actor.state, pool, this.#now(), epoch), granted + refused, granted).rows;
  }

  /** The turn in which the actor's pool takes in a row. */
  receive(row: PoolRow): PoolTurn {
    return (actor, epoch, apply) => {
      const { metrics, log } = this.#deps;
      const pool = actor.state.pool as PoolPart;
      const { steward } = this.#active(actor.sku, pool);
      const decision = steward.receive(contextOf(actor.state, pool, this.#now(), epoch, apply), row);
      const { refusal } = decision;
      metrics.poolRows.labels({ result: refusal === undefined ? 'received' : 'refused' }).inc();
      for (const event of decision.events) {
        if (event.type !== 'conceded') continue;
        log(
          `${actor.sku}: ${event.to} was credited ${event.total} units of the pool, more than this journal says were given: ` +
            'it has lost its end, and perhaps what was acknowledged',
        );
        metrics.invariantViolations.inc();
      }
      return decision.rows;
    };
  }

  /** The heartbeat: gives a bounded number of pools that are due their turn. */
  tick(takeTurn: TakePoolTurn): void {
    const { directory, limits } = this.#deps;
    const now = this.#now();
    for (const sku of directory.takeNewPools()) this.#wheel.schedule(sku, now);
    for (const sku of this.#wheel.take(now, limits.poolTicksPerTurn)) {
      const tended = this.#tended.get(sku);
      // A later entry of it is in the wheel, or it has become quiet.
      if (tended !== undefined && tended.dueAt > now) continue;
      takeTurn(sku, this.#tick, () => this.#absent(sku));
    }
  }

  readonly #tick: PoolTurn = (actor, epoch, apply) => {
    const { sku, state } = actor;
    const pool = state.pool as PoolPart;
    const tended = this.#tendedOf(sku, pool);
    const ctx = contextOf(state, pool, this.#now(), epoch, apply);
    const { rows }: PoolDecision = tended.steward.tick(ctx);
    if (tended.steward.isQuiet(ctx)) {
      tended.dueAt = Number.POSITIVE_INFINITY;
      this.#quiet.add(sku);
      this.#forgetSome();
      return rows;
    }
    // One whose other regions cannot be reached goes on saying so, but ever more seldom while nothing happens.
    const { heartbeatMs } = this.#options;
    tended.intervalMs = tended.isActive
      ? heartbeatMs
      : Math.min(tended.intervalMs * 2, this.#deps.limits.poolTickMsMax);
    tended.isActive = false;
    tended.dueAt = Number.POSITIVE_INFINITY;
    this.#schedule(sku, tended, tended.intervalMs);
    return rows;
  };

  /** What the other regions last said. */
  hints(actor: Actor, epoch: number): readonly PoolHint[] {
    const { state } = actor;
    const tended = this.#tended.get(actor.sku);
    if (state.pool === undefined || tended === undefined) return [];
    return tended.steward.hints(contextOf(state, state.pool, this.#now(), epoch));
  }

  /** The pool cannot be had now: it is tried again unless it has left the lane. */
  #absent(sku: string): void {
    const tended = this.#tended.get(sku);
    if (!this.#deps.directory.isPooled(sku)) {
      this.#tended.delete(sku);
      this.#quiet.delete(sku);
    } else if (tended === undefined) {
      this.#wheel.schedule(sku, this.#now() + this.#deps.limits.poolTickMsMax);
    } else {
      tended.dueAt = Number.POSITIVE_INFINITY;
      this.#schedule(sku, tended, this.#deps.limits.poolTickMsMax);
    }
  }

  #active(sku: string, pool: PoolPart): Tended {
    const tended = this.#tendedOf(sku, pool);
    tended.isActive = true;
    this.#schedule(sku, tended, this.#options.heartbeatMs);
    return tended;
  }

  #tendedOf(sku: string, pool: PoolPart): Tended {
    const known = this.#tended.get(sku);
    const { regions } = pool;
    if (known !== undefined && areSame(known.regions, regions)) {
      known.regions = regions;
      return known;
    }
    const steward = new Steward(sku, regions, this.#options);
    const dueAt = Number.POSITIVE_INFINITY;
    const tended = { steward, regions, dueAt, intervalMs: this.#options.heartbeatMs, isActive: true };
    this.#tended.set(sku, tended);
    return tended;
  }

  #schedule(sku: string, tended: Tended, ms: number): void {
    const at = this.#now() + ms;
    if (tended.dueAt <= at) return;
    if (tended.dueAt === Number.POSITIVE_INFINITY) this.#quiet.delete(sku);
    tended.dueAt = at;
    this.#wheel.schedule(sku, at);
  }

  #forgetSome(): void {
    for (const sku of this.#quiet) {
      if (this.#quiet.size <= this.#deps.limits.quietPoolsMax) return;
      this.#quiet.delete(sku);
      this.#tended.delete(sku);
    }
  }

  /** Stewards live by the clock that never jumps. */
  #now(): number {
    return this.#deps.runtime.monotonic();
  }
}

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((region, i) => region === b[i]));
}

function contextOf(
  state: InventoryState,
  pool: PoolPart,
  now: number,
  epoch: number,
  apply: ApplyRights = changesNothing,
): PoolContext {
  return { pool, position: poolNode(state, pool), now, epoch, seq: () => state.seq, apply };
}

function changesNothing(event: PoolEvent): never {
  throw new Error(`${event.type} in a turn that only looks`);
}

/** Units that the reserve took from the pool. An adopted reservation takes none: it was there before. */
function unitsFrom(pool: PoolPart, events: readonly InventoryEvent[]): number {
  let units = 0;
  for (const event of events) {
    if (event.type !== 'reserved') continue;
    for (const part of event.parts) if (part.nodeIndex === pool.nodeIndex) units += part.qty;
  }
  return units;
}

/** Units that the pool would have sold, had it had them. */
function unitsRefused(state: InventoryState, events: readonly InventoryEvent[], node: string | undefined): number {
  const event = events[events.length - 1];
  if (event === undefined || (node !== undefined && node !== poolNode(state, state.pool as PoolPart).node)) return 0;
  if (event.type === 'refused') return event.code === 'INSUFFICIENT_STOCK' ? event.asked : 0;
  // Fewer units than asked may also be all that an owner may have.
  if (event.type !== 'reserved' || state.limitPerOwner > 0) return 0;
  let granted = 0;
  for (const part of event.parts) granted += part.qty;
  return event.askedQty - granted;
}
