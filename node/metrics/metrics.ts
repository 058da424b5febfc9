// All metrics of a worker process, named by Prometheus conventions. One registry per process. What is counted as it
// happens is an instrument here; what can be read at any moment is asked for when Prometheus scrapes.
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Grid, GridFigures } from '../shell/grid.ts';
import { LabelledHistogram } from './histogram.ts';

const LATENCY_BUCKETS_S = [
  0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];
const COMMIT_BUCKETS_S = [0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const SNAPSHOT_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const BATCH_RECORDS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];

/** Gauges that prom-client names like counters; promtool refuses them. */
const MISNAMED_DEFAULTS = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** The instruments, created once at start and handed to whoever observes. */
export interface Metrics {
  readonly registry: Registry;
  /** From the decoded frame to the encoded reply. */
  readonly requestDuration: LabelledHistogram<'op' | 'code'>;
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
  readonly forwards: Counter<'result'>;
  readonly regionForwards: Counter<'region' | 'result'>;
  readonly gossipRounds: Counter<'result'>;
  readonly gossipBytes: Counter<'direction'>;
  readonly moves: Counter<'result'>;
  readonly movePause: Histogram;
  readonly adoptions: Counter;
  /** What regions say to each other of pooled stock. */
  readonly poolRows: Counter<'result'>;
  /** What orders said of tentative reservations that asked. */
  readonly orderAsks: Counter<'answer'>;
  /** Requests of orders to reserve, commit and give back. */
  readonly orderErrands: Counter<'result'>;
  /** Orders whose reservations somebody else had left unfinished, or whose time was over. */
  readonly ordersTakenUp: Counter;
}

/** What the build says about itself. */
export interface BuildInfo {
  readonly version: string;
}

/** What a gateway can tell at any moment. */
export interface GatewayFigures {
  readonly engine: { readonly name: string; readonly version: string; readonly native: boolean };
  /** Bytes of replies and pushes that wait for slow readers, over all connections. */
  backpressureBytes(): number;
}

/** Creates the registry with Node's default metrics (event-loop delay included) and all instruments. */
export function createMetrics(build?: BuildInfo): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED_DEFAULTS) registry.removeSingleMetric(name);
  const registers = [registry];
  const buildInfo = new Gauge({
    name: 'holdfast_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    registers,
  });
  buildInfo.set({ version: build?.version ?? 'unknown', node: process.version }, 1);
  return {
    registry,
    requestDuration: new LabelledHistogram({
      name: 'holdfast_request_duration_seconds',
      help: 'Time from the decoded frame to the encoded reply, by operation and outcome.',
      labelNames: ['op', 'code'],
      buckets: LATENCY_BUCKETS_S,
      registry,
    }),
    commitDuration: new Histogram({
      name: 'holdfast_journal_commit_duration_seconds',
      help: 'Time the store took to make one batch durable.',
      buckets: COMMIT_BUCKETS_S,
      registers,
    }),
    batchRecords: new Histogram({
      name: 'holdfast_journal_batch_records',
      help: 'Records that shared one commit.',
      buckets: BATCH_RECORDS_BUCKETS,
      registers,
    }),
    appendFailures: new Counter({
      name: 'holdfast_journal_append_failures_total',
      help: 'Appends that did not land at once, by what the store answered.',
      labelNames: ['result'],
      registers,
    }),
    expiries: new Counter({
      name: 'holdfast_expiries_total',
      help: 'Reservations that ended by expiry.',
      registers,
    }),
    sheds: new Counter({
      name: 'holdfast_sheds_total',
      help: 'Requests refused to protect the worker, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    invariantViolations: new Counter({
      name: 'holdfast_invariant_violations_total',
      help: 'Assertions of an actor that failed; anything above 0 is a defect.',
      registers,
    }),
    snapshotDuration: new Histogram({
      name: 'holdfast_snapshot_duration_seconds',
      help: 'Time of one snapshot round, from its first row to its publication.',
      buckets: SNAPSHOT_BUCKETS_S,
      registers,
    }),
    connections: new Gauge({
      name: 'holdfast_connections',
      help: 'Open WebSocket connections, by encoding.',
      labelNames: ['encoding'],
      registers,
    }),
    connectionsClosed: new Counter({
      name: 'holdfast_connections_closed_total',
      help: 'WebSocket connections that ended, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    pushesCoalesced: new Counter({
      name: 'holdfast_pushes_coalesced_total',
      help: 'Availability pushes replaced by a newer one before they were sent.',
      registers,
    }),
    forwards: new Counter({
      name: 'holdfast_forwards_total',
      help: 'Requests passed on to the worker that serves their partition, by result: ok, moved (not served there any more) or failed (no answer).',
      labelNames: ['result'],
      registers,
    }),
    regionForwards: new Counter({
      name: 'holdfast_region_forwards_total',
      help: 'Requests passed on to another region, by region and result: ok, failed (nobody answered) or refused (too many wait, or nobody has answered for a while).',
      labelNames: ['region', 'result'],
      registers,
    }),
    gossipRounds: new Counter({
      name: 'holdfast_gossip_rounds_total',
      help: 'Questions to other workers in rounds of gossip, by result: ok, failed (no answer), refused (it has said as much as it may for now) or malformed.',
      labelNames: ['result'],
      registers,
    }),
    gossipBytes: new Counter({
      name: 'holdfast_gossip_bytes_total',
      help: 'Bytes of answers in rounds of gossip, sent and received.',
      labelNames: ['direction'],
      registers,
    }),
    moves: new Counter({
      name: 'holdfast_partition_moves_total',
      help: 'Partitions that this worker tried to hand to another lane, by result.',
      labelNames: ['result'],
      registers,
    }),
    movePause: new Histogram({
      name: 'holdfast_partition_move_pause_seconds',
      help: 'Time for which nobody served a partition that moved.',
      buckets: COMMIT_BUCKETS_S,
      registers,
    }),
    adoptions: new Counter({
      name: 'holdfast_lane_adoptions_total',
      help: 'Lanes taken over from workers that died.',
      registers,
    }),
    orderAsks: new Counter({
      name: 'holdfast_order_asks_total',
      help: 'Orders asked what becomes of a tentative reservation, by answer: commit, expire, unknown-yet, or unreachable.',
      labelNames: ['answer'],
      registers,
    }),
    orderErrands: new Counter({
      name: 'holdfast_order_errands_total',
      help: 'Requests made for the lines of orders: done, or to be sent again.',
      labelNames: ['result'],
      registers,
    }),
    ordersTakenUp: new Counter({
      name: 'holdfast_orders_taken_up_total',
      help: 'Orders whose reservations were taken up again: left by a worker that died, or past their time.',
      registers,
    }),
    poolRows: new Counter({
      name: 'holdfast_pool_rows_total',
      help: 'Rows about pooled stock between regions: sent, received, refused, passed on to another worker, or dropped.',
      labelNames: ['result'],
      registers,
    }),
  };
}

/** The page of this worker and others, added up metric by metric; ages and pauses take the greatest. */
export async function aggregate(metrics: Metrics, others: Promise<readonly object[]>): Promise<string> {
  const theirs = await others;
  if (theirs.length === 0) return metrics.registry.metrics();
  const own = await metrics.registry.getMetricsAsJSON();
  return AggregatorRegistry.aggregate([own, ...theirs]).metrics();
}

/** Registers the gauges that are read from the grid at each scrape. Call once per registry. */
export function attachGrid(metrics: Metrics, grid: Pick<Grid, 'figures'>): void {
  // All gauges of one scrape are collected in one turn: they share one reading and so agree with each other.
  let reading: GridFigures | undefined;
  const read = (): GridFigures => {
    if (reading === undefined) {
      reading = grid.figures();
      queueMicrotask(() => {
        reading = undefined;
      });
    }
    return reading;
  };
  const gauge = (
    name: string,
    help: string,
    value: (figures: GridFigures) => number,
    aggregator: 'sum' | 'max' = 'sum',
  ): void => {
    new Gauge({
      name,
      help,
      aggregator,
      registers: [metrics.registry],
      collect() {
        this.set(value(read()));
      },
    });
  };
  gauge('holdfast_mailbox_depth', 'Requests accepted and not yet answered.', (f) => f.mailboxDepth);
  gauge('holdfast_positions', 'Positions (SKU at a ship node) the worker owns.', (f) => f.positions);
  gauge(
    'holdfast_live_reservations',
    'Reservations that hold stock: live, or committed and not yet shipped.',
    (f) => f.liveReservations,
  );
  gauge('holdfast_orders', 'Orders the worker owns, those that are done included.', (f) => f.orders);
  gauge('holdfast_tasks_waiting', 'Due tasks of orders that nobody has taken.', (f) => f.tasksWaiting);
  gauge('holdfast_tasks_lent', 'Tasks of orders that were taken and are not closed.', (f) => f.tasksLent);
  gauge('holdfast_journal_lag_records', 'Records decided and not yet durable.', (f) => f.journalSeq - f.durableSeq);
  gauge('holdfast_journal_tail_records', 'Records a restart would have to replay.', (f) => f.tailRecords);
  gauge(
    'holdfast_snapshot_age_seconds',
    'Time since the newest snapshot was published; NaN before the first.',
    (f) => (f.snapshotAgeMs === undefined ? Number.NaN : f.snapshotAgeMs / 1000),
    'max',
  );
  new Gauge({
    name: 'holdfast_actors_in_memory',
    help: 'Actors held in memory, by how: as objects (hot) or as packed records.',
    labelNames: ['residency'],
    registers: [metrics.registry],
    collect() {
      const { actors } = read();
      this.set({ residency: 'hot' }, actors.hot);
      this.set({ residency: 'packed' }, actors.packed);
    },
  });
}

/** What is known of other regions. */
export interface RegionsFigures {
  report(): readonly { readonly region: string; readonly stalenessMs: number }[];
  figures(): { readonly registers: number; readonly bytes: number };
}

/** Registers what is read of other regions at each scrape. Call once per registry. */
export function attachRegions(metrics: Metrics, regions: RegionsFigures): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'holdfast_gossip_staleness_seconds',
    help: 'How old what this worker shows of another region is at most; before all of it was heard, how long that has taken.',
    labelNames: ['region'],
    aggregator: 'max',
    registers,
    collect() {
      for (const { region, stalenessMs } of regions.report()) this.set({ region }, stalenessMs / 1_000);
    },
  });
  new Gauge({
    name: 'holdfast_gossip_registers',
    help: 'SKUs whose availability is known here, of this region and others.',
    aggregator: 'max',
    registers,
    collect() {
      this.set(regions.figures().registers);
    },
  });
  new Gauge({
    name: 'holdfast_gossip_replica_bytes',
    help: 'Bytes of what is known of SKUs, without what it takes to find them.',
    registers,
    collect() {
      this.set(regions.figures().bytes);
    },
  });
}

/** Registers what is read from the gateway at each scrape. Call once per registry. */
export function attachGateway(metrics: Metrics, gateway: GatewayFigures): void {
  const registers = [metrics.registry];
  new Gauge({
    name: 'holdfast_backpressure_bytes',
    help: 'Bytes of replies and pushes that wait for slow readers, over all connections.',
    registers,
    collect() {
      this.set(gateway.backpressureBytes());
    },
  });
  const { name, version, native } = gateway.engine;
  new Gauge({
    name: 'holdfast_engine_info',
    help: 'Always 1; the labels say which WebSocket engine serves.',
    labelNames: ['engine', 'version', 'native'],
    aggregator: 'first',
    registers,
  }).set({ engine: name, version, native: String(native) }, 1);
}
