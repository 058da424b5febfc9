// One LMDB environment: how it is opened, what its tables are, and what its errors mean. A process opens a directory
// once, however many stores ask for it, because LMDB forbids more.
//
// Settings, chosen by measurement (docs/adr/0001): overlappingSync off, so that what is visible is on disk and a failed
// sync takes its whole transaction back; on, it was not reliably faster. eventTurnBatching off, because with it a
// failed commit also rejects a promise that nobody can reach; each write here is one conditional block, which is
// never torn. txnStartThreshold 1: a commit starts while the turn that asked for it goes on deciding, which is where the
// time is under load (docs/benchmarks.md).
import { existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Durability } from '../../../protocol/index.ts';
import { type SnapshotSlot, StoreUnavailable } from '../port.ts';

/** Below this many free bytes a store is not opened: LMDB maps its lock file, and a full disk there is a SIGBUS. */
const FREE_BYTES_MIN = 1_048_576;
/** Writes that wait for the end of their event turn before a commit is started; see above. */
const TXN_START_THRESHOLD = 1;
/** How long a commit's cause of failure is waited for, ms; it comes within the same turn or never. */
const CAUSE_WAIT_MS = 1_000;

/** In the table: the partition in two bytes, big-endian, and the sku in UTF-8. */
export type RowKey = [partition: number, sku: string];

/**
 * Versioned by epoch (fence) and last seq (head), which is what the writer thread compares. The last two are those of
 * the environment that all lanes of a region share.
 */
export type StateKey = 'layout' | 'fence' | 'head' | 'manifest-a' | 'manifest-b' | 'lanes' | 'register';

export interface Tables {
  readonly state: Database<Buffer, StateKey>;
  /** Batches by their last seq, so that "contains a seq ≥ n" is a range. */
  readonly journal: Database<Buffer, number>;
  readonly rows: Readonly<Record<SnapshotSlot, Database<Buffer, RowKey>>>;
}

export interface EnvironmentOptions {
  readonly durability: Durability;
  readonly isReadOnly: boolean;
}

const opened = new Map<string, Environment>();

export class Environment {
  readonly directory: string;
  readonly tables: Tables;
  readonly #root: RootDatabase;
  readonly #key: string;
  #uses = 0;
  #brokenBecause: string | undefined;

  /** Opens the directory, or shares it when this process has it open already. Give it back with `close`. */
  static use(directory: string, options: EnvironmentOptions): Environment {
    const key = `${directory} ${options.isReadOnly} ${options.durability}`;
    let environment = opened.get(key);
    if (environment === undefined) {
      environment = new Environment(directory, options, key);
      opened.set(key, environment);
    }
    environment.#uses += 1;
    return environment;
  }

  private constructor(directory: string, options: EnvironmentOptions, key: string) {
    this.directory = directory;
    this.#key = key;
    try {
      if (!options.isReadOnly) {
        makeDirectory(resolve(directory));
        refuseFullDisk(directory);
      }
      this.#root = open({
        path: directory,
        noSubdir: false,
        maxDbs: 8,
        encoding: 'binary',
        readOnly: options.isReadOnly,
        overlappingSync: false,
        noSync: options.durability === 'memory',
        eventTurnBatching: false,
        ...{ txnStartThreshold: TXN_START_THRESHOLD },
      });
      this.tables = {
        state: this.#root.openDB({ name: 'state', encoding: 'binary', useVersions: true }),
        journal: this.#root.openDB({ name: 'journal', encoding: 'binary' }),
        rows: {
          a: this.#root.openDB<Buffer, RowKey>({ name: 'rows-a', ...ROWS_OPTIONS }),
          b: this.#root.openDB<Buffer, RowKey>({ name: 'rows-b', ...ROWS_OPTIONS }),
        },
      };
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** Runs `action` in one transaction, durable when this returns. Blocks: for taking a lane over, not for appends. */
  transact<T>(action: () => T): T {
    this.checkUsable();
    return this.#root.transactionSync(action);
  }

  /** The moment from which reads see all that was committed, by any process. */
  refresh(): void {
    this.checkUsable();
    this.#root.resetReadTxn();
  }

  /** @throws StoreUnavailable once closed, or after a failure that LMDB cannot recover from in this process */
  checkUsable(): void {
    if (this.#brokenBecause !== undefined) throw new StoreUnavailable(this.#brokenBecause);
    if (this.#uses === 0) throw new StoreUnavailable(`the store in ${this.directory} is closed`);
  }

  /** What a failed commit means: it was taken back whole, and the next may succeed. */
  async commitFailed(error: unknown): Promise<StoreUnavailable> {
    const { commitError } = error as { commitError?: Promise<unknown> };
    if (commitError === undefined) return this.#unavailable(error);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(error), CAUSE_WAIT_MS);
    });
    const cause = await Promise.race([commitError.catch((reason: unknown) => reason), late]);
    clearTimeout(timer);
    return this.#unavailable(cause);
  }

  /** What an error thrown by a call means. */
  failed(error: unknown): Error {
    return isOurs(error) ? error : this.#unavailable(error);
  }

  async close(): Promise<void> {
    this.#uses -= 1;
    if (this.#uses > 0) return;
    opened.delete(this.#key);
    await this.#root.close();
  }

  #unavailable(error: unknown): StoreUnavailable {
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof StoreUnavailable) return error;
    if (/MDB_PANIC|Update of meta page failed/.test(text)) {
      this.#brokenBecause = `the store in ${this.directory} failed in a way that needs a restart of the worker: ${text}`;
      return new StoreUnavailable(this.#brokenBecause);
    }
    // LMDB reports a write cut short by a full disk as EIO.
    if (/ENOSPC|No space left/.test(text) || freeBytes(this.directory) < FREE_BYTES_MIN) {
      return new StoreUnavailable(
        `the disk of ${this.directory} is full; appends resume once space is freed (${text})`,
      );
    }
    return new StoreUnavailable(`the store in ${this.directory}: ${text}`, { cause: error });
  }
}

/**
 * How rows are written and read: without a Buffer for each key, and with values copied into Node's pool rather than
 * each into memory of its own, a scan is twice as fast.
 */
const ROWS_OPTIONS = {
  encoding: 'binary' as const,
  encoder: {
    encode: (value: Buffer) => value,
    decode(bytes: Buffer, length = bytes.length): Buffer {
      const copy = Buffer.allocUnsafe(length);
      // Not bytes.copy: the length of LMDB's reused buffer is that of the value, not its own.
      copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset, length));
      return copy;
    },
  },
  keyEncoder: {
    writeKey([partition, sku]: RowKey, target: Buffer, position: number): number {
      target.writeUInt16BE(partition, position);
      return position + 2 + target.write(sku, position + 2, 'utf8');
    },
    readKey: (source: Buffer, start: number, end: number): RowKey => [
      source.readUInt16BE(start),
      source.toString('utf8', start + 2, end),
    ],
  },
};

function isOurs(error: unknown): error is Error {
  const names = ['StoreUnavailable', 'LaneBusy', 'LayoutMismatch', 'RegionUnknown'];
  return error instanceof Error && names.includes(error.name);
}

/** With its parents. Node's own way never returns where the system refuses a directory as if its parent were missing, as in /proc. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory));
    makeDirectory(directory);
  }
}

function refuseFullDisk(directory: string): void {
  const free = freeBytes(directory);
  if (free < FREE_BYTES_MIN) {
    throw new StoreUnavailable(
      `the disk of ${directory} is full: ${free} bytes are free, ${FREE_BYTES_MIN} are needed`,
    );
  }
}

function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
