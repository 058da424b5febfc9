// What each verb may do to an attempt in each state: the whole table, so that a missing cell does not compile.
import type { AttemptState } from './types.ts';

/**
 * answered, ended: the last claim that was waited for. abandon: by want of stock, by the client, or past the deadline.
 */
export type AttemptVerb = 'answer' | 'hold' | 'commit' | 'abandon' | 'end';

/** A state: the attempt goes there. keep: it is so already, or changes nothing of it. refuse: not now, or not any more. */
export type AttemptCell = AttemptState | 'keep' | 'refuse';

export const TRANSITIONS: Record<AttemptState, Record<AttemptVerb, AttemptCell>> = {
  RESERVING: { answer: 'RESERVING', hold: 'TENTATIVE', commit: 'refuse', abandon: 'RELEASING', end: 'refuse' },
  TENTATIVE: { answer: 'keep', hold: 'refuse', commit: 'COMMITTING', abandon: 'RELEASING', end: 'TENTATIVE' },
  COMMITTING: { answer: 'keep', hold: 'refuse', commit: 'keep', abandon: 'refuse', end: 'COMMITTING' },
  COMMITTED: { answer: 'keep', hold: 'refuse', commit: 'keep', abandon: 'refuse', end: 'keep' },
  // What is answered too late is given back as well.
  RELEASING: { answer: 'RELEASING', hold: 'refuse', commit: 'refuse', abandon: 'keep', end: 'RELEASING' },
  RELEASED: { answer: 'keep', hold: 'refuse', commit: 'refuse', abandon: 'keep', end: 'keep' },
  ABORTED: { answer: 'keep', hold: 'refuse', commit: 'refuse', abandon: 'keep', end: 'keep' },
};

/** Whether its outcome is decided and told to all claims. */
export function isSettled(state: AttemptState): boolean {
  return state === 'COMMITTED' || state === 'RELEASED' || state === 'ABORTED';
}

/** Whether its commit point is journaled. */
export function isCommitted(state: AttemptState): boolean {
  return state === 'COMMITTING' || state === 'COMMITTED';
}
