// The thread as it is built (dist/): Node 20 runs no TypeScript.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PricingInput } from '../pricing.ts';
import { PriceKeeper } from './prices.ts';
import { SolverThread } from './thread.ts';

const BUILT = new URL('../../../dist/orders/sourcing/highs/worker.js', import.meta.url);

/** One SKU, wanted more near the first node than it has. */
const INPUT: PricingInput = {
  asOf: 1_000,
  nodes: [{ node: 'near' }, { node: 'far' }],
  skus: [{ sku: 'A', stock: [5, 100], demand: [20], lostCost: 900 }],
  unitCost: [[100], [350]],
  unitsPerPackage: 1,
};

let directory: string;
const threads: SolverThread[] = [];

beforeAll(async () => {
  expect(existsSync(BUILT), 'npm run build makes the thread that this test runs').toBe(true);
  directory = await mkdtemp(join(tmpdir(), 'holdfast-solver-'));
});
afterEach(() => Promise.all(threads.splice(0).map((thread) => thread.close())));
afterAll(() => rm(directory, { recursive: true, force: true }));

/** A thread that runs something else first, and what is built from its second start on. */
async function misbehaving(name: string, source: string): Promise<SolverThread> {
  const file = join(directory, `${name}.mjs`);
  const marker = JSON.stringify(join(directory, `${name}.done`));
  await writeFile(
    file,
    `import { existsSync, writeFileSync } from 'node:fs';
     import { parentPort } from 'node:worker_threads';
     if (existsSync(${marker})) await import(${JSON.stringify(BUILT.href)});
     else { writeFileSync(${marker}, ''); ${source} }`,
  );
  return threadOf(pathToFileURL(file), 100);
}

function threadOf(entry: URL, graceMs?: number): SolverThread {
  const thread = new SolverThread({ entry, ...(graceMs === undefined ? {} : { graceMs }) });
  threads.push(thread);
  return thread;
}

describe('the solver’s thread', () => {
  test('given demand that the nearer node’s stock does not meet, then a unit there is worth what sending from afar costs more', async () => {
    const prices = await threadOf(BUILT).prices(INPUT);

    expect(prices.asOf).toBe(1_000);
    expect(prices.scarcity.get('near')?.get('A')).toBeCloseTo(250, 6);
    expect(prices.scarcity.get('far')?.get('A')).toBe(0);
  });

  test('given a job under way, then another is refused at once, and the first is answered', async () => {
    const thread = threadOf(BUILT);
    const first = thread.prices(INPUT);

    await expect(thread.prices(INPUT)).rejects.toThrow('HiGHS is at another job');
    expect((await first).asOf).toBe(1_000);
  });

  test('given a job that it cannot do, then that job fails and the next is done', async () => {
    const thread = threadOf(BUILT);
    const sku = INPUT.skus[0] as PricingInput['skus'][number];

    await expect(thread.prices({ ...INPUT, skus: Array(60_000).fill(sku) })).rejects.toThrow('give those with demand');
    expect((await thread.prices(INPUT)).asOf).toBe(1_000);
  });

  test.each([
    ['dies', "parentPort.on('message', () => process.exit(3));", /ended with 3/],
    ['throws', "parentPort.on('message', () => { throw new Error('out of memory'); });", /died: out of memory/],
  ])('given a thread that %s, then the job fails, and the next has a new one', async (name, source, reason) => {
    const thread = await misbehaving(name, source);

    await expect(thread.prices(INPUT)).rejects.toThrow(reason);
    expect((await thread.prices(INPUT)).asOf).toBe(1_000);
  });

  test('given a thread that hangs, then it is ended when its time is over', async () => {
    const thread = await misbehaving('hangs', "parentPort.on('message', () => { for (;;) {} });");
    const problem = { orders: [], stock: [], packages: new Map(), unfilledCost: 1 };

    await expect(thread.joint(problem, { timeMs: 50, gap: 0 })).rejects.toThrow('did not answer within 150 ms');
    expect((await thread.prices(INPUT)).asOf).toBe(1_000);
  });
});

describe('kept prices', () => {
  const keeperOf = (solve: () => Promise<PricingInput>, clock: { now: number }) =>
    new PriceKeeper({
      thread: { prices: async ({ asOf }) => ({ asOf, scarcity: new Map(), capacity: new Map() }) },
      read: solve,
      everyMs: 60_000,
      ageMaxMs: 600_000,
      now: () => clock.now,
    });

  test('given a refresh that fails, then the last prices stay, and their age and the error are told', async () => {
    const clock = { now: 1_000 };
    let isDown = false;
    const keeper = keeperOf(async () => {
      if (isDown) throw new Error('the grid cannot be asked');
      return INPUT;
    }, clock);

    await keeper.refresh();
    isDown = true;
    clock.now = 301_000;
    await keeper.refresh();

    expect(keeper.prices()?.asOf).toBe(1_000);
    expect(keeper.status()).toEqual({ ageMs: 300_000, made: 1, failed: 1, error: 'the grid cannot be asked' });
  });

  test('given prices that are too old, then there are none, and their age is still told', async () => {
    const clock = { now: 1_000 };
    const keeper = keeperOf(async () => INPUT, clock);
    expect(keeper.prices()).toBeUndefined();

    await keeper.refresh();
    clock.now = 601_001;

    expect(keeper.prices()).toBeUndefined();
    expect(keeper.status().ageMs).toBe(600_001);
  });
});
