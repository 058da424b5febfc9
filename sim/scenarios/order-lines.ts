// Orders of several lines over several regions of one or two workers each, while everything goes wrong: processes die in the middle of
// orders, partitions move, messages are lost between workers and regions, the store stalls. Then all faults end: what was asked
// must be answered, every order must have come to one outcome on all its lines, and no reservation may be left tentative (I15).
import { POOL_DEFAULTS } from '../../cluster/escrow/index.ts';
import { MemoryStore } from '../../node/journal/memory/store.ts';
import type { AnyState } from '../../node/shell/kind-table.ts';
import { describeFaults, drawFaults, type FaultMix } from '../faults.ts';
import { Random } from '../kernel/random.ts';
import {
  compareRecovery,
  compareRows,
  type JournaledOrderEvent,
  readLane,
  replay,
  replayOrders,
} from '../oracle/journal.ts';
import { checkLines, type LinesEnd, type RegionEnd } from '../oracle/lines.ts';
import { followPartitions } from '../oracle/region.ts';
import { drawLimits, LIVENESS_MS, type RunOptions, type RunResult } from './contended-lane.ts';
import { LinesDesk } from './lines-desk.ts';
import { drawDrains, whyUnsettled } from './region.ts';
import { RegionsSubjects } from './regions-subject.ts';
import { World } from './world.ts';

const REGIONS = ['eu', 'us'] as const;
/** Between two looks at whether all is settled, ms. */
const LOOK_MS = 250;
/** Once all is answered and served, so long is left for what nobody waits for: the greatest ttlMs, a lease, and an attempt to take up. */
const QUIET_MS = 30_000;
/** How far a wall clock jumps here, and is off from the start, ms. */
const JUMP_MS_MAX = 3_000;

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
  const mix = withClocksNearlyRight(drawFaults(random.fork('faults'), workers, safetyMs));
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
  let isStopped = false;
  try {
    await scheduler.run(() => settledAt < Number.POSITIVE_INFINITY || scheduler.now >= giveUpAt);
    if (unsettled !== undefined) {
      violations.push({ invariant: 'liveness', text: `${boundMs} ms after healing: ${unsettled}` });
    }
    world.trace.add('settled');
    const quietAt = scheduler.now + QUIET_MS;
    scheduler.at(quietAt, () => {});
    await scheduler.run(() => scheduler.now >= quietAt);
    world.stopAll().then(() => {
      isStopped = true;
    });
    const stopBy = scheduler.now + LIVENESS_MS;
    scheduler.at(stopBy, () => {});
    await scheduler.run(() => isStopped || scheduler.now >= stopBy);
    if (!isStopped) violations.push({ invariant: 'liveness', text: `no clean stop within ${LIVENESS_MS} ms` });
  } catch (error) {
    violations.push({
      invariant: 'run',
      text: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
  const { attempts, committed } = await judge(world, desk, partitions);
  return {
    seed,
    faults: `${workers} workers of 2 regions, ${orders} orders, ${attempts} attempts, ${committed} committed; ${describeFaults(mix)}`,
    violations,
    traceHash: world.trace.hash,
    trace: world.trace.lines,
    operations: desk.asked.length,
    faultsStruck: world.struck + world.medium.struck,
    events: scheduler.events,
    simulatedMs: scheduler.now,
    epochs: world.medium.epochs,
    falseAlarms: world.falseAlarms,
  };
}

/** What waits by a clock that is ahead a minute waits that minute: here the quiet at the end is to see the end of all waiting. */
function withClocksNearlyRight(mix: FaultMix): FaultMix {
  const bounded = (size: number): number => Math.max(-JUMP_MS_MAX, Math.min(JUMP_MS_MAX, size));
  const planned = mix.planned.map((fault) =>
    fault.kind === 'clock jump' ? { ...fault, size: bounded(fault.size) } : fault,
  );
  return { ...mix, planned, aheadMs: mix.aheadMs.map(bounded) };
}

function addressesOf(region: string, regionOf: readonly string[]): string[] {
  return regionOf.flatMap((of, index) => (of === region ? [`x${index}`] : []));
}

async function judge(world: World, desk: LinesDesk, partitions: number): Promise<LinesEnd> {
  const { violations, medium, limits } = world;
  const store = new MemoryStore(medium.memory);
  const ends: RegionEnd[] = [];
  for (const region of REGIONS) {
    const ofRegion = (lane: string): boolean => lane.startsWith(`${region}/`);
    followPartitions(
      medium.landings.filter(({ lane }) => ofRegion(lane)),
      partitions,
      violations,
    );
    const orderEvents: JournaledOrderEvent[] = [];
    const lanes = [];
    const readers = [];
    for (const name of await store.lanes(region)) {
      const key = `${region}/${name}`;
      const reader = await store.reader(region, name);
      lanes.push(await readLane(key, reader, medium.archive.get(key) ?? [], partitions, violations, orderEvents));
      readers.push({ key, reader });
    }
    const stock = replay(lanes, violations);
    const orders = replayOrders(orderEvents, violations);
    const states = new Map<string, AnyState>([...stock.states, ...orders.states]);
    for (const { key, reader } of readers) await compareRecovery(key, reader, states, limits, partitions, violations);
    await compareRows(
      medium.rows.filter(({ lane }) => ofRegion(lane)),
      [...stock.events, ...orders.events],
      violations,
    );
    ends.push({ region, stock: stock.states, orders: orders.states });
  }
  return checkLines(ends, desk.asked, violations);
}
