// A worker of a region in a simulated process, and a window on it for the oracle.
import { RegionWorker } from '../../node/worker/region-worker.ts';
import { orderCore } from '../../orders/order/index.ts';
import type { Subject, SubjectFactory } from '../subject.ts';

export class RegionSubjects {
  /** By address: the worker that was started there last. */
  readonly workers = new Map<string, RegionWorker>();

  /** The worker's id is its address: the same over restarts. */
  readonly factory: SubjectFactory = (ports): Subject => {
    const { region, partitions, store, mesh, runtime, metrics, limits, ownerId, nonce, log, ended } = ports;
    let drawn = 0;
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
      orderCore,
      host: mesh.address,
      url: () => `ws://${mesh.address}/v1`,
      ownerId,
      draw: () => {
        drawn += 1;
        return `${nonce}.${drawn}`;
      },
      log,
    });
    this.workers.set(mesh.address, worker);
    worker.open(limits.sessionTtlMs * 2).catch((error: Error) => ended(error));
    void worker.failed.then(ended);
    return {
      submit: (request, respond) => worker.grid.submit(request, respond),
      watch: (sku, listener) => worker.grid.watch(sku, listener),
      isServing: () => worker.grid.readiness().ready,
      lanes: () => worker.report().lanes,
      drain: () => worker.drain(),
      stop: () => worker.close(),
    };
  };
}
