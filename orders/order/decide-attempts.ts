// Reserving lines of the order on the grid: one attempt at a time, tentative until the order commits it or lets it go. The record
// attemptCommitted is the commit point of all lines (I15).
import { type Failure, failure, ORDER_LINES_MAX } from '../../protocol/index.ts';
import type { Part } from './draft.ts';
import { ATTEMPTS_MAX } from './limits.ts';
import { ATTEMPT_TRANSITIONS } from './transitions.ts';
import type { Attempt, OrderState } from './types.ts';

interface AttemptParts {
  readonly reserve: Part<'reserve'>;
  readonly answer: Part<'answer'>;
  readonly commit: Part<'commit'>;
  readonly releaseAttempt: Part<'releaseAttempt'>;
  readonly ask: Part<'ask'>;
  readonly confirm: Part<'confirm'>;
}

export const decideAttempt: AttemptParts = {
  reserve: (state, { policy, deadlineAt, lines }, draft) => {
    const last = state.attempts.at(-1);
    if (last !== undefined && (last.state === 'RESERVING' || last.state === 'RESERVED')) {
      return failure('BAD_REQUEST', `attempt ${last.attempt} is ${last.state}: commit or release it first`);
    }
    if (state.attempts.length >= ATTEMPTS_MAX) {
      return failure('LIMIT_EXCEEDED', `order ${state.orderId} was reserved ${ATTEMPTS_MAX} times`);
    }
    if (lines.length === 0 || lines.length > ORDER_LINES_MAX) {
      return failure('BAD_REQUEST', `lines: 1 to ${ORDER_LINES_MAX}`);
    }
    if (new Set(lines.map(({ lineId }) => lineId)).size < lines.length) {
      return failure('BAD_REQUEST', 'lines: two have the same lineId');
    }
    draft.add('reserveStarted', { attempt: state.attempts.length + 1, policy, deadlineAt, lines });
    return undefined;
  },
  answer: (state, { attempt, lines }, draft) => {
    const one = attemptOf(state, attempt);
    if (!('attempt' in one)) return one;
    // Another one may have asked and been told that it is over: what came too late is let go by those who ask.
    if (ATTEMPT_TRANSITIONS[one.state].answer === 'keep') return undefined;
    const missing = one.lines.find(({ lineId }) => lines.every((line) => line.lineId !== lineId));
    if (missing !== undefined || lines.length !== one.lines.length) {
      return failure('BAD_REQUEST', `answer: one for each of the ${one.lines.length} lines of attempt ${attempt}`);
    }
    draft.add('reserveAnswered', { attempt, lines });
    const granted = lines.filter(({ reservationId }) => reservationId !== undefined).length;
    if (granted === 0 || (one.policy === 'all' && granted < lines.length)) {
      draft.add('attemptReleased', { attempt, reason: 'refused' });
    }
    return undefined;
  },
  commit: (state, command, draft) => {
    const one = attemptOf(state, command.attempt);
    if (!('attempt' in one)) return one;
    const cell = ATTEMPT_TRANSITIONS[one.state].commit;
    if (cell === 'COMMITTED' && one.isForPlan && state.plan === undefined) {
      return failure('BAD_REQUEST', `the plan of attempt ${one.attempt} is withdrawn: release it, and source again`);
    }
    if (cell === 'refuse') {
      return one.state === 'RELEASED'
        ? ended(one, 'RELEASED')
        : failure('BAD_REQUEST', `attempt ${one.attempt} is not answered yet`);
    }
    if (cell === 'COMMITTED') draft.add('attemptCommitted', { attempt: one.attempt });
    return undefined;
  },
  releaseAttempt: (state, command, draft) => {
    const one = attemptOf(state, command.attempt);
    if (!('attempt' in one)) return one;
    const cell = ATTEMPT_TRANSITIONS[one.state].release;
    if (cell === 'refuse') return ended(one, 'COMMITTED');
    if (cell === 'RELEASED') draft.add('attemptReleased', { attempt: one.attempt, reason: 'client' });
    return undefined;
  },
  ask: (state, command, draft) => {
    const one = attemptOf(state, command.attempt);
    if (!('attempt' in one)) return one;
    const isDue = draft.now >= one.deadlineAt;
    if (isDue && ATTEMPT_TRANSITIONS[one.state].expire === 'RELEASED') {
      draft.add('attemptReleased', { attempt: one.attempt, reason: 'deadline' });
    }
    return undefined;
  },
  confirm: (state, { attempt, lineIds }, draft) => {
    const one = attemptOf(state, attempt);
    if (!('attempt' in one)) return one;
    const news = one.lines
      .filter((line) => !line.isSettled && lineIds.includes(line.lineId))
      .map(({ lineId }) => lineId);
    if (news.length > 0) draft.add('attemptConfirmed', { attempt, lineIds: news });
    return undefined;
  },
};

function attemptOf(state: OrderState, attempt: number = state.attempts.length): Attempt | Failure {
  const one = state.attempts[attempt - 1];
  return one ?? failure('NOT_FOUND', `order ${state.orderId} has no attempt ${attempt} to reserve`);
}

function ended({ attempt }: Attempt, state: 'COMMITTED' | 'RELEASED'): Failure {
  return { ...failure('RESERVATION_ENDED', `attempt ${attempt} is ${state}`), state };
}
