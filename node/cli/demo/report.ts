// What the demonstration tells of its orders: how far they are while it runs, and at the end what happened and how it was settled.

import type { QueueFigures } from '../../../orders/fulfilment/queue/port.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import { counted, duration, grouped, table } from '../output.ts';

const DAY_MS = 86_400_000;

export interface Seen {
  readonly orderId: string;
  readonly detail: OrderDetail;
  /** Nothing is to be done about it any more, or only by a person. */
  readonly isEnded: boolean;
}

/** @param sinceMs business time since the beginning */
export function progressLine(seen: readonly Seen[], captured: number, figures: QueueFigures, sinceMs: number): string {
  const { inFlight, done } = figures;
  const statuses = [...tally(seen.map(({ detail }) => detail.status))].map(([status, count]) => `${status} ${count}`);
  return `day ${Math.floor(sinceMs / DAY_MS) + 1}: ${grouped(captured)} captured: ${statuses.join(', ')}; tasks ${grouped(done)} done, ${inFlight} in hand`;
}

export function summary(seen: readonly Seen[], tookMs: number): string {
  const packages = seen.flatMap(({ detail }) => detail.packages);
  const shipped = packages.filter(({ shippedAt }) => shippedAt !== undefined);
  const delivered = packages.filter(({ state }) => state === 'DELIVERED');
  const onTime = seen.flatMap(({ detail }) =>
    detail.packages.filter(
      ({ deliveredAt }) => deliveredAt !== undefined && deliveredAt <= (detail.promisedAt ?? Number.POSITIVE_INFINITY),
    ),
  );
  const sourced = seen.filter(({ detail }) => detail.packages.length > 0);
  const lines = [
    `${counted(seen.length, 'order')} captured, ${grouped(sourced.length)} sourced and reserved, in ${duration(tookMs)} (simulation)`,
    table(
      ['order', 'count'],
      [...tally(seen.map(({ detail }) => detail.status))].map(([status, count]) => [status, count]),
    ),
    `${counted(packages.length, 'package')}, ${grouped(shipped.length)} shipped, ${grouped(delivered.length)} delivered, ${grouped(onTime.length)} of them by what was promised last${lostOf(packages)}${notSent(packages)}`,
  ];
  const exceptions = seen.flatMap(({ detail }) => detail.exceptions);
  if (exceptions.length > 0) {
    const rows = [...tally(exceptions.map(({ kind, state, decisions }) => `${kind} ${howSettled(state, decisions)}`))]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, count]) => [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1), count]);
    lines.push(table(['exception', 'settled by', 'count'], rows));
    const toPeople = exceptions.filter(({ state }) => state === 'ESCALATED').length;
    lines.push(`${counted(exceptions.length, 'exception')}, ${grouped(toPeople)} left to a person`);
  }
  return lines.join('\n\n');
}

/** What became of those that were shipped and not delivered. */
function lostOf(packages: OrderDetail['packages']): string {
  const others = packages.filter(({ shippedAt, state }) => shippedAt !== undefined && state !== 'DELIVERED');
  return [...tally(others.map(({ state }) => (state === 'SHIPPED' ? 'on their way' : state.toLowerCase())))]
    .map(([what, count]) => `, ${grouped(count)} ${what}`)
    .join('');
}

/** Why fewer were shipped than there are. */
function notSent(packages: OrderDetail['packages']): string {
  const unsent = packages.filter(({ shippedAt }) => shippedAt === undefined);
  const reasons = [...tally(unsent.map(unsentBecause))].map(([reason, count]) => `${grouped(count)} ${reason}`);
  return reasons.length === 0 ? '' : `; ${reasons.join(', ')}`;
}

function unsentBecause({ state, lines }: OrderDetail['packages'][number]): string {
  if (state === 'REJECTED') return 'rejected by their ship node and sourced again';
  const isEmpty = lines.every(({ qty }) => qty === 0);
  return state === 'CANCELLED' || isEmpty ? 'cancelled or sourced again' : 'not shipped yet';
}

function howSettled(state: string, decisions: OrderDetail['exceptions'][number]['decisions']): string {
  const last = decisions.at(-1);
  if (last === undefined) return 'not yet';
  if (state === 'OPEN') return 'waiting';
  if (state === 'ESCALATED') return 'a person';
  // A wait that ended by itself: the parcel came, the booking went well.
  return last.action === 'wait' ? `itself (${last.rule ?? 'over'})` : last.action;
}

function tally(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
