// The journal port: what the shell needs of a store, in one place. Drivers: redis/, lmdb/, memory/. All pass the
// suite in conformance.ts. A driver knows nothing of actors or events: batches and snapshot rows are bytes to it.
import type { Durability } from '../../protocol/index.ts';

/** The lane that a region begins with: all its partitions are in it until they are moved. */
export const FIRST_LANE = '0';

/** Fixed when the region is created, and refused if it differs later; the same for all its lanes. */
export interface RegionLayout {
  readonly region: string;
  readonly partitions: number;
  /** The name of the function from sku to partition. */
  readonly hash: string;
}

/** Who wants to own the lane. */
export interface Claim {
  /** Unique to this process incarnation. */
  readonly ownerId: string;
  /** Random, drawn by the caller: one nonce an epoch. */
  readonly nonce: string;
  /** The greatest epoch the caller has heard of; the new one is greater. */
  readonly epochSeen: number;
  /** How long the owner counts as alive after its last renewal, ms. */
  readonly sessionTtlMs: number;
}

/** One commit: the records `firstSeq` to `lastSeq` of the lane, encoded and checksummed by batch.ts. */
export interface JournalBatch {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: Uint8Array;
}

/** OK: durable. FENCED: another epoch owns the lane. GAP: the lane does not end at firstSeq − 1. */
export type AppendResult = 'OK' | 'FENCED' | 'GAP';

/** Two tables take turns, so that the older snapshot is whole while the newer is written. */
export type SnapshotSlot = 'a' | 'b';

export interface SnapshotManifest {
  readonly slot: SnapshotSlot;
  /** Every event up to this journal seq is in the rows; later ones may be (rows carry their own seq). */
  readonly coveredSeq: number;
  /** The chained checksum at coveredSeq, so that the tail can be verified from there. */
  readonly checksum: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly actors: number;
  /** The lane's table of partitions at coveredSeq, as its owner writes it; absent while it was never changed. */
  readonly partitions?: string;
}

export interface SnapshotRow {
  readonly partition: number;
  readonly sku: string;
  /** The packed actor; see core/pack.ts. */
  readonly bytes: Uint8Array;
}

/** What anyone may read of a lane without owning it: recovery, audit, export. */
export interface LaneReader {
  /** The last owner recorded, dead or alive; undefined before the first. */
  ownership(): Promise<Ownership | undefined>;
  /** Batches that contain a seq ≥ fromSeq, in order, up to what is durable at the time of the call. */
  batches(fromSeq: number): AsyncIterable<JournalBatch>;
  /** Newest first; at most two. */
  snapshots(): Promise<readonly SnapshotManifest[]>;
  /** All rows of a snapshot, in chunks of bounded size. */
  rows(slot: SnapshotSlot): AsyncIterable<readonly SnapshotRow[]>;
  /** One actor's row, so that a passivated actor can be loaded alone. */
  row(slot: SnapshotSlot, partition: number, sku: string): Promise<Uint8Array | undefined>;
}

export interface Ownership {
  readonly epoch: number;
  readonly nonce: string;
  readonly ownerId: string;
  readonly lastSeq: number;
}

/** An owned lane. Every write names the epoch and nonce it was acquired with. */
export interface Lane extends LaneReader {
  readonly epoch: number;
  readonly nonce: string;
  /** The seq of the last record in the lane when it was acquired. */
  readonly openedAtSeq: number;
  /** A fail-over of the store may take back what it acknowledged: keep the recent tail, to append it again. */
  readonly mayLoseTail: boolean;
  /**
   * Rises whenever the store may have become an older copy of itself (it was connected to anew). What was written
   * under an earlier one counts only after a look at what the store has.
   */
  readonly generation: number;
  /**
   * Appends in call order; several calls may be in flight. Resolves once durable. A batch that already landed
   * under this nonce answers OK, so a caller that saw an ambiguous failure may simply send it again. Rejects
   * with StoreUnavailable when the store did not answer or refused for a cause that may pass (down, read-only,
   * full): the batch may or may not have landed.
   */
  append(batch: JournalBatch): Promise<AppendResult>;
  /**
   * Writes rows into a snapshot slot; durable once it resolves. The slot's manifest stays valid meanwhile: rows
   * newer than coveredSeq only save replay some work, since each carries its actor's seq.
   */
  putRows(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult>;
  /** Publishes the slot as the newest snapshot. */
  publish(manifest: SnapshotManifest): Promise<AppendResult>;
  /** Forgets batches that end at or before throughSeq. */
  trim(throughSeq: number): Promise<AppendResult>;
  /** Forgets a partition's rows in both slots: it was moved to another lane. A bounded number a commit. */
  forgetRows(partition: number): Promise<AppendResult>;
  /**
   * Makes the lane ours again where a fail-over gave it back to an earlier epoch, and says where it ends; otherwise only
   * that. What is missing may then be appended again.
   * @param keptFromSeq the caller has every batch behind this seq; GAP, and nothing changed, if the lane ends before it
   * @throws StoreUnavailable
   */
  reassert(keptFromSeq: number): Promise<StoredTail | 'FENCED' | 'GAP'>;
  /**
   * Extends the session. Resolves with false when the lane is no longer ours. The caller counts its deadline
   * from before the call.
   */
  renew(): Promise<boolean>;
  /**
   * Whether a fail-over can no longer lose what was appended, as far as the store can tell. Who lets go of a lane before that
   * leaves nobody to append it again.
   * @throws StoreUnavailable
   */
  isReplicated(): Promise<boolean>;
  /** Ends the session so that a successor need not wait for it to expire. */
  release(): Promise<void>;
}

export interface StoredTail {
  readonly lastSeq: number;
  /** Of the batch that ends there; undefined when it was trimmed, or there is none. */
  readonly checksum: number | undefined;
}

export interface JournalStore {
  readonly driver: 'lmdb' | 'redis' | 'memory';
  readonly durability: Durability;
  /**
   * Takes a lane over, by default FIRST_LANE: epoch = max(stored, seen) + 1. Creates it, and the region, on first use.
   * @throws LaneBusy while the owner's session is alive
   * @throws LayoutMismatch when the region was created with another layout
   */
  acquire(layout: RegionLayout, claim: Claim, lane?: string): Promise<Lane>;
  /** @throws RegionUnknown when the lane was never created; default FIRST_LANE */
  reader(region: string, lane?: string): Promise<LaneReader & { readonly layout: RegionLayout }>;
  /** The lanes of the region that were ever acquired, sorted; none when the region was never created. */
  lanes(region: string): Promise<readonly string[]>;
  /** The region's register, where its workers agree on who they are. */
  register(region: string): Register;
  close(): Promise<void>;
}

/** One small value with a version, changed by compare-and-set; durable like everything else in the store. */
export interface Register {
  /** Version 0 and '' before the first write. */
  read(): Promise<Registered>;
  /** Writes `value` as the version behind `expected`; false when another was faster. @throws StoreUnavailable */
  write(expected: number, value: string): Promise<boolean>;
}

export interface Registered {
  readonly version: number;
  readonly value: string;
}

/** The store did not answer, or refused for a cause that may pass. Retry after a pause. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** What is stored is not what this software writes: no retry will change that. */
export class StoreDamaged extends Error {
  override readonly name = 'StoreDamaged';
}

/** Another process owns the lane and is alive. */
export class LaneBusy extends Error {
  override readonly name = 'LaneBusy';
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The region exists with another partition count or hash. */
export class LayoutMismatch extends Error {
  override readonly name = 'LayoutMismatch';
}

/** No region of this name was ever created in the store. */
export class RegionUnknown extends Error {
  override readonly name = 'RegionUnknown';
}

/** The server's settings break the durability asked for; the message names the setting and the remedy. */
export class StoreMisconfigured extends Error {
  override readonly name = 'StoreMisconfigured';
}
