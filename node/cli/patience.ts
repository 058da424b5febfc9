// Says what a command waits for when a grid is long in answering, so that nobody watches a silent terminal.
import { CALL_TIMEOUT_MS } from './grid-client.ts';

/** Silence that needs no explanation, ms. */
const SILENCE_MS = 2_000;

export interface Patience {
  /** The grid has answered something, or is asked again. */
  heard(): void;
  /** What comes next does not wait for the grid, until `heard`. */
  pause(): void;
  stop(): void;
}

/** Tells `say` once for each silence of the grid what is waited for and until when, until stopped. */
export function startPatience(say: (line: string) => void): Patience {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const pause = (): void => clearTimeout(timer);
  const heard = (): void => {
    pause();
    if (stopped) return;
    timer = setTimeout(() => {
      const until = new Date(Date.now() + CALL_TIMEOUT_MS - SILENCE_MS).toTimeString().slice(0, 8);
      say(
        `the grid has not answered for ${SILENCE_MS / 1_000} s; waiting until ${until} at the latest ` +
          '(`holdfast status` says how it is, Ctrl-C gives up)',
      );
    }, SILENCE_MS);
  };
  heard();
  return {
    heard,
    pause,
    stop: () => {
      stopped = true;
      pause();
    },
  };
}
