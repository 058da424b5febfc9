// How a simulated carrier is and how it misbehaves: a document, read from outside or made from calibration data. The defaults
// are made up, and small, so that a checkout without data has a carrier. SIMULATED.md says what each figure does.
import { z } from 'zod';

const name = z.string().regex(/^[\x21-\x7e]{1,32}$/, '1 to 32 printable characters without spaces');
const cost = z.number().min(0);
const share = z.number().min(0).max(1);
const positive = z.number().positive();

/** Rising pairs of a share of parcels and the days that they do not exceed. */
const quantiles = z
  .array(z.tuple([z.number().gt(0).lt(1), positive]))
  .min(2)
  .max(32)
  .refine(areRising, 'shares and days that rise');

const service = z.strictObject({
  service: name,
  base: cost,
  perKm: cost.default(0),
  perKg: cost.default(0),
  fuelSurcharge: share.default(0),
  /** By distance; the last band holds for all beyond. */
  transit: z
    .array(z.strictObject({ untilKm: positive, quantiles }))
    .min(1)
    .max(32)
    .refine(
      (bands) => bands.every((band, n) => n === 0 || band.untilKm > (bands[n - 1]?.untilKm ?? 0)),
      'bands that rise',
    ),
  /** Parcels that it collects in one place (the first three of a postal code) on one day; without it, any number. */
  pickupsPerDay: z.number().int().min(0).optional(),
  /** Areas (states) that it delivers to, by the first three of the postal code it collects at; without it, everywhere. */
  lanes: z.record(z.string(), z.array(z.string())).optional(),
});

const profile = z
  .strictObject({
    carrier: name,
    services: z.array(service).min(1).max(64),
    scans: z
      .strictObject({
        /** Never told of. Of a final scan a tenth of it. */
        lost: share.default(0.04),
        duplicate: share.default(0.03),
        /** Told of late by hours, so that others pass it. */
        late: share.default(0.05),
        lateMeanMs: positive.default(6 * 3_600_000),
        /** Told of usually after so long. */
        delayMeanMs: positive.default(3 * 60_000),
      })
      .prefault({}),
    parcels: z
      .strictObject({
        /** Moves no more, and nobody says so. */
        lost: share.default(0.004),
        /** Lies somewhere for days. */
        stuck: share.default(0.01),
        stuckMeanMs: positive.default(3 * 86_400_000),
        /** Goes back. */
        damaged: share.default(0.003),
        /** Waits for three days, and goes back. */
        addressProblem: share.default(0.005),
        /** Nobody at home: again the next day. */
        deliveryFailed: share.default(0.03),
      })
      .prefault({}),
    calls: z
      .strictObject({
        latencyMeanMs: positive.default(120),
        /** Fails before it did anything. */
        failed: share.default(0.005),
        /** Takes effect, and the answer is lost. */
        unanswered: share.default(0.002),
        perSecond: positive.default(50),
        burst: positive.default(100),
      })
      .prefault({}),
    /** How likely it is to stop a parcel, and what the try costs. */
    intercept: z
      .strictObject({
        beforePickup: share.default(0.97),
        inTransit: share.default(0.75),
        outForDelivery: share.default(0.2),
        cost: cost.default(1_500),
      })
      .prefault({}),
    disruptions: z
      .strictObject({
        outagesPerWeek: z.number().min(0).max(100).default(0.5),
        outageMeanMs: positive.default(40 * 60_000),
        strikesPerWeek: z.number().min(0).max(100).default(0.03),
        strikeMeanMs: positive.default(3 * 86_400_000),
        stormsPerWeek: z.number().min(0).max(100).default(0.4),
        stormMeanMs: positive.default(36 * 3_600_000),
        stormRadiusKm: positive.default(350),
        /** Where storms are: the contiguous United States, unless you say otherwise. */
        south: z.number().min(-90).max(90).default(26),
        north: z.number().min(-90).max(90).default(48),
        west: z.number().min(-180).max(180).default(-122),
        east: z.number().min(-180).max(180).default(-70),
      })
      .prefault({}),
  })
  .refine(({ services }) => new Set(services.map((one) => one.service)).size === services.length, {
    path: ['services'],
    message: 'two have the same name',
  });

export type CarrierProfile = z.output<typeof profile>;
/** What a profile is written as: all but the carrier and its services may be left out. */
export type CarrierProfileInput = z.input<typeof profile>;
export type SimulatedService = CarrierProfile['services'][number];

export class ProfileInvalid extends Error {
  override readonly name = 'ProfileInvalid';
}

/** @throws ProfileInvalid naming every place that is wrong; unknown fields are wrong, so that a typo never passes */
export function readProfile(document: unknown): CarrierProfile {
  const read = profile.safeParse(document);
  if (read.success) return read.data;
  throw new ProfileInvalid(
    read.error.issues
      .map(({ path, message }) => `${path.length === 0 ? 'profile' : path.join('.')}: ${message}`)
      .join('\n'),
  );
}

/** Days of transit that a share of parcels does not exceed: linear between the pairs, at most half as long again as the last. */
export function transitDays(service: SimulatedService, km: number, p: number): number {
  const band = service.transit.find(({ untilKm }) => km <= untilKm) ?? service.transit.at(-1);
  const pairs = band?.quantiles ?? [];
  const first = pairs[0] ?? [0.5, 1];
  const last = pairs.at(-1) ?? first;
  const curve: readonly (readonly [number, number])[] = [[0, first[1] * 0.8], ...pairs, [1, last[1] * 1.5]];
  const after = Math.max(
    1,
    curve.findIndex(([at]) => at >= p),
  );
  const [p0, d0] = curve[after - 1] ?? first;
  const [p1, d1] = curve[after] ?? last;
  return d0 + ((d1 - d0) * (p - p0)) / (p1 - p0);
}

function areRising(pairs: readonly (readonly [number, number])[]): boolean {
  return pairs.every(([p, days], n) => {
    const [before, daysBefore] = pairs[n - 1] ?? [0, 0];
    return p > before && days >= daysBefore;
  });
}

/** Days over their median at the quantiles that the calibration data have: made up, right-skewed like a log-normal of σ 0.3. */
const MADE_UP_SPREAD: readonly (readonly [number, number])[] = [
  [0.02, 0.54],
  [0.05, 0.61],
  [0.1, 0.68],
  [0.2, 0.78],
  [0.35, 0.89],
  [0.5, 1],
  [0.65, 1.12],
  [0.8, 1.29],
  [0.9, 1.47],
  [0.95, 1.64],
  [0.98, 1.85],
];

/** Made up: a cheap slow service and a dear fast one, of the order of magnitude of parcel carriers in one country. */
export const DEFAULT_PROFILE: CarrierProfile = readProfile({
  carrier: 'simulated',
  services: [
    {
      service: 'ground',
      base: 550,
      perKm: 0.35,
      perKg: 60,
      fuelSurcharge: 0.12,
      transit: [
        { untilKm: 300, quantiles: spread(1.2) },
        { untilKm: 1_000, quantiles: spread(2.3) },
        { untilKm: 2_000, quantiles: spread(3.4) },
        { untilKm: 10_000, quantiles: spread(4.8) },
      ],
    },
    {
      service: 'express',
      base: 1_400,
      perKm: 0.6,
      perKg: 150,
      fuelSurcharge: 0.16,
      transit: [
        { untilKm: 1_000, quantiles: spread(0.9) },
        { untilKm: 10_000, quantiles: spread(1.6) },
      ],
      pickupsPerDay: 5_000,
    },
  ],
});

/** A right-skewed spread around a median, made up. */
export function spread(median: number): [number, number][] {
  return MADE_UP_SPREAD.map(([p, factor]) => [p, median * factor]);
}
