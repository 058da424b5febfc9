// A short run of the region's scenario: seeds that once found a defect, and fresh ones for some seconds.
import { describe, expect, it } from 'vitest';
import { runRegion } from './scenarios/region.ts';
import type { RunResult } from './scenarios/run-result.ts';

const FRESH_MS = 5_000;
const PATIENCE_MS = 60_000;

/** Seeds that found a defect, or a planted one, when they were new. */
const FIXED = [
  'a-16',
  'b-4',
  'fixed-1',
  'q-213',
  'q-821',
  'q-1469',
  'z-1764',
  'planted-3',
  'planted-14',
  'planted-131',
];

function expectHolds({ seed, faults, violations }: RunResult): void {
  const found = violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n');
  const replay = `npm run sim -- --scenario region --seed ${seed} --trace`;
  expect(found, `seed ${seed}, replay with: ${replay}\nfaults: ${faults}`).toBe('');
}

describe('workers of a region while faults strike', () => {
  it.each(FIXED)(
    'given seed %s / when it is run / then every invariant holds',
    async (seed) => {
      expectHolds(await runRegion(seed));
    },
    PATIENCE_MS,
  );

  it(
    'given fresh seeds / when they are run for some seconds / then every invariant holds and all settles',
    async () => {
      const base = Date.now().toString(36);
      console.log(`simulating region seeds ${base}-0, ${base}-1, …`);
      const startedAt = performance.now();
      for (let n = 0; performance.now() - startedAt < FRESH_MS; n++) expectHolds(await runRegion(`${base}-${n}`));
    },
    PATIENCE_MS,
  );

  it(
    'given one seed / when it is run twice, with another run between / then both traces are the same',
    async () => {
      const first = await runRegion('twice', { keepTrace: true });
      const other = await runRegion('other');
      const second = await runRegion('twice', { keepTrace: true });
      expect(second.trace).toEqual(first.trace);
      expect(second.traceHash).toBe(first.traceHash);
      expect(other.traceHash).not.toBe(first.traceHash);
    },
    PATIENCE_MS,
  );
});
