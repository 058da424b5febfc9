// The composition root of a worker process: store, grid, metrics and gateway put together, started in the order in
// which they can answer, stopped in the reverse.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createGateway } from './gateway/gateway.ts';
import { openStore } from './journal/open.ts';
import type { RegionLayout } from './journal/port.ts';
import { attachGrid, createMetrics } from './metrics/metrics.ts';
import type { GridInfo, Readiness } from './shell/grid.ts';
import { InventoryGrid } from './shell/inventory-grid.ts';
import { SHELL_LIMITS, type ShellLimits } from './shell/limits.ts';
import { NODE_RUNTIME } from './shell/runtime.ts';

/** Partitions of a region that says nothing else; fixed with its first start. */
const PARTITIONS_DEFAULT: RegionLayout['partitions'] = 128;

export interface WorkerOptions {
  readonly region: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** `lmdb:<dir>`, `redis://…`, `rediss://…` or `memory:`. */
  readonly store: string;
  readonly partitions?: number;
  /** Bearer token that clients must present; none on a local grid. */
  readonly token?: string;
  readonly limits?: Partial<ShellLimits>;
  readonly log: (line: string) => void;
}

export interface Worker {
  readonly port: number;
  /** The WebSocket engine that was found, for people to read. */
  readonly engine: string;
  info(): GridInfo;
  readiness(): Readiness;
  /** Drains, snapshots and gives the lane back. */
  stop(): Promise<void>;
  /** Resolves with the reason when the worker lost its lane and must end. */
  readonly failed: Promise<Error>;
}

/**
 * Starts one worker: it listens at once, answers UNAVAILABLE while it recovers, and serves when this resolves.
 * @throws LaneBusy, LayoutMismatch, StoreMisconfigured, StoreUnavailable, JournalCorrupt, or the error of a port
 * that is taken; each message says what to do.
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { region, log } = options;
  const store = await openStore(options.store, { onWarning: log });
  const nonce = randomBytes(8).toString('hex');
  const metrics = createMetrics({ version: version() });
  const limits = { ...SHELL_LIMITS, ...options.limits };
  const grid = new InventoryGrid({
    region,
    partitions: options.partitions ?? PARTITIONS_DEFAULT,
    store,
    ownerId: `${hostname()}:${process.pid}:${nonce}`,
    nonce,
    server: `holdfast/${version()}`,
    runtime: NODE_RUNTIME,
    metrics,
    limits,
    log,
  });
  attachGrid(metrics, grid);
  try {
    const gateway = await createGateway({
      grid,
      metrics,
      port: options.port,
      host: options.host,
      ...(options.token === undefined ? {} : { auth: { token: options.token } }),
    });
    try {
      // A predecessor that was killed counts as alive until its session runs out; wait for that, and a little more.
      await grid.open(limits.sessionTtlMs * 2);
    } catch (error) {
      await gateway.close({ drainMs: 0 });
      throw error;
    }
    const stop = async (): Promise<void> => {
      await grid.close();
      await gateway.close({ drainMs: 1_000 });
      await store.close();
    };
    return {
      port: gateway.port,
      engine: gateway.engine,
      info: () => grid.info(),
      readiness: () => grid.readiness(),
      stop,
      failed: grid.failed,
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function version(): string {
  // Two levels up in the sources and three in dist/: the first package.json on the way is ours.
  for (const up of ['../package.json', '../../package.json']) {
    try {
      return JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')).version;
    } catch {
      // Not at this level.
    }
  }
  return 'unknown';
}
