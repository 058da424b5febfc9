// Lends due tasks of a lane's orders to consumers: looks at the orders whose turn it is, a bounded number, and keeps those who ask waiting
// for a while when there is nothing. Leases are in memory alone.
//
// The order that makes it safe: task opened → durable → lent. An answer waits until all events are durable that its orders had.
import {
  type Failure,
  failure,
  type LeasedTask,
  type OrderTask,
  type TakeTasksRequest,
} from '../../../protocol/index.ts';
import type { OrderActor } from '../directory.ts';
import type { Respond } from '../grid.ts';
import { STOPPED } from '../refusals.ts';
import type { OrdersDeps, WithOrder } from './deps.ts';

export interface TaskLendingDeps extends OrdersDeps {
  readonly withOrder: (key: string, run: WithOrder) => void;
}

/** An order that cannot be had now is looked at again so much later, ms. */
const AGAIN_MS = 500;
/** Looks for one task asked for, and at least: tickets of tasks that were closed find nothing. */
const LOOKS_PER_TASK = 4;
const LOOKS_MIN = 64;
/** Orders looked at in one turn: each may have to be unpacked. */
const LOOKS_PER_TURN = 16;
/** Beside its payload a task takes about this many characters of JSON. */
const TASK_BYTES = 200;

const CROWDED = failure('OVERLOADED', 'too many consumers wait for tasks here; ask again shortly', 1_000);

interface Waiting {
  readonly request: TakeTasksRequest;
  readonly respond: Respond;
  /** Monotonic, ms. */
  readonly until: number;
}

/** One answer in the making. */
interface Taking {
  readonly request: TakeTasksRequest;
  readonly tasks: LeasedTask[];
  /** Of how many of an order's tasks there are in it. */
  readonly perOrder: Map<string, number>;
  bytes: number;
  /** The last event that it shows. */
  journalSeq: number;
  looks: number;
  /** Which kind is next. */
  turn: number;
  /** Drawn and not looked at yet: each may come to a task. */
  open: number;
  /** What has to end before it is done. */
  pending: number;
  readonly done: () => void;
}

export class TaskLending {
  readonly #deps: TaskLendingDeps;
  #waiting: Waiting[] = [];
  #serveScheduled = false;
  #stopped = false;

  constructor(deps: TaskLendingDeps) {
    this.#deps = deps;
    deps.board.onDue = () => {
      if (this.#waiting.length > 0) this.#serveSoon();
    };
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  take(request: TakeTasksRequest, respond: Respond): void {
    if (this.#waiting.length >= this.#deps.limits.taskWaitersMax) respond(CROWDED);
    else this.#take({ request, respond, until: this.#deps.runtime.monotonic() + request.waitMs });
  }

  #take(waiting: Waiting): void {
    const { request, respond } = waiting;
    const { committer, runtime, board, released } = this.#deps;
    const taking: Taking = {
      request,
      tasks: [],
      perOrder: new Map(),
      bytes: 0,
      journalSeq: 0,
      looks: 0,
      turn: 0,
      open: 0,
      pending: 0,
      done: () => {
        const isEmpty = taking.tasks.length === 0;
        const refusal = isEmpty ? this.#deps.refusal() : undefined;
        if (refusal !== undefined) respond(refusal);
        else if (isEmpty && !this.#stopped && request.kinds.some((kind) => board.has(kind))) {
          // All that it looked at were closed: what is due may be behind them, and they are not to pile up.
          runtime.defer(() => {
            this.#take(waiting);
            released();
          });
        } else if (isEmpty && !this.#stopped && runtime.monotonic() < waiting.until) this.#wait(waiting);
        else committer.gate(taking.journalSeq, respond, { ok: true, tasks: taking.tasks });
      },
    };
    this.#gather(taking);
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    // What was put back while it looked is there already.
    if (waiting.request.kinds.some((kind) => this.#deps.board.has(kind))) this.#serveSoon();
  }

  /** Draws tickets and looks at their orders until there are enough tasks, some in each turn; some orders have to be loaded. */
  #gather(taking: Taking): void {
    const { limit } = taking.request;
    const { limits, board, withOrder, runtime, released } = this.#deps;
    const looksMax = Math.max(LOOKS_MIN, limit * LOOKS_PER_TASK);
    taking.pending += 1;
    for (let looked = 0; taking.tasks.length + taking.open < limit && taking.looks < looksMax; looked++) {
      if (taking.bytes >= limits.tasksBytesMax) break;
      if (looked === LOOKS_PER_TURN) {
        taking.pending += 1;
        runtime.defer(() => {
          this.#gather(taking);
          finished(taking);
          released();
        });
        break;
      }
      const ticket = this.#draw(taking);
      if (ticket === undefined) break;
      taking.looks += 1;
      const { key, kind } = ticket;
      if ((taking.perOrder.get(key) ?? 0) >= limits.tasksPerOrder) {
        board.again(key, kind, 0);
        continue;
      }
      taking.pending += 1;
      taking.open += 1;
      withOrder(key, (actor) => {
        taking.open -= 1;
        this.#look(taking, key, kind, actor);
        finished(taking);
      });
    }
    finished(taking);
  }

  /** A ticket of one of the kinds, each in turn. */
  #draw(taking: Taking): { readonly key: string; readonly kind: string } | undefined {
    const { kinds } = taking.request;
    for (let tried = 0; tried < kinds.length; tried++) {
      const kind = kinds[taking.turn % kinds.length] as string;
      taking.turn += 1;
      const key = this.#deps.board.draw(kind);
      if (key !== undefined) return { key, kind };
    }
    return undefined;
  }

  #look(taking: Taking, key: string, kind: string, actor: OrderActor | undefined | Failure): void {
    const { board } = this.#deps;
    // Gone with its partition: whoever has it now offers its tasks.
    if (actor === undefined) return;
    if ('ok' in actor) {
      if (actor.retriable && this.#isHere(key)) board.again(key, kind, AGAIN_MS);
      return;
    }
    const { lastAt } = actor.state;
    const now = board.times.of(key, lastAt);
    const { core } = this.#deps.directory.kinds.order;
    let nextAt = Number.POSITIVE_INFINITY;
    for (const task of core.openTasks(actor.state.core)) {
      if (task.kind !== kind) continue;
      // Its own ticket comes back when its lease ends.
      if (board.isLent(key, task.taskId)) continue;
      if (task.dueAt <= now) {
        this.#lend(taking, actor, task, now);
        return;
      }
      nextAt = Math.min(nextAt, task.dueAt);
    }
    // A ticket too many: never one too few.
    if (nextAt < Number.POSITIVE_INFINITY) board.add(key, kind, nextAt, lastAt);
  }

  #isHere(key: string): boolean {
    return this.#deps.partitions.isOpenFor(key);
  }

  #lend(taking: Taking, actor: OrderActor, task: OrderTask, now: number): void {
    const key = actor.sku;
    const { leaseMs } = taking.request;
    const attempt = this.#deps.board.lend(key, task.kind, task.taskId, leaseMs);
    taking.tasks.push({ ...task, orderId: actor.state.orderId, leasedUntil: now + leaseMs, attempt });
    taking.perOrder.set(key, (taking.perOrder.get(key) ?? 0) + 1);
    taking.bytes += TASK_BYTES + (task.payload === null ? 0 : JSON.stringify(task.payload).length);
    taking.journalSeq = Math.max(taking.journalSeq, actor.journalSeq);
  }

  #serveSoon(): void {
    if (this.#serveScheduled) return;
    this.#serveScheduled = true;
    this.#deps.runtime.defer(() => {
      this.#serveScheduled = false;
      this.#serve();
    });
  }

  /** Those that have waited longest come first; who finds nothing waits on. */
  #serve(): void {
    const { board } = this.#deps;
    const waiting = this.#waiting;
    this.#waiting = [];
    let served = 0;
    for (const one of waiting) {
      if (one.request.kinds.some((kind) => board.has(kind))) {
        served += 1;
        this.#take(one);
      } else this.#waiting.push(one);
    }
    if (served > 0) this.#deps.released();
  }

  tick(): boolean {
    const { board, runtime, limits, refusal } = this.#deps;
    const more = board.tick(limits.expiriesPerTurn);
    const now = runtime.monotonic();
    const over = this.#waiting.filter(({ until }) => until <= now);
    if (over.length > 0) {
      this.#waiting = this.#waiting.filter(({ until }) => until > now);
      for (const { respond } of over) respond(refusal() ?? { ok: true, tasks: [] });
      this.#deps.released();
    }
    return more;
  }

  stop(): void {
    this.#stopped = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { respond } of waiting) respond(STOPPED);
    if (waiting.length > 0) this.#deps.released();
  }
}

function finished(taking: Taking): void {
  taking.pending -= 1;
  if (taking.pending === 0) taking.done();
}
