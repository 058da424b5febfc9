// The region seen and steered through one of its workers: it asks the others over the mesh.
import { MESH_KIND, type Mesh, MeshFailure, type MeshKind } from '../../cluster/mesh/port.ts';
import { type Failure, failure } from '../../protocol/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RegionControl, RegionReport, WorkerReport } from '../shell/grid.ts';
import type { RegionWorker } from './region-worker.ts';

const ASK_TIMEOUT_MS = 1_000;

export class MeshRegionControl implements RegionControl {
  readonly #worker: RegionWorker;
  readonly #mesh: Mesh;
  readonly #host: string;

  constructor(worker: RegionWorker, mesh: Mesh, metrics: Metrics, host: string) {
    this.#worker = worker;
    this.#mesh = mesh;
    this.#host = host;
    mesh.handle(MESH_KIND.control, (_body, reply) => reply(bytesOf(worker.report())));
    mesh.handle(MESH_KIND.metrics, (_body, reply) => {
      metrics.registry.getMetricsAsJSON().then(
        (json) => reply(bytesOf(json)),
        () => reply(bytesOf([])),
      );
    });
  }

  async report(): Promise<RegionReport> {
    const { members, version } = this.#worker.view();
    const own = this.#worker.report();
    const others = members.filter(({ id }) => id !== own.id);
    const ask = (mesh: string): Promise<WorkerReport | undefined> => this.#ask(mesh, MESH_KIND.control);
    const [answers, drained] = await Promise.all([
      Promise.all(others.map(({ mesh }) => ask(mesh))),
      Promise.all(this.#worker.drained().map(ask)),
    ]);
    const workers = [own, ...answers, ...drained].filter((answer) => answer !== undefined);
    return {
      view: version,
      workers: workers.sort((a, b) => (a.id < b.id ? -1 : 1)),
      silent: others.filter((_, n) => answers[n] === undefined).map(({ id }) => id),
      partitions: this.#worker.placement(),
    };
  }

  async drain(worker: string): Promise<Failure | undefined> {
    const { members } = await this.#worker.latestView();
    if (!members.some(({ id }) => id === worker)) {
      const known = members.map(({ id }) => id).join(', ');
      return failure('NOT_FOUND', `no worker ${worker} in this region; there are ${known}`);
    }
    if (!members.some(({ id, status }) => id !== worker && status === 'up')) {
      return failure('UNAVAILABLE', `${worker} is the last worker that is up: nobody could take what it holds`);
    }
    await this.#worker.askToDrain(worker);
    return undefined;
  }

  async metricsOfOthers(): Promise<readonly object[]> {
    const { members } = this.#worker.view();
    const { id: own } = this.#worker.report();
    const here = members.filter(({ id, host }) => id !== own && host === this.#host);
    const all = await Promise.all(here.map(({ mesh }) => this.#ask<object>(mesh, MESH_KIND.metrics)));
    return all.filter((json) => json !== undefined);
  }

  /** Undefined when there is no answer. */
  #ask<T>(address: string, kind: MeshKind): Promise<T | undefined> {
    return new Promise((resolve) => {
      this.#mesh.call(address, kind, new Uint8Array(0), ASK_TIMEOUT_MS, (answer) => {
        resolve(answer instanceof MeshFailure ? undefined : (JSON.parse(Buffer.from(answer).toString()) as T));
      });
    });
  }
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
