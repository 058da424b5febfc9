// What a worker does between regions, put together: what it tells of its own actors, what it hears of others and shows
// of them, and the way of requests to other regions and of theirs to this one.

import { type Ask, chooseAsks, Replica } from '../../cluster/gossip/index.ts';
import type { MemberView } from '../../cluster/members.ts';
import type { Mesh } from '../../cluster/mesh/port.ts';
import { partitionOf } from '../core/index.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Grid, OtherRegion } from '../shell/grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import { RegionDirectory } from './directory.ts';
import { RegionForwards } from './forwards.ts';
import { Gossip } from './gossip.ts';
import { REGIONS_LIMITS, type RegionsLimits } from './limits.ts';
import { OwnWrites } from './own-writes.ts';
import { Publisher, type PublisherDeps } from './publisher.ts';
import { RemoteReads } from './reads.ts';
import { RegionsGrid } from './regions-grid.ts';
import { RemoteWatches } from './watches.ts';

export interface RegionsOptions {
  readonly region: string;
  /** Names the worker in its region. */
  readonly id: string;
  readonly partitions: number;
  /** Reaches workers of all regions, for what goes on between regions. */
  readonly mesh: Mesh;
  /** Addresses on that mesh of workers of other regions, by region: the first way in. */
  readonly seeds: ReadonlyMap<string, readonly string[]>;
  /** This region's workers, behind this one. */
  readonly worker: {
    readonly grid: Grid;
    readonly lanes: PublisherDeps['lanes'];
    view(): MemberView;
  };
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits?: Partial<RegionsLimits>;
  /** SKUs that may be watched of each other region. */
  readonly watchedMax: number;
  /** Random, 0 ≤ x < 1. */
  readonly random: () => number;
}

export class Regions {
  /** For the gateway: takes requests for any region. */
  readonly grid: RegionsGrid;
  /** To be told of every sku of this worker that changes. */
  readonly changed: (sku: string) => void;
  readonly #options: RegionsOptions;
  readonly #replica: Replica;
  readonly #directory: RegionDirectory;
  readonly #publisher: Publisher;
  readonly #gossip: Gossip;
  readonly #startedAt: number;
  /** The version of the view of members that was told last. */
  #toldView = -1;

  constructor(options: RegionsOptions) {
    const { region, id, partitions, mesh, runtime, metrics, seeds, worker } = options;
    const { grid } = worker;
    const limits = { ...REGIONS_LIMITS, ...options.limits };
    this.#options = options;
    const answerBytesMax = limits.gossipAnswerBytesMax;
    const replica = new Replica({ region, worker: id, answerBytesMax, partitionOf });
    this.#replica = replica;
    this.#startedAt = runtime.monotonic();
    this.#directory = new RegionDirectory(region, seeds, limits.addressesMax);
    const forwards = new RegionForwards({
      region,
      mesh,
      directory: this.#directory,
      runtime,
      limits,
      grid,
      released: () => this.grid.released(),
      passedOn: (to, result) => metrics.regionForwards.labels({ region: to, result }).inc(),
    });
    const ownWrites = new OwnWrites(limits.ownWritesMax);
    const reads = new RemoteReads({ heard: replica, forwards, ownWrites, runtime });
    const watches = new RemoteWatches(reads, options.watchedMax);
    this.grid = new RegionsGrid({
      region,
      grid,
      directory: this.#directory,
      forwards,
      reads,
      ownWrites,
      watches,
      now: () => runtime.monotonic(),
    });
    this.#publisher = new Publisher({
      partitions,
      partitionOf: (sku) => partitionOf(sku, partitions),
      lanes: worker.lanes,
      register: replica,
      runtime,
      limits,
    });
    this.changed = this.#publisher.changed;
    this.#gossip = new Gossip({
      mesh,
      replica,
      runtime,
      limits,
      prepare: () => this.#prepare(),
      asks: () => this.#asks(),
      lagMs: () => this.#publisher.lagMs(),
      absorbed: (changes) => {
        if (watches.changed(changes)) this.grid.released();
      },
      asked: (address, result) => {
        metrics.gossipRounds.labels({ result }).inc();
        if (result === 'failed') this.#directory.failed(address);
        else this.#directory.answered(address);
      },
      bytes: (direction, count) => metrics.gossipBytes.labels({ direction }).inc(count),
    });
  }

  start(): void {
    this.#gossip.start();
  }

  stop(): void {
    this.#gossip.stop();
    this.#publisher.stop();
  }

  /** A worker of the region that answers, if any does; undefined: none is known. */
  addressOf(region: string): string | undefined {
    return this.#directory.choose(region, undefined, undefined);
  }

  /** The other regions, as this worker knows them. */
  report(): OtherRegion[] {
    return this.#directory.regions().map((region) => {
      const addresses = this.#directory.addressesOf(region);
      return {
        region,
        workers: this.#directory.workersOf(region).map(({ id, url }) => ({ id, url })),
        reachable: addresses.filter((address) => !this.#directory.isSilent(address)).length,
        stalenessMs: this.stalenessMs(region),
      };
    });
  }

  /** How old what is shown of the region is at most, ms; before all of it was heard, how long that has taken so far. */
  stalenessMs(region: string): number {
    const now = this.#options.runtime.monotonic();
    return Math.ceil(Math.min(this.#replica.staleness(region, now), now - this.#startedAt));
  }

  figures(): { readonly registers: number; readonly bytes: number } {
    return this.#replica.figures();
  }

  #asks(): Ask[] {
    const { mesh, random } = this.#options;
    const regions = this.#replica.directory().map(({ region }) => region);
    return chooseAsks(this.#directory.peers(mesh.address), regions, random);
  }

  #prepare(): void {
    const { region, partitions, worker } = this.#options;
    const { version, members } = worker.view();
    if (version !== this.#toldView) {
      this.#toldView = version;
      const workers = members.flatMap(({ id, url, regionsMesh }) =>
        regionsMesh === undefined ? [] : [{ id, url, address: regionsMesh }],
      );
      this.#replica.workers({ region, version, partitions, workers });
    }
    for (const told of this.#replica.directory()) this.#directory.learn(told);
    this.#publisher.round();
  }
}
