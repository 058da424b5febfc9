// The requests as a client writes them: what the parser fills in is left out, what has a default is optional. The
// parsed forms are in types.ts, the bounds in limits.ts.
import type { OrderLineRequest } from './order-reservations.ts';
import type { OrderCommand, OrderDocument } from './orders.ts';
import type { Id } from './types.ts';

export interface WireReserve {
  readonly op: 'reserve';
  readonly sku: string;
  readonly region: string;
  readonly qty: number;
  /** Milliseconds; TTL_MS_DEFAULT when left out. */
  readonly ttlMs?: number | undefined;
  readonly owner?: string | undefined;
  readonly node?: string | undefined;
  readonly channel?: string | undefined;
  /** Grants less than asked, or splits it over nodes, rather than refuse; false when left out. */
  readonly allowPartial?: boolean | undefined;
  /** `<orderId>@<region>`: made for this order, which alone ends it. */
  readonly order?: string | undefined;
  readonly requestId: string;
}

export interface WireExtend {
  readonly op: 'extend';
  readonly reservationId: string;
  readonly ttlMs: number;
  readonly requestId: string;
}

export interface WireCommit {
  readonly op: 'commit';
  readonly reservationId: string;
  /** All of it when left out; a smaller quantity restores the rest. */
  readonly qty?: number | undefined;
  readonly orderId?: string | undefined;
  /** The order that the reservation was made for. */
  readonly order?: string | undefined;
  readonly requestId: string;
}

export interface WireRelease {
  readonly op: 'release';
  readonly reservationId: string;
  /** The order that the reservation was made for. */
  readonly order?: string | undefined;
  readonly requestId: string;
}

export interface WireShip {
  readonly op: 'ship';
  readonly reservationId: string;
  /** All that is committed and not yet shipped when left out. */
  readonly qty?: number | undefined;
  /** They stay in the house after all, to be sold to others; false when left out. */
  readonly toStock?: boolean | undefined;
  readonly requestId: string;
}

/** Exactly one of `delta` and `onHand`. */
export interface WireAdjust {
  readonly op: 'adjust';
  readonly sku: string;
  readonly region: string;
  readonly node: string;
  readonly delta?: number | undefined;
  readonly onHand?: number | undefined;
  readonly reason: string;
  readonly requestId: string;
}

/** At least one setting; `node` with `safetyStock` or `backorderLimit` and only with them. */
export interface WireConfigure {
  readonly op: 'configure';
  readonly sku: string;
  readonly region: string;
  readonly node?: string | undefined;
  readonly safetyStock?: number | undefined;
  readonly backorderLimit?: number | undefined;
  readonly channelBuffers?: Readonly<Record<string, number>> | undefined;
  readonly limitPerOwner?: number | undefined;
  readonly requestId: string;
}

export interface WirePool {
  readonly op: 'pool';
  readonly sku: string;
  readonly region: string;
  /** `region` may be left out. */
  readonly regions: readonly string[];
  readonly requestId: string;
}

export interface WireTransfer {
  readonly op: 'transfer';
  readonly sku: string;
  readonly region: string;
  readonly to: string;
  readonly qty: number;
  readonly requestId: string;
}

export interface WireGet {
  readonly op: 'get';
  readonly sku: string;
  readonly region: string;
}

export interface WireGetReservation {
  readonly op: 'getReservation';
  readonly reservationId: string;
}

export interface WireQuery {
  readonly op: 'query';
  readonly skus: readonly string[];
  readonly regions?: readonly string[] | undefined;
}

export interface WireList {
  readonly op: 'list';
  readonly region: string;
  readonly after?: string | undefined;
  /** LIST_PAGE_MAX when left out. */
  readonly limit?: number | undefined;
}

export interface WireCaptureOrder {
  readonly op: 'captureOrder';
  readonly region: string;
  readonly order: OrderDocument;
  /** The requestId when left out. */
  readonly traceId?: string | undefined;
  readonly requestId: string;
}

export interface WireAdvanceOrder {
  readonly op: 'advanceOrder';
  readonly region: string;
  readonly orderId: string;
  readonly command: OrderCommand;
  /** The requestId when left out. */
  readonly traceId?: string | undefined;
  readonly requestId: string;
}

export interface WireGetOrder {
  readonly op: 'getOrder';
  readonly region: string;
  readonly orderId: string;
  /** With all its events; false when left out. */
  readonly journey?: boolean | undefined;
}

export interface WireTakeTasks {
  readonly op: 'takeTasks';
  readonly region: string;
  readonly kinds: readonly string[];
  /** TASKS_TAKEN_DEFAULT when left out. */
  readonly limit?: number | undefined;
  /** LEASE_MS_DEFAULT when left out. */
  readonly leaseMs?: number | undefined;
  /** How long to wait for a first task, ms; not at all when left out. */
  readonly waitMs?: number | undefined;
}

export interface WireReserveOrder {
  readonly op: 'reserveOrder';
  readonly orderId: string;
  /** The order's own; that of the worker that is asked when left out. */
  readonly region?: string | undefined;
  readonly lines: readonly OrderLineRequest[];
  /** For lines that name none, best first; the order's own when left out. */
  readonly regions?: readonly string[] | undefined;
  readonly policy: 'all' | 'partial';
  /** Milliseconds; TTL_MS_DEFAULT when left out. */
  readonly ttlMs?: number | undefined;
  readonly owner?: string | undefined;
  readonly channel?: string | undefined;
  /** The order's task that asks, whose requestIds are its own; a client when left out. */
  readonly taskId?: string | undefined;
  readonly requestId: string;
}

export interface WireCommitOrder {
  readonly op: 'commitOrder';
  readonly orderId: string;
  readonly region?: string | undefined;
  /** The order's task that asks, whose requestIds are its own; a client when left out. */
  readonly taskId?: string | undefined;
  readonly requestId: string;
}

export interface WireReleaseOrder {
  readonly op: 'releaseOrder';
  readonly orderId: string;
  readonly region?: string | undefined;
  /** The order's task that asks, whose requestIds are its own; a client when left out. */
  readonly taskId?: string | undefined;
  readonly requestId: string;
}

/** Exactly one of `sku` and `skus`. */
export interface WireSubscription {
  readonly op: 'subscribe' | 'unsubscribe';
  readonly sku?: string | undefined;
  readonly skus?: readonly string[] | undefined;
  readonly region: string;
}

export interface WireHello {
  readonly op: 'hello';
  readonly token?: string | undefined;
  readonly client?: string | undefined;
}

export interface WireMap {
  readonly op: 'map';
  /** From now on the connection is told of each change; false when left out. */
  readonly follow?: boolean | undefined;
}

export interface WireBatch {
  readonly op: 'batch';
  readonly items: readonly WireBatchItem[];
}

/** What changes something; every one carries a requestId. */
export type WireMutation =
  | WireReserve
  | WireExtend
  | WireCommit
  | WireRelease
  | WireShip
  | WireAdjust
  | WireConfigure
  | WirePool
  | WireTransfer
  | WireCaptureOrder
  | WireAdvanceOrder
  | WireReserveOrder
  | WireCommitOrder
  | WireReleaseOrder;

export type WireItem =
  | WireMutation
  | WireGet
  | WireGetReservation
  | WireQuery
  | WireList
  | WireGetOrder
  | WireTakeTasks;

/** An item may have an id, which its reply repeats. */
export type WireBatchItem = WireItem & { readonly id?: Id | undefined };

/** A request without its id, which the connection gives it. */
export type WireRequest = WireItem | WireSubscription | WireHello | WireMap | WireBatch;
