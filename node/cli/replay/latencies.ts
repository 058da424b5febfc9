// How long each op took, from call to answer, and the percentiles of it.
import { build, type Histogram } from 'hdr-histogram-js';

export const TIMED_OPS = ['reserve', 'commit', 'ship', 'adjust'] as const;
export type TimedOp = (typeof TIMED_OPS)[number];

export interface Percentiles {
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Latencies {
  readonly #histograms = new Map<TimedOp, Histogram>(
    // Microseconds up to ten minutes, to three digits.
    TIMED_OPS.map((op) => [
      op,
      build({ lowestDiscernibleValue: 1, highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: 3 }),
    ]),
  );

  readonly #max = new Map<TimedOp, number>();

  record(op: TimedOp, ms: number): void {
    const us = Math.min(600_000_000, Math.max(1, Math.round(ms * 1_000)));
    this.#histograms.get(op)?.recordValue(us);
    this.#max.set(op, Math.max(this.#max.get(op) ?? 0, us / 1_000));
  }

  /** By op; ops that never ran are left out. */
  summary(): Partial<Record<TimedOp, Percentiles>> {
    const summary: Partial<Record<TimedOp, Percentiles>> = {};
    for (const [op, histogram] of this.#histograms) {
      if (histogram.totalCount === 0) continue;
      // A bucket is named by its upper end, which may lie above everything that was recorded.
      const max = this.#max.get(op) ?? 0;
      const at = (percentile: number): number => Math.min(max, histogram.getValueAtPercentile(percentile) / 1_000);
      summary[op] = {
        count: histogram.totalCount,
        p50: at(50),
        p90: at(90),
        p99: at(99),
        p999: at(99.9),
        max,
      };
    }
    return summary;
  }
}
