// The names of a lane's keys. All carry one hash tag, so that a cluster keeps them on one node and a script may touch
// them together.
import type { SnapshotSlot } from '../port.ts';

/** A region has one lane as yet; more get numbers. */
const LANE = '0';

export interface LaneKeys {
  /** Hash: region, partitions, hash; epoch, nonce, ownerId, lastSeq, connection. Never expires. */
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

export function keysOf(region: string): LaneKeys {
  const prefix = `hf:{${region}/${LANE}}`;
  return {
    own: `${prefix}:own`,
    session: `${prefix}:session`,
    journal: `${prefix}:journal`,
    snapshots: `${prefix}:snapshots`,
    rows: (slot, partition) => `${prefix}:rows:${slot}:${partition}`,
  };
}
