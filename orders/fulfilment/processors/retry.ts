// When an order that lacks stock is sourced again: the longer it has waited, the less often; and as soon as a ship node that rejected it
// is asked again.
import { BACKORDER_RETRY } from '../limits.ts';
import type { BusinessClock, OrderRecord } from '../ports.ts';
import type { LeftOut } from './left-out.ts';

/** On the grid's clock, ms since the epoch. */
export function retryAt(
  { detail }: Pick<OrderRecord, 'detail'>,
  { until = Number.POSITIVE_INFINITY }: Pick<LeftOut, 'until'>,
  clock: Pick<BusinessClock, 'now' | 'fromGrid' | 'toGrid'>,
): number {
  const now = clock.now();
  const noticed = detail.exceptions.findLast(({ kind }) => kind === 'backorder')?.openedAt;
  const waited = noticed === undefined ? 0 : now - clock.fromGrid(noticed);
  const { share, leastMs, mostMs } = BACKORDER_RETRY;
  const pause = Math.min(mostMs, Math.max(leastMs, waited * share));
  return clock.toGrid(Math.round(Math.min(now + pause, until)));
}
