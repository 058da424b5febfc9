// A carrier of tests: what is booked is delivered after so many looks at it. Counts its bookings, to see effects made once.
import { CarrierError } from '../../carriers/errors.ts';
import type { Booking, BookRequest, Carrier, TrackEvent, TrackKind, TrackListener } from '../../carriers/port.ts';
import { readKey } from '../../carriers/requests.ts';

export class ParcelCarrier implements Carrier {
  readonly carrier = 'acme';
  /** By key. */
  readonly bookings = new Map<string, Booking>();
  /** All that it was asked to book, repetitions too. */
  readonly asked: BookRequest[] = [];
  readonly cancelled = new Set<string>();
  /** Of bookings that it took back, as it was told. */
  readonly takenBack = new Set<string>();
  /** Called before each call: what it throws, the call throws. */
  fault: (call: string) => void = () => {};
  readonly #bodies = new Map<string, string>();
  readonly #listeners = new Set<TrackListener>();
  readonly #looks = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async rate(): Promise<[]> {
    return [];
  }

  async book(request: BookRequest, { idempotencyKey }: { idempotencyKey: string }) {
    this.fault('book');
    readKey(idempotencyKey);
    const { shipmentId, service } = request;
    this.asked.push(request);
    const body = JSON.stringify(request);
    if ((this.#bodies.get(idempotencyKey) ?? body) !== body) {
      throw new CarrierError('IDEMPOTENCY_CONFLICT', `${idempotencyKey} was used for another booking`);
    }
    this.#bodies.set(idempotencyKey, body);
    const before = this.bookings.get(idempotencyKey);
    const now = this.#now();
    const booking = before ?? {
      trackingId: `T${this.bookings.size + 1}`,
      shipmentId,
      service,
      cost: 500,
      pickupAt: now,
      estimatedDeliveryAt: now + 1_000,
    };
    this.bookings.set(idempotencyKey, booking);
    this.fault('booked');
    return booking;
  }

  async track({ trackingId }: { trackingId: string }) {
    this.fault('track');
    const booking = [...this.bookings.values()].find((one) => one.trackingId === trackingId);
    if (booking === undefined) throw new CarrierError('NOT_FOUND', trackingId);
    const looks = (this.#looks.get(trackingId) ?? 0) + 1;
    this.#looks.set(trackingId, looks);
    const kinds = (['pickedUp', 'inTransit', 'delivered'] as const).slice(0, looks);
    const { shipmentId, pickupAt } = booking;
    const told = this.cancelled.has(trackingId) ? (['cancelled'] as const) : kinds;
    const events = told.map(
      (kind, n): TrackEvent => ({ eventId: `${trackingId}/${n}`, trackingId, shipmentId, kind, at: pickupAt + n }),
    );
    return { trackingId, shipmentId, events };
  }

  async intercept(): Promise<never> {
    throw new CarrierError('TOO_LATE', 'no interceptions');
  }

  async cancel({ trackingId }: { trackingId: string }) {
    this.fault('cancel');
    this.cancelled.add(trackingId);
    this.fault('cancelled');
    return { trackingId, refund: 0 };
  }

  onTracking(listener: TrackListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It tells by itself. */
  async tell(trackingId: string, kind: TrackKind): Promise<void> {
    const booking = [...this.bookings.values()].find((one) => one.trackingId === trackingId);
    if (booking === undefined) throw new Error(`no ${trackingId}`);
    const { shipmentId, pickupAt } = booking;
    const event = { eventId: `${trackingId}/${kind}`, trackingId, shipmentId, kind, at: pickupAt };
    for (const listener of this.#listeners) await listener(event);
  }

  tookBack(key: string): void {
    this.takenBack.add(key);
  }

  async close(): Promise<void> {}
}
