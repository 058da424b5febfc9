// What exists only while a lane is owned and recovered, put together: commits, snapshots, who executes and who reads.
import type { PoolOptions, PoolRow } from '../../cluster/escrow/index.ts';
import type { Failure } from '../../protocol/index.ts';
import type { Lane, SnapshotSlot } from '../journal/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { ActorLoader } from './actor-loader.ts';
import { Admission } from './admission.ts';
import type { Arrivals } from './arrivals.ts';
import { Committer } from './committer.ts';
import { Executor } from './executor.ts';
import { Handoff } from './handoff.ts';
import type { LanePartitions } from './lane-partitions.ts';
import type { Lease } from './lease.ts';
import type { ShellLimits } from './limits.ts';
import { Orders } from './orders/orders.ts';
import { Pools } from './pools.ts';
import { Reads } from './reads.ts';
import type { Recovered } from './recovery.ts';
import type { Runtime } from './runtime.ts';
import { Snapshotter } from './snapshotter.ts';
import { type AskOrder, Tentatives } from './tentatives.ts';
import type { Watchers } from './watchers.ts';

/** What exists only while the lane is owned. */
export interface Serving {
  readonly lane: Lane;
  readonly lease: Lease;
  readonly admission: Admission;
  readonly committer: Committer;
  readonly snapshotter: Snapshotter;
  readonly executor: Executor;
  readonly orders: Orders;
  readonly pools: Pools;
  readonly reads: Reads;
  readonly handoff: Handoff;
}

export interface ServingDeps extends Arrivals {
  readonly region: string;
  readonly nonce: string;
  readonly lane: Lane;
  readonly lease: Lease;
  readonly recovered: Recovered;
  /** Of the lane, before it was recovered. */
  readonly generation: number;
  readonly partitions: LanePartitions;
  readonly watchers: Watchers;
  readonly limits: ShellLimits;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  readonly poolOptions?: PoolOptions;
  readonly sendRows?: (rows: readonly PoolRow[]) => void;
  readonly askOrder?: AskOrder;
  readonly changed?: (sku: string) => void;
  /** Outcomes were handed out. */
  readonly flush: () => void;
  /** Why nothing may be decided now. */
  readonly refusal: () => Failure | undefined;
  readonly hasRoom: () => boolean;
  /** The store stopped or resumed answering. */
  readonly stalled: (reason: string | undefined) => void;
  /** The lane is lost or broken. */
  readonly fatal: (error: Error) => void;
}

export function assemble(deps: ServingDeps): Serving {
  const { region, nonce, lane, lease, recovered, generation, directory, partitions, wheel, board, watchers } = deps;
  const { limits, runtime, metrics, log, poolOptions, sendRows, changed, flush, refusal, hasRoom, stalled, fatal } =
    deps;
  const admission = new Admission(limits, runtime.monotonic());
  const committer = new Committer({
    lane,
    runtime,
    limits,
    metrics,
    log,
    checksum: recovered.checksum,
    lastSeq: recovered.lastSeq,
    mayAcknowledge: lease.valid,
    publish: (push) => watchers.publish(push),
    sendRows: (rows) => {
      metrics.poolRows.labels({ result: 'sent' }).inc(rows.length);
      sendRows?.(rows);
    },
    released: () => {
      admission.released(committer.answered, runtime.monotonic());
      flush();
    },
    stalled,
    fatal,
  });
  const snapshotter = new Snapshotter(
    {
      lane,
      directory,
      partitions,
      committer,
      runtime,
      limits,
      metrics,
      log,
      fatal,
    },
    recovered,
    generation,
  );
  const passivated = (slot: SnapshotSlot, sku: string) => snapshotter.passivated(slot, sku);
  const pools = new Pools({
    directory,
    runtime,
    limits,
    metrics,
    log,
    ...(poolOptions === undefined ? {} : { options: poolOptions }),
  });
  const loader = new ActorLoader({
    passivated,
    directory,
    partitions,
    limits,
    refusal,
    released: flush,
  });
  const tentatives = new Tentatives({
    region,
    ask: deps.askOrder ?? ((_order, _reservationId, answer) => answer(undefined)),
    runtime,
    metrics,
    limits,
    settle: (sku, request) => {
      if (refusal() === undefined) executor.mutate(sku, request, () => {});
    },
  });
  const executor: Executor = new Executor({
    region,
    lane,
    loader,
    committer,
    directory,
    partitions,
    wheel,
    watchers,
    pools,
    tentatives,
    runtime,
    metrics,
    limits,
    log,
    changed,
  });
  const orders = new Orders({
    region,
    loader,
    committer,
    directory,
    partitions,
    board,
    runtime,
    metrics,
    limits,
    log,
    released: flush,
    refusal,
  });
  const reads = new Reads(executor, directory, passivated, pools);
  const handoff = new Handoff({
    passivated,
    directory,
    partitions,
    committer,
    wheel,
    board,
    runtime,
    hasRoom,
    draw: draws(nonce),
    log,
  });
  return { lane, lease, admission, committer, snapshotter, executor, orders, pools, reads, handoff };
}

/** Names that no other process and no earlier life of this one has used. */
function draws(nonce: string): () => string {
  let drawn = 0;
  return () => {
    drawn += 1;
    return `${nonce}.${drawn}`;
  };
}
