// The simulated world of the evaluation of exceptions: orders of one parcel each, two carriers with two services, and what befalls them.
// Everything is drawn by the seed and by what it is for, so that each way of re-planning meets the same luck (common random numbers).
import { type Disruption, doneAt } from '../../carriers/simulated/disruptions.ts';
import { type Life, lifeOf, moved } from '../../carriers/simulated/journey.ts';
import {
  type CarrierProfile,
  DEFAULT_PROFILE,
  readProfile,
  type SimulatedService,
} from '../../carriers/simulated/profile.ts';
import { draw, drawExponential } from '../../carriers/simulated/random.ts';
import { kmBetween } from '../../sourcing/geo.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** When every world begins: a Monday. */
export const BEGIN = Date.UTC(2026, 9, 5);

/** What is assumed of the world. docs/decisions.md repeats it. */
export const WORLD = {
  /** Parcels that are captured a day, from the first to this day; what was captured before `judgedFromDay` is not judged. */
  parcelsPerDay: 120,
  capturingDays: 24,
  judgedFromDay: 7,
  /** When everything is over. */
  endDay: 45,
  expressShare: 0.15,
  goldShare: 0.1,
  /** Of a week, of both carriers together; all of a carrier's services, or its ground service alone. */
  strikesPerWeek: 0.6,
  strikeMeanDays: 3,
  stormsPerWeek: 1.2,
  stormMeanDays: 1.5,
  stormRadiusKm: 400,
  outagesPerWeek: 1.5,
  outageMeanHours: 8,
  /** The promise: this quantile of the service's undisturbed transit days, made at capture, and so much besides. */
  promisedShare: 0.95,
  promiseSlackHours: 24,
  /** From capture until it can be handed over, hours. */
  readyAfterMinHours: 4,
  readyAfterMaxHours: 20,
  /** Minor units, log-normal. */
  valueMedian: 6_000,
  valueSigma: 0.8,
  goldPromiseValue: 6_000,
  promiseValue: 1_500,
} as const;

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
  readonly postalCode: string;
}

export interface ShipNode extends Place {
  readonly node: string;
}

const node = (name: string, latitude: number, longitude: number, postalCode: string): ShipNode => ({
  node: name,
  latitude,
  longitude,
  postalCode,
});
export const NODES: readonly ShipNode[] = [
  node('chicago', 41.88, -87.63, '60601'),
  node('dallas', 32.78, -96.8, '75201'),
  node('reno', 39.53, -119.81, '89501'),
  node('atlanta', 33.75, -84.39, '30303'),
  node('newark', 40.74, -74.17, '07102'),
];

/** Destinations are scattered around these: latitude, longitude, first three of the postal code. */
const CITIES: readonly (readonly [number, number, string])[] = [
  [40.7, -74, '100'],
  [34.1, -118.2, '900'],
  [41.9, -87.7, '606'],
  [29.8, -95.4, '770'],
  [33.4, -112.1, '850'],
  [39.9, -75.2, '191'],
  [32.7, -117.2, '921'],
  [32.8, -96.8, '752'],
  [37.3, -121.9, '951'],
  [30.3, -97.7, '787'],
  [39.8, -86.2, '462'],
  [39.9, -83, '432'],
  [35.2, -80.8, '282'],
  [47.6, -122.3, '981'],
  [39.7, -105, '802'],
  [42.4, -71.1, '021'],
  [36.2, -86.8, '372'],
  [45.5, -122.7, '972'],
  [25.8, -80.2, '331'],
  [44.9, -93.2, '554'],
];

const CARRIERS = ['atlas', 'borealis'] as const;
const SPEEDS = ['ground', 'express'] as const;
type Speed = (typeof SPEEDS)[number];
export interface Service {
  readonly carrier: string;
  readonly speed: Speed;
  readonly profile: CarrierProfile;
  readonly simulated: SimulatedService;
}

/** Of both carriers, the same but for their names. */
export const SERVICES: readonly Service[] = CARRIERS.flatMap((carrier) => {
  const profile = readProfile({
    carrier,
    services: DEFAULT_PROFILE.services.map((one) => ({ ...one, service: `${carrier}-${one.service}` })),
  });
  return SPEEDS.map((speed, n) => ({ carrier, speed, profile, simulated: profile.services[n] as SimulatedService }));
});

export interface Parcel {
  readonly orderId: string;
  readonly capturedAt: number;
  readonly readyAt: number;
  readonly from: ShipNode;
  readonly to: Place;
  readonly km: number;
  readonly service: Service;
  readonly promisedAt: number;
  readonly value: number;
  readonly promiseValue: number;
  readonly customerTier: string;
  /** What is captured before the model knows anything is not. */
  readonly isJudged: boolean;
}

export class World {
  readonly seed: number;
  readonly parcels: readonly Parcel[];
  readonly #disruptions: readonly Disruption[];
  readonly #outages: ReadonlyMap<string, readonly Disruption[]>;
  /** As planned, which all ways have in common. */
  readonly #planned = new Map<string, Life>();

  constructor(seed: number) {
    this.seed = seed;
    this.#disruptions = [...strikesOf(seed), ...stormsOf(seed)];
    this.#outages = new Map(
      CARRIERS.map((carrier) => [
        carrier,
        series(seed, `outage-${carrier}`, WORLD.outagesPerWeek / 2, WORLD.outageMeanHours / 24).map((one) => ({
          ...one,
          kind: 'outage',
        })),
      ]),
    );
    const count = WORLD.parcelsPerDay * WORLD.capturingDays;
    this.parcels = Array.from({ length: count }, (_, n) => parcelOf(seed, n));
  }

  /** When a carrier can be booked at: at `at`, or when its outage is over. */
  bookableAt(carrier: string, at: number): number {
    const outage = this.#outages.get(carrier)?.find((one) => one.from <= at && one.until > at);
    return outage === undefined ? at : this.bookableAt(carrier, outage.until);
  }

  planned(parcel: Parcel): Life {
    const known = this.#planned.get(parcel.orderId);
    if (known !== undefined) return known;
    const life = this.lifeOf(parcel, parcel.service, parcel.readyAt, 1);
    this.#planned.set(parcel.orderId, life);
    return life;
  }

  /** The life of a parcel that is given to a service at `at`. */
  lifeOf(parcel: Parcel, service: Service, at: number, leg: number, from: ShipNode = parcel.from): Life {
    const bookedAt = this.bookableAt(service.carrier, at);
    const trip = { shipmentId: parcel.orderId, leg, service: service.simulated, from, to: parcel.to };
    return lifeOf(trip, bookedAt, Math.max(bookedAt, parcel.readyAt), this.#fortune(service));
  }

  /** Its life from where it is now by another service of the carrier: it has to be found and sorted anew first. */
  goingOn(parcel: Parcel, service: Service, at: number, place: Life['scans'][number]['place']): Life {
    const trip = { shipmentId: parcel.orderId, leg: 2, service: service.simulated, from: place, to: parcel.to };
    const fortune = this.#fortune(service);
    const sortedAt = doneAt(
      at,
      6 * HOUR_MS,
      place,
      service.simulated.service,
      fortune.disruptions(at, at + 30 * DAY_MS),
    );
    return { pickupAt: at, ...moved(trip, sortedAt, fortune) };
  }

  #fortune({ profile }: Service) {
    return {
      profile,
      seed: this.seed,
      disruptions: (from: number, until: number) =>
        this.#disruptions.filter((one) => one.from < until && one.until > from),
    };
  }
}

/** When it is delivered; undefined: never on this way. */
export function deliveredAt({ scans }: Life): number | undefined {
  return scans.find(({ kind }) => kind === 'delivered')?.at;
}

export function freightOf({ simulated }: Service, km: number): number {
  return (simulated.base + simulated.perKm * km) * (1 + simulated.fuelSurcharge);
}

function parcelOf(seed: number, n: number): Parcel {
  const orderId = `s${seed}-${String(n).padStart(5, '0')}`;
  const luck = (what: string): number => draw(seed, orderId, what);
  const capturedAt = BEGIN + Math.floor((n + luck('when')) * (DAY_MS / WORLD.parcelsPerDay));
  const [latitude, longitude, zip] = CITIES[Math.floor(luck('city') * CITIES.length)] as (typeof CITIES)[number];
  const to = {
    latitude: latitude + (luck('north') - 0.5) * 3,
    longitude: longitude + (luck('east') - 0.5) * 3,
    postalCode: `${zip}${String(Math.floor(luck('zip') * 100)).padStart(2, '0')}`,
  };
  // Mostly from the nearest; stock is not always there.
  const near = [...NODES].sort((a, b) => kmBetween(a, to) - kmBetween(b, to));
  const from = (luck('stock') < 0.75 ? near[0] : near[1]) as ShipNode;
  const speed = luck('speed') < WORLD.expressShare ? 'express' : 'ground';
  const carrier = CARRIERS[Math.floor(luck('carrier') * CARRIERS.length)] as string;
  const service = serviceOf(carrier, speed);
  const km = kmBetween(from, to);
  const isGold = luck('tier') < WORLD.goldShare;
  const { readyAfterMinHours: least, readyAfterMaxHours: most } = WORLD;
  return {
    orderId,
    capturedAt,
    readyAt: capturedAt + (least + luck('ready') * (most - least)) * HOUR_MS,
    from,
    to,
    km,
    service,
    promisedAt: capturedAt + most * HOUR_MS + usualDays(service, km) * DAY_MS + WORLD.promiseSlackHours * HOUR_MS,
    value: Math.round(WORLD.valueMedian * Math.exp(WORLD.valueSigma * normal(luck('value'), luck('value2')))),
    promiseValue: isGold ? WORLD.goldPromiseValue : WORLD.promiseValue,
    customerTier: isGold ? 'gold' : '',
    isJudged: capturedAt >= BEGIN + WORLD.judgedFromDay * DAY_MS,
  };
}

export function serviceOf(carrier: string, speed: Speed): Service {
  return SERVICES.find((one) => one.carrier === carrier && one.speed === speed) as Service;
}

function usualDays({ simulated }: Service, km: number): number {
  const band = simulated.transit.find(({ untilKm }) => km <= untilKm) ?? simulated.transit.at(-1);
  return band?.quantiles.find(([share]) => share >= WORLD.promisedShare)?.[1] ?? 0;
}

/** Box and Muller's. */
function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b);
}

function series(seed: number, name: string, perWeek: number, meanDays: number): Omit<Disruption, 'kind'>[] {
  const made: Omit<Disruption, 'kind'>[] = [];
  let from = BEGIN;
  for (let n = 0; ; n++) {
    from += drawExponential((7 * DAY_MS) / perWeek, seed, name, n, 'gap');
    if (from >= BEGIN + WORLD.endDay * DAY_MS) return made;
    const until = from + drawExponential(meanDays * DAY_MS, seed, name, n, 'length');
    made.push({ disruptionId: `${name}-${n}`, from, until, severity: 1 });
  }
}

function strikesOf(seed: number): Disruption[] {
  return series(seed, 'strike', WORLD.strikesPerWeek, WORLD.strikeMeanDays).map((one) => {
    const carrier = CARRIERS[Math.floor(draw(seed, one.disruptionId, 'who') * CARRIERS.length)] as string;
    const speeds = draw(seed, one.disruptionId, 'all') < 0.5 ? SPEEDS : (['ground'] as const);
    return { ...one, kind: 'strike', services: speeds.map((speed) => `${carrier}-${speed}`) };
  });
}

function stormsOf(seed: number): Disruption[] {
  return series(seed, 'storm', WORLD.stormsPerWeek, WORLD.stormMeanDays).map((one) => {
    const [latitude, longitude] = CITIES[
      Math.floor(draw(seed, one.disruptionId, 'where') * CITIES.length)
    ] as (typeof CITIES)[number];
    return {
      ...one,
      kind: 'storm',
      severity: 0.6 + 0.4 * draw(seed, one.disruptionId, 'severity'),
      circle: { latitude, longitude, radiusKm: WORLD.stormRadiusKm * (0.5 + draw(seed, one.disruptionId, 'radius')) },
    };
  });
}
