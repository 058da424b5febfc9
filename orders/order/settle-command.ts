// The command by which an exception of an order is settled, as orders take it and policies give it.
import type { Action } from './kinds.ts';

/** A decision on an exception, with what its action needs. Effects outside (intercepting a parcel) have been done. */
export interface Settling<Detail> {
  readonly exceptionId: string;
  readonly action: Action;
  readonly rule?: string;
  /** Decisions on all exceptions of the order that were known to whoever decided: it is refused where others were made since. */
  readonly decisionsKnown?: number;
  /** For the journey. */
  readonly detail?: Detail;
  /** wait: when to decide again. */
  readonly until?: number;
  /** repromise; without it `undated`: nobody knows when, and nothing is promised any more. */
  readonly promisedAt?: number;
  readonly undated?: true;
  /** reroute, upgrade. */
  readonly carrier?: string;
  readonly service?: string;
  readonly expectedAt?: number;
  /** substitute. */
  readonly lineId?: string;
  readonly sku?: string;
  /** refund, and cancel of what was paid. */
  readonly amountMinor?: number;
  /** What is given up is paid back as it is worth by then; amountMinor is what it was when it was decided, 0 of what is not paid. */
  readonly refundsWorth?: boolean;
  /** intercept: what becomes of the units. */
  readonly unitsTo?: 'open' | 'cancelled';
  /** The customer is told. */
  readonly notify?: string;
}
