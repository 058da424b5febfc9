// Decision and reservation as one step: an order is planned, its plan reserved, and where a node refused what it was thought to have,
// planned again without that, a bounded number of times. Pure: what is to be done next is data, and what came of it is told by the
// caller. orders/sourcing/SPEC.md has the table.
import { SOLVED_AGAIN_MAX } from './limits.ts';
import type { Order } from './order.ts';
import type { SourcingRules } from './rules.ts';
import type { Situation, Stock } from './situation.ts';
import type { Plan, PlannedLine } from './source.ts';
import { planOrder } from './whole.ts';

/** A position to reserve for a line. Where a line is sent in several packages, it has several. */
export interface PositionLine extends PlannedLine {
  readonly region: string;
  readonly node: string;
}

/** A position that could not be reserved. */
export interface Refusal {
  readonly region: string;
  readonly node: string;
  readonly sku: string;
  /** As the wire says it, such as INSUFFICIENT_STOCK. */
  readonly code: string;
  /** What it could have given, units; without it, nothing is asked of the position again. */
  readonly available?: number;
}

export interface Attempt {
  /** 1 and up. */
  readonly attempt: number;
  readonly plan: Plan;
  /** With `all`, one refusal is the refusal of all. With `partial`, the others are kept. */
  readonly policy: 'all' | 'partial';
  /** Undefined until the answer is there. */
  readonly refused?: readonly Refusal[];
}

export type Outcome =
  /** All units are reserved. */
  | 'reserved'
  /** Some are; the rest is not sent. */
  | 'partial'
  /** Some are, or none; the rest waits for stock. */
  | 'backordered'
  /** None are, and none will be. */
  | 'unsourced';

export interface Sourced {
  readonly state: 'sourced';
  readonly outcome: Outcome;
  /** What is reserved and to be sent: the packages of the last plan, without what was refused. Empty where nothing is. */
  readonly reserved: readonly PositionLine[];
  /** What is not. */
  readonly unfilled: readonly PlannedLine[];
  readonly attempts: readonly Attempt[];
  /** The version of the rules. */
  readonly rules: string;
}

export interface Reserving {
  readonly state: 'reserving';
  /** What to reserve now, in one request. */
  readonly lines: readonly PositionLine[];
  /** The last of the attempts is the one under way. */
  readonly attempts: readonly [...Attempt[], Attempt];
}

export type Sourcing = Reserving | Sourced;

/** The first plan, and what to reserve for it. */
export function beginSourcing(order: Order, rules: SourcingRules, situation: Situation): Sourcing {
  return planNext(order, rules, situation, []);
}

/**
 * What follows from the answer to a reservation.
 * @param refused the positions that were refused; empty where all were reserved
 * @param situation as it is now
 */
export function continueSourcing(
  { attempts, lines }: Reserving,
  refused: readonly Refusal[],
  { order, rules, situation }: { readonly order: Order; readonly rules: SourcingRules; readonly situation: Situation },
): Sourcing {
  const under = attempts.at(-1) as Attempt;
  const before = [...attempts.slice(0, -1), { ...under, refused }];
  const isRefused = ({ region, node, sku }: PositionLine): boolean =>
    refused.some((one) => one.region === region && one.node === node && one.sku === sku);
  if (refused.length === 0 || under.policy === 'partial') {
    return sourced(
      order,
      rules,
      before,
      lines.filter((line) => !isRefused(line)),
    );
  }
  if (before.length <= SOLVED_AGAIN_MAX) return planNext(order, rules, situation, before);
  // Every plan lost a race. What can be had of the last one is kept, unless it is to be sent whole.
  const plan = rules.shortage === 'all' ? undefined : withoutBundles(under.plan, order);
  if (plan === undefined || plan.packages.length === 0) return sourced(order, rules, before, []);
  const attempt = { attempt: before.length + 1, plan, policy: 'partial' as const };
  return { state: 'reserving', lines: positionsOf(plan), attempts: [...before, attempt] };
}

/** What of a plan may be had in part. */
function withoutBundles(plan: Plan, { lines }: Order): Plan {
  const parts = new Set(lines.filter(({ bundle }) => bundle !== undefined).map(({ lineId }) => lineId));
  if (parts.size === 0) return plan;
  const isPart = ({ lineId }: PlannedLine): boolean => parts.has(lineId);
  const packages = plan.packages
    .map((one) => ({ ...one, lines: one.lines.filter((line) => !isPart(line)) }))
    .filter((one) => one.lines.length > 0);
  return {
    ...plan,
    packages,
    unfilled: [...plan.unfilled, ...plan.packages.flatMap((one) => one.lines.filter(isPart))],
  };
}

function positionsOf({ packages }: Plan): PositionLine[] {
  return packages.flatMap(({ region, node, lines }) => lines.map((line) => ({ ...line, region, node })));
}

function planNext(order: Order, rules: SourcingRules, situation: Situation, before: readonly Attempt[]): Sourcing {
  const plan = planOrder(order, rules, { ...situation, stock: without(before, situation.stock) });
  const lines = positionsOf(plan);
  const attempt = { attempt: before.length + 1, plan, policy: 'all' as const };
  if (lines.length === 0 || (rules.shortage === 'all' && plan.unfilled.length > 0)) {
    return sourced(order, rules, [...before, { ...attempt, refused: [] }], []);
  }
  return { state: 'reserving', lines, attempts: [...before, attempt] };
}

/** The stock that refusals leave: a position that refused has what it said then, or nothing, whatever is heard of it. */
export function without(attempts: readonly Attempt[], stock: Stock): Stock {
  const left = new Map<string, number>();
  for (const { refused = [] } of attempts) {
    for (const { region, node, sku, available = 0 } of refused) {
      const key = `${region} ${node} ${sku}`;
      left.set(key, Math.min(available, left.get(key) ?? available));
    }
  }
  if (left.size === 0) return stock;
  return (region, sku, node) =>
    Math.min(stock(region, sku, node), left.get(`${region} ${node} ${sku}`) ?? Number.POSITIVE_INFINITY);
}

function sourced(
  order: Order,
  rules: SourcingRules,
  attempts: readonly Attempt[],
  reserved: readonly PositionLine[],
): Sourced {
  const unfilled = order.lines.flatMap(({ lineId, sku, qty }) => {
    const left = reserved.reduce((open, line) => (line.lineId === lineId ? open - line.qty : open), qty);
    return left === 0 ? [] : [{ lineId, sku, qty: left }];
  });
  return {
    state: 'sourced',
    outcome: outcomeOf(rules, reserved, unfilled),
    reserved,
    unfilled,
    attempts,
    rules: rules.version,
  };
}

function outcomeOf(
  { shortage }: SourcingRules,
  reserved: readonly PositionLine[],
  unfilled: readonly PlannedLine[],
): Outcome {
  if (unfilled.length === 0) return 'reserved';
  if (shortage !== 'partial') return 'backordered';
  return reserved.length === 0 ? 'unsourced' : 'partial';
}

/** How the core reaches the grid. */
export interface SourcingPorts {
  /** The world of now. */
  readonly situation: () => Situation | Promise<Situation>;
  /**
   * Reserves the lines in one step: with policy `all` everything or nothing, with `partial` what can be had. Answers with the positions
   * that were refused. Throws where it cannot know; then nothing is decided, and the same attempt may be asked for again.
   */
  readonly reserve: (lines: readonly PositionLine[], attempt: Attempt) => Promise<readonly Refusal[]>;
}

/** Runs a sourcing to its end: at most SOLVED_AGAIN_MAX + 2 reservations. Throws what the ports throw. */
export async function sourceAndReserve(order: Order, rules: SourcingRules, ports: SourcingPorts): Promise<Sourced> {
  let sourcing = beginSourcing(order, rules, await ports.situation());
  while (sourcing.state === 'reserving') {
    const refused = await ports.reserve(sourcing.lines, sourcing.attempts.at(-1) as Attempt);
    const situation = await ports.situation();
    sourcing = continueSourcing(sourcing, refused, { order, rules, situation });
  }
  return sourcing;
}
