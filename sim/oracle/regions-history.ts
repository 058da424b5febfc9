// What clients did and saw in a world of several regions: the history of each region, whichever worker they asked, and
// what workers showed and acknowledged of regions that are not their own.
import type { AvailabilityView } from '../../protocol/index.ts';
import { type Asked, History } from './history.ts';

/** What a worker answered about stock of another region. Times are the simulation's, ms. */
export interface RemoteRead {
  /** The incarnation of the worker that was asked. */
  readonly by: string;
  readonly region: string;
  readonly sku: string;
  /** When the worker answered. */
  readonly at: number;
  /** Orders what happened at one moment. */
  readonly turn: number;
  /** From what it had heard, without asking anybody. */
  readonly isAtOnce: boolean;
  /** It could have asked the region: who cannot shows what there is, and how old it is. */
  readonly isReached: boolean;
  /** Undefined: it said that there is no such sku. */
  readonly view: AvailabilityView | undefined;
}

/** A request for another region was carried out there, and the worker that passed it on said so. */
export interface RemoteWrite {
  readonly through: string;
  readonly region: string;
  readonly sku: string;
  readonly turn: number;
  readonly seq: number;
}

/** For so long nothing got from the region to others or back, ms. */
export interface Isolation {
  readonly region: string;
  readonly from: number;
  readonly to: number;
}

export class RegionsHistory {
  readonly reads: RemoteRead[] = [];
  readonly writes: RemoteWrite[] = [];
  readonly isolations: Isolation[] = [];
  readonly regions: ReadonlyMap<string, History>;

  constructor(regions: readonly string[]) {
    this.regions = new Map(regions.map((region) => [region, new History()]));
  }

  of(region: string): History {
    const history = this.regions.get(region);
    if (history === undefined) throw new RangeError(`there is no region ${region}`);
    return history;
  }

  /** Every request that was sent, of all regions. */
  get asked(): readonly Asked[] {
    return [...this.regions.values()].flatMap(({ asked }) => asked);
  }
}
