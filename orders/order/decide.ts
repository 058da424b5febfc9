// What an order makes of a command: events and an answer, from the state, the command and the time alone. Recalls requests it has
// answered before, refuses tasks that are closed (I16), and keeps every order within its bounds. The parts decide on the rest.
import { crc32 } from 'node:zlib';
import { type Failure, failure, LINE_ID_LENGTH_MAX, ORDER_LINES_MAX, QTY_MAX } from '../../protocol/index.ts';
import { decideException } from './decide-exceptions.ts';
import { decidePackage } from './decide-packages.ts';
import { decideSourcing } from './decide-sourcing.ts';
import { Draft, type Part } from './draft.ts';
import { evolve } from './evolve.ts';
import { assertInvariants } from './invariants.ts';
import { EVENT_BYTES_MAX, OPEN_TASKS_MAX, ORDER_BYTES_MAX, ORDER_EVENTS_MAX, ORDER_EVENTS_RESERVED } from './limits.ts';
import { linesOf } from './lines.ts';
import { settleAbout } from './settling.ts';
import { createOrder, statusOf, waitingUnits } from './state.ts';
import {
  type CommandOf,
  type CommandType,
  type Decision,
  type Executed,
  type OrderCommand,
  type OrderEvent,
  type OrderState,
  TASK_KINDS,
  type TaskKind,
} from './types.ts';

type Parts = { readonly [T in CommandType]: Part<T> };

/** Commands that bring an order to its end, and are taken when its journey is as long as it may be otherwise. */
const ENDING: ReadonlySet<CommandType> = new Set(['track', 'settle', 'refund', 'done', 'fail']);

const ANY = TASK_KINDS.filter((kind) => kind !== 'dead');

/** Which tasks a command may be the work of. */
const WORK_OF: Record<CommandType, readonly TaskKind[]> = {
  capture: [],
  hold: [],
  unhold: [],
  changeDestination: [],
  plan: ['source'],
  allocate: ['source'],
  release: ['release'],
  pick: ['pick'],
  shortPick: ['pick', 'pack'],
  pack: ['pack'],
  reject: ['release', 'pick', 'pack', 'book'],
  book: ['book'],
  track: ['track'],
  raise: ANY,
  settle: ['settle'],
  refund: ['refund'],
  done: TASK_KINDS,
  defer: ANY,
  fail: ANY,
  revive: ['dead'],
};

/** Tasks with nothing to record but that they are done. */
const WITHOUT_RESULT: ReadonlySet<TaskKind> = new Set(['notify', 'stock', 'replan']);

/**
 * Decides without changing anything.
 * @param now ms since the epoch; earlier than the last event counts as the time of that
 */
export function decide(state: OrderState, command: OrderCommand, now: number): Decision {
  const { requestId, cause: _cause, traceId: _traceId, policyVersion: _policyVersion, ...body } = command;
  const digest = crc32(JSON.stringify(body));
  const before = recall(state, command, digest);
  if (before !== undefined) return answer(before);
  const foreign = refuseTask(state, command);
  if (foreign !== undefined) return answer(foreign);
  const draft = new Draft(state, command, digest, now);
  const refusal = (PARTS[command.type] as Part<CommandType>)(state, command as CommandOf<CommandType>, draft);
  if (refusal !== undefined) return answer(refusal);
  const beyond = beyondBounds(state, ENDING.has(command.type), command.type, draft.events);
  if (beyond !== undefined) return answer(beyond);
  const { orderId, seq } = state;
  return { events: draft.events, reply: { ok: true, orderId, seq: seq + draft.events.length } };
}

/**
 * Decides, applies the events and checks the result. The state may be broken when it throws: load the order again.
 * @throws OrderViolation
 */
export function execute(state: OrderState, command: OrderCommand, now: number): Executed {
  const decision = decide(state, command, now);
  for (const event of decision.events) evolve(state, event);
  if (decision.events.length > 0) assertInvariants(state);
  const { reply } = decision;
  return { ...decision, reply: reply.ok ? { status: statusOf(state), ...reply } : reply };
}

/** @throws OrderViolation for events that are not the journey of an order */
export function replay(orderId: string, events: readonly OrderEvent[]): OrderState {
  const state = createOrder(orderId);
  for (const event of events) evolve(state, event);
  return state;
}

function answer(reply: Decision['reply']): Decision {
  return { events: [], reply };
}

function recall(state: OrderState, command: OrderCommand, digest: number): Decision['reply'] | undefined {
  const { orderId } = state;
  const before = state.requests.get(command.requestId);
  if (before !== undefined) {
    if (before.digest !== digest) {
      return failure(
        'IDEMPOTENCY_CONFLICT',
        `requestId ${command.requestId} was used for another command of ${orderId}`,
      );
    }
    const { seq, status } = before;
    return { ok: true, replayed: true, orderId, seq, status };
  }
  if (command.type !== 'capture') return undefined;
  const captured = state.events.find(({ type }) => type === 'captured');
  if (captured === undefined) return undefined;
  // An order is captured once, whatever the requestId.
  if (captured.digest !== digest) {
    return failure('IDEMPOTENCY_CONFLICT', `order ${orderId} was captured before, with other contents`);
  }
  return { ok: true, replayed: true, orderId, seq: captured.seq, status: 'CAPTURED' };
}

/** A command closes the task that asked for it, once (I16). */
function refuseTask(state: OrderState, command: OrderCommand): Failure | undefined {
  const { taskId, type } = command;
  if (taskId === undefined) return undefined;
  const task = state.tasks.get(taskId);
  if (task === undefined) {
    return failure('NOT_FOUND', `task ${taskId} is not open: what it asked for is done, or no longer wanted`);
  }
  const about = 'packageId' in command ? command.packageId : 'exceptionId' in command ? command.exceptionId : undefined;
  const isItsOwn = type === 'raise' || about === undefined || about === task.key;
  if (WORK_OF[type].includes(task.kind) && isItsOwn) return undefined;
  return failure('BAD_REQUEST', `${type} is not what task ${taskId} asks for`);
}

/** Why these events would be more than an order may have; one that is ending may have some more. */
export function beyondBounds(
  state: OrderState,
  isEnding: boolean,
  type: string,
  events: readonly OrderEvent[],
): Failure | undefined {
  const eventsMax = ORDER_EVENTS_MAX - (isEnding ? 0 : ORDER_EVENTS_RESERVED);
  if (state.seq + events.length > eventsMax) {
    return failure('LIMIT_EXCEEDED', `order ${state.orderId} has ${state.seq} events: it can only be ended by now`);
  }
  const sizes = events.map((event) => JSON.stringify(event).length);
  const largest = Math.max(0, ...sizes);
  if (largest > EVENT_BYTES_MAX) {
    return failure('TOO_LARGE', `${type} would be an event of ${largest} characters, of ${EVENT_BYTES_MAX} at most`);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, state.bytes);
  if (bytes > ORDER_BYTES_MAX) {
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

const PARTS: Parts = {
  capture: (state, { order }, draft) => {
    if (order.orderId !== state.orderId) {
      return failure('BAD_REQUEST', `order.orderId is ${order.orderId}, and ${state.orderId} was asked`);
    }
    const lines = linesOf(order);
    if (new Set(lines.map(({ lineId }) => lineId)).size < lines.length) {
      return failure('BAD_REQUEST', 'order.lines: a component of a bundle would have the lineId of another line');
    }
    if (lines.length > ORDER_LINES_MAX) {
      return failure(
        'BAD_REQUEST',
        `order.lines: ${lines.length} with the components of bundles, of ${ORDER_LINES_MAX} at most`,
      );
    }
    const tooMany = lines.find(({ qty, lineId }) => qty > QTY_MAX || lineId.length > LINE_ID_LENGTH_MAX);
    if (tooMany !== undefined) return failure('BAD_REQUEST', `order.lines: ${tooMany.lineId} has too many components`);
    draft.add('captured', { order }, { opens: [{ kind: 'source' }] });
    return undefined;
  },
  hold: (state, { holdType, reason }, draft) => {
    if (state.order === undefined) return notCaptured(state);
    if (state.holds.get(holdType) !== reason) draft.add('held', { holdType, reason });
    return undefined;
  },
  unhold: (state, { holdType }, draft) => {
    if (!state.holds.has(holdType)) return undefined;
    draft.add('unheld', { holdType });
    if (holdType === 'payment') settleAbout(state, draft, 'paid', ({ kind }) => kind === 'paymentFailure');
    return undefined;
  },
  changeDestination: (state, { destination }, draft) => {
    if (state.order === undefined) return notCaptured(state);
    draft.add('destinationChanged', { destination });
    settleAbout(state, draft, 'changed', ({ kind, units }) => kind === 'addressProblem' && units.length === 0);
    return undefined;
  },

  plan: decideSourcing.plan,
  allocate: decideSourcing.allocate,

  release: decidePackage.release,
  pick: decidePackage.pick,
  shortPick: decidePackage.shortPick,
  pack: decidePackage.pack,
  reject: decidePackage.reject,
  book: decidePackage.book,
  track: decidePackage.track,

  raise: decideException.raise,
  settle: decideException.settle,
  refund: (state, { amountMinor, reference }, draft) => {
    if (state.order === undefined) return notCaptured(state);
    draft.add('refunded', { amountMinor, reference });
    return undefined;
  },

  done: (state, { taskId, note }, draft) => {
    const task = state.tasks.get(taskId ?? '');
    if (task === undefined) return failure('BAD_REQUEST', 'done: says which task, by taskId');
    const kind = task.kind === 'dead' ? (task.payload as { kind: TaskKind }).kind : task.kind;
    const hasNothingToSource = kind === 'source' && waitingUnits(state) === 0;
    if (!WITHOUT_RESULT.has(kind) && !hasNothingToSource) {
      return failure('BAD_REQUEST', `task ${task.taskId} is done by what it asks for, not by saying so`);
    }
    draft.add('taskDone', note === undefined ? {} : { note });
    return undefined;
  },
  defer: (state, { taskId, dueAt, reason }, draft) => {
    if (taskId === undefined || !state.tasks.has(taskId))
      return failure('BAD_REQUEST', 'defer: says which task, by taskId');
    draft.keepTask();
    draft.add('taskDeferred', { taskId, dueAt, reason });
    return undefined;
  },
  fail: (state, { taskId, error, attempts }, draft) => {
    const task = state.tasks.get(taskId ?? '');
    if (task === undefined || task.kind === 'dead') return failure('BAD_REQUEST', 'fail: says which task, by taskId');
    draft.keepTask();
    draft.add('taskFailed', { taskId: task.taskId, error, attempts });
    return undefined;
  },
  revive: (state, { taskId }, draft) => {
    const task = state.tasks.get(taskId ?? '');
    if (task?.kind !== 'dead') return failure('BAD_REQUEST', `revive: ${taskId ?? 'no task'} is no dead task`);
    draft.keepTask();
    draft.add('taskRevived', { taskId: task.taskId });
    return undefined;
  },
};

function notCaptured({ orderId }: OrderState): Failure {
  return failure('NOT_FOUND', `order ${orderId} is not captured`);
}
