// The rules by which orders are sourced: a document that commerce engineers write, with a version of their choosing that every
// decision carries. Money is in minor units of one currency, weight in grams, distance in km.
import { z } from 'zod';
import {
  NODES_MAX,
  PACKAGES_MAX,
  REJECTED_HOURS_MAX,
  SEARCH_MAX,
  SERVICES_MAX,
  ZONE_PRICES_MAX,
  ZONES_MAX,
} from './limits.ts';

/** A node that is too busy has another shift by then; one that has not got it, or is closed, another day. */
const REJECTED_HOURS = { tooBusy: 8, other: 24 };

const name = z.string().regex(/^[\x21-\x7e]{1,32}$/, '1 to 32 printable characters without spaces');
const cost = z.number().min(0);
const share = z.number().min(0).max(1);
const hours = z.number().min(0).max(REJECTED_HOURS_MAX);
const latitude = z.number().min(-90).max(90);
const longitude = z.number().min(-180).max(180);

const shipNode = z.strictObject({
  /** As the grid names it. */
  node: name,
  /** The region that its stock is kept in. */
  region: name,
  /** Where carriers collect, for those that ask by it. */
  postalCode: z.string().min(1).max(16).optional(),
  latitude,
  longitude,
  timeZone: z.string().refine(isTimeZone, 'a time zone such as America/Chicago'),
  /** What is sourced later is handed over on the next working day. Wall clock of its time zone. */
  cutoff: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 15:00'),
  /** ISO weekdays, Monday is 1. */
  workingDays: z.array(z.number().int().min(1).max(7)).min(1).default([1, 2, 3, 4, 5]),
  /** Dates on which nothing is handed over. */
  holidays: z.array(z.iso.date()).default([]),
  /** Packages that it can hand over in a day; without it, any number. */
  packagesPerDay: z.number().int().min(0).optional(),
  /** What a package takes of that, as money: what the capacity is worth to other orders. */
  capacityPrice: cost.default(0),
  handlingPerPackage: cost.default(0),
  handlingPerUnit: cost.default(0),
  /** What a unit of a SKU here is worth to later orders, above one elsewhere. */
  scarcity: z.record(z.string(), cost).default({}),
});

const transit = z.strictObject({
  /** For destinations up to so far away; the last band holds for all beyond. */
  untilKm: z.number().positive(),
  /** Days from hand-over to delivery that so many of a hundred parcels do not exceed. */
  days: z
    .strictObject({
      p50: z.number(),
      p75: z.number(),
      p85: z.number(),
      p90: z.number(),
      p95: z.number(),
      p97: z.number(),
      p99: z.number(),
    })
    .refine(isAscending, 'days above 0 that rise with the quantile'),
});

/** What a carrier's tariff says for a part of its area: a price by weight, and no package above the last. */
const zone = z.strictObject({
  /** Up to so far away; without it, at any distance. */
  untilKm: z.number().positive().optional(),
  /** What the postal codes in it begin with; without it, any. */
  postalPrefixes: z.array(z.string().min(1)).optional(),
  /** The price of a package of at most so much. */
  prices: z
    .array(z.strictObject({ untilKg: z.number().positive(), price: cost }))
    .min(1)
    .max(ZONE_PRICES_MAX)
    .refine(isTariff, 'weights that rise, and prices that do not fall'),
});

const service = z.strictObject({
  service: name,
  carrier: name,
  base: cost.default(0),
  perKm: cost.default(0),
  perKg: cost.default(0),
  /** Added to the above; the first that a destination is in. With zones, what is in none of them is not delivered to. */
  zones: z.array(zone).min(1).max(ZONES_MAX).optional(),
  /** Of all the above. */
  fuelSurcharge: share.default(0),
  /** The greatest weight of a package; without it, any. */
  kgMax: z.number().positive().optional(),
  /** Ship nodes it collects at; without it, all. */
  nodes: z.array(name).optional(),
  /** Beginnings of the postal codes it delivers to; without it, all. */
  postalPrefixes: z.array(z.string().min(1)).optional(),
  transit: z.array(transit).min(1).refine(areAscending, 'bands whose untilKm rises'),
});

const rules = z
  .strictObject({
    version: z.string().min(1).max(64),
    nodes: z.array(shipNode).min(1).max(NODES_MAX),
    services: z.array(service).min(1).max(SERVICES_MAX),
    /** For each package of an order after the first. */
    splitPenalty: cost.default(0),
    packagesMax: z.number().int().min(1).max(PACKAGES_MAX).default(4),
    /** What a late parcel costs, as a share of the value of what is in it. */
    lateCostShare: share.default(0.1),
    /** What a late parcel costs besides, whatever is in it. */
    lateCostPerPackage: cost.default(0),
    /**
     * What becomes of units that no node can give: they wait until there is stock again while the others are sent (`backorder`), or
     * are not sent at all (`partial`), or all units wait for them (`all`).
     */
    shortage: z.enum(['backorder', 'partial', 'all']).default('backorder'),
    /** How long a ship node that rejected units is left out for their order, hours, by reason code; `other` for all others. */
    rejectedHours: z
      .record(z.string().regex(/^[\x21-\x7e]{1,64}$/, '1 to 64 printable characters without spaces'), hours)
      .default({})
      .transform((given): Readonly<Record<string, number>> => ({ ...REJECTED_HOURS, ...given })),
    /**
     * Shadow prices, made by processes that source from what is asked for and what is there, in place of `scarcity` and `capacityPrice`.
     * Without it, those count.
     */
    prices: z
      .strictObject({
        /** Expected orders of so many days compete for the stock of now: until more arrives. */
        replenishedAfterDays: z.number().positive().max(365).default(14),
        everyMinutes: z.number().min(1).max(1_440).default(5),
        /** What a unit that cannot be sent costs, as a share of its value. */
        lostShare: share.default(0.3),
      })
      .optional(),
    /**
     * Orders rest before they are released, and those that do are weighed again together. Without it, each is released as soon as it is
     * allocated.
     */
    reoptimise: z
      .strictObject({
        everyMinutes: z.number().min(1).max(1_440).default(10),
        releaseAfterMinutes: z.number().min(1).max(1_440),
        /** What a ship node keeps between the release and its cutoff: a rest is cut short for it. */
        beforeCutoffMinutes: z.number().min(0).max(1_440).default(60),
        /** Of each order that is sent otherwise, on the average. */
        savesAtLeast: cost.default(100),
      })
      .optional(),
    /** Sets of packages that are looked at for one order where there are more than ten ship nodes. */
    searchMax: z.number().int().min(1).max(SEARCH_MAX).default(20_000),
  })
  .superRefine(({ nodes, services }, context) => {
    const known = new Set(nodes.map(({ node }) => node));
    if (known.size < nodes.length)
      context.addIssue({ code: 'custom', path: ['nodes'], message: 'two have the same name' });
    if (new Set(services.map((one) => one.service)).size < services.length) {
      context.addIssue({ code: 'custom', path: ['services'], message: 'two have the same name' });
    }
    for (const [n, one] of services.entries()) {
      for (const unknown of (one.nodes ?? []).filter((node) => !known.has(node))) {
        context.addIssue({ code: 'custom', path: ['services', n, 'nodes'], message: `there is no node ${unknown}` });
      }
    }
  });

export type SourcingRules = z.output<typeof rules>;
export type ShipNode = SourcingRules['nodes'][number];
export type CarrierService = SourcingRules['services'][number];
export type Zone = NonNullable<CarrierService['zones']>[number];

/** What is wrong with a document, each line with the place of it. */
export class RulesInvalid extends Error {
  override readonly name = 'RulesInvalid';
}

/** @throws RulesInvalid naming every place that is wrong; unknown fields are wrong, so that a typo never passes */
export function readRules(document: unknown): SourcingRules {
  const read = rules.safeParse(document);
  if (read.success) return read.data;
  const lines = read.error.issues.map(
    ({ path, message }) => `${path.length === 0 ? 'rules' : path.join('.')}: ${message}`,
  );
  throw new RulesInvalid(lines.join('\n'));
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

function isAscending(days: object): boolean {
  const values = Object.values(days) as number[];
  return values.every((value, n) => (n === 0 ? value > 0 : value >= (values[n - 1] as number)));
}

function isTariff(prices: readonly { readonly untilKg: number; readonly price: number }[]): boolean {
  return prices.every(({ untilKg, price }, n) => {
    const lighter = prices[n - 1];
    return lighter === undefined || (untilKg > lighter.untilKg && price >= lighter.price);
  });
}

function areAscending(bands: readonly { readonly untilKm: number }[]): boolean {
  return bands.every(({ untilKm }, n) => n === 0 || untilKm > (bands[n - 1]?.untilKm ?? 0));
}
