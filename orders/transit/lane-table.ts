// The other transit-time model: a table of what was measured by lane, kept up to date. It is what carriers and merchants have, what
// the default model is compared with, and a simple model to run where there is nothing to learn a better one from.
import { pack, unpack } from 'msgpackr';
import { CELLS_MAX, TRANSIT_DAYS_MAX, TRANSIT_DAYS_MIN } from './limits.ts';
import { daysOf, type Leg, type Observation, QUANTILES, type TransitAnswer, type TransitModel } from './model.ts';
import { survivalOf } from './survival.ts';

const DAY_MS = 86_400_000;
const FORMAT = 'holdfast.transit.lane-table';
const VERSION = 1;
/** Deliveries of a group that are kept: two weeks of a busy carrier service, so that each weekday counts alike. */
const KEPT_MAX = 5_000;
/** A group's deliveries are put in order again when it has grown by a tenth, or after an hour. */
const REFRESH_GROWTH = 1.1;
const REFRESH_MS = 3_600_000;

export interface LaneTableSettings {
  /** Only deliveries of so many days back count. */
  readonly windowDays: number;
  /** A group answers with at least so many deliveries; otherwise its parent is asked. */
  readonly enough: number;
  readonly areaLength: number;
  /** Answers before anything was delivered, days. */
  readonly priorDays: number;
}

export const DEFAULT_LANE_TABLE: LaneTableSettings = { windowDays: 60, enough: 20, areaLength: 3, priorDays: 3 };

interface Delivery {
  readonly at: number;
  readonly days: number;
}

interface Row {
  deliveries: Delivery[];
  /** Days of those that counted when they were put in order last, ascending. */
  sorted: Float64Array;
  sortedAt: number;
  /** Deliveries since. */
  added: number;
}

const EMPTY = { sorted: new Float64Array(), sortedAt: Number.NEGATIVE_INFINITY, added: 0 };

interface State {
  readonly format: string;
  readonly version: number;
  readonly settings: LaneTableSettings;
  readonly now: number;
  readonly rows: readonly (readonly [string, readonly Delivery[], readonly number[], number, number])[];
  readonly legs: readonly (readonly [string, Leg])[];
}

const PARENTS: readonly {
  readonly from: TransitAnswer['knownFrom'];
  readonly key: (leg: Leg, area: string) => string;
}[] = [
  { from: 'lane', key: ({ service, node }, area) => `${service}\n${node}\n${area}` },
  { from: 'area', key: ({ service }, area) => `${service}\n${area}` },
  { from: 'service', key: ({ service }) => service },
  { from: 'nothing', key: () => '' },
];

export class LaneTable implements TransitModel {
  readonly #settings: LaneTableSettings;
  readonly #rows = new Map<string, Row>();
  readonly #legs = new Map<string, Leg>();
  #now: number;

  constructor(settings: LaneTableSettings = DEFAULT_LANE_TABLE, state?: State) {
    this.#settings = settings;
    this.#now = state?.now ?? Number.NEGATIVE_INFINITY;
    for (const [key, deliveries, sorted, sortedAt, added] of state?.rows ?? []) {
      this.#rows.set(key, { deliveries: [...deliveries], sorted: Float64Array.from(sorted), sortedAt, added });
    }
    for (const [shipmentId, leg] of state?.legs ?? []) this.#legs.set(shipmentId, leg);
  }

  /** @throws Error for bytes that are no state of this version of this model */
  static restore(bytes: Uint8Array): LaneTable {
    const state = unpack(bytes) as State;
    if (state?.format !== FORMAT || state.version !== VERSION) {
      throw new Error(
        `This is no state of ${FORMAT} version ${VERSION} but of ${state?.format} version ${state?.version}; start a new model and observe again.`,
      );
    }
    return new LaneTable(state.settings, state);
  }

  observe(observations: readonly Observation[], now: number): void {
    for (const observation of observations) {
      if (observation.kind !== 'handedOver') continue;
      const { shipmentId, ...leg } = observation.shipment;
      if (!this.#legs.has(shipmentId)) this.#legs.set(shipmentId, leg);
    }
    const news = observations.filter((one) => one.kind === 'delivered' || one.kind === 'ended');
    for (const { kind, shipmentId, at } of news.sort((a, b) => a.at - b.at || (a.shipmentId < b.shipmentId ? -1 : 1))) {
      const leg = this.#legs.get(shipmentId);
      this.#legs.delete(shipmentId);
      if (leg !== undefined && kind === 'delivered') this.#deliver(leg, at);
    }
    this.advance(now);
  }

  advance(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  answer(leg: Leg, now: number): TransitAnswer {
    const { settings, sorted, from } = this.#find(leg, now);
    const days = QUANTILES.map((share) => (sorted.length === 0 ? settings.priorDays : quantile(sorted, share)));
    return { days: daysOf(days), speed: 1, knownFrom: from };
  }

  missProbability(leg: Leg, deadline: number, now: number): number {
    const days = Object.values(this.answer(leg, now).days) as number[];
    const from = Math.max(now, leg.handedOverAt);
    if (deadline <= from) return 1;
    const after = survivalOf(QUANTILES, days);
    const still = (until: number): number => after((until - leg.handedOverAt) / DAY_MS);
    return Math.min(1, still(deadline) / still(from));
  }

  /** A table notices nothing. */
  alarms(): readonly never[] {
    return [];
  }

  serialise(): Uint8Array {
    const state: State = {
      format: FORMAT,
      version: VERSION,
      settings: this.#settings,
      now: this.#now,
      rows: [...this.#rows].map(([key, row]) => [key, row.deliveries, [...row.sorted], row.sortedAt, row.added]),
      legs: [...this.#legs],
    };
    return pack(state);
  }

  #deliver(leg: Leg, at: number): void {
    const days = Math.max(TRANSIT_DAYS_MIN, Math.min(TRANSIT_DAYS_MAX, (at - leg.handedOverAt) / DAY_MS));
    for (const { key } of PARENTS) {
      const name = key(leg, leg.postalCode.slice(0, this.#settings.areaLength));
      const row = this.#rows.get(name) ?? { ...EMPTY, deliveries: [] };
      // What was told last moves to the end, so that the first is the one to make room.
      this.#rows.delete(name);
      this.#rows.set(name, row);
      row.deliveries.push({ at, days });
      row.added++;
      if (row.deliveries.length > 2 * KEPT_MAX) row.deliveries = row.deliveries.slice(-KEPT_MAX);
      if (this.#rows.size > CELLS_MAX) this.#rows.delete(this.#rows.keys().next().value as string);
    }
  }

  #find(leg: Leg, now: number) {
    const settings = this.#settings;
    const area = leg.postalCode.slice(0, settings.areaLength);
    for (const { from, key } of PARENTS) {
      const row = this.#rows.get(key(leg, area));
      if (row === undefined) continue;
      if (now - row.sortedAt > REFRESH_MS || row.added > row.sorted.length * (REFRESH_GROWTH - 1)) {
        const since = now - settings.windowDays * DAY_MS;
        const counting = row.deliveries.slice(-KEPT_MAX).filter(({ at }) => at >= since);
        row.sorted = Float64Array.from(counting, ({ days }) => days).sort();
        row.sortedAt = now;
        row.added = 0;
      }
      if (row.sorted.length >= settings.enough || (from === 'nothing' && row.sorted.length > 0)) {
        return { settings, sorted: row.sorted, from };
      }
    }
    return { settings, sorted: EMPTY.sorted, from: 'nothing' as const };
  }
}

/** Linear between order statistics, which are at the shares (k − ⅓) / (n + ⅓) (type 8 of Hyndman and Fan 1996). */
function quantile(sorted: Float64Array, share: number): number {
  const rank = Math.max(1, Math.min(sorted.length, share * (sorted.length + 1 / 3) + 1 / 3));
  const below = Math.floor(rank);
  const low = sorted[below - 1] as number;
  const high = sorted[Math.min(sorted.length, below + 1) - 1] as number;
  return low + (rank - below) * (high - low);
}
