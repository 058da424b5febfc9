// The Redis driver: coordinator and log in one server, in a primary with replicas under Sentinel, or in a cluster.
import type { Redis } from 'ioredis';
import type { Durability } from '../../../protocol/index.ts';
import { JournalCorrupt } from '../batch.ts';
import { livenessOf, type ProcessIdentity, thisProcess } from '../identity.ts';
import {
  type Claim,
  FIRST_LANE,
  type JournalStore,
  type Lane,
  LaneBusy,
  type LaneReader,
  LayoutMismatch,
  type RegionLayout,
  RegionUnknown,
  type Register,
  StoreMisconfigured,
  StoreUnavailable,
} from '../port.ts';
import { Channel } from './channel.ts';
import { checkClock } from './clock.ts';
import { checkConfiguration } from './configuration.ts';
import { type Endpoints, endpointsOf } from './endpoint.ts';
import { keysOf, regionKeysOf } from './keys.ts';
import { evaluate, type Grant, RedisLane } from './lane.ts';
import { RedisReader } from './reader.ts';
import { redisRegister } from './register.ts';
import { ACQUIRE, ALL_SCRIPTS, FIX_LAYOUT } from './scripts.ts';
import type { Server } from './server.ts';

/** Stands for the one place outside a cluster; in one, a node is as good as another to begin with. */
const ANY_KEY = 'hf';
/** Sentences remembered as said; they come of settings and addresses, of which there are few. */
const WARNED_MAX = 256;

export interface RedisStoreOptions {
  /** Default `fsync`. */
  readonly durability?: Durability;
  /** Of durability `replicated`: how many replicas must have an append before it is acknowledged. Default 1. */
  readonly replicas?: number;
  readonly readOnly?: boolean;
  readonly onWarning?: (message: string) => void;
}

type Answer =
  | readonly ['OK', epoch: string, lastSeq: string, connection: string]
  | readonly ['LAYOUT', partitions: string, hash: string]
  | readonly ['BUSY', ownerId: string, session: string, ttlMs: number]
  | readonly ['REMAINS'];

export class RedisStore implements JournalStore {
  readonly driver = 'redis';
  readonly durability: Durability;
  readonly #isReadOnly: boolean;
  readonly #options: RedisStoreOptions;
  readonly #endpoints: Endpoints;
  /** By the key that was looked for; outside a cluster there is one. */
  readonly #channels = new Map<string, Promise<Channel>>();
  /** What was warned of already: each connection finds it again. */
  readonly #warned = new Set<string>();
  #isClosed = false;

  /**
   * Connects and checks the server's configuration and, unless it is only to read, its clock against ours; in a cluster, one node's, and each other's when it is connected to.
   * @param url see endpoint.ts
   * @throws StoreUnavailable, StoreMisconfigured
   */
  static async open(url: string, options: RedisStoreOptions = {}): Promise<RedisStore> {
    const store = new RedisStore(url, options);
    try {
      const { reads } = await store.#channelOf(ANY_KEY);
      if (!store.#isReadOnly) {
        const warning = await reads.run((client) => checkClock(client, reads.address));
        if (warning !== undefined) options.onWarning?.(warning);
      }
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  private constructor(url: string, options: RedisStoreOptions) {
    this.durability = options.durability ?? 'fsync';
    this.#options = options;
    this.#isReadOnly = options.readOnly ?? false;
    this.#endpoints = endpointsOf(url);
  }

  async acquire(layout: RegionLayout, claim: Claim, lane = FIRST_LANE): Promise<Lane> {
    if (this.#isReadOnly) {
      throw new StoreMisconfigured(
        `Redis at ${this.#endpoints.address} was opened read-only: it can be read, not owned`,
      );
    }
    await this.#fixLayout(layout);
    const channel = await this.#channelOf(keysOf(layout.region, lane).own);
    const session = JSON.stringify({ ownerId: claim.ownerId, process: thisProcess() });
    let answer = await this.#tryAcquire(channel, layout, lane, claim, session, '');
    // A predecessor on this machine whose process has ended need not be waited for.
    if (answer[0] === 'BUSY' && isDead(answer[2])) {
      answer = await this.#tryAcquire(channel, layout, lane, claim, session, answer[2]);
    }
    if (answer[0] === 'BUSY') throw this.#busy(layout.region, lane, answer[2], answer[3]);
    if (answer[0] === 'LAYOUT') throw this.#mismatch(layout, answer[1], answer[2]);
    if (answer[0] === 'REMAINS') {
      const { own, journal } = keysOf(layout.region, lane);
      throw new JournalCorrupt(0, `who owned lane ${lane} of ${layout.region} in ${own}`, `none, beside ${journal}`);
    }
    const [, epoch, lastSeq, connection] = answer;
    const { lanes } = regionKeysOf(layout.region);
    const list = async () => {
      await (await this.#channelOf(lanes)).writes.runReplicated((client) => client.sadd(lanes, lane));
    };
    const grant: Grant = { epoch: Number(epoch), lastSeq: Number(lastSeq), connection, session, list };
    // Only now, and before the caller can append: the lanes listed are those acquired, and none with data is missing.
    await list();
    return new RedisLane(channel, layout, lane, claim, grant);
  }

  async reader(region: string, lane = FIRST_LANE): Promise<LaneReader & { readonly layout: RegionLayout }> {
    const { own } = keysOf(region, lane);
    const { reads } = await this.#channelOf(own);
    const [partitions, hash] = await reads.run((client) => client.hmget(own, 'partitions', 'hash'));
    if (partitions == null || hash == null) {
      throw new RegionUnknown(`no lane ${lane} of region ${region} in Redis at ${reads.address}`);
    }
    return new RedisReader(reads, { region, partitions: Number(partitions), hash }, lane);
  }

  async lanes(region: string): Promise<readonly string[]> {
    const { lanes } = regionKeysOf(region);
    const { own } = keysOf(region);
    const listed = await (await this.#channelOf(lanes)).reads.run((client) => client.smembers(lanes));
    const hasFirst = await (await this.#channelOf(own)).reads.run((client) => client.exists(own));
    return [...new Set(hasFirst === 1 ? [FIRST_LANE, ...listed] : listed)].sort();
  }

  register(region: string): Register {
    return redisRegister(region, this.#isReadOnly, async () => this.#channelOf(regionKeysOf(region).register));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const channel of this.#channels.values()) {
      await channel.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
  }

  /** The connections to the server that has `key`. */
  #channelOf(key: string): Promise<Channel> {
    if (this.#isClosed) throw new StoreUnavailable(`the store in Redis at ${this.#endpoints.address} is closed`);
    const by = this.#endpoints.isCluster ? key : ANY_KEY;
    let channel = this.#channels.get(by);
    if (channel === undefined) {
      channel = this.#connect(by);
      this.#channels.set(by, channel);
      // The first connection failed: whoever asks again tries again.
      channel.catch(() => this.#channels.delete(by));
    }
    return channel;
  }

  async #connect(key: string): Promise<Channel> {
    const channel = new Channel({
      endpoint: this.#endpoints.of(key),
      replicas: this.#replicas,
      onWarning: (message) => this.#options.onWarning?.(message),
      prepare: (client, server) => this.#prepare(client, server),
    });
    try {
      await channel.open(this.#isReadOnly);
      if (this.#isClosed) throw new StoreUnavailable('the store is closed');
    } catch (error) {
      channel.close();
      throw error;
    }
    return channel;
  }

  get #replicas(): number {
    return this.durability === 'replicated' ? (this.#options.replicas ?? 1) : 0;
  }

  /** Before a connection may write: the settings, and the scripts. */
  async #prepare(client: Redis, server: Server): Promise<void> {
    const warnings = await checkConfiguration(client, this.durability, server.address);
    if (server.replicas < this.#replicas) {
      warnings.push(
        `Redis at ${server.address} has ${server.replicas} replicas, and durability replicated waits for ` +
          `${this.#replicas}: until they are connected nothing is acknowledged`,
      );
    }
    for (const warning of warnings) {
      if (this.#warned.has(warning) || this.#warned.size >= WARNED_MAX) continue;
      this.#warned.add(warning);
      this.#options.onWarning?.(warning);
    }
    await Promise.all(ALL_SCRIPTS.map(({ source }) => client.script('LOAD', source)));
  }

  /** All lanes of a region have one layout. Three calls, as what they touch may be on several nodes of a cluster. */
  async #fixLayout(layout: RegionLayout): Promise<void> {
    const { layout: key } = regionKeysOf(layout.region);
    const { own } = keysOf(layout.region);
    const stored = async (at: string) =>
      (await this.#channelOf(at)).writes.run((client) => client.hmget(at, 'partitions', 'hash'));
    let [partitions, hash] = await stored(key);
    if (partitions == null || hash == null) {
      [partitions, hash] = await stored(own);
      const args = [partitions ?? layout.partitions, hash ?? layout.hash];
      const { writes } = await this.#channelOf(key);
      const fixed = await writes.run((client) => evaluate(client, FIX_LAYOUT, [key], args));
      [partitions, hash] = fixed as [string, string];
    }
    if (Number(partitions) === layout.partitions && hash === layout.hash) return;
    throw this.#mismatch(layout, partitions, hash);
  }

  async #tryAcquire(
    { writes }: Channel,
    layout: RegionLayout,
    lane: string,
    claim: Claim,
    session: string,
    deadSession: string,
  ): Promise<Answer> {
    const { own, session: sessionKey, journal } = keysOf(layout.region, lane);
    const { region, partitions, hash } = layout;
    const { ownerId, nonce, epochSeen, sessionTtlMs } = claim;
    const args = [region, partitions, hash, ownerId, nonce, epochSeen, sessionTtlMs, session, deadSession];
    return (await writes.runReplicated((client) =>
      evaluate(client, ACQUIRE, [own, sessionKey, journal], [...args, writes.server?.runId ?? '']),
    )) as Answer;
  }

  #mismatch({ region, partitions, hash }: RegionLayout, stored: string | null, storedHash: string | null) {
    return new LayoutMismatch(
      `Redis at ${this.#endpoints.address} holds region ${region} with ${stored} partitions by ${storedHash}, ` +
        `not ${partitions} by ${hash}; start with the former, or name another region`,
    );
  }

  #busy(region: string, lane: string, session: string, ttlMs: number): LaneBusy {
    const owner = parseSession(session);
    const who =
      owner === undefined ? session : `${owner.ownerId} (process ${owner.process.pid} on ${owner.process.host})`;
    const leftMs = Math.max(1, ttlMs);
    return new LaneBusy(
      `lane ${lane} of region ${region} in Redis at ${this.#endpoints.address} is owned by ${who}, which was alive a moment ago; ` +
        `stop it, give this worker another --id if both belong to one grid, or wait: without a sign of life its session ends in ${leftMs} ms`,
      leftMs,
    );
  }
}

function isDead(session: string): boolean {
  const owner = parseSession(session);
  return owner !== undefined && livenessOf(owner.process) === 'dead';
}

function parseSession(text: string): { ownerId: string; process: ProcessIdentity } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
