// What every driver of the carrier port does, whoever answers: run over each of them by its test. Time passes by itself and fast, so
// nothing here waits but for an event.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CarrierError, type CarrierErrorCode } from '../errors.ts';
import type { Carrier, TrackEvent } from '../port.ts';
import type { Clock } from '../simulated/clock.ts';
import type { CarrierProfileInput } from '../simulated/profile.ts';
import { bookOf, CHICAGO, GROUND, NEW_YORK, NEWARK } from './profiles.ts';

const DAY_MS = 86_400_000;

export interface Subject {
  readonly carrier: Carrier;
  /** The carrier's. */
  readonly clock: Clock;
  readonly end: () => Promise<void>;
}

/** @param make a carrier that behaves as test profiles do, changed so, over a clock at least 100,000 times as fast as the wall's */
export function carrierConformance(make: (changes?: Partial<CarrierProfileInput>) => Promise<Subject>): void {
  let subject: Subject;
  const use = async (changes?: Partial<CarrierProfileInput>): Promise<Carrier> => {
    await subject?.end();
    subject = await make(changes);
    return subject.carrier;
  };
  const readyAt = (): number => Math.round(subject.clock.now());
  const parcel = () => ({ from: NEWARK, to: CHICAGO, grams: 1_000, readyAt: readyAt() });

  beforeEach(async () => {
    subject = await make();
  });
  afterEach(() => subject.end());

  describe('rate', () => {
    test('given a way, then each service says what it costs and when it is there', async () => {
      const rates = await subject.carrier.rate(parcel(), { idempotencyKey: 'r' });
      expect(rates).toEqual([
        {
          service: 'ground',
          cost: expect.any(Number),
          fuel: expect.any(Number),
          deliveredP50At: expect.any(Number),
          deliveredP90At: expect.any(Number),
        },
      ]);
      expect(rates[0]?.deliveredP90At).toBeGreaterThan(rates[0]?.deliveredP50At ?? 0);
      expect(rates[0]?.cost).toBeGreaterThan(rates[0]?.fuel ?? 0);
    });
  });

  describe('a key', () => {
    test('given a call again, then it is the same booking', async () => {
      const request = bookOf('s-1', { readyAt: readyAt() });
      const [one, other] = await Promise.all([
        subject.carrier.book(request, { idempotencyKey: 'b' }),
        subject.carrier.book(request, { idempotencyKey: 'b' }),
      ]);
      expect(other).toEqual(one);
      expect(one).toMatchObject({ shipmentId: 's-1', service: 'ground' });
    });

    test('given another call with it, then it is refused', async () => {
      await subject.carrier.book(bookOf('s-1'), { idempotencyKey: 'b' });
      await refused(subject.carrier.book(bookOf('s-2'), { idempotencyKey: 'b' }), 'IDEMPOTENCY_CONFLICT', false);
    });

    test('given none, or one with a space, then it is refused', async () => {
      await refused(subject.carrier.rate(parcel(), { idempotencyKey: '' }), 'BAD_REQUEST', false);
      await refused(subject.carrier.rate(parcel(), { idempotencyKey: 'a b' }), 'BAD_REQUEST', false);
    });
  });

  describe('a parcel', () => {
    test('given a booking, then events tell of it until it is delivered, and track has them', async () => {
      const seen = eventsOf(subject.carrier);
      const { trackingId } = await subject.carrier.book(bookOf('s-1', { readyAt: readyAt() }), { idempotencyKey: 'b' });
      await seen.until(({ kind }) => kind === 'delivered');

      const { events, shipmentId, estimatedDeliveryAt } = await subject.carrier.track(
        { trackingId },
        { idempotencyKey: 't' },
      );
      expect(shipmentId).toBe('s-1');
      expect(estimatedDeliveryAt).toBeUndefined();
      const kinds = events.map(({ kind }) => kind);
      expect(kinds.slice(0, 2)).toEqual(['labelCreated', 'pickedUp']);
      expect(kinds.slice(-2)).toEqual(['outForDelivery', 'delivered']);
      // In any order, and the last perhaps before one of the others.
      for (const one of events) await seen.until(({ eventId }) => eventId === one.eventId);
      expect(new Set(seen.all.map(({ eventId }) => eventId))).toEqual(new Set(events.map(({ eventId }) => eventId)));
      expect(seen.all.find(({ kind }) => kind === 'delivered')).toEqual(events.at(-1));
    });

    test('given one that is not picked up, then it can be cancelled, once, and is paid back', async () => {
      const seen = eventsOf(subject.carrier);
      const later = bookOf('s-1', { readyAt: readyAt() + 300 * DAY_MS });
      const { trackingId, cost } = await subject.carrier.book(later, { idempotencyKey: 'b' });
      const cancelled = await subject.carrier.cancel({ trackingId }, { idempotencyKey: 'c' });
      expect(cancelled).toEqual({ trackingId, refund: cost });
      expect(await subject.carrier.cancel({ trackingId }, { idempotencyKey: 'c' })).toEqual(cancelled);
      await refused(subject.carrier.cancel({ trackingId }, { idempotencyKey: 'c2' }), 'TOO_LATE', false);
      await seen.until(({ kind }) => kind === 'cancelled');
    });

    test('given an intercept that goes well, then it goes where it is sent', async () => {
      await subject.end();
      const carrier = await use({ intercept: { beforePickup: 1, inTransit: 1, outForDelivery: 1, cost: 900 } });
      const seen = eventsOf(carrier);
      const book = (id: string) =>
        carrier.book(bookOf(id, { readyAt: readyAt() + 300 * DAY_MS }), { idempotencyKey: id });
      const [back, away] = await Promise.all([book('back'), book('away')]);
      const paid = await carrier.intercept({ trackingId: back.trackingId, action: 'return' }, { idempotencyKey: 'i1' });
      expect(paid).toEqual({ trackingId: back.trackingId, cost: 900 });
      await carrier.intercept(
        { trackingId: away.trackingId, action: 'redirect', to: NEW_YORK },
        { idempotencyKey: 'i2' },
      );
      await seen.until(({ kind, shipmentId }) => kind === 'returned' && shipmentId === 'back');
      await seen.until(({ kind, shipmentId }) => kind === 'intercepted' && shipmentId === 'away');
    });

    test('given an intercept that fails, then an event says so', async () => {
      const carrier = await use({ intercept: { beforePickup: 0, inTransit: 0, outForDelivery: 0 } });
      const seen = eventsOf(carrier);
      const later = bookOf('s', { readyAt: readyAt() + 300 * DAY_MS });
      const { trackingId } = await carrier.book(later, { idempotencyKey: 'b' });
      await carrier.intercept({ trackingId, action: 'return' }, { idempotencyKey: 'i' });
      await seen.until(({ kind }) => kind === 'interceptFailed');
    });

    test('given one that nobody booked, then it is not found', async () => {
      const asked = { trackingId: 'nobody' };
      await refused(subject.carrier.track(asked, { idempotencyKey: 't' }), 'NOT_FOUND', false);
      await refused(subject.carrier.cancel(asked, { idempotencyKey: 'c' }), 'NOT_FOUND', false);
      await refused(
        subject.carrier.intercept({ ...asked, action: 'return' }, { idempotencyKey: 'i' }),
        'NOT_FOUND',
        false,
      );
    });

    test('given a listener that fails, then it is told again', async () => {
      let failures = 0;
      const seen = eventsOf(subject.carrier, () => {
        failures += 1;
        if (failures === 1) throw new Error('not now');
      });
      await subject.carrier.book(bookOf('s-1', { readyAt: readyAt() }), { idempotencyKey: 'b' });
      await seen.until(({ kind }) => kind === 'delivered');
      await seen.until(({ kind }) => kind === 'labelCreated');
      expect(failures).toBeGreaterThan(1);
    });
  });

  describe('a refusal', () => {
    test.each<[string, object, CarrierErrorCode]>([
      ['a service that is not there', { service: 'rocket' }, 'NO_SERVICE'],
      ['a weight that nobody carries', { grams: 1e9 }, 'BAD_REQUEST'],
    ])('given %s, then it is not to be sent again', async (_, changes, code) => {
      await refused(subject.carrier.book(bookOf('s', changes), { idempotencyKey: 'b' }), code, false);
    });

    test('given a day that is full, then it says when there is room', async () => {
      const carrier = await use({ services: [{ ...GROUND, pickupsPerDay: 0 }] });
      const error = await refused(carrier.book(bookOf('s'), { idempotencyKey: 'b' }), 'NO_CAPACITY', true);
      expect(error.retryAfterMs).toBeGreaterThan(0);
    });

    test('given a call that is ended, then it says so', async () => {
      const call = { idempotencyKey: 'k', signal: AbortSignal.abort() };
      await refused(subject.carrier.rate(parcel(), call), 'ABORTED', true);
    });

    test('given a carrier that was closed, then it is unavailable', async () => {
      await subject.carrier.close();
      await refused(subject.carrier.rate(parcel(), { idempotencyKey: 'k' }), 'UNAVAILABLE', true);
    });
  });
}

async function refused(call: Promise<unknown>, code: CarrierErrorCode, retriable: boolean): Promise<CarrierError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CarrierError);
  expect(error).toMatchObject({ code, retriable });
  return error as CarrierError;
}

/** Collects what a carrier tells, and waits for what it has told or will tell. */
function eventsOf(carrier: Carrier, before: () => void = () => undefined) {
  const all: TrackEvent[] = [];
  const waiting = new Set<() => void>();
  carrier.onTracking((event) => {
    before();
    all.push(event);
    for (const check of waiting) check();
  });
  return {
    all,
    until: (matches: (event: TrackEvent) => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!all.some(matches)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}
