// The kinds of actors that a lane may have, and which one a key or a record is of.
import type { ByteReader, InventoryEvent, InventoryState } from '../core/index.ts';
import { INVENTORY } from './inventory-kind.ts';
import { isOrderKey } from './keys.ts';
import type { ActorKind } from './kinds.ts';
import type { HostedOrder } from './orders/hosted-order.ts';
import type { OrderKind, OrderRecord } from './orders/order-kind.ts';

export interface ActorKinds {
  readonly inventory: ActorKind<InventoryState, InventoryEvent>;
  readonly order: OrderKind;
}

export type AnyState = InventoryState | HostedOrder;
export type AnyEvent = InventoryEvent | OrderRecord;
export type AnyKind = ActorKind<AnyState, AnyEvent>;

export function createKinds(order: OrderKind): ActorKinds {
  return { inventory: INVENTORY, order };
}

/** The kind of a key's actor. */
export function kindOf(kinds: ActorKinds, key: string): AnyKind {
  return (isOrderKey(key) ? kinds.order : kinds.inventory) as AnyKind;
}

/** The kind of the record that the reader stands before; undefined: it is a record of the lane itself. */
export function kindOfRecord(kinds: ActorKinds, r: ByteReader): AnyKind | undefined {
  const version = r.peek() >> 4;
  if (version === kinds.inventory.recordVersion) return kinds.inventory as AnyKind;
  if (version === kinds.order.recordVersion) return kinds.order as AnyKind;
  return undefined;
}
