// The settings that the evaluation runs with, chosen with `--tune` before the tested part was looked at, and the model with one part of
// it left out.
import type { LaneTableSettings } from '../../transit/lane-table.ts';
import { DEFAULT_SETTINGS, LEVELS, type TransitSettings } from '../../transit/settings.ts';

/** Of the lane table in the simulation: the best of 10 to 60 deliveries and 14 to 60 days. */
export const TABLE: LaneTableSettings = { windowDays: 60, enough: 60, areaLength: 3, priorDays: 3 };

/** About the time between a shipment's leaving and its delivery by air. */
export const SCMS_HORIZON_DAYS = 30;
const NO_DISRUPTIONS: TransitSettings['onsetsPerDay'] = {
  all: 0,
  service: 0,
  region: 0,
  serviceRegion: 0,
  district: 0,
};
const COUNTRY = { areaLength: 64, regionLength: 64, districtLength: 64 };

/** The best of 1 to 40 deliveries and 180 to 3,650 days. */
export const SCMS_TABLE: Partial<LaneTableSettings> = {
  windowDays: 365,
  enough: 20,
  areaLength: 64,
  priorDays: SCMS_HORIZON_DAYS,
};

/**
 * Six in ten deliveries are made on the scheduled day itself, so that there is nothing to locate: all is in the shape, by country.
 * Corrections would move answers away from that day, and the signal did not help.
 */
export const SCMS_SETTINGS: Partial<TransitSettings> = {
  ...COUNTRY,
  levels: levelsOf(() => true),
  shapes: ['all', 'service', 'serviceArea'],
  residualPrior: 3,
  residualHalfLifeDays: 35,
  conformalGain: 0,
  onsetsPerDay: NO_DISRUPTIONS,
  priorDays: SCMS_HORIZON_DAYS,
  priorScale: 0.2,
  reportLagDays: 7,
  resolutionDays: 1,
};

export const LANE_VARIANTS: Readonly<Record<string, Partial<TransitSettings>>> = {
  'without the signal': { onsetsPerDay: NO_DISRUPTIONS },
  'without scans': { trust: { ...DEFAULT_SETTINGS.trust, scan: 0 } },
  'without corrections': { conformalGain: 0 },
  'without lanes and areas': { levels: levelsOf((level) => /lane|area/i.test(level)) },
  'without weekdays': { levels: levelsOf((level) => level === 'weekday'), shapes: ['all', 'service'] },
};

/** The default levels, without some. */
function levelsOf(isLeftOut: (level: string) => boolean): TransitSettings['levels'] {
  const entries = LEVELS.map((level) => {
    const one = DEFAULT_SETTINGS.levels[level];
    return [level, isLeftOut(level) ? { ...one, spread: 0 } : one] as const;
  });
  return Object.fromEntries(entries) as TransitSettings['levels'];
}
