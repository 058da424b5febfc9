// The keys of actors: under these they stand in the directory, in snapshots and in what is handed over. An SKU is its own key; that
// of an order begins with a character that no name may contain, so that an order never has the key of an SKU.
import { partitionOf } from '../core/index.ts';

/** A control character; part of the stored format. Another one separates the parts of a large row, see snapshot-rows.ts. */
const ORDER = '\u001e';
const ORDER_CODE = 0x1e;

export function orderKey(orderId: string): string {
  return ORDER + orderId;
}

export function isOrderKey(key: string): boolean {
  return key.charCodeAt(0) === ORDER_CODE;
}

/** What people call the actor: its SKU, or its order with what it is. */
export function nameOfKey(key: string): string {
  return isOrderKey(key) ? `order ${key.slice(1)}` : key;
}

/** An order is in the partition of its orderId, so that clients find it as they find SKUs. */
export function partitionOfKey(key: string, partitions: number): number {
  return partitionOf(isOrderKey(key) ? key.slice(1) : key, partitions);
}
