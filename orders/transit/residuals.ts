// How standardised residuals are distributed: forgetting sketches by group, each drawn to its parent where it has few. SPEC.md,
// "Residuals".
import { DDSketch } from '@datadog/sketches-js';
import { SKETCHES_MAX } from './limits.ts';
import { QUANTILES } from './model.ts';
import type { ShapeGroup, TransitSettings } from './settings.ts';

/** What the shape of a parcel's distribution may depend on. */
export interface ShapeGroups {
  readonly service: number;
  readonly node: number;
  readonly area: number;
  /** Weekday and usual duration: where its days meet those on which nothing is delivered. */
  readonly calendar: number;
}

export interface Shape extends ShapeGroups {
  /** Whether a disruption was taken into account: such answers have corrections of their own. */
  readonly disturbed: boolean;
}

/** Shares at which the distribution is read: those of an answer, and those at which parcels in flight are looked at. */
export const GRID = [0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99] as const;
export const ANSWERED: readonly number[] = QUANTILES.map((share) => (GRID as readonly number[]).indexOf(share));

/** Of a normal distribution, in units of its mean absolute deviation: what is believed before anything was seen. */
const PRIOR = [-1.606, -0.845, -0.318, 0, 0.318, 0.657, 0.845, 1.055, 1.299, 1.606, 2.062, 2.357, 2.916];

const WEEKDAYS = 7;
/** Thirds of an octave of days, from half an hour to a thousand days. */
const DURATIONS = 48;
const DURATION_FIRST = -18;
const CALENDARS = WEEKDAYS * DURATIONS + 1;

/** @param weekday 0 to 6; @param days usually taken */
export function calendarOf(weekday: number, days: number): number {
  const duration = Math.round(3 * Math.log2(days)) - DURATION_FIRST;
  return 1 + weekday * DURATIONS + Math.max(0, Math.min(DURATIONS - 1, duration));
}

const ACCURACY = 0.01;
/** Residuals are counted in steps of this, so that the sketch of tiny ones stays small. */
const STEP = 1e-3;
/** The weight of the first; ranks count whole units in the sketch, which must not matter. */
const WEIGHT_UNIT = 1_024;
/** Weights grow with time instead of old ones shrinking; past this they are all divided. */
const WEIGHT_MAX = 2 ** 200;
/** Quantiles are read from the sketch again after so long, days, or so much growth. */
const REFRESH_DAYS = 0.05;
const REFRESH_GROWTH = 1.1;

interface StoreState {
  readonly bins: readonly number[];
  readonly count: number;
  readonly minKey: number;
  readonly maxKey: number;
  readonly offset: number;
}

export interface GroupState {
  readonly key: number;
  readonly startDay: number;
  readonly read: readonly number[];
  readonly readDay: number;
  readonly readCount: number;
  readonly zeroCount: number;
  readonly count: number;
  readonly positive: StoreState;
  readonly negative: StoreState;
}

interface Group {
  readonly sketch: DDSketch;
  /** When its weights were one unit. */
  startDay: number;
  /** The quantiles of the sketch when it was read last. */
  read: Float64Array;
  readDay: number;
  readCount: number;
}

export class Residuals {
  readonly #settings: TransitSettings;
  readonly #groups = new Map<number, Group>();

  constructor(settings: TransitSettings, states: readonly GroupState[] = []) {
    this.#settings = settings;
    for (const state of states) this.#groups.set(state.key, groupOf(state));
  }

  /** Residuals of undisturbed parcels at each share of GRID, in scales, ascending. */
  quantiles(shape: ShapeGroups, day: number): Float64Array {
    let values = Float64Array.from(PRIOR);
    for (const group of this.#settings.shapes) values = this.#shrunk(values, SHAPE_KEYS[group](shape), day);
    return values;
  }

  add(shape: Shape, day: number, residual: number): void {
    const rounded = Math.round(residual / STEP) * STEP;
    for (const shapeGroup of this.#settings.shapes) {
      const group = this.#open(SHAPE_KEYS[shapeGroup](shape), day);
      let weight = this.#weight(group, day);
      if (weight > WEIGHT_MAX) {
        divide(group.sketch, weight / WEIGHT_UNIT);
        group.readCount /= weight / WEIGHT_UNIT;
        group.startDay = day;
        weight = WEIGHT_UNIT;
      }
      group.sketch.accept(rounded, weight);
      const grown = group.sketch.count > group.readCount * REFRESH_GROWTH;
      if (grown || day - group.readDay > REFRESH_DAYS) read(group, day);
    }
  }

  state(): readonly GroupState[] {
    return [...this.#groups].map(([key, group]) => ({
      key,
      startDay: group.startDay,
      read: Array.from(group.read),
      readDay: group.readDay,
      readCount: group.readCount,
      zeroCount: group.sketch.zeroCount,
      count: group.sketch.count,
      positive: storeState(group.sketch.store),
      negative: storeState(group.sketch.negativeStore),
    }));
  }

  /** The quantiles of a group, drawn to its parent's where it saw few parcels beyond them. */
  #shrunk(parent: Float64Array<ArrayBuffer>, key: number, day: number): Float64Array<ArrayBuffer> {
    const group = this.#groups.get(key);
    if (group === undefined) return parent;
    const count = this.#count(group, day);
    return parent.map((value, n) => {
      const share = GRID[n] as number;
      const prior = this.#settings.residualPrior / Math.min(share, 1 - share);
      return (count * (group.read[n] as number) + prior * value) / (count + prior);
    });
  }

  #open(key: number, day: number): Group {
    const known = this.#groups.get(key);
    if (known !== undefined) {
      // To the end, so that the first is the one that was told of longest ago.
      this.#groups.delete(key);
      this.#groups.set(key, known);
      return known;
    }
    if (this.#groups.size >= SKETCHES_MAX) this.#groups.delete(this.#groups.keys().next().value as number);
    const group: Group = {
      sketch: new DDSketch({ relativeAccuracy: ACCURACY }),
      startDay: day,
      read: Float64Array.from(PRIOR),
      readDay: Number.NEGATIVE_INFINITY,
      readCount: 0,
    };
    this.#groups.set(key, group);
    return group;
  }

  #weight(group: Group, day: number): number {
    return WEIGHT_UNIT * 2 ** ((day - group.startDay) / this.#settings.residualHalfLifeDays);
  }

  /** Residuals that are not forgotten yet. */
  #count(group: Group, day: number): number {
    return group.sketch.count / this.#weight(group, day);
  }
}

/** The mean of the residuals beyond a share of GRID. @param quantiles at each share of GRID */
export function meanBeyond(quantiles: Float64Array, grid: number): number {
  let [sum, shares] = [0, 0];
  for (let n = grid; n < GRID.length; n++) {
    const share = (GRID[n + 1] ?? 1) - (GRID[n] as number);
    sum += (share * ((quantiles[n] as number) + (quantiles[n + 1] ?? (quantiles[n] as number)))) / 2;
    shares += share;
  }
  return sum / shares;
}

const SHAPE_KEYS: Readonly<Record<ShapeGroup, (shape: ShapeGroups) => number>> = {
  all: () => 0,
  service: ({ service }) => 1 + service * 8,
  calendar: ({ calendar }) => 2 + calendar * 8,
  serviceCalendar: ({ service, calendar }) => 3 + (service * CALENDARS + calendar) * 8,
  serviceArea: ({ service, area }) => 4 + (service * 2 ** 16 + area) * 8,
  lane: ({ service, node, area }) => 5 + ((service * 2 ** 12 + node) * 2 ** 16 + area) * 8,
};

function read(group: Group, day: number): void {
  group.read = Float64Array.from(GRID, (share) => group.sketch.getValueAtQuantile(share));
  group.readDay = day;
  group.readCount = group.sketch.count;
}

function divide(sketch: DDSketch, by: number): void {
  for (const store of [sketch.store, sketch.negativeStore]) {
    store.bins = store.bins.map((weight) => weight / by);
    store.count /= by;
  }
  sketch.zeroCount /= by;
  sketch.count /= by;
}

function storeState({ bins, count, minKey, maxKey, offset }: DDSketch['store']): StoreState {
  return { bins, count, minKey, maxKey, offset };
}

/** The sketch's own serialisation needs a package that it does not depend on, and forgets its counts. */
function groupOf(state: GroupState): Group {
  const sketch = new DDSketch({ relativeAccuracy: ACCURACY });
  Object.assign(sketch.store, state.positive, { bins: [...state.positive.bins] });
  Object.assign(sketch.negativeStore, state.negative, { bins: [...state.negative.bins] });
  sketch.zeroCount = state.zeroCount;
  sketch.count = state.count;
  return {
    sketch,
    startDay: state.startDay,
    read: Float64Array.from(state.read),
    readDay: state.readDay,
    readCount: state.readCount,
  };
}
