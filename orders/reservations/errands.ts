// What an order's reservations have to say to the grid: requests that follow from the state alone, the same however often they are
// asked for, so that they may be sent at least once. And what the grid's outcomes mean to the order.
import { createHash } from 'node:crypto';
import {
  type CommitRequest,
  formatOrderRef,
  type Outcome,
  parseReservationId,
  REQUEST_ID_LENGTH_MAX,
  type ReleaseRequest,
  type ReserveRequest,
} from '../../protocol/index.ts';
import type { AnsweredClaim, Attempt, Claim, EndedClaim, SagaContext, SagaState } from './types.ts';

type Place = Pick<SagaContext, 'orderId' | 'region'>;

/** A request about one claim. */
export interface Errand {
  readonly attempt: number;
  readonly claim: number;
  readonly request: ReserveRequest | CommitRequest | ReleaseRequest;
}

/** All that the newest attempt still has to send; none: nothing is waited for. */
export function errandsOf(state: SagaState, place: Place): readonly Errand[] {
  const attempt = state.attempts.at(-1);
  if (attempt === undefined) return [];
  const errands: Errand[] = [];
  for (const [index, claim] of attempt.claims.entries()) {
    const request = requestOf(attempt, claim, index, place);
    if (request !== undefined) errands.push({ attempt: attempt.attempt, claim: index, request });
  }
  return errands;
}

function requestOf(attempt: Attempt, claim: Claim, index: number, place: Place): Errand['request'] | undefined {
  const { answer, end, used } = claim;
  if (end !== undefined || answer?.isHeld === false) return undefined;
  switch (attempt.state) {
    case 'RESERVING':
      return answer === undefined ? reserveOf(attempt, claim, index, place) : undefined;
    case 'RELEASING':
      // One whose answer was lost is asked again, so that it can be given back now.
      return answer === undefined
        ? reserveOf(attempt, claim, index, place)
        : releaseOf(attempt, answer.reservationId, index, place);
    case 'TENTATIVE':
      return answer !== undefined && used === 0 ? releaseOf(attempt, answer.reservationId, index, place) : undefined;
    case 'COMMITTING':
      if (answer === undefined) return undefined;
      return used === 0
        ? releaseOf(attempt, answer.reservationId, index, place)
        : commitOf(attempt, answer, used, index, place);
    case 'COMMITTED':
    case 'RELEASED':
    case 'ABORTED':
      return undefined;
    default:
      return attempt.state satisfies never;
  }
}

function reserveOf(attempt: Attempt, claim: Claim, index: number, place: Place): ReserveRequest {
  const { sku, region, node, qty, allowPartial } = claim;
  const { ttlMs, owner, channel } = attempt.body;
  const requestId = requestIdOf(attempt, index, 'reserve', place);
  const order = formatOrderRef(place);
  return { op: 'reserve', sku, region, qty, ttlMs, owner, node, channel, allowPartial, order, requestId };
}

function commitOf(
  attempt: Attempt,
  { reservationId, qty }: { readonly reservationId: string; readonly qty: number },
  used: number,
  index: number,
  place: Place,
): CommitRequest {
  return {
    op: 'commit',
    reservationId,
    ref: refOf(reservationId),
    qty: used < qty ? used : undefined,
    orderId: place.orderId,
    order: formatOrderRef(place),
    requestId: requestIdOf(attempt, index, 'commit', place),
  };
}

function releaseOf(attempt: Attempt, reservationId: string, index: number, place: Place): ReleaseRequest {
  const requestId = requestIdOf(attempt, index, 'release', place);
  return { op: 'release', reservationId, ref: refOf(reservationId), order: formatOrderRef(place), requestId };
}

function refOf(reservationId: string): ReleaseRequest['ref'] {
  const ref = parseReservationId(reservationId);
  if (ref === undefined) throw new RangeError(`${reservationId} is no reservationId`);
  return ref;
}

/** The client's requestId is in it: an order that was lost and is made anew must not be answered as the one before. */
function requestIdOf(attempt: Attempt, claim: number, verb: string, place: Place): string {
  const text = `${formatOrderRef(place)}/${attempt.attempt}/${claim}/${verb}/${attempt.requestId}`;
  if (text.length <= REQUEST_ID_LENGTH_MAX) return text;
  return `order/${createHash('sha256').update(text).digest('base64url')}`;
}

/** What the grid said to the request of a claim. */
export interface ErrandOutcome {
  readonly claim: number;
  readonly op: Errand['request']['op'];
  readonly outcome: Outcome;
}

/** What came of errands: commands to the order. Outcomes that may be different the next time come to nothing. */
export interface ErrandResults {
  readonly answers: readonly AnsweredClaim[];
  readonly ends: readonly EndedClaim[];
}

export function resultsOf(done: readonly ErrandOutcome[]): ErrandResults {
  const answers: AnsweredClaim[] = [];
  const ends: EndedClaim[] = [];
  for (const { claim, op, outcome } of done) {
    if (op === 'reserve') {
      const answer = answerOf(outcome);
      if (answer !== undefined) answers.push({ claim, ...answer });
    } else {
      const end = endOf(op, outcome);
      if (end !== undefined) ends.push({ claim, end });
    }
  }
  return { answers, ends };
}

function answerOf(outcome: Outcome): Claim['answer'] {
  if (!outcome.ok) {
    const { code, message, retriable } = outcome;
    return retriable ? undefined : { isHeld: false, code, message };
  }
  if (!('reservationId' in outcome) || !('expiresAt' in outcome)) return undefined;
  const { reservationId, qty, node, expiresAt } = outcome;
  const parts = 'parts' in outcome && outcome.parts !== undefined ? { parts: outcome.parts } : {};
  return { isHeld: true, reservationId, qty, node, ...parts, expiresAt };
}

function endOf(op: 'commit' | 'release', outcome: Outcome): EndedClaim['end'] | undefined {
  if (outcome.ok) return op === 'commit' ? 'COMMITTED' : 'RELEASED';
  if (outcome.code === 'RESERVATION_ENDED') return outcome.state;
  return outcome.code === 'NOT_FOUND' ? 'NOT_FOUND' : undefined;
}
