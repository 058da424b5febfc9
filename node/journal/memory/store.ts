// The journal in memory: for tests and the simulator. Same contract and same bytes as the other drivers, no timers,
// no randomness; faults are injected through the medium. It survives nothing, and says so (durability `memory`).

import { checksumOf } from '../batch.ts';
import type {
  AppendResult,
  Claim,
  JournalBatch,
  JournalStore,
  Lane,
  LaneReader,
  Ownership,
  RegionLayout,
  Register,
  Registered,
  SnapshotManifest,
  SnapshotRow,
  SnapshotSlot,
  StoredTail,
} from '../port.ts';
import { FIRST_LANE, LaneBusy, LayoutMismatch, RegionUnknown, StoreUnavailable } from '../port.ts';

const ROWS_CHUNK = 1_000;

interface Owner {
  readonly epoch: number;
  readonly nonce: string;
  readonly ownerId: string;
  readonly sessionTtlMs: number;
  renewedAt: number;
  alive: boolean;
}

interface LaneData {
  readonly layout: RegionLayout;
  owner: Owner | undefined;
  lastSeq: number;
  batches: JournalBatch[];
  manifests: Map<SnapshotSlot, SnapshotManifest>;
  rows: Record<SnapshotSlot, Map<string, SnapshotRow>>;
}

/** How an injected failure strikes: the batch did not land, or it did and the answer was lost. */
export type AppendFault = 'before' | 'after';

/**
 * What outlives a store: stores opened on one medium are processes that share it. Tests inject faults here.
 */
export class MemoryMedium {
  /** By `region/lane`. */
  readonly lanes = new Map<string, LaneData>();
  readonly registers = new Map<string, Registered>();
  readonly #now: () => number;
  readonly #appendFaults: (AppendFault | undefined)[] = [];
  readonly #held: (() => void)[] = [];
  #isHolding = false;
  #downBecause: string | undefined;
  #generation = 0;

  /** @param now milliseconds, for the expiry of sessions; by default time stands still */
  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  /** The next appends fail so, one each; undefined lets one pass. */
  failAppends(...faults: (AppendFault | undefined)[]): void {
    this.#appendFaults.push(...faults);
  }

  /** From now on appends wait, before they land. */
  hold(): void {
    this.#isHolding = true;
  }

  /** How many appends wait. */
  get held(): number {
    return this.#held.length;
  }

  /** Lets the first `count` waiting appends go, in order; without a count all of them, and holding ends. */
  release(count?: number): void {
    if (count === undefined) this.#isHolding = false;
    for (const go of this.#held.splice(0, count ?? this.#held.length)) go();
  }

  /** Every call rejects with StoreUnavailable(reason) until `up`. */
  down(reason: string): void {
    this.#downBecause = reason;
  }

  up(): void {
    this.#downBecause = undefined;
  }

  /** The owner's session dies; the owner is not told. */
  endSession(region: string, lane = FIRST_LANE): void {
    const owner = this.lanes.get(`${region}/${lane}`)?.owner;
    if (owner !== undefined) owner.alive = false;
  }

  /**
   * Remembers a lane as it is. What it returns puts it back, as a fail-over does to a replica that lagged behind: the
   * fence goes back with the data.
   */
  checkpoint(region: string, lane = FIRST_LANE): () => void {
    const data = this.lanes.get(`${region}/${lane}`);
    if (data === undefined) throw new RangeError(`no lane ${lane} of region ${region}`);
    const copy = copyOfLane(data);
    return () => {
      Object.assign(data, copyOfLane(copy));
      this.#generation += 1;
    };
  }

  /** How often a lane was put back. @internal */
  get generation(): number {
    return this.#generation;
  }

  /** @internal */
  get now(): number {
    return this.#now();
  }

  /** @internal */
  check(): void {
    if (this.#downBecause !== undefined) throw new StoreUnavailable(this.#downBecause);
  }

  /** @internal */
  takeFault(): AppendFault | undefined {
    return this.#appendFaults.shift();
  }

  /** @internal */
  async turn(): Promise<void> {
    if (this.#isHolding) await new Promise<void>((go) => this.#held.push(go));
  }
}

/** One process's view of a medium. */
export class MemoryStore implements JournalStore {
  readonly driver = 'memory';
  readonly durability = 'memory';
  readonly medium: MemoryMedium;
  #isClosed = false;

  constructor(medium: MemoryMedium = new MemoryMedium()) {
    this.medium = medium;
  }

  async acquire(layout: RegionLayout, claim: Claim, lane = FIRST_LANE): Promise<Lane> {
    this.check();
    const data = this.#lane(layout, lane);
    const { owner } = data;
    if (owner?.alive && owner.ownerId !== claim.ownerId) {
      const leftMs = owner.renewedAt + owner.sessionTtlMs - this.medium.now;
      if (leftMs > 0)
        throw new LaneBusy(`lane ${lane} of ${layout.region} is owned by ${owner.ownerId}, which is alive`, leftMs);
    }
    const epoch = Math.max(owner?.epoch ?? 0, claim.epochSeen) + 1;
    data.owner = ownerOf(claim, epoch, this.medium.now);
    return new MemoryLane(this, data, epoch, claim);
  }

  async reader(region: string, lane = FIRST_LANE): Promise<LaneReader & { readonly layout: RegionLayout }> {
    this.check();
    const data = this.medium.lanes.get(`${region}/${lane}`);
    if (data === undefined) throw new RegionUnknown(`no lane ${lane} of region ${region} in this memory store`);
    return new MemoryReader(this, data);
  }

  async lanes(region: string): Promise<readonly string[]> {
    this.check();
    return [...this.medium.lanes]
      .filter(([, { layout }]) => layout.region === region)
      .map(([key]) => key.slice(region.length + 1))
      .sort();
  }

  register(region: string): Register {
    const { registers } = this.medium;
    const read = (): Registered => {
      this.check();
      return registers.get(region) ?? { version: 0, value: '' };
    };
    return {
      read: async () => read(),
      write: async (expected, value) => {
        if (read().version !== expected) return false;
        registers.set(region, { version: expected + 1, value });
        return true;
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** @internal */
  check(): void {
    if (this.#isClosed) throw new StoreUnavailable('the memory store is closed');
    this.medium.check();
  }

  #lane(layout: RegionLayout, lane: string): LaneData {
    const key = `${layout.region}/${lane}`;
    for (const { layout: created } of this.medium.lanes.values()) {
      if (created.region === layout.region) checkLayout(created, layout);
    }
    const existing = this.medium.lanes.get(key);
    if (existing === undefined) {
      const data: LaneData = {
        layout: { ...layout },
        owner: undefined,
        lastSeq: 0,
        batches: [],
        manifests: new Map(),
        rows: { a: new Map(), b: new Map() },
      };
      this.medium.lanes.set(key, data);
      return data;
    }
    return existing;
  }
}

class MemoryReader implements LaneReader {
  protected readonly store: MemoryStore;
  protected readonly data: LaneData;

  constructor(store: MemoryStore, data: LaneData) {
    this.store = store;
    this.data = data;
  }

  get layout(): RegionLayout {
    return this.data.layout;
  }

  async ownership(): Promise<Ownership | undefined> {
    this.store.check();
    const { owner, lastSeq } = this.data;
    return owner && { epoch: owner.epoch, nonce: owner.nonce, ownerId: owner.ownerId, lastSeq };
  }

  async *batches(fromSeq: number): AsyncIterable<JournalBatch> {
    this.store.check();
    for (const batch of this.data.batches.filter(({ lastSeq }) => lastSeq >= fromSeq)) {
      this.store.check();
      yield { ...batch, bytes: copyOf(batch.bytes) };
    }
  }

  async snapshots(): Promise<readonly SnapshotManifest[]> {
    this.store.check();
    return [...this.data.manifests.values()].sort((left, right) => right.coveredSeq - left.coveredSeq);
  }

  async *rows(slot: SnapshotSlot): AsyncIterable<readonly SnapshotRow[]> {
    const rows = [...this.data.rows[slot].values()];
    for (let start = 0; start < rows.length; start += ROWS_CHUNK) {
      this.store.check();
      yield rows.slice(start, start + ROWS_CHUNK);
    }
  }

  async row(slot: SnapshotSlot, partition: number, sku: string): Promise<Uint8Array | undefined> {
    this.store.check();
    const row = this.data.rows[slot].get(`${partition}/${sku}`);
    return row && copyOf(row.bytes);
  }
}

class MemoryLane extends MemoryReader implements Lane {
  readonly #claim: Claim;
  readonly epoch: number;
  readonly nonce: string;
  readonly openedAtSeq: number;
  readonly mayLoseTail = true;

  constructor(store: MemoryStore, data: LaneData, epoch: number, claim: Claim) {
    super(store, data);
    this.epoch = epoch;
    this.nonce = claim.nonce;
    this.#claim = claim;
    this.openedAtSeq = data.lastSeq;
  }

  async append(batch: JournalBatch): Promise<AppendResult> {
    this.store.check();
    const bytes = copyOf(batch.bytes);
    await this.store.medium.turn();
    this.store.check();
    const fault = this.store.medium.takeFault();
    if (fault === 'before') throw new StoreUnavailable('injected: the append did not land');
    const result = this.#land({ ...batch, bytes });
    if (fault === 'after') throw new StoreUnavailable('injected: the answer to the append was lost');
    return result;
  }

  #land(batch: JournalBatch): AppendResult {
    const { data } = this;
    if (!this.#isOwner()) return 'FENCED';
    if (batch.firstSeq === data.lastSeq + 1) {
      data.batches.push(batch);
      data.lastSeq = batch.lastSeq;
      return 'OK';
    }
    const landed = data.batches.find(({ lastSeq }) => lastSeq === batch.lastSeq);
    return landed !== undefined && Buffer.compare(landed.bytes, batch.bytes) === 0 ? 'OK' : 'GAP';
  }

  putRows(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult> {
    return this.#fenced(() => {
      for (const row of rows) {
        this.data.rows[slot].set(`${row.partition}/${row.sku}`, { ...row, bytes: copyOf(row.bytes) });
      }
    });
  }

  publish(manifest: SnapshotManifest): Promise<AppendResult> {
    return this.#fenced(() => this.data.manifests.set(manifest.slot, { ...manifest }));
  }

  trim(throughSeq: number): Promise<AppendResult> {
    return this.#fenced(() => {
      const keep = this.data.batches.findIndex(({ lastSeq }) => lastSeq > throughSeq);
      this.data.batches.splice(0, keep < 0 ? this.data.batches.length : keep);
    });
  }

  forgetRows(partition: number): Promise<AppendResult> {
    return this.#fenced(() => {
      for (const rows of [this.data.rows.a, this.data.rows.b]) {
        for (const [key, row] of rows) if (row.partition === partition) rows.delete(key);
      }
    });
  }

  get generation(): number {
    return this.store.medium.generation;
  }

  async reassert(keptFromSeq: number): Promise<StoredTail | 'FENCED' | 'GAP'> {
    this.store.check();
    const { data } = this;
    const stored = data.owner?.epoch ?? 0;
    if (stored > this.epoch || (stored === this.epoch && data.owner?.nonce !== this.nonce)) return 'FENCED';
    if (data.lastSeq < keptFromSeq) return 'GAP';
    data.owner = ownerOf(this.#claim, this.epoch, this.store.medium.now);
    const last = data.batches.at(-1);
    return { lastSeq: data.lastSeq, checksum: last && checksumOf(last.bytes) };
  }

  async renew(): Promise<boolean> {
    this.store.check();
    const { owner } = this.data;
    if (owner === undefined || !this.#isOwner()) return false;
    owner.renewedAt = this.store.medium.now;
    owner.alive = true;
    return true;
  }

  async isReplicated(): Promise<boolean> {
    return true;
  }

  async release(): Promise<void> {
    this.store.check();
    if (this.data.owner !== undefined && this.#isOwner()) this.data.owner.alive = false;
  }

  #isOwner(): boolean {
    return this.data.owner?.epoch === this.epoch && this.data.owner.nonce === this.nonce;
  }

  async #fenced(write: () => void): Promise<AppendResult> {
    this.store.check();
    if (!this.#isOwner()) return 'FENCED';
    write();
    return 'OK';
  }
}

function ownerOf({ nonce, ownerId, sessionTtlMs }: Claim, epoch: number, renewedAt: number): Owner {
  return { epoch, nonce, ownerId, sessionTtlMs, renewedAt, alive: true };
}

function copyOfLane({ layout, owner, lastSeq, batches, manifests, rows }: LaneData): LaneData {
  return {
    layout,
    owner: owner && { ...owner },
    lastSeq,
    batches: [...batches],
    manifests: new Map(manifests),
    rows: { a: new Map(rows.a), b: new Map(rows.b) },
  };
}

function checkLayout({ partitions, hash }: RegionLayout, asked: RegionLayout): void {
  if (partitions === asked.partitions && hash === asked.hash) return;
  throw new LayoutMismatch(
    `region ${asked.region} was created with ${partitions} partitions by ${hash}, not ${asked.partitions} by ${asked.hash}`,
  );
}

/** Not `slice`: that of a Buffer is a view. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes);
}
