// The empty actor.
import { DedupWindow } from './dedup.ts';
import { ExpiryQueue } from './expiry.ts';
import { ReservationTable } from './reservations.ts';
import type { InventoryState } from './types.ts';

/** The state before the first event: a SKU nobody has heard of. */
export function createState(sku: string): InventoryState {
  return {
    sku,
    seq: 0,
    lastAt: 0,
    nodes: [],
    reservations: new ReservationTable(),
    dedup: new DedupWindow(),
    expiries: new ExpiryQueue(),
    asks: undefined,
    channels: undefined,
    limitPerOwner: 0,
    owners: undefined,
    bought: undefined,
    pool: undefined,
  };
}
