// What processors need of the world outside: the grid, ship nodes, carriers, those who tell customers and pay them back, and a clock.
// Times are ms since the epoch of business, which a demonstration runs faster than the grid's.
import type { Json, LeasedTask, OrderDocument, OrderEvent, OrderTask } from '../../protocol/index.ts';
import type { Carrier } from '../carriers/port.ts';
import type { CommandData, CommandType, OrderException } from '../order/types.ts';
import type { OrderDetail } from '../order/view.ts';
import type { Stock } from '../sourcing/situation.ts';
import type { Leg, Observation } from '../transit/model.ts';

/** A command that a processor gives an order; who gives it and for which task is filled in. */
export type Command = { [T in CommandType]: { readonly type: T } & CommandData[T] }[CommandType];

export interface OrderRecord {
  readonly orderId: string;
  readonly document: OrderDocument;
  readonly tasks: readonly OrderTask[];
  readonly detail: OrderDetail;
  /** All events from the first, where they were asked for. */
  readonly journey?: readonly OrderEvent[];
}

/** What a command came to. Refusals are answers; what may go well later is thrown. */
export type Advanced =
  | { readonly ok: true; readonly status: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** A position to be reserved for a line of an order. */
export interface PositionLine {
  /** Unique in its request. */
  readonly lineId: string;
  readonly sku: string;
  readonly region: string;
  readonly node: string;
  readonly qty: number;
}

/** A request of a task: its requestIds are its own, whatever others call theirs. */
export interface TaskCall {
  readonly taskId: string;
  readonly requestId: string;
}

/** Through which channel it is sold. */
export interface Buyer {
  readonly channel: string | undefined;
}

export interface ReserveCall extends TaskCall, Partial<Buyer> {
  readonly policy: 'all' | 'partial';
}

export type Reserved =
  /** With the units that are held; with policy partial lines may be missing. */
  | { readonly ok: true; readonly lines: readonly (PositionLine & { readonly reservationId: string })[] }
  /** Nothing is held. Where no line was refused, it was given up before all were answered: to be asked for anew. */
  | { readonly ok: false; readonly refused: readonly { readonly lineId: string; readonly code: string }[] };

export type Ended = { readonly ok: true } | { readonly ok: false; readonly state: string };

/** expired: its requestId, a UUIDv7, is too old to have an effect from now on; whether it had one before is not said. */
export type Made = 'made' | 'expired';

/** The grid as fulfilment sees it: orders of one region, and stock of all. Throws where it cannot be reached. */
export interface OrderGrid {
  readonly region: string;
  captureOrder(order: OrderDocument, requestId: string): Promise<void>;
  /** Undefined: nobody captured it. */
  getOrder(orderId: string, journey?: boolean): Promise<OrderRecord | undefined>;
  advanceOrder(
    orderId: string,
    command: { readonly type: string; readonly [field: string]: Json },
    call: AdvanceCall,
  ): Promise<Advanced>;
  takeTasks(request: TakeTasks): Promise<readonly LeasedTask[]>;
  /**
   * What can be sent of these SKUs in these regions now: on hand and free, without what may be sold beyond that.
   * @param buyer what may be sold through its channel, or, where that is undefined, to a buyer of none; without it, to all together
   */
  stockOf(skus: readonly string[], regions: readonly string[], buyer?: Buyer): Promise<Stock>;
  /** Tentatively, all of it or what can be had. The same requestId is answered alike. Throws once the task is closed. */
  reserveOrder(orderId: string, lines: readonly PositionLine[], call: ReserveCall): Promise<Reserved>;
  commitOrder(orderId: string, call: TaskCall): Promise<Ended>;
  releaseOrder(orderId: string, call: TaskCall): Promise<Ended>;
  /** Allocated units leave the books. */
  ship(reservationId: string, qty: number, requestId: string): Promise<Made>;
  /** How many units of a committed reservation have left the books or were put back; `all` where they have long done so. */
  shippedOf(reservationId: string): Promise<number | 'all'>;
  /** Allocated units stay in stock after all, to be sold to others. */
  putBack(reservationId: string, qty: number, requestId: string): Promise<Made>;
}

export interface AdvanceCall {
  readonly requestId: string;
  readonly traceId?: string;
}

export interface TakeTasks {
  readonly kinds: readonly string[];
  readonly limit: number;
  readonly leaseMs: number;
  readonly waitMs: number;
}

/** What a ship node says of a package that was released to it. */
export type NodeProgress =
  | { readonly state: 'waiting' }
  | { readonly state: 'picked' }
  | { readonly state: 'packed'; readonly grams: number }
  | {
      readonly state: 'short';
      readonly missing: readonly { lineId: string; qty: number }[];
      readonly reasonCode: string;
    }
  | { readonly state: 'rejected'; readonly reasonCode: string };

export interface NodeRequest {
  readonly orderId: string;
  readonly packageId: string;
  readonly node: string;
  readonly lines: readonly { readonly lineId: string; readonly sku: string; readonly qty: number }[];
  /** Of all that is in it. */
  readonly grams: number;
}

/** The systems of ship nodes. */
export interface ShipNodes {
  /** Hands over what is to be sent; once for each key. */
  release(request: NodeRequest, key: string): Promise<void>;
  /**
   * A package is not sent after all: it is not to be picked or packed any more. Once for each key; before its units are sold to others. It may be one
   * that was not released yet, since who releases may die before telling; a release that comes after it is not carried out.
   */
  cancel(request: Pick<NodeRequest, 'orderId' | 'packageId' | 'node'>, key: string): Promise<void>;
  /** @param since when it was released */
  progress(request: NodeRequest, since: number): Promise<NodeProgress>;
}

export interface Notice {
  /** That captured the order: there may be another of its orderId elsewhere. */
  readonly region: string;
  readonly orderId: string;
  readonly customer: string | undefined;
  /** shipped, delivered, notSent, or what a policy says. */
  readonly about: string;
  readonly packageId: string | undefined;
  /** What it is about; none: the whole order. */
  readonly lines: readonly { readonly lineId: string; readonly sku: string; readonly qty: number }[];
  /** What is paid back for it, minor units; undefined: nothing. */
  readonly amountMinor: number | undefined;
  /** As the order has it. */
  readonly currency: string | undefined;
  /** The new promise; undefined: there is none, or nobody knows when. */
  readonly promisedAt: number | undefined;
}

/** Tells customers; once for each key. */
export type Notify = (notice: Notice, key: string) => Promise<void>;

/** Pays back; once for each key. Resolves with the reference of the payment. */
export type Refund = (orderId: string, amountMinor: number, key: string) => Promise<string>;

/** What is decided about an exception; `settle` of the order's core has what each action needs. */
export interface Settlement {
  readonly command: Omit<CommandData['settle'], 'exceptionId'>;
  readonly policyVersion: string;
  /** Asked anew after this, ms, with nothing recorded: an interception that is under way. */
  readonly later?: number;
}

/** Policies: what to do about an exception now; what is asked of carriers meanwhile is asked under the key. */
export type Settle = (exception: OrderException, order: OrderRecord, key: string) => Promise<Settlement>;

/** How long parcels take: learned from what becomes of them, and asked about those that are on their way or will be. */
export interface TransitKnowledge {
  /** What became known of parcels; told again it counts once. Never rejects: orders go on without it. */
  observe(observations: readonly Observation[]): Promise<void>;
  /** That a parcel which is not delivered at `now` will not be by `deadline`, 0 to 1. Never throws. */
  missProbability(leg: Leg, deadline: number, now: number): number;
}

/** Whether a probability of missing the promise is an exception. */
export type LateRisk = (missProbability: number) => boolean;

/** Days that a parcel loses at a place now, to weather; 0 where nothing is known. */
export type Delays = (place: { readonly latitude: number; readonly longitude: number }) => number;

/** A package as it counts for its node's capacity. */
export interface CapacitySlot {
  readonly node: string;
  /** As planned, ms since the epoch of business. */
  readonly handedOverAt: number;
}

/** Packages that ship nodes have to hand over, where they can hand over so many a day only. None of its calls rejects. */
/** Orders are named with their region, `<orderId>@<region>`, and so are packages: `<region>/<orderId>/<packageId>`. */
export interface NodeCapacity {
  /** What a node hands over at its next cutoff already. */
  packagesOf(node: string): number;
  /** An order is about to take these, in place of what it was about to take before. Counts at once, in this process. */
  claim(order: string, slots: readonly CapacitySlot[]): void;
  /** Whether it matters how many packages a node hands over. */
  isCounted(node: string): boolean;
  /** A package is handed over then: counts for all. Told again it counts once, where it was told of last. */
  take(packageName: string, slot: CapacitySlot): Promise<void>;
  /** It will not be handed over after all. */
  free(packageName: string, node: string): Promise<void>;
}

/** Business time and the grid's: both are ms since the epoch. */
export interface BusinessClock {
  now(): number;
  /** When it will be on the grid's clock, at which tasks become due. */
  toGrid(at: number): number;
  fromGrid(at: number): number;
  /** How many times faster business goes. */
  readonly speed: number;
}

export interface Ports {
  readonly grid: OrderGrid;
  readonly clock: BusinessClock;
  readonly nodes: ShipNodes;
  readonly carriers: ReadonlyMap<string, Carrier>;
  readonly notify: Notify;
  readonly refund: Refund;
  readonly settle: Settle;
  readonly transit: TransitKnowledge;
  readonly isLateRisk: LateRisk;
  readonly capacity: NodeCapacity;
  readonly delays: Delays;
}
