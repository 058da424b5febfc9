// The outside world as the shell sees it: time, turns of the event loop and timers. The simulator has its own.

export interface Runtime {
  /** Milliseconds since the epoch. May jump; nothing but timestamps may depend on it. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  monotonic(): number;
  /** Calls `run` in a later turn, after the input of this one was read. */
  defer(run: () => void): void;
  /** Calls `run` after `ms`; returns the way to cancel. */
  after(ms: number, run: () => void): () => void;
}

export const NODE_RUNTIME: Runtime = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  defer: (run) => {
    setImmediate(run);
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export function pause(runtime: Runtime, ms: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.after(ms, resolve);
  });
}
