// The outside world as the shell sees it: time, turns of the event loop and timers. The simulator has its own.
import { getHeapStatistics } from 'node:v8';

export interface Runtime {
  /** Milliseconds since the epoch; advances with the monotonic clock within one process. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  monotonic(): number;
  /** Calls `run` in a later turn, after the input of this one was read. */
  defer(run: () => void): void;
  /** Calls `run` after `ms`; returns the way to cancel. */
  after(ms: number, run: () => void): () => void;
  /** What is held, in the heap and in buffers outside of it, as a share of the heap's limit. */
  heapUse(): number;
}

export const NODE_RUNTIME: Runtime = {
  // The wall clock of the start, carried on by the clock that never jumps: a wall clock that is set an hour ahead and back
  // would otherwise age what must be remembered.
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  monotonic: () => performance.now(),
  defer: (run) => {
    setImmediate(run);
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  heapUse: () => {
    const { used_heap_size, external_memory, heap_size_limit } = getHeapStatistics();
    return (used_heap_size + external_memory) / heap_size_limit;
  },
};

export function pause(runtime: Runtime, ms: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.after(ms, resolve);
  });
}

/** What `work` comes to. @throws an error with `late` as its message when that takes longer than `ms` */
export function within<T>(runtime: Runtime, ms: number, work: Promise<T>, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = runtime.after(ms, () => reject(new Error(late)));
    work.then(resolve, reject).finally(cancel);
  });
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(runtime: Pick<Runtime, 'defer'>): Promise<void> {
  return new Promise((resolve) => {
    runtime.defer(resolve);
  });
}

/** How long work that others wait for goes on before it leaves them the turn, ms: least and most. */
const PACE_MS = [4, 20] as const;

/**
 * For long work beside serving that is urgent itself: to be awaited now and then, it leaves the turn to others once the work
 * has gone on for as long as they took the last time. So each has about half.
 */
export function evenPace(runtime: Pick<Runtime, 'defer' | 'monotonic'>): () => Promise<void> {
  const [least, most] = PACE_MS;
  let since = runtime.monotonic();
  let budgetMs: number = least;
  return async () => {
    const left = runtime.monotonic();
    if (left - since < budgetMs) return;
    await nextTurn(runtime);
    since = runtime.monotonic();
    budgetMs = Math.min(Math.max(since - left, least), most);
  };
}
