// The bounds of an order at work: whether what a command comes to still fits, and what room is kept so that every order can be ended.
import { type Failure, failure } from '../../protocol/index.ts';
import {
  CANCEL_EVENTS,
  ESCALATE_EVENTS,
  EVENT_BYTES_MAX,
  OPEN_TASKS_MAX,
  ORDER_BYTES_MAX,
  ORDER_BYTES_RESERVED,
  ORDER_EVENTS_MAX,
  ORDER_EVENTS_RESERVED,
  PLAN_EVENTS,
} from './limits.ts';
import { PACKAGE_TRANSITIONS } from './transitions.ts';
import type { CommandOf, OrderCommand, OrderEvent, OrderState, Plan } from './types.ts';

/** Events that cancelling the order as it is now comes to, at most. */
function roomToCancel({ packages, exceptions, plan }: OrderState): number {
  let room: number = CANCEL_EVENTS.order + (plan === undefined ? 0 : roomOfPlan(plan));
  for (const { state } of packages.values()) {
    if (PACKAGE_TRANSITIONS[state].cancel !== 'refuse') room += CANCEL_EVENTS.package;
  }
  for (const { state } of exceptions.values()) {
    if (state !== 'SETTLED') room += CANCEL_EVENTS.exception;
    if (state === 'OPEN') room += ESCALATE_EVENTS;
  }
  return room;
}

/** Events from the plan to its packages, and then for cancelling these. */
function roomOfPlan({ packages }: Pick<Plan, 'packages'>): number {
  return PLAN_EVENTS + packages.length * CANCEL_EVENTS.package;
}

/** Events that are kept for what ends the order as it is now. */
export function roomToEnd(state: OrderState): number {
  return ORDER_EVENTS_RESERVED + roomToCancel(state);
}

/** Events that have to be left after a command: what ends an order may use the last. */
export function roomFor(state: OrderState, command: OrderCommand): number {
  switch (command.type) {
    case 'track':
    case 'done':
    case 'fail':
      return 0;
    case 'refund':
      return command.taskId === undefined ? roomToEnd(state) : 0;
    case 'settle':
      return roomToSettle(state, command);
    case 'plan':
      return roomToEnd({ ...state, plan: { ...command, taskId: command.taskId ?? '', isWithdrawn: false } });
    case 'allocate':
      // What is reserved by the plan is committed by now: room for it was kept.
      return isOfPlan(state.plan, command) ? 0 : roomToEnd(state) + command.packages.length * CANCEL_EVENTS.package;
    case 'raise':
      return command.kind === 'cancelRequest' ? roomToCancel(state) : roomToEnd(state);
    default:
      return roomToEnd(state);
  }
}

function isOfPlan(plan: Plan | undefined, { taskId, packages }: CommandOf<'allocate'>): boolean {
  return plan !== undefined && plan.taskId === taskId && packages.length <= plan.packages.length;
}

/** A request to cancel can be made again and again; of all others there are only so many, and each is settled once. */
function roomToSettle(state: OrderState, { exceptionId, action }: CommandOf<'settle'>): number {
  const isRepeatable = state.exceptions.get(exceptionId)?.kind === 'cancelRequest';
  if (action === 'cancel' || action === 'escalate' || (action === 'refund' && isRepeatable)) return 0;
  return isRepeatable ? roomToEnd(state) : roomToCancel(state) - CANCEL_EVENTS.exception;
}

/** Whether so many exceptions may be opened besides the `events` of the command: each has to be ended, too. */
export function hasRoomForExceptions(state: OrderState, events: number, exceptions: number): boolean {
  const room = roomToEnd(state) + exceptions * (1 + CANCEL_EVENTS.exception + ESCALATE_EVENTS);
  return state.seq + events + room <= ORDER_EVENTS_MAX && state.bytes < ORDER_BYTES_MAX - ORDER_BYTES_RESERVED;
}

/** It can only be ended by now: what might go on for ever, scans and waiting, is not noted any more. */
export function isFull(state: OrderState): boolean {
  return state.seq >= ORDER_EVENTS_MAX - roomToEnd(state) || state.bytes >= ORDER_BYTES_MAX - ORDER_BYTES_RESERVED;
}

/**
 * Why these events would be more than an order may have.
 * @param room events that have to be left after them; 0 for what ends an order
 */
export function beyondBounds(
  state: OrderState,
  room: number,
  type: string,
  events: readonly OrderEvent[],
): Failure | undefined {
  if (events.length > 0 && state.seq + events.length > ORDER_EVENTS_MAX - room) {
    return failure('LIMIT_EXCEEDED', `order ${state.orderId} has ${state.seq} events: it can only be ended by now`);
  }
  const sizes = events.map((event) => JSON.stringify(event).length);
  const largest = Math.max(0, ...sizes);
  if (largest > EVENT_BYTES_MAX) {
    return failure('TOO_LARGE', `${type} would be an event of ${largest} characters, of ${EVENT_BYTES_MAX} at most`);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, state.bytes);
  if (events.length > 0 && bytes > ORDER_BYTES_MAX - (room === 0 ? 0 : ORDER_BYTES_RESERVED)) {
    return failure('TOO_LARGE', `order ${state.orderId} would have ${bytes} characters, of ${ORDER_BYTES_MAX} at most`);
  }
  const opened = events.reduce(
    (sum, { opens = [], closes = [] }) => sum + opens.length - closes.length,
    state.tasks.size,
  );
  if (opened > OPEN_TASKS_MAX)
    return failure('LIMIT_EXCEEDED', `order ${state.orderId} has ${state.tasks.size} open tasks`);
  return undefined;
}
