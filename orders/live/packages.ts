// Packages that ship nodes have to hand over, by node and hand-over: what all processes that source have taken so far. An order sends at
// most one package from a node at a time, so it counts once, however often it is told. Pure.
import { pack, unpack } from 'msgpackr';
import { z } from 'zod';
import type { Json } from '../../protocol/index.ts';
import type { CapacitySlot } from '../fulfilment/ports.ts';
import type { Followed } from '../shared/follower.ts';
import { HAND_OVER_KEPT_MS, PACKAGES_COUNTED_MAX } from './limits.ts';

const slots = z.array(z.object({ node: z.string(), handedOverAt: z.number() }));
const entry = z.object({ orderId: z.string(), taken: slots.optional(), freed: slots.optional() });
export type PackagesEntry = z.input<typeof entry>;

type State = readonly (readonly [node: string, at: number, orderIds: readonly string[]])[];

export class PackagesTaken implements Followed {
  /** Orders by node and hand-over. */
  readonly #taken = new Map<string, Map<number, Set<string>>>();
  readonly #now: () => number;

  /** @param now ms since the epoch of business. @throws for bytes that are no state of these */
  constructor(bytes: Uint8Array | undefined, now: () => number) {
    this.#now = now;
    if (bytes === undefined) return;
    for (const [node, at, orderIds] of unpack(bytes) as State) {
      for (const orderId of orderIds) this.#take(orderId, { node, handedOverAt: at });
    }
  }

  apply(entries: readonly Json[]): void {
    for (const one of entries) {
      const read = entry.safeParse(one);
      if (!read.success) continue;
      const { orderId, taken = [], freed = [] } = read.data;
      for (const slot of taken) this.#take(orderId, slot);
      for (const { node, handedOverAt } of freed) this.#taken.get(node)?.get(handedOverAt)?.delete(orderId);
    }
    this.#forget();
  }

  /** Packages that a node hands over then. */
  count({ node, handedOverAt }: CapacitySlot): number {
    return this.#taken.get(node)?.get(handedOverAt)?.size ?? 0;
  }

  serialise(): Uint8Array {
    const state: State = [...this.#taken].flatMap(([node, byTime]) =>
      [...byTime].map(([at, orderIds]) => [node, at, [...orderIds]] as const),
    );
    return pack(state);
  }

  #take(orderId: string, { node, handedOverAt }: CapacitySlot): void {
    const byTime = this.#taken.get(node) ?? new Map<number, Set<string>>();
    this.#taken.set(node, byTime);
    const orderIds = byTime.get(handedOverAt) ?? new Set<string>();
    byTime.set(handedOverAt, orderIds);
    if (orderIds.size < PACKAGES_COUNTED_MAX) orderIds.add(orderId);
  }

  #forget(): void {
    const before = this.#now() - HAND_OVER_KEPT_MS;
    for (const [node, byTime] of this.#taken) {
      for (const at of byTime.keys()) if (at < before) byTime.delete(at);
      if (byTime.size === 0) this.#taken.delete(node);
    }
  }
}
