// What an event of an order changes about its tasks, told to the board of its lane.
import type { OrderTask } from '../../../protocol/index.ts';
import type { HostedOrder } from './hosted-order.ts';
import type { OrderKind } from './order-kind.ts';
import type { TaskBoard } from './task-board.ts';

/** Carries out `change` on the order, and has the board know what tasks it opened and closed. */
export function changeOrder(kind: OrderKind, board: TaskBoard, order: HostedOrder, change: () => void): void {
  const before = kind.core.openTasks(order.core).slice();
  change();
  const after = kind.core.openTasks(order.core);
  for (const task of before) if (!has(after, task)) board.closed(order.key, task.taskId);
  for (const task of after) if (!has(before, task)) board.add(order.key, task.kind, task.dueAt, order.lastAt);
}

/** An order has a handful of tasks open. One that was put off, or is dead or revived, is another under the same name. */
function has(tasks: readonly OrderTask[], { taskId, kind, dueAt }: OrderTask): boolean {
  return tasks.some((task) => task.taskId === taskId && task.kind === kind && task.dueAt === dueAt);
}
