// The store of a simulated region: the memory driver behind calls that take time, fail, get lost, or land late. What a
// call does is the memory driver's; when it does it, and whether its caller hears of it, is decided here.
//
// A call travels, lands, and its answer travels back. Calls of one process go over one connection at a time and land in
// the order in which they were made. A call that is not answered in time costs the connection, as in the Redis driver;
// what a fault holds back may still land after a newer connection was made, and the store then ignores it if it writes to
// a lane.
import { MemoryStore } from '../../node/journal/memory/store.ts';
import {
  type AppendResult,
  type Claim,
  FIRST_LANE,
  type JournalBatch,
  type JournalStore,
  type Lane,
  type LaneReader,
  type Ownership,
  type RegionLayout,
  type Register,
  type SnapshotManifest,
  type SnapshotRow,
  type SnapshotSlot,
  type StoredTail,
} from '../../node/journal/port.ts';
import { type CallKind, Connection } from './connection.ts';
import type { SimMedium } from './medium.ts';
import type { SimProcess } from './process.ts';

const PAGE_BATCHES = 16;

/** One process's view of the medium: a connection for reads and one for writes, as in the Redis driver. */
export class SimStore implements JournalStore {
  readonly driver = 'memory';
  readonly durability = 'memory';
  readonly #medium: SimMedium;
  readonly #inner: MemoryStore;
  readonly #reads: Connection;
  readonly #writes: Connection;

  constructor(medium: SimMedium, process: SimProcess) {
    this.#medium = medium;
    this.#inner = new MemoryStore(medium.memory);
    this.#reads = new Connection(medium, process);
    this.#writes = new Connection(medium, process);
  }

  acquire(layout: RegionLayout, claim: Claim, lane = FIRST_LANE): Promise<Lane> {
    return this.call('acquire', 'write', async () => {
      this.#medium.mayChangeHands();
      const owned = await this.#inner.acquire(layout, claim, lane);
      this.#medium.epochs += 1;
      this.#medium.confirm();
      return new SimLane(this, this.#medium, owned, `${layout.region}/${lane}`);
    });
  }

  reader(region: string, lane = FIRST_LANE): Promise<LaneReader & { readonly layout: RegionLayout }> {
    return this.call('reader', 'read', async () => {
      const reader = await this.#inner.reader(region, lane);
      return new SimReader(this, reader, reader.layout);
    });
  }

  lanes(region: string): Promise<readonly string[]> {
    return this.call('lanes', 'read', () => this.#inner.lanes(region));
  }

  register(region: string): Register {
    const register = this.#inner.register(region);
    return {
      read: () => this.call('register.read', 'read', () => register.read()),
      write: (expected, value) =>
        this.call('register.write', 'write', async () => {
          const written = await register.write(expected, value);
          this.#medium.confirm();
          return written;
        }),
    };
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Sends a call on its way; `land` runs in the store. The promise of a process that has ended stays open. */
  call<T>(name: string, kind: CallKind, land: () => Promise<T>): Promise<T> {
    return (kind === 'read' ? this.#reads : this.#writes).call(name, kind, land);
  }
}

class SimReader implements LaneReader {
  protected readonly store: SimStore;
  protected readonly inner: LaneReader;
  readonly layout: RegionLayout;

  constructor(store: SimStore, inner: LaneReader, layout: RegionLayout) {
    this.store = store;
    this.inner = inner;
    this.layout = layout;
  }

  ownership(): Promise<Ownership | undefined> {
    return this.store.call('ownership', 'read', () => this.inner.ownership());
  }

  async *batches(fromSeq: number): AsyncIterable<JournalBatch> {
    const end = (await this.ownership())?.lastSeq ?? 0;
    for (let next = fromSeq; next <= end; ) {
      const page = await this.store.call('batches', 'read', () => take(this.inner.batches(next), PAGE_BATCHES));
      if (page.length === 0) return;
      for (const batch of page) {
        if (batch.firstSeq > end) return;
        yield batch;
        next = batch.lastSeq + 1;
      }
    }
  }

  snapshots(): Promise<readonly SnapshotManifest[]> {
    return this.store.call('snapshots', 'read', () => this.inner.snapshots());
  }

  async *rows(slot: SnapshotSlot): AsyncIterable<readonly SnapshotRow[]> {
    const chunks = await this.store.call('rows', 'read', () => take(this.inner.rows(slot), Number.POSITIVE_INFINITY));
    yield* chunks;
  }

  row(slot: SnapshotSlot, partition: number, sku: string): Promise<Uint8Array | undefined> {
    return this.store.call('row', 'read', () => this.inner.row(slot, partition, sku));
  }
}

class SimLane extends SimReader implements Lane {
  readonly #owned: Lane;
  readonly #medium: SimMedium;
  readonly #key: string;

  constructor(store: SimStore, medium: SimMedium, owned: Lane, key: string) {
    super(store, owned, medium.memory.lanes.get(key)?.layout as RegionLayout);
    this.#owned = owned;
    this.#medium = medium;
    this.#key = key;
  }

  get epoch(): number {
    return this.#owned.epoch;
  }

  get nonce(): string {
    return this.#owned.nonce;
  }

  get openedAtSeq(): number {
    return this.#owned.openedAtSeq;
  }

  readonly mayLoseTail = true;

  get generation(): number {
    return this.#owned.generation;
  }

  reassert(keptFromSeq: number): Promise<StoredTail | 'FENCED' | 'GAP'> {
    return this.store.call('reassert', 'fenced write', async () => {
      const tail = await this.#owned.reassert(keptFromSeq);
      this.#medium.confirm();
      return tail;
    });
  }

  append(batch: JournalBatch): Promise<AppendResult> {
    const sent = { ...batch, bytes: new Uint8Array(batch.bytes) };
    return this.store.call(`append ${batch.firstSeq}-${batch.lastSeq}`, 'fenced write', async () => {
      const data = this.#medium.memory.lanes.get(this.#key);
      const before = data?.lastSeq ?? 0;
      const result = await this.#owned.append(sent);
      if (data !== undefined && data.lastSeq > before) this.#medium.archived(this.#key, sent);
      this.#medium.confirm();
      return result;
    });
  }

  putRows(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult> {
    const sent = rows.map((row) => ({ ...row, bytes: new Uint8Array(row.bytes) }));
    return this.store.call(`putRows ${slot}`, 'fenced write', async () => {
      const result = await this.#owned.putRows(slot, sent);
      const lastSeq = this.#medium.memory.lanes.get(this.#key)?.lastSeq ?? 0;
      if (result === 'OK') for (const row of sent) this.#medium.rows.push({ ...row, slot, lane: this.#key, lastSeq });
      return result;
    });
  }

  publish(manifest: SnapshotManifest): Promise<AppendResult> {
    return this.store.call(`publish ${manifest.slot} at ${manifest.coveredSeq}`, 'fenced write', () =>
      this.#owned.publish(manifest),
    );
  }

  trim(throughSeq: number): Promise<AppendResult> {
    return this.store.call(`trim ${throughSeq}`, 'fenced write', () => this.#owned.trim(throughSeq));
  }

  forgetRows(partition: number): Promise<AppendResult> {
    return this.store.call('forgetRows', 'fenced write', () => this.#owned.forgetRows(partition));
  }

  renew(): Promise<boolean> {
    return this.store.call('renew', 'write', () => this.#owned.renew());
  }

  async isReplicated(): Promise<boolean> {
    const medium = this.#medium;
    return !medium.hasReplica || this.store.call('isReplicated', 'write', async () => medium.replicaHasAll);
  }

  release(): Promise<void> {
    return this.store.call('release', 'write', () => this.#owned.release());
  }
}

async function take<T>(from: AsyncIterable<T>, most: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of from) {
    taken.push(item);
    if (taken.length >= most) break;
  }
  return taken;
}
