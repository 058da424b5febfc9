// The reservationId: readable, and enough to route on. `<no>.<epoch>.<region>/<sku>`, numbers in base 36, so
// that no index from id to actor is needed anywhere. The sku stands last because it alone may contain any
// printable character; region names may not contain a slash.
import type { ReservationRef } from './types.ts';

/** No id is longer: two base-36 numbers of 53 bits, a region, a sku and three separators. */
export const RESERVATION_ID_LENGTH_MAX = 11 + 11 + 32 + 64 + 3;

/** Writes the id of the reservation that event `no` of `epoch` created. */
export function formatReservationId(region: string, sku: string, epoch: number, no: number): string {
  return `${no.toString(36)}.${epoch.toString(36)}.${region}/${sku}`;
}

const BASE36 = /^[0-9a-z]{1,11}$/;

/** Reads an id; undefined when it is none of ours (then no reservation can have it). */
export function parseReservationId(id: string): ReservationRef | undefined {
  if (id.length > RESERVATION_ID_LENGTH_MAX) return undefined;
  const dot = id.indexOf('.');
  const dot2 = id.indexOf('.', dot + 1);
  const slash = id.indexOf('/', dot2 + 1);
  if (dot < 1 || dot2 < 0 || slash <= dot2 + 1 || slash === id.length - 1) return undefined;
  const noText = id.slice(0, dot);
  const epochText = id.slice(dot + 1, dot2);
  if (!BASE36.test(noText) || !BASE36.test(epochText)) return undefined;
  const no = Number.parseInt(noText, 36);
  const epoch = Number.parseInt(epochText, 36);
  if (!Number.isSafeInteger(no) || !Number.isSafeInteger(epoch)) return undefined;
  return { region: id.slice(dot2 + 1, slash), sku: id.slice(slash + 1), epoch, no };
}
