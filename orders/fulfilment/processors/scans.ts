// What a carrier tells of a parcel, as its order is told: by whoever hears of it first, late and in any order, each thing once.
import type { TrackEvent, TrackKind } from '../../carriers/port.ts';
import type { OrderPackage, ScanCode } from '../../order/types.ts';
import { CLOCK_SKEW_MS } from '../limits.ts';
import type { Told } from '../processor.ts';

const SCANS: Record<TrackKind, ScanCode | undefined> = {
  labelCreated: 'info',
  pickedUp: 'pickedUp',
  inTransit: 'inTransit',
  outForDelivery: 'outForDelivery',
  deliveryFailed: 'inTransit',
  delivered: 'delivered',
  // Neither says that the parcel was collected: an address is refused where the label is made, too.
  addressProblem: 'info',
  damaged: 'damaged',
  intercepted: 'info',
  interceptFailed: undefined,
  returned: 'returned',
  // No scan: `cancelledOf`.
  cancelled: undefined,
  note: undefined,
};

/** What counts of a parcel though it happened before what is known of it already. */
const WHENEVER: ReadonlySet<TrackKind> = new Set(['delivered', 'damaged', 'addressProblem', 'returned', 'cancelled']);

/** It has left its ship node by then. */
const LEFT: ReadonlySet<TrackKind> = new Set(['pickedUp', 'inTransit', 'outForDelivery', 'deliveryFailed']);

type Known = Pick<OrderPackage, 'scan' | 'heard' | 'shippedAt'>;

/** Whether an order may not know it yet. */
export function isNewTo({ scan, shippedAt }: Known, { kind, at }: TrackEvent): boolean {
  if (at > (scan?.at ?? 0) || WHENEVER.has(kind)) return true;
  return LEFT.has(kind) && (shippedAt === undefined || at < shippedAt);
}

/** The carrier's clock, or its time zone, is wrong. */
function isYetToCome({ at }: TrackEvent, now: number): boolean {
  return at > now + CLOCK_SKEW_MS;
}

/**
 * When the carrier saw the parcel last, as far as that can be. A time that is yet to come says no more than when it was heard of: now,
 * or before, where the order has it.
 */
export function lastSeen({ scan, heard }: Known, events: readonly TrackEvent[], now: number): number | undefined {
  const claimed = heard?.claimedAt ?? 0;
  const seen = events.flatMap((event) => {
    if (!isYetToCome(event, now)) return event.at === claimed ? [] : [event.at];
    return SCANS[event.kind] === undefined || event.at <= claimed ? [] : [now];
  });
  const times = scan === undefined ? seen : [...seen, scan.at];
  return times.length === 0 ? undefined : Math.max(...times);
}

/**
 * What an order is told of one thing that happened to a parcel, by whoever hears of it. Told twice it counts once.
 * @param now ms since the epoch of business
 */
export function scanOf(event: TrackEvent, packageId: string, carrier: string, now: number): readonly Told[] {
  if (event.kind === 'cancelled') return [cancelledOf(event, packageId, carrier)];
  const code = SCANS[event.kind];
  const cause = `carrier:${carrier}`;
  const shared = { cause, isNews: true, isOfCarrier: true } as const;
  const saidAt = Math.round(event.at);
  const claimed = isYetToCome(event, now) ? { claimedAt: saidAt } : {};
  const at = 'claimedAt' in claimed ? now : saidAt;
  const { estimatedDeliveryAt } = event;
  const expected = estimatedDeliveryAt === undefined ? {} : { expectedAt: Math.round(estimatedDeliveryAt) };
  const told: Told[] = [];
  if (code !== undefined) {
    told.push({
      command: { type: 'track', packageId, code, scannedAt: at, ...claimed, ...expected },
      step: `${packageId}:${code}@${saidAt}`,
      ...shared,
    });
  }
  if (event.kind === 'addressProblem') {
    const evidence = { detail: event.detail ?? '', at, ...claimed };
    told.push({
      command: { type: 'raise', kind: 'addressProblem', packageId, evidence },
      step: `${packageId}:address@${saidAt}`,
      ...shared,
    });
  }
  return told;
}

/**
 * Nobody will collect it, whoever cancelled it: it is booked again. Told as the work of the task that tracks this booking, so that an order
 * that has another booking by now does not heed it.
 */
function cancelledOf({ at }: TrackEvent, packageId: string, carrier: string): Told {
  const scannedAt = Math.round(at);
  return {
    command: { type: 'track', packageId, code: 'cancelled', scannedAt },
    step: 'cancelled',
    cause: `carrier:${carrier}`,
  };
}
