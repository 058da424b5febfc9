// Orders that rest before their release, weighed again together every few minutes: those that this process has allocated. No order waits
// for any of it, and none is changed twice by several processes: an order refuses to have packages withdrawn that do not rest any more.
import { randomUUID } from 'node:crypto';
import { formatOrderRef, TRACE_ID_LENGTH_MAX } from '../../protocol/index.ts';
import { isName } from '../../protocol/names.ts';
import type { BusinessClock, NodeCapacity, OrderGrid, OrderRecord } from '../fulfilment/ports.ts';
import type { RestingOrder } from '../fulfilment/processors/source.ts';
import type { TaskRunner } from '../fulfilment/runner.ts';
import { taskName } from '../order/task-id.ts';
import type { OrderPackage } from '../order/types.ts';
import type { JointAnswer } from '../sourcing/highs/jobs.ts';
import type { SolverThread } from '../sourcing/highs/thread.ts';
import { JOINT_ORDERS_MAX } from '../sourcing/limits.ts';
import type { Order } from '../sourcing/order.ts';
import {
  keyOf,
  type Reoptimised,
  reoptimised,
  reoptimising,
  type Unreleased,
  unreleasedOf,
} from '../sourcing/reoptimise.ts';
import type { SourcingRules } from '../sourcing/rules.ts';
import type { ShadowPrices, Situation } from '../sourcing/situation.ts';
import type { TransitTimes } from '../sourcing/transit.ts';
import {
  JOINT_LIMITS,
  JOINT_ROUNDS_MAX,
  REOPTIMISED_EVERY_WALL_MS,
  RESTING_MAX,
  WITHDRAWAL_RESUMED_AFTER_MS,
} from './limits.ts';
import { stockOf } from './prices.ts';

const MINUTE_MS = 60_000;

/** Where orders of a region are, and who does their tasks. */
export interface RegionOfOrders {
  readonly grid: OrderGrid;
  readonly runner: Pick<TaskRunner, 'run'>;
}

export interface LiveReoptimisingOptions {
  readonly reoptimise: NonNullable<SourcingRules['reoptimise']>;
  readonly rules: () => SourcingRules;
  readonly regions: ReadonlyMap<string, RegionOfOrders>;
  readonly capacity: Pick<NodeCapacity, 'packagesOf'>;
  readonly transit: TransitTimes;
  readonly prices: () => ShadowPrices | undefined;
  readonly clock: BusinessClock;
  readonly thread: Pick<SolverThread, 'joint'>;
  readonly say: (line: string) => void;
}

/** Since this process began. */
export interface ReoptimisingFigures {
  /** Orders that rest, as this process knows. */
  readonly resting: number;
  /** Orders that were weighed, each as often as it was; that were to be sent otherwise; that were, and that refused it. */
  readonly considered: number;
  readonly better: number;
  readonly changed: number;
  readonly refused: number;
  /** Minor units, of the changes that were to be made. */
  readonly savedMinor: number;
  readonly runs: number;
  /** Of these, those whose plans are the best for sure. */
  readonly proved: number;
  readonly failed: number;
}

export interface LiveReoptimising {
  /** It is allocated, and rests. */
  rests(order: RestingOrder): void;
  readonly figures: ReoptimisingFigures;
  /** Weighs those that rest now; a call while it does so waits for that. Never rejects. */
  run(): Promise<void>;
  stop(): void;
}

interface Weighed {
  readonly record: OrderRecord;
  readonly region: RegionOfOrders;
  readonly resting: readonly OrderPackage[];
  readonly unreleased: Unreleased;
}

export function liveReoptimising(options: LiveReoptimisingOptions): LiveReoptimising {
  const { reoptimise, rules, regions, clock, thread, say } = options;
  const known = new Map<string, RestingOrder>();
  const figures = { considered: 0, better: 0, changed: 0, refused: 0, savedMinor: 0, runs: 0, proved: 0, failed: 0 };
  let isStopped = false;
  let running: Promise<void> | undefined;

  const round = async (orders: readonly RestingOrder[]): Promise<void> => {
    const current = rules();
    const records = await recordsOf(orders, regions);
    const situation = await situationOf(records, current, options);
    const weighed = records.flatMap(({ record, region, resting }): Weighed[] => {
      const order = orderOf(record, resting, region.grid.region);
      const unreleased = order && unreleasedOf(order, resting, current, situation);
      return unreleased === undefined ? [] : [{ record, region, resting, unreleased }];
    });
    if (weighed.length === 0 || isStopped) return;
    const asked = reoptimising(
      weighed.map(({ unreleased }) => unreleased),
      current,
      situation,
    );
    const answer = await thread.joint(asked.problem, JOINT_LIMITS);
    const found = reoptimised(asked, answer.choices, reoptimise.savesAtLeast);
    const isWorth = found.saved >= reoptimise.savesAtLeast * found.changes.length;
    const changes = isWorth ? found.changes : [];
    figures.runs += 1;
    figures.considered += weighed.length;
    figures.better += changes.length;
    if (answer.isProved) figures.proved += 1;
    const saved = changes.length === 0 ? 0 : Math.round(found.saved);
    figures.savedMinor += saved;
    const changed = await change(changes, { weighed, saved, answer, rules: current.version, clock });
    figures.changed += changed;
    figures.refused += changes.length - changed;
    const gap = gapOf(answer);
    const how = answer.isProved ? 'proved' : `gap ${(100 * gap).toFixed(1)} %`;
    say(
      `reoptimised: ${weighed.length} orders weighed, ${changed} of ${changes.length} changed, ${saved} saved, ${how}`,
    );
  };

  const runNow = async (): Promise<void> => {
    const now = clock.toGrid(clock.now());
    for (const [name, { releaseAt }] of known) if (releaseAt <= now) known.delete(name);
    for (const orders of roundsOf([...known.values()])) {
      if (isStopped) return;
      try {
        await round(orders);
      } catch (error) {
        figures.failed += 1;
        say(`reoptimised: failed: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  const run = (): Promise<void> => {
    running ??= runNow().finally(() => {
      running = undefined;
    });
    return running;
  };
  const everyMs = Math.max(REOPTIMISED_EVERY_WALL_MS, (reoptimise.everyMinutes * MINUTE_MS) / clock.speed);
  const timer = setInterval(() => void run(), everyMs).unref();
  return {
    rests(order) {
      const name = formatOrderRef(order);
      known.delete(name);
      known.set(name, order);
      if (known.size > RESTING_MAX) known.delete(known.keys().next().value as string);
    },
    get figures() {
      return { resting: known.size, ...figures };
    },
    run,
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

/** Those that are released first, each with such as want the same SKUs: only these stand in each other's way. */
function roundsOf(resting: readonly RestingOrder[]): RestingOrder[][] {
  const left = resting.toSorted((a, b) => a.releaseAt - b.releaseAt);
  const rounds: RestingOrder[][] = [];
  while (left.length > 0 && rounds.length < JOINT_ROUNDS_MAX) {
    const skus = new Set<string>();
    const chosen: RestingOrder[] = [];
    while (left.length > 0 && chosen.length < JOINT_ORDERS_MAX) {
      const related = left.findIndex((one) => one.skus.some((sku) => skus.has(sku)));
      const [next] = left.splice(Math.max(0, related), 1) as [RestingOrder];
      for (const sku of next.skus) skus.add(sku);
      chosen.push(next);
    }
    rounds.push(chosen);
  }
  return rounds;
}

/** As they are now: those of which nothing is released, missing, on hold or in question. */
async function recordsOf(
  orders: readonly RestingOrder[],
  regions: ReadonlyMap<string, RegionOfOrders>,
): Promise<Omit<Weighed, 'unreleased'>[]> {
  const found: Omit<Weighed, 'unreleased'>[] = [];
  for (const { orderId, region: name } of orders) {
    const region = regions.get(name);
    const record = await region?.grid.getOrder(orderId);
    if (region === undefined || record === undefined) continue;
    const { packages, exceptions, holds, lines } = record.detail;
    const left = packages.filter((one) => one.lines.some(({ qty }) => qty > 0));
    const isResting =
      left.length > 0 &&
      left.every(({ state }) => state === 'RESERVED') &&
      lines.every(({ open, backordered, parked }) => open + backordered + parked === 0);
    if (isResting && exceptions.length === 0 && Object.keys(holds).length === 0) {
      found.push({ record, region, resting: left });
    }
  }
  return found;
}

/** What its packages hold, as an order. Undefined where a substitute is sent: its plan was a choice of what, not only of where from. */
function orderOf(
  { orderId, document: { service }, detail }: OrderRecord,
  resting: readonly OrderPackage[],
  region: string,
): Order | undefined {
  const { latitude = 0, longitude = 0, postalCode = '' } = detail.destination ?? {};
  const inside = resting.flatMap(({ lines }) => lines);
  const lines = detail.lines.flatMap(({ lineId, sku, grams, value }) => {
    const qty = inside.reduce((sum, line) => (line.lineId === lineId ? sum + line.qty : sum), 0);
    return qty === 0 ? [] : [{ lineId, sku, qty, grams, value }];
  });
  const skuOf = new Map(lines.map(({ lineId, sku }) => [lineId, sku]));
  if (inside.some(({ lineId, sku, qty }) => qty > 0 && skuOf.get(lineId) !== sku)) return undefined;
  return {
    // Another of its orderId may rest in another region.
    orderId: formatOrderRef({ orderId, region }),
    lines,
    destination: { latitude, longitude, postalCode },
    ...(detail.promisedAt === undefined ? {} : { promisedAt: detail.promisedAt }),
    ...(service === undefined ? {} : { service }),
  };
}

async function situationOf(
  records: readonly Omit<Weighed, 'unreleased'>[],
  rules: SourcingRules,
  { capacity, transit, prices, clock }: LiveReoptimisingOptions,
): Promise<Situation> {
  const [first] = records;
  const skus = [
    ...new Set(records.flatMap(({ resting }) => resting.flatMap(({ lines }) => lines.map(({ sku }) => sku)))),
  ];
  const names = [...new Set(rules.nodes.map(({ region }) => region))];
  // What is set aside for one channel is for none of another.
  const channels = new Set(records.map(({ record }) => record.document.channel));
  const buyer = { channel: channels.size === 1 ? first?.record.document.channel : undefined };
  const stock = first === undefined ? () => 0 : await stockOf(first.region.grid, skus, names, buyer);
  const priced = prices();
  return {
    stock,
    packagesOf: (node) => capacity.packagesOf(node),
    now: clock.now(),
    transit,
    ...(priced === undefined ? {} : { prices: priced }),
  };
}

interface Changing {
  readonly weighed: readonly Weighed[];
  readonly saved: number;
  readonly answer: JointAnswer;
  readonly rules: string;
  readonly clock: BusinessClock;
}

/**
 * All orders are told before any gives its units back, and all have given them back before any is sourced: one waits for what another
 * holds. Whatever is left undone by this process others do, from the orders' tasks. Answers with how many were changed.
 */
async function change(changes: Reoptimised['changes'], changing: Changing): Promise<number> {
  const { weighed, clock } = changing;
  const withdrawn: Weighed[] = [];
  for (const one of changes) {
    const of = weighed.find(({ unreleased }) => unreleased.order.orderId === one.orderId);
    if (of !== undefined && (await withdraw(of, one, changes.length, changing))) withdrawn.push(of);
  }
  const sources: { readonly of: Weighed; readonly taskId: string }[] = [];
  for (const of of withdrawn) {
    const { orderId } = of.record;
    const { tasks = [] } = (await of.region.grid.getOrder(orderId)) ?? {};
    for (const { taskId, kind } of tasks) {
      if (kind === 'stock') await of.region.runner.run({ taskId, orderId, kind, region: of.region.grid.region });
      if (kind === 'source') sources.push({ of, taskId });
    }
  }
  for (const { of, taskId } of sources) {
    const dueAt = clock.toGrid(clock.now());
    const command = { type: 'defer', taskId, dueAt, reason: 'all units are back' };
    await of.region.grid.advanceOrder(of.record.orderId, command, { requestId: `${taskName(taskId)}:resume` });
  }
  return withdrawn.length;
}

async function withdraw(
  { record, region, resting }: Weighed,
  { before, after }: Reoptimised['changes'][number],
  orders: number,
  { saved, answer, rules, clock }: Changing,
): Promise<boolean> {
  const kept = new Set(after.packages.map(keyOf));
  const present = new Set(before.packages.map(keyOf));
  const packageIds = resting.filter((one) => !kept.has(keyOf(one))).map(({ packageId }) => packageId);
  const packages = after.packages
    .filter((one) => !present.has(keyOf(one)))
    .map(({ node, region: of, service, carrier, handedOverAt, lines }) => ({
      node,
      region: of,
      service,
      carrier,
      handedOverAt: Math.round(handedOverAt),
      ...(record.detail.promisedAt === undefined ? {} : { replanAt: clock.toGrid(Math.round(handedOverAt)) }),
      lines: lines.map(({ lineId, sku, qty }) => ({ lineId, sku, qty })),
    }));
  const command = {
    type: 'withdraw',
    packageIds,
    packages,
    reason: 'cheaper together',
    savesMinor: Math.round(before.total - after.total),
    rules,
    detail: { orders, savesTogether: saved, proved: answer.isProved, gap: gapOf(answer) },
    resumeAt: clock.toGrid(clock.now()) + WITHDRAWAL_RESUMED_AFTER_MS,
    cause: 'reoptimise',
  };
  // Its own, so that a second process is refused and does not count what the first has done.
  const requestId = `withdraw:${randomUUID()}`;
  const { traceId = '' } = record.detail;
  const trace = isName(traceId, TRACE_ID_LENGTH_MAX) ? { traceId } : {};
  const answered = await region.grid.advanceOrder(record.orderId, command, { requestId, ...trace });
  return answered.ok;
}

/** How much cheaper all together could be at most, as a share. */
function gapOf({ cost, bound }: JointAnswer): number {
  return cost <= 0 ? 0 : Math.max(0, (cost - bound) / cost);
}
