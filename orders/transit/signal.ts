// How fast parcels move at present, seen from those in flight: deliveries that came, over deliveries that were to be expected, by
// group, forgotten within days. It falls when parcels are late, before any of them is delivered. SPEC.md, "Signal".
import { Cells, type CellsState } from './cells.ts';
import type { Codes } from './location.ts';
import type { TransitSettings } from './settings.ts';

// Columns of a cell, for each of two memories: what was observed, and what was expected.
const LONG = 1;
const SHORT = 3;
const COLUMNS = 5;
const MEMORIES = [LONG, SHORT] as const;
type Memory = (typeof MEMORIES)[number];
/** Far fewer groups than lanes; the ones without news for longest make room. */
const GROUPS_MAX = 2 ** 17;
const HOURS_MAX = 2 ** 9;
const HOURS_HALF_LIFE_DAYS = 30;
const HOURS_PRIOR = 20;

export interface SignalState {
  readonly groups: CellsState;
  readonly hours: CellsState;
}

const GROUPS = ['all', 'service', 'region', 'serviceRegion', 'district', 'area'] as const;
type Group = (typeof GROUPS)[number];

const KEYS: Readonly<Record<Group, (codes: Codes) => number>> = {
  all: () => 0,
  service: ({ service }) => 1 + service * 8,
  region: ({ region }) => 2 + region * 8,
  serviceRegion: ({ service, region }) => 3 + (service * 2 ** 16 + region) * 8,
  district: ({ district }) => 4 + district * 8,
  area: ({ area }) => 5 + area * 8,
};

export class Signal {
  readonly #settings: TransitSettings;
  readonly #cells: Cells;
  /** The same of all parcels by the hour of the week, forgotten slowly: nothing is late because it is Sunday. */
  readonly #hours: Cells;

  constructor(settings: TransitSettings, state?: SignalState) {
    this.#settings = settings;
    this.#cells = new Cells(COLUMNS, GROUPS_MAX, state?.groups);
    this.#hours = new Cells(COLUMNS, HOURS_MAX, state?.hours);
  }

  /** A parcel was expected to be delivered with this probability since it was looked at last, and was or was not. */
  book(codes: Codes, day: number, expected: number, delivered: boolean): void {
    const hour = this.#hours.claim(Math.floor((((day % 7) + 7) % 7) * 24), day);
    const [came, due] = countsOf(this.#hours.values, hour, LONG, day, HOURS_HALF_LIFE_DAYS);
    const usual = (came + HOURS_PRIOR) / (due + HOURS_PRIOR);
    count(this.#hours.values, hour, day, [HOURS_HALF_LIFE_DAYS, HOURS_HALF_LIFE_DAYS], expected, delivered);
    for (const group of GROUPS) {
      const at = this.#cells.claim(KEYS[group](codes), day);
      count(this.#cells.values, at, day, this.#settings.signalHalfLivesDays, expected * usual, delivered);
    }
  }

  /** Above 0, at most 1: the speed of the most disturbed of the parcel's groups, each drawn to its parent where it saw little. */
  speed(codes: Codes, day: number): number {
    const all = this.#ratio('all', codes, day, 1);
    const service = this.#ratio('service', codes, day, all);
    const region = this.#ratio('region', codes, day, all);
    const both = this.#ratio('serviceRegion', codes, day, Math.min(service, region));
    const district = this.#ratio('district', codes, day, region);
    const area = this.#ratio('area', codes, day, district);
    return Math.min(1, both, area);
  }

  state(): SignalState {
    return { groups: this.#cells.state(), hours: this.#hours.state() };
  }

  /** The parent's speed, unless this group's is clearly another: by its long memory, then by its short one. */
  #ratio(group: Group, codes: Codes, day: number, parent: number): number {
    const at = this.#cells.find(KEYS[group](codes));
    if (at < 0) return parent;
    const { signalHalfLivesDays, signalPrior, signalCaution } = this.#settings;
    let speed = parent;
    for (const [n, memory] of MEMORIES.entries()) {
      const [came, due] = countsOf(this.#cells.values, at, memory, day, signalHalfLivesDays[n] as number);
      const measured = (came + signalPrior * speed) / (due + signalPrior);
      const doubt = signalCaution * Math.sqrt(speed / (due + signalPrior));
      speed += Math.min(0, measured + doubt - speed) + Math.max(0, measured - doubt - speed);
    }
    return speed;
  }
}

function count(
  values: Float32Array,
  at: number,
  day: number,
  halfLivesDays: readonly [number, number],
  expected: number,
  delivered: boolean,
): void {
  for (const [n, memory] of MEMORIES.entries()) {
    const [came, due] = countsOf(values, at, memory, day, halfLivesDays[n] as number);
    values[at + memory] = came + (delivered ? 1 : 0);
    values[at + memory + 1] = due + expected;
  }
  values[at] = Math.max(day, values[at] as number);
}

/** Deliveries that came and that were due, as far as they are not forgotten. */
function countsOf(
  values: Float32Array,
  at: number,
  memory: Memory,
  day: number,
  halfLifeDays: number,
): [number, number] {
  const days = day - (values[at] as number);
  const kept = days <= 0 ? 1 : 2 ** (-days / halfLifeDays);
  return [(values[at + memory] as number) * kept, (values[at + memory + 1] as number) * kept];
}
