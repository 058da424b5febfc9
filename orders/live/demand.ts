// What is asked for, and where: units a day of each SKU by area, forgotten with time, from the orders that all processes have sourced. Pure.
import { pack, unpack } from 'msgpackr';
import { z } from 'zod';
import type { Json } from '../../protocol/index.ts';
import type { Followed } from '../shared/follower.ts';
import type { Order } from '../sourcing/order.ts';
import { AREAS_MAX, DEMAND_HALF_LIFE_DAYS, DEMAND_SKUS_MAX } from './limits.ts';

const DAY_MS = 86_400_000;
const FORMAT = 1;
/** What is known for less than a day is taken for a day's demand at most: the first order of a morning is no rate. */
const KNOWN_DAYS_MIN = 1;

const line = z.object({ sku: z.string(), qty: z.number().min(0), grams: z.number().min(0), value: z.number().min(0) });
const entry = z.object({
  at: z.number(),
  postalCode: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  lines: z.array(line),
});
type DemandEntry = z.output<typeof entry>;

/** What is told of an order when it is sourced first. @param at ms since the epoch of business */
export function demandEntryOf({ lines, destination }: Order, at: number): DemandEntry {
  const { postalCode, latitude, longitude } = destination;
  return {
    at,
    postalCode,
    latitude,
    longitude,
    lines: lines.map(({ sku, qty, grams, value }) => ({ sku, qty, grams, value })),
  };
}

interface Sku {
  /** Units by area, as of `at`. */
  readonly units: number[];
  at: number;
  grams: number;
  value: number;
}

/** Where orders of an area go, on the average. */
export interface Area {
  readonly postalCode: string;
  orders: number;
  latitude: number;
  longitude: number;
}

interface State {
  readonly format: number;
  readonly skus: readonly (readonly [string, Sku])[];
  readonly areas: readonly Area[];
  readonly began: number;
  readonly orders: number;
  readonly units: number;
}

export interface Demand {
  readonly areas: readonly Area[];
  readonly skus: readonly {
    readonly sku: string;
    /** By area. */
    readonly unitsPerDay: readonly number[];
    readonly grams: number;
    readonly value: number;
  }[];
  readonly unitsPerOrder: number;
}

export class DemandSeen implements Followed {
  readonly #skus = new Map<string, Sku>();
  readonly #areas: Area[] = [];
  /** Of the first order, ms. */
  #began = Number.POSITIVE_INFINITY;
  #orders = 0;
  #units = 0;

  /** @throws for bytes that are no state of this */
  constructor(bytes?: Uint8Array) {
    if (bytes === undefined) return;
    const { format, skus, areas, began, orders, units } = unpack(bytes) as State;
    if (format !== FORMAT) throw new Error(`demand is of another version, ${format}`);
    this.#skus = new Map(skus);
    this.#areas = [...areas];
    [this.#began, this.#orders, this.#units] = [began, orders, units];
  }

  apply(entries: readonly Json[]): void {
    for (const one of entries) {
      const read = entry.safeParse(one);
      if (read.success) this.#add(read.data);
    }
  }

  /** As of `now`, ms. */
  demand(now: number): Demand {
    const knownDays = Math.max(KNOWN_DAYS_MIN, (now - this.#began) / DAY_MS);
    const perDay = Math.LN2 / DEMAND_HALF_LIFE_DAYS / (1 - 2 ** (-knownDays / DEMAND_HALF_LIFE_DAYS));
    return {
      areas: this.#areas,
      skus: [...this.#skus].map(([sku, { units, at, grams, value }]) => ({
        sku,
        unitsPerDay: this.#areas.map((_, area) => (units[area] ?? 0) * keptOf(now - at) * perDay),
        grams,
        value,
      })),
      unitsPerOrder: this.#units / Math.max(1, this.#orders),
    };
  }

  serialise(): Uint8Array {
    const state: State = {
      format: FORMAT,
      skus: [...this.#skus],
      areas: this.#areas,
      began: this.#began,
      orders: this.#orders,
      units: this.#units,
    };
    return pack(state);
  }

  #add({ at, postalCode, latitude, longitude, lines }: DemandEntry): void {
    const area = this.#areaOf(postalCode, latitude, longitude);
    this.#began = Math.min(this.#began, at);
    this.#orders += 1;
    for (const { sku, qty, grams, value } of lines) {
      this.#units += qty;
      const known = this.#skus.get(sku);
      // To the end, so that the first is the one that was asked for longest ago.
      this.#skus.delete(sku);
      const one = known ?? { units: [], at, grams, value };
      const kept = keptOf(at - one.at);
      for (const [n, units] of one.units.entries()) one.units[n] = (units ?? 0) * kept;
      one.units[area] = (one.units[area] ?? 0) + qty;
      Object.assign(one, { at: Math.max(at, one.at), grams, value });
      this.#skus.set(sku, one);
      if (this.#skus.size > DEMAND_SKUS_MAX) this.#skus.delete(this.#skus.keys().next().value as string);
    }
  }

  #areaOf(postalCode: string, latitude: number, longitude: number): number {
    const name = postalCode.slice(0, 1);
    const found = this.#areas.findIndex((one) => one.postalCode.startsWith(name));
    const at = found === -1 && this.#areas.length >= AREAS_MAX ? AREAS_MAX - 1 : found;
    if (at === -1) return this.#areas.push({ postalCode, orders: 1, latitude, longitude }) - 1;
    const area = this.#areas[at] as Area;
    area.orders += 1;
    area.latitude += (latitude - area.latitude) / area.orders;
    area.longitude += (longitude - area.longitude) / area.orders;
    return at;
  }
}

function keptOf(ms: number): number {
  return ms <= 0 ? 1 : 2 ** (-ms / DAY_MS / DEMAND_HALF_LIFE_DAYS);
}
