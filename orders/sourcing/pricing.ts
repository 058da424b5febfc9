// What stock and capacity are worth to orders to come: a linear program that serves expected demand from all nodes for the least cost. The
// dual of a position's row is what one more unit there would save, that of a node's capacity what one more package would.
import { PRICED_SKUS_MAX, PRICING_SKUS_MAX } from './limits.ts';
import { type Program, ProgramBuilder, type ProgramSolution } from './program.ts';
import type { ShadowPrices } from './situation.ts';

export interface PricedNode {
  readonly node: string;
  /** Packages that it can still hand over in the time that the demand is expected in; without it, any number. */
  readonly packages?: number;
}

export interface PricedSku {
  readonly sku: string;
  /** Units that can be sold, by node. */
  readonly stock: readonly number[];
  /** Units expected to be ordered until stock arrives, by area. */
  readonly demand: readonly number[];
  /** Of a unit that is not sent, minor units. */
  readonly lostCost: number;
}

export interface PricingInput {
  /** ms since the epoch. */
  readonly asOf: number;
  readonly nodes: readonly PricedNode[];
  readonly skus: readonly PricedSku[];
  /** Of sending a unit from a node to an area, minor units, by node and area; infinite where none goes there. */
  readonly unitCost: readonly (readonly number[])[];
  /** Units in a package, on average. */
  readonly unitsPerPackage: number;
}

export interface PricingProgram {
  readonly program: Program;
  /** Rows whose duals are prices. */
  readonly stockRows: readonly { readonly row: number; readonly node: string; readonly sku: string }[];
  readonly capacityRows: readonly { readonly row: number; readonly node: string }[];
}

/**
 * Only SKUs whose stock at some node may not last for the demand that would best be served there are in it, those that lack most first,
 * PRICED_SKUS_MAX at most: of the others one more unit is worth nothing. Where nodes have a capacity, all SKUs use it, and are in it
 * up to that number.
 * @throws RangeError for more than PRICING_SKUS_MAX SKUs
 */
export function pricingProgram(input: PricingInput): PricingProgram {
  if (input.skus.length > PRICING_SKUS_MAX) {
    throw new RangeError(`${input.skus.length} SKUs are more than ${PRICING_SKUS_MAX}: give those with demand`);
  }
  const { nodes, skus, unitsPerPackage } = input;
  const builder = new ProgramBuilder();
  const stockRows: { row: number; node: string; sku: string }[] = [];
  const sending = nodes.map((): [number, number][] => []);
  for (const sku of mostScarce(input)) {
    const { stock, demand, lostCost, sku: name } = skus[sku] as PricedSku;
    const from = nodes.map((): [number, number][] => []);
    for (const [area, units] of demand.entries()) {
      if (units <= 0) continue;
      const served: [number, number][] = [[builder.column(lostCost, units), 1]];
      for (const node of nodes.keys()) {
        const cost = input.unitCost[node]?.[area] ?? Number.POSITIVE_INFINITY;
        if ((stock[node] as number) <= 0 || !Number.isFinite(cost)) continue;
        const column = builder.column(cost, units);
        served.push([column, 1]);
        from[node]?.push([column, 1]);
        sending[node]?.push([column, 1 / unitsPerPackage]);
      }
      builder.row(units, Number.POSITIVE_INFINITY, served);
    }
    for (const [node, { node: at }] of nodes.entries()) {
      const entries = from[node] ?? [];
      if (entries.length === 0) continue;
      const row = builder.row(Number.NEGATIVE_INFINITY, stock[node] as number, entries);
      stockRows.push({ row, node: at, sku: name });
    }
  }
  const capacityRows = nodes.flatMap(({ node, packages }, n) => {
    const entries = sending[n] ?? [];
    if (packages === undefined || entries.length === 0) return [];
    return [{ row: builder.row(Number.NEGATIVE_INFINITY, packages, entries), node }];
  });
  return { program: builder.build(), stockRows, capacityRows };
}

/** Places of SKUs. */
function mostScarce({ nodes, skus, unitCost }: PricingInput): number[] {
  const isCapped = nodes.some(({ packages }) => packages !== undefined);
  const lacking = skus.map(({ stock, demand }, sku) => {
    const asked = nodes.map(() => 0);
    for (const [area, units] of demand.entries()) {
      let nearest = -1;
      let least = Number.POSITIVE_INFINITY;
      for (const node of nodes.keys()) {
        const cost = unitCost[node]?.[area] ?? Number.POSITIVE_INFINITY;
        if (cost < least) [nearest, least] = [node, cost];
      }
      if (nearest !== -1) asked[nearest] = (asked[nearest] as number) + units;
    }
    return { sku, units: asked.reduce((sum, units, node) => sum + Math.max(0, units - (stock[node] as number)), 0) };
  });
  return lacking
    .filter(({ units }) => isCapped || units > 0)
    .sort((a, b) => b.units - a.units || a.sku - b.sku)
    .slice(0, PRICED_SKUS_MAX)
    .map(({ sku }) => sku);
}

/** Less is noise of the solver's. */
const LEAST_PRICE = 1e-3;

/** A position that is in the program and is worth nothing has the price 0, in place of what the rules say. */
export function pricesOf(
  { asOf }: Pick<PricingInput, 'asOf'>,
  { stockRows, capacityRows }: PricingProgram,
  { duals }: Pick<ProgramSolution, 'duals'>,
): ShadowPrices {
  /** One more unit lowers the cost: the dual of an upper bound is 0 or less. */
  const price = (row: number): number => {
    const saved = -(duals[row] as number);
    return saved < LEAST_PRICE ? 0 : saved;
  };
  const scarcity = new Map<string, Map<string, number>>();
  for (const { row, node, sku } of stockRows) {
    const bySku = scarcity.get(node) ?? new Map<string, number>();
    bySku.set(sku, price(row));
    scarcity.set(node, bySku);
  }
  return { asOf, scarcity, capacity: new Map(capacityRows.map(({ row, node }) => [node, price(row)])) };
}
