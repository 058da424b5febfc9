// Orders that rest are weighed again together: what one has taken that a later one needs more is exchanged, whoever dies meanwhile.
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { givenWorld } from '../fulfilment/testing/steps.ts';
import { orderOf, RULES } from '../fulfilment/testing/world.ts';
import { type Answer, answer } from '../sourcing/highs/jobs.ts';
import { loadSolver, type SolveNow } from '../sourcing/highs/solver.ts';
import { transitOfRules } from '../sourcing/transit.ts';
import { WITHDRAWAL_RESUMED_AFTER_MS } from './limits.ts';
import { type LiveReoptimising, liveReoptimising } from './reoptimise.ts';

const MORNING = Date.UTC(2026, 0, 5, 8);
const MINUTE_MS = 60_000;
const CHICAGO = { latitude: 41.88, longitude: -87.63, postalCode: '60601' };

let solveNow: SolveNow;
/** Most tests have the same problem. */
const solved = new Map<string, Answer>();
beforeAll(async () => {
  solveNow = await loadSolver();
});
const keepers: LiveReoptimising[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: MORNING }));
afterEach(() => {
  for (const keeper of keepers.splice(0)) keeper.stop();
  vi.useRealTimers();
});

/** `easy` has the last mug of Chicago, for want of one in Newark; `hard`, which goes to Chicago, has one of Newark and a pot of Chicago. */
async function given(savesAtLeast = 100) {
  const rules = {
    ...RULES,
    reoptimise: { everyMinutes: 10, releaseAfterMinutes: 30, beforeCutoffMinutes: 60, savesAtLeast },
  };
  const lines: string[] = [];
  let keeper: LiveReoptimising | undefined;
  const world = givenWorld({ 'us-east/chicago/mug': 1 }, { rules, onRest: (order) => keeper?.rests(order) });
  const { grid, runner, clock } = world;
  const start = () => {
    const one = liveReoptimising({
      reoptimise: rules.reoptimise,
      rules: () => rules,
      regions: new Map([['us-east', { grid, runner }]]),
      capacity: { packagesOf: () => 0 },
      transit: transitOfRules,
      prices: () => undefined,
      clock,
      thread: {
        joint: async (problem, limits) => {
          const key = JSON.stringify(problem);
          const answered = solved.get(key) ?? answer({ kind: 'joint', problem, limits }, solveNow);
          solved.set(key, answered);
          if (answered.kind !== 'joint') throw new Error('nothing found');
          return answered.joint;
        },
      },
      say: (line) => void lines.push(line),
    });
    keepers.push(one);
    return one;
  };
  keeper = start();
  await grid.captureOrder(orderOf('easy', { mug: 1 }), 'r');
  await world.work('easy', 'source');
  grid.stock.set('us-east/newark/mug', 1);
  grid.stock.set('us-east/chicago/pot', 1);
  await grid.captureOrder(orderOf('hard', { mug: 1, pot: 1 }, { destination: CHICAGO }), 'r');
  await world.work('hard', 'source');
  const from = (orderId: string) =>
    world
      .detail(orderId)
      .packages.filter(({ state }) => state !== 'CANCELLED')
      .map(({ node, lines: units }) => `${units.map(({ sku }) => sku)} from ${node}`)
      .sort();
  /** Whoever does tasks does all that are due, in whatever order of kinds. */
  const workDue = async (kinds: readonly string[]) => {
    for (const kind of kinds) {
      for (const orderId of ['easy', 'hard']) {
        for (const { taskId, dueAt } of world.tasksOf(orderId, kind)) {
          if (dueAt <= Date.now()) await runner.run({ taskId, orderId, kind, region: 'us-east' });
        }
      }
    }
  };
  expect([from('easy'), from('hard')]).toEqual([['mug from chicago'], ['mug from newark', 'pot from chicago']]);
  return { ...world, keeper, start, from, workDue, lines };
}

test('given a later order that makes another plan better for both, then both are sent by it, and their journeys say why', async () => {
  const { keeper, grid, from, workDue, lines, detail, tasksOf } = await given();
  expect(tasksOf('easy', 'release').map(({ dueAt }) => dueAt)).toEqual([MORNING + 30 * MINUTE_MS]);
  await keeper.run();
  expect(keeper.figures).toMatchObject({
    resting: 2,
    considered: 2,
    better: 2,
    changed: 2,
    refused: 0,
    runs: 1,
    proved: 1,
    failed: 0,
  });
  expect(lines).toEqual([expect.stringMatching(/^reoptimised: 2 orders weighed, 2 of 2 changed, \d+ saved, proved$/)]);
  await workDue(['source', 'stock']);
  expect([from('easy'), from('hard')]).toEqual([['mug from newark'], ['mug,pot from chicago']]);
  const { savedMinor } = keeper.figures;
  expect(savedMinor).toBeGreaterThan(500);
  const saves = ['easy', 'hard'].map((orderId) => {
    const withdrawn = grid.journey(orderId).find(({ type }) => type === 'packagesWithdrawn');
    expect(withdrawn).toMatchObject({
      reason: 'cheaper together',
      cause: 'reoptimise',
      rules: 'test',
      detail: { orders: 2, savesTogether: savedMinor, proved: true },
    });
    return (withdrawn as unknown as { savesMinor: number }).savesMinor;
  });
  expect(Math.abs((saves[0] ?? 0) + (saves[1] ?? 0) - savedMinor)).toBeLessThanOrEqual(1);
  expect([grid.held, detail('easy').exceptions, detail('hard').exceptions]).toEqual([3, [], []]);
  // They have waited once, and are released now.
  await workDue(['release']);
  expect([detail('easy').status, detail('hard').status]).toEqual(['RELEASED', 'RELEASED']);
});

test('given that it saves too little, or a release that is due, then nothing is changed', async () => {
  const dear = await given(5_000);
  await dear.keeper.run();
  expect(dear.keeper.figures).toMatchObject({ considered: 2, better: 0, savedMinor: 0 });
  const late = await given();
  vi.setSystemTime(MORNING + 30 * MINUTE_MS);
  await late.keeper.run();
  expect(late.keeper.figures).toMatchObject({ resting: 0, considered: 0 });
});

test('given two processes that know the same orders, then what one has changed the other does not', async () => {
  const { keeper, start, from, workDue, grid } = await given();
  const other = start();
  for (const orderId of ['easy', 'hard']) {
    other.rests({ orderId, region: 'us-east', skus: ['mug'], releaseAt: MORNING + 30 * MINUTE_MS });
  }
  await Promise.all([keeper.run(), other.run()]);
  await workDue(['source', 'stock']);
  expect(keeper.figures.changed + other.figures.changed).toBe(2);
  expect([from('easy'), from('hard'), grid.held]).toEqual([['mug from newark'], ['mug,pot from chicago'], 3]);
});

/** Where a process may die, with how often it is got to before. */
const DEATHS = [
  ['advanceOrder withdraw', 0],
  ['advanced withdraw', 0],
  ['advanceOrder withdraw', 1],
  ['advanced withdraw', 1],
  ['putBack', 0],
  ['advanceOrder done', 0],
  ['putBack', 2],
  ['advanceOrder defer', 0],
  ['advanceOrder defer', 1],
  ['advanced defer', 1],
] as const;

test.each(DEATHS)(
  'given a process that dies at %s after %i, then others go on: no unit is lost or had twice',
  async (where, after) => {
    for (const kinds of [
      ['source', 'stock'],
      ['stock', 'source'],
    ]) {
      const { keeper, grid, detail, workDue, tasksOf } = await given();
      let left: number = after;
      let isDead = false;
      grid.fault = (call) => {
        if (call === where && left-- === 0) isDead = true;
        if (isDead) throw new Error('died');
      };
      await keeper.run();
      expect(isDead).toBe(true);
      expect(keeper.figures.failed).toBe(1);
      grid.fault = () => {};
      vi.setSystemTime(Date.now() + WITHDRAWAL_RESUMED_AFTER_MS);
      await workDue(kinds);
      // What found nothing, since another still held it, is sourced again; and all that was given up is back by then.
      for (const orderId of ['easy', 'hard']) {
        expect(detail(orderId).lines.every(({ inPackages, qty }) => inPackages === qty)).toBe(true);
        expect([...tasksOf(orderId, 'source'), ...tasksOf(orderId, 'stock')]).toEqual([]);
      }
      expect(grid.held).toBe(3);
      expect([...grid.stock.values()].reduce((sum, units) => sum + units, 0)).toBe(0);
      vi.setSystemTime(MORNING);
    }
  },
);
