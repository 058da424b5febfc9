// How those who ask in the simulator insist: a request that is refused for now, or not answered in time, is sent again by whoever sent it.
import type { Outcome } from '../../protocol/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Scheduler } from '../kernel/scheduler.ts';

/** A refusal that names a longer pause is asked again after this all the same, ms: simulated time is short. */
const PAUSE_MS_MAX = 250;

export interface Insisting {
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly random: Random;
  /** Silence for so long counts as a failure, ms. */
  readonly patienceMs: number;
  /** Between a refusal and the next sending at least, ms; 0 if left out. */
  readonly pauseMsMin?: number;
  /** Nobody else has had the answer meanwhile. */
  readonly isWanted: () => boolean;
  readonly sendAgain: () => void;
  /** Before it is sent again. */
  readonly failed?: () => void;
}

/** For one sending. @returns to be told of its outcome: whether that is an answer that stays */
export function insist(options: Insisting): (outcome: Outcome) => boolean {
  const { scheduler, random, patienceMs, pauseMsMin = 0, isWanted, sendAgain, failed = () => {} } = options;
  let isOver = false;
  const again = (ms: number): void => {
    if (isOver) return;
    isOver = true;
    cancel();
    if (isWanted()) scheduler.after(ms * random.between(0.5, 1.5), sendAgain);
  };
  const cancel = scheduler.after(patienceMs, () => {
    failed();
    again(0);
  });
  return (outcome) => {
    if (!outcome.ok && outcome.retriable) {
      failed();
      again(Math.max(pauseMsMin, Math.min(outcome.retryAfterMs, PAUSE_MS_MAX)));
      return false;
    }
    isOver = true;
    cancel();
    return true;
  };
}
