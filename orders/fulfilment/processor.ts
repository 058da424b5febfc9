// One task from beginning to end: reads the order, has the processor of its kind do what is to be done outside, tells the order what came
// of it. All of it may be done again after a crash: effects are made once by the taskId, and the order closes a task once (I16).
import { type Json, type OrderTask, TRACE_ID_LENGTH_MAX } from '../../protocol/index.ts';
import { isName } from '../../protocol/names.ts';
import { taskCause, taskName } from '../order/task-id.ts';
import type { TaskKind } from '../order/types.ts';
import type { Command, OrderRecord, Ports } from './ports.ts';

export interface Work {
  readonly task: OrderTask;
  readonly order: OrderRecord;
  readonly ports: Ports;
}

/** What came of a task. */
export type Result =
  /** Tell the order, in this order. `step` tells commands of one task apart; the last closes it unless it is one that watches. */
  | { readonly tell: readonly Told[] }
  /** Nothing yet: again after so many ms of business. */
  | { readonly later: number }
  /** It is what it should be already. */
  | { readonly nothing: true };

export interface Told {
  readonly command: Command;
  readonly step?: string;
  readonly cause?: string;
  readonly policyVersion?: string;
  /** It is news, not the end of the task. */
  readonly isNews?: boolean;
  /** And the carrier's: whoever else hears of it tells it under the same requestId, which is the step alone. */
  readonly isOfCarrier?: boolean;
  /** News that a journey which is full goes without: the end of the task says the same. */
  readonly ifThereIsRoom?: boolean;
}

export type Processor = (work: Work) => Promise<Result & { readonly again?: number }>;

/** What became of it: done, to be looked at again after so many ms of the grid's time, or left as it was for another process. */
export type Processed = { readonly done: true } | { readonly laterMs: number } | { readonly left: true };

/** An order refused what came of a task, and will refuse it again: a defect, or a world that it does not know. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** What a task asks of a carrier that this process does not know. Others may: it is theirs, and nothing was done about it. */
export class NotServed extends Error {
  override readonly name = 'NotServed';
  readonly carrier: string;
  readonly packageId: string;

  constructor({ carrier, packageId }: { readonly carrier: string; readonly packageId: string }) {
    super(`no carrier ${carrier} is known here`);
    this.carrier = carrier;
    this.packageId = packageId;
  }
}

/** Policies decide by what they have decided before; what became of stock is told by when its task was opened. */
const WITH_JOURNEY: ReadonlySet<string> = new Set(['settle', 'stock']);

/**
 * Does one task.
 * @throws whatever stands in the way; it is to be tried again
 */
export async function processTask(
  { orderId, taskId, kind }: { readonly orderId: string; readonly taskId: string; readonly kind: string },
  processors: Readonly<Partial<Record<TaskKind, Processor>>>,
  ports: Ports,
): Promise<Processed> {
  const order = await ports.grid.getOrder(orderId, WITH_JOURNEY.has(kind));
  const task = order?.tasks.find((one) => one.taskId === taskId);
  // Somebody has done it already, or it is no longer wanted.
  if (order === undefined || task === undefined || task.kind === 'dead') return { done: true };
  const processor = processors[task.kind as TaskKind];
  if (processor === undefined) throw new Refused(`nobody here does tasks ${task.kind}`);
  const result = await processor({ task, order, ports });
  if ('tell' in result) for (const told of result.tell) await tell(told, task, order, ports);
  const again = 'later' in result ? result.later : result.again;
  return again === undefined ? { done: true } : { laterMs: Math.ceil(again / ports.clock.speed) };
}

/** Under which a task tells a step of its work, or its end. */
export function requestIdOf(taskId: string, step?: string): string {
  const name = taskName(taskId);
  return step === undefined ? name : `${name}:${step}`;
}

/** It is open, and due as it was when it was begun. */
async function isStill({ taskId, kind, dueAt }: OrderTask, orderId: string, grid: Ports['grid']): Promise<boolean> {
  const task = (await grid.getOrder(orderId))?.tasks.find((one) => one.taskId === taskId);
  return task !== undefined && task.kind === kind && task.dueAt === dueAt;
}

/** An order that can only be ended by now. */
const NO_ROOM: ReadonlySet<string> = new Set(['LIMIT_EXCEEDED', 'TOO_LARGE']);

/** @throws Refused */
export async function tell(
  { command, step, cause, policyVersion, isNews = false, isOfCarrier = false, ifThereIsRoom = false }: Told,
  task: OrderTask,
  { orderId, detail }: OrderRecord,
  { grid }: Ports,
): Promise<void> {
  const body = {
    ...(command as unknown as { type: string; [field: string]: Json }),
    cause: cause ?? taskCause(task.taskId),
    ...(policyVersion === undefined ? {} : { policyVersion }),
    ...(isNews ? {} : { taskId: task.taskId }),
  };
  const requestId = isOfCarrier && step !== undefined ? step : requestIdOf(task.taskId, step);
  const { traceId = '' } = detail;
  // A client that named no trace is traced by its requestId, which may be a text where a trace is a name.
  const trace = isName(traceId, TRACE_ID_LENGTH_MAX) ? { traceId } : {};
  const answer = await grid.advanceOrder(orderId, body, { requestId, ...trace });
  if (answer.ok) return;
  // The task is closed, since what it asked for is no longer wanted.
  if (answer.code === 'NOT_FOUND') return;
  if (ifThereIsRoom && NO_ROOM.has(answer.code)) return;
  // It was told before, by somebody who died before he knew, unless nothing came of that: then a client has told it in the name of the task.
  // Nor may another plan be reserved than the one that the order has: who does the task again finds that one.
  if (answer.code === 'IDEMPOTENCY_CONFLICT' && (isNews || !(await isStill(task, orderId, grid)))) return;
  throw new Refused(`${orderId}: ${command.type} is refused: ${answer.message}`);
}
