// SIGINT and SIGTERM for commands that run until stopped: the first drains, the second does not wait.

/** One press of Ctrl-C may come twice: from the terminal to all in the foreground, and from npm, which passes it on. ms. */
const ONE_PRESS_MS = 500;

/** Calls `first` on the first signal and `second` on the next; returns the way to stop listening. */
export function onSignals(
  first: (signal: NodeJS.Signals) => void,
  second: (signal: NodeJS.Signals) => void,
): () => void {
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      first(signal);
    } else if (now - firstAt >= ONE_PRESS_MS) {
      second(signal);
    }
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}

/** What shells report for a process that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? 130 : 143;
}
