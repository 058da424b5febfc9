// What an order makes of a command: events and an answer, from the state, the command and the time alone. Recalls requests it has
// answered before, refuses tasks that are closed (I16), and keeps every order within its bounds. The parts decide on the rest.
import { crc32 } from 'node:zlib';
import { type Failure, failure } from '../../protocol/index.ts';
import { requestKey } from '../reservations/index.ts';
import { beyondBounds, roomFor } from './bounds.ts';
import { decideException } from './decide-exceptions.ts';
import { decidePackage } from './decide-packages.ts';
import { decideSourcing } from './decide-sourcing.ts';
import { withdraw } from './decide-withdrawal.ts';
import { Draft, type Part } from './draft.ts';
import { evolve } from './evolve.ts';
import { isOverWhenPaid } from './given-up.ts';
import { assertInvariants } from './invariants.ts';
import { linesOf, wrongLines } from './lines.ts';
import { noticeOf } from './notice.ts';
import { cameBack, isOldDestination, isUnderWay, raiseOldDestination } from './old-destination.ts';
import { committedByPlan } from './plan-requests.ts';
import { bookAnew, payBack, settleAbout, settleNow, tasksOf, undoOf } from './settling.ts';
import { createOrder, isNothingSent, statusOf, waitingUnits } from './state.ts';
import {
  type CommandOf,
  type CommandType,
  type Decision,
  type Executed,
  type OrderCommand,
  type OrderEvent,
  type OrderState,
  TASK_KINDS,
  type Task,
  type TaskKind,
} from './types.ts';
import { endsByAnswer } from './unanswered.ts';
import { owedFor, refundable, refundOfTask, worthOf } from './worth.ts';

type Parts = { readonly [T in CommandType]: Part<T> };

const ANY = TASK_KINDS.filter((kind) => kind !== 'dead');

/** Which tasks a command may be the work of. */
const WORK_OF: Record<CommandType, readonly TaskKind[]> = {
  capture: [],
  hold: [],
  unhold: [],
  changeDestination: [],
  expand: ['source'],
  plan: ['source'],
  allocate: ['source'],
  withdraw: [],
  release: ['release'],
  pick: ['pick'],
  shortPick: ['pick', 'pack'],
  pack: ['pack'],
  reject: ['release', 'pick', 'pack', 'book'],
  book: ['book'],
  reroute: ['book'],
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
  const beyond = beyondBounds(state, roomFor(state, command), command.type, draft.events);
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
  const before = state.requests.get(requestKey(command));
  const { captured } = state;
  const isOther = command.type === 'capture' && captured !== undefined && captured.digest !== digest;
  // An order is captured once, whatever the requestId.
  if (isOther) {
    const message = `order ${orderId} was captured before, with other contents: send those, or use a new orderId`;
    return failure('IDEMPOTENCY_CONFLICT', message);
  }
  if (before !== undefined) {
    if (before.digest !== digest) {
      return failure(
        'IDEMPOTENCY_CONFLICT',
        `requestId ${command.requestId} was used for another command of ${orderId}; use a new one`,
      );
    }
    const { seq, status } = before;
    return { ok: true, replayed: true, orderId, seq, status };
  }
  if (command.type !== 'capture' || captured === undefined) return undefined;
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

const PARTS: Parts = {
  capture: (state, { order }, draft) => {
    if (order.orderId !== state.orderId) {
      return failure('BAD_REQUEST', `order.orderId is ${order.orderId}, and ${state.orderId} was asked`);
    }
    const lines = linesOf(order, true);
    const wrong = wrongLines(lines);
    if (wrong !== undefined) return failure('BAD_REQUEST', `order.lines: ${wrong}`);
    const worth = worthOf(order) ?? 0;
    if (worth > Number.MAX_SAFE_INTEGER) {
      return failure(
        'BAD_REQUEST',
        `order.lines: worth ${worth}, more than can be counted: give value in minor units of one unit, or make several orders of it`,
      );
    }
    const exact = lines.some(({ bundle }) => bundle !== undefined) ? ({ exact: true } as const) : {};
    draft.add('captured', { order, ...exact }, { opens: [{ kind: 'source' }] });
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
    if (holdType !== 'payment') return undefined;
    settleAbout(state, draft, 'paid', isOverWhenPaid);
    const amountMinor = owedFor(state);
    payBack(draft, amountMinor);
    // He was told that it is cancelled when nothing was to go back.
    const payload = noticeOf(state, { about: 'refund', lines: [], amountMinor });
    if (amountMinor > 0) draft.alsoOpen({ kind: 'notify', payload });
    return undefined;
  },
  changeDestination: (state, { destination }, draft) => {
    if (state.order === undefined) return notCaptured(state);
    const status = statusOf(state);
    if (isNothingSent(status)) {
      return failure(
        'BAD_REQUEST',
        `changeDestination: order ${state.orderId} is ${status}, nothing of it is sent any more`,
      );
    }
    // A booking that nobody has told of yet may have been made, and would go to where the order went before.
    const asked = [...state.packages.values()].filter(
      ({ packageId }) => tasksOf(state, packageId, ['book']).length > 0,
    );
    const isSame = JSON.stringify(destination) === JSON.stringify(state.destination);
    const decided = isSame ? [] : cameBack(state).map(({ exceptionId }) => settleNow(state, exceptionId));
    const anew = [...asked.map((one) => bookAnew(state, one)), ...decided];
    draft.add(
      'destinationChanged',
      { destination },
      { opens: anew.flatMap(({ opens }) => opens), closes: anew.flatMap(({ closes }) => closes) },
    );
    settleAbout(
      state,
      draft,
      'changed',
      (one) => one.kind === 'addressProblem' && one.units.length === 0 && !isOldDestination(one),
    );
    if (isSame) return undefined;
    for (const one of state.packages.values()) if (isUnderWay(one)) raiseOldDestination(state, draft, one.packageId);
    return undefined;
  },

  expand: decideSourcing.expand,
  plan: decideSourcing.plan,
  allocate: decideSourcing.allocate,
  withdraw,

  release: decidePackage.release,
  pick: decidePackage.pick,
  shortPick: decidePackage.shortPick,
  pack: decidePackage.pack,
  reject: decidePackage.reject,
  book: decidePackage.book,
  reroute: decidePackage.reroute,
  track: decidePackage.track,

  raise: decideException.raise,
  settle: decideException.settle,
  refund: (state, { amountMinor, reference, taskId }, draft) => {
    if (state.order === undefined) return notCaptured(state);
    // What a task pays back was found to fit when it was opened.
    const own = state.tasks.get(taskId ?? '');
    const most = refundable(state) + (own === undefined ? 0 : refundOfTask(own));
    if (amountMinor > most) return beyondWorth(state, amountMinor, most);
    draft.add('refunded', { amountMinor, reference });
    return undefined;
  },

  done: (state, { taskId, note }, draft) => {
    const task = state.tasks.get(taskId ?? '');
    if (task === undefined) return failure('BAD_REQUEST', 'done: says which task, by taskId');
    const kind = task.kind === 'dead' ? (task.payload as { kind: TaskKind }).kind : task.kind;
    const hasNothingToSource = kind === 'source' && waitingUnits(state) === 0 && committedByPlan(state).length === 0;
    const isTakenBack = undoOf(task) !== undefined;
    if (!WITHOUT_RESULT.has(kind) && !hasNothingToSource && !isTakenBack) {
      return failure('BAD_REQUEST', `task ${task.taskId} is done by what it asks for, not by saying so`);
    }
    // No parcel of the package goes out by now, and its next booking has a key of its own.
    const next = isTakenBack ? { opens: [{ kind: 'book', key: task.key } as const] } : {};
    draft.add('taskDone', note === undefined ? {} : { note }, next);
    if (isTakenBack || bookingOfStock(task) !== undefined) {
      settleAbout(state, draft, 'answered', (one) => endsByAnswer(one, task.key));
    }
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

function bookingOfStock({ kind, payload }: Task): unknown {
  return kind === 'stock' ? payload['booking'] : undefined;
}

function beyondWorth({ orderId }: OrderState, amountMinor: number, most: number): Failure {
  return failure('BAD_REQUEST', `order ${orderId} has ${most} left to be paid back, not ${amountMinor}`);
}

function notCaptured({ orderId }: OrderState): Failure {
  return failure(
    'NOT_FOUND',
    `order ${orderId} is not captured here: use captureOrder first, or name the region that captured it`,
  );
}
