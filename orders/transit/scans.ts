// Whether parcels are scanned when they should be: how often the next scan comes so long after the one before, and which parcels are past a
// step of that time without one. It tells the signal, hours before a delivery is late. SPEC.md, "Scans".
import { Cells, type CellsState } from './cells.ts';
import { type Due, DueQueue } from './due-queue.ts';
import type { Codes } from './location.ts';
import type { TransitSettings } from './settings.ts';
import type { Signal } from './signal.ts';

/** Ends of steps after the hand-over or a scan, in the parcel's usual days; nothing is expected beyond the last. */
const STEPS = [
  0.025, 0.05, 0.075, 0.1, 0.13, 0.16, 0.19, 0.22, 0.25, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 0.56, 0.63, 0.71, 0.8, 0.9,
  1, 1.2,
];
/** Powers of two: steps, and scans of a parcel that are told apart. */
const STEPS_MAX = 32;
const SCANS_MAX = 8;
const GROUPS_MAX = 2 ** 14;

// Columns of a step: scans that came in it, and parcels that were waiting for one at its beginning.
const CAME = 1;
const WAITING = 2;
const COLUMNS = 3;
const HALF_LIFE_DAYS = 30;
/** Parcels that a parent's share counts for. */
const PRIOR = 20;
/** The share of waiting parcels that are scanned in a step, before anything was seen: a carrier may scan nothing. */
const SHARE_BEFORE = 0.001;

/** How far a parcel is, as scans tell. Days are counted as the model does. */
export interface Scanned {
  /** Scans so far. */
  count: number;
  /** Of the last of them, or the hand-over. */
  at: number;
  /** Steps after it that are past. */
  step: number;
}

/** A parcel as far as it matters here. */
export interface Watched {
  readonly shipmentId: string;
  readonly codes: Codes;
  readonly scanned: Scanned;
  readonly usual: readonly number[];
  readonly delivered?: number;
  readonly gone?: boolean;
}

interface Watch extends Due {
  readonly parcel: Watched;
  /** Scans when it was begun; with another one it is for nothing. */
  readonly count: number;
}

export class Scans {
  readonly #settings: TransitSettings;
  readonly #signal: Signal;
  /** Which of `usual` a parcel's steps are shares of. */
  readonly #median: number;
  readonly #cells: Cells;
  readonly #queue = new DueQueue<Watch>(sooner);

  constructor(settings: TransitSettings, signal: Signal, median: number, state?: CellsState) {
    this.#settings = settings;
    this.#signal = signal;
    this.#median = median;
    this.#cells = new Cells(COLUMNS, GROUPS_MAX, state);
  }

  /** Waits for the next scan of a parcel. */
  watch(parcel: Watched): void {
    const { count, at, step } = parcel.scanned;
    if (step >= STEPS.length) return;
    const due = at + (STEPS[step] as number) * this.#usualDays(parcel) + this.#settings.scanLagDays;
    this.#queue.push({ parcel, count, due });
  }

  /** Looks at all parcels that a step has passed for without a scan. */
  advance(day: number): void {
    for (let next = this.#queue.take(day); next !== undefined; next = this.#queue.take(day)) {
      const { parcel, count, due } = next;
      if (parcel.gone === true || parcel.delivered !== undefined || count !== parcel.scanned.count) continue;
      this.#book(parcel, parcel.scanned.step, due, false);
      parcel.scanned.step++;
      this.watch(parcel);
    }
  }

  /** A parcel on its way was scanned; one that is older than the last changes nothing. @param day now */
  scan(parcel: Watched, at: number, day: number): void {
    const { scanned } = parcel;
    if (at <= scanned.at) return;
    const came = this.#stepAt(parcel, at);
    // One that is told late was missed already.
    if (came >= scanned.step && came < STEPS.length) {
      for (let step = scanned.step; step < came; step++) this.#book(parcel, step, day, false);
      this.#book(parcel, came, day, true);
    }
    scanned.count++;
    scanned.at = at;
    scanned.step = this.#stepAt(parcel, day);
    this.watch(parcel);
  }

  state(): CellsState {
    return this.#cells.state();
  }

  #usualDays({ usual }: Watched): number {
    return usual[this.#median] as number;
  }

  /** The step after the last scan that a day is in. */
  #stepAt(parcel: Watched, day: number): number {
    const share = (day - parcel.scanned.at) / this.#usualDays(parcel);
    const step = STEPS.findIndex((end) => share <= end);
    return step < 0 ? STEPS.length : step;
  }

  #book({ codes, scanned: { count } }: Watched, step: number, day: number, came: boolean): void {
    const all = keyOf(0, count, step);
    const band = keyOf(codes.band + 1, count, step);
    const expected = this.#share(band, day, this.#share(all, day, SHARE_BEFORE));
    const speed = this.#signal.book(codes, day, 'scan', expected, came);
    const { disturbedBelow, slowWeight } = this.#settings;
    for (const key of [all, band]) this.#count(key, day, came, speed < disturbedBelow ? slowWeight : 1);
  }

  #share(key: number, day: number, parent: number): number {
    const at = this.#cells.find(key);
    if (at < 0) return parent;
    const { values } = this.#cells;
    const kept = keptOf(day - (values[at] as number));
    return ((values[at + CAME] as number) * kept + PRIOR * parent) / ((values[at + WAITING] as number) * kept + PRIOR);
  }

  #count(key: number, day: number, came: boolean, weight: number): void {
    const at = this.#cells.claim(key, day);
    const { values } = this.#cells;
    const kept = keptOf(day - (values[at] as number));
    values[at + CAME] = (values[at + CAME] as number) * kept + (came ? weight : 0);
    values[at + WAITING] = (values[at + WAITING] as number) * kept + weight;
    values[at] = Math.max(day, values[at] as number);
  }
}

/** @param band 0 for all */
function keyOf(band: number, count: number, step: number): number {
  return (band * SCANS_MAX + Math.min(SCANS_MAX - 1, count)) * STEPS_MAX + step;
}

function keptOf(days: number): number {
  return 2 ** (-Math.max(0, days) / HALF_LIFE_DAYS);
}

function sooner(a: Watch, b: Watch): number {
  if (a.due !== b.due) return a.due - b.due;
  const [one, other] = [a.parcel.shipmentId, b.parcel.shipmentId];
  return one < other ? -1 : one > other ? 1 : a.count - b.count;
}
