// The thing under test in each simulated process, behind one factory: what the scenario needs of a worker is to submit
// requests, to watch, and to stop. The faults do not know what it is.
import type { Mesh } from '../cluster/mesh/port.ts';
import type { JournalStore } from '../node/journal/port.ts';
import type { Metrics } from '../node/metrics/metrics.ts';
import type { Respond } from '../node/shell/grid.ts';
import { InventoryGrid } from '../node/shell/inventory-grid.ts';
import type { ShellLimits } from '../node/shell/limits.ts';
import type { Runtime } from '../node/shell/runtime.ts';
import type { AvailabilityPush, ItemRequest } from '../protocol/index.ts';

/** What a process gives the worker in it. */
export interface SubjectPorts {
  readonly region: string;
  readonly partitions: number;
  /** Unique to this incarnation. */
  readonly ownerId: string;
  readonly nonce: string;
  readonly store: JournalStore;
  readonly mesh: Mesh;
  /** Reaches workers of all regions; only where there are several. */
  readonly regionsMesh: Mesh | undefined;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits: ShellLimits;
  readonly log: (line: string) => void;
  /** The worker cannot go on: its process ends and is started anew. */
  readonly ended: (error: Error) => void;
}

export interface Subject {
  submit(request: ItemRequest, respond: Respond): void;
  /** @param region default: the worker's own */
  watch(sku: string, listener: (push: AvailabilityPush) => void, region?: string): () => void;
  isServing(): boolean;
  /** Whether anybody of another region answered the last time; absent where there is only one. */
  reaches?(region: string): boolean;
  /** The lanes that it believes to own; absent where there is only one. */
  lanes?(): readonly { readonly lane: string; readonly epoch: number }[];
  /** Moves all it has to others; resolves when nothing is left. */
  drain?(): Promise<void>;
  /** A clean stop. */
  stop(): Promise<void>;
}

export type SubjectFactory = (ports: SubjectPorts) => Subject;

/** One process, one lane: all compete for it, and those that do not have it wait. */
export const inventoryGrid: SubjectFactory = (ports) => {
  const { region, partitions, ownerId, nonce, store, runtime, metrics, limits, log, ended } = ports;
  const server = 'holdfast/sim';
  const grid = new InventoryGrid({ region, partitions, store, ownerId, nonce, server, runtime, metrics, limits, log });
  grid.open(Number.POSITIVE_INFINITY).catch((error: Error) => ended(error));
  void grid.failed.then(ended);
  return {
    submit: (request, respond) => grid.submit(request, respond),
    watch: (sku, listener) => grid.watch(sku, listener),
    isServing: () => grid.readiness().ready,
    stop: () => grid.close(),
  };
};

const INSTRUMENT = { labels: () => INSTRUMENT, inc: () => {}, observe: () => {}, set: () => {} };

/** Instruments that measure nothing: a registry for each of thousands of processes is what the run would spend on. */
export const NO_METRICS = new Proxy({}, { get: () => INSTRUMENT }) as Metrics;
