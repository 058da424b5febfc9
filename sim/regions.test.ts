// A short run of the scenario of several regions: seeds that once found a defect, and fresh ones for some seconds.
import { describe, expect, it } from 'vitest';
import { runRegions } from './scenarios/regions.ts';
import type { RunResult } from './scenarios/run-result.ts';

const FRESH_MS = 5_000;
const PATIENCE_MS = 60_000;

/** Seeds that found a defect, or a planted one, when they were new. */
const FIXED = [
  'fixed-1',
  't-7',
  't-8',
  't-20',
  'planted-43',
  'n1-1',
  'n1-97',
  'n1-317',
  'n2-1587',
  'q-9',
  'q-25',
  'n6-733',
];

function expectHolds({ seed, faults, violations }: RunResult): void {
  const found = violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n');
  const replay = `npm run sim -- --scenario regions --seed ${seed} --trace`;
  expect(found, `seed ${seed}, replay with: ${replay}\nfaults: ${faults}`).toBe('');
}

describe('workers of several regions while faults strike', () => {
  it.each(FIXED)(
    'given seed %s / when it is run / then every invariant holds',
    async (seed) => {
      expectHolds(await runRegions(seed));
    },
    PATIENCE_MS,
  );

  it(
    'given fresh seeds / when they are run for some seconds / then every invariant holds and all come to know the same',
    async () => {
      const base = Date.now().toString(36);
      console.log(`simulating regions seeds ${base}-0, ${base}-1, …`);
      const startedAt = performance.now();
      for (let n = 0; performance.now() - startedAt < FRESH_MS; n++) expectHolds(await runRegions(`${base}-${n}`));
    },
    PATIENCE_MS,
  );

  it(
    'given one seed / when it is run twice, with another run between / then both traces are the same',
    async () => {
      const first = await runRegions('twice', { keepTrace: true });
      const other = await runRegions('other');
      const second = await runRegions('twice', { keepTrace: true });
      expect(second.trace).toEqual(first.trace);
      expect(second.traceHash).toBe(first.traceHash);
      expect(other.traceHash).not.toBe(first.traceHash);
    },
    PATIENCE_MS,
  );
});
