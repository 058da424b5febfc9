// The shipments that an order could be sent by: each ship node with each carrier service, and each weight that the service has a price
// for. What rules and stock exclude is named with the reason.
import { kmBetween } from './geo.ts';
import type { Order } from './order.ts';
import { handedOverAt, missProbability } from './promise.ts';
import type { CarrierService, ShipNode, SourcingRules, Zone } from './rules.ts';
import type { Situation } from './situation.ts';
import { transitOfBands } from './transit.ts';

/** Minor units of the currency; their sum is what a plan is chosen by. */
export interface CostTerms {
  readonly freight: number;
  readonly fuel: number;
  readonly handling: number;
  readonly capacity: number;
  readonly scarcity: number;
  /** What lateness is expected to cost: its probability, times what it costs. */
  readonly lateness: number;
}

/** Units of a SKU in an order, whatever their lines. */
export interface Item {
  readonly sku: string;
  readonly qty: number;
  readonly grams: number;
  readonly value: number;
}

/** A ship node that could send something of an order. */
export interface Source {
  readonly node: ShipNode;
  readonly km: number;
  /** ms since the epoch. */
  readonly handedOverAt: number;
  /** Units of each item that it can give. */
  readonly available: readonly number[];
  readonly capacityPrice: number;
  /** Of a unit of each item. */
  readonly scarcity: readonly number[];
  /** Of what it could send at most. */
  readonly grams: number;
}

/** A package that it could be sent in. */
export interface Candidate {
  readonly source: Source;
  readonly service: CarrierService;
  /** 0 to 1; undefined where nothing is promised. */
  readonly missProbability: number | undefined;
  /** Of the package, minor units, without fuel. */
  readonly freight: number;
  /** A share of all freight. */
  readonly fuelSurcharge: number;
  /** The greatest weight at this price; undefined where there is none. */
  readonly gramsMax: number | undefined;
}

export interface Exclusion {
  readonly node: string;
  readonly service?: string;
  readonly reason: string;
}

function itemsOf({ lines }: Order): Pick<Asked, 'items' | 'itemOf'> {
  const items: Item[] = [];
  const places = new Map<string, number>();
  const itemOf = lines.map(({ sku, qty, grams, value }) => {
    const place = places.get(sku);
    if (place === undefined) {
      places.set(sku, items.length);
      return items.push({ sku, qty, grams, value }) - 1;
    }
    const before = items[place] as Item;
    // A component of two bundles may be worth something else in each; its units are dealt as one.
    const of = (each: number, other: number): number => (before.qty * other + qty * each) / (before.qty + qty);
    items[place] = {
      sku,
      qty: before.qty + qty,
      grams: of(grams, before.grams),
      value: of(value, before.value),
    };
    return place;
  });
  return { items, itemOf };
}

/** What candidates are made from. Exclusions are only written down where somebody asks for them. */
export interface Asked {
  readonly order: Order;
  readonly items: readonly Item[];
  /** Of each line, the place of its item. */
  readonly itemOf: readonly number[];
  readonly rules: SourcingRules;
  readonly situation: Situation;
  /** The service that the order names, where the rules have it: all of it goes by that one. Undefined: by any. */
  readonly onlyService: string | undefined;
  readonly excluded: Exclusion[] | undefined;
}

/** The service that an order is to go by, as far as the rules know it: the names of shops and those of carriers may be others. */
export function serviceOf(
  { service }: Pick<Order, 'service'>,
  { services }: Pick<SourcingRules, 'services'>,
): string | undefined {
  return services.some((one) => one.service === service) ? service : undefined;
}

export function ask(order: Order, rules: SourcingRules, situation: Situation, excluded?: Exclusion[]): Asked {
  return { order, ...itemsOf(order), rules, situation, onlyService: serviceOf(order, rules), excluded };
}

/** Undefined, with the reason, where the node can send nothing of it. */
export function sourceOf(node: ShipNode, { order, items, situation, excluded }: Asked): Source | undefined {
  const available: number[] = [];
  let grams = 0;
  let isAny = false;
  for (const { sku, qty, grams: each } of items) {
    const units = Math.max(0, situation.stock(node.region, sku, node.node));
    available.push(units);
    grams += Math.min(qty, units) * each;
    if (units > 0) isAny = true;
  }
  if (!isAny) {
    excluded?.push({ node: node.node, reason: 'has none of the SKUs' });
    return undefined;
  }
  const packages = node.packagesPerDay === undefined ? 0 : situation.packagesOf(node.node);
  if (node.packagesPerDay !== undefined && packages >= node.packagesPerDay) {
    const reason = `hands over ${packages} of ${node.packagesPerDay} packages already`;
    excluded?.push({ node: node.node, reason });
    return undefined;
  }
  const at = handedOverAt(node, situation.now);
  if (at === undefined) {
    excluded?.push({ node: node.node, reason: 'has no working day within a year' });
    return undefined;
  }
  const { prices } = situation;
  const scarce = prices?.scarcity.get(node.node);
  return {
    node,
    km: kmBetween(node, order.destination),
    handedOverAt: at,
    available,
    capacityPrice: prices?.capacity.get(node.node) ?? node.capacityPrice,
    scarcity: items.map(({ sku }) => scarce?.get(sku) ?? node.scarcity[sku] ?? 0),
    grams,
  };
}

const NONE: readonly Candidate[] = [];

/** A service's prices at a node, the lightest first; of those that have room for all that the node could send, only the least. */
export function candidatesOf(source: Source, service: CarrierService, asked: Asked): readonly Candidate[] {
  const { order, situation, onlyService, excluded } = asked;
  const { node, km, handedOverAt: at } = source;
  if (onlyService !== undefined && onlyService !== service.service) {
    excluded?.push({ node: node.node, service: service.service, reason: `the order is to go by ${onlyService}` });
    return NONE;
  }
  const { destination, promisedAt } = order;
  if (service.nodes?.includes(node.node) === false) {
    excluded?.push({ node: node.node, service: service.service, reason: 'does not collect here' });
    return NONE;
  }
  if (!isWithin(service.postalPrefixes, destination.postalCode)) {
    const reason = `does not deliver to ${destination.postalCode}`;
    excluded?.push({ node: node.node, service: service.service, reason });
    return NONE;
  }
  const zone = service.zones?.find((one) => isIn(one, km, destination.postalCode));
  if (service.zones !== undefined && zone === undefined) {
    const reason = `has no zone for ${destination.postalCode} at ${Math.round(km)} km`;
    excluded?.push({ node: node.node, service: service.service, reason });
    return NONE;
  }
  let miss: number | undefined;
  if (promisedAt !== undefined) {
    const days =
      situation.transit?.({ node, service, km, destination, handedOverAt: at }) ?? transitOfBands(service, km);
    miss = missProbability(days, at, promisedAt);
  }
  const freight = service.base + service.perKm * km;
  const fuelSurcharge = situation.fuelSurchargeOf?.(service.carrier, service.service) ?? service.fuelSurcharge;
  const most = service.kgMax === undefined ? undefined : service.kgMax * 1_000;
  if (zone === undefined) return [{ source, service, missProbability: miss, freight, fuelSurcharge, gramsMax: most }];
  const needed = Math.min(source.grams, most ?? source.grams);
  const candidates: Candidate[] = [];
  for (const { price, untilKg } of zone.prices) {
    const until = untilKg * 1_000;
    const gramsMax = most !== undefined && most < until ? most : until;
    candidates.push({ source, service, missProbability: miss, freight: freight + price, fuelSurcharge, gramsMax });
    if (until >= needed) break;
  }
  return candidates;
}

export interface Parcel {
  readonly node: string;
  readonly postalCode: string;
  readonly km: number;
  readonly grams: number;
}

/** What a service takes for one parcel, fuel included, minor units: freight as plans reckon it. Undefined: it does not carry it. */
export function priceOf(service: CarrierService, { node, postalCode, km, grams }: Parcel): number | undefined {
  const { base, perKm, perKg, fuelSurcharge, nodes, postalPrefixes, zones, kgMax } = service;
  if (nodes?.includes(node) === false || !isWithin(postalPrefixes, postalCode)) return undefined;
  if (kgMax !== undefined && grams > kgMax * 1_000) return undefined;
  const zone = zones?.find((one) => isIn(one, km, postalCode));
  const price = zones === undefined ? 0 : zone?.prices.find(({ untilKg }) => grams <= untilKg * 1_000)?.price;
  if (price === undefined) return undefined;
  return (base + perKm * km + price + (perKg * grams) / 1_000) * (1 + fuelSurcharge);
}

/** All that the cost of a package depends on besides its node and what is in it. */
interface Parameters {
  readonly candidate: Candidate;
  readonly fixed: number;
  readonly perKg: number;
  readonly late: number;
  readonly room: number;
}

/**
 * Without candidates that another of the same node is as good as, whatever is in the package; the cheapest to send first. Most are worse
 * than one before, and nothing is made of them.
 */
export function undominated(candidates: readonly Candidate[], { lateCostPerPackage }: SourcingRules): Candidate[] {
  const kept: Parameters[] = [];
  for (const candidate of candidates) {
    const { source, service, missProbability: late = 0, freight, fuelSurcharge, gramsMax } = candidate;
    const fixed = freight * (1 + fuelSurcharge) + late * lateCostPerPackage;
    const perKg = service.perKg * (1 + fuelSurcharge);
    const room = gramsMax === undefined || gramsMax >= source.grams ? Number.POSITIVE_INFINITY : gramsMax;
    let at = 0;
    let isWorse = false;
    for (; at < kept.length && !isWorse; at++) {
      const other = kept[at] as Parameters;
      if (other.fixed > fixed) break;
      isWorse = other.room >= room && other.late <= late && other.perKg <= perKg;
    }
    if (isWorse) continue;
    // Those dearer to send move up, without the ones that it outdoes.
    let next: Parameters = { candidate, fixed, perKg, late, room };
    let count = at;
    for (let n = at; n < kept.length; n++) {
      const other = kept[n] as Parameters;
      if (room >= other.room && late <= other.late && perKg <= other.perKg) continue;
      kept[count++] = next;
      next = other;
    }
    kept.length = count;
    kept.push(next);
  }
  return kept.map(({ candidate }) => candidate);
}

/** Of a package, whatever is in it. */
export function packageCost(candidate: Candidate, rules: SourcingRules): CostTerms {
  const { source, freight, fuelSurcharge, missProbability = 0 } = candidate;
  return {
    freight,
    fuel: freight * fuelSurcharge,
    handling: source.node.handlingPerPackage,
    capacity: source.capacityPrice,
    scarcity: 0,
    lateness: missProbability * rules.lateCostPerPackage,
  };
}

/** Of a unit in a package; `n` is the item's place. */
export function unitCost(candidate: Candidate, item: Item, n: number, rules: SourcingRules): CostTerms {
  const { source, service, fuelSurcharge, missProbability = 0 } = candidate;
  const freight = (service.perKg * item.grams) / 1_000;
  return {
    freight,
    fuel: freight * fuelSurcharge,
    handling: source.node.handlingPerUnit,
    capacity: 0,
    scarcity: source.scarcity[n] as number,
    lateness: missProbability * rules.lateCostShare * item.value,
  };
}

export function sumOf({ freight, fuel, handling, capacity, scarcity, lateness }: CostTerms): number {
  return freight + fuel + handling + capacity + scarcity + lateness;
}

function isIn({ untilKm, postalPrefixes }: Zone, km: number, postalCode: string): boolean {
  return (untilKm === undefined || km <= untilKm) && isWithin(postalPrefixes, postalCode);
}

function isWithin(prefixes: readonly string[] | undefined, postalCode: string): boolean {
  return prefixes === undefined || prefixes.some((prefix) => postalCode.startsWith(prefix));
}
