// The map of the region for clients that connect to the workers themselves: from what this worker has heard of who serves
// what, and from the members' URLs. A hint, as its sources are.
import { PARTITION_HASH, type PartitionMap } from '../../protocol/index.ts';
import type { Placement } from '../shell/grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { RegionWorker } from './region-worker.ts';

/** Changes within this time are told together, ms: partitions move a few at a time, and a detour costs one hop. */
const TELL_MS = 100;
/** Counts within one epoch of the worker's, so that a view is another after a restart too. */
const VIEWS_PER_EPOCH = 65_536;

export interface RegionMapDeps {
  readonly worker: RegionWorker;
  /** The worker's name. */
  readonly id: string;
  readonly runtime: Runtime;
}

export class RegionMap implements Placement {
  readonly #deps: RegionMapDeps;
  readonly #listeners = new Set<() => void>();
  #latest: PartitionMap | undefined;
  #told: PartitionMap | undefined;
  #isStale = true;
  #isTelling = false;
  #changes = 0;

  constructor(deps: RegionMapDeps) {
    this.#deps = deps;
    deps.worker.grid.onMoved(() => {
      this.#isStale = true;
      if (this.#listeners.size > 0) this.#tellSoon();
    });
  }

  map(): PartitionMap {
    if (this.#latest !== undefined && !this.#isStale) return this.#latest;
    this.#isStale = false;
    const { worker, id } = this.#deps;
    const { region, partitions, epoch } = worker.grid.info();
    const members = worker.view().members.filter(({ url }) => isReachable(url));
    const indexes = new Map(members.map((member, index) => [member.id, index]));
    const owners = new Array<number>(partitions).fill(-1);
    for (const placed of worker.placement()) owners[placed.partition] = indexes.get(placed.worker) ?? -1;
    const workers = members.map(({ url }) => url);
    const self = indexes.get(id) ?? -1;
    const latest = this.#latest;
    const isSame = latest !== undefined && latest.self === self && equal(latest.workers, workers);
    if (isSame && equal(latest.owners, owners)) return latest;
    this.#changes += 1;
    const view = epoch * VIEWS_PER_EPOCH + (this.#changes % VIEWS_PER_EPOCH);
    this.#latest = { region, view, hash: PARTITION_HASH, workers, owners, self };
    return this.#latest;
  }

  onChange(listener: () => void): () => void {
    if (this.#listeners.size === 0) this.#told = this.map();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#deps.runtime.after(TELL_MS, () => {
      this.#isTelling = false;
      const latest = this.map();
      if (latest === this.#told) return;
      this.#told = latest;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** A worker that listens on all networks of its host says of none of them how to reach it. */
function isReachable(url: string): boolean {
  return URL.canParse(url) && !/^(0\.0\.0\.0|\[::\])$/.test(new URL(url).hostname);
}

function equal<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
