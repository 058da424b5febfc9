// Several workers of one region, each with a lane, move partitions, take over from each other, come, go and are drained
// while everything goes wrong. Then all faults end: every partition must find its place, and what was asked its answer.
import { ownersOf } from '../../cluster/placement.ts';
import { describeFailOvers, describeFaults, drawFailOvers, drawFaults } from '../faults.ts';
import { START_MS } from '../kernel/process.ts';
import { Random } from '../kernel/random.ts';
import { checkHistory } from '../oracle/check.ts';
import { History } from '../oracle/history.ts';
import { OrderHistory } from '../oracle/order-history.ts';
import { checkAllDone, checkOrders } from '../oracle/orders.ts';
import { checkVersions, type Placement } from '../oracle/region.ts';
import { judgeRegion } from '../oracle/region-journals.ts';
import { drawLimits } from './contended-lane.ts';
import { KINDS_TAKEN, OrderDesk } from './order-desk.ts';
import { RegionSubjects } from './region-subject.ts';
import { LIVENESS_MS, type RunOptions, type RunResult, resultOf, runToEnd } from './run-result.ts';
import { Shoppers } from './shoppers.ts';
import { REGION, World } from './world.ts';
import type { PlannedDrain } from './world-options.ts';

/** Once all faults have ended, the region is whole within this long, ms, and some sessions' lives. */
const SETTLE_MS = 2 * LIVENESS_MS;
/** A region that has settled is watched for so long, ms: nothing may move any more. */
const STILL_MS = 3_000;
/** Between two looks at whether it has settled, ms. */
const LOOK_MS = 100;
/** After healing, each partition may move so often on average before it is where it belongs. */
const MOVES_EACH_MAX = 6;

interface RegionOptions extends Omit<RunOptions, 'factory'> {
  /** The store fails over as well. */
  readonly failsOver?: boolean;
  /** Orders are captured and their tasks done besides. */
  readonly hasOrders?: boolean;
}

/** As runRegion, with a store whose replica takes over, and lacks what came last. */
export function runFailOver(seed: string, options: Omit<RunOptions, 'factory'> = {}): Promise<RunResult> {
  return runRegion(seed, { ...options, failsOver: true });
}

/** As runRegion, with orders. */
export function runOrders(seed: string, options: Omit<RunOptions, 'factory'> = {}): Promise<RunResult> {
  return runRegion(seed, { ...options, hasOrders: true });
}

export async function runRegion(seed: string, options: RegionOptions = {}): Promise<RunResult> {
  const random = new Random(
    `${options.hasOrders === true ? 'orders' : options.failsOver === true ? 'fail-over' : 'region'}/${seed}`,
  );
  const draw = random.fork('scenario');
  const workers = options.workers ?? draw.int(3, 4);
  const partitions = draw.int(8, 16);
  const safetyMs = draw.int(12_000, 30_000);
  const operations = draw.int(300, 360);
  const skus = Array.from({ length: draw.int(4, 24) }, (_, i) => `SKU-${i + 1}`);
  const sessionTtlMs = draw.int(600, 3_000);
  const mix = drawFaults(random.fork('faults'), workers, safetyMs);
  const churn = random.fork('churn');
  const startsAt = Array.from({ length: workers }, () => (churn.chance(0.4) ? churn.between(0, safetyMs * 0.7) : 0));
  const drains = churn.chance(0.5) ? drawDrains(churn, workers, safetyMs) : [];
  const failOvers =
    options.failsOver === true ? drawFailOvers(random.fork('fail-overs'), safetyMs, sessionTtlMs) : undefined;
  const history = new History();
  const subjects = new RegionSubjects();
  const world: World = new World({
    random,
    workers,
    mix,
    limits: drawLimits(draw, sessionTtlMs),
    storeTimeoutMs: draw.int(200, 1_500),
    factory: subjects.factory,
    keepTrace: options.keepTrace ?? false,
    watched: skus.slice(0, 3),
    pushed: (listener, push) => history.pushes.push({ at: world.scheduler.now, listener, push }),
    partitions,
    startsAt,
    drains,
    ...(failOvers === undefined ? {} : { failOvers }),
  });
  const shoppers = new Shoppers(world, history, random.fork('shoppers'), {
    clients: 8,
    skus,
    nodes: ['n1', 'n2', 'n3'].slice(0, draw.int(1, 3)),
    patienceMs: draw.int(200, 4_000),
    looks: draw.pick([0.1, 0.2, 0.5]),
    short: draw.pick([0, 0.2, 0.6]),
    spread: true,
  });
  const orders = new OrderHistory();
  const desk = options.hasOrders === true ? new OrderDesk(world, orders, random.fork('desk'), skus) : undefined;
  const { scheduler, violations } = world;
  if (desk !== undefined) planOrders(desk, scheduler, random.fork('order-times'), safetyMs);
  world.onContinue = (address) => shoppers.lookAt(address);
  scheduler.after(0, () => shoppers.stock());
  for (let i = 0; i < operations; ) {
    const burst = draw.chance(0.1) ? draw.int(2, 20) : 1;
    const at = draw.between(100, safetyMs);
    for (let k = 0; k < burst && i < operations; k++, i++) scheduler.at(at, () => shoppers.act());
  }
  // Actors change while their partitions move: what a copy lacks must not be lost.
  for (const movesAt of [...startsAt, ...drains.map(({ at }) => at)]) {
    for (let k = draw.int(0, 15); k > 0; k--) scheduler.at(movesAt + draw.unit() ** 2 * 400, () => shoppers.act());
  }
  const boundMs = SETTLE_MS + 4 * sessionTtlMs;
  const giveUpAt = safetyMs + boundMs;
  let unsettled: string | undefined = 'the faults have not ended';
  let settledAt = Number.POSITIVE_INFINITY;
  const look = (): void => {
    unsettled = shoppers.pending.size > 0 ? 'requests are pending' : whyUnsettled(world, subjects, partitions);
    if (desk !== undefined && (desk.pending.size > 0 || !desk.isIdleFor(DESK_IDLE_MS)))
      unsettled ??= 'orders have tasks to be done';
    if (world.isFailingOver) unsettled ??= 'the store is failing over';
    // A take-over that lands late makes itself felt within a session's life.
    if (scheduler.now < world.medium.strayUntil + sessionTtlMs) unsettled ??= 'calls of before are under way';
    if (unsettled === undefined) settledAt = scheduler.now;
    else scheduler.after(LOOK_MS, look);
  };
  scheduler.at(safetyMs, () => {
    world.heal();
    for (const sku of skus) shoppers.probe(sku);
    desk?.heal();
    look();
  });
  // Something to come to when nothing else happens.
  scheduler.at(giveUpAt + STILL_MS, () => {});
  await runToEnd(world, async () => {
    await scheduler.run(() => settledAt < Number.POSITIVE_INFINITY || scheduler.now >= giveUpAt);
    for (const { request } of shoppers.pending) {
      const id = 'requestId' in request ? request.requestId : '';
      violations.push({ invariant: 'liveness', text: `${request.op} ${id} has no answer ${boundMs} ms after healing` });
    }
    if (unsettled !== undefined) {
      violations.push({ invariant: 'liveness', text: `${boundMs} ms after healing: ${unsettled}` });
    } else {
      world.trace.add('settled');
      await scheduler.run(() => scheduler.now >= settledAt + STILL_MS);
      const moved = whyUnsettled(world, subjects, partitions);
      if (moved !== undefined) violations.push({ invariant: 'liveness', text: `settled, and then: ${moved}` });
    }
    desk?.stop();
  });
  const placement = await judge(world, history, orders, partitions);
  const movedLate = placement.openedAt.filter((at) => at > settledAt).length;
  if (movedLate > 0) {
    violations.push({ invariant: 'liveness', text: `${movedLate} partitions moved after the region had settled` });
  }
  const movedHealing = placement.openedAt.filter((at) => at > safetyMs).length;
  if (movedHealing > MOVES_EACH_MAX * partitions) {
    violations.push({
      invariant: 'liveness',
      text: `${movedHealing} moves after healing, of ${partitions} partitions`,
    });
  }
  return resultOf(world, {
    seed,
    faults: [
      `${workers} workers, ${partitions} partitions, ${placement.openedAt.length} moves`,
      ...(failOvers === undefined ? [] : [describeFailOvers(failOvers)]),
      describeFaults(mix),
    ].join('; '),
    operations: history.asked.length + orders.asked.length,
  });
}

/** Consumers that look all the time have found nothing for so long, ms: longer than any lease. */
const DESK_IDLE_MS = 4_000;

/** When orders are captured, looked at and consumed. */
function planOrders(desk: OrderDesk, scheduler: World['scheduler'], draw: Random, safetyMs: number): void {
  for (let n = draw.int(20, 60); n > 0; n--) scheduler.at(draw.between(100, safetyMs), () => desk.capture());
  for (let n = draw.int(20, 60); n > 0; n--) scheduler.at(draw.between(100, safetyMs), () => desk.look());
  for (let n = draw.int(60, 200); n > 0; n--) scheduler.at(draw.between(200, safetyMs), () => desk.consume());
}

export function drawDrains(churn: Random, workers: number, safetyMs: number): PlannedDrain[] {
  return Array.from({ length: churn.int(1, 5) }, () => ({
    at: churn.between(1_000, safetyMs),
    worker: churn.int(0, workers - 1),
    graceMs: churn.between(500, 8_000),
    downMs: churn.between(20, 3_000),
  }));
}

/** What is not yet as it should be; undefined: all members are in the view, and each has what the ring gives it. */
export function whyUnsettled(
  world: World,
  subjects: Pick<RegionSubjects, 'workers'>,
  partitions: number,
  addresses = world.addresses,
): string | undefined {
  const { alive } = world;
  if (world.isEnding) return 'a worker is being stopped';
  if (alive.length < world.addresses.length) return `only ${alive.join(', ')} are alive`;
  let open = 0;
  let owners: readonly string[] | undefined;
  for (const address of addresses) {
    const worker = subjects.workers.get(address);
    if (worker === undefined) return `${address} has not begun`;
    const { readiness, lanes, moving } = worker.report();
    if (!readiness.ready) return `${address} is not ready: ${readiness.reason}`;
    const view = worker.view();
    const members = view.members.map(({ id, status }) => `${id} ${status}`).join(', ');
    if (members !== addresses.map((id) => `${id} up`).join(', ')) return `the view of ${address} is ${members}`;
    if (moving.length > 0) return `partitions ${moving.join(', ')} are moving from ${address}`;
    if (lanes.length !== 1) return `${address} has the lanes ${lanes.map(({ lane }) => lane).join(', ')}`;
    // All views name the same members, so the ring is the same.
    owners ??= ownersOf(view, partitions);
    const placed = new Map(worker.placement().map((at) => [at.partition, at.worker]));
    const wrong = owners.findIndex((owner, partition) => placed.get(partition) !== owner);
    if (wrong >= 0) return `${address} has partition ${wrong} at ${placed.get(wrong)}, not ${owners[wrong]}`;
    const own = owners.filter((owner) => owner === address).length;
    const [home] = lanes;
    if (home === undefined || home.open !== own || home.sealed > 0) {
      return `${address} has ${home?.open} partitions open and ${home?.sealed} sealed; ${own} are its own`;
    }
    open += home.open;
  }
  return open === partitions ? undefined : `${open} of ${partitions} partitions are open`;
}

async function judge(world: World, history: History, asked: OrderHistory, partitions: number): Promise<Placement> {
  const { violations, scheduler } = world;
  const { placement, stock, orders } = await judgeRegion(world, REGION, partitions);
  checkOrders(asked, orders.events, violations);
  if (!violations.some(({ invariant }) => invariant === 'liveness'))
    checkAllDone(orders.states, KINDS_TAKEN, START_MS + scheduler.now - 2 * DESK_IDLE_MS, violations);
  checkHistory(history, stock.events, REGION, violations);
  checkVersions(history, violations);
  return placement;
}
