// What an order's reservations make of a command: events, or why not. Pure; sends nothing: what is to be sent is read from the state
// (errands.ts), after the journal has the events.
import { type AskAnswer, type Failure, failure } from '../../protocol/index.ts';
import { exceedsQty } from './claims.ts';
import { createSaga, evolve, isLost } from './evolve.ts';
import { ATTEMPTS_MAX, CLAIMS_MAX } from './limits.ts';
import { requestKey } from './request-key.ts';
import { isCommitted, isSettled, TRANSITIONS } from './transitions.ts';
import type {
  AbandonReason,
  AnsweredClaim,
  Attempt,
  AttemptBody,
  EndedClaim,
  SagaCommand,
  SagaContext,
  SagaDecision,
  SagaEvent,
  SagaState,
} from './types.ts';

const NOTHING: SagaDecision = { events: [] };

/** What was asked for by the request with the key, or last. Undefined: nothing. */
export function attemptOf({ attempts }: SagaState, key: string | undefined): Attempt | undefined {
  return key === undefined ? attempts.at(-1) : attempts.find(({ askedBy }) => askedBy === key);
}

/** Decides without changing anything. */
export function decide(state: SagaState, command: SagaCommand, ctx: SagaContext): SagaDecision {
  const last = state.attempts.at(-1);
  switch (command.type) {
    case 'reserve':
      return reserve(state, last, command.body, ctx);
    case 'answer':
      return answer(state.attempts[command.attempt - 1], command.answers, ctx);
    case 'end':
      return end(state.attempts[command.attempt - 1], command.ends, ctx);
    case 'commit':
      return commit(state, attemptOf(state, command.of), ctx);
    case 'release':
      return release(state, attemptOf(state, command.of), ctx);
    case 'ask':
      return ask(state, last, command.reservationId, ctx);
    case 'lapse':
      return last !== undefined && isOverdue(last, ctx.now) ? { events: [abandoned(last, 'deadline', ctx)] } : NOTHING;
    default:
      return command satisfies never;
  }
}

function reserve(state: SagaState, last: Attempt | undefined, body: AttemptBody, ctx: SagaContext): SagaDecision {
  const key = requestKey(ctx);
  const before = state.attempts.find(({ askedBy }) => askedBy === key);
  if (before !== undefined) return isSame(before.body, body) ? NOTHING : refuse(CONFLICT);
  if (last !== undefined) {
    if (last.state === 'TENTATIVE' && !isOverdue(last, ctx.now)) {
      // A shopper who asks again for what the order holds has it; see replies.ts.
      return isSame(last.body, body) ? NOTHING : refuse(inTheWay(last, ctx));
    }
    // Given up and given back first: what it holds would stand in the way of the next.
    if (isOverdue(last, ctx.now)) return { events: [abandoned(last, 'deadline', ctx)] };
    if (!isSettled(last.state)) return refuse(UNDER_WAY);
  }
  if (state.attempts.length >= ATTEMPTS_MAX) {
    return refuse(failure('LIMIT_EXCEEDED', `order ${ctx.orderId} was reserved ${ATTEMPTS_MAX} times already`));
  }
  const event: SagaEvent = {
    type: 'reservationsStarted',
    attempt: state.attempts.length + 1,
    deadlineAt: ctx.now + body.ttlMs,
    requestId: ctx.requestId,
    cause: ctx.cause,
    body,
  };
  const { claims } = evolve(createSaga(), event).attempts[0] as Attempt;
  if (claims.length > CLAIMS_MAX) {
    const message = `${claims.length} positions are wanted, of ${CLAIMS_MAX} at most: make several orders of it`;
    return refuse(failure('TOO_LARGE', message));
  }
  const tooMany = exceedsQty({ claims });
  if (tooMany !== undefined) {
    return refuse(failure('BAD_REQUEST', `${tooMany.qty} of ${tooMany.sku} are wanted in all, more than there may be`));
  }
  return { events: [event] };
}

function answer(attempt: Attempt | undefined, answers: readonly AnsweredClaim[], ctx: SagaContext): SagaDecision {
  if (attempt === undefined || TRANSITIONS[attempt.state].answer === 'keep') return NOTHING;
  const isNew = ({ claim }: AnsweredClaim): boolean => {
    const one = attempt.claims[claim];
    return one !== undefined && one.answer === undefined;
  };
  const news = answers.filter(isNew);
  if (news.length === 0) return overdue(attempt, ctx);
  const event: SagaEvent = { type: 'reservationsAnswered', attempt: attempt.attempt, answers: news };
  if (attempt.state === 'RELEASING') return { events: [event] };
  const after = afterwards(attempt, event);
  if (isLost(after)) return { events: [event, abandoned(attempt, 'refused', ctx)] };
  if (after.lines.every(({ outcome }) => outcome !== undefined)) {
    return { events: [event, { type: 'reservationsHeld', attempt: attempt.attempt }] };
  }
  return { events: [event, ...overdue(attempt, ctx).events] };
}

function overdue(attempt: Attempt, ctx: SagaContext): SagaDecision {
  return isOverdue(attempt, ctx.now) ? { events: [abandoned(attempt, 'deadline', ctx)] } : NOTHING;
}

/** What the attempt is after the event, without changing it. */
function afterwards(attempt: Attempt, event: SagaEvent & { readonly attempt: number }): Attempt {
  const copy: Attempt = {
    ...attempt,
    claims: attempt.claims.map((claim) => ({ ...claim })),
    lines: attempt.lines.map((line) => ({ ...line })),
  };
  evolve({ attempts: [copy] }, { ...event, attempt: 1 });
  return copy;
}

function end(attempt: Attempt | undefined, ends: readonly EndedClaim[], ctx: SagaContext): SagaDecision {
  if (attempt === undefined) return NOTHING;
  const cell = TRANSITIONS[attempt.state].end;
  if (cell === 'keep' || cell === 'refuse') return NOTHING;
  const news = ends.filter(({ claim }) => {
    const one = attempt.claims[claim];
    return one?.answer?.isHeld === true && one.end === undefined;
  });
  if (news.length === 0) return NOTHING;
  return { events: [{ type: 'reservationsEnded', attempt: attempt.attempt, at: ctx.now, ends: news }] };
}

function commit(state: SagaState, one: Attempt | undefined, ctx: SagaContext): SagaDecision {
  const key = requestKey(ctx);
  if (state.attempts.some(({ committedBy }) => committedBy === key)) return NOTHING;
  if (one === undefined) return refuse(nothingReserved(ctx));
  switch (TRANSITIONS[one.state].commit) {
    case 'COMMITTING':
      return {
        events: [
          {
            type: 'reservationsCommitted',
            attempt: one.attempt,
            at: ctx.now,
            requestId: ctx.requestId,
            cause: ctx.cause,
          },
        ],
      };
    case 'keep':
      return NOTHING;
    default:
      if (one.state === 'RESERVING') return refuse(UNDER_WAY);
      return refuse(ended(one, one.reason === 'deadline' ? 'EXPIRED' : 'RELEASED', ctx));
  }
}

function release(state: SagaState, one: Attempt | undefined, ctx: SagaContext): SagaDecision {
  const key = requestKey(ctx);
  if (state.attempts.some(({ abandonedBy }) => abandonedBy === key)) return NOTHING;
  if (one === undefined) return refuse(nothingReserved(ctx));
  if (isCommitted(one.state)) return refuse(ended(one, 'COMMITTED', ctx));
  return TRANSITIONS[one.state].abandon === 'keep' ? NOTHING : { events: [abandoned(one, 'client', ctx)] };
}

/**
 * Once it has said commit or expire of an attempt it never says otherwise: an order that has not committed by its deadline
 * journals that it never will before it says so (I15). One it has not heard of belongs to a reserve whose answer was lost, or still is
 * under way.
 */
function ask(state: SagaState, last: Attempt | undefined, reservationId: string, ctx: SagaContext): SagaDecision {
  const isIt = (attempt: Attempt): boolean =>
    attempt.claims.some(({ answer: one }) => one?.isHeld === true && one.reservationId === reservationId);
  const known = state.attempts.findLast(isIt);
  const attempt = known ?? last;
  if (attempt === undefined) return told({ answer: 'expire' });
  if (isOverdue(attempt, ctx.now)) {
    return { events: [abandoned(attempt, 'deadline', ctx)], asked: { answer: 'expire' } };
  }
  if (attempt.state === 'RESERVING') return told({ answer: 'unknown-yet' });
  if (known === undefined) return told({ answer: 'expire' });
  if (attempt.state === 'TENTATIVE') return told({ answer: 'unknown-yet' });
  if (!isCommitted(attempt.state)) return told({ answer: 'expire' });
  const claim = attempt.claims.find(({ answer: one }) => one?.isHeld === true && one.reservationId === reservationId);
  const used = claim?.used ?? 0;
  return told(used === 0 ? { answer: 'expire' } : { answer: 'commit', qty: used });
}

function told(asked: AskAnswer): SagaDecision {
  return { events: [], asked };
}

/** Past its deadline and not committed: it may be given up. */
function isOverdue({ state, deadlineAt }: Attempt, now: number): boolean {
  return (state === 'RESERVING' || state === 'TENTATIVE') && now >= deadlineAt;
}

function abandoned({ attempt }: Attempt, reason: AbandonReason, { requestId, cause }: SagaContext): SagaEvent {
  return { type: 'reservationsAbandoned', attempt, reason, requestId, cause };
}

/** The same request, whoever sends it: bodies come from one parser, fields in one order. */
function isSame(a: AttemptBody, b: AttemptBody): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const CONFLICT = failure('IDEMPOTENCY_CONFLICT', 'this requestId was used to reserve other lines; use a new one');
const UNDER_WAY = failure(
  'UNAVAILABLE',
  'the order is being reserved, or given back, by another request; try again',
  50,
);

function refuse(refusal: Failure): SagaDecision {
  return { events: [], refusal };
}

function nothingReserved({ orderId }: SagaContext): Failure {
  return failure('NOT_FOUND', `order ${orderId} has reserved nothing: use reserveOrder first`);
}

function inTheWay({ attempt }: Attempt, { orderId }: SagaContext): Failure {
  const message = `order ${orderId} holds other lines by its attempt ${attempt}: use commitOrder or releaseOrder first`;
  return failure('BAD_REQUEST', message);
}

function ended({ attempt }: Attempt, state: 'COMMITTED' | 'RELEASED' | 'EXPIRED', { orderId }: SagaContext): Failure {
  const advice = state === 'COMMITTED' ? 'it can only be shipped' : 'use reserveOrder again';
  const message = `attempt ${attempt} of order ${orderId} is ${state}: ${advice}`;
  return { ...failure('RESERVATION_ENDED', message), state };
}
