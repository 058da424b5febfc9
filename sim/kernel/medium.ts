// What all simulated stores share: the memory of the region, what may go wrong with it, and all that ever landed in it, kept
// in an archive that nobody trims, for the oracle.
import { MemoryMedium } from '../../node/journal/memory/store.ts';
import {
  type JournalBatch,
  type Registered,
  type SnapshotRow,
  type SnapshotSlot,
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
  readonly slot: SnapshotSlot;
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
  /** Whether there is a replica at all, that may take the master's place. */
  hasReplica = false;
  /** Until when a call that a fault struck may still land, or break its connection, ms. */
  strayUntil = 0;
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

  /** What WAIT would find. */
  get replicaHasAll(): boolean {
    return this.#replica === undefined;
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
