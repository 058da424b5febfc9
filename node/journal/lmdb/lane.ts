// An owned lane in LMDB. Every write is an instruction to LMDB's writer thread under the condition that the fence still
// carries our epoch, evaluated there in the order of the calls: no JavaScript runs inside a transaction.
import { checksumOf } from '../batch.ts';
import type {
  AppendResult,
  JournalBatch,
  Lane,
  SnapshotManifest,
  SnapshotRow,
  SnapshotSlot,
  StoredTail,
} from '../port.ts';
import { StoreUnavailable } from '../port.ts';
import type { Environment } from './environment.ts';
import { beat, type OwnerRecord } from './ownership.ts';
import { LmdbReader } from './reader.ts';
import { json, lastSeqOf, readJson } from './records.ts';

/** Rows written or forgotten in one transaction: appends that arrive meanwhile wait for no more than this. */
const ROWS_PER_COMMIT = 500;
/** Batches forgotten in one transaction, likewise. */
const TRIM_PER_COMMIT = 1_000;
/** A commit that takes longer is given up for its caller, who sends it again, ms: many times a slow disk's worst. */
const COMMIT_TIMEOUT_MS = 10_000;
/** How often late ones are looked for, ms. */
const COMMIT_LOOK_MS = 1_000;
const HEAD = Buffer.from('head');

export class LmdbLane extends LmdbReader implements Lane {
  readonly epoch: number;
  readonly nonce: string;
  readonly openedAtSeq: number;
  /** What is committed is on this machine's disk, and there is no other copy to fall back to. */
  readonly mayLoseTail = false;
  readonly generation = 0;
  readonly #owner: OwnerRecord;
  /** Commits in flight: how each is given up, and since when it waits. */
  readonly #pending = new Map<(error: Error) => void, number>();
  #watch: NodeJS.Timeout | undefined;

  constructor(environment: Environment, owner: OwnerRecord) {
    super(environment);
    this.#owner = owner;
    this.epoch = owner.epoch;
    this.nonce = owner.nonce;
    this.openedAtSeq = lastSeqOf(environment);
  }

  async append({ firstSeq, lastSeq, bytes }: JournalBatch): Promise<AppendResult> {
    const value = toBuffer(bytes);
    const { state, journal } = this.environment.tables;
    let linked: Promise<boolean> | undefined;
    const result = await this.#fenced(() => {
      linked = state.ifVersion('head', firstSeq - 1, () => {
        journal.put(lastSeq, value);
        state.put('head', HEAD, lastSeq);
      });
      return linked;
    });
    if (result === 'FENCED' || (await linked)) return result;
    return this.#hasLanded(lastSeq, value) ? 'OK' : 'GAP';
  }

  #hasLanded(lastSeq: number, value: Buffer): boolean {
    this.environment.refresh();
    const landed = this.environment.tables.journal.get(lastSeq);
    return landed?.equals(value) ?? false;
  }

  async putRows(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult> {
    const table = this.environment.tables.rows[slot];
    for (let start = 0; start < rows.length; start += ROWS_PER_COMMIT) {
      const result = await this.#fenced(() => {
        for (const { partition, sku, bytes } of rows.slice(start, start + ROWS_PER_COMMIT)) {
          table.put([partition, sku], toBuffer(bytes));
        }
        return undefined;
      });
      if (result !== 'OK') return result;
    }
    return 'OK';
  }

  publish(manifest: SnapshotManifest): Promise<AppendResult> {
    return this.#fenced(() => {
      this.environment.tables.state.put(`manifest-${manifest.slot}`, json(manifest), this.epoch);
      return undefined;
    });
  }

  async trim(throughSeq: number): Promise<AppendResult> {
    const { journal } = this.environment.tables;
    for (;;) {
      this.environment.refresh();
      const keys = journal.getKeys({ end: throughSeq, inclusiveEnd: true, limit: TRIM_PER_COMMIT }).map((key) => key);
      const seqs = [...keys];
      const result = await this.#fenced(() => {
        for (const lastSeq of seqs) journal.remove(lastSeq);
        return undefined;
      });
      if (result !== 'OK' || seqs.length < TRIM_PER_COMMIT) return result;
    }
  }

  async forgetRows(partition: number): Promise<AppendResult> {
    for (const slot of ['a', 'b'] as const) {
      const result = await this.#forgetRowsOf(slot, partition);
      if (result !== 'OK') return result;
    }
    return 'OK';
  }

  async #forgetRowsOf(slot: SnapshotSlot, partition: number): Promise<AppendResult> {
    const table = this.environment.tables.rows[slot];
    for (;;) {
      this.environment.refresh();
      const from = [...table.getKeys({ start: [partition, ''], limit: ROWS_PER_COMMIT })];
      const keys = from.filter(([of]) => of === partition);
      const result = await this.#fenced(() => {
        for (const key of keys) table.remove(key);
        return undefined;
      });
      if (result !== 'OK' || keys.length < ROWS_PER_COMMIT) return result;
    }
  }

  async reassert(keptFromSeq: number): Promise<StoredTail | 'FENCED' | 'GAP'> {
    if (!this.#isOwner()) return 'FENCED';
    const lastSeq = lastSeqOf(this.environment);
    if (lastSeq < keptFromSeq) return 'GAP';
    const last = this.environment.tables.journal.get(lastSeq);
    return { lastSeq, checksum: last && checksumOf(last) };
  }

  #isOwner(): boolean {
    this.environment.refresh();
    const owner = readJson<OwnerRecord>(this.environment, 'fence');
    return owner?.epoch === this.epoch && owner.nonce === this.nonce;
  }

  async renew(): Promise<boolean> {
    if (!this.#isOwner()) return false;
    beat(this.environment.directory);
    return true;
  }

  /** There is no other copy that could take this one's place. */
  async isReplicated(): Promise<boolean> {
    return true;
  }

  async release(): Promise<void> {
    await this.#fenced(() => {
      this.environment.tables.state.put('fence', json({ ...this.#owner, released: true }), this.epoch);
      return undefined;
    });
  }

  /** Runs the puts of `write` in one durable commit, unless another epoch owns the lane. */
  async #fenced(write: () => Promise<boolean> | undefined): Promise<AppendResult> {
    this.environment.checkUsable();
    try {
      let inner: Promise<boolean> | undefined;
      const owned = this.environment.tables.state.ifVersion('fence', this.epoch, () => {
        inner = write();
      });
      return (await this.#inTime(owned, inner)) ? 'OK' : 'FENCED';
    } catch (error) {
      throw await this.environment.commitFailed(error);
    }
  }

  /**
   * What the condition of a commit came to, once all of it is settled. LMDB's writer thread says nothing any more once its environment has
   * failed for good. Without Promise.all, Promise.race and a timer for each: where most commits are of one request, they were a tenth of all garbage.
   */
  #inTime(owned: Promise<boolean>, inner: Promise<boolean> | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isOwned: boolean | undefined;
      let isInnerSettled = inner === undefined;
      const settled = (): void => {
        if (isOwned === undefined || !isInnerSettled) return;
        this.#pending.delete(reject);
        resolve(isOwned);
      };
      const failed = (error: unknown): void => {
        // Given up before: nobody else looks at why.
        if (!this.#pending.delete(reject)) void this.environment.commitFailed(error);
        reject(error);
      };
      this.#pending.set(reject, performance.now());
      this.#watch ??= setInterval(this.#endLate, COMMIT_LOOK_MS).unref();
      owned.then((is) => {
        isOwned = is;
        settled();
      }, failed);
      inner?.then(() => {
        isInnerSettled = true;
        settled();
      }, failed);
    });
  }

  readonly #endLate = (): void => {
    if (this.#pending.size === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    const before = performance.now() - COMMIT_TIMEOUT_MS;
    for (const [reject, since] of this.#pending) {
      // In the order in which they were begun.
      if (since > before) break;
      this.#pending.delete(reject);
      reject(new StoreUnavailable(this.#silence()));
    }
  };

  #silence(): string {
    return (
      `the store in ${this.environment.directory} has not committed for ${COMMIT_TIMEOUT_MS} ms; ` +
      'look at its disk, and restart the worker if that goes on'
    );
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
