// What a worker does between regions, put together: the way to other regions and theirs to this one.
import type { Mesh } from '../../cluster/mesh/port.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Grid } from '../shell/grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import { RegionDirectory } from './directory.ts';
import { RegionForwards } from './forwards.ts';
import { REGIONS_LIMITS, type RegionsLimits } from './limits.ts';
import { RegionsGrid } from './regions-grid.ts';

export interface RegionsOptions {
  readonly region: string;
  /** Reaches workers of other regions, and nobody else. */
  readonly mesh: Mesh;
  /** Addresses on that mesh of workers of other regions, by region: the first way in. */
  readonly seeds: ReadonlyMap<string, readonly string[]>;
  /** This region's workers, behind this one. */
  readonly grid: Grid;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly limits?: Partial<RegionsLimits>;
}

export class Regions {
  /** For the gateway: takes requests for any region. */
  readonly grid: RegionsGrid;
  readonly #directory: RegionDirectory;

  constructor(options: RegionsOptions) {
    const { region, mesh, runtime, metrics, seeds, grid } = options;
    const limits = { ...REGIONS_LIMITS, ...options.limits };
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
    this.grid = new RegionsGrid({ region, grid, directory: this.#directory, forwards });
  }
}
