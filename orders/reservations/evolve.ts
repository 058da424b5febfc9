// The only way an order's reservations change, live and in replay. It changes the state it is given, and reads no clock.
import { IDEMPOTENCY_WINDOW_MS } from '../../protocol/index.ts';
import { claimRound, shareRound } from './claims.ts';
import { requestKey } from './request-key.ts';
import { TRANSITIONS } from './transitions.ts';
import type { Attempt, Claim, ClaimEnd, SagaEvent, SagaState } from './types.ts';

/** An event that does not follow from the state, or an invariant of SPEC.md that does not hold. */
export class SagaViolation extends Error {
  override readonly name = 'SagaViolation';
}

/** An order that has reserved nothing yet. */
export function createSaga(): SagaState {
  return { attempts: [] };
}

/** The same, to be changed without changing this one. Attempts before the last have ended and are shared: nothing changes them. */
export function forkSaga({ attempts }: SagaState): SagaState {
  const last = attempts.at(-1);
  if (last === undefined) return createSaga();
  const claims = last.claims.map((claim) => ({ ...claim }));
  const lines = last.lines.map((line) => ({ ...line }));
  return { attempts: [...attempts.slice(0, -1), { ...last, claims, lines }] };
}

/** Applies one event. @throws SagaViolation */
export function evolve(state: SagaState, event: SagaEvent): SagaState {
  if (event.type === 'reservationsStarted') {
    state.attempts.push(started(event));
    return state;
  }
  const attempt = state.attempts[event.attempt - 1];
  if (attempt === undefined)
    throw new SagaViolation(`${event.type} of attempt ${event.attempt}, which was not started`);
  switch (event.type) {
    case 'reservationsAnswered':
      move(attempt, 'answer');
      for (const { claim, ...answer } of event.answers) claimAt(attempt, claim).answer = answer;
      if (attempt.state === 'RESERVING') nextRound(attempt);
      break;
    case 'reservationsHeld':
      move(attempt, 'hold');
      break;
    case 'reservationsCommitted':
      move(attempt, 'commit');
      attempt.committedBy = requestKey(event);
      attempt.committedAt = event.at;
      break;
    case 'reservationsAbandoned':
      move(attempt, 'abandon');
      attempt.reason = event.reason;
      attempt.abandonedBy = requestKey(event);
      break;
    case 'reservationsEnded':
      move(attempt, 'end');
      for (const { claim, end } of event.ends) claimAt(attempt, claim).end = endOf(attempt, end, event.at);
      break;
    default:
      event satisfies never;
  }
  settle(attempt);
  return state;
}

function started(event: SagaEvent & { readonly type: 'reservationsStarted' }): Attempt {
  const { attempt, requestId, body, deadlineAt } = event;
  const made: Attempt = {
    attempt,
    requestId,
    askedBy: requestKey(event),
    body,
    deadlineAt,
    state: 'RESERVING',
    reason: undefined,
    round: 1,
    claims: [],
    lines: body.lines.map((line) => ({ line, candidate: 0, wants: [], outcome: undefined })),
    committedBy: undefined,
    abandonedBy: undefined,
    committedAt: undefined,
  };
  claimRound(made);
  return made;
}

/** With the last answer of a round its units are shared out, and lines that go without claim elsewhere. */
function nextRound(attempt: Attempt): void {
  if (attempt.claims.some(({ answer }) => answer === undefined)) return;
  shareRound(attempt);
  if (isLost(attempt) || attempt.lines.every(({ outcome }) => outcome !== undefined)) return;
  attempt.round += 1;
  claimRound(attempt);
}

/** Its policy cannot be had any more: nothing that is still to be asked could change that. */
export function isLost({ body, lines }: Attempt): boolean {
  if (body.policy === 'all') return lines.some(({ outcome }) => outcome?.isHeld === false);
  return lines.every(({ outcome }) => outcome?.isHeld === false);
}

/** It has come to its end once every claim has. */
function settle(attempt: Attempt): void {
  const { state, claims, reason } = attempt;
  const isOpen = (claim: Claim): boolean => claim.answer?.isHeld === true && claim.end === undefined;
  if ((state !== 'COMMITTING' && state !== 'RELEASING') || claims.some(isOpen)) return;
  if (state === 'COMMITTING') attempt.state = 'COMMITTED';
  else if (claims.every(({ answer }) => answer !== undefined))
    attempt.state = reason === 'client' ? 'RELEASED' : 'ABORTED';
}

/**
 * A reservation that was shipped whole is forgotten an idempotency window later, and its order may hear of it only then: it knows of no other
 * end of one that it committed. Clocks may differ by minutes, so half a window of the order's own time is enough.
 */
function endOf({ committedAt }: Attempt, end: ClaimEnd, at: number): ClaimEnd {
  const isForgotten = committedAt !== undefined && at - committedAt >= IDEMPOTENCY_WINDOW_MS / 2;
  return end === 'NOT_FOUND' && isForgotten ? 'COMMITTED' : end;
}

function move(attempt: Attempt, verb: keyof (typeof TRANSITIONS)['RESERVING']): void {
  const cell = TRANSITIONS[attempt.state][verb];
  if (cell === 'refuse' || cell === 'keep') {
    throw new SagaViolation(`${verb} of attempt ${attempt.attempt}, which is ${attempt.state}`);
  }
  attempt.state = cell;
}

function claimAt(attempt: Attempt, index: number): Claim {
  const claim = attempt.claims[index];
  if (claim === undefined) throw new SagaViolation(`attempt ${attempt.attempt} has no claim ${index}`);
  return claim;
}
