// What can be set of the default transit-time model, with the values that the evaluation chose (docs/decisions.md says how).

/** Groups that parcels belong to, from the widest to the narrowest; each adds to what those before it say. */
export const LEVELS = ['global', 'service', 'distance', 'weekday', 'area', 'serviceArea', 'lane'] as const;
export type Level = (typeof LEVELS)[number];

/** Groups that the shape of the distribution is learned for. */
export type ShapeGroup = 'all' | 'service' | 'calendar' | 'serviceCalendar' | 'serviceArea' | 'lane';

/** Groups that a disruption may hit, each as a whole. */
export type SignalGroup = 'all' | 'service' | 'region' | 'serviceRegion' | 'district';

export interface LevelSettings {
  /** Standard deviation of the groups around their parents, log days: how far a new one is believed to differ. 0 leaves the level out. */
  readonly spread: number;
  /** After so many days without news half of what is known of a group is forgotten, and it is back at its parents. */
  readonly halfLifeDays: number;
}

export interface TransitSettings {
  readonly levels: Readonly<Record<Level, LevelSettings>>;
  /** The first so many characters of a postal code are the destination area (3: the zip3 of the USA). */
  readonly areaLength: number;
  /** The first so many are the region, and the district in it, in which disruptions are looked for. */
  readonly regionLength: number;
  readonly districtLength: number;
  /** Days that all parcels take before anything was seen. */
  readonly priorDays: number;
  /** Mean absolute residual before anything was seen, log days. */
  readonly priorScale: number;
  /** Parcels that the parents' scale counts for in a group of few. */
  readonly scalePrior: number;
  /** Innovations count up to so many standard deviations, so that one lost parcel moves nothing. */
  readonly clip: number;
  /** Groups that have residuals of their own, from the widest; each is drawn to the one before. */
  readonly shapes: readonly ShapeGroup[];
  /** Residuals: forgetting, days. */
  readonly residualHalfLifeDays: number;
  /** Parcels beyond a quantile that the parent's quantile counts for, in a group of few. */
  readonly residualPrior: number;
  /** Adaptive conformal step: by how many scales all parcels together that wait for their judgement can move a quantile. */
  readonly conformalGain: number;
  /** So many more than wait are counted, so that few do not move it far. */
  readonly conformalPrior: number;
  /** The signal: disruptions that begin in a group of each kind, a day; 0 leaves the kind out. */
  readonly onsetsPerDay: Readonly<Record<SignalGroup, number>>;
  /** What news count for, 0 to 1: parcels are late together, and deliveries of a day were on the last mile before a disruption began. */
  readonly trust: Readonly<Record<'delivery' | 'scan', number>>;
  /** So much of what is expected is usual still: what is a little slower is not disrupted. */
  readonly signalTolerance: number;
  /** Below this speed parcels are not taken for what is usual. */
  readonly disturbedBelow: number;
  /** How long a disruption lasts in all, on the average, days. */
  readonly disruptionDays: number;
  /** What a parcel that was slowed down counts for in learning what is usual, 0 to 1. */
  readonly slowWeight: number;
  /** News of a delivery comes so much later than the delivery, days; before that nothing is held to be late. */
  readonly reportLagDays: number;
  /** The same of a scan. */
  readonly scanLagDays: number;
  /** Answers are multiples of this, days; 0 for any. 1 where deliveries are known to the day. */
  readonly resolutionDays: number;
  /** CUSUM of the standardised residuals: what is ignored of each, and the sum over days that alarms. */
  readonly driftAllowance: number;
  readonly driftThreshold: number;
}

export const DEFAULT_SETTINGS: TransitSettings = {
  levels: {
    global: { spread: 0.4, halfLifeDays: 5_000 },
    service: { spread: 0.25, halfLifeDays: 5_000 },
    distance: { spread: 0.2, halfLifeDays: 5_000 },
    weekday: { spread: 0.15, halfLifeDays: 5_000 },
    area: { spread: 0.1, halfLifeDays: 5_000 },
    serviceArea: { spread: 0.06, halfLifeDays: 5_000 },
    lane: { spread: 0.06, halfLifeDays: 5_000 },
  },
  areaLength: 3,
  regionLength: 1,
  districtLength: 2,
  priorDays: 3,
  priorScale: 0.35,
  scalePrior: 20,
  clip: 3,
  shapes: ['all', 'calendar', 'serviceCalendar'],
  residualHalfLifeDays: 30,
  residualPrior: 4,
  conformalGain: 0.1,
  conformalPrior: 50,
  onsetsPerDay: { all: 0.001, service: 0.03, region: 0.02, serviceRegion: 0.01, district: 0.03 },
  trust: { delivery: 0.3, scan: 1 },
  signalTolerance: 0.95,
  disturbedBelow: 0.85,
  disruptionDays: 4,
  slowWeight: 0.1,
  reportLagDays: 0.05,
  scanLagDays: 0.015,
  resolutionDays: 0,
  driftAllowance: 0.25,
  driftThreshold: 2,
};
