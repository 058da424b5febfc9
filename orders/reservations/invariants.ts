// What must hold of an order's reservations after each event; SPEC.md has the list.
import { SagaViolation } from './evolve.ts';
import { ATTEMPTS_MAX } from './limits.ts';
import { isCommitted, isSettled } from './transitions.ts';
import type { Attempt, SagaState } from './types.ts';

/** @throws SagaViolation */
export function assertSaga({ attempts }: SagaState): void {
  check(attempts.length <= ATTEMPTS_MAX, () => `${attempts.length} attempts`);
  for (const [i, attempt] of attempts.entries()) {
    check(attempt.attempt === i + 1, () => `attempt ${attempt.attempt} stands at ${i + 1}`);
    check(
      i === attempts.length - 1 || isSettled(attempt.state),
      () => `I15: attempt ${attempt.attempt} was left ${attempt.state}`,
    );
    assertAttempt(attempt);
  }
}

function assertAttempt({ attempt, state, reason, claims, lines, body }: Attempt): void {
  const used = claims.map(() => 0);
  for (const { outcome } of lines) {
    if (outcome?.isHeld !== true) continue;
    for (const { claim, qty } of outcome.takes) used[claim] = (used[claim] ?? 0) + qty;
  }
  for (const [i, claim] of claims.entries()) {
    const held = claim.answer?.isHeld === true ? claim.answer.qty : 0;
    check(
      claim.used === used[i] && claim.used <= held,
      () => `claim ${i} of attempt ${attempt}: ${claim.used} of ${held} are taken`,
    );
    check(claim.end === undefined || held > 0, () => `claim ${i} of attempt ${attempt} ended and was not held`);
  }
  check(
    (reason === undefined) === (isCommitted(state) || state === 'RESERVING' || state === 'TENTATIVE'),
    () => `I15: attempt ${attempt} is ${state}, given up: ${reason}`,
  );
  if (!isCommitted(state) && state !== 'TENTATIVE') return;
  check(
    lines.every(({ outcome }) => outcome !== undefined),
    () => `I15: attempt ${attempt} is ${state} before all lines are answered`,
  );
  const had = lines.filter(({ outcome }) => outcome?.isHeld === true).length;
  check(
    body.policy === 'all' ? had === lines.length : had > 0,
    () => `I15: attempt ${attempt} is ${state} with ${had} lines`,
  );
}

/** Says what is wrong only when something is: this runs after every command. */
function check(holds: boolean, say: () => string): void {
  if (!holds) throw new SagaViolation(say());
}
