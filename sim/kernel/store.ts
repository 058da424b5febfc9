// The store of a simulated region: the memory driver behind calls that take time, fail, get lost, or land late. What a
// call does is the memory driver's; when it does it, and whether its caller hears of it, is decided here.
//
// A call travels, lands, and its answer travels back. Calls of one process go over one connection at a time and land in
// the order in which they were made. A call that is not answered in time costs the connection, as in the Redis driver;
// what a fault holds back may still land after a newer connection was made, and the store then ignores it if it writes to
// a lane. Every batch that ever landed is also kept in an archive that nobody trims, for the oracle.
import { MemoryMedium, MemoryStore } from '../../node/journal/memory/store.ts';
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
  type Registered,
  type SnapshotManifest,
  type SnapshotRow,
  type SnapshotSlot,
  type StoredTail,
  StoreUnavailable,
} from '../../node/journal/port.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';

/** What may go wrong with calls to the store; all may be changed while it runs. */
export interface StoreFaults {
  /** Nothing lands and nothing answers. */
  isDown: boolean;
  /** Reads are answered, writes refused. */
  isReadOnly: boolean;
  /** Factor on every latency. */
  slowness: number;
  /** The share of calls that never land, nor anything behind them on their connection. */
  lost: number;
  /** The share of calls that land and whose answer is lost, as are all behind it on the connection. */
  unanswered: number;
  /** The share of calls that land late, mostly after their caller gave up; what is behind them waits for them. */
  late: number;
}

export const NO_STORE_FAULTS: StoreFaults = {
  isDown: false,
  isReadOnly: false,
  slowness: 1,
  lost: 0,
  unanswered: 0,
  late: 0,
};

/** Mean one-way latency of a call, ms. */
const LATENCY_MS = 0.4;
/** A call that lands late does so at most this long after it was made, ms. */
const LATE_MS_MAX = 6_000;
/** Pause before a broken connection is made anew, ms. */
const RECONNECT_MS = 25;
const PAGE_BATCHES = 16;

/** A batch that landed. */
export interface Landing {
  readonly lane: string;
  readonly batch: JournalBatch;
  /** ms. */
  readonly at: number;
  /** Of all that ever landed. */
  readonly order: number;
}

/** A snapshot row, and where its lane ended when it landed. */
export interface LandedRow extends SnapshotRow {
  readonly lane: string;
  readonly lastSeq: number;
}

export class SimMedium {
  readonly memory: MemoryMedium;
  readonly faults: StoreFaults = { ...NO_STORE_FAULTS };
  /** By `region/lane`: every batch that landed, in order. */
  readonly archive = new Map<string, JournalBatch[]>();
  /** The same batches of all lanes, in the order in which they landed, and when, ms. */
  readonly landings: Landing[] = [];
  /** Every snapshot row that landed, in order. */
  readonly rows: LandedRow[] = [];
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  /** How long a caller waits for an answer, ms. */
  readonly timeoutMs: number;
  /** Calls that a fault struck. */
  struck = 0;
  /** Told of each call that has landed, before its answer has reached the caller. */
  onLanded: (process: SimProcess, call: string) => void = () => {};
  /** Whether a tail was ever lost. */
  hasLost = false;
  /** Lanes that were taken. */
  epochs = 0;
  /** Servers that were the master so far. */
  era = 0;
  #replica: Replica | undefined;
  #landed = 0;
  /** By lane and last seq: what fail-overs lost. */
  readonly #lost = new Map<string, Landing>();
  readonly #connections: (() => void)[] = [];

  constructor(scheduler: Scheduler, random: Random, trace: Trace, timeoutMs: number) {
    this.scheduler = scheduler;
    this.random = random;
    this.trace = trace;
    this.timeoutMs = timeoutMs;
    this.memory = new MemoryMedium(() => scheduler.now);
  }

  latency(): number {
    return (0.05 + this.random.exponential(LATENCY_MS)) * this.faults.slowness;
  }

  archived(lane: string, batch: JournalBatch): void {
    this.#land(lane, batch);
    const batches = this.archive.get(lane);
    if (batches === undefined) this.archive.set(lane, [batch]);
    else batches.push(batch);
  }

  /** What a fail-over lost and its owner restores is where it was: others may have built on it meanwhile. */
  #land(lane: string, batch: JournalBatch): void {
    const key = `${lane} ${batch.lastSeq}`;
    const lost = this.#lost.get(key);
    if (lost === undefined || Buffer.compare(lost.batch.bytes, batch.bytes) !== 0) {
      this.#landed += 1;
      this.landings.push({ lane, batch, at: this.scheduler.now, order: this.#landed });
      return;
    }
    this.#lost.delete(key);
    const at = this.landings.findIndex(({ order }) => order > lost.order);
    this.landings.splice(at < 0 ? this.landings.length : at, 0, lost);
  }

  /**
   * From now on the replica hears of nothing more. With `isReplicated` no append is confirmed any more, as WAIT would find;
   * otherwise all goes on as if nothing were. @see failOver
   */
  beginLag(isReplicated: boolean): void {
    const { lanes, registers } = this.memory;
    const restores = new Map<string, () => void>();
    for (const [key, { layout }] of lanes) {
      restores.set(key, this.memory.checkpoint(layout.region, key.slice(layout.region.length + 1)));
    }
    this.#replica = {
      isReplicated,
      restores,
      registers: new Map(registers),
      archived: new Map([...this.archive].map(([key, batches]) => [key, batches.length])),
      landings: new Set(this.landings),
      rows: this.rows.length,
    };
  }

  /** To be called when a write has landed whose loss would break a promise. @throws StoreUnavailable while the replica lags */
  confirm(): void {
    if (this.#replica?.isReplicated === true) throw new StoreUnavailable('0 of the 1 replicas needed confirmed');
  }

  /**
   * What is promised without confirmation is promised to who owned the lane before the replica fell behind, and lives.
   * @throws StoreUnavailable while one that nothing waits for lags
   */
  mayChangeHands(): void {
    if (this.#replica?.isReplicated === false)
      throw new StoreUnavailable('no lane changes hands while the replica lags');
  }

  /**
   * The replica takes the master's place: all that landed since `beginLag` is gone, fences and members too, and every
   * connection with it. The sessions of the owners that it knows of begin again, as each driver sees to.
   */
  failOver(): void {
    const replica = this.#replica;
    if (replica === undefined) return;
    this.#replica = undefined;
    this.era += 1;
    this.hasLost ||= this.landings.length > replica.landings.size;
    for (const [key, data] of this.memory.lanes) {
      const restore = replica.restores.get(key);
      if (restore === undefined) Object.assign(data, emptyLane());
      else restore();
      if (data.owner?.alive) data.owner.renewedAt = this.scheduler.now;
    }
    this.memory.registers.clear();
    for (const [region, registered] of replica.registers) this.memory.registers.set(region, registered);
    for (const [key, batches] of this.archive) batches.length = replica.archived.get(key) ?? 0;
    for (const landing of this.landings.splice(0)) {
      if (replica.landings.has(landing)) this.landings.push(landing);
      else this.#lost.set(`${landing.lane} ${landing.batch.lastSeq}`, landing);
    }
    this.rows.length = replica.rows;
    for (const lose of [...this.#connections]) lose();
  }

  /** `lose` is called when the server that all are connected to is another one. */
  connected(lose: () => void): void {
    this.#connections.push(lose);
  }
}

/** What the replica has. */
interface Replica {
  readonly isReplicated: boolean;
  readonly restores: ReadonlyMap<string, () => void>;
  readonly registers: ReadonlyMap<string, Registered>;
  readonly archived: ReadonlyMap<string, number>;
  readonly landings: ReadonlySet<Landing>;
  readonly rows: number;
}

function emptyLane() {
  return {
    owner: undefined,
    lastSeq: 0,
    batches: [],
    manifests: new Map(),
    rows: { a: new Map(), b: new Map() },
  };
}

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

/** A fenced write is ignored by the store once a newer connection of the process has announced itself. */
type CallKind = 'read' | 'write' | 'fenced write';

interface OpenCall {
  readonly settle: (run: () => void) => void;
  readonly fail: (why: string) => void;
}

/** What becomes of one stretch of a connection's life, from connecting to breaking. */
interface Stretch {
  readonly number: number;
  /** Of the server it leads to. */
  readonly era: number;
  readonly open: Set<OpenCall>;
  /** Nothing lands before this: calls keep their order. */
  landsAt: number;
  answersAt: number;
  /** What is sent from now on is lost, as a stream has no holes. */
  isDeaf: boolean;
  /** What the store answers from now on is lost. */
  isMute: boolean;
}

class Connection {
  readonly #medium: SimMedium;
  readonly #process: SimProcess;
  /** Undefined while there is no connection. */
  #stretch: Stretch | undefined;
  /** The newest connection that the store has heard of. */
  #attached = 1;

  constructor(medium: SimMedium, process: SimProcess) {
    this.#medium = medium;
    this.#process = process;
    this.#stretch = newStretch(1, medium.era);
    medium.connected(() => {
      const stretch = this.#stretch;
      if (stretch !== undefined) process.accept(() => this.#break(stretch));
    });
  }

  call<T>(name: string, kind: CallKind, land: () => Promise<T>): Promise<T> {
    const process = this.#process;
    const { scheduler, timeoutMs } = this.#medium;
    const stretch = this.#stretch;
    if (!process.isAlive) return new Promise(() => {});
    return new Promise<T>((resolve, reject) => {
      if (stretch === undefined) {
        process.deliver(0, () => reject(new StoreUnavailable(`${name}: no connection`)));
        return;
      }
      const open: OpenCall = {
        settle: (run) => {
          if (!stretch.open.delete(open)) return;
          cancelTimeout();
          run();
        },
        fail: (why) => open.settle(() => reject(new StoreUnavailable(`${name}: ${why}`))),
      };
      stretch.open.add(open);
      const cancelTimeout = process.deliver(timeoutMs, () => this.#break(stretch));
      const answersLost = this.#drawFate(stretch, name);
      if (stretch.isDeaf) return;
      const arrive = (): void =>
        this.#land(stretch, name, kind, land, (run) => {
          if (!answersLost && !stretch.isMute) this.#answer(stretch, () => open.settle(() => run(resolve, reject)));
        });
      stretch.landsAt = Math.max(stretch.landsAt, scheduler.now + this.#medium.latency());
      scheduler.at(stretch.landsAt, arrive);
    });
  }

  /** Whether a fault strikes the call, and with it all behind it on the connection; true when its answer will be lost. */
  #drawFate(stretch: Stretch, name: string): boolean {
    const { random, faults, trace, scheduler, timeoutMs } = this.#medium;
    const fate = random.unit();
    const { lost, late, unanswered } = faults;
    if (fate >= lost + late + unanswered) return stretch.isMute;
    const what = fate < lost ? 'lost' : fate < lost + late ? 'late' : 'unanswered';
    this.#medium.struck += 1;
    trace.add(`${this.#process.name} ${name} ${what}`);
    if (what === 'lost') stretch.isDeaf = true;
    else if (what === 'late') stretch.landsAt = scheduler.now + random.between(timeoutMs / 2, LATE_MS_MAX);
    else stretch.isMute = true;
    return stretch.isMute;
  }

  #land<T>(
    stretch: Stretch,
    name: string,
    kind: CallKind,
    land: () => Promise<T>,
    answer: (run: (resolve: (value: T) => void, reject: (error: unknown) => void) => void) => void,
  ): void {
    const { faults, trace } = this.#medium;
    if (faults.isDown || stretch.era !== this.#medium.era) {
      stretch.isDeaf = true;
      return;
    }
    if (kind === 'fenced write' && stretch.number < this.#attached) {
      trace.add(`${this.#process.name} ${name} is stale`);
      return;
    }
    if (faults.isReadOnly && kind !== 'read') {
      answer((_, reject) => reject(new StoreUnavailable(`${name}: the store is read-only`)));
      return;
    }
    land().then(
      (value) => {
        trace.add(`${this.#process.name} ${name} landed ${typeof value === 'string' ? value : ''}`);
        answer((resolve) => resolve(value));
        this.#medium.onLanded(this.#process, name);
      },
      (error: unknown) => {
        trace.add(`${this.#process.name} ${name} refused ${error instanceof Error ? error.name : ''}`);
        answer((_, reject) => reject(error));
      },
    );
  }

  #answer(stretch: Stretch, run: () => void): void {
    const { scheduler } = this.#medium;
    stretch.answersAt = Math.max(stretch.answersAt, scheduler.now + this.#medium.latency());
    this.#process.deliver(stretch.answersAt - scheduler.now, run);
  }

  /** A call took too long: the connection is given up, with all that waits for an answer on it. */
  #break(stretch: Stretch): void {
    if (stretch !== this.#stretch) return;
    this.#stretch = undefined;
    for (const open of [...stretch.open]) open.fail('the connection was given up');
    this.#connect(stretch.number + 1);
  }

  /** The new connection announces itself before anything else is sent on it. */
  #connect(number: number): void {
    const medium = this.#medium;
    this.#process.deliver(RECONNECT_MS, () => {
      medium.scheduler.after(medium.latency(), () => {
        if (medium.faults.isDown || medium.faults.isReadOnly) {
          this.#connect(number);
          return;
        }
        this.#attached = number;
        const { era } = medium;
        this.#process.deliver(medium.latency(), () => {
          this.#stretch = newStretch(number, era);
        });
      });
    });
  }
}

function newStretch(number: number, era: number): Stretch {
  return { number, era, open: new Set(), landsAt: 0, answersAt: 0, isDeaf: false, isMute: false };
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
    const sent = { ...batch, bytes: Uint8Array.from(batch.bytes) };
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
    const sent = rows.map((row) => ({ ...row, bytes: Uint8Array.from(row.bytes) }));
    return this.store.call(`putRows ${slot}`, 'fenced write', async () => {
      const result = await this.#owned.putRows(slot, sent);
      const lastSeq = this.#medium.memory.lanes.get(this.#key)?.lastSeq ?? 0;
      if (result === 'OK') for (const row of sent) this.#medium.rows.push({ ...row, lane: this.#key, lastSeq });
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
