// The vocabulary of the inventory actor: its state, the commands it decides on, the events that change it.
// Types only; decide.ts and evolve.ts give them meaning, SPEC.md states what must hold.
import type { PoolState } from '../../cluster/escrow/index.ts';
import type { MutatingRequest, Outcome } from '../../protocol/index.ts';
import type { DedupWindow } from './dedup.ts';
import type { ExpiryQueue } from './expiry.ts';
import type { OwnerIndex } from './owners.ts';
import type { ReservationTable } from './reservations.ts';
import type { ShardedMap } from './sharded-map.ts';

export type { Reservation, ReservationPart } from './reservation.ts';

/** What a decision may depend on besides state and command. Given by the shell, recorded in the events. */
export interface DecideContext {
  /** Milliseconds since the epoch; never less than state.lastAt. */
  readonly now: number;
  /** The epoch under which the events will be journaled. */
  readonly epoch: number;
  readonly region: string;
}

/** Ends every reservation that is due; the timer wheel sends it. Reads and other commands do the same first. */
export interface ExpireCommand {
  readonly op: 'expire';
}

export type Command = MutatingRequest | ExpireCommand;

/** One ship node of the SKU. `onHand` is received − shipped: it is never kept beside them (I2). */
export interface NodePosition {
  readonly node: string;
  /** Σ of all adjustments that took effect, units. */
  received: number;
  shipped: number;
  safetyStock: number;
  backorderLimit: number;
  /** Units of a count below what is promised that are still to be written off; see SPEC.md, adjust. */
  shortfall: number;
  /** Derived from the reservations: rebuilt on load, checked by assertInvariants. */
  reserved: number;
  /** Derived likewise: committed and not yet shipped. */
  allocated: number;
}

/** All that one actor holds: one SKU in one region. Changed by evolve alone. */
export interface InventoryState {
  readonly sku: string;
  /** Events so far; the version's seq. */
  seq: number;
  /** The time of the last event, ms. */
  lastAt: number;
  readonly nodes: NodePosition[];
  readonly reservations: ReservationTable;
  readonly dedup: DedupWindow;
  /** Derived: live soft reservations by expiry. */
  readonly expiries: ExpiryQueue;
  /** Derived: tentative reservations by when their order is to be asked; undefined until there is one. */
  asks: ExpiryQueue | undefined;
  /** Units set aside by channel, sorted by channel; undefined when none. */
  channels: ChannelBuffer[] | undefined;
  /** Units an owner may hold or have bought; 0: no limit. */
  limitPerOwner: number;
  /** Derived: who holds what; undefined while there are few reservations, see hold in owners.ts. */
  owners: OwnerIndex | undefined;
  /** Units shipped by owner since the limit was set, in order of the first shipment; undefined until there are any. */
  bought: ShardedMap<string, number> | undefined;
  /** The region's part of the SKU's pooled stock; undefined when it has none. */
  pool: PoolPart | undefined;
}

/** What went between this region and the others that sell the pool. The rights are in a node. */
export interface PoolPart extends PoolState {
  /** The other regions that sell it, sorted. */
  readonly regions: readonly string[];
  /** Of the node that holds the rights. */
  readonly nodeIndex: number;
}

/** Units set aside for one channel. */
export interface ChannelBuffer {
  readonly channel: string;
  readonly buffer: number;
  /** Derived: units of this channel that are reserved, or committed and not yet shipped. */
  used: number;
}

/** Identifies the request behind an event, for the idempotency window and the audit trail. */
export interface Cause {
  readonly requestId: string;
  /** A digest of op and body: the same requestId with another digest is refused. */
  readonly bodyHash: number;
}

interface EventBase {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The epoch under which it is journaled; not in the record itself but in its batch. */
  readonly epoch: number;
}

export interface ReservedEvent extends EventBase, Cause {
  readonly type: 'reserved';
  readonly askedQty: number;
  readonly parts: readonly { readonly nodeIndex: number; readonly qty: number }[];
  readonly expiresAt: number;
  readonly owner: string | undefined;
  readonly channel: string | undefined;
  /** `<orderId>@<region>` of a tentative reservation. */
  readonly order: string | undefined;
  readonly availableToSell: number;
}

/** An owner asked again for what it already holds: the reservation it holds is its answer (I4). */
export interface AdoptedEvent extends EventBase, Cause {
  readonly type: 'adopted';
  readonly no: number;
  readonly expiresAt: number;
  readonly availableToSell: number;
}

/** An owner's order asked for what the owner holds already: the reservation is the order's from now on (I4). */
export interface EnlistedEvent extends EventBase, Cause {
  readonly type: 'enlisted';
  readonly no: number;
  readonly order: string;
  readonly expiresAt: number;
  readonly availableToSell: number;
}

export interface ExtendedEvent extends EventBase, Cause {
  readonly type: 'extended';
  readonly no: number;
  readonly expiresAt: number;
}

export interface CommittedEvent extends EventBase, Cause {
  readonly type: 'committed';
  readonly no: number;
  readonly qty: number;
  readonly orderId: string | undefined;
}

export interface ReleasedEvent extends EventBase, Cause {
  readonly type: 'released';
  readonly no: number;
}

export interface ShippedEvent extends EventBase, Cause {
  readonly type: 'shipped';
  readonly no: number;
  readonly qty: number;
}

/** Committed units that stay in the house after all. */
export interface PutBackEvent extends EventBase, Cause {
  readonly type: 'putBack';
  readonly no: number;
  readonly qty: number;
}

export interface AdjustedEvent extends EventBase, Cause {
  readonly type: 'adjusted';
  readonly node: string;
  /** Units by which onHand changes now. */
  readonly delta: number;
  /** The node's shortfall afterwards. */
  readonly shortfall: number;
  readonly reason: string;
}

export interface ConfiguredEvent extends EventBase, Cause {
  readonly type: 'configured';
  readonly node: string | undefined;
  readonly safetyStock: number | undefined;
  readonly backorderLimit: number | undefined;
  readonly channelBuffers: Readonly<Record<string, number>> | undefined;
  readonly limitPerOwner: number | undefined;
}

/** Every live soft reservation with expiresAt ≤ through ends, tentative ones excepted, in order of (expiresAt, no). */
export interface ExpiredEvent extends EventBase {
  readonly type: 'expired';
  readonly through: number;
}

/** A refusal by the rules of stock, remembered so that its retry is answered alike (I11). */
export interface RefusedEvent extends EventBase, Cause {
  readonly type: 'refused';
  readonly code: 'INSUFFICIENT_STOCK' | 'LIMIT_EXCEEDED' | 'RESERVATION_ENDED';
  /** What the message needs; see render.ts. */
  readonly asked: number;
  readonly available: number;
  /** INSUFFICIENT_STOCK of a reserve: the most one node could give. LIMIT_EXCEEDED: the limit. Else 0. */
  readonly bound: number;
  readonly endState: 'COMMITTED' | 'RELEASED' | 'EXPIRED' | undefined;
}

/** The node `pool` is the region's part of a pool that these other regions sell as well, sorted. */
export interface PooledEvent extends EventBase, Cause {
  readonly type: 'pooled';
  readonly region: string;
  readonly regions: readonly string[];
}

/** Rights were given to a region: all in all `total` by now. */
export interface TransferredEvent extends EventBase {
  readonly type: 'transferred';
  readonly to: string;
  readonly total: number;
  /** The request of a person; undefined when the region's steward gave. */
  readonly cause: Cause | undefined;
}

/** A region says that it has given `total` by now. */
export interface CreditedEvent extends EventBase {
  readonly type: 'credited';
  readonly from: string;
  readonly total: number;
}

/** A region was credited `total`, more than this journal says was given: it has lost its tail. */
export interface ConcededEvent extends EventBase {
  readonly type: 'conceded';
  readonly to: string;
  readonly total: number;
}

export type InventoryEvent =
  | ReservedEvent
  | AdoptedEvent
  | EnlistedEvent
  | ExtendedEvent
  | CommittedEvent
  | ReleasedEvent
  | ShippedEvent
  | PutBackEvent
  | AdjustedEvent
  | ConfiguredEvent
  | ExpiredEvent
  | RefusedEvent
  | PooledEvent
  | TransferredEvent
  | CreditedEvent
  | ConcededEvent;

/**
 * What execute returns. `events` have been applied to the state already, the last of them has seq `state.seq`.
 * The shell journals them in order and lets `reply` leave only once the last of them is durable; with no events,
 * once all earlier events of the actor are (I6).
 */
export interface Decision {
  readonly events: readonly InventoryEvent[];
  /** The answer; undefined for `expire`, which nobody waits for. */
  readonly reply: Outcome | undefined;
}
