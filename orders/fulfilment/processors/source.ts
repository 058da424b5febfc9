// Task source: which ship nodes send what waits, reserved in the same step. The plan is journaled before anything is reserved by it, so
// that whoever comes after a crash goes on with it; a refused position is left out and the rest planned again (orders/sourcing).

import type { Plan } from '../../order/types.ts';
import {
  type Attempt,
  beginSourcing,
  continueSourcing,
  type Reserving,
  type Sourcing,
} from '../../sourcing/attempts.ts';
import type { Order } from '../../sourcing/order.ts';
import type { SourcingRules } from '../../sourcing/rules.ts';
import type { ShadowPrices, Situation } from '../../sourcing/situation.ts';
import type { Plan as SourcingPlan } from '../../sourcing/source.ts';
import type { TransitTimes } from '../../sourcing/transit.ts';
import { BACKORDER_RETRY_MS } from '../limits.ts';
import type { Command, OrderRecord, Ports, PositionLine } from '../ports.ts';
import { type Processor, tell, type Work } from '../processor.ts';

export interface SourceOptions {
  readonly rules: SourcingRules;
  readonly transit?: TransitTimes;
  /** What scarce stock is worth now (orders/sourcing/highs); undefined where that is not known. */
  readonly prices?: () => ShadowPrices | undefined;
  /** Told of each plan and what it was made from: for rules in the shadow (orders/sourcing/shadow.ts). What it throws is ignored. */
  readonly onPlan?: (order: Order, plan: SourcingPlan, situation: Situation) => void;
}

type Reservation = PositionLine & { readonly reservationId: string };

export function sourceProcessor(options: SourceOptions): Processor {
  return async (work) => {
    const { plan } = work.order.detail;
    if (plan !== undefined) {
      const resumed = await resume(work, plan);
      if (resumed !== undefined) return { tell: [{ command: resumed }] };
    }
    return sourceAnew(work, options);
  };
}

/** Goes on with a plan whose processor has died. Undefined: nothing of it is reserved, and it is planned anew. */
async function resume({ task, order, ports }: Work, plan: Plan): Promise<Command | undefined> {
  const { orderId } = order;
  const requestId = attemptId(task.taskId, plan.attempt);
  if (plan.isWithdrawn) {
    const released = await ports.grid.releaseOrder(orderId, `${requestId}:r`);
    if (released.ok || released.state !== 'COMMITTED') return undefined;
  }
  const reserved = await ports.grid.reserveOrder(orderId, positionsOf(plan), { policy: plan.policy, requestId });
  if (!reserved.ok) return undefined;
  const committed = await ports.grid.commitOrder(orderId, `${requestId}:c`);
  return committed.ok ? allocation(plan, reserved.lines, ports) : undefined;
}

async function sourceAnew(work: Work, options: SourceOptions) {
  const { rules, onPlan } = options;
  const { task, order, ports } = work;
  const wanted = wantedOf(order);
  if (wanted.lines.length === 0) return { tell: [{ command: { type: 'done', note: 'nothing waits' } as const }] };
  const situation = (): Promise<Situation> => situationOf(wanted, order, options, ports);
  // An order that is to be sent whole waits until all of it is there.
  const around = {
    order: wanted,
    rules: order.document.policy === 'partial' ? rules : { ...rules, shortage: 'all' as const },
  };
  const before = await situation();
  let sourcing: Sourcing = beginSourcing(wanted, around.rules, before);
  observe(() => onPlan?.(wanted, (sourcing.attempts[0] as Attempt).plan, before));
  // Attempts are counted by the task: those of a processor that died are before ours.
  let attempt = order.detail.plan?.taskId === task.taskId ? order.detail.plan.attempt : 0;
  while (sourcing.state === 'reserving') {
    attempt += 1;
    const plan = planOf(sourcing, attempt, task.taskId, ports, order);
    await tell({ command: { type: 'plan', ...plan.command }, step: `plan${attempt}` }, task, order, ports);
    const requestId = attemptId(task.taskId, attempt);
    const reserved = await ports.grid.reserveOrder(order.orderId, positionsOf(plan.plan), {
      policy: plan.plan.policy,
      requestId,
    });
    if (reserved.ok) {
      const committed = await ports.grid.commitOrder(order.orderId, `${requestId}:c`);
      // Too slow: what was held is given back, and all of it is done again.
      if (!committed.ok) throw new Error(`${order.orderId}: what was reserved is ${committed.state}`);
      return { tell: [{ command: allocation(plan.plan, reserved.lines, ports) }] };
    }
    const refused = reserved.refused.flatMap(({ lineId, code }) => {
      const line = positionsOf(plan.plan).find((one) => one.lineId === lineId);
      return line === undefined ? [] : [{ region: line.region, node: line.node, sku: line.sku, code }];
    });
    sourcing = continueSourcing(sourcing, refused, { ...around, situation: await situation() });
  }
  const unfilled = sourcing.unfilled.map(({ lineId, qty }) => ({ lineId, qty }));
  const retryAt = ports.clock.toGrid(ports.clock.now() + BACKORDER_RETRY_MS);
  return { tell: [{ command: { type: 'allocate', packages: [], unfilled, retryAt } as const, step: 'short' }] };
}

/** What waits to be sourced, as an order of its own. */
function wantedOf({ orderId, detail }: OrderRecord): Order {
  const { destination, promisedAt } = detail;
  const { latitude = 0, longitude = 0, postalCode = '' } = destination ?? {};
  return {
    orderId,
    lines: detail.lines
      .filter(({ open, backordered }) => open + backordered > 0)
      .map(({ lineId, sku, open, backordered, grams, value }) => ({
        lineId,
        sku,
        qty: open + backordered,
        grams,
        value,
      })),
    destination: { latitude, longitude, postalCode },
    ...(promisedAt === undefined ? {} : { promisedAt }),
  };
}

async function situationOf(
  { lines }: Order,
  { detail }: OrderRecord,
  { rules, transit, prices }: SourceOptions,
  { grid, clock }: Ports,
): Promise<Situation> {
  const priced = prices?.();
  const regions = [...new Set(rules.nodes.map(({ region }) => region))];
  const stock = await grid.stockOf([...new Set(lines.map(({ sku }) => sku))], regions);
  // A node that rejected this order is not asked for it again.
  const rejected = new Set(detail.packages.filter(({ state }) => state === 'REJECTED').map(({ node }) => node));
  return {
    stock: (region, sku, node) => (rejected.has(node) ? 0 : stock(region, sku, node)),
    packagesOf: () => 0,
    now: clock.now(),
    ...(transit === undefined ? {} : { transit }),
    ...(priced === undefined ? {} : { prices: priced }),
  };
}

/** Who only looks on stops no order. */
function observe(look: () => void): void {
  try {
    look();
  } catch {
    // Its own affair.
  }
}

function planOf({ attempts }: Reserving, attempt: number, taskId: string, { clock }: Ports, order: OrderRecord) {
  const { plan, policy } = attempts[attempts.length - 1] as Reserving['attempts'][0];
  const packages = plan.packages.map(({ node, region, carrier, service, handedOverAt, lines }) => ({
    node,
    region,
    carrier,
    service,
    handedOverAt: Math.round(handedOverAt),
    ...(order.detail.promisedAt === undefined ? {} : { replanAt: clock.toGrid(handedOverAt) }),
    lines: lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty })),
  }));
  const unfilled = plan.unfilled.map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  const command = { attempt, policy, packages, unfilled, rules: plan.rules, explanation: explanationOf(plan) };
  return { plan: { taskId, attempt, policy, packages, unfilled, isWithdrawn: false } satisfies Plan, command };
}

/** Why these packages: their costs, and those of the best of the others. */
function explanationOf(plan: SourcingPlan) {
  const costs = plan.packages.map(({ node, service, cost, missProbability = 0 }) => ({
    node,
    service,
    missProbability,
    ...cost,
  }));
  const others = plan.alternatives.slice(0, 3).map(({ packages, total }) => ({
    total,
    packages: packages.map(({ node, service }) => `${node} by ${service}`),
  }));
  return { total: plan.total, proved: plan.proved, gap: plan.gap, costs, others };
}

/** A line that is sent in several packages is reserved for each: the place in the plan makes its lineId unique. */
function positionsOf({ packages }: Plan): PositionLine[] {
  return packages.flatMap(({ region, node, lines }, index) =>
    lines.map(({ lineId, sku, qty }) => ({ lineId: `${index}.${lineId}`, sku, region, node, qty })),
  );
}

/** Packages of what is held, and what lacks. */
function allocation(plan: Plan, reserved: readonly Reservation[], { clock }: Ports): Command {
  const held = new Map(reserved.map((line) => [line.lineId, line]));
  const packages = plan.packages.flatMap((one, index) => {
    const lines = one.lines.flatMap(({ lineId, sku }) => {
      const line = held.get(`${index}.${lineId}`);
      return line === undefined || line.qty === 0
        ? []
        : [{ lineId, sku, qty: line.qty, reservationId: line.reservationId }];
    });
    return lines.length === 0 ? [] : [{ ...one, lines }];
  });
  const lacking = plan.packages.flatMap(({ lines }, index) =>
    lines.map(({ lineId, qty }) => ({ lineId, qty: qty - (held.get(`${index}.${lineId}`)?.qty ?? 0) })),
  );
  const short = new Map<string, number>();
  for (const { lineId, qty } of [...plan.unfilled, ...lacking])
    if (qty > 0) short.set(lineId, qty + (short.get(lineId) ?? 0));
  const unfilled = [...short].map(([lineId, qty]) => ({ lineId, qty }));
  return { type: 'allocate', packages, unfilled, retryAt: clock.toGrid(clock.now() + BACKORDER_RETRY_MS) };
}

/** `order-1/source#2` → `source#2:1` */
function attemptId(taskId: string, attempt: number): string {
  return `${taskId.slice(taskId.lastIndexOf('/') + 1)}:${attempt}`;
}
