// A short run of the scenario of orders with several lines: seeds with clocks minutes apart, and fresh ones for some seconds (I15).
import { describe, expect, it } from 'vitest';
import { runOrderLines } from './scenarios/order-lines.ts';
import type { RunResult } from './scenarios/run-result.ts';

const FRESH_MS = 3_000;
const PATIENCE_MS = 90_000;

/** An order whose worker's clock was ahead was left by the one after it for as long as that. */
const CLOCKS_APART = ['g1-19', 'z-17'];

function expectHolds({ seed, faults, violations }: RunResult): void {
  const found = violations.map(({ invariant, text }) => `${invariant}: ${text}`).join('\n');
  const replay = `npm run sim -- --scenario order-lines --seed ${seed} --trace`;
  expect(found, `seed ${seed}, replay with: ${replay}\nfaults: ${faults}`).toBe('');
}

describe('orders of several lines in several regions while faults strike', () => {
  it.each(CLOCKS_APART)(
    'given seed %s, with clocks minutes apart / when it is run / then each order comes to one outcome on all its lines, soon (I15)',
    async (seed) => {
      expectHolds(await runOrderLines(seed));
    },
    PATIENCE_MS,
  );

  it(
    'given fresh seeds / when they are run for some seconds / then each order comes to one outcome on all its lines (I15)',
    async () => {
      const base = Date.now().toString(36);
      console.log(`simulating order-lines seeds ${base}-0, ${base}-1, …`);
      const startedAt = performance.now();
      for (let n = 0; performance.now() - startedAt < FRESH_MS; n++) expectHolds(await runOrderLines(`${base}-${n}`));
    },
    PATIENCE_MS,
  );

  it(
    'given a seed in which a clock jumps by a minute / when it is run twice / then it holds, and both traces are the same',
    async () => {
      const first = await runOrderLines('a-11');
      const second = await runOrderLines('a-11');
      expect(second.traceHash).toBe(first.traceHash);
      expectHolds(second);
    },
    PATIENCE_MS,
  );
});
