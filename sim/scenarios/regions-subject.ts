// A worker of one of several regions in a simulated process, wired as the process does it: the region's worker, what it
// does between regions, and pooled stock over the mesh of all regions.
import type { PoolOptions } from '../../cluster/escrow/index.ts';
import { OrderCoordinator } from '../../node/orders/coordinator.ts';
import type { RegionsLimits } from '../../node/regions/limits.ts';
import { Regions } from '../../node/regions/regions.ts';
import { meshPoolLink } from '../../node/worker/mesh-pool-link.ts';
import { RegionWorker } from '../../node/worker/region-worker.ts';
import { orderCore } from '../../orders/order/index.ts';
import type { Random } from '../kernel/random.ts';
import type { Subject, SubjectFactory } from '../subject.ts';

export interface RegionsSubjectsOptions {
  /** By region: the addresses that all workers are started with. */
  readonly seeds: ReadonlyMap<string, readonly string[]>;
  readonly regionsLimits: Partial<RegionsLimits>;
  readonly poolOptions: PoolOptions;
  readonly random: Random;
  /** Whether orders are served. */
  readonly withOrders?: boolean;
}

export class RegionsSubjects {
  /** By address: the worker that was started there last. */
  readonly workers = new Map<string, RegionWorker>();
  readonly #options: RegionsSubjectsOptions;

  constructor(options: RegionsSubjectsOptions) {
    this.#options = options;
  }

  /** The worker's id is its address: the same over restarts. */
  readonly factory: SubjectFactory = (ports): Subject => {
    const { region, partitions, store, mesh, regionsMesh, runtime, metrics, limits, ownerId, nonce, log } = ports;
    const { seeds, regionsLimits, poolOptions, random, withOrders = false } = this.#options;
    if (regionsMesh === undefined) throw new TypeError('there is no mesh between regions');
    const draws = random.fork(ownerId);
    let drawn = 0;
    const draw = (): string => {
      drawn += 1;
      return `${nonce}.${drawn}`;
    };
    const worker = new RegionWorker({
      id: mesh.address,
      region,
      partitions,
      store,
      mesh,
      runtime,
      metrics,
      limits,
      server: 'holdfast/sim',
      host: mesh.address,
      url: () => `ws://${mesh.address}/v1`,
      ownerId,
      draw,
      log,
      regionsMesh: regionsMesh.address,
      changed: (sku) => regions.changed(sku),
      poolLink: meshPoolLink(regionsMesh, region, (to) => regions.addressOf(to)),
      poolOptions,
      ...(withOrders && {
        orderCore,
        askOrder: (order, reservationId, answer) => coordinator.ask(order, reservationId, answer),
      }),
    });
    const regions: Regions = new Regions({
      region,
      id: mesh.address,
      partitions,
      mesh: regionsMesh,
      seeds: new Map([...seeds].filter(([name]) => name !== region)),
      worker,
      runtime,
      metrics,
      limits: regionsLimits,
      watchedMax: limits.watchedMax,
      random: () => draws.unit(),
    });
    const coordinator = new OrderCoordinator({
      grid: regions.grid,
      take: (request, respond) => worker.grid.takeHere(request, respond),
      region,
      runtime,
      draw,
      metrics,
    });
    const { grid } = withOrders ? { grid: coordinator } : regions;
    this.workers.set(mesh.address, worker);
    worker.open(limits.sessionTtlMs * 2).then(() => {
      regions.start();
      if (withOrders) coordinator.start();
    }, ports.ended);
    void worker.failed.then(ports.ended);
    return {
      submit: (request, respond) => grid.submit(request, respond),
      watch: (sku, listener, of) => regions.grid.watch(sku, listener, of),
      isServing: () => worker.grid.readiness().ready,
      reaches: (other) => regions.report().some(({ region: name, reachable }) => name === other && reachable > 0),
      lanes: () => worker.report().lanes,
      drain: () => worker.drain(),
      stop: async () => {
        coordinator.stop();
        await worker.close();
        regions.stop();
        await regionsMesh.close();
        await mesh.close();
      },
    };
  };
}
