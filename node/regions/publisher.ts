// Tells the replica what this worker's own actors have: all of them when a partition begins to be served here, and
// those that changed since. Only what is durable is told (I6), a sku's latest state once a round, and a bounded number
// of skus a turn, so that a region of a million of them is told at leisure beside its work.
import type { Replica } from '../../cluster/gossip/index.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { RegionsLimits } from './limits.ts';
import { encodeView } from './view-codec.ts';

/** Where it is told. */
export type Register = Pick<Replica, 'own' | 'publish' | 'complete' | 'disown'>;

type LaneView = Pick<InventoryGrid, 'epochOf' | 'laneEpoch' | 'skusOf' | 'durableViews' | 'readiness'>;

export interface PublisherDeps {
  readonly partitions: number;
  readonly partitionOf: (sku: string) => number;
  readonly lanes: { serving(partition: number): LaneView | undefined };
  readonly register: Register;
  readonly runtime: Runtime;
  readonly limits: Pick<RegionsLimits, 'publishedPerTurn' | 'publishTurnMs'>;
}

/** A partition that is served here, and which of its skus have not been told once yet. */
interface Owned {
  readonly partition: number;
  readonly lane: LaneView;
  readonly epoch: number;
  /** Undefined before its turn has come. */
  untold: string[] | undefined;
}

export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #owned: (Owned | undefined)[];
  /** Partitions that are not complete yet; the first is being listed. */
  readonly #listing: Owned[] = [];
  /** A page of it was asked for and has not come. */
  #isListing = false;
  /** The last page could not be had: the next round asks again. */
  #isListingHeld = false;
  /** Changed since the last round began. */
  #changed = new Set<string>();
  /** Changed before that, and to be told now. */
  #due = new Set<string>();
  /** Asked for and not told yet. */
  #asked = 0;
  /** Asked for in vain: asked for again with the next round. */
  readonly #missed: string[] = [];
  /** When the round began whose changes are being told, monotonic ms. */
  #roundAt: number;
  /** All that was recorded before then has been told, monotonic ms. */
  #toldUpTo: number;
  #isStopped = false;
  #cancelTurn: (() => void) | undefined;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#owned = new Array(deps.partitions).fill(undefined);
    this.#roundAt = deps.runtime.monotonic();
    this.#toldUpTo = this.#roundAt;
  }

  /** An actor of this worker has changed. Cheap: it is called for every event. */
  readonly changed = (sku: string): void => {
    this.#changed.add(sku);
  };

  /** How far what was told of complete partitions may be behind their actors, ms. */
  lagMs(): number {
    return this.#deps.runtime.monotonic() - this.#toldUpTo;
  }

  /** To be called again and again: sees who serves what now, and has told what changed since the last time. */
  round(): void {
    for (let partition = 0; partition < this.#owned.length; partition++) this.#look(partition);
    this.#isListingHeld = false;
    for (const sku of this.#missed.splice(0)) this.#due.add(sku);
    // A worker whose lease ran out may have been succeeded: it does not know what is so now, and must not say that it does.
    if (this.#isAllTold() && this.#isOwner()) {
      this.#roundAt = this.#deps.runtime.monotonic();
      this.#due = this.#changed;
      this.#changed = new Set();
    }
    this.#turnSoon(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTurn?.();
  }

  #look(partition: number): void {
    const { lanes, register } = this.#deps;
    const lane = lanes.serving(partition);
    const owned = this.#owned[partition];
    if (lane === undefined) {
      if (owned !== undefined) register.disown(partition);
      this.#owned[partition] = undefined;
      return;
    }
    const epoch = lane.epochOf(partition);
    if (owned?.lane === lane && owned.epoch === epoch) return;
    register.own(partition, tenureOf(epoch, lane.laneEpoch));
    const begun: Owned = { partition, lane, epoch, untold: undefined };
    this.#owned[partition] = begun;
    this.#listing.push(begun);
  }

  #isOwner(): boolean {
    const lanes = new Set(this.#owned.map((owned) => owned?.lane));
    for (const lane of lanes) if (lane?.readiness().ready === false) return false;
    return true;
  }

  #isAllTold(): boolean {
    return this.#due.size === 0 && this.#asked === 0 && this.#missed.length === 0;
  }

  #turnSoon(ms: number): void {
    if (this.#isStopped || this.#cancelTurn !== undefined) return;
    this.#cancelTurn = this.#deps.runtime.after(ms, () => {
      this.#cancelTurn = undefined;
      this.#turn();
    });
  }

  /** Tells a bounded number of skus: those that changed, then those of partitions that are new here. */
  #turn(): void {
    const { publishedPerTurn, publishTurnMs } = this.#deps.limits;
    const left = publishedPerTurn - this.#tellChanged(publishedPerTurn);
    if (left > 0) this.#tellListed(left);
    if (this.#due.size > 0 || this.#isMoreToList()) this.#turnSoon(publishTurnMs);
  }

  #isMoreToList(): boolean {
    return this.#listing.length > 0 && !this.#isListing && !this.#isListingHeld;
  }

  /** How many were asked for. */
  #tellChanged(most: number): number {
    const byLane = new Map<LaneView, string[]>();
    let count = 0;
    for (const sku of this.#due) {
      if (count === most) break;
      this.#due.delete(sku);
      const lane = this.#owned[this.#deps.partitionOf(sku)]?.lane;
      // Served elsewhere by now, and told there.
      if (lane === undefined) continue;
      count += 1;
      const skus = byLane.get(lane);
      if (skus === undefined) byLane.set(lane, [sku]);
      else skus.push(sku);
    }
    this.#asked += count;
    for (const [lane, skus] of byLane) {
      this.#tell(lane, skus, (isTold) => {
        this.#asked -= skus.length;
        if (!isTold) this.#missed.push(...skus);
        this.#noteTold();
      });
    }
    this.#noteTold();
    return count;
  }

  #noteTold(): void {
    if (this.#isAllTold()) this.#toldUpTo = this.#roundAt;
  }

  #tellListed(most: number): void {
    while (this.#isMoreToList()) {
      const owned = this.#listing[0] as Owned;
      if (this.#owned[owned.partition] !== owned) {
        this.#listing.shift();
        continue;
      }
      owned.untold ??= owned.lane.skusOf(owned.partition);
      const { untold } = owned;
      if (untold.length === 0) {
        // One that has left since the round began has no skus here: that is not all there is.
        this.#look(owned.partition);
        if (this.#owned[owned.partition] === owned) this.#deps.register.complete(owned.partition);
        this.#listing.shift();
        continue;
      }
      const skus = untold.splice(-most, most);
      this.#isListing = true;
      this.#tell(owned.lane, skus, (isTold) => {
        this.#isListing = false;
        this.#isListingHeld = !isTold;
        if (!isTold) untold.push(...skus);
        else this.#turnSoon(this.#deps.limits.publishTurnMs);
      });
      return;
    }
  }

  /** @param done false: they could not be had, and none was told */
  #tell(lane: LaneView, skus: readonly string[], done: (isTold: boolean) => void): void {
    const { register, partitionOf } = this.#deps;
    lane.durableViews(skus, (views) => {
      if (this.#isStopped) return;
      // Of one that has left meanwhile nothing was shown, and nothing here is up to date any more.
      for (const partition of new Set(skus.map(partitionOf))) this.#look(partition);
      for (const view of views ?? []) {
        const partition = partitionOf(view.sku);
        const owned = this.#owned[partition];
        // It moved away meanwhile: whoever has it now tells all of it.
        if (owned?.lane !== lane || owned.epoch !== view.version.epoch) continue;
        register.publish(partition, { sku: view.sku, ...view.version, value: encodeView(view) });
      }
      done(views !== undefined);
    });
  }
}

/**
 * How far an epoch of a lane behind that of a partition in it is told apart: whoever takes the lane over has one from the
 * time, so this is how far the clocks of two workers may differ, s; a power of two.
 */
const BEHIND_MAX = 4_096;

/**
 * Numbers those that own a partition one after the other. Its epoch alone does not: when a lane is taken over whose epoch is
 * behind that of a partition which moved into it, the partition keeps its epoch, and the next owner, who begins to count
 * anew, would tell other things by the same stamps. Epochs are of 2^33 at most, so that this is exact.
 */
function tenureOf(epoch: number, laneEpoch: number): number {
  return epoch * BEHIND_MAX + Math.max(0, BEHIND_MAX - 1 - (epoch - laneEpoch));
}
