// Whether parcels are slowed down at present, seen from those in flight: what was expected of them and did, or did not, happen moves what is
// believed of each group that they belong to, before any of them is delivered late. SPEC.md, "Signal".
import { Cells, type CellsState } from './cells.ts';
import { age, BELIEFS, type Belief, placeOf, SPEEDS, STAGES, speedOf, usualTimes, worstOf } from './disruption.ts';
import type { Codes } from './location.ts';
import type { SignalGroup, TransitSettings } from './settings.ts';

/** What may happen to a parcel in flight, and was to be expected with a probability. */
export type Happening = 'delivery' | 'scan';

/** Column 0 is when it was touched, the others are the belief but for usual times. */
const COLUMNS = BELIEFS;
/** Far fewer groups than lanes; the ones without news for longest make room. */
const GROUPS_MAX = 2 ** 17;

// Columns of an hour of the week.
const CAME = 1;
const DUE = 2;
const HOUR_COLUMNS = 3;
const HOURS = 7 * 24;
const HOURS_MAX = 2 ** 10;
const HOURS_HALF_LIFE_DAYS = 30;
const HOURS_PRIOR = 20;
/** Nothing is certain. */
const PROBABILITY_MAX = 0.98;

export interface SignalState {
  readonly groups: CellsState;
  readonly hours: CellsState;
}

const KEYS: Readonly<Record<SignalGroup, (codes: Codes) => number>> = {
  all: () => 0,
  service: ({ service }) => 1 + service * 8,
  region: ({ region }) => 2 + region * 8,
  serviceRegion: ({ service, region }) => 3 + (service * 2 ** 16 + region) * 8,
  district: ({ district }) => 4 + district * 8,
};

export class Signal {
  readonly #settings: TransitSettings;
  readonly #groups: readonly SignalGroup[];
  readonly #cells: Cells;
  /** Of the groups of a parcel, as they are looked at one after the other; written anew each time, since millions would be thrown away. */
  readonly #beliefs: readonly Belief[];
  /** What came of what was due by the hour of the week, forgotten slowly: nothing is late because it is Sunday. */
  readonly #hours: Cells;

  constructor(settings: TransitSettings, state?: SignalState) {
    this.#settings = settings;
    this.#groups = (Object.keys(KEYS) as SignalGroup[]).filter((group) => settings.onsetsPerDay[group] > 0);
    this.#beliefs = this.#groups.map(usualTimes);
    this.#cells = new Cells(COLUMNS, GROUPS_MAX, state?.groups);
    this.#hours = new Cells(HOUR_COLUMNS, HOURS_MAX, state?.hours);
  }

  /**
   * Something was to happen to a parcel with this probability since it was looked at last, and did or did not.
   * @returns how fast parcels like it were believed to be before that
   */
  book(codes: Codes, day: number, happening: Happening, expected: number, came: boolean): number {
    const usual = this.#usualAt(day, happening, expected, came);
    const { signalTolerance, trust } = this.#settings;
    const probability = Math.min(PROBABILITY_MAX, expected * usual * signalTolerance);
    const power = trust[happening];
    const likelihood = (speed: number): number => {
      const likely = came ? probability * speed : 1 - probability * speed;
      return power === 1 ? likely : likely ** power;
    };
    this.#look(codes, day);
    const speeds = this.#beliefs.map(speedOf);
    for (const [n, group] of this.#groups.entries()) {
      // What other groups are believed to be slow for proves nothing of this one.
      let others = 1;
      for (let m = 0; m < speeds.length; m++) if (m !== n) others = Math.min(others, speeds[m] as number);
      this.#update(KEYS[group](codes), day, this.#beliefs[n] as Belief, others, likelihood);
    }
    return Math.min(1, ...speeds);
  }

  /** What is believed of the disruption that slows the parcel most. */
  belief(codes: Codes, day: number): Belief {
    this.#look(codes, day);
    return worstOf(this.#beliefs);
  }

  state(): SignalState {
    return { groups: this.#cells.state(), hours: this.#hours.state() };
  }

  /** Bayes' rule, with the speeds of this group where others are not slower. Changes `belief`. */
  #update(key: number, day: number, belief: Belief, others: number, likelihood: (speed: number) => number): void {
    belief[0] = (belief[0] as number) * likelihood(others);
    let sum = belief[0];
    for (let n = 0; n < SPEEDS.length; n++) {
      const likely = likelihood(Math.min(SPEEDS[n] as number, others));
      for (let stage = 0; stage < STAGES; stage++) {
        const place = placeOf(n, stage);
        belief[place] = (belief[place] as number) * likely;
        sum += belief[place];
      }
    }
    const at = this.#cells.claim(key, day);
    const { values } = this.#cells;
    for (let n = 1; n < BELIEFS; n++) values[at + n] = (belief[n] as number) / sum;
    values[at] = Math.max(day, values[at] as number);
  }

  /** What is believed of each group: as it was after the last news, aged until `day`. */
  #look(codes: Codes, day: number): void {
    const { onsetsPerDay, disruptionDays } = this.#settings;
    for (const [n, group] of this.#groups.entries()) {
      const belief = this.#beliefs[n] as Belief;
      const at = this.#cells.find(KEYS[group](codes));
      const { values } = this.#cells;
      belief.fill(0);
      belief[0] = 1;
      if (at >= 0) for (let place = 1; place < BELIEFS; place++) belief[place] = values[at + place] as number;
      const days = at < 0 ? Number.MAX_VALUE : Math.max(0, day - (values[at] as number));
      age(belief, days, onsetsPerDay[group], disruptionDays);
    }
  }

  /** What comes of what is due at such an hour; counts this too. */
  #usualAt(day: number, happening: Happening, expected: number, happened: boolean): number {
    const hour = Math.floor((((day % 7) + 7) % 7) * 24) + (happening === 'scan' ? HOURS : 0);
    const at = this.#hours.claim(hour, day);
    const { values } = this.#hours;
    const kept = 2 ** (-Math.max(0, day - (values[at] as number)) / HOURS_HALF_LIFE_DAYS);
    const [came, due] = [(values[at + CAME] as number) * kept, (values[at + DUE] as number) * kept];
    values[at + CAME] = came + (happened ? 1 : 0);
    values[at + DUE] = due + expected;
    values[at] = Math.max(day, values[at] as number);
    return (came + HOURS_PRIOR) / (due + HOURS_PRIOR);
  }
}
