// One world: a stretch of the retailer's orders sent to places in the United States, hubs with stock, carriers with luck. All drawn from
// a seed by what it is for, so that every way of sourcing meets the same orders, the same stock and the same luck.

import { type SimulatedService, transitDays } from '../../carriers/simulated/profile.ts';
import { draw } from '../../carriers/simulated/random.ts';
import type { Order } from '../../sourcing/order.ts';
import { handedOverAt } from '../../sourcing/promise.ts';
import { readRules, type SourcingRules } from '../../sourcing/rules.ts';
import {
  type Assumptions,
  CARRIED,
  CLOCK_SHIFT_MS,
  CUTOFF,
  GRAMS_MAX,
  GRAMS_MIN,
  HANDLING_MAX,
  HANDLING_MIN,
  HANDLING_PER_UNIT,
  PACKAGES_MAX,
  PACKAGES_PER_DAY,
  PROMISES,
  REPLENISHED_AFTER_DAYS,
  SHARED_LUCK,
  SPLIT_PENALTY,
  STARTS_SHORT_SHARE,
} from './assumptions.ts';
import type { EvaluationInput, Hub } from './input.ts';

export const DAY_MS = 86_400_000;

export interface WorldOrder {
  readonly order: Order;
  /** When it is sourced, ms since the epoch. */
  readonly at: number;
  readonly promisedAt: number;
}

export interface World {
  readonly seed: number;
  readonly rules: SourcingRules;
  readonly orders: readonly WorldOrder[];
  /** Units by node and SKU at the start. */
  readonly stock: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Units that arrive besides what replaces sales: by days since the start. */
  readonly arrivals: readonly {
    readonly day: number;
    readonly node: string;
    readonly sku: string;
    readonly qty: number;
  }[];
  /** Of all orders in the data: units of a SKU a day, its price, and the weight of a unit. */
  readonly skus: ReadonlyMap<string, { readonly unitsPerDay: number; readonly price: number; readonly grams: number }>;
  /** Days that a package of an order takes. */
  readonly trueDays: (orderId: string, node: string, service: string, km: number, handedOverAt: number) => number;
}

export function worldOf(input: EvaluationInput, seed: number, count: number, assumptions: Assumptions): World {
  const first = Math.floor(draw(seed, 'first') * (input.orders.length - count));
  const taken = input.orders.slice(first, first + count);
  const rules = rulesOf(input, seed, assumptions);
  const skus = skusOf(input);
  const orders = taken.map(({ invoice, at: time, customer, lines }): WorldOrder => {
    const place = input.places[Math.floor(draw(seed, 'place', customer) * input.places.length)];
    const at = time + CLOCK_SHIFT_MS;
    const leaves = Math.min(...rules.nodes.map((node) => handedOverAt(node, at) ?? Number.POSITIVE_INFINITY));
    const sold = draw(seed, 'promise', invoice);
    const { days } = PROMISES.find(({ until }) => sold < until) ?? PROMISES[0];
    const promisedAt = leaves + days * DAY_MS;
    return {
      at,
      promisedAt,
      order: {
        orderId: invoice,
        lines: lines.map(({ sku, qty, price }, n) => ({
          lineId: `${n + 1}`,
          sku,
          qty,
          grams: skus.get(sku)?.grams ?? GRAMS_MAX,
          value: price,
        })),
        destination: {
          latitude: place?.latitude ?? 0,
          longitude: place?.longitude ?? 0,
          postalCode: `${place?.state}-${place?.postalCode}`,
        },
        promisedAt,
      },
    };
  });
  const services = new Map(input.services.map((service) => [service.service, service]));
  return {
    seed,
    rules,
    orders,
    skus,
    ...stockOf(input, skus, seed, assumptions),
    trueDays: (orderId, node, name, km, handed) => {
      const id = name.split('@')[0] as string;
      const isShared = draw(seed, 'shared', orderId, node, id) < SHARED_LUCK;
      const luck = isShared ? draw(seed, 'day', id, handed) : draw(seed, 'own', orderId, node, id);
      return transitDays(services.get(id) as SimulatedService, km, luck) * assumptions.slower;
    },
  };
}

function skusOf({
  orders,
}: EvaluationInput): Map<string, { unitsPerDay: number; price: number; grams: number; perLine: number }> {
  const days = new Set(orders.map(({ at }) => Math.floor(at / DAY_MS))).size;
  const sold = new Map<string, { units: number; lines: number; price: number }>();
  for (const { sku, qty, price } of orders.flatMap(({ lines }) => lines)) {
    const before = sold.get(sku) ?? { units: 0, lines: 0, price };
    sold.set(sku, { units: before.units + qty, lines: before.lines + 1, price });
  }
  return new Map(
    [...sold].map(([sku, { units, lines, price }]) => {
      const grams = Math.round(GRAMS_MIN + draw(0, 'grams', sku) * (GRAMS_MAX - GRAMS_MIN));
      return [sku, { unitsPerDay: units / days, price, grams, perLine: units / lines }];
    }),
  );
}

function stockOf({ hubs }: EvaluationInput, skus: ReturnType<typeof skusOf>, seed: number, { cover }: Assumptions) {
  const ranked = [...skus].sort(([, a], [, b]) => b.unitsPerDay - a.unitsPerDay);
  const stock = new Map(hubs.map(({ name }) => [name, new Map<string, number>()]));
  const arrivals: { day: number; node: string; sku: string; qty: number }[] = [];
  for (const [rank, [sku, { unitsPerDay, perLine }]] of ranked.entries()) {
    const kept = CARRIED.find(({ share }) => rank < share * ranked.length)?.hubs ?? 1;
    const keepers = hubs
      .map(({ name }) => ({ name, order: draw(seed, 'keeps', sku, name) }))
      .sort((a, b) => a.order - b.order)
      .slice(0, kept);
    const level = Math.ceil(cover * Math.max((unitsPerDay * REPLENISHED_AFTER_DAYS) / keepers.length, perLine));
    for (const { name } of keepers) {
      const isShort = draw(seed, 'short', sku, name) < STARTS_SHORT_SHARE;
      const has = isShort ? Math.floor(draw(seed, 'has', sku, name) * level) : level;
      stock.get(name)?.set(sku, has);
      if (has === level) continue;
      const day = 1 + Math.floor(draw(seed, 'arrives', sku, name) * REPLENISHED_AFTER_DAYS);
      arrivals.push({ day, node: name, sku, qty: level - has });
    }
  }
  return { stock, arrivals };
}

const QUANTILES = { p50: 0.5, p75: 0.75, p85: 0.85, p90: 0.9, p95: 0.95, p97: 0.97, p99: 0.99 } as const;
const TIME_ZONES: Readonly<Record<string, string>> = {
  NY: 'America/New_York',
  NC: 'America/New_York',
  FL: 'America/New_York',
  IL: 'America/Chicago',
  TX: 'America/Chicago',
  CO: 'America/Denver',
  CA: 'America/Los_Angeles',
  WA: 'America/Los_Angeles',
};

/** Nodes are the hubs; a service whose coverage the data have is one for each hub it collects at. Quantiles are those that packages follow. */
function rulesOf({ hubs, services }: EvaluationInput, seed: number, assumptions: Assumptions): SourcingRules {
  const usual = (km: number): number =>
    services.reduce((sum, service) => sum + transitDays(service, km, 0.9), 0) / services.length;
  return readRules({
    version: `evaluation-${seed}`,
    nodes: hubs.map(({ name, state, latitude, longitude }) => ({
      node: name,
      region: 'us',
      latitude,
      longitude,
      timeZone: TIME_ZONES[state] ?? 'America/Chicago',
      cutoff: CUTOFF,
      packagesPerDay: PACKAGES_PER_DAY,
      handlingPerPackage: Math.round(HANDLING_MIN + draw(seed, 'handling', name) * (HANDLING_MAX - HANDLING_MIN)),
      handlingPerUnit: HANDLING_PER_UNIT,
    })),
    services: services.flatMap((service) => {
      const { service: id, base, perKm, perKg, fuelSurcharge, transit } = service;
      const speed = transit.reduce((sum, { untilKm }) => sum + usual(untilKm) / transitDays(service, untilKm, 0.9), 0);
      const premium = Math.max(1, speed / transit.length) ** assumptions.speedPremium;
      const days = transit.map(({ untilKm }) => ({
        untilKm,
        days: Object.fromEntries(
          Object.entries(QUANTILES).map(([name, p]) => [
            name,
            Math.round(transitDays(service, untilKm, p) * 1e4) / 1e4,
          ]),
        ),
      }));
      const priced = {
        carrier: 'calibrated',
        base: Math.round(base * premium),
        perKm: perKm * premium,
        perKg: perKg * premium,
        fuelSurcharge,
        transit: days,
      };
      const lanes = Object.entries(service.lanes ?? {});
      // Of half of the services the data name no coverage at all; those are taken to go everywhere.
      if (lanes.length === 0) return [{ service: id, ...priced }];
      return hubs.flatMap((hub) => {
        const states = lanesOf(hub, lanes);
        if (states.length === 0) return [];
        return [{ service: `${id}@${hub.name}`, ...priced, nodes: [hub.name], postalPrefixes: states }];
      });
    }),
    splitPenalty: SPLIT_PENALTY,
    packagesMax: PACKAGES_MAX,
    lateCostShare: assumptions.lateCostShare,
    lateCostPerPackage: assumptions.lateCostPerPackage,
    shortage: 'partial',
  });
}

function lanesOf(hub: Hub, lanes: readonly (readonly [string, readonly string[]])[]): string[] {
  return lanes.filter(([from]) => from === hub.postalCode).flatMap(([, states]) => states.map((state) => `${state}-`));
}
