// All metrics of a worker process, named by Prometheus conventions. One registry per process.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const LATENCY_BUCKETS_S = [
  0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];
const COMMIT_BUCKETS_S = [0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const BATCH_RECORDS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/** The instruments, created once at start and handed to whoever observes. */
export interface Metrics {
  readonly registry: Registry;
  /** From the decoded frame to the encoded reply. */
  readonly requestDuration: Histogram<'op' | 'code'>;
  readonly commitDuration: Histogram;
  readonly batchRecords: Histogram;
  readonly appendFailures: Counter<'result'>;
  readonly expiries: Counter;
  readonly sheds: Counter<'reason'>;
  readonly invariantViolations: Counter;
  readonly snapshotDuration: Histogram;
  readonly connections: Gauge<'encoding'>;
  readonly connectionsClosed: Counter<'reason'>;
  readonly pushesCoalesced: Counter;
}
