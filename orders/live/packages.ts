// Packages that ship nodes have to hand over, by node and hand-over: what all processes have taken so far. A package is handed over once, so
// it counts once, however often it is told, and where it was told of last. Pure.
import { pack, unpack } from 'msgpackr';
import { z } from 'zod';
import type { Json } from '../../protocol/index.ts';
import type { CapacitySlot } from '../fulfilment/ports.ts';
import type { Followed } from '../shared/follower.ts';
import { HAND_OVER_KEPT_MS, PACKAGES_COUNTED_MAX } from './limits.ts';

const slot = z.object({ node: z.string(), handedOverAt: z.number() });
const entry = z.object({
  /** `<region>/<orderId>/<packageId>`. */
  package: z.string(),
  /** Undefined: it is not handed over. */
  taken: slot.optional(),
});
export type PackagesEntry = z.input<typeof entry>;

type State = readonly (readonly [node: string, at: number, packages: readonly string[]])[];

export class PackagesTaken implements Followed {
  /** Packages by node and hand-over. */
  readonly #taken = new Map<string, Map<number, Set<string>>>();
  /** Where each of them is. */
  readonly #places = new Map<string, CapacitySlot>();
  readonly #now: () => number;

  /** @param now ms since the epoch of business. @throws for bytes that are no state of these */
  constructor(bytes: Uint8Array | undefined, now: () => number) {
    this.#now = now;
    if (bytes === undefined) return;
    for (const [node, at, packages] of unpack(bytes) as State) {
      for (const one of packages) this.#take(one, { node, handedOverAt: at });
    }
  }

  apply(entries: readonly Json[]): void {
    for (const one of entries) {
      const read = entry.safeParse(one);
      if (!read.success) continue;
      const { package: name, taken } = read.data;
      this.#free(name);
      if (taken !== undefined) this.#take(name, taken);
    }
    this.#forget();
  }

  /** Packages that a node hands over then. */
  count({ node, handedOverAt }: CapacitySlot): number {
    return this.#taken.get(node)?.get(handedOverAt)?.size ?? 0;
  }

  serialise(): Uint8Array {
    const state: State = [...this.#taken].flatMap(([node, byTime]) =>
      [...byTime].map(([at, packages]) => [node, at, [...packages]] as const),
    );
    return pack(state);
  }

  #take(name: string, { node, handedOverAt }: CapacitySlot): void {
    const byTime = this.#taken.get(node) ?? new Map<number, Set<string>>();
    this.#taken.set(node, byTime);
    const packages = byTime.get(handedOverAt) ?? new Set<string>();
    byTime.set(handedOverAt, packages);
    if (packages.size >= PACKAGES_COUNTED_MAX) return;
    packages.add(name);
    this.#places.set(name, { node, handedOverAt });
  }

  #free(name: string): void {
    const place = this.#places.get(name);
    if (place === undefined) return;
    this.#places.delete(name);
    this.#taken.get(place.node)?.get(place.handedOverAt)?.delete(name);
  }

  #forget(): void {
    const before = this.#now() - HAND_OVER_KEPT_MS;
    for (const [node, byTime] of this.#taken) {
      for (const [at, packages] of byTime) {
        if (at >= before) continue;
        for (const name of packages) this.#places.delete(name);
        byTime.delete(at);
      }
      if (byTime.size === 0) this.#taken.delete(node);
    }
  }
}
