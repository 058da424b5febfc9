// The requests, replies and pushes of the wire contract as types. One place to look up a field; no behaviour.
import type { Failure } from './errors.ts';
import type { EndOrderReply, EndOrderRequest, ReserveOrderReply, ReserveOrderRequest } from './order-reservations.ts';
import type {
  AdvanceOrderReply,
  AdvanceOrderRequest,
  CaptureOrderReply,
  CaptureOrderRequest,
  GetOrderReply,
  GetOrderRequest,
  TakeTasksReply,
  TakeTasksRequest,
} from './orders.ts';
import type { Version } from './version.ts';

/** Chosen by the client, unique on its connection while the request is in flight. */
export type Id = number | string;

/** What a reservationId says: where its actor lives and which event of which epoch created it. */
export interface ReservationRef {
  readonly region: string;
  readonly sku: string;
  readonly epoch: number;
  /** The seq of the event that created the reservation. */
  readonly no: number;
}

/** Which order, and in which region it is. On the wire one text, see ids.ts. */
export interface OrderRef {
  readonly orderId: string;
  readonly region: string;
}

export type ReservationState = 'RESERVED' | 'COMMITTED' | 'RELEASED' | 'EXPIRED';

// ---- requests. The parser fills every field, so that all objects of one op have one shape. ----

export interface ReserveRequest {
  readonly op: 'reserve';
  readonly sku: string;
  readonly region: string;
  readonly qty: number;
  /** Milliseconds; the parser fills in the default. */
  readonly ttlMs: number;
  readonly owner: string | undefined;
  readonly node: string | undefined;
  readonly channel: string | undefined;
  readonly allowPartial: boolean;
  /** `<orderId>@<region>`: the reservation is tentative, and ends by the word of this order alone. */
  readonly order: string | undefined;
  readonly requestId: string;
}

export interface ExtendRequest {
  readonly op: 'extend';
  readonly reservationId: string;
  readonly ref: ReservationRef;
  readonly ttlMs: number;
  readonly requestId: string;
}

export interface CommitRequest {
  readonly op: 'commit';
  readonly reservationId: string;
  readonly ref: ReservationRef;
  /** Absent: all of it. Less than reserved: the rest is restored. */
  readonly qty: number | undefined;
  readonly orderId: string | undefined;
  /** The order that the tentative reservation was made for. */
  readonly order: string | undefined;
  readonly requestId: string;
}

export interface ReleaseRequest {
  readonly op: 'release';
  readonly reservationId: string;
  readonly ref: ReservationRef;
  /** The order that the tentative reservation was made for. */
  readonly order: string | undefined;
  readonly requestId: string;
}

export interface ShipRequest {
  readonly op: 'ship';
  readonly reservationId: string;
  readonly ref: ReservationRef;
  /** Absent: all that is committed and not yet shipped. */
  readonly qty: number | undefined;
  /** They stay in the house after all, to be sold to others. */
  readonly toStock: boolean;
  readonly requestId: string;
}

/** Exactly one of `delta` (may be negative, never 0) and `onHand` (≥ 0) is set. */
export interface AdjustRequest {
  readonly op: 'adjust';
  readonly sku: string;
  readonly region: string;
  readonly node: string;
  readonly delta: number | undefined;
  readonly onHand: number | undefined;
  readonly reason: string;
  readonly requestId: string;
}

/** Sets what is given and leaves the rest. At least one setting; `safetyStock` and `backorderLimit` need a `node`. */
export interface ConfigureRequest {
  readonly op: 'configure';
  readonly sku: string;
  readonly region: string;
  readonly node: string | undefined;
  readonly safetyStock: number | undefined;
  readonly backorderLimit: number | undefined;
  /** Units set aside for each channel; replaces all buffers of the SKU in the region. */
  readonly channelBuffers: Readonly<Record<string, number>> | undefined;
  /** Units one owner may hold or have bought; 0 lifts the limit. */
  readonly limitPerOwner: number | undefined;
  readonly requestId: string;
}

/** Makes the SKU's node `pool` in this region the region's part of a pool, or changes who sells it. */
export interface PoolRequest {
  readonly op: 'pool';
  readonly sku: string;
  readonly region: string;
  /** All regions that sell it; this one may be left out. */
  readonly regions: readonly string[];
  readonly requestId: string;
}

/** Gives rights of a pool to another region on a person's word; usually they move by themselves. */
export interface TransferRequest {
  readonly op: 'transfer';
  readonly sku: string;
  readonly region: string;
  readonly to: string;
  readonly qty: number;
  readonly requestId: string;
}

export interface GetRequest {
  readonly op: 'get';
  readonly sku: string;
  readonly region: string;
}

export interface GetReservationRequest {
  readonly op: 'getReservation';
  readonly reservationId: string;
  readonly ref: ReservationRef;
}

export interface QueryRequest {
  readonly op: 'query';
  readonly skus: readonly string[];
  readonly regions: readonly string[] | undefined;
}

/** Pages through all SKUs of a region, in no promised order; start without `after`, then pass back `next`. */
export interface ListRequest {
  readonly op: 'list';
  readonly region: string;
  readonly after: string | undefined;
  readonly limit: number;
}

/** `subscribe` and `unsubscribe`: `sku` on the wire is parsed into a list of one. */
export interface SubscriptionRequest {
  readonly op: 'subscribe' | 'unsubscribe';
  readonly skus: readonly string[];
  readonly region: string;
}

export interface HelloRequest {
  readonly op: 'hello';
  readonly token: string | undefined;
  readonly client: string | undefined;
}

export interface MapRequest {
  readonly op: 'map';
  readonly follow: boolean;
}

/** Items were parsed one by one: a bad one becomes its refusal and does not disturb the others. */
export interface BatchRequest {
  readonly op: 'batch';
  readonly items: readonly ParsedItem[];
}

/** One item of a batch; `id` is echoed where the item had one. */
export interface ParsedItem {
  readonly id: Id | undefined;
  readonly request: ItemRequest | Failure;
}

/** Requests that change something: journaled, and idempotent by requestId. */
export type MutatingRequest =
  | ReserveRequest
  | ExtendRequest
  | CommitRequest
  | ReleaseRequest
  | ShipRequest
  | AdjustRequest
  | ConfigureRequest
  | PoolRequest
  | TransferRequest;

export type ReadRequest = GetRequest | GetReservationRequest | QueryRequest | ListRequest;

/** Requests about orders: the actor is the order's, or none. */
export type OrderRequest = CaptureOrderRequest | AdvanceOrderRequest | GetOrderRequest | TakeTasksRequest;

/** Requests that an order and several SKUs have a part in. */
export type OrderReservationRequest = ReserveOrderRequest | EndOrderRequest;

/** What a batch may contain. */
export type ItemRequest = MutatingRequest | ReadRequest | OrderRequest | OrderReservationRequest;

export type Request = ItemRequest | SubscriptionRequest | HelloRequest | MapRequest | BatchRequest;

export type Op = Request['op'];

// ---- replies ----

interface Success {
  readonly ok: true;
  /** True when this answers a requestId that was already decided. */
  readonly replayed?: true;
}

export interface ReserveReply extends Success {
  readonly reservationId: string;
  /** Units reserved; fewer than asked only with allowPartial. */
  readonly qty: number;
  /** The ship node; of a split reservation, the one that holds most of it. */
  readonly node: string;
  /** Only of a split reservation: all its nodes. */
  readonly parts?: readonly { readonly node: string; readonly qty: number }[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly availableToSell: number;
  readonly version: Version;
}

export interface ExtendReply extends Success {
  readonly expiresAt: number;
  readonly version: Version;
}

export interface CommitReply extends Success {
  readonly state: 'COMMITTED';
  readonly qty: number;
  readonly version: Version;
}

export interface ReleaseReply extends Success {
  readonly state: 'RELEASED';
  readonly version: Version;
}

export interface ShipReply extends Success {
  readonly state: 'COMMITTED';
  /** Units shipped by this request, or left in stock. */
  readonly qty: number;
  /** Units of the reservation that are committed and not yet shipped. */
  readonly remaining: number;
  /** Units left on hand over all nodes of the region. */
  readonly onHand: number;
  readonly version: Version;
}

export interface AdjustReply extends Success {
  /** Units on hand at the node. */
  readonly onHand: number;
  readonly availableToSell: number;
  /** Units by which an absolute count was below what is already promised; written off as reservations end. */
  readonly shortfall?: number;
  readonly version: Version;
}

export interface ConfigureReply extends Success {
  readonly availableToSell: number;
  readonly version: Version;
}

export interface PoolReply extends Success {
  readonly availableToSell: number;
  readonly version: Version;
}

export interface TransferReply extends Success {
  /** Units given to that region since the pool began. */
  readonly given: number;
  /** Units of the pool that this region may still sell. */
  readonly rights: number;
  readonly availableToSell: number;
  readonly version: Version;
}

/** What this region has had to do with another that sells the pool, units. */
export interface PoolAccountView {
  readonly region: string;
  /** Given to it since the pool began. */
  readonly given: number;
  /** Received from it. */
  readonly taken: number;
  /** Given and, as far as is known here, not received yet. Only where one SKU is asked for, after it was heard from. */
  readonly inFlight?: number;
  /** The rights it last said that it holds: a hint, as old as `heardMsAgo`. */
  readonly rights?: number;
  readonly heardMsAgo?: number;
}

/** The region's part of a SKU's pooled stock, units. */
export interface PoolPartView {
  /** Put into the pool in this region, less what was taken out of it for good. */
  readonly minted: number;
  /** What this region may sell, give away or take out. */
  readonly rights: number;
  /** What it has sold of it: reserved, allocated or shipped. */
  readonly consumed: number;
  /** The other regions that sell it, and those that did. */
  readonly regions: readonly PoolAccountView[];
}

export interface NodeView {
  readonly node: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly allocated: number;
  readonly safetyStock: number;
  readonly backorderLimit: number;
  readonly availableToSell: number;
  /** See AdjustReply; absent when 0. */
  readonly shortfall?: number;
}

/** All positions of one SKU in one region. */
export interface AvailabilityView {
  readonly sku: string;
  readonly region: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly allocated: number;
  readonly availableToSell: number;
  readonly nodes: readonly NodeView[];
  /** Absent when no channel has a buffer. */
  readonly channelBuffers?: Readonly<Record<string, number>>;
  /** What a buyer of each of these channels can have, its own buffer included; of any other, or none, `availableToSell`. */
  readonly channelAvailable?: Readonly<Record<string, number>>;
  /** Absent when there is no limit. */
  readonly limitPerOwner?: number;
  /** Absent when the SKU has no pooled stock. */
  readonly pool?: PoolPartView;
  readonly version: Version;
  /**
   * Only of a region other than the one that was asked: the figures were the latest at most so many ms ago. What is sold is
   * decided by the region itself, not by this.
   */
  readonly ageMs?: number;
}

export interface GetReply extends Success, AvailabilityView {}

export interface GetReservationReply extends Success {
  readonly reservationId: string;
  readonly sku: string;
  readonly region: string;
  readonly state: ReservationState;
  /** Units reserved; after a commit, units committed. */
  readonly qty: number;
  /** Units shipped, or given back to stock after they were committed. */
  readonly shipped: number;
  readonly node: string;
  readonly parts?: readonly { readonly node: string; readonly qty: number }[];
  readonly expiresAt: number;
  readonly createdAt: number;
  readonly owner?: string;
  readonly channel?: string;
  readonly orderId?: string;
  /** Of one that was made for an order: which, as `<orderId>@<region>`. */
  readonly order?: string;
  readonly version: Version;
}

export interface QueryReply extends Success {
  readonly positions: readonly AvailabilityView[];
  /** Pairs that no actor knows. */
  readonly unknown: readonly { readonly sku: string; readonly region: string }[];
}

export interface ListReply extends Success {
  readonly positions: readonly AvailabilityView[];
  /** Pass back as `after`; absent on the last page. */
  readonly next?: string;
}

export interface SubscriptionReply extends Success {
  /** How many subscriptions the connection has now. */
  readonly subscriptions: number;
}

export interface HelloReply extends Success {
  readonly server: string;
  readonly protocol: string;
  readonly region: string;
  readonly durability: Durability;
  readonly limits: Readonly<Record<string, number>>;
  readonly partitions: { readonly count: number; readonly view: number };
  /** The server's clock, ms since the epoch: requestIds that carry a time are made by it. */
  readonly now?: number;
}

/** Which worker serves each partition of the region: a hint, as any worker takes any request and passes it on. */
export interface PartitionMap {
  readonly region: string;
  /** Another after each change. Says nothing of which map is later: on one connection that is the one that came last. */
  readonly view: number;
  /** The function from a sku to its partition; see partitions.ts. */
  readonly hash: string;
  /** Where each worker that can be reached directly is, as a URL. */
  readonly workers: readonly string[];
  /** By partition, the index of the worker that serves it; -1: nobody known, or not to be reached directly. */
  readonly owners: readonly number[];
  /** The index of the worker at the other end of this connection; -1 when it is none of them. */
  readonly self: number;
}

export interface MapReply extends Success, PartitionMap {}

export interface BatchReply extends Success {
  readonly items: readonly ({ readonly id?: Id } & Outcome)[];
}

export type Durability = 'memory' | 'fsync' | 'replicated';

export interface ReplyOf {
  reserve: ReserveReply;
  extend: ExtendReply;
  commit: CommitReply;
  release: ReleaseReply;
  ship: ShipReply;
  adjust: AdjustReply;
  configure: ConfigureReply;
  pool: PoolReply;
  transfer: TransferReply;
  get: GetReply;
  getReservation: GetReservationReply;
  query: QueryReply;
  list: ListReply;
  captureOrder: CaptureOrderReply;
  advanceOrder: AdvanceOrderReply;
  getOrder: GetOrderReply;
  takeTasks: TakeTasksReply;
  reserveOrder: ReserveOrderReply;
  commitOrder: EndOrderReply;
  releaseOrder: EndOrderReply;
  subscribe: SubscriptionReply;
  unsubscribe: SubscriptionReply;
  hello: HelloReply;
  map: MapReply;
  batch: BatchReply;
}

/** What a request comes to; the id is added when it is written to the wire. */
export type Outcome = ReplyOf[Op] | Failure;

/** The latest availability of a subscribed SKU: never backward, intermediate values may be skipped. */
export interface AvailabilityPush {
  readonly push: 'availability';
  readonly sku: string;
  readonly region: string;
  readonly availableToSell: number;
  readonly version: Version;
}

/** The map of partitions after a change, to connections that follow it: the latest only. */
export interface MovedPush extends PartitionMap {
  readonly push: 'moved';
}

export type Push = AvailabilityPush | MovedPush;
