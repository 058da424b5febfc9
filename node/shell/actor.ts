// A hot actor, of whichever kind: its state and what the shell notes beside it.
import type { InventoryState } from '../core/index.ts';
import type { HostedOrder } from './orders/hosted-order.ts';

/** In the place of a clockIndex: it is in no directory; or only until what happened to it is durable. */
export const ABSENT = -1;
export const VISITING = -2;

/** All kinds have one shape. */
export interface ActorOf<State> {
  /** Its key: the SKU, or that of an order (see keys.ts). */
  readonly sku: string;
  readonly partition: number;
  readonly state: State;
  /** The journal seq of its last event; 0 when that is long durable. */
  journalSeq: number;
  /** When the timer wheel will look at it, ms since the epoch; Infinity: not scheduled. */
  wheelAt: number;
  /** Someone subscribes to its availability. */
  watched: boolean;
  /** Second chance for the eviction clock. */
  used: boolean;
  /** Its place in the eviction clock; or VISITING, or ABSENT. */
  clockIndex: number;
  /** The snapshot round that last heard of a change of it. */
  changedIn: number;
}

export type Actor = ActorOf<InventoryState>;
export type OrderActor = ActorOf<HostedOrder>;

/** An actor that is in no directory yet. */
export function newActor<State>(sku: string, partition: number, state: State): ActorOf<State> {
  return {
    sku,
    partition,
    state,
    journalSeq: 0,
    wheelAt: Number.POSITIVE_INFINITY,
    watched: false,
    used: true,
    clockIndex: ABSENT,
    changedIn: -1,
  };
}
