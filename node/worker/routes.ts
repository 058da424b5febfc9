// Which worker serves each partition, and holds each lane, as far as this one has heard. A hint: the journals decide
// (cluster/handoff/SPEC.md), so a route that is wrong costs a refusal and nothing else.

/** What a worker tells of one lane it holds. */
export interface LaneHoldings {
  readonly lane: string;
  readonly laneEpoch: number;
  /** The lease on it has run out: its worker cannot reach the store, and another one may take the lane there. */
  readonly isLapsed?: true;
  /** The partitions that are open in it, each with its epoch. */
  readonly open: readonly (readonly [partition: number, epoch: number])[];
}

/** What a worker tells of itself. */
export interface Announcement {
  readonly worker: string;
  readonly address: string;
  /** Drawn at the worker's start. */
  readonly incarnation: string;
  /** Counts the announcements of the incarnation: a link may deliver an older one late. */
  readonly number: number;
  /** The version of its view of the members. */
  readonly view: number;
  readonly lanes: readonly LaneHoldings[];
}

export interface Route {
  readonly worker: string;
  readonly address: string;
  readonly lane: string;
  readonly epoch: number;
  readonly laneEpoch: number;
}

export interface LaneHolder {
  readonly worker: string;
  readonly address: string;
  readonly laneEpoch: number;
  /** As it says itself. */
  readonly isLapsed: boolean;
}

export class Routes {
  readonly #routes: (Route | undefined)[];
  readonly #heard = new Map<string, { incarnation: string; number: number; lanes: readonly LaneHoldings[] }>();
  readonly #addresses = new Map<string, string>();

  constructor(partitions: number) {
    this.#routes = new Array(partitions).fill(undefined);
  }

  of(partition: number): Route | undefined {
    return this.#routes[partition];
  }

  /** The worker that holds the lane; undefined while nobody is known to. */
  holderOf(lane: string): LaneHolder | undefined {
    let best: LaneHolder | undefined;
    for (const [worker, { lanes }] of this.#heard) {
      for (const held of lanes) {
        if (held.lane !== lane || (best !== undefined && best.laneEpoch >= held.laneEpoch)) continue;
        const address = this.#addresses.get(worker) as string;
        best = { worker, address, laneEpoch: held.laneEpoch, isLapsed: held.isLapsed === true };
      }
    }
    return best;
  }

  /** Takes in what a worker says of itself; the partitions whose route it changed. */
  learn(said: Announcement): number[] {
    const { worker, address, incarnation, number, lanes } = said;
    const before = this.#heard.get(worker);
    if (before?.incarnation === incarnation && before.number >= number) return [];
    this.#heard.set(worker, { incarnation, number, lanes });
    this.#addresses.set(worker, address);
    const changed: number[] = [];
    const named = new Set<number>();
    for (const { lane, laneEpoch, open } of lanes) {
      for (const [partition, epoch] of open) {
        if (partition >= this.#routes.length) continue;
        named.add(partition);
        if (this.#take(partition, worker, address, lane, epoch, laneEpoch)) changed.push(partition);
      }
    }
    for (let partition = 0; partition < this.#routes.length; partition++) {
      if (this.#routes[partition]?.worker !== worker || named.has(partition)) continue;
      this.#routes[partition] = undefined;
      changed.push(partition);
    }
    return changed;
  }

  /** True when the route is newer than what is known: by the partition's epoch, then by that of its lane. */
  #take(partition: number, worker: string, address: string, lane: string, epoch: number, laneEpoch: number): boolean {
    const known = this.#routes[partition];
    if (known !== undefined) {
      if (known.epoch > epoch || (known.epoch === epoch && known.laneEpoch > laneEpoch)) return false;
      const isSame = known.worker === worker && known.address === address && known.lane === lane;
      if (isSame && known.epoch === epoch && known.laneEpoch === laneEpoch) return false;
    }
    this.#routes[partition] = { worker, address, lane, epoch, laneEpoch };
    return true;
  }

  /** Notes what is known first hand: the partition has moved there. True when that is news. */
  note(partition: number, { worker, address, lane, epoch, laneEpoch }: Route): boolean {
    return this.#take(partition, worker, address, lane, epoch, laneEpoch);
  }

  /** Forgets a worker that is gone; the partitions that nobody is known to serve now. */
  forget(worker: string): number[] {
    this.#heard.delete(worker);
    this.#addresses.delete(worker);
    const lost: number[] = [];
    for (const [partition, route] of this.#routes.entries()) {
      if (route?.worker !== worker) continue;
      this.#routes[partition] = undefined;
      lost.push(partition);
    }
    return lost;
  }

  /** The workers heard of, by what they said last. */
  workers(): { readonly worker: string; readonly address: string; readonly lanes: readonly LaneHoldings[] }[] {
    return [...this.#heard].map(([worker, { lanes }]) => ({
      worker,
      address: this.#addresses.get(worker) as string,
      lanes,
    }));
  }
}
