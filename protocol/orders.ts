// Orders on the wire: the document that is captured, the tasks that it leads to, its journal as others see it, and the ops that
// carry them. parse-order.ts checks a document, WIRE.md says what each op does.
import type { Version } from './version.ts';

/** One line of an order: so many units of one SKU. */
export interface OrderLine {
  /** Unique in its order. */
  readonly lineId: string;
  readonly sku: string;
  readonly qty: number;
  /** Of one unit. */
  readonly grams?: number;
  /** Of one unit, minor units of the order's currency. */
  readonly value?: number;
  /** SKUs that may be sent instead, best first. */
  readonly substitutes?: readonly string[];
  /** What one unit of a bundle is made of; then these are reserved, not `sku`. */
  readonly components?: readonly OrderComponent[];
}

export interface OrderComponent {
  readonly sku: string;
  /** In one unit of the bundle. */
  readonly qty: number;
}

export interface OrderDestination {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  readonly postalCode: string;
  readonly country?: string;
  readonly city?: string;
  readonly street?: string;
  readonly recipient?: string;
  readonly email?: string;
}

/** What a client captures. Fields that do not apply are left out, never null; the order of fields says nothing. */
export interface OrderDocument {
  readonly orderId: string;
  readonly lines: readonly OrderLine[];
  readonly destination: OrderDestination;
  /** When it is to be delivered, ms since the epoch; without it no parcel is late. */
  readonly promisedAt?: number;
  /** The speed that was sold: a name of the shop's. */
  readonly service?: string;
  readonly channel?: string;
  readonly customer?: string;
  readonly currency?: string;
  /** `all`: everything or nothing (the default); `partial`: what can be had. */
  readonly policy?: 'all' | 'partial';
  /** Whatever else the shop wants kept with it. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Plain data as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json };

/** Work that an order waits for: the transactional outbox. It is open until an event of the order closes it. */
export interface OrderTask {
  /** `<orderId>/<kind>#<n>`; the effect of a task is made once by it. */
  readonly taskId: string;
  readonly kind: string;
  /** Not to be done before, ms since the epoch. */
  readonly dueAt: number;
  /** What a later task of the same meaning shares, for whoever makes effects idempotent. */
  readonly key: string;
  readonly payload: Json;
}

/** A task lent to a consumer until `leasedUntil`; then it is offered again unless the order has closed it. */
export interface LeasedTask extends OrderTask {
  readonly orderId: string;
  /** ms since the epoch. */
  readonly leasedUntil: number;
  /** How often it was offered since its worker began to serve it, this time included. */
  readonly attempt: number;
}

/** What every event of an order says besides its own fields (I17). Plain data as JSON has it. */
export interface OrderEvent {
  readonly type: string;
  /** ms since the epoch. */
  readonly at: number;
  /** 1, 2, 3 … within the order. */
  readonly seq: number;
  readonly requestId: string;
  /** What made it happen: `capture`, `client`, `task:<taskId>`, `carrier:track`, `policy:<name>` … */
  readonly cause: string;
  readonly policyVersion?: string;
  readonly traceId: string;
}

/** What a command says; its core knows the types and the fields of each. */
export interface OrderCommand {
  readonly type: string;
  readonly [field: string]: Json;
}

// ---- requests, as the parser makes them ----

export interface CaptureOrderRequest {
  readonly op: 'captureOrder';
  readonly region: string;
  readonly order: OrderDocument;
  readonly traceId: string | undefined;
  readonly requestId: string;
}

export interface AdvanceOrderRequest {
  readonly op: 'advanceOrder';
  readonly region: string;
  readonly orderId: string;
  readonly command: OrderCommand;
  readonly traceId: string | undefined;
  readonly requestId: string;
}

export interface GetOrderRequest {
  readonly op: 'getOrder';
  readonly region: string;
  readonly orderId: string;
  /** With all its events. */
  readonly journey: boolean;
}

export interface TakeTasksRequest {
  readonly op: 'takeTasks';
  readonly region: string;
  readonly kinds: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  /** How long to wait for the first, ms; 0: not at all. */
  readonly waitMs: number;
}

/** The order that a request is about. */
export function orderIdOf(request: CaptureOrderRequest | AdvanceOrderRequest | GetOrderRequest): string {
  return request.op === 'captureOrder' ? request.order.orderId : request.orderId;
}

// ---- replies ----

interface Success {
  readonly ok: true;
  readonly replayed?: true;
}

export interface CaptureOrderReply extends Success {
  readonly orderId: string;
  readonly status: string;
  /** ms since the epoch. */
  readonly capturedAt: number;
  readonly version: Version;
}

export interface AdvanceOrderReply extends Success {
  readonly orderId: string;
  readonly status: string;
  /** What the command came to, where its core says more. */
  readonly result?: Json;
  readonly version: Version;
}

/** An order as anybody may see it. */
export interface OrderView {
  readonly orderId: string;
  readonly status: string;
  /** Absent until it is captured. */
  readonly order?: OrderDocument;
  /** Open tasks. */
  readonly tasks: readonly OrderTask[];
  /** What else its core shows: plan, shipments, reservations … */
  readonly detail: Json;
  readonly version: Version;
}

export interface GetOrderReply extends Success, OrderView {
  /** All events from the first, where they were asked for. */
  readonly journey?: readonly OrderEvent[];
}

export interface TakeTasksReply extends Success {
  readonly tasks: readonly LeasedTask[];
}
