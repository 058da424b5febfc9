// One connection to Redis at a time: pipelined and in order while it lasts, replaced for ever when it breaks. Nothing
// is queued or sent again on a caller's behalf: while there is no connection calls reject at once, and what was in
// flight when it broke is rejected as unanswered. Retrying is the caller's, who knows the order.
import type { Redis } from 'ioredis';
import { StoreUnavailable } from '../port.ts';
import type { Endpoint } from './endpoint.ts';
import { isDropping, storeError } from './errors.ts';
import { REPLICA_GLANCE_MS, REPLICA_WAIT_MS, ReplicaWait } from './replica-wait.ts';
import { type Server, serverOf } from './server.ts';

/** A command that takes longer is given up, and the connection with it, ms. */
export const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** Pauses between attempts to connect: doubled from the first up to the last, for ever, ms. */
const BACK_OFF_MS_MIN = 25;
const BACK_OFF_MS_MAX = 1_000;

/** Runs on each new connection before anything else may use it; a rejection gives the connection up. */
export type Handshake = (client: Redis, server: Server) => Promise<void>;

export interface LinkOptions {
  readonly endpoint: Endpoint;
  /** How many replicas `runReplicated` waits for; 0 for none. */
  readonly replicas: number;
  readonly name: string;
  readonly onWarning: (message: string) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #handshakes = new Set<Handshake>();
  #client: Redis | undefined;
  #server: Server | undefined;
  #waits: ReplicaWait | undefined;
  #generation = 0;
  /** The most replicas of this server. */
  #replicasSeen = 0;
  #attempt: Redis | undefined;
  #timer: NodeJS.Timeout | undefined;
  #downBecause = 'it was not connected yet';
  #backOffMs = BACK_OFF_MS_MIN;
  #isClosed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Where it is or looks for it, without credentials. */
  get address(): string {
    return this.#server?.address ?? this.#options.endpoint.address;
  }

  /** The server at the other end; undefined while there is none. */
  get server(): Server | undefined {
    return this.#client === undefined ? undefined : this.#server;
  }

  /** Counts the connections made. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The first connection; later ones are made in the background.
   * @throws StoreUnavailable, StoreMisconfigured
   */
  async open(handshake: Handshake): Promise<void> {
    this.#handshakes.add(handshake);
    await this.#connect();
  }

  /** From the next connection on, this runs too. Returns the way to stop it. */
  onConnect(handshake: Handshake): () => void {
    this.#handshakes.add(handshake);
    return () => this.#handshakes.delete(handshake);
  }

  /**
   * Runs `work` on the connection there is.
   * @throws StoreUnavailable when there is none, or it did not answer as it should
   */
  async run<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (client === undefined) throw this.#down();
    try {
      return await work(client);
    } catch (error) {
      const translated = storeError(error, this.address);
      if (isDropping(error)) this.#lost(client, translated.message);
      throw translated;
    }
  }

  /**
   * As `run`, and resolves only once the replicas asked for have what was written.
   * @throws StoreUnavailable too when they do not in time: it is written, and may be lost with the server
   */
  runReplicated<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    return this.run(async (client) => {
      const { replicas } = this.#options;
      if (replicas === 0 || this.#waits === undefined) return work(client);
      const [answer, reached] = await Promise.all([work(client), this.#waits.reached()]);
      if (reached >= replicas) return answer;
      throw new StoreUnavailable(
        `${reached} of the ${replicas} replicas needed of Redis at ${this.address} confirmed within ${REPLICA_WAIT_MS} ms; ` +
          'attach replicas (INFO replication lists them), or lower replicas= in the URL of the store',
      );
    });
  }

  /** Whether all replicas that the server was seen to have hold what was written here: one that is cut off may lead next. */
  isReplicated(): Promise<boolean> {
    return this.run(async (client) => {
      // What was acknowledged has waited for as many as it needs.
      if (this.#options.replicas > 0) return true;
      const { replicas } = await serverOf(client);
      this.#replicasSeen = Math.max(this.#replicasSeen, replicas);
      return (
        this.#replicasSeen === 0 || (await client.wait(this.#replicasSeen, REPLICA_GLANCE_MS)) >= this.#replicasSeen
      );
    });
  }

  /** Gives the connection up, for another. */
  drop(reason: string): void {
    if (this.#client !== undefined) this.#lost(this.#client, reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#downBecause = 'the store is closed';
    clearTimeout(this.#timer);
    for (const client of [this.#client, this.#attempt]) client?.disconnect();
    this.#client = undefined;
  }

  #down(): StoreUnavailable {
    return new StoreUnavailable(`no connection to Redis at ${this.address}: ${this.#downBecause}`);
  }

  async #connect(): Promise<void> {
    const client = await this.#options.endpoint.client(this.#redisOptions()).catch((error: unknown) => {
      throw storeError(error, this.address);
    });
    this.#attempt = client;
    let lastError: unknown;
    client.on('error', (error) => {
      lastError = error;
    });
    let server: Server;
    let giveUp: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      giveUp = setTimeout(() => reject(new Error(`connecting timed out`)), CONNECT_TIMEOUT_MS + COMMAND_TIMEOUT_MS);
    });
    try {
      server = await Promise.race([this.#prepare(client), timeout]);
    } catch (error) {
      client.disconnect();
      throw storeError(isClosedNoise(error) ? (lastError ?? error) : error, this.address);
    } finally {
      clearTimeout(giveUp);
      this.#attempt = undefined;
    }
    if (this.#isClosed) {
      client.disconnect();
      throw this.#down();
    }
    this.#replicasSeen = Math.max(server.replicas, server.runId === this.#server?.runId ? this.#replicasSeen : 0);
    this.#client = client;
    this.#server = server;
    this.#waits = new ReplicaWait(client, this.#options.replicas);
    this.#generation += 1;
    this.#backOffMs = BACK_OFF_MS_MIN;
    client.once('close', () => this.#lost(client, String(lastError ?? 'the connection was closed')));
    // It may have closed before the listener was there.
    if (client.status !== 'ready') this.#lost(client, 'the connection was closed');
  }

  async #prepare(client: Redis): Promise<Server> {
    await client.connect();
    const server = await serverOf(client);
    for (const handshake of this.#handshakes) await handshake(client, server);
    return server;
  }

  #lost(client: Redis, reason: string): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#downBecause = reason;
    client.disconnect();
    if (this.#isClosed) return;
    this.#options.onWarning(`lost the connection to Redis at ${this.address}: ${reason}`);
    this.#retry();
  }

  #retry(): void {
    this.#timer = setTimeout(async () => {
      try {
        await this.#connect();
      } catch (error) {
        if (this.#isClosed) return;
        this.#downBecause = error instanceof Error ? error.message : String(error);
        this.#retry();
      }
    }, this.#backOffMs);
    this.#backOffMs = Math.min(this.#backOffMs * 2, BACK_OFF_MS_MAX);
  }

  #redisOptions() {
    return {
      lazyConnect: true,
      connectionName: this.#options.name,
      protocol: 2 as const,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    };
  }
}

/** What ioredis says when the cause came as an `error` event. */
function isClosedNoise(error: unknown): boolean {
  return error instanceof Error && /Connection is closed/.test(error.message);
}
