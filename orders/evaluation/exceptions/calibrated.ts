// Probabilities held against what came of them: of parcels for which about this was said, so long before their promise, how many missed it.

/** What was said counts for so many parcels. */
const PRIOR = 4;
/** Of what came before, at each new one: about the last thirty count. */
const KEPT = 0.97;
const BINS = 10;
/** Hours until the promise, from one to the next. */
const HOURS = [12, 18, 24, 36, 48, 72, 120];

interface Cell {
  count: number;
  missed: number;
}

export class Calibrated {
  readonly #cells = new Map<string, Cell>();
  readonly #pending = new Map<string, Map<string, number>>();

  /**
   * @param stage parcels of one stage are alike
   * @param like another stage that is believed where this one says little: what is acted on whenever risk is high is never seen to its end
   */
  of(said: number, stage: string, hoursToPromise: number, like?: string): number {
    const cell = this.#cells.get(keyOf(said, stage, hoursToPromise));
    const prior = like === undefined ? said : this.of(said, like, hoursToPromise);
    return cell === undefined ? prior : (cell.missed + PRIOR * prior) / (cell.count + PRIOR);
  }

  /** What was said of a parcel, to be judged by the promise of then. */
  note(parcelId: string, said: number, stage: string, hoursToPromise: number, promisedAt: number): void {
    const noted = this.#pending.get(parcelId) ?? new Map<string, number>();
    noted.set(keyOf(said, stage, hoursToPromise), promisedAt);
    this.#pending.set(parcelId, noted);
  }

  /** Something was done about it: what would have come of it is not known. */
  forget(parcelId: string): void {
    this.#pending.delete(parcelId);
  }

  /** What was promised for before `now` and has not come has been missed. */
  overdue(parcelId: string, now: number): void {
    for (const [key, promisedAt] of this.#pending.get(parcelId) ?? []) {
      if (promisedAt > now) continue;
      this.#learn(key, true);
      this.#pending.get(parcelId)?.delete(key);
    }
  }

  /** @param arrivedAt undefined: never */
  judge(parcelId: string, arrivedAt: number | undefined): void {
    for (const [key, promisedAt] of this.#pending.get(parcelId) ?? []) {
      this.#learn(key, arrivedAt === undefined || arrivedAt > promisedAt);
    }
    this.#pending.delete(parcelId);
  }

  #learn(key: string, isMissed: boolean): void {
    const cell = this.#cells.get(key) ?? { count: 0, missed: 0 };
    cell.count = cell.count * KEPT + 1;
    cell.missed = cell.missed * KEPT + (isMissed ? 1 : 0);
    this.#cells.set(key, cell);
  }
}

function keyOf(said: number, stage: string, hoursToPromise: number): string {
  const hours = HOURS.findIndex((bound) => hoursToPromise <= bound);
  return `${stage} ${hours} ${Math.min(BINS - 1, Math.floor(said * BINS))}`;
}
