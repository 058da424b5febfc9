// The region as its status shows it, with what is known of other regions beside it.
import type { Failure } from '../../protocol/index.ts';
import type { RegionControl, RegionReport } from '../shell/grid.ts';
import type { Regions } from './regions.ts';

export class RegionsControl implements RegionControl {
  readonly #region: RegionControl;
  readonly #regions: Pick<Regions, 'report'>;

  constructor(region: RegionControl, regions: Pick<Regions, 'report'>) {
    this.#region = region;
    this.#regions = regions;
  }

  async report(): Promise<RegionReport> {
    return { ...(await this.#region.report()), others: this.#regions.report() };
  }

  drain(worker: string): Promise<Failure | undefined> {
    return this.#region.drain(worker);
  }

  metricsOfOthers(): Promise<readonly object[]> {
    return this.#region.metricsOfOthers();
  }
}
