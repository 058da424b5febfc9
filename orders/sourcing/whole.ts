// What an order as a whole asks of a plan: a line whose SKU does not suffice is sent as a substitute that does, and bundles are sent whole
// or not at all. How packages are chosen is source.ts.

import { serviceOf } from './candidates.ts';
import { BUNDLE_ROUNDS_MAX, SUBSTITUTIONS_TRIED_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { type FullNode, type Plan, type PlannedLine, type Substitution, source } from './source.ts';

type Line = Order['lines'][number];
type Solve = (order: Order) => Plan;

/** The plan of an order, with substitutes where it allows them and stock does not suffice, and without parts of bundles. */
export function planOrder(
  order: Order,
  rules: SourcingRules,
  situation: Situation,
  solve: Solve = (of) => source(of, rules, situation),
): Plan {
  const own = solve(order);
  if (own.unfilled.length === 0) return own;
  const by = serviceOf(order, rules);
  const waits = once(() => idlyUnfilled(order, rules, situation));
  const { chosen, plan, substituted } = withSubstitutes(order, own, { stock: stockIn(rules, situation), waits, solve });
  const whole = wholeBundles(chosen, plan, solve);
  const heldBack = heldBackOf(chosen, plan, whole);
  const unfilled = unfilledOf(order, whole);
  const full = fullNodes(
    unfilled.map(({ sku }) => sku),
    rules,
    situation,
  );
  return {
    ...whole,
    unfilled,
    ...(full.length === 0 ? {} : { full }),
    ...(by !== undefined && couldGo(unfilled, source(byAny(order), rules, situation)) ? { notBy: by } : {}),
    ...(substituted.length === 0 ? {} : { substituted }),
    ...(heldBack.length === 0 ? {} : { heldBack }),
  };
}

/** The order with the SKUs that a plan sends for its lines. */
export function asPlanned(order: Order, { substituted = [] }: Plan): Order {
  const instead = new Map(substituted.map((one) => [one.lineId, one.instead]));
  return withLines(order, (line) => ({ ...line, sku: instead.get(line.lineId) ?? line.sku }));
}

/** Units of a SKU at all ship nodes together. */
function stockIn({ nodes }: SourcingRules, { stock }: Situation) {
  return (sku: string): number => nodes.reduce((sum, { region, node }) => sum + stock(region, sku, node), 0);
}

/** Ship nodes that have units of these SKUs and can hand over no more packages for now. */
function fullNodes(
  skus: readonly string[],
  { nodes }: Pick<SourcingRules, 'nodes'>,
  { stock, packagesOf }: Pick<Situation, 'stock' | 'packagesOf'>,
): FullNode[] {
  return nodes.flatMap(({ node, region, packagesPerDay }) => {
    if (packagesPerDay === undefined || !skus.some((sku) => stock(region, sku, node) > 0)) return [];
    const packages = packagesOf(node);
    return packages < packagesPerDay ? [] : [{ node, packages, packagesPerDay }];
  });
}

/** The order, whatever service it is to go by. */
function byAny({ service: _, ...order }: Order): Order {
  return order;
}

/** Whether another plan has any of what is unfilled. */
function couldGo(unfilled: readonly PlannedLine[], other: Plan): boolean {
  return unfilled.some(({ lineId, qty }) => unitsOf(other.unfilled, lineId) < qty);
}

/**
 * What would lack if no ship node were full, or left out, and the order could go by any service. Undefined where nothing of that is in its
 * way.
 */
function idlyUnfilled(order: Order, rules: SourcingRules, situation: Situation): readonly PlannedLine[] | undefined {
  const { stock, leftOutStock = () => 0 } = situation;
  const skus = order.lines.map(({ sku }) => sku);
  const isBusy =
    fullNodes(skus, rules, situation).length > 0 ||
    rules.nodes.some(({ region, node }) => skus.some((sku) => leftOutStock(region, sku, node) > 0));
  if (!isBusy && serviceOf(order, rules) === undefined) return undefined;
  const idle: Situation = {
    ...situation,
    stock: (region, sku, node) => stock(region, sku, node) + leftOutStock(region, sku, node),
    packagesOf: () => 0,
  };
  return source(byAny(order), rules, idle).unfilled;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface Substituting {
  readonly stock: (sku: string) => number;
  /** What would lack all the same if nothing but stock were in the way; undefined: nothing is. */
  readonly waits: () => readonly PlannedLine[] | undefined;
  readonly solve: Solve;
}

/**
 * Lines that lack units, in their order: the first of their substitutes of which all can be had is sent instead. A line whose own SKU is at
 * ship nodes that are only full or left out, or do not send it by the order's service, waits: it lacks no stock.
 */
function withSubstitutes(order: Order, own: Plan, { stock, waits, solve }: Substituting) {
  const substituted: Substitution[] = [];
  let chosen = order;
  let plan = own;
  let tried = 0;
  for (const { lineId, sku, qty, substitutes = [] } of order.lines) {
    const short = unitsOf(plan.unfilled, lineId);
    if (short === 0 || substitutes.length === 0) continue;
    const lacking = waits();
    if (lacking !== undefined && unitsOf(lacking, lineId) === 0) continue;
    for (const instead of substitutes) {
      if (tried === SUBSTITUTIONS_TRIED_MAX || stock(instead) < qty) continue;
      tried += 1;
      const other = withLines(chosen, (line) => (line.lineId === lineId ? { ...line, sku: instead } : line));
      const next = solve(other);
      // What is gained here must not be lost on a line that wanted the substitute for itself.
      if (unitsOf(next.unfilled, lineId) > 0 || unitsOf(next.unfilled) >= unitsOf(plan.unfilled)) continue;
      [chosen, plan] = [other, next];
      substituted.push({ lineId, sku, instead, qty, short });
      break;
    }
  }
  return { chosen, plan, substituted };
}

interface Bundle {
  readonly parts: readonly Line[];
  /** Whole ones among the units that are asked for. */
  readonly asked: number;
}

function bundlesOf({ lines }: Order): Bundle[] {
  const parts = new Map<string, Line[]>();
  for (const line of lines) {
    if (line.bundle === undefined) continue;
    const of = parts.get(line.bundle.bundle);
    if (of === undefined) parts.set(line.bundle.bundle, [line]);
    else of.push(line);
  }
  return [...parts.values()].map((of) => ({ parts: of, asked: wholeIn(of, ({ qty }) => qty) }));
}

/** How many bundles these units of their components make. */
function wholeIn(parts: readonly Line[], units: (line: Line) => number): number {
  return Math.min(...parts.map((line) => Math.floor(units(line) / unitsIn(line))));
}

/**
 * Plans again with fewer bundles until no component is planned without the others. Units of a component beyond whole bundles (sent once
 * more for what was lost) stand for themselves. Of bundles that share a SKU the first gives way first: what it leaves may make the
 * others whole. After some rounds none waits for what others leave, and all that are not whole are
 * given up.
 */
function wholeBundles(order: Order, plan: Plan, solve: Solve): Plan {
  const bundles = bundlesOf(order);
  const most = new Map<string, number>();
  let current = plan;
  for (let round = 0; ; round++) {
    const planned = plannedBy(current);
    const had = ({ lineId }: Line): number => planned.get(lineId) ?? 0;
    const touched = new Set<string>();
    let isWhole = true;
    for (const { parts, asked } of bundles) {
      const whole = wholeIn(parts, had);
      const kept = (line: Line, count: number): number => line.qty + (count - asked) * unitsIn(line);
      const isBroken = parts.some((line) => had(line) > kept(line, whole));
      if (isBroken) isWhole = false;
      const isLast = round >= BUNDLE_ROUNDS_MAX;
      if (!isLast && (!isBroken || parts.some(({ sku }) => touched.has(sku)))) continue;
      for (const line of parts) {
        touched.add(line.sku);
        most.set(line.lineId, kept(line, isLast && isBroken ? 0 : whole));
      }
    }
    if (isWhole) return current;
    const fewer = withLines(order, (line) => ({ ...line, qty: most.get(line.lineId) ?? line.qty }));
    current = fewer.lines.length === 0 ? emptied(plan) : solve(fewer);
  }
}

function emptied(plan: Plan): Plan {
  return { ...plan, packages: [], splitPenalty: 0, total: 0, alternatives: [] };
}

function unitsIn({ bundle }: Line): number {
  return bundle?.units ?? 1;
}

function heldBackOf({ lines }: Order, before: Plan, after: Plan): PlannedLine[] {
  const had = plannedBy(before);
  const has = plannedBy(after);
  return lines.flatMap(({ lineId, sku, bundle }) => {
    const qty = (had.get(lineId) ?? 0) - (has.get(lineId) ?? 0);
    return bundle === undefined || qty <= 0 ? [] : [{ lineId, sku, qty }];
  });
}

function unfilledOf({ lines }: Order, plan: Plan): PlannedLine[] {
  const planned = plannedBy(plan);
  return lines.flatMap(({ lineId, sku, qty }) => {
    const left = qty - (planned.get(lineId) ?? 0);
    return left === 0 ? [] : [{ lineId, sku, qty: left }];
  });
}

/** Units in packages, by lineId. */
function plannedBy({ packages }: Plan): Map<string, number> {
  const units = new Map<string, number>();
  for (const { lineId, qty } of packages.flatMap(({ lines }) => lines))
    units.set(lineId, qty + (units.get(lineId) ?? 0));
  return units;
}

function unitsOf(lines: readonly PlannedLine[], lineId?: string): number {
  return lines.reduce((sum, line) => (lineId === undefined || line.lineId === lineId ? sum + line.qty : sum), 0);
}

/** Lines of no units are left out. */
function withLines(order: Order, change: (line: Line) => Line): Order {
  return { ...order, lines: order.lines.map(change).filter(({ qty }) => qty > 0) };
}
