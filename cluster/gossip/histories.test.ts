// I13 against a model that knows the truth, in long histories with all that may go wrong at once.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fate, Grid, type GridOptions } from './testing/grid.ts';

/** A step of a history; a counterexample shows its name. */
interface Step {
  readonly run: (grid: Grid) => void;
  readonly [fc.toStringMethod]: () => string;
}

function stepOf(name: string, ...arguments_: readonly unknown[]): (run: (grid: Grid) => void) => Step {
  return (run) => ({ run, [fc.toStringMethod]: () => `${name}(${arguments_.join(', ')})` });
}

const n = fc.nat(59);
const LAST = -1;
const fate = fc.constantFrom<Fate>('once', 'once', 'once', 'twice', 'lost');
/** Mostly small; now and then one that leaves little room beside it. */
const bytes = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 60 }) },
  { weight: 1, arbitrary: fc.constant(400) },
);

const change = fc.tuple(n, n, bytes).map((to) => stepOf('change', ...to)((grid) => grid.change(...to)));
const take = fc.tuple(n, n, n).map((to) => stepOf('take', ...to)((grid) => grid.take(...to)));
const tell = fc.tuple(n, fc.integer({ min: 1, max: 5 })).map((to) => stepOf('tell', ...to)((grid) => grid.tell(...to)));
const doubt = n.map((p) => stepOf('doubt', p)((grid) => grid.doubt(p)));
const resume = n.map((p) => stepOf('resume', p)((grid) => grid.resume(p)));
const crash = n.map((w) => stepOf('crash', w)((grid) => grid.crash(w)));
const ask = fc.tuple(n, n, fc.nat(7)).map((to) => stepOf('ask', ...to)((grid) => grid.ask(...to)));
const answer = fc.tuple(n, fate).map((to) => stepOf('answer', ...to)((grid) => grid.answer(...to)));
const deliver = fc.tuple(n, fate).map((to) => stepOf('deliver', ...to)((grid) => grid.deliver(...to)));
const pass = fc.integer({ min: 1, max: 500 }).map((ms) => stepOf('pass', ms)((grid) => grid.pass(ms)));
/** Without losses: so that histories get somewhere. */
const exchange = fc.tuple(n, n, fc.nat(7)).map((to) =>
  stepOf(
    'exchange',
    ...to,
  )((grid) => {
    grid.ask(...to);
    grid.now += 3;
    grid.answer(LAST, 'once');
    grid.now += 3;
    grid.deliver(LAST, 'once');
  }),
);

const step = fc.oneof(
  { weight: 12, arbitrary: change },
  { weight: 2, arbitrary: take },
  { weight: 8, arbitrary: tell },
  { weight: 1, arbitrary: doubt },
  { weight: 1, arbitrary: resume },
  { weight: 1, arbitrary: crash },
  { weight: 10, arbitrary: ask },
  { weight: 10, arbitrary: answer },
  { weight: 10, arbitrary: deliver },
  { weight: 6, arbitrary: exchange },
  { weight: 3, arbitrary: pass },
);

const shape = fc.record({
  partitions: fc.constantFrom([2, 3, 1], [1, 1], [4, 4, 4], [31, 2]),
  workers: fc.integer({ min: 1, max: 3 }),
  skus: fc.integer({ min: 3, max: 24 }),
  answerBytesMax: fc.constantFrom(1_700, 2_500, 20_000),
});
const steps = fc.array(step, { maxLength: 250, size: 'max' });
const seeds = fc.nat(2 ** 31 - 3);

/** Rounds in which all must be even after the last change: what is to be told fits in a few answers. */
const ROUNDS_MAX = 60;
const ROUND_MS = 200;

function heal(grid: Grid, seed: number): void {
  const random = randomOf(seed);
  grid.settle();
  let rounds = 0;
  while (rounds < ROUNDS_MAX && grid.unevenness() !== undefined) {
    grid.round(random);
    rounds += 1;
  }
  expect(grid.unevenness(), `after ${rounds} rounds`).toBeUndefined();
  for (let more = 0; more < 20; more++) grid.round(random);
  expect(grid.stalest()).toBeLessThan(20 * ROUND_MS);
}

/** Lehmer's generator: 0 ≤ x < 1. */
function randomOf(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state * 48_271) % (2 ** 31 - 1);
    return state / (2 ** 31 - 1);
  };
}

function begin(options: GridOptions): Grid {
  const grid = new Grid(options);
  for (let p = 0; p < options.partitions.reduce((sum, count) => sum + count, 0); p++) grid.take(p, p, 0);
  return grid;
}

describe('gossip in any history', () => {
  it('given crashes, takeovers by parts, doubts and messages gone astray / when it goes on / then nobody goes backward or admits too little age, and all are even after it', () => {
    fc.assert(
      fc.property(shape, steps, seeds, (options, history, seed) => {
        const grid = begin(options);
        for (const { run } of history) run(grid);
        heal(grid, seed);
      }),
      { numRuns: Number(process.env.GOSSIP_RUNS ?? 60) },
    );
  }, 600_000);

  it('given a relay that cannot keep all skus / when others hear through it / then they are even all the same', () => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 8 }), steps, seeds, (options, skusMaxOfOne, history, seed) => {
        const grid = begin({ ...options, workers: options.workers + 1, skusMaxOfOne });
        for (const { run } of history) run(grid);
        heal(grid, seed);
      }),
      { numRuns: Number(process.env.GOSSIP_RUNS ?? 60) },
    );
  }, 600_000);
});
