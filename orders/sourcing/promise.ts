// How likely a parcel misses its promise: when it leaves its ship node, and how long its carrier service takes.
import { DateTime } from 'luxon';
import type { ShipNode, TransitDays } from './rules.ts';

const DAY_MS = 86_400_000;
/** A node that is closed for longer has no calendar. */
const LOOKAHEAD_DAYS = 366;
const QUANTILES = [0.5, 0.75, 0.85, 0.9, 0.95, 0.97, 0.99] as const;

/**
 * When what is sourced at `nowMs` is handed over: at the node's next cutoff on a working day, ms since the epoch. Undefined
 * when there is none within a year.
 */
export function handedOverAt(
  node: Pick<ShipNode, 'timeZone' | 'cutoff' | 'workingDays' | 'holidays'>,
  nowMs: number,
): number | undefined {
  const [hour, minute] = node.cutoff.split(':').map(Number) as [number, number];
  const now = DateTime.fromMillis(nowMs, { zone: node.timeZone });
  for (let ahead = 0; ahead < LOOKAHEAD_DAYS; ahead++) {
    const cutoff = now.plus({ days: ahead }).set({ hour, minute, second: 0, millisecond: 0 });
    if (cutoff.toMillis() < nowMs || !node.workingDays.includes(cutoff.weekday)) continue;
    if (!node.holidays.includes(cutoff.toISODate() ?? '')) return cutoff.toMillis();
  }
  return undefined;
}

/**
 * The share of parcels, 0 to 1, that take longer than from hand-over to the promise. Between quantiles, and from none at 0 days to
 * the first, it is linear; beyond the last it stays: nothing is known of the slowest hundredth.
 */
export function missProbability(days: TransitDays, handedOverMs: number, promisedMs: number): number {
  const patience = (promisedMs - handedOverMs) / DAY_MS;
  const known = [days.p50, days.p75, days.p85, days.p90, days.p95, days.p97, days.p99];
  let [fromDays, fromShare] = [0, 0];
  if (patience <= 0) return 1;
  for (const [n, toDays] of known.entries()) {
    const toShare = QUANTILES[n] as number;
    if (patience < toDays) {
      return 1 - (fromShare + ((toShare - fromShare) * (patience - fromDays)) / (toDays - fromDays));
    }
    [fromDays, fromShare] = [toDays, toShare];
  }
  return 1 - fromShare;
}
