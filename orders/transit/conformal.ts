// Keeps the share of late parcels where it belongs: each quantile of an answer is moved up when parcels exceed it too often, and down
// when too rarely, for all parcels and by service. Answers that took a disruption into account are corrected apart. SPEC.md,
// "Conformal corrections".
import { QUANTILES } from './model.ts';
import type { TransitSettings } from './settings.ts';

interface Group {
  /** In scales, one for each quantile of an answer. */
  readonly offsets: number[];
  /** Parcels that were answered for, and are not mature. */
  waiting: number;
}

export type CorrectionState = readonly (readonly [key: number, offsets: readonly number[], waiting: number])[];

export class Corrections {
  readonly #settings: TransitSettings;
  readonly #groups = new Map<number, Group>();

  constructor(settings: TransitSettings, state: CorrectionState = []) {
    this.#settings = settings;
    for (const [key, offsets, waiting] of state) this.#groups.set(key, { offsets: [...offsets], waiting });
  }

  /** In scales, one for each quantile. */
  of(service: number, disturbed: boolean): readonly number[] {
    const groups = keysOf(service, disturbed).map((key) => this.#groups.get(key)?.offsets);
    return QUANTILES.map((_, n) => groups.reduce((sum, offsets) => sum + (offsets?.[n] ?? 0), 0));
  }

  /** A parcel was answered for; whether that was right is known later. */
  await(service: number, disturbed: boolean): void {
    for (const key of keysOf(service, disturbed)) this.#open(key).waiting++;
  }

  /** It is known, or will not be. */
  awaitNoMore(service: number, disturbed: boolean): void {
    for (const key of keysOf(service, disturbed)) this.#open(key).waiting--;
  }

  /**
   * Moves the corrections: up for each quantile that a parcel exceeded, a little down for each that it did not. All that are
   * waiting were answered for without this news, so that together they move it by the gain at most.
   */
  correct(service: number, disturbed: boolean, exceeded: readonly boolean[]): void {
    const { conformalGain, conformalPrior } = this.#settings;
    for (const key of keysOf(service, disturbed)) {
      const { offsets, waiting } = this.#open(key);
      const step = conformalGain / (waiting + conformalPrior);
      for (const [n, share] of QUANTILES.entries()) {
        offsets[n] = (offsets[n] as number) + step * ((exceeded[n] === true ? 1 : 0) - (1 - share));
      }
    }
  }

  state(): CorrectionState {
    return [...this.#groups].map(([key, { offsets, waiting }]) => [key, offsets, waiting]);
  }

  #open(key: number): Group {
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = { offsets: QUANTILES.map(() => 0), waiting: 0 };
    this.#groups.set(key, group);
    return group;
  }
}

/** All parcels, and those of the service. */
function keysOf(service: number, disturbed: boolean): readonly number[] {
  const side = disturbed ? 1 : 0;
  return [side, 2 + service * 2 + side];
}
