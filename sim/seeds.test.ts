// A short run of the simulator: fresh seeds for some seconds, and a few fixed ones. `npm run sim -- --minutes N` runs on.
import { describe, expect, it } from 'vitest';
import { runContendedLane } from './scenarios/contended-lane.ts';
import type { RunResult } from './scenarios/run-result.ts';

const FRESH_MS = 5_000;
/** A run takes a tenth of a second; on a machine that does much else, many times that. */
const PATIENCE_MS = 60_000;

/** Seeds whose faults strike in as many ways: crashes alone, pauses, a store that comes and goes, and all at once. */
const FIXED = ['fixed-1', 'fixed-2', 'fixed-3', 'fixed-4', 'fixed-5', 'fixed-6'];

function expectHolds({ seed, faults, violations }: RunResult): void {
  const found = violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n');
  expect(found, `seed ${seed}, replay with: npm run sim -- --seed ${seed} --trace\nfaults: ${faults}`).toBe('');
}

describe('workers that compete for a lane while faults strike', () => {
  it.each(FIXED)(
    'given seed %s / when it is run / then every invariant holds',
    async (seed) => {
      expectHolds(await runContendedLane(seed));
    },
    PATIENCE_MS,
  );

  it(
    'given fresh seeds / when they are run for some seconds / then every invariant holds',
    async () => {
      const base = Date.now().toString(36);
      console.log(`simulating seeds ${base}-0, ${base}-1, …`);
      const startedAt = performance.now();
      for (let n = 0; performance.now() - startedAt < FRESH_MS; n++)
        expectHolds(await runContendedLane(`${base}-${n}`));
    },
    PATIENCE_MS,
  );
});

describe('determinism', () => {
  it(
    'given one seed / when it is run twice, with another run between / then both traces are the same',
    async () => {
      const first = await runContendedLane('twice', { keepTrace: true });
      const other = await runContendedLane('other');
      const second = await runContendedLane('twice', { keepTrace: true });
      expect(second.trace).toEqual(first.trace);
      expect(second.traceHash).toBe(first.traceHash);
      expect(other.traceHash).not.toBe(first.traceHash);
      expect(first.trace.length).toBeGreaterThan(500);
    },
    PATIENCE_MS,
  );

  it(
    'given one seed / when it is run / then enough happens in it',
    async () => {
      const { operations, faultsStruck, epochs } = await runContendedLane('fixed-1');
      expect(operations).toBeGreaterThanOrEqual(300);
      expect(faultsStruck).toBeGreaterThanOrEqual(10);
      expect(epochs).toBeGreaterThan(1);
    },
    PATIENCE_MS,
  );
});
