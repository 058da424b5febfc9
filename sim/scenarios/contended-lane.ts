// Several workers compete for a region while everything goes wrong; then all faults end and what was asked must be
// answered. At the end the store is read and the whole history judged.
import { MemoryStore } from '../../node/journal/memory/store.ts';
import { describeFaults, drawFaults } from '../faults.ts';
import { Random } from '../kernel/random.ts';
import { checkHistory } from '../oracle/check.ts';
import { History } from '../oracle/history.ts';
import { compareRecovery, compareRows, readLane, replay } from '../oracle/journal.ts';
import { inventoryGrid } from '../subject.ts';
import { LIVENESS_MS, type RunOptions, type RunResult, resultOf, runToEnd } from './run-result.ts';
import { Shoppers } from './shoppers.ts';
import { PARTITIONS, REGION, World } from './world.ts';

export async function runContendedLane(seed: string, options: RunOptions = {}): Promise<RunResult> {
  const random = new Random(seed);
  const draw = random.fork('scenario');
  const workers = options.workers ?? 3;
  const safetyMs = draw.int(12_000, 30_000);
  const operations = draw.int(300, 400);
  const skus = Array.from({ length: draw.int(1, 8) }, (_, i) => `SKU-${i + 1}`);
  const sessionTtlMs = draw.int(600, 3_000);
  const mix = drawFaults(random.fork('faults'), workers, safetyMs);
  const history = new History();
  const world: World = new World({
    random,
    workers,
    mix,
    limits: drawLimits(draw, sessionTtlMs),
    storeTimeoutMs: draw.int(200, 1_500),
    factory: options.factory ?? inventoryGrid,
    keepTrace: options.keepTrace ?? false,
    watched: skus.slice(0, 2),
    pushed: (listener, push) => history.pushes.push({ at: world.scheduler.now, listener, push }),
  });
  const shoppers = new Shoppers(world, history, random.fork('shoppers'), {
    clients: 8,
    skus,
    nodes: ['w1', 'w2', 'w3'].slice(0, draw.int(1, 3)),
    patienceMs: draw.int(200, 1_500),
    looks: draw.pick([0.1, 0.2, 0.5]),
    short: draw.pick([0, 0.2, 0.6]),
  });
  const { scheduler, violations } = world;
  world.onContinue = (address) => shoppers.lookAt(address);
  scheduler.after(0, () => shoppers.stock());
  for (let i = 0; i < operations; ) {
    // Now and then many at once, so that a commit holds more than one record.
    const burst = draw.chance(0.1) ? draw.int(2, 20) : 1;
    const at = draw.between(100, safetyMs);
    for (let k = 0; k < burst && i < operations; k++, i++) scheduler.at(at, () => shoppers.act());
  }
  const boundMs = LIVENESS_MS + 2 * sessionTtlMs;
  let isOver = false;
  scheduler.at(safetyMs, () => {
    world.heal();
    for (const sku of skus) shoppers.probe(sku);
  });
  scheduler.at(safetyMs + boundMs, () => {
    isOver = true;
  });
  await runToEnd(world, async () => {
    await scheduler.run(() => isOver || (scheduler.now > safetyMs && shoppers.pending.size === 0));
    for (const { request } of shoppers.pending) {
      const id = 'requestId' in request ? request.requestId : '';
      violations.push({ invariant: 'liveness', text: `${request.op} ${id} has no answer ${boundMs} ms after healing` });
    }
    if (world.serving.length === 0) violations.push({ invariant: 'liveness', text: 'nobody serves at the end' });
  });
  await judge(world, history);
  return resultOf(world, {
    seed,
    faults: describeFaults(mix),
    operations: history.asked.length,
  });
}

async function judge(world: World, history: History): Promise<void> {
  const { violations, medium, limits } = world;
  const store = new MemoryStore(medium.memory);
  const names = await store.lanes(REGION);
  const readers = await Promise.all(names.map((lane) => store.reader(REGION, lane)));
  const lanes = await Promise.all(
    readers.map((reader, i) => {
      const key = `${REGION}/${names[i]}`;
      return readLane(key, reader, medium.archive.get(key) ?? [], PARTITIONS, violations);
    }),
  );
  const { events, states } = replay(lanes, violations);
  for (const [i, reader] of readers.entries()) {
    await compareRecovery(`${REGION}/${names[i]}`, reader, states, limits, PARTITIONS, violations);
  }
  await compareRows(medium.rows, events, violations);
  checkHistory(history, events, REGION, violations);
}

/** Small bounds, so that what happens once in a million requests happens in each run. */
export function drawLimits(draw: Random, sessionTtlMs: number) {
  const small = (limit: number, usual: number): number => (draw.chance(0.6) ? limit : usual);
  const limits = {
    sessionTtlMs,
    commitsInFlightMax: draw.int(1, 4),
    batchRecordsEarly: draw.int(2, 16),
    hotActorsMax: small(2, 1_000),
    idleMs: small(400, 10_000),
    packedActorsMax: small(2, 1_000),
    packedEntriesMax: draw.pick([8, 32, 256]),
    snapshotEveryRecords: draw.pick([10, 40, 100, 1_000]),
    snapshotEveryMs: draw.pick([500, 2_000, 10_000]),
    snapshotRowsPerTurn: draw.pick([1, 3, 256]),
    storeRetryMs: [20, 500] as [number, number],
    mailboxMax: small(40, 65_536),
    mailboxMaxForNewWork: 30,
  };
  // Not drawn by itself, so that all else stays as the seed drew it.
  return { ...limits, snapshotPartBytes: limits.snapshotRowsPerTurn === 3 ? PART_BYTES_SMALL : PART_BYTES_USUAL };
}

/** Most rows are written in parts, or none. */
const PART_BYTES_SMALL = 96;
const PART_BYTES_USUAL = 262_144;
