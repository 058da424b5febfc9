// What `npm test` runs: `unit`, the tests beside the sources; `e2e`, real processes and real signals; and `timed`, those of them that also say
// how long something may take, one file at a time so that they have the machine to themselves. What `npm run test:k6` runs: `k6`, apart because
// no system has k6 among its own packages.
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const SECOND_MS = 1_000;
const K6_TEST = 'test/k6.test.ts';
const TIMED_TESTS = ['test/faults/{clock,hosts,redis,zombie}.test.ts', 'test/{cluster,regions,smart-client}.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    // By itself Vitest leaves a processor free, which of two is half. Most tests wait more than they reckon.
    maxWorkers: availableParallelism(),
    globalSetup: ['test/setup/global.ts'],
    // A test that left a process, a socket or a timer behind fails its file instead of hanging the run.
    teardownTimeout: 20 * SECOND_MS,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{protocol,node,cluster,orders,sim,loadtest}/**/*.test.ts'],
          testTimeout: 90 * SECOND_MS,
          hookTimeout: 90 * SECOND_MS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/**/*.test.ts'],
          exclude: [K6_TEST, ...TIMED_TESTS],
          testTimeout: 180 * SECOND_MS,
          hookTimeout: 120 * SECOND_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'timed',
          include: TIMED_TESTS,
          testTimeout: 180 * SECOND_MS,
          hookTimeout: 120 * SECOND_MS,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'k6',
          include: [K6_TEST],
          testTimeout: 180 * SECOND_MS,
          hookTimeout: 120 * SECOND_MS,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
