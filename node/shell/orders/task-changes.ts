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
  for (const { taskId } of before) if (!has(after, taskId)) board.closed(order.key, taskId);
  for (const { taskId, kind: of, dueAt } of after)
    if (!has(before, taskId)) board.add(order.key, of, dueAt, order.lastAt);
}

/** An order has a handful of tasks open. */
function has(tasks: readonly OrderTask[], taskId: string): boolean {
  return tasks.some((task) => task.taskId === taskId);
}
