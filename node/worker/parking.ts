// Requests that wait for their partition to be served again: it is moving, or its worker has died. They wait for a
// bounded time and in bounded number; a wait that ends is a retriable refusal.
import { type Failure, failure, type ItemRequest } from '../../protocol/index.ts';
import type { Respond } from '../shell/grid.ts';

export interface Parked {
  readonly request: ItemRequest;
  readonly respond: Respond;
  /** On the monotonic clock, ms. */
  readonly until: number;
}

const MOVING: Failure = failure(
  'UNAVAILABLE',
  'no worker serves the partition of this sku at the moment: it is moving, or its worker was lost; send the same requestId again',
  100,
);

const FULL: Failure = failure(
  'OVERLOADED',
  'too many requests wait for partitions that are moving; try again shortly',
  100,
);

export class Parking {
  readonly #max: number;
  readonly #byPartition = new Map<number, Parked[]>();
  #size = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  partitions(): number[] {
    return [...this.#byPartition.keys()];
  }

  /** Keeps the request, or refuses it when too many wait. */
  park(partition: number, parked: Parked): void {
    if (this.#size >= this.#max) {
      parked.respond(FULL);
      return;
    }
    this.#size += 1;
    const waiting = this.#byPartition.get(partition);
    if (waiting === undefined) this.#byPartition.set(partition, [parked]);
    else waiting.push(parked);
  }

  /** Hands out what waits for the partition, in the order in which it came. */
  take(partition: number): Parked[] {
    const waiting = this.#byPartition.get(partition) ?? [];
    this.#byPartition.delete(partition);
    this.#size -= waiting.length;
    return waiting;
  }

  /** Refuses what has waited long enough; true when any did. */
  expire(now: number): boolean {
    let any = false;
    for (const [partition, waiting] of this.#byPartition) {
      const left = waiting.filter((parked) => {
        if (parked.until > now) return true;
        parked.respond(MOVING);
        return false;
      });
      if (left.length === waiting.length) continue;
      any = true;
      this.#size -= waiting.length - left.length;
      if (left.length === 0) this.#byPartition.delete(partition);
      else this.#byPartition.set(partition, left);
    }
    return any;
  }
}
