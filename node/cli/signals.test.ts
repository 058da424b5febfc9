// One press of Ctrl-C may come as two signals; a second press does not wait.
import { afterEach, expect, test, vi } from 'vitest';
import { onSignals } from './signals.ts';

afterEach(() => vi.useRealTimers());

test('given a signal that comes twice at once, as from npm, then it counts once; a later one is the second', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const heard: string[] = [];
  const stop = onSignals(
    (signal) => heard.push(`first ${signal}`),
    (signal) => heard.push(`second ${signal}`),
  );
  process.emit('SIGINT', 'SIGINT');
  process.emit('SIGINT', 'SIGINT');
  expect(heard).toEqual(['first SIGINT']);
  vi.advanceTimersByTime(1_000);
  process.emit('SIGTERM', 'SIGTERM');
  expect(heard).toEqual(['first SIGINT', 'second SIGTERM']);
  stop();
});
