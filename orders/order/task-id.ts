// What a task is called: `order-1/book#2`, by its order and its name in it. An orderId may have slashes in it, a name has none.

export function taskIdOf(orderId: string, name: string): string {
  return `${orderId}/${name}`;
}

/** `order-1/book#2` → `book#2` */
export function taskName(taskId: string): string {
  return taskId.slice(taskId.lastIndexOf('/') + 1);
}

/** `order-1/book#2` → `order-1` */
export function orderOfTask(taskId: string): string {
  return taskId.slice(0, Math.max(0, taskId.lastIndexOf('/')));
}

/** `order-1/book#2` → `task:book#2`: the cause of what it does. */
export function taskCause(taskId: string): string {
  return `task:${taskName(taskId)}`;
}
