// How many packages ship nodes have to hand over next, as one process knows it: what all have taken, and what it is about to take itself.
// What others took counts here within a second, so that a node is given at most what they take in a second too much.
import type { BusinessClock, CapacitySlot, NodeCapacity } from '../fulfilment/ports.ts';
import { follow } from '../shared/follower.ts';
import type { SharedLog } from '../shared/log.ts';
import { handedOverAt } from '../sourcing/promise.ts';
import type { ShipNode, SourcingRules } from '../sourcing/rules.ts';
import { type PackagesEntry, PackagesTaken } from './packages.ts';

export interface LiveCapacityOptions {
  readonly log: SharedLog;
  /** As they are now: capacities and cutoffs may follow feeds. */
  readonly rules: () => SourcingRules;
  readonly clock: BusinessClock;
  readonly saves: boolean;
  readonly say: (line: string) => void;
  readonly pollMs?: number;
}

export interface LiveCapacity extends NodeCapacity {
  /** Of the nodes that have a capacity: packages of the next hand-over, and how many it may be. */
  readonly figures: readonly { readonly node: string; readonly packages: number; readonly max: number }[];
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Of processes that share nothing: every node can hand over any number. */
export const UNCOUNTED: NodeCapacity = {
  packagesOf: () => 0,
  claim: () => undefined,
  take: async () => undefined,
  free: async () => undefined,
};

/** @throws where the log cannot be read at all */
export async function liveCapacity(options: LiveCapacityOptions): Promise<LiveCapacity> {
  const { log, rules, clock, saves, say, pollMs } = options;
  const following = await follow({
    log,
    restore: (bytes) => new PackagesTaken(bytes, () => clock.now()),
    saves,
    onFailure: (message) => say(`packages of ship nodes: ${message}`),
    ...(pollMs === undefined ? {} : { pollMs }),
  });
  const { state } = following;
  /** By order, what is taken once it is reserved, and what is not read back yet. */
  const claims = new Map<string, readonly CapacitySlot[]>();
  let byName: { readonly of: SourcingRules; readonly nodes: ReadonlyMap<string, ShipNode> } | undefined;
  const nodeOf = (name: string): ShipNode | undefined => {
    const of = rules();
    if (byName?.of !== of) byName = { of, nodes: new Map(of.nodes.map((node) => [node.node, node])) };
    return byName.nodes.get(name);
  };
  const isCounted = ({ node }: CapacitySlot): boolean => nodeOf(node)?.packagesPerDay !== undefined;

  const packagesOf = (name: string): number => {
    const node = nodeOf(name);
    const at = node === undefined ? undefined : handedOverAt(node, clock.now());
    if (at === undefined) return 0;
    const next = { node: name, handedOverAt: Math.round(at) };
    let claimed = 0;
    for (const slots of claims.values()) {
      if (slots.some((slot) => slot.node === name && slot.handedOverAt === next.handedOverAt)) claimed += 1;
    }
    return state.count(next) + claimed;
  };
  const append = async (one: PackagesEntry): Promise<void> => {
    await following.append([JSON.parse(JSON.stringify(one))]);
  };

  return {
    packagesOf,
    claim(orderId, slots) {
      const counted = slots.filter(isCounted);
      if (counted.length === 0) claims.delete(orderId);
      else claims.set(orderId, counted);
    },
    async take(orderId, slots) {
      const taken = slots.filter(isCounted);
      claims.delete(orderId);
      if (taken.length === 0) return;
      // Here at once; others have it when they look.
      state.apply([JSON.parse(JSON.stringify({ orderId, taken }))]);
      await append({ orderId, taken });
    },
    async free(orderId, slot) {
      if (isCounted(slot)) await append({ orderId, freed: [slot] });
    },
    get figures() {
      return rules().nodes.flatMap(({ node, packagesPerDay }) =>
        packagesPerDay === undefined ? [] : [{ node, packages: packagesOf(node), max: packagesPerDay }],
      );
    },
    look: () => following.look(),
    stop: () => following.stop(),
  };
}
