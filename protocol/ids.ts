// The reservationId and the reference to an order. The first is readable, and enough to route on. `<no>.<epoch>.<region>/<sku>`, numbers in base 36, so
// that no index from id to actor is needed anywhere. The sku stands last because it alone may contain any
// printable character; region names may not contain a slash.
import { codeUnitAt } from './code-units.ts';
import { ORDER_ID_LENGTH_MAX, REGION_LENGTH_MAX, SKU_LENGTH_MAX } from './limits.ts';
import { isName } from './names.ts';
import type { OrderRef, ReservationRef } from './types.ts';

/** A number of 53 bits has at most this many digits in base 36. */
const DIGITS_MAX = 11;

/** No id is longer: two base-36 numbers of 53 bits, a region, a sku and three separators. */
export const RESERVATION_ID_LENGTH_MAX = 2 * DIGITS_MAX + REGION_LENGTH_MAX + SKU_LENGTH_MAX + 3;

/** Writes the id of the reservation that event `no` of `epoch` created. */
export function formatReservationId(region: string, sku: string, epoch: number, no: number): string {
  return `${base36(no)}${middleOf(epoch, region)}${sku}`;
}

// One id is written for each reserve, so what two of them share is kept: numbers that come one after the other share all
// but their last two digits. It halves the time of toString(36) for both numbers.
const LAST_TWO = Array.from({ length: 36 * 36 }, (_, n) => n.toString(36).padStart(2, '0'));
let leading = { value: 0, text: '' };

function base36(n: number): string {
  const value = Math.floor(n / LAST_TWO.length);
  if (value === 0) return n.toString(36);
  if (value !== leading.value) leading = { value, text: value.toString(36) };
  return leading.text + (LAST_TWO[n - value * LAST_TWO.length] as string);
}

let middle = { epoch: -1, region: '', text: '' };

/** What stands between no and sku: the same for all reservations of a worker's life. */
function middleOf(epoch: number, region: string): string {
  if (middle.epoch !== epoch || middle.region !== region) {
    middle = { epoch, region, text: `.${epoch.toString(36)}.${region}/` };
  }
  return middle.text;
}

/**
 * Reads an id; undefined when it is none of ours (then no reservation can have it). Only what formatReservationId
 * writes is read, so that one reservation never goes by two ids.
 */
export function parseReservationId(id: string): ReservationRef | undefined {
  if (id.length > RESERVATION_ID_LENGTH_MAX) return undefined;
  const dot = id.indexOf('.');
  const dot2 = id.indexOf('.', dot + 1);
  if (dot < 0 || dot2 < 0) return undefined;
  const no = parseBase36(id, 0, dot);
  const epoch = parseBase36(id, dot + 1, dot2);
  if (no < 0 || epoch < 0) return undefined;
  const slash = id.indexOf('/', dot2 + 1);
  if (slash < 0) return undefined;
  const region = id.slice(dot2 + 1, slash);
  const sku = id.slice(slash + 1);
  if (!isName(region, REGION_LENGTH_MAX) || !isName(sku, SKU_LENGTH_MAX)) return undefined;
  return { region, sku, epoch, no };
}

/** -1 when it is not a safe integer as toString(36) writes it. */
function parseBase36(text: string, start: number, end: number): number {
  const length = end - start;
  if (length < 1 || length > DIGITS_MAX) return -1;
  if (length > 1 && codeUnitAt(text, start) === 0x30) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const unit = codeUnitAt(text, i);
    if (unit >= 0x30 && unit <= 0x39) value = value * 36 + unit - 0x30;
    else if (unit >= 0x61 && unit <= 0x7a) value = value * 36 + unit - 0x61 + 10;
    else return -1;
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** Names an order from anywhere: which region's, as a reservation does that was made for it. */
export function formatOrderRef({ orderId, region }: OrderRef): string {
  return `${orderId}@${region}`;
}

/** Reads such a reference, at its last @; undefined when it is none. */
export function parseOrderRef(text: string): OrderRef | undefined {
  const at = text.lastIndexOf('@');
  const orderId = text.slice(0, Math.max(0, at));
  const region = text.slice(at + 1);
  if (!isName(orderId, ORDER_ID_LENGTH_MAX) || !isName(region, REGION_LENGTH_MAX)) return undefined;
  return region.includes('/') ? undefined : { orderId, region };
}
