// Who subscribes to which sku of this worker. Delivery is the gateway's business.
import type { AvailabilityPush } from '../../protocol/index.ts';

type Listener = (push: AvailabilityPush) => void;

export class Watchers {
  readonly #bySku = new Map<string, Set<Listener>>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(sku: string): boolean {
    return this.#bySku.has(sku);
  }

  skus(): string[] {
    return [...this.#bySku.keys()];
  }

  /** @throws RangeError when the worker watches as many skus as it may */
  add(sku: string, listener: Listener): () => void {
    const listeners = this.#bySku.get(sku) ?? new Set();
    if (listeners.size === 0) {
      if (this.#bySku.size >= this.#max) throw new RangeError(`more than ${this.#max} skus are watched`);
      this.#bySku.set(sku, listeners);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#bySku.get(sku) === listeners) this.#bySku.delete(sku);
    };
  }

  publish(push: AvailabilityPush): void {
    const listeners = this.#bySku.get(push.sku);
    if (listeners !== undefined) for (const listener of listeners) listener(push);
  }
}
