// The rule that the policy is compared with: fixed time-outs, as most shops have them, tuned on seeds of their own.
import type { Deed, Seen, Way } from './re-planning.ts';
import { HOUR_MS, SERVICES, type Service, serviceOf } from './world.ts';

export interface TimeOuts {
  /** Not collected so long after it was ready: sent by the other carrier's express. */
  readonly pickupHours: number;
  /** Not scanned so long on its way: this is done. */
  readonly scanHours: number;
  readonly scanAction: 'upgrade' | 'reship' | 'none';
  /** Not out for delivery so long before the promise: the customer is given another one. */
  readonly dueHours: number;
  readonly noticeDays: number;
  /** Not seen for so many days: refunded, as lost. */
  readonly lostDays: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** All that are tried. */
export const TUNED: readonly TimeOuts[] = [12, 24, NEVER].flatMap((pickupHours) =>
  (
    [
      [60, 'upgrade'],
      [96, 'reship'],
      [NEVER, 'none'],
    ] as const
  ).flatMap(([scanHours, scanAction]) =>
    [12, 18, 24].flatMap((dueHours) =>
      [1, 2, 3, 5].map((noticeDays) => ({ pickupHours, scanHours, scanAction, dueHours, noticeDays, lostDays: 10 })),
    ),
  ),
);

export function timeOutWay(rule: TimeOuts): Way {
  return { name: 'time-outs', review: (seen) => deedOf(rule, seen) };
}

function deedOf(
  rule: TimeOuts,
  { parcel, now, service, handedOverAt, lastScanAt, done, promisedAt, isOutForDelivery, isReplaced }: Seen,
): Deed | undefined {
  const isNew = (action: Deed['action']): boolean => !done.includes(action);
  if (handedOverAt === undefined) {
    if (now - parcel.readyAt < rule.pickupHours * HOUR_MS || !isNew('upgrade')) return undefined;
    return { action: 'upgrade', service: expressOfOther(service) };
  }
  const unseen = now - (lastScanAt ?? handedOverAt);
  if (unseen >= rule.lostDays * 24 * HOUR_MS && !isReplaced) return { action: 'refund' };
  if (unseen >= rule.scanHours * HOUR_MS && rule.scanAction !== 'none' && isNew(rule.scanAction) && !isReplaced) {
    if (rule.scanAction === 'reship') return { action: 'reship', service: expressOfOther(service) };
    if (service.speed !== 'express') return { action: 'upgrade', service: serviceOf(service.carrier, 'express') };
  }
  if (now >= promisedAt - rule.dueHours * HOUR_MS && now < promisedAt && !isOutForDelivery && isNew('repromise')) {
    return { action: 'repromise', promisedAt: promisedAt + rule.noticeDays * 24 * HOUR_MS };
  }
  return undefined;
}

export function expressOfOther({ carrier }: Service): Service {
  return SERVICES.find((one) => one.carrier !== carrier && one.speed === 'express') as Service;
}
