// SIGINT and SIGTERM for commands that run until stopped: the first drains, the second does not wait.

/** Calls `first` on the first signal and `second` on the next; returns the way to stop listening. */
export function onSignals(
  first: (signal: NodeJS.Signals) => void,
  second: (signal: NodeJS.Signals) => void,
): () => void {
  let seen = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (seen) {
      second(signal);
      return;
    }
    seen = true;
    first(signal);
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
