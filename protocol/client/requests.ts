// What a caller passes to each method: the wire's fields without those the client can fill in. Which ops need what
// filled in stands here too; the fields themselves are in ../wire.ts.
import { LIST_PAGE_MAX, TASKS_TAKEN_DEFAULT } from '../limits.ts';
import type { ReplyOf } from '../types.ts';
import type {
  WireAdjust,
  WireAdvanceOrder,
  WireCaptureOrder,
  WireCommit,
  WireCommitOrder,
  WireConfigure,
  WireExtend,
  WireGet,
  WireGetOrder,
  WireGetReservation,
  WireList,
  WirePool,
  WireQuery,
  WireRelease,
  WireReleaseOrder,
  WireRequest,
  WireReserve,
  WireReserveOrder,
  WireShip,
  WireSubscription,
  WireTakeTasks,
  WireTransfer,
} from '../wire.ts';

interface Idempotent {
  /** Made by the client (UUIDv7) when absent. Pass your own to make a call repeatable by another process. */
  readonly requestId?: string | undefined;
}

interface InRegion {
  /** Default: the region of the grid the client is connected to. */
  readonly region?: string | undefined;
}

type Filled<W> = Omit<W, 'op' | 'requestId' | 'region'> &
  (W extends { readonly requestId: string } ? Idempotent : unknown) &
  (W extends { readonly region: string } ? InRegion : unknown);

export interface ReserveInput extends Filled<WireReserve> {}
export interface ExtendInput extends Filled<WireExtend> {}
export interface CommitInput extends Filled<WireCommit> {}
export interface ReleaseInput extends Filled<WireRelease> {}
export interface ShipInput extends Filled<WireShip> {}
/** Give exactly one of `delta` and `onHand`. */
export interface AdjustInput extends Filled<WireAdjust> {}
export interface ConfigureInput extends Filled<WireConfigure> {}
export interface PoolInput extends Filled<WirePool> {}
export interface TransferInput extends Filled<WireTransfer> {}
export interface GetInput extends Filled<WireGet> {}
export interface GetReservationInput extends Filled<WireGetReservation> {}
export interface QueryInput extends Filled<WireQuery> {}
export interface ListInput extends Filled<WireList> {}
export interface CaptureOrderInput extends Filled<WireCaptureOrder> {}
export interface AdvanceOrderInput extends Filled<WireAdvanceOrder> {}
export interface ReserveOrderInput extends Filled<WireReserveOrder> {}
export interface CommitOrderInput extends Filled<WireCommitOrder> {}
export interface ReleaseOrderInput extends Filled<WireReleaseOrder> {}
export interface GetOrderInput extends Filled<WireGetOrder> {}
export interface TakeTasksInput extends Filled<WireTakeTasks> {}
/** Give exactly one of `sku` and `skus`. */
export interface SubscriptionInput extends Filled<WireSubscription> {}

export interface InputOf {
  reserve: ReserveInput;
  extend: ExtendInput;
  commit: CommitInput;
  release: ReleaseInput;
  ship: ShipInput;
  adjust: AdjustInput;
  configure: ConfigureInput;
  pool: PoolInput;
  transfer: TransferInput;
  get: GetInput;
  getReservation: GetReservationInput;
  query: QueryInput;
  list: ListInput;
  captureOrder: CaptureOrderInput;
  advanceOrder: AdvanceOrderInput;
  getOrder: GetOrderInput;
  reserveOrder: ReserveOrderInput;
  commitOrder: CommitOrderInput;
  releaseOrder: ReleaseOrderInput;
  takeTasks: TakeTasksInput;
}

/** The ops that stand for one request each, alone or in a batch. */
export type ItemOp = keyof InputOf;

/** An item of a batch: the input of its op, and which op it is. */
export type BatchItem = { [O in ItemOp]: { readonly op: O } & InputOf[O] }[ItemOp];

export type ReplyTo<O extends ItemOp> = ReplyOf[O];

/** Which ops change something, and so need a requestId, and which name a region; a missing op does not compile. */
export const ITEM_OPS: Record<ItemOp, { readonly mutates: boolean; readonly inRegion: boolean }> = {
  reserve: { mutates: true, inRegion: true },
  extend: { mutates: true, inRegion: false },
  commit: { mutates: true, inRegion: false },
  release: { mutates: true, inRegion: false },
  ship: { mutates: true, inRegion: false },
  adjust: { mutates: true, inRegion: true },
  configure: { mutates: true, inRegion: true },
  pool: { mutates: true, inRegion: true },
  transfer: { mutates: true, inRegion: true },
  get: { mutates: false, inRegion: true },
  getReservation: { mutates: false, inRegion: false },
  query: { mutates: false, inRegion: false },
  list: { mutates: false, inRegion: true },
  captureOrder: { mutates: true, inRegion: true },
  advanceOrder: { mutates: true, inRegion: true },
  getOrder: { mutates: false, inRegion: true },
  takeTasks: { mutates: false, inRegion: true },
  reserveOrder: { mutates: true, inRegion: true },
  commitOrder: { mutates: true, inRegion: true },
  releaseOrder: { mutates: true, inRegion: true },
};

/**
 * How many replies a request counts for among those in flight. The grid counts the same way: a batch by its items, a
 * query by its SKUs, a list by its page, tasks by how many are taken.
 */
export function weightOf(request: WireRequest): number {
  switch (request.op) {
    case 'batch':
      return request.items.reduce((sum, item) => sum + weightOf(item), 1);
    case 'query':
      return Math.max(1, (request.skus?.length ?? 1) * (request.regions?.length ?? 1));
    case 'list':
      // Whatever a caller without types wrote: a count must stay a number.
      return Number.isInteger(request.limit) ? Math.max(1, request.limit as number) : LIST_PAGE_MAX;
    case 'takeTasks':
      return Number.isInteger(request.limit) ? Math.max(1, request.limit as number) : TASKS_TAKEN_DEFAULT;
    default:
      return 1;
  }
}

/**
 * Whether a request waits while the grid is busy (window.ts): not what settles or frees stock, or tells what became of a task, which the grid serves
 * when it refuses all else, nor what waits in the grid on purpose, nor what is between client and gateway alone.
 */
export function isPaced(request: WireRequest): boolean {
  return request.op === 'batch' ? request.items.some(isPaced) : PACED[request.op];
}

const PACED: Record<Exclude<WireRequest['op'], 'batch'>, boolean> = {
  reserve: true,
  extend: false,
  commit: false,
  release: false,
  ship: false,
  adjust: true,
  configure: true,
  pool: true,
  transfer: true,
  get: true,
  getReservation: true,
  query: true,
  list: true,
  captureOrder: true,
  advanceOrder: false,
  getOrder: true,
  takeTasks: false,
  reserveOrder: true,
  commitOrder: false,
  releaseOrder: false,
  subscribe: false,
  unsubscribe: false,
  hello: false,
  map: false,
};
