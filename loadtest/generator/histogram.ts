// Latency histograms (HDR: relative error below 0.1 % over the whole range) in µs, and their summary.
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js';
import type { Percentiles } from './load.ts';

/** Longer latencies are recorded as this: a minute says "broken" well enough. */
const MAX_US = 60_000_000;

/** A histogram of durations given in ms, kept in µs. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: MAX_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });

  recordMs(ms: number): void {
    const us = Math.round(ms * 1000);
    this.#histogram.recordValue(us < 0 ? 0 : us > MAX_US ? MAX_US : us);
  }

  /** Adds what another histogram says by `encoded`. */
  add(encoded: string): void {
    this.#histogram.add(decodeFromCompressedBase64(encoded, 32, false));
  }

  encoded(): string {
    return encodeIntoCompressedBase64(this.#histogram);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  summary(): Percentiles {
    const h = this.#histogram;
    return {
      p50: h.getValueAtPercentile(50),
      p90: h.getValueAtPercentile(90),
      p99: h.getValueAtPercentile(99),
      p999: h.getValueAtPercentile(99.9),
      max: h.maxValue,
      mean: Math.round(h.mean),
    };
  }
}
