// Task source: which ship nodes send what waits, reserved in the same step. The plan is journaled before anything is reserved by it, so
// that whoever comes after a crash goes on with it; a refused position is left out and the rest planned again (orders/sourcing).

import { formatOrderRef, RESERVE_LINES_MAX } from '../../../protocol/index.ts';
import { TEXT_LENGTH_MAX } from '../../order/limits.ts';
import { planRequests } from '../../order/plan-requests.ts';
import type { Fields, Plan } from '../../order/types.ts';
import {
  type Attempt,
  beginSourcing,
  continueSourcing,
  type Refusal,
  type Reserving,
  type Sourcing,
  without,
} from '../../sourcing/attempts.ts';
import type { Bundles } from '../../sourcing/bundles.ts';
import type { Order } from '../../sourcing/order.ts';
import { handedOverAt } from '../../sourcing/promise.ts';
import type { SourcingRules } from '../../sourcing/rules.ts';
import type { ShadowPrices, Situation, Stock } from '../../sourcing/situation.ts';
import type { FullNode, Plan as SourcingPlan } from '../../sourcing/source.ts';
import type { TransitTimes } from '../../sourcing/transit.ts';
import { planOrder } from '../../sourcing/whole.ts';
import { UNDATED_AGAIN_MS } from '../limits.ts';
import type { Buyer, CapacitySlot, Command, OrderRecord, Ports, PositionLine } from '../ports.ts';
import { type Processor, type Result, type Told, tell, type Work } from '../processor.ts';
import { type LeftOut, leftOut } from './left-out.ts';
import { packageNameOf } from './package-of.ts';
import { retryAt } from './retry.ts';
import { putBackFirst } from './stock.ts';
import { expanded, wantedOf } from './wanted.ts';

export interface SourceOptions {
  readonly rules: SourcingRules;
  /** Bundles that orders name by one SKU. */
  readonly bundles?: Bundles;
  readonly transit?: TransitTimes;
  /** What scarce stock is worth now (orders/sourcing/highs); undefined where that is not known. */
  readonly prices?: () => ShadowPrices | undefined;
  /** Told of each order once, before its first plan: for demand. What it throws is ignored. */
  readonly onAsked?: (order: Order) => void;
  /**
   * Told of each order once, when it has its first packages: of the plan that they are of, and what that was made from. For rules in the shadow
   * (orders/sourcing/shadow.ts). What it throws is ignored.
   */
  readonly onDecided?: (order: Order, plan: SourcingPlan, situation: Situation) => void;
  /** Told of an order whose packages rest before they are released, once it is allocated. What it throws is ignored. */
  readonly onRest?: (resting: RestingOrder) => void;
}

/** What is remembered of an order until it is released. */
export interface RestingOrder {
  readonly orderId: string;
  readonly region: string;
  readonly skus: readonly string[];
  /** On the grid's clock, ms since the epoch: its first package. */
  readonly releaseAt: number;
}

/** Ends the id of an order's first task source. */
const FIRST_TASK = '/source#1';

type Reservation = PositionLine & { readonly reservationId: string };

export function sourceProcessor(options: SourceOptions): Processor {
  return async (work) => {
    const { detail } = work.order;
    const { plan } = detail;
    try {
      await putBackFirst(work);
      if (plan !== undefined) {
        const resumed = await resume(work, plan, options);
        if (resumed !== undefined) return await allocated(work, plan, resumed, options);
      }
      return await sourceAnew({ ...work, order: await expanded(work, options.bundles) }, options);
    } finally {
      work.ports.capacity.claim(nameOf(work), []);
    }
  };
}

/** Goes on with a plan whose processor has died. Undefined: nothing of it is reserved, and it is planned anew. */
async function resume(work: Work, plan: Plan, options: SourceOptions): Promise<Command | undefined> {
  const { rules } = options;
  const { task, order, ports } = work;
  const { orderId } = order;
  const { taskId } = task;
  const requests = planRequests({ taskId, attempt: plan.attempt });
  if (plan.isWithdrawn) {
    const released = await ports.grid.releaseOrder(orderId, { taskId, requestId: requests.release });
    if (released.ok || released.state !== 'COMMITTED') return undefined;
  }
  const call = { taskId, policy: plan.policy, requestId: requests.reserve, ...buyerOf(order) };
  const reserved = await ports.grid.reserveOrder(orderId, positionsOf(plan), call);
  if (!reserved.ok) return undefined;
  const committed = await ports.grid.commitOrder(orderId, { taskId, requestId: requests.commit });
  if (!committed.ok) return undefined;
  const left = leftOut(order.detail, rules, ports.clock);
  const busy = { left, ...(await lackingOf(work, plan, left, options)), rules };
  return allocation(work, plan, reserved.lines, { busy, ...unfilledTo(work, rules, busy) });
}

/** Why units lack that a plan left unfilled, as far as it can be seen now. */
async function lackingOf(
  { order, ports }: Work,
  { unfilled }: Plan,
  left: LeftOut,
  options: SourceOptions,
): Promise<Pick<Busy, 'full' | 'notBy'>> {
  if (unfilled.length === 0) return { full: [], notBy: undefined };
  const wanted = wantedOf(order);
  const lines = wanted.lines.filter(({ lineId }) => unfilled.some((one) => one.lineId === lineId));
  const situation = await situationOf(order, { wanted, left }, options, ports);
  const { full = [], notBy } = planOrder({ ...wanted, lines }, options.rules, situation);
  return { full, notBy };
}

/** Units become packages, whose places at their nodes count for all from now on. */
async function allocated(
  work: Work,
  plan: Plan,
  command: Command,
  options: SourceOptions,
  decided?: { readonly order: Order; readonly plan: SourcingPlan; readonly situation: Situation },
): Promise<Result> {
  const { task, order, ports } = work;
  const { capacity, grid } = ports;
  const { onDecided } = options;
  await tell({ command }, task, order, ports);
  const isFirst = onDecided !== undefined && order.detail.packages.length === 0;
  if (isFirst || plan.packages.some(({ node }) => capacity.isCounted(node))) {
    const after = await grid.getOrder(order.orderId);
    const isSent = (after?.detail.packages ?? []).length > 0;
    if (isFirst && isSent && decided !== undefined) {
      observe(() => onDecided(decided.order, decided.plan, decided.situation));
    }
    capacity.claim(nameOf(work), []);
    for (const one of after?.detail.packages ?? []) {
      const { node, state, handedOverAt: at } = one;
      if (state === 'RESERVED' && at !== undefined)
        await capacity.take(packageNameOf(work, one), { node, handedOverAt: at });
    }
  }
  tellResting(work, plan, options);
  return { tell: [] };
}

async function sourceAnew(work: Work, options: SourceOptions): Promise<Result> {
  const { rules, onAsked, onDecided } = options;
  const { task, order, ports } = work;
  const wanted = wantedOf(order);
  if (wanted.lines.length === 0) return { tell: [{ command: { type: 'done', note: 'nothing waits' } as const }] };
  const left = leftOut(order.detail, rules, ports.clock);
  const situation = (): Promise<Situation> => situationOf(order, { wanted, left }, options, ports);
  // An order that is to be sent whole waits until all of it is there.
  const around = {
    order: wanted,
    rules: order.document.policy === 'partial' ? rules : { ...rules, shortage: 'all' as const },
  };
  const busyOf = ({ attempts }: Sourcing): Busy => {
    const { full = [], notBy } = attempts.at(-1)?.plan ?? {};
    return { left, full, notBy, rules };
  };
  const before = await situation();
  let sourcing: Sourcing = beginSourcing(wanted, around.rules, before);
  const isFirst = task.taskId.endsWith(FIRST_TASK);
  if (isFirst && order.detail.plan === undefined) observe(() => onAsked?.(wanted));
  /** What the last plan was made from, as it was then. */
  const seenBy = (of: Situation): Situation | undefined =>
    onDecided && { ...of, stock: without(sourcing.attempts, of.stock), packagesOf: packagesNow(rules, of) };
  let seen = seenBy(before);
  // Attempts are counted by the task: those of a processor that died are before ours.
  const first = order.detail.plan?.taskId === task.taskId ? order.detail.plan.attempt : 0;
  let attempt = first;
  while (sourcing.state === 'reserving') {
    attempt += 1;
    const plan = planOf(
      sourcing,
      { attempt, taskId: task.taskId, left, rest: isFirst ? rules.reoptimise : undefined },
      ports,
      order,
    );
    ports.capacity.claim(nameOf(work), slotsOf(plan.plan));
    await tell({ command: { type: 'plan', ...plan.command }, step: `plan${attempt}` }, task, order, ports);
    const requests = planRequests(plan.plan);
    const { taskId } = task;
    const call = { taskId, policy: plan.plan.policy, requestId: requests.reserve, ...buyerOf(order) };
    const reserved = await ports.grid.reserveOrder(order.orderId, positionsOf(plan.plan), call);
    if (reserved.ok) {
      const committed = await ports.grid.commitOrder(order.orderId, { taskId, requestId: requests.commit });
      // Too slow: what was held is given back, and all of it is done again.
      if (!committed.ok) throw new Error(`${order.orderId}: what was reserved is ${committed.state}`);
      const busy = busyOf(sourcing);
      const command = allocation(work, plan.plan, reserved.lines, { busy, ...unfilledTo(work, rules, busy) });
      const last = (sourcing.attempts.at(-1) as Attempt).plan;
      const decided = seen && { order: wanted, plan: last, situation: seen };
      return allocated(work, plan.plan, command, options, decided);
    }
    const now = await situation();
    const refused = refusalsOf(plan.plan, reserved.refused, now.stock);
    if (refused.length === 0) throw new Error(`${order.orderId}: a reservation was given up before it was answered`);
    // Its own plan does not stand in the way of its next.
    ports.capacity.claim(nameOf(work), []);
    sourcing = continueSourcing(sourcing, refused, { ...around, situation: now });
    seen = seenBy(now);
  }
  const busy = busyOf(sourcing);
  const givenUp = unfilledTo(work, rules, busy);
  const dueAt = retryAt(order, busyUntil(busy, ports.clock.now()), ports.clock);
  const unfilled = sourcing.unfilled.map(({ lineId, qty }) => ({ lineId, qty }));
  const { why } = whyOf(busy, sourcing.attempts.at(-1)?.plan);
  // Nothing is there for what is backordered already: the same task goes on, and only says when.
  const isNews = attempt > first || givenUp.unfilledTo !== undefined;
  if (!isNews && order.detail.lines.every(({ open }) => open === 0)) {
    const reason = [lackText(busy), ...left.reasons, ...busy.full.map(fullText)].join(', ').slice(0, TEXT_LENGTH_MAX);
    const later = { command: { type: 'defer', dueAt, reason } as const, step: `short@${task.dueAt}` };
    return { tell: [...brokenPromise(order, { ...why, lines: unfilled }, ports), later] };
  }
  const command = {
    type: 'allocate',
    packages: [],
    unfilled,
    ...givenUp,
    retryAt: dueAt,
    ...(why && { why }),
  } as const;
  return { tell: [{ command, step: 'short' }] };
}

/** By these rules nothing of the order waits for stock. What a ship node has that is left out or full for now is no lack of it. */
function unfilledTo(
  { order, ports }: Work,
  { shortage, nodes }: SourcingRules,
  { left: { reasons }, notBy }: Busy,
): { readonly unfilledTo?: 'cancelled' } {
  if (shortage !== 'partial' || order.document.policy !== 'partial') return {};
  if (reasons.length > 0 || notBy !== undefined) return {};
  const isAnyFull = nodes.some(
    ({ node, packagesPerDay }) => packagesPerDay !== undefined && ports.capacity.packagesOf(node) >= packagesPerDay,
  );
  return isAnyFull ? {} : { unfilledTo: 'cancelled' };
}

/** Why ship nodes that may have what lacks cannot send it now. */
interface Busy {
  readonly left: LeftOut;
  readonly full: readonly FullNode[];
  /** The order is to go by this service, and what lacks could go by another. */
  readonly notBy: string | undefined;
  readonly rules: Pick<SourcingRules, 'nodes'>;
}

/** When the first of them can be asked again, ms of business: one that is full once it hands over its next packages. */
function busyUntil({ left, full, rules: { nodes } }: Busy, now: number): number | undefined {
  const names = new Set(full.map(({ node }) => node));
  const handOvers = nodes.flatMap((node) => (names.has(node.node) ? [handedOverAt(node, now) ?? []] : [])).flat();
  const times = [...(left.until === undefined ? [] : [left.until]), ...handOvers.map((at) => at + 1)];
  return times.length === 0 ? undefined : Math.min(...times);
}

function lackText({ notBy }: Busy): string {
  return notBy === undefined ? 'no stock' : `not by ${notBy}`;
}

function fullText({ node, packages, packagesPerDay }: FullNode): string {
  return `${node} (${packages} of ${packagesPerDay} packages)`;
}

/** Why units lack that may be there: who decides about them is told. */
function whyOf(
  { left: { reasons }, full, notBy }: Busy,
  plan: Pick<SourcingPlan, 'heldBack'> | undefined,
): { readonly why?: Fields } {
  const { heldBack } = plan ?? {};
  const why = {
    ...(reasons.length === 0 ? {} : { leftOut: [...reasons] }),
    ...(full.length === 0 ? {} : { full: full.map(fullText) }),
    ...(notBy === undefined ? {} : { notBy }),
    ...(heldBack === undefined ? {} : { heldBack: heldBack.map((line) => ({ ...line })) }),
  };
  return Object.keys(why).length === 0 ? {} : { why };
}

/** The promise has passed, or nothing was promised for long: where it was decided about the backorder, it is to be decided again. */
function brokenPromise({ detail }: OrderRecord, evidence: Fields, { clock }: Ports): Told[] {
  const { promisedAt } = detail;
  const now = clock.now();
  const last = detail.exceptions.findLast(({ kind }) => kind === 'backorder');
  const isLong = last !== undefined && clock.fromGrid(last.openedAt) + UNDATED_AGAIN_MS <= now;
  const isDue = promisedAt === undefined ? isLong : promisedAt <= now;
  if (!isDue) return [];
  const command = { type: 'raise', kind: 'backorder', evidence } as const;
  const step = promisedAt === undefined ? `undated@${last?.exceptionId}` : `broken@${promisedAt}`;
  return [{ command, step, isNews: true }];
}

/** Positions that were refused, with what they have by now. One that still seems to have all that was asked of it is not asked again: nobody knows why it refused. */
function refusalsOf(plan: Plan, refused: readonly { lineId: string; code: string }[], stock: Stock): Refusal[] {
  const positions = positionsOf(plan);
  return refused.flatMap(({ lineId, code }) => {
    const line = positions.find((one) => one.lineId === lineId);
    if (line === undefined) return [];
    const { region, node, sku } = line;
    const asked = positions.reduce((sum, one) => (one.node === node && one.sku === sku ? sum + one.qty : sum), 0);
    const available = stock(region, sku, node);
    return [{ region, node, sku, code, ...(available < asked ? { available } : {}) }];
  });
}

/** Through whose channel it is sold. */
function buyerOf({ document: { channel } }: OrderRecord): Buyer {
  return { channel };
}

async function situationOf(
  order: OrderRecord,
  { wanted, left }: { readonly wanted: Order; readonly left: LeftOut },
  { rules, transit, prices }: SourceOptions,
  { grid, clock, capacity }: Ports,
): Promise<Situation> {
  const priced = prices?.();
  const regions = [...new Set(rules.nodes.map(({ region }) => region))];
  const stock = await grid.stockOf(skusOf(wanted.lines), regions, buyerOf(order));
  return {
    stock: (region, sku, node) => (left.has(node, sku) ? 0 : stock(region, sku, node)),
    leftOutStock: (region, sku, node) => (left.isBusy(node, sku) ? stock(region, sku, node) : 0),
    packagesOf: (node) => capacity.packagesOf(node),
    now: clock.now(),
    ...(transit === undefined ? {} : { transit }),
    ...(priced === undefined ? {} : { prices: priced }),
  };
}

function skusOf(lines: Order['lines']): string[] {
  return [...new Set(lines.flatMap(({ sku, substitutes = [] }) => [sku, ...substitutes]))];
}

function tellResting({ order, ports }: Work, { packages }: Plan, { onRest }: SourceOptions): void {
  const times = packages.flatMap(({ releaseAt }) => (releaseAt === undefined ? [] : [releaseAt]));
  if (times.length === 0) return;
  const skus = [...new Set(packages.flatMap(({ lines }) => lines.map(({ sku }) => sku)))];
  const { orderId } = order;
  observe(() => onRest?.({ orderId, region: ports.grid.region, skus, releaseAt: Math.min(...times) }));
}

/** Packages of nodes go on being counted. */
function packagesNow({ nodes }: SourcingRules, { packagesOf }: Situation): Situation['packagesOf'] {
  const packages = new Map(
    nodes.flatMap(({ node, packagesPerDay }) => (packagesPerDay === undefined ? [] : [[node, packagesOf(node)]])),
  );
  return (node) => packages.get(node) ?? 0;
}

/** Who only looks on stops no order. */
function observe(look: () => void): void {
  try {
    look();
  } catch {
    // Its own affair.
  }
}

interface Under {
  readonly attempt: number;
  readonly taskId: string;
  readonly left: LeftOut;
  /** Undefined: it is released at once. */
  readonly rest: SourcingRules['reoptimise'];
}

const MINUTE_MS = 60_000;

/** How long a package rests: its node keeps its time before the cutoff. */
function restOf(
  handedOverAt: number,
  reoptimise: SourcingRules['reoptimise'],
  clock: Ports['clock'],
): { readonly releaseAt?: number } {
  if (reoptimise === undefined) return {};
  const now = clock.now();
  const { releaseAfterMinutes, beforeCutoffMinutes } = reoptimise;
  const until = Math.min(now + releaseAfterMinutes * MINUTE_MS, handedOverAt - beforeCutoffMinutes * MINUTE_MS);
  return until > now ? { releaseAt: clock.toGrid(Math.round(until)) } : {};
}

function planOf({ attempts }: Reserving, { attempt, taskId, left, rest }: Under, { clock }: Ports, order: OrderRecord) {
  const { plan, policy } = attempts[attempts.length - 1] as Reserving['attempts'][0];
  const packages = atOnce(plan.packages).map(({ node, region, carrier, service, handedOverAt, lines }) => ({
    node,
    region,
    carrier,
    service,
    handedOverAt: Math.round(handedOverAt),
    ...(order.detail.promisedAt === undefined ? {} : { replanAt: clock.toGrid(handedOverAt) }),
    ...restOf(handedOverAt, rest, clock),
    lines: lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty })),
  }));
  const unfilled = plan.unfilled.map(({ lineId, sku, qty }) => ({ lineId, sku, qty }));
  const explanation = explanationOf(plan, left);
  const command = { attempt, policy, packages, unfilled, rules: plan.rules, explanation };
  return { plan: { taskId, attempt, policy, packages, unfilled, isWithdrawn: false } satisfies Plan, command };
}

/** As many lines of packages as one reservation may have. What is beyond stays open, and is sourced as soon as this is allocated. */
function atOnce(packages: SourcingPlan['packages']): SourcingPlan['packages'] {
  let room = RESERVE_LINES_MAX;
  return packages.flatMap((one) => {
    const lines = one.lines.slice(0, room);
    room -= lines.length;
    return lines.length === 0 ? [] : [{ ...one, lines }];
  });
}

/** Why these packages: their costs, those of the best of the others, and what is not sent as it was ordered. */
function explanationOf(plan: SourcingPlan, { reasons }: LeftOut) {
  const { substituted, heldBack, full, notBy } = plan;
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
  return {
    total: plan.total,
    proved: plan.proved,
    gap: plan.gap,
    costs,
    others,
    ...(plan.pricesAsOf === undefined ? {} : { pricesAsOf: plan.pricesAsOf }),
    ...(substituted === undefined ? {} : { substituted: substituted.map((one) => ({ ...one })) }),
    ...(heldBack === undefined ? {} : { heldBack: heldBack.map((one) => ({ ...one })) }),
    ...(reasons.length === 0 ? {} : { leftOut: [...reasons] }),
    ...(full === undefined ? {} : { full: full.map(fullText) }),
    ...(notBy === undefined ? {} : { notBy }),
  };
}

/** There may be another order of its orderId in another region. */
function nameOf({ order, ports }: Work): string {
  return formatOrderRef({ orderId: order.orderId, region: ports.grid.region });
}

function slotsOf({ packages }: Pick<Plan, 'packages'>): CapacitySlot[] {
  return packages.flatMap(({ node, handedOverAt }) => (handedOverAt === undefined ? [] : [{ node, handedOverAt }]));
}

/** A line that is sent in several packages is reserved for each: its lineId there is its place in the plan. */
function positionsOf({ packages }: Plan): PositionLine[] {
  return packages.flatMap(({ region, node, lines }, index) =>
    lines.map(({ sku, qty }, place) => ({ lineId: `${index}.${place}`, sku, region, node, qty })),
  );
}

/** Packages of what is held, and what lacks. */
function allocation(
  { order, ports }: Work,
  plan: Plan,
  reserved: readonly Reservation[],
  { busy, ...rest }: { readonly busy: Busy; readonly unfilledTo?: 'cancelled' },
): Command {
  const held = new Map(reserved.map((line) => [line.lineId, line]));
  const heldOf = (index: number, place: number) => held.get(`${index}.${place}`);
  const packages = plan.packages.flatMap((one, index) => {
    const lines = one.lines.flatMap(({ lineId, sku }, place) => {
      const line = heldOf(index, place);
      return line === undefined || line.qty === 0
        ? []
        : [{ lineId, sku, qty: line.qty, reservationId: line.reservationId }];
    });
    return lines.length === 0 ? [] : [{ ...one, lines }];
  });
  const lacking = plan.packages.flatMap(({ lines }, index) =>
    lines.map(({ lineId, qty }, place) => ({ lineId, qty: qty - (heldOf(index, place)?.qty ?? 0) })),
  );
  const short = new Map<string, number>();
  for (const { lineId, qty } of [...plan.unfilled, ...lacking])
    if (qty > 0) short.set(lineId, qty + (short.get(lineId) ?? 0));
  const unfilled = [...short].map(([lineId, qty]) => ({ lineId, qty }));
  return {
    type: 'allocate',
    packages,
    unfilled,
    ...rest,
    retryAt: retryAt(order, busyUntil(busy, ports.clock.now()), ports.clock),
    ...whyOf(busy, undefined),
  };
}
