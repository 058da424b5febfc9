// One reservation as an object. Apart from types.ts, because the tables of reservations and the state that holds
// those tables both name it.
import type { ReservationState } from '../../protocol/index.ts';

export interface ReservationPart {
  /** Index into state.nodes; nodes are never removed. */
  readonly nodeIndex: number;
  /** Units reserved at this node at first: what the reply to the reserve named. */
  readonly reservedQty: number;
  /** Units at this node: reserved, or after the commit committed. */
  qty: number;
  shipped: number;
}

/**
 * One reservation as an object. The state keeps them as flat rows (ReservationTable): get() builds this copy,
 * put() writes it back.
 */
export interface Reservation {
  /** The seq of the event that created it. */
  readonly no: number;
  readonly epoch: number;
  /** Units asked for; with allowPartial fewer may have been reserved. */
  readonly askedQty: number;
  readonly parts: ReservationPart[];
  readonly owner: string | undefined;
  readonly channel: string | undefined;
  orderId: string | undefined;
  /** `<orderId>@<region>`: while it is RESERVED it is tentative, and this order alone ends it. */
  order: string | undefined;
  state: ReservationState;
  readonly createdAt: number;
  expiresAt: number;
  /** When it was released, expired or shipped whole, ms; 0 before. It is forgotten one idempotency window later. */
  endedAt: number;
}
