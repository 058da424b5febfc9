// Clients and consumers of orders in a run: orders are captured and looked at, their tasks taken and done, or not done, or done twice. All
// that was asked and told goes into the history. They know the commands of an order and nothing of how the grid works.
import type {
  AdvanceOrderRequest,
  CaptureOrderRequest,
  GetOrderReply,
  ItemRequest,
  Json,
  LeasedTask,
  OrderCommand,
  OrderDocument,
  Outcome,
  TakeTasksReply,
} from '../../protocol/index.ts';
import type { Random } from '../kernel/random.ts';
import type { AskedOrder, OrderHistory } from '../oracle/order-history.ts';
import { insist } from './insist.ts';
import { REGION, type World } from './world.ts';

/** What consumers take: all that an order may ask for on its way to being shipped. */
export const KINDS_TAKEN = ['source', 'release', 'pick', 'pack', 'book', 'track', 'notify', 'stock', 'settle'] as const;

/** A client that has no answer sends again after this long, ms. */
const PATIENCE_MS = 1_500;
/** Repetitions of a capture that was answered, and the share of them with another document. */
const REPEATED = 0.25;
const CONFLICTING = 0.3;
/** The share of captures that others look for at once. */
const WATCHED = 0.6;
/** Of the tasks that a consumer took it leaves so many undone: it died. */
const LEFT = 0.2;
/** So many are done by two consumers, each with a requestId of its own. */
const TWICE = 0.15;

export class OrderDesk {
  readonly #world: World;
  readonly #history: OrderHistory;
  readonly #random: Random;
  readonly #skus: readonly string[];
  readonly #documents = new Map<string, OrderDocument>();
  #made = 0;
  /** Requests sent and not yet answered. */
  readonly pending = new Set<AskedOrder>();
  /** Nobody dies any more, and nothing is left undone. */
  #isHealed = false;
  #isStopped = false;
  /** When a consumer last got a task, ms. */
  #busyAt = 0;

  constructor(world: World, history: OrderHistory, random: Random, skus: readonly string[]) {
    this.#world = world;
    this.#history = history;
    this.#random = random;
    this.#skus = skus;
  }

  /** Whether consumers that look all the time have found nothing for so long, ms. */
  isIdleFor(ms: number): boolean {
    return this.#world.scheduler.now - this.#busyAt >= ms;
  }

  /** A new order, now and then captured again. */
  capture(): void {
    this.#made += 1;
    const orderId = `o-${this.#made}`;
    const order = this.#document(orderId);
    this.#documents.set(orderId, order);
    const asked = this.#ask({
      op: 'captureOrder',
      region: REGION,
      order,
      traceId: undefined,
      requestId: `c-${this.#made}`,
    });
    // What it leads to is looked for at once, whoever answers, while the write is under way.
    if (this.#random.chance(WATCHED)) {
      this.#world.scheduler.after(this.#random.exponential(10), () => this.#lookAt(orderId));
      this.#world.scheduler.after(this.#random.exponential(10), () => this.consume());
    }
    if (!this.#random.chance(REPEATED)) return;
    this.#world.scheduler.after(this.#random.exponential(2_000), () => {
      if (this.pending.has(asked)) return;
      if (this.#random.chance(CONFLICTING)) this.#conflict(orderId);
      else this.#send(asked);
    });
  }

  #conflict(orderId: string): void {
    const order = { ...(this.#documents.get(orderId) as OrderDocument), channel: 'another' };
    const request: CaptureOrderRequest = {
      op: 'captureOrder',
      region: REGION,
      order,
      traceId: undefined,
      requestId: `x-${orderId}`,
    };
    const asked: AskedOrder = { request, answers: [] };
    this.#history.conflicts.push(asked);
    this.pending.add(asked);
    this.#send(asked);
  }

  #document(orderId: string): OrderDocument {
    const lines = Array.from({ length: this.#random.int(1, 3) }, (_, n) => ({
      lineId: String(n + 1),
      sku: this.#random.pick(this.#skus),
      qty: this.#random.int(1, 3),
    }));
    return { orderId, lines, destination: { latitude: 52.1, longitude: 4.9, postalCode: '1011' } };
  }

  /** Shows an order with its journey; not sent again. */
  look(): void {
    if (this.#made === 0) return;
    this.#lookAt(`o-${this.#random.int(Math.max(1, this.#made - 20), this.#made)}`);
  }

  #lookAt(orderId: string): void {
    const sentAt = this.#world.scheduler.now;
    this.#once({ op: 'getOrder', region: REGION, orderId, journey: true }, (outcome, worker) => {
      if (outcome.ok) this.#history.looks.push({ sentAt, worker, order: outcome as GetOrderReply });
    });
  }

  /** A consumer takes tasks once and does them. */
  consume(): void {
    const { scheduler } = this.#world;
    const sentAt = scheduler.now;
    const leaseMs = this.#random.int(300, 3_000);
    const waitMs = this.#random.chance(0.5) ? this.#random.int(1, 1_500) : 0;
    const limit = this.#random.int(1, 8);
    this.#once({ op: 'takeTasks', region: REGION, kinds: KINDS_TAKEN, limit, leaseMs, waitMs }, (outcome, worker) => {
      if (!outcome.ok) return;
      const { tasks } = outcome as TakeTasksReply;
      this.#history.taken.push({ sentAt, at: scheduler.now, worker, tasks });
      if (tasks.length > 0) this.#busyAt = scheduler.now;
      for (const task of tasks) this.#do(task);
    });
  }

  /** From now on consumers take and do whatever there is. */
  heal(): void {
    this.#isHealed = true;
    this.#busyAt = this.#world.scheduler.now;
    for (let n = 0; n < 4; n++) this.#keepConsuming();
  }

  #keepConsuming(): void {
    if (this.#isStopped) return;
    this.consume();
    this.#world.scheduler.after(this.#random.between(40, 120), () => this.#keepConsuming());
  }

  stop(): void {
    this.#isStopped = true;
  }

  #do(task: LeasedTask): void {
    if (!this.#isHealed && this.#random.chance(LEFT)) return;
    const { scheduler } = this.#world;
    const times = this.#random.chance(TWICE) ? 2 : 1;
    for (let n = 0; n < times; n++) {
      const requestId = n === 0 ? `t-${hashed(task.taskId)}` : `t-${hashed(task.taskId)}-${task.attempt}-${n}`;
      const { orderId } = task;
      scheduler.after(this.#random.exponential(this.#isHealed ? 20 : 200), () =>
        this.#ask({
          op: 'advanceOrder',
          region: REGION,
          orderId,
          command: this.#commandOf(task),
          traceId: undefined,
          requestId,
        }),
      );
    }
  }

  /** What becomes of a task: the same each time it is done, as from a processor whose effects are idempotent. */
  #commandOf({ taskId, kind, key, orderId, dueAt }: LeasedTask): OrderCommand {
    const about = { packageId: key, taskId };
    switch (kind) {
      case 'source':
        return { type: 'allocate', taskId, packages: this.#packages(orderId), unfilled: [], retryAt: dueAt + 1_000 };
      case 'release':
      case 'pick':
      case 'pack':
        return { type: kind, ...about };
      case 'book':
        return {
          type: 'book',
          ...about,
          carrier: 'acme',
          service: 'ground',
          bookingId: `b-${key}`,
          trackingId: `k-${key}`,
        };
      case 'track':
        return { type: 'track', ...about, code: 'delivered', scannedAt: dueAt };
      case 'settle':
        return { type: 'settle', exceptionId: key, taskId, action: 'escalate' };
      default:
        return { type: 'done', taskId };
    }
  }

  #packages(orderId: string): Json {
    const { lines } = this.#documents.get(orderId) as OrderDocument;
    const where = { node: 'n1', region: REGION, carrier: 'acme', service: 'ground' };
    return [
      {
        ...where,
        lines: lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty, reservationId: `1.1.${REGION}/${sku}` })),
      },
    ];
  }

  #ask(request: CaptureOrderRequest | AdvanceOrderRequest): AskedOrder {
    const asked: AskedOrder = { request, answers: [] };
    this.#history.asked.push(asked);
    this.pending.add(asked);
    this.#send(asked);
    return asked;
  }

  /** Sends until an answer has come. */
  #send(asked: AskedOrder): void {
    const { scheduler } = this.#world;
    const sentAt = scheduler.now;
    const isAnswer = insist({
      scheduler,
      random: this.#random,
      patienceMs: PATIENCE_MS,
      isWanted: () => this.pending.has(asked),
      sendAgain: () => this.#send(asked),
    });
    this.#once(asked.request, (outcome, worker) => {
      if (!isAnswer(outcome)) return;
      this.pending.delete(asked);
      asked.answers.push({ sentAt, at: scheduler.now, worker, outcome });
    });
  }

  #once(request: ItemRequest, answered: (outcome: Outcome, worker: string) => void): void {
    const { addresses, alive, trace } = this.#world;
    const address = this.#random.pick(alive.length > 0 ? alive : addresses);
    const client = `d${this.#random.int(1, 4)}`;
    this.#world.request(client, address, request, (outcome, { by }) => {
      trace.add(
        `${client} ${request.op} ${'requestId' in request ? request.requestId : ''} ${by} ${outcome.ok ? 'ok' : outcome.code}`,
      );
      answered(outcome, by);
    });
  }
}

/** A requestId has a bound that a taskId with its order may exceed. */
function hashed(taskId: string): string {
  return taskId.slice(-48);
}
