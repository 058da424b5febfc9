// A refusal by the rules of stock as an event, so that its retry is answered alike (I11).
import type { MutatingRequest } from '../../protocol/index.ts';
import type { DecideContext, RefusedEvent } from './types.ts';

/** What the figures are is said beside RefusedEvent. */
export function refusal(
  code: RefusedEvent['code'],
  request: MutatingRequest,
  hash: number,
  now: number,
  ctx: DecideContext,
  asked: number,
  available: number,
): RefusedEvent {
  return {
    type: 'refused',
    at: now,
    epoch: ctx.epoch,
    requestId: request.requestId,
    bodyHash: hash,
    code,
    asked,
    available,
    bound: 0,
    endState: undefined,
  };
}
