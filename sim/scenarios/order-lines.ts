// Orders of several lines over several regions of one or two workers each, while everything goes wrong: processes die in the middle of
// orders, partitions move, messages are lost between workers and regions, the store stalls, clocks are minutes apart. Then all faults end:
// what was asked must be answered, every order must come to one outcome on all its lines, and no reservation may be left tentative (I15).
import { POOL_DEFAULTS } from '../../cluster/escrow/index.ts';
import { describeFaults, drawFaults, type FaultMix } from '../faults.ts';
import { Random } from '../kernel/random.ts';
import { checkLines, type LinesEnd, type RegionEnd } from '../oracle/lines.ts';
import { judgeRegion } from '../oracle/region-journals.ts';
import { drawLimits } from './contended-lane.ts';
import { LinesDesk, TTL_MS_MAX } from './lines-desk.ts';
import { drawDrains, whyUnsettled } from './region.ts';
import { RegionsSubjects } from './regions-subject.ts';
import { LIVENESS_MS, type RunOptions, type RunResult, resultOf, runToEnd } from './run-result.ts';
import { World } from './world.ts';

const REGIONS = ['eu', 'us'] as const;
/** Between two looks at whether all is settled, ms. */
const LOOK_MS = 250;
/** Between two looks at whether anything is still reserved, ms. */
const HELD_LOOK_MS = 1_000;
/** Once no stock is reserved any more, so long is left for orders to hear of it: a lease, and an attempt to take up, ms. */
const QUIET_MS = 30_000;

export async function runOrderLines(
  seed: string,
  options: Omit<RunOptions, 'factory' | 'workers'> = {},
): Promise<RunResult> {
  const random = new Random(`order-lines/${seed}`);
  const draw = random.fork('scenario');
  const regionOf = REGIONS.flatMap((region) => (draw.chance(0.6) ? [region, region] : [region]));
  const workers = regionOf.length;
  const partitions = draw.int(2, 6);
  const safetyMs = draw.int(9_000, 14_000);
  const skus = Array.from({ length: draw.int(2, 4) }, (_, i) => `SKU-${i + 1}`);
  const sessionTtlMs = draw.int(600, 3_000);
  const mix = drawFaults(random.fork('faults'), workers, safetyMs);
  const churn = random.fork('churn');
  const drains = churn.chance(0.3) ? drawDrains(churn, workers, safetyMs) : [];
  const all = new Map(REGIONS.map((region) => [region as string, addressesOf(region, regionOf)]));
  const subjects = new RegionsSubjects({
    seeds: all,
    regionsLimits: { forwardMs: draw.pick([1_500, 5_000]), attemptMs: draw.pick([400, 2_000]) },
    poolOptions: POOL_DEFAULTS,
    random: random.fork('subjects'),
    withOrders: true,
  });
  const world: World = new World({
    random,
    workers,
    mix,
    limits: { ...drawLimits(draw, sessionTtlMs), mailboxMax: 65_536, mailboxMaxForNewWork: 1_000 },
    storeTimeoutMs: draw.int(200, 1_500),
    factory: subjects.factory,
    keepTrace: options.keepTrace ?? false,
    watched: [],
    pushed: () => {},
    partitions,
    drains,
    regionOf,
    farMs: draw.pick([1, 15, 80]),
  });
  const { scheduler, violations } = world;
  const between = random.fork('between');
  for (let n = between.chance(0.6) ? between.int(1, 3) : 0; n > 0; n--) {
    const [from, forMs] = [between.between(500, safetyMs), between.between(100, 6_000)];
    scheduler.at(from, () => world.isolate(between.pick(REGIONS), Math.min(forMs, safetyMs - from)));
  }
  const desk = new LinesDesk(world, random.fork('desk'), { regionOf, skus, patienceMs: draw.int(1_000, 5_000) });
  scheduler.after(0, () => desk.stock());
  const orders = draw.int(190, 210);
  for (let i = 0; i < orders; i++) scheduler.at(draw.between(300, safetyMs), () => desk.order());
  const boundMs = 2 * LIVENESS_MS + 4 * sessionTtlMs;
  const giveUpAt = safetyMs + boundMs;
  let settledAt = Number.POSITIVE_INFINITY;
  let unsettled: string | undefined = 'the faults have not ended';
  const look = (): void => {
    unsettled = desk.pending.size > 0 ? `${desk.pending.size} requests are pending` : undefined;
    for (const region of REGIONS) {
      const own = world.addresses.filter((_, index) => regionOf[index] === region);
      unsettled ??= whyUnsettled(world, subjects, partitions, own);
    }
    if (scheduler.now < world.medium.strayUntil + sessionTtlMs) unsettled ??= 'calls of before are under way';
    if (unsettled === undefined) settledAt = scheduler.now;
    else scheduler.after(LOOK_MS, look);
  };
  scheduler.at(safetyMs, () => {
    world.heal();
    look();
  });
  // Something to come to when nothing else happens.
  scheduler.at(giveUpAt + QUIET_MS, () => {});
  await runToEnd(world, async () => {
    await scheduler.run(() => settledAt < Number.POSITIVE_INFINITY || scheduler.now >= giveUpAt);
    if (unsettled !== undefined) {
      violations.push({ invariant: 'liveness', text: `${boundMs} ms after healing: ${unsettled}` });
    }
    world.trace.add('settled');
    await untilNoneIsHeld(world, desk, TTL_MS_MAX + apartMs(mix) + QUIET_MS);
    const quietAt = scheduler.now + QUIET_MS;
    scheduler.at(quietAt, () => {});
    await scheduler.run(() => scheduler.now >= quietAt);
  });
  const { attempts, committed } = await judge(world, desk, partitions);
  return resultOf(world, {
    seed,
    faults: `${workers} workers of 2 regions, ${orders} orders, ${attempts} attempts, ${committed} committed; ${describeFaults(mix)}`,
    operations: desk.asked.length,
  });
}

/**
 * How far two clocks may come to be apart in a run, ms: what was to wait by the one waits so much longer by the other, and no less, as
 * its order decides.
 */
function apartMs({ planned, aheadMs }: FaultMix): number {
  const jumps = planned.filter(({ kind }) => kind === 'clock jump').reduce((sum, { size }) => sum + Math.abs(size), 0);
  return Math.max(...aheadMs) - Math.min(...aheadMs) + jumps;
}

/** All that was reserved here was reserved for orders: once nothing is, every tentative reservation has ended. */
async function untilNoneIsHeld({ scheduler, violations }: World, desk: LinesDesk, boundMs: number): Promise<void> {
  const giveUpAt = scheduler.now + boundMs;
  let reserved = Number.POSITIVE_INFINITY;
  const look = (): void => {
    desk.countReserved((units) => {
      reserved = units;
      if (reserved > 0) scheduler.after(HELD_LOOK_MS, look);
    });
  };
  look();
  scheduler.at(giveUpAt, () => {});
  await scheduler.run(() => reserved === 0 || scheduler.now >= giveUpAt);
  if (reserved > 0)
    violations.push({ invariant: 'I15', text: `${reserved} units are still reserved after ${boundMs} ms` });
}

function addressesOf(region: string, regionOf: readonly string[]): string[] {
  return regionOf.flatMap((of, index) => (of === region ? [`x${index}`] : []));
}

async function judge(world: World, desk: LinesDesk, partitions: number): Promise<LinesEnd> {
  const ends: RegionEnd[] = [];
  for (const region of REGIONS) {
    const { stock, orders } = await judgeRegion(world, region, partitions);
    ends.push({ region, stock: stock.states, orders: orders.states });
  }
  return checkLines(ends, desk.asked, world.violations);
}
