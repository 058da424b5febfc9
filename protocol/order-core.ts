// What the grid needs of an order's core to host it: the port between node/shell, which journals, recovers and moves orders, and
// orders/order, which knows what an order is. Types alone. The core is pure: no clock, no chance, no I/O.
import type { Failure } from './errors.ts';
import type { Json, OrderCommand, OrderDocument, OrderEvent, OrderTask } from './orders.ts';

/** What a decision may depend on besides state and command. */
export interface OrderContext {
  /** ms since the epoch; never less than the last event's `at`. */
  readonly now: number;
  readonly region: string;
  /** Events so far: the next has `seq` + 1. */
  readonly seq: number;
  /** Of the request, for the envelope of every event it leads to. */
  readonly requestId: string;
  readonly traceId: string;
}

/** What is asked of an order: the first is captureOrder, any other a command of advanceOrder. */
export type OrderAsk =
  | { readonly op: 'capture'; readonly order: OrderDocument }
  | { readonly op: 'advance'; readonly command: OrderCommand };

/** What an order answers; the grid adds orderId and version. Of a capture `capturedAt` stands in the result. */
export interface OrderAnswer {
  readonly ok: true;
  /** Left out: the order's once the events are applied. Of what was answered before: what it was then. */
  readonly status?: string;
  readonly replayed?: true;
  readonly result?: Json;
}

export interface OrderDecision<Event extends OrderEvent> {
  /** In order, not applied yet. Each in the envelope: `at` is now, `seq` counts on from the context's. */
  readonly events: readonly Event[];
  /** A refusal goes with no events. */
  readonly reply: OrderAnswer | Failure;
}

/**
 * The core of orders. The grid keeps the events of each order, in their own JSON, and packs an order as these: a state is
 * nothing but the fold of `evolve` over them. What it must hold:
 * - `capture` of the same document again is answered as before with `replayed: true` and no events; of another one under the same
 *   orderId with IDEMPOTENCY_CONFLICT.
 * - A requestId that an event of the order carries is answered as before, with `replayed: true` and no events.
 * - A command for an order that nobody captured is NOT_FOUND unless it is one that may begin an order; then state is `create`'s.
 * - A task is opened by one event, with `<orderId>/<kind>#<n>` as its id, and closed by at most one (I16).
 */
export interface OrderCore<State, Event extends OrderEvent = OrderEvent> {
  /** The state before the first event. */
  create(orderId: string): State;
  /** Throws nothing that a client can cause. */
  decide(state: State, ask: OrderAsk, context: OrderContext): OrderDecision<Event>;
  /**
   * The state after the event: a new one, or the same changed. Only what `decide` returned, or what JSON made of it, comes here.
   * @param size characters of its JSON, which whoever keeps it knows
   */
  evolve(state: State, event: Event, size: number): State;
  /** @throws when the state is none that may be: the order stops, loudly, and nothing of the decision is recorded */
  assertInvariants(state: State): void;
  /** Open tasks, also those that are due later. */
  openTasks(state: State): readonly OrderTask[];
  status(state: State): string;
  /** The document; undefined before it is captured. */
  document(state: State): OrderDocument | undefined;
  /** What getOrder shows besides. */
  detail(state: State): Json;
}
