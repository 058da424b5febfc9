// Judges orders: what was acknowledged is in the journal, what was shown is what its events make, and every task was offered until an
// event closed it. What the events mean is asked of the order's core; which tasks they open and close is read from them here.

import { orderKey } from '../../node/shell/keys.ts';
import type { HostedOrder } from '../../node/shell/orders/hosted-order.ts';
import type { GetOrderReply, LeasedTask, OrderDocument, OrderEvent } from '../../protocol/index.ts';
import { KINDS } from '../kinds.ts';
import type { Violation } from './history.ts';
import type { JournaledOrderEvent } from './journal.ts';
import type { OrderHistory } from './order-history.ts';

/** What the oracle reads of an event. */
type Read = OrderEvent & {
  readonly order?: OrderDocument;
  readonly opens?: readonly { readonly taskId: string; readonly dueAt: number }[];
  /** Of a task that was put off. */
  readonly taskId?: string;
  readonly dueAt?: number;
  readonly closes?: readonly string[];
};

export function checkOrders(
  history: OrderHistory,
  events: readonly JournaledOrderEvent[],
  violations: Violation[],
): void {
  const orders = new Map<string, Read[]>();
  for (const { sku: key, event } of events) {
    const of = orders.get(key);
    if (of === undefined) orders.set(key, [event.event as Read]);
    else of.push(event.event as Read);
  }
  for (const [key, of] of orders) {
    checkEnvelopes(key, of, violations);
    checkTasks(key, of, violations);
  }
  checkAnswers(history, orders, violations);
  checkTaken(history, orders, violations);
  checkLooks(history, orders, violations);
}

/** Each event says what made it happen (I17), and a request takes effect once (I11). */
function checkEnvelopes(key: string, events: readonly Read[], violations: Violation[]): void {
  const over = new Set<string>();
  let last: Read | undefined;
  for (const event of events) {
    const isWhole = event.type !== '' && event.cause !== '' && event.traceId !== '' && event.at > 0;
    if (!isWhole) violations.push({ invariant: 'I17', text: `${key}: event ${JSON.stringify(event)} lacks a cause` });
    if (last !== undefined && event.at < last.at) {
      violations.push({ invariant: 'I17', text: `${key}: event ${event.seq} is of a time before event ${last.seq}` });
    }
    if (last !== undefined && last.requestId !== event.requestId) over.add(last.requestId);
    if (over.has(event.requestId)) {
      violations.push({
        invariant: 'I11',
        text: `${key}: ${event.requestId} took effect again with event ${event.seq}`,
      });
    }
    last = event;
  }
}

/** A task is opened once and closed at most once (I16). */
function checkTasks(key: string, events: readonly Read[], violations: Violation[]): void {
  const open = new Set<string>();
  const closed = new Set<string>();
  for (const { seq, closes = [], opens = [] } of events) {
    for (const taskId of closes) {
      if (!open.delete(taskId))
        violations.push({ invariant: 'I16', text: `${key}: event ${seq} closes ${taskId}, which is not open` });
      closed.add(taskId);
    }
    for (const { taskId } of opens) {
      if (open.has(taskId) || closed.has(taskId))
        violations.push({ invariant: 'I16', text: `${key}: ${taskId} is opened twice` });
      open.add(taskId);
    }
  }
}

/** What was acknowledged is in the journal (I5), and an orderId stands for one document (I11). */
function checkAnswers(
  history: OrderHistory,
  orders: ReadonlyMap<string, readonly Read[]>,
  violations: Violation[],
): void {
  for (const { request, answers } of history.asked) {
    const orderId = request.op === 'captureOrder' ? request.order.orderId : request.orderId;
    const events = orders.get(orderKey(orderId)) ?? [];
    for (const { outcome, worker, at } of answers) {
      const said = `${worker} answered ${request.op} of ${orderId} (${request.requestId}) at ${at.toFixed(3)} ms with ${JSON.stringify(outcome)}`;
      if (!outcome.ok && outcome.code === 'INTERNAL') violations.push({ invariant: 'P', text: said });
      if (!outcome.ok) continue;
      const isThere =
        request.op === 'captureOrder'
          ? events.some(
              ({ type, order }) => type === 'captured' && JSON.stringify(order) === JSON.stringify(request.order),
            )
          : events.some(({ requestId }) => requestId === request.requestId);
      if (!isThere) violations.push({ invariant: 'I5', text: `${said}; the journal does not hold it` });
    }
  }
  for (const { request, answers } of history.conflicts) {
    for (const { outcome, worker } of answers) {
      if (!outcome.ok && outcome.code === 'IDEMPOTENCY_CONFLICT') continue;
      const text = `${worker} answered another document under the orderId of ${request.requestId} with ${JSON.stringify(outcome)}`;
      violations.push({ invariant: 'I11', text });
    }
  }
}

/** Nothing is lent that is not in the journal (I6), nor what was known to be closed before it was asked for (I16). */
function checkTaken(
  history: OrderHistory,
  orders: ReadonlyMap<string, readonly Read[]>,
  violations: Violation[],
): void {
  const closedAt = new Map<string, number>();
  for (const { request, answers } of history.asked) {
    const first = answers.find(({ outcome }) => outcome.ok);
    if (request.op !== 'advanceOrder' || first === undefined) continue;
    for (const { requestId, closes = [] } of orders.get(orderKey(request.orderId)) ?? []) {
      if (requestId === request.requestId) for (const taskId of closes) closedAt.set(taskId, first.at);
    }
  }
  // By its due time too: an order that was lost with its worker and captured again has tasks of the same names.
  const opened = new Set<string>();
  for (const { opens = [], taskId, dueAt } of [...orders.values()].flat()) {
    for (const task of opens) opened.add(`${task.taskId} ${task.dueAt}`);
    if (taskId !== undefined && dueAt !== undefined) opened.add(`${taskId} ${dueAt}`);
  }
  for (const { sentAt, at, worker, tasks } of history.taken) {
    for (const { taskId, dueAt } of tasks) {
      const said = `${worker} lent ${taskId} at ${at.toFixed(3)} ms`;
      if (!opened.has(`${taskId} ${dueAt}`))
        violations.push({ invariant: 'I6', text: `${said}; no event in the journal opened it` });
      const known = closedAt.get(taskId) ?? Number.POSITIVE_INFINITY;
      if (known < sentAt) {
        violations.push({
          invariant: 'I16',
          text: `${said}, asked for at ${sentAt.toFixed(3)} ms; that it was closed was known at ${known.toFixed(3)} ms`,
        });
      }
    }
  }
}

/** What was shown is what the first events make (I6, I17), and not older than what was acknowledged before it was asked (I12). */
function checkLooks(
  history: OrderHistory,
  orders: ReadonlyMap<string, readonly Read[]>,
  violations: Violation[],
): void {
  const known: { readonly at: number; readonly orderId: string; readonly seq: number }[] = [];
  for (const { request, answers } of history.asked) {
    const orderId = request.op === 'captureOrder' ? request.order.orderId : request.orderId;
    for (const { at, outcome } of answers) {
      if (outcome.ok && 'version' in outcome)
        known.push({ at, orderId, seq: (outcome.version as { seq: number }).seq });
    }
  }
  for (const { sentAt, worker, order } of history.looks) {
    const { orderId, version, journey = [] } = order;
    const events = (orders.get(orderKey(orderId)) ?? []).slice(0, version.seq);
    const said = `${worker} showed ${orderId} at event ${version.seq}`;
    if (JSON.stringify(journey) !== JSON.stringify(events)) {
      violations.push({ invariant: 'I6', text: `${said} with a journey that the journal does not have` });
      continue;
    }
    const replayed = foldOf(orderId, events);
    if (shown(order) !== shown(replayed)) {
      violations.push({
        invariant: 'I17',
        text: `${said} as ${shown(order)}; its journey comes to ${shown(replayed)}`,
      });
    }
    for (const { at, orderId: other, seq } of known) {
      if (other === orderId && at < sentAt && seq > version.seq) {
        violations.push({ invariant: 'I12', text: `${said}, asked for after event ${seq} was known` });
      }
    }
  }
}

function foldOf(orderId: string, events: readonly OrderEvent[]): Pick<GetOrderReply, 'status' | 'tasks' | 'detail'> {
  const { core } = KINDS.order;
  const order: HostedOrder = KINDS.order.create(orderKey(orderId));
  for (const event of events) {
    const text = JSON.stringify(event);
    KINDS.order.evolve(order, { type: event.type, event: JSON.parse(text) as OrderEvent, text });
  }
  return { status: core.status(order.core), tasks: [...core.openTasks(order.core)], detail: core.detail(order.core) };
}

function shown({ status, tasks, detail }: Pick<GetOrderReply, 'status' | 'tasks' | 'detail'>): string {
  return JSON.stringify({ status, tasks, detail });
}

/** After healing consumers take all there is: a task that was due long before the end and is open still was not offered (I16). */
export function checkAllDone(
  states: ReadonlyMap<string, HostedOrder>,
  kinds: readonly string[],
  dueBefore: number,
  violations: Violation[],
): void {
  for (const { orderId, core } of states.values()) {
    for (const task of KINDS.order.core.openTasks(core)) {
      if (!kinds.includes(task.kind) || task.dueAt > dueBefore) continue;
      violations.push({
        invariant: 'I16',
        text: `task ${task.taskId} of ${orderId} was due at ${task.dueAt} and was never closed: ${JSON.stringify(task as LeasedTask)}`,
      });
    }
  }
}
