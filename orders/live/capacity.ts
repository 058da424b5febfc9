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
  isCounted: () => false,
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
  /** By order, what is taken once it is reserved. */
  const claims = new Map<string, readonly CapacitySlot[]>();
  let byName: { readonly of: SourcingRules; readonly nodes: ReadonlyMap<string, ShipNode> } | undefined;
  const nodeOf = (name: string): ShipNode | undefined => {
    const of = rules();
    if (byName?.of !== of) byName = { of, nodes: new Map(of.nodes.map((node) => [node.node, node])) };
    return byName.nodes.get(name);
  };
  /** Those that ever had a capacity here: a feed that says nothing for a while makes no package uncounted. */
  const counted = new Set<string>();
  const isCounted = (node: string): boolean => {
    if (nodeOf(node)?.packagesPerDay !== undefined) counted.add(node);
    return counted.has(node);
  };

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
  /** Here at once; others have it when they look. */
  const tell = async (one: PackagesEntry): Promise<void> => {
    const entries = [JSON.parse(JSON.stringify(one))];
    state.apply(entries);
    await following.append(entries);
  };

  return {
    packagesOf,
    claim(order, slots) {
      const some = slots.filter(({ node }) => isCounted(node));
      if (some.length === 0) claims.delete(order);
      else claims.set(order, some);
    },
    isCounted,
    async take(name, { node, handedOverAt: at }) {
      if (isCounted(node)) await tell({ package: name, taken: { node, handedOverAt: Math.round(at) } });
    },
    async free(name, node) {
      if (isCounted(node)) await tell({ package: name });
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
