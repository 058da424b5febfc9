// Orders of one lane: finds or loads an order, has its core decide, records the events and holds the reply until they are durable; and
// lends their tasks. The one place where an order's state changes; between deciding and recording nothing waits.
import {
  type AdvanceOrderRequest,
  type CaptureOrderReply,
  type CaptureOrderRequest,
  type Failure,
  failure,
  type GetOrderRequest,
  type OrderAnswer,
  type OrderAsk,
  type OrderEvent,
  type OrderRequest,
  type OrderView,
} from '../../../protocol/index.ts';
import type { OrderActor } from '../directory.ts';
import type { Respond } from '../grid.ts';
import { orderKey } from '../keys.ts';
import { MOVING } from '../refusals.ts';
import type { OrdersDeps, WithOrder } from './deps.ts';
import { applyEvent } from './hosted-order.ts';
import { encodeOrderRecord } from './order-kind.ts';
import { OrderQueue } from './order-queue.ts';
import { changeOrder } from './task-changes.ts';
import { TaskLending } from './task-lending.ts';

const CROWDED = failure(
  'OVERLOADED',
  'more requests about orders wait than can be served soon; try again shortly',
  100,
);

export class Orders {
  readonly #deps: OrdersDeps;
  readonly #lending: TaskLending;
  /** What shoppers ask about orders, */
  readonly #shopping: OrderQueue<OrderRequest>;
  /** and what is done about them once they are captured. */
  readonly #work: OrderQueue<OrderRequest>;
  /** Orders that stopped, by key, and why. */
  readonly #stopped = new Map<string, string>();

  constructor(deps: OrdersDeps) {
    this.#deps = deps;
    this.#lending = new TaskLending({ ...deps, withOrder: this.withOrder });
    const { captureRestPerTurn, orderRestPerTurn, orderBehindMs } = deps.limits;
    const queue = (restPerTurn: number): OrderQueue<OrderRequest> =>
      new OrderQueue({
        runtime: deps.runtime,
        perTurn: deps.limits.orderRequestsPerTurn,
        turnMs: deps.limits.orderTurnMs,
        restPerTurn,
        restPerTurnBehind: captureRestPerTurn,
        behindMs: orderBehindMs,
        run: (request, respond) => this.#run(request, respond),
        refusal: deps.refusal,
        released: deps.released,
      });
    this.#shopping = queue(captureRestPerTurn);
    this.#work = queue(orderRestPerTurn);
  }

  /** Takes a request in; it is carried out in one of the next turns. */
  submit(request: OrderRequest, respond: Respond): void {
    const isShopping = request.op === 'captureOrder' || request.op === 'getOrder';
    const queue = isShopping ? this.#shopping : this.#work;
    if (queue.size >= this.#deps.limits.orderRequestsMax) {
      respond(CROWDED);
      return;
    }
    queue.push(request, respond);
    if (request.op === 'captureOrder') this.#work.others();
  }

  /** A shopper asked for something: orders leave most of the time to them. */
  others(): void {
    this.#shopping.others();
    this.#work.others();
  }

  #run(request: OrderRequest, respond: Respond): void {
    switch (request.op) {
      case 'captureOrder':
        this.#capture(request, respond);
        return;
      case 'advanceOrder':
        this.#advance(request, respond);
        return;
      case 'getOrder':
        this.#get(request, respond);
        return;
      case 'takeTasks':
        this.#lending.take(request, respond);
        return;
      default:
        request satisfies never;
    }
  }

  #capture(request: CaptureOrderRequest, respond: Respond): void {
    const { order, requestId, traceId } = request;
    this.#ask(order.orderId, { op: 'capture', order }, requestId, traceId, respond);
  }

  #advance(request: AdvanceOrderRequest, respond: Respond): void {
    const { orderId, command, requestId, traceId } = request;
    this.#ask(orderId, { op: 'advance', command }, requestId, traceId, respond);
  }

  #ask(orderId: string, ask: OrderAsk, requestId: string, traceId: string | undefined, respond: Respond): void {
    const key = orderKey(orderId);
    this.withOrder(key, (actor) => {
      if (actor !== undefined && 'ok' in actor) respond(actor);
      else this.#execute(actor ?? this.#deps.directory.draftOrder(key), ask, requestId, traceId ?? requestId, respond);
    });
  }

  #execute(actor: OrderActor, ask: OrderAsk, requestId: string, traceId: string, respond: Respond): void {
    const { directory, board, committer, region, limits } = this.#deps;
    const { order: kind } = directory.kinds;
    const { state } = actor;
    const now = board.times.of(actor.sku, state.lastAt);
    let answer: OrderAnswer | Failure;
    try {
      const { events, reply } = kind.core.decide(state.core, ask, { now, region, seq: state.seq, requestId, traceId });
      const texts = events.map((event) => textOf(event));
      const size = texts.reduce((sum, text) => sum + text.length, state.size);
      if (events.length > 0 && size > limits.orderBytesMax) {
        respond(tooMuch(state.orderId, limits.orderBytesMax));
        return;
      }
      if (events.length > 0) {
        changeOrder(kind, board, state, () => {
          for (const [n, event] of events.entries()) {
            expectEnvelope(event, state.seq + 1);
            applyEvent(kind.core, state, event, texts[n] as string);
          }
          kind.core.assertInvariants(state.core);
        });
        this.#record(actor, texts);
      }
      answer = reply;
    } catch (error) {
      this.#stop(actor, error, respond);
      return;
    }
    if (!answer.ok) committer.gate(actor.journalSeq, respond, answer);
    else committer.gate(actor.journalSeq, respond, this.#replyOf(actor, ask, answer));
  }

  /** To be made once the events are applied. */
  #replyOf(actor: OrderActor, ask: OrderAsk, { status: before, replayed, result }: OrderAnswer) {
    const { orderId, seq, core } = actor.state;
    const status = before ?? this.#deps.directory.kinds.order.core.status(core);
    const version = { epoch: this.#deps.partitions.epochOf(actor.partition), seq };
    const base = { ok: true as const, ...(replayed && { replayed }), orderId, status };
    if (ask.op === 'capture') {
      const { capturedAt } = result as unknown as Pick<CaptureOrderReply, 'capturedAt'>;
      return { ...base, capturedAt, version };
    }
    return { ...base, ...(result !== undefined && { result }), version };
  }

  #record(actor: OrderActor, texts: readonly string[]): void {
    const { committer, directory } = this.#deps;
    const { state } = actor;
    const firstSeq = state.seq - texts.length + 1;
    for (const [n, text] of texts.entries()) {
      encodeOrderRecord(committer.writer, state.orderId, firstSeq + n, text);
      actor.journalSeq = committer.recorded(n === texts.length - 1);
    }
    if (firstSeq === 1) directory.keepOrder(actor);
    directory.changes.note(actor);
  }

  /** A failed assertion, or a defect: this order stops, loudly; it is rebuilt from the journal at the next start. */
  #stop(actor: OrderActor, error: unknown, respond: Respond): void {
    const why = `order ${actor.state.orderId} stopped: ${error instanceof Error ? error.message : String(error)}`;
    this.#deps.metrics.invariantViolations.inc();
    this.#deps.log(`${why}\n${error instanceof Error ? error.stack : ''}`);
    this.#stopped.set(actor.sku, `${why}; restart the worker to rebuild it from the journal`);
    this.#deps.directory.dropOrder(actor);
    respond(failure('INTERNAL', why));
  }

  /** Calls `run` with the hot order, loading it first where it is only in the store. */
  readonly withOrder = (key: string, run: WithOrder): void => {
    const { directory, loader } = this.#deps;
    const found = directory.findOrder(key);
    if (typeof found !== 'string') {
      this.#offer(key, found, run);
      return;
    }
    loader.load(key, found, (failed) => {
      if (failed !== undefined) run(failed);
      else this.#offer(key, directory.findOrder(key) as OrderActor | undefined, run);
    });
  };

  #offer(key: string, actor: OrderActor | undefined, run: WithOrder): void {
    if (!this.#deps.partitions.isOpenFor(key)) {
      run(MOVING);
      return;
    }
    const why = this.#stopped.get(key);
    run(why === undefined ? actor : failure('INTERNAL', why));
  }

  #get({ orderId, journey }: GetOrderRequest, respond: Respond): void {
    const { region, committer } = this.#deps;
    this.withOrder(orderKey(orderId), (actor) => {
      if (actor === undefined) respond(unknown(orderId, region));
      else if ('ok' in actor) respond(actor);
      else {
        const events = journey ? { journey: actor.state.texts.map((text) => JSON.parse(text) as OrderEvent) } : {};
        committer.gate(actor.journalSeq, respond, { ok: true, ...this.#view(actor), ...events });
      }
    });
  }

  #view({ state, partition }: OrderActor): OrderView {
    const { core } = this.#deps.directory.kinds.order;
    const order = core.document(state.core);
    return {
      orderId: state.orderId,
      status: core.status(state.core),
      ...(order && { order }),
      tasks: [...core.openTasks(state.core)],
      detail: core.detail(state.core),
      version: { epoch: this.#deps.partitions.epochOf(partition), seq: state.seq },
    };
  }

  /** What is due by now: tasks to be offered, and consumers that have waited long enough. True: there is more. */
  tick(): boolean {
    return this.#lending.tick();
  }

  /** Answers all that wait: nothing more will come. */
  stop(): void {
    this.#shopping.stop();
    this.#work.stop();
    this.#lending.stop();
  }
}

/** What is journaled must be what was applied: only what JSON keeps of it counts. */
function textOf(event: OrderEvent): string {
  return JSON.stringify(event);
}

function expectEnvelope({ type, seq }: OrderEvent, expected: number): void {
  if (typeof type !== 'string' || seq !== expected) {
    throw new Error(`its core made an event ${String(type)} with seq ${seq}, where ${expected} is next`);
  }
}

function unknown(orderId: string, region: string): Failure {
  const advice = 'capture it first, or name the region that it was captured in';
  return failure('NOT_FOUND', `order ${orderId} is not known in ${region}: ${advice}`);
}

function tooMuch(orderId: string, max: number): Failure {
  return failure('TOO_LARGE', `order ${orderId} has as many events as one may have (${max} characters of JSON)`);
}
