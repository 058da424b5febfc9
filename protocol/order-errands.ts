// What an order's core and the coordinator in the grid say to each other about reservations, as the command `reservations` of
// advanceOrder and its result. Types alone. The order decides and keeps what it decided; the coordinator sends.
import type { Failure } from './errors.ts';
import type { EndOrderReply, ReserveOrderReply } from './order-reservations.ts';
import type { WireCommit, WireRelease, WireReserve } from './wire.ts';

/** A request that the order wants sent, as often as need be: the same each time. */
export interface OrderErrand {
  /** Goes back with the outcome. */
  readonly claim: number;
  readonly request: WireReserve | WireCommit | WireRelease;
}

/** What a tentative reservation is told; `qty`: units to commit of it. */
export type AskAnswer =
  | { readonly answer: 'commit'; readonly qty: number }
  | { readonly answer: 'expire' }
  | { readonly answer: 'unknown-yet' };

/** The result of a command `reservations`. */
export interface ReservationsResult {
  /** Which attempt the errands are of. */
  readonly attempt: number;
  /** What is to be sent now; none: nothing is waited for. */
  readonly errands: readonly OrderErrand[];
  /** What the client is told; absent while that is not known. */
  readonly outcome?: ReserveOrderReply | EndOrderReply | Failure;
  /** To the step `ask`. */
  readonly asked?: AskAnswer;
}
