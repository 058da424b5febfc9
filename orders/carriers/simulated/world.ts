// A simulated carrier without its clock: every call takes the time it is made at, and answers at once. For evaluations that move
// time themselves; carrier.ts puts it behind the port. Same seed and same calls at the same times: same answers.
import { kmBetween } from '../../sourcing/geo.ts';
import { CarrierError } from '../errors.ts';
import type { Booking, Cancelled, InterceptRequested, Operation, Rate, TrackEvent, Tracked } from '../port.ts';
import { readKey, readRequest } from '../requests.ts';
import { TokenBucket } from '../token-bucket.ts';
import { type Disruption, Disruptions } from './disruptions.ts';
import { FAILED_RETRY_AFTER_MS, KEYS_MAX, OUTAGE_RETRY_AFTER_MS, PARCELS_MAX, READ_KEYS_MAX } from './limits.ts';
import { type Parcel, Parcels } from './parcels.ts';
import { type CarrierProfile, type SimulatedService, transitDays } from './profile.ts';
import { draw, drawName } from './random.ts';

const DAY_MS = 86_400_000;

export interface WorldOptions {
  readonly seed: number;
  /** Besides those drawn. */
  readonly disruptions?: readonly Disruption[];
}

export interface AnswerOf {
  readonly rate: readonly Rate[];
  readonly book: Booking;
  readonly track: Tracked;
  readonly intercept: InterceptRequested;
  readonly cancel: Cancelled;
}

interface Remembered {
  attempts: number;
  asked?: string;
  answer?: unknown;
}

export class CarrierWorld {
  readonly profile: CarrierProfile;
  readonly disruptions: Disruptions;
  readonly #seed: number;
  readonly #parcels: Parcels;
  readonly #keys = new Map<string, Remembered>();
  readonly #readKeys = new Map<string, Remembered>();
  readonly #pickups = new Map<string, number>();
  #bucket: TokenBucket | undefined;

  constructor(profile: CarrierProfile, { seed, disruptions }: WorldOptions) {
    this.profile = profile;
    this.#seed = seed;
    this.disruptions = new Disruptions(profile, seed, disruptions);
    const between = (from: number, until: number): readonly Disruption[] => this.disruptions.between(from, until);
    this.#parcels = new Parcels({ profile, seed, disruptions: between });
  }

  /** @throws CarrierError as the contract of the port has it */
  call<O extends Operation>(operation: O, request: unknown, idempotencyKey: string, now: number): AnswerOf[O] {
    const key = `${operation} ${readKey(idempotencyKey)}`;
    const asked = readRequest(operation, request);
    this.#admit(now);
    const remembered = this.#remember(operation, key);
    remembered.attempts += 1;
    const luck = (what: string): number => draw(this.#seed, key, remembered.attempts, what);
    if (luck('failed') < this.profile.calls.failed) {
      throw new CarrierError('UNAVAILABLE', `${this.profile.carrier} failed to answer`, {
        retryAfterMs: FAILED_RETRY_AFTER_MS,
      });
    }
    const answer = this.#once(operation, asked, remembered, key, now);
    if (luck('unanswered') < this.profile.calls.unanswered) {
      throw new CarrierError('TIMEOUT', `the answer of ${this.profile.carrier} was lost`);
    }
    return answer;
  }

  /** What is told by now, in the order it is told: at least once, out of order, some never. */
  takeReports(now: number): TrackEvent[] {
    return this.#parcels.take(now);
  }

  /** When there is something to take next; undefined where there is nothing. */
  get nextReportAt(): number | undefined {
    return this.#parcels.nextAt;
  }

  /** What happens to a parcel, past and to come, told or not: for evaluations, which may know the truth. */
  truthOf(trackingId: string): Pick<Parcel, 'scans' | 'lost' | 'pickupAt'> | undefined {
    return this.#parcels.get(trackingId);
  }

  #admit(now: number): void {
    const { calls, carrier } = this.profile;
    if (this.disruptions.outageAt(now) !== undefined) {
      throw new CarrierError('UNAVAILABLE', `${carrier} is out of service`, { retryAfterMs: OUTAGE_RETRY_AFTER_MS });
    }
    this.#bucket ??= new TokenBucket(calls.perSecond, calls.burst, now);
    const retryAfterMs = this.#bucket.take(now);
    if (retryAfterMs > 0) {
      throw new CarrierError('RATE_LIMITED', `${carrier} takes ${calls.perSecond} calls a second`, { retryAfterMs });
    }
  }

  #remember(operation: Operation, key: string): Remembered {
    const reads = operation === 'rate' || operation === 'track';
    // Apart, so that questions push no booking out.
    const keys = reads ? this.#readKeys : this.#keys;
    const known = keys.get(key);
    if (known !== undefined) return known;
    const made: Remembered = { attempts: 0 };
    keys.set(key, made);
    for (const oldest of keys.keys()) {
      if (keys.size <= (reads ? READ_KEYS_MAX : KEYS_MAX)) break;
      keys.delete(oldest);
    }
    return made;
  }

  #once<O extends Operation>(
    operation: O,
    asked: unknown,
    remembered: Remembered,
    key: string,
    now: number,
  ): AnswerOf[O] {
    // The request was read by the operation's schema just before.
    const answer = (): AnswerOf[O] => this.#operations[operation](asked as never, key, now) as AnswerOf[O];
    if (operation === 'rate' || operation === 'track') return answer();
    const body = JSON.stringify(asked);
    if (remembered.answer === undefined) {
      remembered.answer = answer();
      remembered.asked = body;
    } else if (remembered.asked !== body) {
      throw new CarrierError('IDEMPOTENCY_CONFLICT', `the key ${key} was used for another ${operation}`);
    }
    return remembered.answer as AnswerOf[O];
  }

  readonly #operations = {
    rate: (asked: ReturnType<typeof readRequest<'rate'>>, _key: string, now: number): readonly Rate[] =>
      this.profile.services
        .filter(({ service }) => asked.services?.includes(service) !== false)
        .filter((service) => goes(service, asked))
        .map((service) => {
          const km = kmBetween(asked.from, asked.to);
          const at = (p: number): number =>
            Math.round(Math.max(now, asked.readyAt) + transitDays(service, km, p) * DAY_MS);
          return {
            service: service.service,
            ...costOf(service, km, asked.grams),
            deliveredP50At: at(0.5),
            deliveredP90At: at(0.9),
          };
        }),

    book: (asked: ReturnType<typeof readRequest<'book'>>, key: string, now: number): Booking => {
      const service = this.profile.services.find((one) => one.service === asked.service);
      if (service === undefined)
        throw new CarrierError('NO_SERVICE', `${this.profile.carrier} has no ${asked.service}`);
      if (!goes(service, asked)) {
        throw new CarrierError('NO_SERVICE', `${asked.service} does not go to ${asked.to.area ?? asked.to.postalCode}`);
      }
      if (this.#parcels.size >= PARCELS_MAX) {
        throw new CarrierError('NO_CAPACITY', `${PARCELS_MAX} parcels are under way`, { retryAfterMs: DAY_MS });
      }
      const pickup = this.#claimPickup(service, asked.from.postalCode, Math.max(now, asked.readyAt), now);
      const km = kmBetween(asked.from, asked.to);
      const { cost } = costOf(service, km, asked.grams);
      const trip = { shipmentId: asked.shipmentId, leg: 0, service, from: asked.from, to: asked.to };
      const trackingId = this.#nameOf(key);
      const life = this.#parcels.plan(trip, now, asked.readyAt);
      const { pickupAt } = this.#parcels.add(life, { trackingId, bookedAt: now, cost, pickup, trip });
      return {
        trackingId,
        shipmentId: asked.shipmentId,
        service: asked.service,
        cost,
        // What is planned, not what will be: a strike shows later.
        pickupAt: Math.round(Math.max(now, asked.readyAt)),
        estimatedDeliveryAt: Math.round(pickupAt + transitDays(service, km, 0.5) * DAY_MS),
      };
    },

    track: ({ trackingId }: ReturnType<typeof readRequest<'track'>>, _key: string, now: number): Tracked => {
      const parcel = this.#parcel(trackingId);
      const events = [...parcel.told.values()].sort((a, b) => a.at - b.at);
      const ended = events.some(({ kind }) => kind === 'delivered' || kind === 'returned' || kind === 'cancelled');
      const { service, from, to } = parcel.trip;
      const left = transitDays(service, kmBetween(from, to), 0.5) * DAY_MS;
      // Carriers say tomorrow of a parcel that is late, until it is there.
      const estimatedDeliveryAt = Math.round(Math.max(parcel.pickupAt + left, now + DAY_MS / 2));
      return { trackingId, shipmentId: parcel.shipmentId, events, ...(ended ? {} : { estimatedDeliveryAt }) };
    },

    intercept: (asked: ReturnType<typeof readRequest<'intercept'>>, _key: string, now: number): InterceptRequested => {
      const parcel = this.#parcel(asked.trackingId);
      if (this.#parcels.phaseOf(parcel, now) === 'ended') {
        throw new CarrierError('TOO_LATE', `${asked.trackingId} has arrived or was cancelled`);
      }
      if (parcel.interceptedUntil > now)
        throw new CarrierError('TOO_LATE', `${asked.trackingId} is being intercepted already`);
      this.#parcels.intercept(parcel, asked.to, now);
      return { trackingId: asked.trackingId, cost: this.profile.intercept.cost };
    },

    cancel: ({ trackingId }: ReturnType<typeof readRequest<'cancel'>>, _key: string, now: number): Cancelled => {
      const parcel = this.#parcel(trackingId);
      if (this.#parcels.phaseOf(parcel, now) !== 'beforePickup') {
        throw new CarrierError('TOO_LATE', `${trackingId} was picked up`);
      }
      this.#parcels.cancel(parcel, now);
      this.#pickups.set(parcel.pickup, Math.max(0, (this.#pickups.get(parcel.pickup) ?? 0) - 1));
      return { trackingId, refund: parcel.cost };
    },
  };

  #parcel(trackingId: string): Parcel {
    const parcel = this.#parcels.get(trackingId);
    if (parcel === undefined) throw new CarrierError('NOT_FOUND', `${this.profile.carrier} has no ${trackingId}`);
    return parcel;
  }

  /** @throws CarrierError NO_CAPACITY where the day's collection at this place is full */
  #claimPickup({ service, pickupsPerDay }: SimulatedService, postalCode: string, readyAt: number, now: number): string {
    const day = Math.floor(readyAt / DAY_MS);
    const pickup = `${day} ${service} ${postalCode.slice(0, 3)}`;
    const taken = this.#pickups.get(pickup) ?? 0;
    if (taken >= (pickupsPerDay ?? Number.POSITIVE_INFINITY)) {
      const next = (day + 1) * DAY_MS;
      throw new CarrierError('NO_CAPACITY', `${service} collects ${pickupsPerDay} parcels a day there`, {
        retryAfterMs: next - now,
      });
    }
    this.#pickups.set(pickup, taken + 1);
    if (this.#pickups.size % 1_024 === 0) this.#forgetPickups(now);
    return pickup;
  }

  #forgetPickups(now: number): void {
    for (const pickup of this.#pickups.keys()) {
      if (Number.parseInt(pickup, 10) < Math.floor(now / DAY_MS) - 1) this.#pickups.delete(pickup);
    }
  }

  #nameOf(key: string): string {
    for (let n = 0; ; n += 1) {
      const trackingId = `${this.profile.carrier.slice(0, 3).toUpperCase()}${drawName(this.#seed, key, n)}`;
      if (this.#parcels.get(trackingId) === undefined) return trackingId;
    }
  }
}

type Way = Pick<ReturnType<typeof readRequest<'book'>>, 'from' | 'to'>;

function goes({ lanes }: SimulatedService, { from, to }: Way): boolean {
  if (lanes === undefined) return true;
  const areas = lanes[from.postalCode.slice(0, 3)];
  return areas !== undefined && (to.area === undefined || areas.includes(to.area));
}

function costOf(
  { base, perKm, perKg, fuelSurcharge }: SimulatedService,
  km: number,
  grams: number,
): Pick<Rate, 'cost' | 'fuel'> {
  const freight = base + perKm * km + (perKg * grams) / 1_000;
  const fuel = Math.round(freight * fuelSurcharge);
  return { cost: Math.round(freight) + fuel, fuel };
}
