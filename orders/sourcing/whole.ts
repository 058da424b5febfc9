// What an order as a whole asks of a plan: a line whose SKU does not suffice is sent as a substitute that does, and bundles are sent whole
// or not at all. How packages are chosen is source.ts.
import { BUNDLE_ROUNDS_MAX, SUBSTITUTIONS_TRIED_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation } from './situation.ts';
import { type Plan, type PlannedLine, type Substitution, source } from './source.ts';

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
  const { chosen, plan, substituted } = withSubstitutes(order, own, stockIn(rules, situation), solve);
  const whole = wholeBundles(chosen, plan, solve);
  const heldBack = heldBackOf(chosen, plan, whole);
  return {
    ...whole,
    unfilled: unfilledOf(order, whole),
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

/** Lines that lack units, in their order: the first of their substitutes of which all can be had is sent instead. */
function withSubstitutes(order: Order, own: Plan, stock: (sku: string) => number, solve: Solve) {
  const substituted: Substitution[] = [];
  let chosen = order;
  let plan = own;
  let tried = 0;
  for (const { lineId, sku, qty, substitutes = [] } of order.lines) {
    const short = unitsOf(plan.unfilled, lineId);
    if (short === 0) continue;
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

/** Components by bundle. */
function partsOf({ lines }: Order): Map<string, Line[]> {
  const parts = new Map<string, Line[]>();
  for (const line of lines) {
    if (line.bundle === undefined) continue;
    const of = parts.get(line.bundle.bundle);
    if (of === undefined) parts.set(line.bundle.bundle, [line]);
    else of.push(line);
  }
  return parts;
}

/**
 * Plans again with fewer bundles until no component is planned without the others. Units of a component beyond whole bundles (sent once
 * more for what was lost) stand for themselves.
 */
function wholeBundles(order: Order, plan: Plan, solve: Solve): Plan {
  const parts = [...partsOf(order).values()];
  if (parts.length === 0) return plan;
  const loose = new Map(
    parts.flatMap((of) => {
      const bundles = Math.min(...of.map(({ qty, bundle }) => Math.floor(qty / unitsIn(bundle))));
      return of.map(({ lineId, qty, bundle }) => [lineId, qty - bundles * unitsIn(bundle)] as const);
    }),
  );
  const looseOf = ({ lineId }: Line): number => loose.get(lineId) ?? 0;
  let current = plan;
  for (let round = 0; round <= BUNDLE_ROUNDS_MAX + 1; round++) {
    const planned = plannedBy(current);
    const keep = new Map<string, number>();
    let isWhole = true;
    for (const of of parts) {
      const had = (line: Line): number => planned.get(line.lineId) ?? 0;
      const most = Math.min(
        ...of.map((line) => Math.floor(Math.max(0, had(line) - looseOf(line)) / unitsIn(line.bundle))),
      );
      const bundles = round < BUNDLE_ROUNDS_MAX ? most : 0;
      for (const line of of) {
        const kept = looseOf(line) + bundles * unitsIn(line.bundle);
        keep.set(line.lineId, kept);
        if (had(line) > kept) isWhole = false;
      }
    }
    if (isWhole) return current;
    const fewer = withLines(order, (line) => ({ ...line, qty: Math.min(line.qty, keep.get(line.lineId) ?? line.qty) }));
    current = fewer.lines.length === 0 ? emptied(plan) : solve(fewer);
  }
  return current;
}

function emptied(plan: Plan): Plan {
  return { ...plan, packages: [], splitPenalty: 0, total: 0, alternatives: [] };
}

function unitsIn(bundle: Line['bundle']): number {
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
