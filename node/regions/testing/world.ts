// Several regions of several workers each, in one process and on a clock moved by hand: each region has a store and a
// mesh of its own, and between them there is one more mesh, which a test may cut.
import { MemoryNetwork } from '../../../cluster/mesh/testing/memory-mesh.ts';
import type { ItemRequest, Outcome } from '../../../protocol/index.ts';
import { parseRequest } from '../../../protocol/parse.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import { createMetrics, type Metrics } from '../../metrics/metrics.ts';
import type { Runtime } from '../../shell/runtime.ts';
import { ManualRuntime } from '../../shell/testing/harness.ts';
import { RegionWorker } from '../../worker/region-worker.ts';
import type { RegionsLimits } from '../limits.ts';
import { Regions } from '../regions.ts';

const PARTITIONS = 8;

export interface TestWorker {
  readonly region: string;
  readonly id: string;
  /** On the mesh between regions. */
  readonly address: string;
  readonly worker: RegionWorker;
  readonly regions: Regions;
  readonly metrics: Metrics;
  /** Submits; the outcome comes when it comes. */
  ask(request: Record<string, unknown>): { outcome: Outcome | undefined };
  /** Submits, and moves the clock until it is answered. */
  call(request: Record<string, unknown>): Promise<Outcome>;
  /** Times that outcomes were let out to the sockets. */
  releases(): number;
}

export class RegionsWorld {
  readonly runtime = new ManualRuntime();
  readonly between = new MemoryNetwork(this.runtime);
  readonly #inside = new Map<string, { medium: MemoryMedium; network: MemoryNetwork }>();
  readonly #seeds: readonly (readonly [region: string, address: string])[];
  readonly #limits: Partial<RegionsLimits>;
  readonly #lives = new Map<RegionWorker, { isOver: boolean }>();
  readonly #random = lots();
  #drawn = 0;

  /** @param seeds addresses that every worker is started with; a worker's address is `region/id` */
  constructor(seeds: readonly (readonly [region: string, address: string])[], limits: Partial<RegionsLimits> = {}) {
    this.#seeds = seeds;
    this.#limits = limits;
  }

  async start(region: string, id: string): Promise<TestWorker> {
    const { medium, network } = this.#region(region);
    const life = { isOver: false };
    const runtime = mortal(this.runtime, life);
    this.#drawn += 1;
    const inside = `${region}:${id}.${this.#drawn}`;
    const address = `${region}/${id}`;
    const metrics = createMetrics();
    const mesh = this.between.join(address);
    const worker = new RegionWorker({
      id,
      region,
      partitions: PARTITIONS,
      store: new MemoryStore(medium),
      mesh: network.join(inside),
      runtime,
      metrics,
      server: 'holdfast/test',
      host: 'test',
      url: () => `ws://test/${id}`,
      ownerId: inside,
      draw: () => `d${++this.#drawn}`,
      log: () => {},
      regionsMesh: address,
      changed: (sku) => regions.changed(sku),
    });
    const seeds = new Map<string, string[]>();
    for (const [name, seed] of this.#seeds) seeds.set(name, [...(seeds.get(name) ?? []), seed]);
    const regions: Regions = new Regions({
      region,
      id,
      partitions: PARTITIONS,
      mesh,
      seeds,
      worker,
      runtime,
      metrics,
      limits: this.#limits,
      watchedMax: 100,
      random: this.#random,
    });
    let releases = 0;
    regions.grid.onReleased(() => {
      releases += 1;
    });
    const opening = worker.open(30_000);
    let isOpen = false;
    void opening.then(() => {
      isOpen = true;
    });
    await this.until(() => isOpen, 20_000);
    regions.start();
    const ask = (wire: Record<string, unknown>): { outcome: Outcome | undefined } => {
      const { request } = parseRequest({ id: 1, ...wire });
      if ('ok' in request) throw new Error(`${JSON.stringify(wire)}: ${request.message}`);
      const asked: { outcome: Outcome | undefined } = { outcome: undefined };
      regions.grid.submit(request as ItemRequest, (outcome) => {
        if (asked.outcome !== undefined) throw new Error('answered twice');
        asked.outcome = outcome;
      });
      return asked;
    };
    const call = async (wire: Record<string, unknown>): Promise<Outcome> => {
      const asked = ask(wire);
      await this.until(() => asked.outcome !== undefined, 10_000);
      return asked.outcome as Outcome;
    };
    this.#lives.set(worker, life);
    return { region, id, address, worker, regions, metrics, ask, call, releases: () => releases };
  }

  /** As a process that is killed: nothing of it is heard again, on either mesh. */
  kill({ region, id, address, worker, regions }: TestWorker): void {
    regions.stop();
    (this.#lives.get(worker) as { isOver: boolean }).isOver = true;
    const { medium, network } = this.#region(region);
    for (const { lane } of worker.report().lanes) medium.endSession(region, lane);
    const member = worker.view().members.find((other) => other.id === id);
    if (member !== undefined) network.kill(member.mesh);
    this.between.kill(address);
  }

  /** Nothing gets from one address to the other any more. */
  cut(from: string, to: string): void {
    this.between.cut.add(`${from}>${to}`);
  }

  heal(): void {
    this.between.cut.clear();
  }

  async until(holds: () => boolean, withinMs: number): Promise<void> {
    for (let waited = 0; !holds(); waited += 10) {
      if (waited > withinMs) throw new Error(`it did not come to that within ${withinMs} ms`);
      await this.runtime.advance(10);
    }
  }

  #region(region: string): { medium: MemoryMedium; network: MemoryNetwork } {
    let inside = this.#inside.get(region);
    if (inside === undefined) {
      inside = { medium: new MemoryMedium(() => this.runtime.ms), network: new MemoryNetwork(this.runtime) };
      this.#inside.set(region, inside);
    }
    return inside;
  }
}

/** The runtime of one process: once its life is over none of its turns and timers comes any more. */
function mortal(runtime: ManualRuntime, life: { readonly isOver: boolean }): Runtime {
  const unlessOver = (run: () => void) => (): void => {
    if (!life.isOver) run();
  };
  return {
    now: runtime.now,
    monotonic: runtime.monotonic,
    heapUse: runtime.heapUse,
    defer: (run) => runtime.defer(unlessOver(run)),
    after: (ms, run) => runtime.after(ms, unlessOver(run)),
  };
}

/** Lots that are the same in each run. */
function lots(): () => number {
  let drawn = 1;
  return () => {
    drawn = (drawn * 48_271) % 2_147_483_647;
    return drawn / 2_147_483_647;
  };
}
