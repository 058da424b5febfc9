// How likely a parcel misses its promise: when it leaves its ship node, and how long its carrier service takes.
import { DateTime } from 'luxon';
import type { ShipNode } from './rules.ts';
import type { TransitDays } from './transit.ts';

const DAY_MS = 86_400_000;
/** A node that is closed for longer has no calendar. */
const LOOKAHEAD_DAYS = 366;

type Calendar = Pick<ShipNode, 'timeZone' | 'cutoff' | 'workingDays' | 'holidays'>;

/** The last answer for a calendar, which holds for all that is asked between: reckoning with time zones takes longer than a plan. */
const answered = new WeakMap<
  Calendar,
  { readonly from: number; readonly to: number; readonly at: number | undefined }
>();

/**
 * When what is sourced at `nowMs` is handed over: at the node's next cutoff on a working day, ms since the epoch. Undefined
 * when there is none within a year.
 */
export function handedOverAt(node: Calendar, nowMs: number): number | undefined {
  const known = answered.get(node);
  if (known !== undefined && known.from <= nowMs && nowMs <= known.to) return known.at;
  const at = nextCutoff(node, nowMs);
  answered.set(node, { from: nowMs, to: at ?? nowMs + DAY_MS, at });
  return at;
}

function nextCutoff(node: Calendar, nowMs: number): number | undefined {
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
  if (patience <= 0) return 1;
  if (patience < days.p50) return between(patience, 0, days.p50, 1, 0.5);
  if (patience < days.p75) return between(patience, days.p50, days.p75, 0.5, 0.25);
  if (patience < days.p85) return between(patience, days.p75, days.p85, 0.25, 0.15);
  if (patience < days.p90) return between(patience, days.p85, days.p90, 0.15, 0.1);
  if (patience < days.p95) return between(patience, days.p90, days.p95, 0.1, 0.05);
  if (patience < days.p97) return between(patience, days.p95, days.p97, 0.05, 0.03);
  if (patience < days.p99) return between(patience, days.p97, days.p99, 0.03, 0.01);
  return 0.01;
}

function between(days: number, fromDays: number, toDays: number, fromShare: number, toShare: number): number {
  return fromShare + ((toShare - fromShare) * (days - fromDays)) / (toDays - fromDays);
}
