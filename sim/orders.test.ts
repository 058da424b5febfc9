// A short run of the scenario with orders: seeds that once found a defect, and fresh ones for some seconds.
import { describe, expect, it } from 'vitest';
import { runOrders } from './scenarios/region.ts';
import type { RunResult } from './scenarios/run-result.ts';

const FRESH_MS = 6_000;
const PATIENCE_MS = 60_000;

/** Seeds that found a defect when they were new: leases and due times by a clock that went back. */
const FIXED = ['t-8', 't-11', 'u-46', 'u-67'];

function expectHolds({ seed, faults, violations }: RunResult): void {
  const found = violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n');
  const replay = `npm run sim -- --scenario orders --seed ${seed} --trace`;
  expect(found, `seed ${seed}, replay with: ${replay}\nfaults: ${faults}`).toBe('');
}

describe('orders in a region while faults strike', () => {
  it.each(FIXED)(
    'given seed %s / when it is run / then every invariant holds',
    async (seed) => {
      expectHolds(await runOrders(seed));
    },
    PATIENCE_MS,
  );

  it(
    'given fresh seeds / when they are run for some seconds / then every invariant holds and every task is done',
    async () => {
      const base = Date.now().toString(36);
      console.log(`simulating orders seeds ${base}-0, ${base}-1, …`);
      const startedAt = performance.now();
      for (let n = 0; performance.now() - startedAt < FRESH_MS; n++) expectHolds(await runOrders(`${base}-${n}`));
    },
    PATIENCE_MS,
  );
});
