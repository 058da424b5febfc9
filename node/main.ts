// The composition root of a worker process: store, grid, metrics and gateway put together, started in the order in
// which they can answer, stopped in the reverse.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenMesh } from '../cluster/mesh/sockets.ts';
import type { MeshTls } from '../cluster/mesh/tls.ts';
import { orderCore } from '../orders/order/index.ts';
import { createGateway } from './gateway/gateway.ts';
import { openStore } from './journal/open.ts';
import type { RegionLayout } from './journal/port.ts';
import { attachGrid, attachRegions, createMetrics } from './metrics/metrics.ts';
import { OrderCoordinator } from './orders/coordinator.ts';
import { RegionsControl } from './regions/control.ts';

import { Regions } from './regions/regions.ts';
import type { Grid, GridInfo, Readiness, RegionControl } from './shell/grid.ts';
import { SHELL_LIMITS, type ShellLimits } from './shell/limits.ts';
import { NODE_RUNTIME } from './shell/runtime.ts';
import { meshPoolLink } from './worker/mesh-pool-link.ts';
import { MeshRegionControl } from './worker/region-control.ts';
import { RegionMap } from './worker/region-map.ts';
import { RegionWorker } from './worker/region-worker.ts';

/** Partitions of a region that says nothing else; fixed with its first start. */
const PARTITIONS_DEFAULT: RegionLayout['partitions'] = 128;

/** The mesh of all regions: a message within a region never gets onto it. */
const REGIONS_CLUSTER = 'holdfast-regions';

/** A way into another region. */
export interface RegionPeer {
  readonly region: string;
  readonly address: string;
}

export interface WorkerOptions {
  /** Names it in its region, the same over restarts; default `w1`. */
  readonly id?: string;
  readonly region: string;
  /** Where it alone listens; 0 picks a free one. */
  readonly port: number;
  /** A port that all workers of the region on this host share; none by default. */
  readonly sharedPort?: number;
  readonly host: string;
  /** Where clients reach this worker and no other; default the host and port it listens on. */
  readonly url?: string;
  /** Where other workers reach it: `unix:/path` or `tcp:host:port`; default a socket in the system's directory for such. */
  readonly mesh?: string;
  /** Shared by all workers that may speak to each other; default a random one, which nobody else knows. */
  readonly meshSecret?: string;
  /** With it, links over TCP are TLS, and both sides show a certificate of one authority. */
  readonly meshTls?: MeshTls;
  /** Where workers of other regions reach it, as `mesh`; without it the region stands alone. */
  readonly regionsMesh?: string;
  /** Such addresses of workers of other regions: a few that are likely to be up; the others are learned. */
  readonly regionPeers?: readonly RegionPeer[];
  /** What it sends of its gossip at most; see RegionsLimits. */
  readonly gossipBytesPerSecond?: number;
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
  /** How many other workers of the region could take what it holds, as the store has it now. */
  colleagues(): Promise<number>;
  /** Moves all it holds to other workers of the region. */
  drain(): Promise<void>;
  /** Lets what was taken become durable, snapshots and gives its lanes back. */
  stop(): Promise<void>;
  /** Resolves with the reason when the worker lost a lane and must end. */
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
  const draw = (): string => randomBytes(8).toString('hex');
  const incarnation = draw();
  const metrics = createMetrics({ version: version() });
  const limits = { ...SHELL_LIMITS, ...options.limits };
  const id = options.id ?? 'w1';
  const partitions = options.partitions ?? PARTITIONS_DEFAULT;
  const endings: (() => Promise<void>)[] = [() => store.close()];
  try {
    const secret = options.meshSecret ?? draw();
    const mesh = await listenMesh({
      address: options.mesh ?? `unix:${join(tmpdir(), `holdfast-${process.pid}-${incarnation}.sock`)}`,
      secret,
      cluster: region,
      ...(options.meshTls === undefined ? {} : { tls: options.meshTls }),
      log,
    });
    endings.unshift(() => mesh.close());
    const regionsMesh =
      options.regionsMesh === undefined
        ? undefined
        : await listenMesh({
            address: options.regionsMesh,
            secret,
            cluster: REGIONS_CLUSTER,
            ...(options.meshTls === undefined ? {} : { tls: options.meshTls }),
            log,
          });
    if (regionsMesh !== undefined) endings.unshift(() => regionsMesh.close());
    let url = '';
    let regions: Regions | undefined;
    const worker = new RegionWorker({
      id,
      region,
      partitions,
      store,
      mesh,
      runtime: NODE_RUNTIME,
      metrics,
      limits,
      server: `holdfast/${version()}`,
      orderCore,
      askOrder: (order, reservationId, answer) => coordinator.ask(order, reservationId, answer),
      host: hostname(),
      url: () => url,
      ownerId: `${hostname()}:${process.pid}:${incarnation}`,
      draw,
      log,
      ...(regionsMesh === undefined
        ? {}
        : {
            regionsMesh: regionsMesh.address,
            changed: (sku: string) => regions?.changed(sku),
            poolLink: meshPoolLink(regionsMesh, region, (to) => regions?.addressOf(to)),
          }),
    });
    attachGrid(metrics, worker.grid);
    let grid: Grid = worker.grid;
    let control: RegionControl = new MeshRegionControl(worker, mesh, metrics, hostname());
    if (regionsMesh !== undefined) {
      regions = new Regions({
        region,
        id,
        partitions,
        mesh: regionsMesh,
        seeds: seedsOf(options.regionPeers ?? []),
        worker,
        runtime: NODE_RUNTIME,
        metrics,
        ...(options.gossipBytesPerSecond === undefined
          ? {}
          : { limits: { gossipBytesPerSecond: options.gossipBytesPerSecond } }),
        watchedMax: limits.watchedMax,
        random: Math.random,
      });
      grid = regions.grid;
      control = new RegionsControl(control, regions);
      attachRegions(metrics, regions);
      const started = regions;
      endings.unshift(async () => started.stop());
    }
    const coordinator = new OrderCoordinator({
      grid,
      take: (request, respond) => worker.grid.takeHere(request, respond),
      region,
      runtime: NODE_RUNTIME,
      draw,
      metrics,
    });
    endings.unshift(async () => coordinator.stop());
    const gateway = await createGateway({
      grid: coordinator,
      region: control,
      placement: new RegionMap({ worker, id, runtime: NODE_RUNTIME }),
      metrics,
      hasRoom: () => NODE_RUNTIME.heapUse() < limits.heapUseMax,
      port: options.port,
      host: options.host,
      ...(options.sharedPort === undefined ? {} : { sharedPort: options.sharedPort }),
      ...(options.token === undefined ? {} : { auth: { token: options.token } }),
    });
    endings.unshift(() => gateway.close({ drainMs: 1_000 }));
    url = options.url ?? `ws://${options.host.includes(':') ? `[${options.host}]` : options.host}:${gateway.port}/v1`;
    endings.unshift(() => worker.close());
    // A predecessor that was killed counts as alive until its session runs out; wait for that, and a little more.
    await worker.open(limits.sessionTtlMs * 2);
    regions?.start();
    coordinator.start();
    return {
      port: options.sharedPort ?? gateway.port,
      engine: gateway.engine,
      info: () => grid.info(),
      readiness: () => worker.grid.readiness(),
      colleagues: async () => {
        const { members } = await worker.latestView();
        return members.filter((member) => member.id !== id && member.status === 'up').length;
      },
      drain: () => worker.drain(),
      stop: () => endAll(endings),
      failed: worker.failed,
    };
  } catch (error) {
    // Whatever the store says by now: nothing may be left that another start would meet.
    for (const end of endings)
      await end().catch((reason: Error) => log(`ending a start that failed: ${reason.message}`));
    throw error;
  }
}

function seedsOf(peers: readonly RegionPeer[]): Map<string, string[]> {
  const seeds = new Map<string, string[]>();
  for (const { region, address } of peers) seeds.set(region, [...(seeds.get(region) ?? []), address]);
  return seeds;
}

/** Stops what was started, last first. */
async function endAll(endings: readonly (() => Promise<void>)[]): Promise<void> {
  for (const end of endings) await end();
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
