// Where the transit times of a parcel lie, log days, and how far they scatter: a sum of effects, one for each group that the parcel
// belongs to, each known with a variance. SPEC.md, "Location" and "Scale".
import { Cells, type CellsState } from './cells.ts';
import { CELLS_MAX } from './limits.ts';
import { LEVELS, type Level, type LevelSettings, type TransitSettings } from './settings.ts';

/** A parcel by the numbers of its groups. */
export interface Codes {
  readonly service: number;
  readonly node: number;
  readonly area: number;
  readonly region: number;
  readonly district: number;
  /** Half octaves of distance. */
  readonly band: number;
  /** Of the hand-over, 0 to 6. */
  readonly weekday: number;
}

export interface Prediction {
  /** Log days. */
  readonly mean: number;
  /** Of the mean: how little is known of the groups. */
  readonly variance: number;
  /** Mean absolute deviation from the mean, log days, if the groups were known. */
  readonly scale: number;
  /** The same with what is not known of the groups. */
  readonly spread: number;
}

// Columns of a cell; the first is when it was touched.
const EFFECT = 1;
const VARIANCE = 2;
const DEVIATION = 3;
const WEIGHT = 4;
const UP = 5;
const DOWN = 6;
const UP_SINCE = 7;
const DOWN_SINCE = 8;
const COUNT = 9;
const COLUMNS = 10;

/** Parcels of a group are counted over about so long, and a day of fewer than so many counts for a part of one. */
const DRIFT_COUNT_HALF_LIFE_DAYS = 7;
const DRIFT_PARCELS_MIN = 8;

/** A group whose residuals have been on one side for too long. */
export interface Drift {
  readonly level: Level;
  readonly slower: boolean;
  /** Days: when the first parcel that counted was handed over. */
  readonly since: number;
}

/** (mean absolute deviation / standard deviation)² of a normal distribution. */
const ABSOLUTE_SHARE = 2 / Math.PI;
const BANDS = 32;
const WEEKDAYS = 7;

/** Levels whose own scatter is kept. */
const SCALED: ReadonlySet<Level> = new Set<Level>(['global', 'service', 'distance', 'weekday', 'serviceArea']);

/** Levels at which drift is searched for: those whose groups somebody can ask a carrier about. */
const DRIFTING: ReadonlySet<Level> = new Set<Level>(['global', 'service', 'area', 'serviceArea', 'lane']);

const KEYS: Readonly<Record<Level, (codes: Codes) => number>> = {
  global: () => 0,
  service: ({ service }) => service,
  distance: ({ service, band }) => service * BANDS + band,
  weekday: ({ service, band, weekday }) => (service * BANDS + band) * WEEKDAYS + weekday,
  area: ({ area }) => area,
  serviceArea: ({ service, area }) => service * 2 ** 16 + area,
  lane: ({ service, node, area }) => (service * 2 ** 12 + node) * 2 ** 16 + area,
};

/** Half octaves above 50 km. */
export function bandOf(km: number): number {
  return Math.min(BANDS - 1, Math.round(2 * Math.log2(1 + Math.max(0, km) / 50)));
}

interface LevelCells extends LevelSettings {
  readonly level: Level;
  readonly cells: Cells;
}

export class Location {
  readonly #settings: TransitSettings;
  readonly #levels: readonly LevelCells[];
  readonly #priorMean: number;

  constructor(settings: TransitSettings, states?: readonly CellsState[]) {
    this.#settings = settings;
    this.#priorMean = Math.log(settings.priorDays);
    this.#levels = LEVELS.map((level, n) => ({
      level,
      ...settings.levels[level],
      cells: new Cells(COLUMNS, CELLS_MAX, states?.[n]),
    }));
  }

  predict(codes: Codes, day: number): Prediction {
    const { scalePrior, priorScale } = this.#settings;
    let mean = this.#priorMean;
    let variance = 0;
    let scale = priorScale;
    for (const { level, spread, halfLifeDays, cells } of this.#levels) {
      if (spread === 0) continue;
      const prior = spread * spread;
      const at = cells.find(KEYS[level](codes));
      if (at < 0) {
        variance += prior;
        continue;
      }
      const { values } = cells;
      const kept = keptOf(day - (values[at] as number), halfLifeDays);
      mean += (values[at + EFFECT] as number) * (level === 'global' ? 1 : kept);
      variance += prior - (prior - (values[at + VARIANCE] as number)) * kept * kept;
      const weight = (values[at + WEIGHT] as number) * kept;
      if (weight > 0) scale = ((values[at + DEVIATION] as number) * kept + scalePrior * scale) / (weight + scalePrior);
    }
    return { mean, variance, scale, spread: Math.sqrt(scale * scale + ABSOLUTE_SHARE * variance) };
  }

  /**
   * Divides an innovation (log days) among the groups by how little is known of each.
   * @param weight 0 to 1
   */
  learn(codes: Codes, day: number, innovation: number, weight: number): void {
    const { variance, scale } = this.predict(codes, day);
    const total = variance + (scale * scale) / ABSOLUTE_SHARE;
    const bound = this.#settings.clip * Math.sqrt(total);
    const step = Math.max(-bound, Math.min(bound, innovation));
    for (const level of this.#levels) {
      if (level.spread === 0) continue;
      const at = this.#touch(level, codes, day);
      const { values } = level.cells;
      const own = values[at + VARIANCE] as number;
      values[at + EFFECT] = (values[at + EFFECT] as number) + ((weight * own) / total) * step;
      values[at + VARIANCE] = own - (weight * own * own) / total;
    }
  }

  /** @param deviation absolute, log days */
  learnScale(codes: Codes, day: number, deviation: number): void {
    for (const level of this.#levels) {
      if (level.spread === 0 || !SCALED.has(level.level)) continue;
      const at = this.#touch(level, codes, day);
      const { values } = level.cells;
      values[at + DEVIATION] = (values[at + DEVIATION] as number) + deviation;
      values[at + WEIGHT] = (values[at + WEIGHT] as number) + 1;
    }
  }

  /**
   * Adds a standardised residual to the sums of all groups of a parcel, and returns which are beyond the threshold. A sum counts
   * days, on each of which the group's mean counts: parcels of a day are late together, and prove no more than one does.
   * @param handedOver days
   */
  cusum(codes: Codes, day: number, residual: number, handedOver: number): readonly Drift[] {
    const { driftAllowance, driftThreshold } = this.#settings;
    const found: Drift[] = [];
    for (const level of this.#levels) {
      if (level.spread === 0 || !DRIFTING.has(level.level)) continue;
      const at = this.#touch(level, codes, day);
      const { values } = level.cells;
      values[at + COUNT] = (values[at + COUNT] as number) + 1;
      const perDay = ((values[at + COUNT] as number) * Math.LN2) / DRIFT_COUNT_HALF_LIFE_DAYS;
      const share = 1 / Math.max(DRIFT_PARCELS_MIN, perDay);
      for (const [sum, since, sign] of [
        [UP, UP_SINCE, 1],
        [DOWN, DOWN_SINCE, -1],
      ] as const) {
        if (values[at + sum] === 0) values[at + since] = handedOver;
        values[at + sum] = Math.max(0, (values[at + sum] as number) + (sign * residual - driftAllowance) * share);
        if ((values[at + sum] as number) <= driftThreshold) continue;
        found.push({ level: level.level, slower: sign > 0, since: values[at + since] as number });
        values[at + sum] = 0;
      }
    }
    return found;
  }

  knows(level: Level, codes: Codes): boolean {
    const one = this.#levels.find((each) => each.level === level);
    return one !== undefined && one.cells.find(KEYS[level](codes)) >= 0;
  }

  get bytes(): number {
    return this.#levels.reduce((sum, { cells }) => sum + cells.bytes, 0);
  }

  state(): readonly CellsState[] {
    return this.#levels.map(({ cells }) => cells.state());
  }

  /** Its figures as they are at `day`. */
  #touch(level: LevelCells, codes: Codes, day: number): number {
    const { cells, spread, halfLifeDays } = level;
    const key = KEYS[level.level](codes);
    const known = cells.find(key);
    if (known < 0) {
      const at = cells.claim(key, day);
      cells.values[at + VARIANCE] = spread * spread;
      return at;
    }
    const { values } = cells;
    const days = day - (values[known] as number);
    if (days <= 0) return known;
    const kept = keptOf(days, halfLifeDays);
    const prior = spread * spread;
    values[known] = day;
    if (level.level !== 'global') values[known + EFFECT] = (values[known + EFFECT] as number) * kept;
    values[known + VARIANCE] = prior - (prior - (values[known + VARIANCE] as number)) * kept * kept;
    values[known + DEVIATION] = (values[known + DEVIATION] as number) * kept;
    values[known + WEIGHT] = (values[known + WEIGHT] as number) * kept;
    values[known + COUNT] = (values[known + COUNT] as number) * keptOf(days, DRIFT_COUNT_HALF_LIFE_DAYS);
    return known;
  }
}

/** The share of what was known that is left after so many days. */
function keptOf(days: number, halfLifeDays: number): number {
  return days <= 0 ? 1 : 2 ** (-days / halfLifeDays);
}
