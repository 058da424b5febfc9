// Which orders of a lane have tasks to offer, and which tasks are lent. In memory alone: after a crash or a move it is made anew from the
// orders, and their open tasks are offered again.
//
// For every open task there is a ticket somewhere: in the wheel until the task is due, in the queue of its kind while it waits to be
// taken, and in the wheel again until its lease ends. A ticket names the order and the kind, not the task: who draws it looks at the
// order. So one that is left over, of a task that was closed, costs one look, and none is ever searched for.
import type { Runtime } from '../runtime.ts';
import { TimerWheel } from '../wheel.ts';
import { OrderTimes } from './order-times.ts';

/** Between the kind, the key and the taskId of a lease in the wheel: none of them has it. */
const SPACE = ' ';

interface Lease {
  /** Until the ticket has come back. */
  isLent: boolean;
  attempts: number;
}

/** First in, first out. */
class Queue {
  #keys: (string | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#keys.length - this.#head;
  }

  push(key: string): void {
    this.#keys.push(key);
  }

  shift(): string | undefined {
    const key = this.#keys[this.#head];
    if (key === undefined) return undefined;
    this.#keys[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#keys.length) {
      this.#keys = [];
      this.#head = 0;
    } else if (this.#head >= 4_096 && this.#head * 2 >= this.#keys.length) {
      this.#keys = this.#keys.slice(this.#head);
      this.#head = 0;
    }
    return key;
  }
}

export class TaskBoard {
  readonly #clock: Pick<Runtime, 'monotonic'>;
  readonly times: OrderTimes;
  /** On the clock that never jumps: one that went back must not keep a task from everybody. */
  readonly #wheel: TimerWheel;
  readonly #queues = new Map<string, Queue>();
  /** By order, then by taskId. */
  readonly #leases = new Map<string, Map<string, Lease>>();
  #lent = 0;
  /** Called when a task of a kind can be had that could not before. */
  onDue: (kind: string) => void = () => {};

  /** @param tickMs granularity of due times and leases */
  constructor(clock: Pick<Runtime, 'now' | 'monotonic'>, tickMs: number) {
    this.#clock = clock;
    this.times = new OrderTimes(clock);
    this.#wheel = new TimerWheel(clock.monotonic(), tickMs);
  }

  /** Tickets of due tasks that nobody has drawn; some may be of tasks that were closed. */
  get waiting(): number {
    let waiting = 0;
    for (const { size } of this.#queues.values()) waiting += size;
    return waiting;
  }

  /** Tasks that were lent, and neither closed nor drawn again since. */
  get lent(): number {
    return this.#lent;
  }

  has(kind: string): boolean {
    return (this.#queues.get(kind)?.size ?? 0) > 0;
  }

  /**
   * A task of the kind is open: offered once it is due by the order's own time, which may be at once.
   * @param lastAt of the order's last event, ms since the epoch
   */
  add(key: string, kind: string, dueAt: number, lastAt: number): void {
    const inMs = dueAt - this.times.of(key, lastAt);
    if (inMs > 0) this.again(key, kind, inMs);
    else this.#enqueue(kind, key);
  }

  /** The order is to be looked at again after so long, ms. */
  again(key: string, kind: string, inMs: number): void {
    this.#wheel.schedule(`${kind}${SPACE}${key}`, this.#clock.monotonic() + inMs);
  }

  #enqueue(kind: string, key: string): void {
    let queue = this.#queues.get(kind);
    if (queue === undefined) {
      queue = new Queue();
      this.#queues.set(kind, queue);
    }
    queue.push(key);
    this.onDue(kind);
  }

  /** Queues what has become due and what was lent long enough, at most `most` tickets; true when there may be more. */
  tick(most: number): boolean {
    const due = this.#wheel.take(this.#clock.monotonic(), most);
    for (const ticket of due) {
      const [kind, key, taskId] = ticket.split(SPACE) as [string, string, string?];
      if (taskId !== undefined) {
        const lease = this.#leases.get(key)?.get(taskId);
        // Closed while it was lent, as nearly all are: its order need not be looked at.
        if (lease === undefined) continue;
        lease.isLent = false;
      }
      this.#enqueue(kind, key);
    }
    return due.length === most;
  }

  /** The order whose turn it is; undefined: none waits. */
  draw(kind: string): string | undefined {
    return this.#queues.get(kind)?.shift();
  }

  isLent(key: string, taskId: string): boolean {
    return this.#leases.get(key)?.get(taskId)?.isLent === true;
  }

  /** Lends a task for so long, ms, for which a ticket was drawn; returns how often that has been done. */
  lend(key: string, kind: string, taskId: string, leaseMs: number): number {
    let leases = this.#leases.get(key);
    if (leases === undefined) {
      leases = new Map();
      this.#leases.set(key, leases);
    }
    let lease = leases.get(taskId);
    if (lease === undefined) {
      lease = { isLent: true, attempts: 0 };
      leases.set(taskId, lease);
      this.#lent += 1;
    }
    lease.isLent = true;
    lease.attempts += 1;
    this.#wheel.schedule(`${kind}${SPACE}${key}${SPACE}${taskId}`, this.#clock.monotonic() + leaseMs);
    return lease.attempts;
  }

  /** The task is closed: its ticket will find nothing. */
  closed(key: string, taskId: string): void {
    const leases = this.#leases.get(key);
    if (leases?.delete(taskId) !== true) return;
    this.#lent -= 1;
    if (leases.size === 0) this.#leases.delete(key);
  }

  /** The order is not here any more. */
  forget(key: string): void {
    this.#lent -= this.#leases.get(key)?.size ?? 0;
    this.#leases.delete(key);
    this.times.forget(key);
  }
}
