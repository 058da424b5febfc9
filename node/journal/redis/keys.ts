// The names of a lane's keys, and of its region's. A lane's carry one hash tag, so that a cluster keeps them on one
// node and a script may touch them together; the region's carry another, so that no script touches both.
import { FIRST_LANE, type SnapshotSlot } from '../port.ts';

export interface LaneKeys {
  /**
   * Hash: region, partitions, hash; epoch, nonce, ownerId, lastSeq, connection; and of the owner: runId of the server it
   * was last seen on (absent once released), session, ttlMs. Never expires.
   */
  readonly own: string;
  /** String with a TTL: who the owner is, and that it lives. */
  readonly session: string;
  /** Stream: one entry a batch, its id `<lastSeq>-0`, field `b` the bytes. */
  readonly journal: string;
  /** Hash: slot → manifest as JSON. */
  readonly snapshots: string;
  /** Hash: sku → packed actor. */
  rows(slot: SnapshotSlot, partition: number): string;
}

export interface RegionKeys {
  /** Hash: partitions, hash. Regions of an older version have them in their first lane's `own` alone. */
  readonly layout: string;
  /** Set: the lanes that were ever acquired; of an older version's region, the first lane need not be in it. */
  readonly lanes: string;
  /** Hash: version, value. */
  readonly register: string;
}

export function regionKeysOf(region: string): RegionKeys {
  const prefix = `hf:{${region}}`;
  return { layout: `${prefix}:layout`, lanes: `${prefix}:lanes`, register: `${prefix}:register` };
}

export function keysOf(region: string, lane = FIRST_LANE): LaneKeys {
  const prefix = `hf:{${region}/${lane}}`;
  return {
    own: `${prefix}:own`,
    session: `${prefix}:session`,
    journal: `${prefix}:journal`,
    snapshots: `${prefix}:snapshots`,
    rows: (slot, partition) => `${prefix}:rows:${slot}:${partition}`,
  };
}
