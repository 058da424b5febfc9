// The name of a replay: part of its ship node and of every requestId, so that a replay that broke off can be taken
// up again and two replays never touch each other's stock.
import { usageError } from '../exit.ts';

const RUN_ID = /^[A-Za-z0-9_-]{1,24}$/;

export type Step = 'load' | 'reserve' | 'commit' | 'ship' | 'adjust';

export function newRunId(now: number): string {
  return now.toString(36);
}

export function checkRunId(run: string): string {
  if (RUN_ID.test(run)) return run;
  throw usageError(`--run ${run}: a run id is 1 to 24 letters, digits, - or _`);
}

/** The ship node that holds the stock of the run. */
export function nodeOfRun(run: string): string {
  return `replay-${run}`;
}

const STEP_LETTER: Readonly<Record<Step, string>> = { load: 'l', reserve: 'r', commit: 'c', ship: 's', adjust: 'a' };

/**
 * The same line and step of the same run always have the same id. Short, because the grid remembers each for a
 * quarter of an hour, with the SKU.
 */
export function requestIdOf(run: string, line: number, step: Step): string {
  return `${run}-${line}${STEP_LETTER[step]}`;
}
