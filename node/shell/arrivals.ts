// What is noted of an actor that came to be in a lane as a row, from a snapshot or from another lane: it stays packed.
import type { ActorDirectory } from './directory.ts';
import type { RowSummary } from './kinds.ts';
import type { TaskBoard } from './orders/task-board.ts';
import type { TimerWheel } from './wheel.ts';

export interface Arrivals {
  readonly directory: ActorDirectory;
  readonly wheel: TimerWheel;
  readonly board: TaskBoard;
}

export function noteArrival(key: string, partition: number, summary: RowSummary, into: Arrivals): void {
  const { positions, live, nextAt, isPooled, tasks, lastAt } = summary;
  into.directory.count(partition, positions, live);
  if (isPooled) into.directory.notePooled(key);
  if (nextAt !== Number.POSITIVE_INFINITY) into.wheel.schedule(key, nextAt);
  for (const { kind, dueAt } of tasks) into.board.add(key, kind, dueAt, lastAt);
}
