// What a client is told: read from the attempt that its request made or found, so that a repetition is answered alike.
import {
  type EndOrderReply,
  type Failure,
  failure,
  type OrderLineView,
  type ReserveOrderReply,
} from '../../protocol/index.ts';
import { attemptOf } from './saga.ts';
import { isCommitted } from './transitions.ts';
import type { Attempt, LineState, SagaState } from './types.ts';

/**
 * The answer to a reserve, by the key of its request (request-key.ts); undefined: not all claims are answered yet, or an attempt that is in its way has to be given back
 * first.
 */
export function reserveReply(state: SagaState, orderId: string, key: string): ReserveOrderReply | Failure | undefined {
  const attempt = state.attempts.find((one) => one.askedBy === key) ?? heldBy(state);
  if (attempt === undefined || attempt.state === 'RESERVING') return undefined;
  const isUndecided = attempt.lines.some(({ outcome }) => outcome === undefined);
  if (attempt.reason === 'refused' || (isUndecided && attempt.reason !== undefined)) return refused(attempt, orderId);
  return {
    ok: true,
    orderId,
    attempt: attempt.attempt,
    state: 'RESERVED',
    expiresAt: attempt.deadlineAt,
    lines: attempt.lines.map((line) => viewOf(attempt, line)),
  };
}

/** What a second request for the same lines finds. */
function heldBy({ attempts }: SagaState): Attempt | undefined {
  const last = attempts.at(-1);
  return last?.state === 'TENTATIVE' ? last : undefined;
}

function refused(attempt: Attempt, orderId: string): Failure {
  const lines = attempt.lines.flatMap(({ line: { lineId }, outcome }) =>
    outcome?.isHeld === false ? [{ lineId, code: outcome.code, message: outcome.message }] : [],
  );
  const [first] = lines;
  if (first === undefined) {
    const message = `order ${orderId} was given up (${attempt.reason}) before all its lines were answered: reserve again`;
    return { ...failure('RESERVATION_ENDED', message), state: attempt.reason === 'deadline' ? 'EXPIRED' : 'RELEASED' };
  }
  const message = `line ${first.lineId}: ${first.message}; nothing is reserved for order ${orderId}`;
  return { ...failure(first.code, message), lines };
}

/** The answer to a commit or release by the key of its request, of the attempt that it is about (`of`, or the last); undefined: there is nothing of the kind. */
export function endReply(
  state: SagaState,
  orderId: string,
  key: string,
  { op, of }: { readonly op: 'commit' | 'release'; readonly of?: string | undefined },
): EndOrderReply | undefined {
  const by = op === 'commit' ? 'committedBy' : 'abandonedBy';
  const attempt = state.attempts.find((one) => one[by] === key) ?? attemptOf(state, of);
  if (attempt === undefined) return undefined;
  const pending = attempt.claims.filter(({ answer, end }) => answer?.isHeld === true && end === undefined).length;
  return {
    ok: true,
    orderId,
    attempt: attempt.attempt,
    state: isCommitted(attempt.state) ? 'COMMITTED' : 'RELEASED',
    lines: attempt.lines.map((line) => viewOf(attempt, line)),
    ...(pending === 0 ? {} : { pending }),
  };
}

function viewOf(attempt: Attempt, { line: { lineId }, outcome }: LineState): OrderLineView {
  if (outcome === undefined)
    return { lineId, ok: false, code: 'RESERVATION_ENDED', message: 'given up before it was had' };
  if (!outcome.isHeld) return { lineId, ok: false, code: outcome.code, message: outcome.message };
  const reservations = outcome.takes.flatMap(({ claim, qty }) => {
    const taken = attempt.claims[claim];
    if (taken?.answer?.isHeld !== true) return [];
    const { reservationId, node, parts } = taken.answer;
    return [
      { reservationId, sku: taken.sku, region: taken.region, node, ...(parts === undefined ? {} : { parts }), qty },
    ];
  });
  const broken = brokenEnd(attempt, outcome.takes);
  if (broken !== undefined) return { lineId, ok: false, code: 'RESERVATION_ENDED', message: broken };
  return { lineId, ok: true, sku: outcome.sku, qty: outcome.qty, reservations };
}

/** A claim that ended otherwise than the order decided: its journal has lost what was acknowledged. */
export function brokenEnd(attempt: Attempt, takes: readonly { readonly claim: number }[]): string | undefined {
  for (const { claim } of takes) {
    const { end, answer } = attempt.claims[claim] ?? {};
    if (end === undefined || answer?.isHeld !== true) continue;
    const isAsDecided = isCommitted(attempt.state) ? end === 'COMMITTED' : end !== 'COMMITTED';
    if (!isAsDecided) return `the reservation ${answer.reservationId} is ${end}, and the order decided otherwise`;
  }
  return undefined;
}

/** What an attempt has committed: units of each reservation. Nothing while it is not, nor of claims that ended otherwise. */
export function committedOf(attempt: Attempt) {
  if (!isCommitted(attempt.state)) return [];
  return attempt.lines.flatMap((line) => {
    const view = viewOf(attempt, line);
    return view.ok ? view.reservations : [];
  });
}
