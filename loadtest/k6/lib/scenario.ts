// What each scenario is for k6: its virtual users, each with one long iteration, and the thresholds that fail the run.
import type { Options, Threshold } from 'k6/options';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { sumsFor } from './metrics.ts';

/** Past its duration a run waits for answers and for reservations to expire; then k6 ends it. */
const OVERTIME_S = 60;

export interface Scenario {
  readonly durationMs: number;
  /** Virtual users. */
  readonly connections: number;
  readonly ops: readonly string[];
  /** Codes of refusals that are no fault. */
  readonly expected?: readonly ErrorCode[];
  /** Besides that something is granted, and every request has an answer that is expected. */
  readonly thresholds: Record<string, Threshold[]>;
}

export function optionsOf({ durationMs, connections, ops, expected = [], thresholds }: Scenario): Options {
  return {
    scenarios: {
      load: {
        executor: 'per-vu-iterations',
        vus: connections,
        iterations: 1,
        maxDuration: `${Math.ceil(durationMs / 1_000) + OVERTIME_S}s`,
      },
    },
    teardownTimeout: `${OVERTIME_S}s`,
    summaryTrendStats: ['count', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
    thresholds: {
      ...sumsFor(ops, expected),
      holdfast_unexpected: ['rate==0'],
      // To k6 a bound holds over no samples at all: a run that reached nobody must fail by itself.
      holdfast_acknowledged: ['count>0'],
      ...thresholds,
    },
  };
}

export function p99Below(ms: number): string {
  return `p(99)<${ms}`;
}
