// The port of the transit-time model: what it is told, what it answers. A better model replaces the default behind it. All times
// are arguments; no implementation has a clock, randomness or I/O of its own.

/** The shares of parcels that an answer names, ascending. */
export const QUANTILES = [0.5, 0.75, 0.85, 0.9, 0.95, 0.97, 0.99] as const;

/** Days from hand-over to delivery that so many of a hundred parcels do not exceed; they never fall with the quantile. */
export interface TransitDays {
  readonly p50: number;
  readonly p75: number;
  readonly p85: number;
  readonly p90: number;
  readonly p95: number;
  readonly p97: number;
  readonly p99: number;
}

/** What is known of a parcel when it is handed over, or planned to be. */
export interface Leg {
  /** The ship node that it leaves. */
  readonly node: string;
  /** The carrier service that takes it. */
  readonly service: string;
  /** Of the destination. */
  readonly postalCode: string;
  readonly km: number;
  /** ms since the epoch. */
  readonly handedOverAt: number;
}

export interface Shipment extends Leg {
  readonly shipmentId: string;
}

/** What happened to a parcel. Times are ms since the epoch and may lie before what the model was told last. */
export type Observation =
  | { readonly kind: 'handedOver'; readonly shipment: Shipment }
  /** The carrier has seen it on its way. */
  | { readonly kind: 'scan'; readonly shipmentId: string; readonly at: number }
  | { readonly kind: 'delivered'; readonly shipmentId: string; readonly at: number }
  /** It will not be delivered on this way: lost, intercepted, returned. */
  | { readonly kind: 'ended'; readonly shipmentId: string; readonly at: number };

export interface TransitAnswer {
  readonly days: TransitDays;
  /** How fast parcels like this move at present, as a share of what is usual: 0 to 1, and 1 where nothing is disturbed. */
  readonly speed: number;
  /** The narrowest group of parcels that was seen before. */
  readonly knownFrom: 'lane' | 'area' | 'service' | 'nothing';
}

/** Transit times of a group are not what they were. */
export interface DriftAlarm {
  readonly level: string;
  /** What names the group at its level. */
  readonly group: { readonly service?: string; readonly area?: string; readonly node?: string };
  readonly direction: 'slower' | 'faster';
  /** When the first parcels that showed it were handed over, ms since the epoch. */
  readonly since: number;
  /** When it was certain enough, ms since the epoch. */
  readonly at: number;
}

export interface TransitModel {
  /**
   * Takes in what became known by `now`, ms since the epoch; the order within `observations` makes no difference. A shipment that
   * is known, and news of one that is not, change nothing. Advances to `now`.
   */
  observe(observations: readonly Observation[], now: number): void;
  /** Lets time pass: parcels become overdue though nothing was heard of them. An earlier `now` than before counts as that one. */
  advance(now: number): void;
  /** For a parcel handed over at or after about `now`. Changes nothing. */
  answer(leg: Leg, now: number): TransitAnswer;
  /** 0 to 1: that a parcel which is not delivered at `now` will not be by `deadline`, both ms since the epoch. */
  missProbability(leg: Leg, deadline: number, now: number): number;
  /** The newest, oldest first; a bounded number. */
  alarms(): readonly DriftAlarm[];
  /** All of the state, with its version; the implementation's `restore` takes it back and then answers alike. */
  serialise(): Uint8Array;
}

export function daysOf(values: ArrayLike<number>): TransitDays {
  const [p50 = 0, p75 = 0, p85 = 0, p90 = 0, p95 = 0, p97 = 0, p99 = 0] = Array.from(values);
  return { p50, p75, p85, p90, p95, p97, p99 };
}
