// Several regions of one or two workers each, over one store, one clock and one network: they gossip, pass requests on and
// sell pooled stock while everything goes wrong. Then all faults end: what was asked must be answered, every worker must
// come to know what the owners have, and every unit of every pool must be accounted for.
import { POOL_DEFAULTS, type PoolOptions } from '../../cluster/escrow/index.ts';
import { REGIONS_LIMITS, type RegionsLimits } from '../../node/regions/limits.ts';
import type { AvailabilityPush } from '../../protocol/index.ts';
import { describeFaults, drawFaults } from '../faults.ts';
import { Random } from '../kernel/random.ts';
import { checkHistory } from '../oracle/check.ts';
import { checkRemoteReads } from '../oracle/gossip.ts';
import type { Violation } from '../oracle/history.ts';
import type { JournaledEvent } from '../oracle/journal.ts';
import { inOrderOfLanding, landingTimes } from '../oracle/landed.ts';
import { checkPools, hasConceded, type PoolEnd } from '../oracle/pools.ts';
import { checkVersions } from '../oracle/region.ts';
import { judgeRegion } from '../oracle/region-journals.ts';
import { RegionsHistory } from '../oracle/regions-history.ts';
import { drawLimits } from './contended-lane.ts';
import { drawDrains, whyUnsettled } from './region.ts';
import { RegionsShoppers } from './regions-shoppers.ts';
import { RegionsSubjects } from './regions-subject.ts';
import { RegionsSurvey } from './regions-survey.ts';
import { LIVENESS_MS, type RunOptions, type RunResult, resultOf, runToEnd } from './run-result.ts';
import { World } from './world.ts';

const REGIONS = ['eu', 'us', 'za'] as const;
/** Once all faults have ended, all know everything within this long, ms, and some sessions' lives. */
const SETTLE_MS = 2 * LIVENESS_MS;
/** Units of each pool that a buyer wants at the end, from whichever regions they must come. */
const UNITS_WANTED = 12;
const NOTHING_JUDGED: PoolEnd = { minted: 0, consumed: 0, credits: 0 };
/** Between two looks at whether that is so, ms. */
const LOOK_MS = 250;

export async function runRegions(
  seed: string,
  options: Omit<RunOptions, 'factory' | 'workers'> = {},
): Promise<RunResult> {
  const random = new Random(`regions/${seed}`);
  const draw = random.fork('scenario');
  const regionOf = drawRegions(draw);
  const regions = [...new Set(regionOf)];
  const workers = regionOf.length;
  const partitions = draw.int(2, 6);
  const safetyMs = draw.int(9_000, 16_000);
  const operations = draw.int(300, 330);
  const skus = Array.from({ length: draw.int(1, 4) }, (_, i) => `SKU-${i + 1}`);
  const pooled = Array.from({ length: draw.int(1, 3) }, (_, i) => `POOL-${i + 1}`);
  const sessionTtlMs = draw.int(600, 3_000);
  const mix = drawFaults(random.fork('faults'), workers, safetyMs);
  const churn = random.fork('churn');
  const drains = churn.chance(0.3) ? drawDrains(churn, workers, safetyMs) : [];
  const subjects = new RegionsSubjects({
    seeds: drawSeeds(draw, regionOf),
    regionsLimits: drawRegionsLimits(draw),
    poolOptions: drawPoolOptions(draw),
    random: random.fork('subjects'),
  });
  const history = new RegionsHistory(regions);
  const lastPushed = new Map<string, AvailabilityPush>();
  const world: World = new World({
    random,
    workers,
    mix,
    limits: { ...drawLimits(draw, sessionTtlMs), mailboxMax: 65_536, mailboxMaxForNewWork: 1_000 },
    storeTimeoutMs: draw.int(200, 1_500),
    factory: subjects.factory,
    keepTrace: options.keepTrace ?? false,
    watched: [skus[0] as string, pooled[0] as string],
    pushed: (listener, push) => {
      lastPushed.set(`${listener} ${push.region}/${push.sku}`, push);
      history.of(push.region).pushes.push({ at: world.scheduler.now, listener, push });
    },
    partitions,
    drains,
    regionOf,
    farMs: draw.pick([1, 15, 80]),
  });
  const { scheduler, violations } = world;
  const { farLost, farLate } = planBetween(world, history, random.fork('between'), safetyMs);
  const shoppers = new RegionsShoppers(world, history, random.fork('shoppers'), {
    clients: 8,
    regionOf,
    skus,
    pooled,
    patienceMs: draw.int(200, 4_000),
    looks: draw.pick([0.2, 0.4]),
    short: draw.pick([0, 0.2, 0.6]),
    ofPools: draw.pick([0.3, 0.6, 0.8]),
    far: draw.pick([0.2, 0.5, 0.8]),
  });
  world.onContinue = (address) => shoppers.lookAt(address);
  scheduler.after(0, () => shoppers.stock());
  for (let i = 0; i < operations; ) {
    const burst = draw.chance(0.1) ? draw.int(2, 20) : 1;
    const at = draw.between(100, safetyMs);
    for (let k = 0; k < burst && i < operations; k++, i++) scheduler.at(at, () => shoppers.act());
  }
  const survey = new RegionsSurvey(world, regions, [...skus, ...pooled], lastPushed);
  const boundMs = SETTLE_MS + 4 * sessionTtlMs;
  const giveUpAt = safetyMs + boundMs;
  let unsettled: string | undefined = 'the faults have not ended';
  const look = (): void => {
    unsettled = shoppers.pending.size > 0 ? 'requests are pending' : undefined;
    for (const region of regions) {
      const own = world.addresses.filter((_, index) => regionOf[index] === region);
      unsettled ??= whyUnsettled(world, subjects, partitions, own);
    }
    if (scheduler.now < world.medium.strayUntil + sessionTtlMs) unsettled ??= 'calls of before are under way';
    if (unsettled === undefined) {
      unsettled = survey.whyNot();
      if (unsettled !== undefined) survey.ask();
    }
    if (unsettled !== undefined) scheduler.after(LOOK_MS, look);
  };
  scheduler.at(safetyMs, () => {
    world.heal();
    shoppers.probe();
    look();
  });
  const buyersIn = draw.pick(regions);
  // Something to come to when nothing else happens.
  scheduler.at(giveUpAt, () => {});
  await runToEnd(world, async () => {
    await scheduler.run(() => unsettled === undefined || scheduler.now >= giveUpAt);
    for (const { request } of shoppers.pending) {
      const id = 'requestId' in request ? request.requestId : '';
      violations.push({ invariant: 'liveness', text: `${request.op} ${id} has no answer ${boundMs} ms after healing` });
    }
    if (unsettled !== undefined) {
      violations.push({ invariant: 'liveness', text: `${boundMs} ms after healing: ${unsettled}` });
    }
    world.trace.add('settled');
    if (unsettled === undefined) {
      await sellLast(world, () => {
        const bought = pooled.map((sku) => shoppers.buys(sku, buyersIn, Math.min(survey.unsold(sku), UNITS_WANTED)));
        // A request that was late may have sold some since.
        survey.ask();
        return bought.every(Boolean);
      });
    }
  });
  const { minted, consumed, credits } = await judge(world, history, partitions, pooled);
  return resultOf(world, {
    seed,
    faults:
      `${workers} workers of ${regions.length} regions, ${pooled.length} pools (${minted} units, ${consumed} sold, ` +
      `${credits} credits), ${history.reads.length} looks at other regions, ${history.isolations.length} isolations, ` +
      `rows ${(farLost * 100).toFixed(1)} % lost and ${(farLate * 100).toFixed(1)} % late; ${describeFaults(mix)}`,
    operations: history.asked.length + shoppers.looks,
  });
}

/** What goes wrong between the regions, beside what goes wrong in each. */
function planBetween(
  world: World,
  history: RegionsHistory,
  between: Random,
  safetyMs: number,
): { readonly farLost: number; readonly farLate: number } {
  const { scheduler, network, addresses } = world;
  const farLost = between.chance(0.5) ? between.unit() ** 2 * 0.3 : 0;
  const farLate = between.chance(0.5) ? between.unit() ** 2 * 0.3 : 0;
  Object.assign(network.faults, { farLost, farLate });
  for (let n = between.chance(0.7) ? between.int(1, 4) : 0; n > 0; n--) {
    const [from, forMs] = [between.between(500, safetyMs), between.between(100, 8_000)];
    const region = between.pick([...history.regions.keys()]);
    const to = Math.min(from + forMs, safetyMs);
    history.isolations.push({ region, from, to });
    scheduler.at(from, () => world.isolate(region, to - from));
  }
  for (let n = between.chance(0.5) ? between.int(1, 12) : 0; n > 0; n--) {
    const [one, other] = [between.int(0, addresses.length - 1), between.int(0, addresses.length - 1)];
    scheduler.at(between.between(100, safetyMs), () => world.breakFar(one, other));
  }
  return { farLost, farLate };
}

/** The last units must be there for who wants them: one buyer, who comes again until served. */
async function sellLast({ scheduler, violations }: World, buys: () => boolean): Promise<void> {
  const until = scheduler.now + LIVENESS_MS;
  let isServed = false;
  const ask = (): void => {
    isServed = buys();
    if (!isServed) scheduler.after(LOOK_MS, ask);
  };
  ask();
  scheduler.at(until, () => {});
  await scheduler.run(() => isServed || scheduler.now >= until);
  if (isServed) return;
  const text = `a buyer is refused for ${LIVENESS_MS} ms, and there are units in other regions`;
  violations.push({ invariant: 'liveness', text });
}

/** The region of each worker: two or three regions, at least three workers. */
function drawRegions(draw: Random): string[] {
  const count = draw.int(2, 3);
  const regionOf = REGIONS.slice(0, count).flatMap((region) => (draw.chance(0.5) ? [region, region] : [region]));
  while (regionOf.length < 3) regionOf.push('us');
  return regionOf.sort();
}

/** One address of each region, or all of them. */
function drawSeeds(draw: Random, regionOf: readonly string[]): Map<string, string[]> {
  const all = draw.chance(0.5);
  const seeds = new Map<string, string[]>();
  for (const [index, region] of regionOf.entries()) {
    const known = seeds.get(region) ?? [];
    if (all || known.length === 0) seeds.set(region, [...known, `x${index}`]);
  }
  return seeds;
}

/** Small bounds, so that answers are cut, turns run out and calls are given up. */
function drawRegionsLimits(draw: Random): Partial<RegionsLimits> {
  return {
    forwardMs: draw.pick([1_500, 5_000]),
    attemptMs: draw.pick([400, 2_000]),
    probeMs: draw.pick([300, 600]),
    publishedPerTurn: draw.pick([1, 3, 128]),
    gossipRoundMs: draw.pick([200, 300, 500]),
    gossipTimeoutMs: draw.pick([500, 1_000]),
    gossipAnswerBytesMax: draw.pick([1_700, 3_000, REGIONS_LIMITS.gossipAnswerBytesMax]),
    gossipBytesPerSecond: draw.pick([20_000, REGIONS_LIMITS.gossipBytesPerSecond]),
  };
}

function drawPoolOptions(draw: Random): PoolOptions {
  return { ...POOL_DEFAULTS, floatUnits: draw.pick([1, 8]), heartbeatMs: draw.pick([100, 250]) };
}

async function judge(
  world: World,
  history: RegionsHistory,
  partitions: number,
  pooled: readonly string[],
): Promise<PoolEnd> {
  const { violations, medium } = world;
  const eventsOf = new Map<string, readonly JournaledEvent[]>();
  for (const [region, own] of history.regions) {
    const { lanes, stock } = await judgeRegion(world, region, partitions);
    for (const [lane, events] of lanes) eventsOf.set(lane, events);
    // Totals that run away would keep the models counting unit by unit.
    if (hasConceded(stock.events, region, violations)) return NOTHING_JUDGED;
    checkHistory(own, stock.events, region, violations);
    checkVersions(own, violations);
  }
  checkRepeated(history, violations);
  const landed = inOrderOfLanding(medium.landings, eventsOf);
  checkRemoteReads(history, landingTimes(landed), violations);
  return checkPools(landed, history, pooled, violations);
}

/** A request that is sent again is the same request, whichever way it comes. */
function checkRepeated({ asked }: RegionsHistory, violations: Violation[]): void {
  for (const { request, answers } of asked) {
    for (const { outcome, worker } of answers) {
      if (outcome.ok || outcome.code !== 'IDEMPOTENCY_CONFLICT') continue;
      violations.push({
        invariant: 'I11',
        text: `${worker} took a repetition for another request: ${JSON.stringify(request)}`,
      });
    }
  }
}
