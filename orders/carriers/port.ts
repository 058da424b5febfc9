// What the rest of orders knows of a carrier: five calls and a stream of what happened to parcels. Drivers: simulated/, http/.
// Money is in minor units, weight in grams, distance in km, times in ms since the epoch.

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
  readonly postalCode: string;
  /** State or province, such as NY. Without it a carrier that knows states only takes it that it delivers there. */
  readonly area?: string;
}

/**
 * Of each call. Two calls that change something (book, intercept, cancel) with the same key are one: the second is answered as
 * the first was. Those that only read are answered anew.
 */
export interface Call {
  /** 1 to 128 printable characters. For what a task does, its taskId. */
  readonly idempotencyKey: string;
  /** Ends the call; what it did meanwhile may have taken effect. */
  readonly signal?: AbortSignal;
}

export interface RateRequest {
  /** Without it, all that the carrier has. At most 64. */
  readonly services?: readonly string[];
  readonly from: Place;
  readonly to: Place;
  readonly grams: number;
  /** When the parcel is ready to be collected. */
  readonly readyAt: number;
}

export interface Rate {
  readonly service: string;
  /** Freight with fuel. */
  readonly cost: number;
  readonly fuel: number;
  /** Half of the parcels are delivered by then, and nine of ten by the other. */
  readonly deliveredP50At: number;
  readonly deliveredP90At: number;
}

export interface BookRequest {
  /** Yours; of at most 128 characters. Comes back with each event. */
  readonly shipmentId: string;
  readonly service: string;
  readonly from: Place;
  readonly to: Place;
  readonly grams: number;
  /** When it is ready to be collected; in the past: it is. */
  readonly readyAt: number;
}

export interface Booking {
  readonly trackingId: string;
  readonly shipmentId: string;
  readonly service: string;
  readonly cost: number;
  readonly pickupAt: number;
  /** What the carrier says now, as p50; it promises nothing. */
  readonly estimatedDeliveryAt: number;
}

/** What can have happened to a parcel. A total list: a driver maps what it does not know to `note`. */
export const TRACK_KINDS = [
  'labelCreated',
  'pickedUp',
  'inTransit',
  'outForDelivery',
  'deliveryFailed',
  'delivered',
  'addressProblem',
  'damaged',
  'intercepted',
  'interceptFailed',
  'returned',
  'cancelled',
  'note',
] as const;

export type TrackKind = (typeof TRACK_KINDS)[number];

/** After one of these a parcel moves no more. */
export const FINAL_KINDS: ReadonlySet<TrackKind> = new Set(['delivered', 'returned', 'cancelled']);

/** Told at least once, in any order, some never: what a consumer keys on is eventId, what it sorts by is `at`. */
export interface TrackEvent {
  readonly eventId: string;
  readonly trackingId: string;
  readonly shipmentId: string;
  readonly kind: TrackKind;
  /** When it happened, by the carrier's clock; not when it was told. */
  readonly at: number;
  /** Where, or why. */
  readonly detail?: string;
  /** When the parcel is expected to be delivered, as of then. */
  readonly estimatedDeliveryAt?: number;
}

export interface TrackRequest {
  readonly trackingId: string;
}

export interface Tracked {
  readonly trackingId: string;
  readonly shipmentId: string;
  /** Told so far, by `at`, each once. */
  readonly events: readonly TrackEvent[];
  /** As of now; undefined where the carrier says nothing (delivered, or lost). */
  readonly estimatedDeliveryAt?: number;
}

export interface InterceptRequest {
  readonly trackingId: string;
  /** Back to where it came from, or to another place. */
  readonly action: 'return' | 'redirect';
  /** Of a redirect. */
  readonly to?: Place;
}

/** It is tried; whether it went well is told by an event, `intercepted` or `interceptFailed`. */
export interface InterceptRequested {
  readonly trackingId: string;
  /** Paid also when it fails. */
  readonly cost: number;
}

export interface CancelRequest {
  readonly trackingId: string;
}

export interface Cancelled {
  readonly trackingId: string;
  /** What is paid back. */
  readonly refund: number;
}

export interface Carrier {
  readonly carrier: string;
  /** Services that do not go there are left out. */
  rate(request: RateRequest, call: Call): Promise<readonly Rate[]>;
  book(request: BookRequest, call: Call): Promise<Booking>;
  track(request: TrackRequest, call: Call): Promise<Tracked>;
  intercept(request: InterceptRequest, call: Call): Promise<InterceptRequested>;
  /** Before it was picked up only. */
  cancel(request: CancelRequest, call: Call): Promise<Cancelled>;
  /** Tells of events from now on. A listener that throws or rejects is told again later, within bounds. Returns what ends it. */
  onTracking(listener: TrackListener): () => void;
  /**
   * It took back a booking that was still wanted, which it had confirmed: counts once for each key. Of those that stop asking a carrier
   * that does not do what it is asked.
   */
  tookBack?(key: string): void;
  /** Calls afterwards fail with UNAVAILABLE. */
  close(): Promise<void>;
}

export type TrackListener = (event: TrackEvent) => void | Promise<void>;

export const OPERATIONS = ['rate', 'book', 'track', 'intercept', 'cancel'] as const;
export type Operation = (typeof OPERATIONS)[number];
