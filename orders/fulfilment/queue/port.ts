// What hands tasks to processors, at least once each: drivers are outbox.ts (the grid alone) and bullmq.ts (by way of Redis).
// A task that fails is tried again with growing pauses, then given up; one that is not ready yet comes back when it says.

export interface TaskQueue {
  /** Takes no more tasks; resolves when those in hand are done or have been given back. */
  stop(): Promise<void>;
  readonly figures: QueueFigures;
}

export interface QueueFigures {
  /** Tasks in hand. */
  readonly inFlight: number;
  readonly done: number;
  /** Failures that were tried again. */
  readonly retried: number;
  readonly dead: number;
}

export type Log = (message: string) => void;
