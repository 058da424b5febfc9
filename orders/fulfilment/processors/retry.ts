// When an order that lacks stock is sourced again: the longer it has waited, the less often; and as soon as a ship node that could not send
// it can be asked again.
import { BACKORDER_RETRY } from '../limits.ts';
import type { BusinessClock, OrderRecord } from '../ports.ts';

/**
 * On the grid's clock, ms since the epoch.
 * @param until when the first ship node that is busy can be asked again, ms of business
 */
export function retryAt(
  { detail }: Pick<OrderRecord, 'detail'>,
  until: number | undefined,
  clock: Pick<BusinessClock, 'now' | 'fromGrid' | 'toGrid'>,
): number {
  const now = clock.now();
  const { waitingSince } = detail;
  const waited = waitingSince === undefined ? 0 : now - clock.fromGrid(waitingSince);
  const { share, leastMs, mostMs } = BACKORDER_RETRY;
  const pause = Math.min(mostMs, Math.max(leastMs, waited * share));
  return clock.toGrid(Math.round(Math.min(now + pause, until ?? Number.POSITIVE_INFINITY)));
}
