// Subscriptions to skus of other regions: each change that this worker hears of is handed on, the latest only. What it
// hears never goes backward, and so neither do they.
import type { AvailabilityPush } from '../../protocol/index.ts';
import { Watchers } from '../shell/watchers.ts';
import type { RemoteReads } from './reads.ts';

export class RemoteWatches {
  readonly #reads: Pick<RemoteReads, 'availability'>;
  readonly #max: number;
  readonly #byRegion = new Map<string, Watchers>();

  /** @param max skus that may be watched of one region */
  constructor(reads: Pick<RemoteReads, 'availability'>, max: number) {
    this.#reads = reads;
    this.#max = max;
  }

  /** As Grid.watch. @throws RangeError when as many skus of the region are watched as may be */
  watch(region: string, sku: string, listener: (push: AvailabilityPush) => void): () => void {
    let watchers = this.#byRegion.get(region);
    if (watchers === undefined) {
      watchers = new Watchers(this.#max);
      this.#byRegion.set(region, watchers);
    }
    const stop = watchers.add(sku, listener);
    const known = this.#reads.availability(region, sku);
    if (known !== undefined) listener(known);
    return stop;
  }

  /** These skus are known anew; true when anybody was told. */
  changed(changes: readonly { readonly region: string; readonly sku: string }[]): boolean {
    let isAnyoneTold = false;
    for (const { region, sku } of changes) {
      const watchers = this.#byRegion.get(region);
      if (watchers?.has(sku) !== true) continue;
      const push = this.#reads.availability(region, sku);
      if (push === undefined) continue;
      watchers.publish(push);
      isAnyoneTold = true;
    }
    return isAnyoneTold;
  }
}
