// An owned lane in Redis: every write is one script that compares epoch and nonce first, pipelined on one connection.
import type { Redis } from 'ioredis';
import { checksumOf } from '../batch.ts';
import type {
  AppendResult,
  Claim,
  JournalBatch,
  Lane,
  Ownership,
  RegionLayout,
  SnapshotManifest,
  SnapshotRow,
  SnapshotSlot,
  StoredTail,
} from '../port.ts';
import { StoreUnavailable } from '../port.ts';
import type { Channel } from './channel.ts';
import type { Link } from './link.ts';
import { RedisReader } from './reader.ts';
import {
  APPEND,
  ATTACH,
  FORGET_ROWS,
  PUBLISH,
  PUT_ROWS,
  REASSERT,
  RELEASE,
  RENEW,
  type Script,
  TRIM,
} from './scripts.ts';
import type { Server } from './server.ts';

/** Bounds of one PUT_ROWS: Redis serves nobody else meanwhile, and Lua's unpack ends at some thousands. */
const ROWS_PER_CALL = 500;
const ROWS_BYTES_PER_CALL = 524_288;

/** What ACQUIRE granted. */
export interface Grant {
  readonly epoch: number;
  readonly lastSeq: number;
  readonly connection: string;
  readonly session: string;
  /** Puts the lane on its region's list; again after a fail-over, which may have lost it. */
  readonly list: () => Promise<void>;
}

type Argument = string | number | Buffer;

/** Some seconds', at the rate of a session of five. */
const RENEWALS_PER_LISTING = 4;

export class RedisLane extends RedisReader implements Lane {
  readonly epoch: number;
  readonly nonce: string;
  readonly openedAtSeq: number;
  readonly mayLoseTail = true;
  readonly #writes: Link;
  readonly #list: () => Promise<void>;
  #renewals = 0;
  readonly #ownerId: string;
  readonly #sessionTtlMs: number;
  readonly #session: string;
  #forgetConnection: () => void;
  #connection: string;

  constructor(channel: Channel, layout: RegionLayout, lane: string, claim: Claim, grant: Grant) {
    super(channel.reads, layout, lane);
    this.#writes = channel.writes;
    this.#list = grant.list;
    this.#ownerId = claim.ownerId;
    this.epoch = grant.epoch;
    this.nonce = claim.nonce;
    this.openedAtSeq = grant.lastSeq;
    this.#connection = grant.connection;
    this.#session = grant.session;
    this.#sessionTtlMs = claim.sessionTtlMs;
    this.#forgetConnection = this.#writes.onConnect(this.#attach);
  }

  get generation(): number {
    return this.#writes.generation;
  }

  /** In order with what was written, and from where it was written to. */
  override ownership(): Promise<Ownership | undefined> {
    return this.readOwnership(this.#writes);
  }

  override snapshots(): Promise<readonly SnapshotManifest[]> {
    return this.readSnapshots(this.#writes);
  }

  append(batch: JournalBatch): Promise<AppendResult> {
    const { firstSeq, lastSeq, bytes } = batch;
    return this.#write(APPEND, [this.keys.journal], [firstSeq, lastSeq, toBuffer(bytes)]);
  }

  async putRows(slot: SnapshotSlot, rows: readonly SnapshotRow[]): Promise<AppendResult> {
    for (const group of callsOf(rows)) {
      const keys: string[] = [];
      const args: Argument[] = [];
      for (const [partition, members] of group) {
        keys.push(this.keys.rows(slot, partition));
        args.push(members.length);
        for (const { sku, bytes } of members) args.push(sku, toBuffer(bytes));
      }
      const result = await this.#write(PUT_ROWS, keys, args);
      if (result !== 'OK') return result;
    }
    return 'OK';
  }

  publish(manifest: SnapshotManifest): Promise<AppendResult> {
    return this.#write(PUBLISH, [this.keys.snapshots], [manifest.slot, JSON.stringify(manifest)]);
  }

  trim(throughSeq: number): Promise<AppendResult> {
    return this.#write(TRIM, [this.keys.journal], [throughSeq + 1]);
  }

  forgetRows(partition: number): Promise<AppendResult> {
    return this.#write(FORGET_ROWS, [this.keys.rows('a', partition), this.keys.rows('b', partition)], []);
  }

  async renew(): Promise<boolean> {
    const args = [this.epoch, this.nonce, this.#sessionTtlMs, this.#session];
    const renewed = await this.#writes.run((client) =>
      evaluate(client, RENEW, [this.keys.own, this.keys.session], args),
    );
    this.#renewals += 1;
    // The list may be on another server, whose fail-over nobody here learns of; a lane that is not on it nobody takes over.
    if (renewed === 1 && this.#renewals % RENEWALS_PER_LISTING === 0) await this.#list();
    return renewed === 1;
  }

  async reassert(keptFromSeq: number): Promise<StoredTail | 'FENCED' | 'GAP'> {
    const { own, session, journal } = this.keys;
    const { region, partitions, hash } = this.layout;
    const runId = this.#writes.server?.runId ?? '';
    const owner = [this.epoch, this.nonce, this.#sessionTtlMs, this.#session, runId];
    const args = [...owner, region, partitions, hash, this.#ownerId, keptFromSeq];
    const [result, lastSeq, connection, last] = (await this.#writes.runReplicated((client) =>
      client.callBuffer('EVALSHA', REASSERT.sha, 3, own, session, journal, ...args),
    )) as [Buffer, Buffer, Buffer, Buffer];
    const outcome = result.toString();
    if (outcome === 'FENCED' || outcome === 'GAP') return outcome;
    this.#connection = connection.toString();
    await this.#list();
    // The handshake was given up if the connection found the lane in another epoch.
    this.#forgetConnection();
    this.#forgetConnection = this.#writes.onConnect(this.#attach);
    return { lastSeq: Number(lastSeq), checksum: last.length === 0 ? undefined : checksumOf(last) };
  }

  isReplicated(): Promise<boolean> {
    return this.#writes.isReplicated();
  }

  async release(): Promise<void> {
    this.#forgetConnection();
    await this.#writes.run((client) =>
      evaluate(client, RELEASE, [this.keys.own, this.keys.session], [this.epoch, this.nonce]),
    );
  }

  readonly #attach = async (client: Redis, server: Server): Promise<void> => {
    const args = [this.epoch, this.nonce, this.#sessionTtlMs, this.#session, server.runId];
    const connection = await evaluate(client, ATTACH, [this.keys.own, this.keys.session], args);
    if (connection === 'FENCED') this.#forgetConnection();
    else this.#connection = String(connection);
  };

  async #write(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<AppendResult> {
    const work = (client: Redis) =>
      evaluate(client, script, [this.keys.own, ...keys], [this.epoch, this.nonce, this.#connection, ...args]);
    // Replicas take what is written in order: of the writes only appends, which are acknowledged, need wait for them.
    const result = await (script === APPEND ? this.#writes.runReplicated(work) : this.#writes.run(work));
    if (result === 'STALE')
      throw new StoreUnavailable('a newer connection of this owner has taken over; send it again');
    return result as AppendResult;
  }
}

/** Runs a script that the handshake has loaded. */
export function evaluate(
  client: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return client.evalsha(script.sha, keys.length, ...keys, ...args);
}

/** The rows of each call, by partition. */
function* callsOf(rows: readonly SnapshotRow[]): Generator<Map<number, SnapshotRow[]>, void, undefined> {
  let group = new Map<number, SnapshotRow[]>();
  let count = 0;
  let bytes = 0;
  for (const row of rows) {
    const members = group.get(row.partition);
    if (members === undefined) group.set(row.partition, [row]);
    else members.push(row);
    count += 1;
    bytes += row.bytes.length;
    if (count < ROWS_PER_CALL && bytes < ROWS_BYTES_PER_CALL) continue;
    yield group;
    group = new Map();
    count = 0;
    bytes = 0;
  }
  if (count > 0) yield group;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
