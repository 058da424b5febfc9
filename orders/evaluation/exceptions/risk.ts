// The transit model as the evaluation asks it, and a simple stand-in: what each service took over similar distances of late. The model of
// orders/transit has the same shape.

export interface Leg {
  readonly node: string;
  readonly service: string;
  readonly postalCode: string;
  readonly km: number;
  /** ms since the epoch. */
  readonly handedOverAt: number;
}

export type Observation =
  | { readonly kind: 'handedOver'; readonly shipment: Leg & { readonly shipmentId: string } }
  | { readonly kind: 'scan' | 'delivered' | 'ended'; readonly shipmentId: string; readonly at: number };

export interface RiskModel {
  observe(observations: readonly Observation[], now: number): void;
  /** That a parcel which is not delivered at `now` will not be by `deadline`, 0 to 1. */
  missProbability(leg: Leg, deadline: number, now: number): number;
}

const DAY_MS = 86_400_000;
const KEPT = 400;
/** Half octaves above 100 km. */
const bandOf = (km: number): number => Math.round(2 * Math.log2(1 + km / 100));

interface Cell {
  /** Days, newest last. */
  readonly days: number[];
  sorted: Float64Array | undefined;
}

/** The empirical distribution of the last deliveries of a service and distance band, given that the parcel is still under way. */
export class RecentDeliveries implements RiskModel {
  readonly #cells = new Map<string, Cell>();
  readonly #underWay = new Map<string, Leg>();

  observe(observations: readonly Observation[]): void {
    for (const one of observations) {
      if (one.kind === 'handedOver') {
        this.#underWay.set(one.shipment.shipmentId, one.shipment);
        continue;
      }
      const leg = this.#underWay.get(one.shipmentId);
      if (leg === undefined || one.kind === 'scan') continue;
      this.#underWay.delete(one.shipmentId);
      if (one.kind === 'delivered') this.#learn(leg, (one.at - leg.handedOverAt) / DAY_MS);
    }
  }

  missProbability(leg: Leg, deadline: number, now: number): number {
    const { days, sorted } = this.#cellOf(leg);
    const elapsed = (now - leg.handedOverAt) / DAY_MS;
    const left = (deadline - leg.handedOverAt) / DAY_MS;
    if (deadline <= now) return 1;
    const all = sorted ?? Float64Array.from(days).sort();
    this.#cellOf(leg).sorted = all;
    // One more on either side, so that nothing is certain.
    const later = all.length - below(all, elapsed) + 1;
    const tooLate = all.length - below(all, left) + 0.5;
    return Math.min(1, tooLate / later);
  }

  #learn(leg: Leg, days: number): void {
    const cell = this.#cellOf(leg);
    cell.days.push(days);
    if (cell.days.length > KEPT) cell.days.shift();
    cell.sorted = undefined;
  }

  #cellOf({ service, km }: Leg): Cell {
    const key = `${service} ${bandOf(km)}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const made: Cell = { days: [], sorted: undefined };
    this.#cells.set(key, made);
    return made;
  }
}

/** How many are less. */
function below(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
