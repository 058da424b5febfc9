// The map of partitions for connections: the answer to `map`, and who is told when partitions have moved. What is told
// is the latest map, written once however many follow it.
import { type Encoding, encodePush } from '../../protocol/codec.ts';
import { type MapReply, PARTITION_HASH, type PartitionMap } from '../../protocol/index.ts';
import type { Grid, Placement } from '../shell/grid.ts';
import type { News, Subscriber } from './subscriptions.ts';

export class MapNews implements News {
  readonly #grid: Pick<Grid, 'info'>;
  readonly #placement: Placement | undefined;
  readonly #followers = new Set<Subscriber>();
  #stop: (() => void) | undefined;
  #encoded: Partial<Record<Encoding, Uint8Array>> = {};

  /** @param placement undefined where there is nothing to tell: the grid is one worker, reached here */
  constructor(grid: Pick<Grid, 'info'>, placement: Placement | undefined) {
    this.#grid = grid;
    this.#placement = placement;
  }

  /** What hello and map call the view. */
  get view(): number {
    return this.#placement?.map().view ?? this.#grid.info().epoch;
  }

  reply(): MapReply {
    return { ok: true, ...this.#map() };
  }

  follow(subscriber: Subscriber): void {
    this.#followers.add(subscriber);
    this.#stop ??= this.#placement?.onChange(() => this.#changed());
  }

  leave(subscriber: Subscriber): void {
    if (!this.#followers.delete(subscriber)) return;
    subscriber.news.delete(this);
    if (this.#followers.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  encoded(encoding: Encoding): Uint8Array {
    // The codec reuses its buffer, and this is kept: copy.
    this.#encoded[encoding] ??= Uint8Array.from(encodePush(encoding, { push: 'moved', ...this.#map() }));
    return this.#encoded[encoding];
  }

  #changed(): void {
    this.#encoded = {};
    for (const follower of this.#followers) {
      if (follower.news.has(this)) continue;
      follower.news.add(this);
      if (follower.news.size === 1) follower.wake();
    }
  }

  #map(): PartitionMap {
    if (this.#placement !== undefined) return this.#placement.map();
    const { region, epoch, partitions } = this.#grid.info();
    return { region, view: epoch, hash: PARTITION_HASH, workers: [], owners: new Array(partitions).fill(-1), self: -1 };
  }
}
