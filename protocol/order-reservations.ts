// The reservations of an order on the wire: lines that are reserved, committed and given back together. Types alone; parse-order.ts
// checks them, WIRE.md says what each op does.
import type { RefusedLine } from './errors.ts';
import type { OrderComponent } from './orders.ts';

/** One line to be reserved. Fields that do not apply are left out. */
export interface OrderLineRequest {
  /** Unique in its request. */
  readonly lineId: string;
  readonly sku: string;
  readonly qty: number;
  /** This region only; otherwise the request's, in their order. */
  readonly region?: string;
  /** This ship node only. */
  readonly node?: string;
  /** SKUs that will do instead, best first. */
  readonly substitutes?: readonly string[];
  /** What one unit of a bundle is made of: had whole or not at all. */
  readonly components?: readonly OrderComponent[];
}

export interface ReserveOrderRequest {
  readonly op: 'reserveOrder';
  readonly orderId: string;
  /** The order's own; undefined: that of the worker that is asked. */
  readonly region: string | undefined;
  readonly lines: readonly OrderLineRequest[];
  /** Where lines may be had that name no region, best first; undefined: the order's own. */
  readonly regions: readonly string[] | undefined;
  /** all: everything or nothing. partial: what can be had. */
  readonly policy: 'all' | 'partial';
  /** How long nobody else can have it, ms; the parser fills in the default. */
  readonly ttlMs: number;
  readonly owner: string | undefined;
  readonly channel: string | undefined;
  /** The order's task that asks; undefined: a client. */
  readonly taskId: string | undefined;
  readonly requestId: string;
}

/** `commitOrder` and `releaseOrder`. */
export interface EndOrderRequest {
  readonly op: 'commitOrder' | 'releaseOrder';
  readonly orderId: string;
  readonly region: string | undefined;
  /** The order's task that asks; undefined: a client. */
  readonly taskId: string | undefined;
  readonly requestId: string;
}

/** Units at one ship node. */
export interface ReservationPartView {
  readonly node: string;
  readonly qty: number;
}

/** Units of a line in one reservation, which other lines may share. */
export interface LineReservationView {
  readonly reservationId: string;
  readonly sku: string;
  readonly region: string;
  /** The ship node; of a split, the one with most. */
  readonly node: string;
  /** Only of a split: all of the reservation, other lines' units included. */
  readonly parts?: readonly ReservationPartView[];
  /** Of this line. */
  readonly qty: number;
}

/** What became of one line. */
export type OrderLineView =
  | {
      readonly lineId: string;
      readonly ok: true;
      /** What is sent: a substitute's, where one was taken. */
      readonly sku: string;
      /** Units of the line; with `partial` fewer than asked may have been had. */
      readonly qty: number;
      /** One; of a bundle, one for each component. */
      readonly reservations: readonly LineReservationView[];
    }
  | ({ readonly ok: false } & RefusedLine);

export interface ReserveOrderReply {
  readonly ok: true;
  readonly replayed?: true;
  readonly orderId: string;
  /** Which of the order's attempts this is, 1 for the first. */
  readonly attempt: number;
  readonly state: 'RESERVED';
  /** Not committed by then, it is given back, ms since the epoch. */
  readonly expiresAt: number;
  readonly lines: readonly OrderLineView[];
}

export interface EndOrderReply {
  readonly ok: true;
  readonly replayed?: true;
  readonly orderId: string;
  readonly attempt: number;
  readonly state: 'COMMITTED' | 'RELEASED';
  readonly lines: readonly OrderLineView[];
  /** Reservations that have not heard of it yet, and will; absent when all have. */
  readonly pending?: number;
}
