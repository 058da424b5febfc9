// What each scenario is for k6: its virtual users, each with one long iteration, and the thresholds that fail the run.
import type { Options } from 'k6/options';
import { windowThresholds } from './metrics.ts';
import { setting } from './settings.ts';

/** Connections. */
export const VUS = setting('VUS', 10);
/** Past its duration a run waits for answers; then k6 ends it. */
const OVERTIME_S = 60;

/**
 * @param durationMs of the load
 * @param thresholds besides that every request has an answer that is expected
 */
export function optionsOf(durationMs: number, thresholds: Record<string, string[]>, vus = VUS): Options {
  return {
    scenarios: {
      load: {
        executor: 'per-vu-iterations',
        vus,
        iterations: 1,
        maxDuration: `${Math.ceil(durationMs / 1_000) + OVERTIME_S}s`,
      },
    },
    summaryTrendStats: ['count', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
    thresholds: { ...windowThresholds(), holdfast_unexpected: ['rate==0'], ...thresholds },
  };
}

/** Any of the SKUs, as likely as each other. */
export function anyOf(skus: number): number {
  return Math.floor(Math.random() * skus);
}
