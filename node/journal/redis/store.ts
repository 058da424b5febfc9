// The Redis driver: coordinator and log in one server (or managed service). Two connections, one for writes, in order,
// and one for reads.
import type { Redis } from 'ioredis';
import type { Durability } from '../../../protocol/index.ts';
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
} from '../port.ts';
import { checkConfiguration } from './configuration.ts';
import { keysOf, regionKeysOf } from './keys.ts';
import { evaluate, type Grant, RedisLane } from './lane.ts';
import { Link } from './link.ts';
import { RedisReader } from './reader.ts';
import { redisRegister } from './register.ts';
import { ACQUIRE, ALL_SCRIPTS, FIX_LAYOUT } from './scripts.ts';

export interface RedisStoreOptions {
  /** Default `fsync`. */
  readonly durability?: Durability;
  readonly readOnly?: boolean;
  readonly onWarning?: (message: string) => void;
}

type Answer =
  | readonly ['OK', epoch: string, lastSeq: string, connection: string]
  | readonly ['LAYOUT', partitions: string, hash: string]
  | readonly ['BUSY', ownerId: string, session: string, ttlMs: number];

export class RedisStore implements JournalStore {
  readonly driver = 'redis';
  readonly durability: Durability;
  readonly #isReadOnly: boolean;
  readonly #writes: Link;
  readonly #reads: Link;
  readonly #onWarning: (message: string) => void;
  /** What was warned of already: each connection finds it again. */
  readonly #warned = new Set<string>();

  /**
   * Connects and checks the server's configuration.
   * @throws StoreUnavailable, StoreMisconfigured
   */
  static async open(url: string, options: RedisStoreOptions = {}): Promise<RedisStore> {
    const store = new RedisStore(url, options);
    try {
      await store.#reads.open(async () => undefined);
      if (!store.#isReadOnly) await store.#writes.open((client) => store.#prepare(client));
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  private constructor(url: string, options: RedisStoreOptions) {
    this.durability = options.durability ?? 'fsync';
    this.#isReadOnly = options.readOnly ?? false;
    this.#onWarning = options.onWarning ?? (() => undefined);
    if (this.durability === 'replicated') {
      throw new StoreMisconfigured(
        'durability replicated is not supported on Redis by this version: ask for fsync, which survives a restart or ' +
          'crash of the server, not the loss of its disk',
      );
    }
    this.#writes = new Link({ url, name: 'holdfast-writes', onWarning: this.#onWarning });
    this.#reads = new Link({ url, name: 'holdfast-reads', onWarning: () => undefined });
  }

  async acquire(layout: RegionLayout, claim: Claim, lane = FIRST_LANE): Promise<Lane> {
    if (this.#isReadOnly) {
      throw new StoreMisconfigured(`Redis at ${this.#reads.address} was opened read-only: it can be read, not owned`);
    }
    await this.#fixLayout(layout);
    const session = JSON.stringify({ ownerId: claim.ownerId, process: thisProcess() });
    let answer = await this.#tryAcquire(layout, lane, claim, session, '');
    // A predecessor on this machine whose process has ended need not be waited for.
    if (answer[0] === 'BUSY' && isDead(answer[2])) {
      answer = await this.#tryAcquire(layout, lane, claim, session, answer[2]);
    }
    if (answer[0] === 'BUSY') throw this.#busy(layout.region, lane, answer[2], answer[3]);
    if (answer[0] === 'LAYOUT') throw this.#mismatch(layout, answer[1], answer[2]);
    const [, epoch, lastSeq, connection] = answer;
    const grant: Grant = { epoch: Number(epoch), lastSeq: Number(lastSeq), connection, session };
    // Only now, and before the caller can append: the lanes listed are those acquired, and none with data is missing.
    await this.#writes.run((client) => client.sadd(regionKeysOf(layout.region).lanes, lane));
    return new RedisLane(this.#writes, this.#reads, layout, lane, claim, grant);
  }

  async reader(region: string, lane = FIRST_LANE): Promise<LaneReader & { readonly layout: RegionLayout }> {
    const [partitions, hash] = await this.#reads.run((client) =>
      client.hmget(keysOf(region, lane).own, 'partitions', 'hash'),
    );
    if (partitions == null || hash == null) {
      throw new RegionUnknown(`no lane ${lane} of region ${region} in Redis at ${this.#reads.address}`);
    }
    return new RedisReader(this.#reads, { region, partitions: Number(partitions), hash }, lane);
  }

  async lanes(region: string): Promise<readonly string[]> {
    const [listed, hasFirst] = await this.#reads.run((client) =>
      Promise.all([client.smembers(regionKeysOf(region).lanes), client.exists(keysOf(region).own)]),
    );
    return [...new Set(hasFirst === 1 ? [FIRST_LANE, ...listed] : listed)].sort();
  }

  register(region: string): Register {
    return redisRegister(this.#writes, this.#reads, this.#isReadOnly, region);
  }

  async close(): Promise<void> {
    this.#writes.close();
    this.#reads.close();
  }

  /** Before a connection may write: the settings, and the scripts. */
  async #prepare(client: Redis): Promise<void> {
    for (const warning of await checkConfiguration(client, this.durability, this.#writes.address)) {
      if (this.#warned.has(warning)) continue;
      this.#warned.add(warning);
      this.#onWarning(warning);
    }
    await Promise.all(ALL_SCRIPTS.map(({ source }) => client.script('LOAD', source)));
  }

  /** All lanes of a region have one layout. Three calls, as what they touch may be on several nodes of a cluster. */
  async #fixLayout(layout: RegionLayout): Promise<void> {
    const { layout: key } = regionKeysOf(layout.region);
    const stored = (own: string) => this.#writes.run((client) => client.hmget(own, 'partitions', 'hash'));
    let [partitions, hash] = await stored(key);
    if (partitions == null || hash == null) {
      [partitions, hash] = await stored(keysOf(layout.region).own);
      const args = [partitions ?? layout.partitions, hash ?? layout.hash];
      const fixed = await this.#writes.run((client) => evaluate(client, FIX_LAYOUT, [key], args));
      [partitions, hash] = fixed as [string, string];
    }
    if (Number(partitions) === layout.partitions && hash === layout.hash) return;
    throw this.#mismatch(layout, partitions, hash);
  }

  async #tryAcquire(
    layout: RegionLayout,
    lane: string,
    claim: Claim,
    session: string,
    deadSession: string,
  ): Promise<Answer> {
    const { own, session: sessionKey } = keysOf(layout.region, lane);
    const { region, partitions, hash } = layout;
    const { ownerId, nonce, epochSeen, sessionTtlMs } = claim;
    const args = [region, partitions, hash, ownerId, nonce, epochSeen, sessionTtlMs, session, deadSession];
    return (await this.#writes.run((client) => evaluate(client, ACQUIRE, [own, sessionKey], args))) as Answer;
  }

  #mismatch({ region, partitions, hash }: RegionLayout, stored: string | null, storedHash: string | null) {
    return new LayoutMismatch(
      `Redis at ${this.#writes.address} holds region ${region} with ${stored} partitions by ${storedHash}, ` +
        `not ${partitions} by ${hash}; start with the former, or name another region`,
    );
  }

  #busy(region: string, lane: string, session: string, ttlMs: number): LaneBusy {
    const owner = parseSession(session);
    const who =
      owner === undefined ? session : `${owner.ownerId} (process ${owner.process.pid} on ${owner.process.host})`;
    const leftMs = Math.max(1, ttlMs);
    return new LaneBusy(
      `lane ${lane} of region ${region} in Redis at ${this.#writes.address} is owned by ${who}, which was alive a moment ago; ` +
        `stop it, or wait: without a sign of life its session ends in ${leftMs} ms`,
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
