// The connections of BullMQ's queues to Redis: all are opened here, so that all are closed in the end, and what is wrong with them is told
// in one line for the whole process, now and then.
import { setTimeout as sleep } from 'node:timers/promises';
import { isNotConnectionError } from 'bullmq';
import { Redis } from 'ioredis';
import { type ConnectionOptions, EndsBetweenAttempts } from '../../shared/redis-connection.ts';
import type { Log } from './port.ts';

/** Whoever asks whether Redis is there waits so long for its answer, ms. */
const ASK_MS = 3_000;
/** One and the same trouble is told again after this, ms. */
const TOLD_EVERY_MS = 60_000;
/** What is in hand has so long to end when the process is to end, ms. What does not is done by others once its lease is over. */
const STOP_MS = 10_000;
/** And where Redis does not answer: it cannot be told of it anyway. */
const STOP_ALONE_MS = 1_000;

export interface RedisConnections {
  /** One more, as BullMQ asks for: it waits as long as Redis takes to come back. */
  open(): Redis;
  /** Something is wrong with a queue; that its connection is gone is known here already. */
  failed(queue: string, error: Error): void;
  /** Tells `line`, if nothing of this sort was told for a while. */
  tell(sort: string, line: string): void;
  /** Waits for queues to stop, a bounded time, and ends all connections whatever became of that. */
  close(stopping: Promise<unknown>): Promise<void>;
}

export function redisConnections(redisUrl: string, log: Log = () => {}): RedisConnections {
  const address = addressOf(redisUrl);
  const all = new Set<Redis>();
  /** Those that are to be made anew. */
  const down = new Set<Redis>();
  const toldAt = new Map<string, number>();
  let isClosed = false;
  /** Whoever waits for queues to stop hears that they will not. */
  let onAway = (): void => {};

  const tell = (sort: string, line: string): void => {
    const now = performance.now();
    if (isClosed || now - (toldAt.get(sort) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY_MS) return;
    toldAt.set(sort, now);
    log(line);
  };
  const keep = (connection: Redis): Redis => {
    all.add(connection);
    connection.on('error', (error: Error) => {
      down.add(connection);
      onAway();
      tell('away', `Redis at ${address} does not answer (${error.message}); its tasks wait until it does`);
    });
    connection.on('ready', () => {
      if (down.delete(connection) && down.size === 0) tell('back', `Redis at ${address} answers again`);
    });
    connection.on('end', () => down.delete(connection));
    return connection;
  };
  const open = (options: ConnectionOptions): Redis => {
    const connection = keep(new EndsBetweenAttempts(redisUrl, options));
    // BullMQ has a second connection of each worker, which waits for jobs.
    connection.duplicate = ((more: ConnectionOptions = {}) => open({ ...options, ...more })) as Redis['duplicate'];
    return connection;
  };
  return {
    open: () => open({ maxRetriesPerRequest: null }),
    failed(queue, error) {
      if (down.size === 0 && isNotConnectionError(error))
        tell(`${queue} ${error.message}`, `the queue ${queue}: ${error.message}`);
    },
    tell,
    async close(stopping) {
      const late = new AbortController();
      const ended = stopping.catch(() => undefined).finally(() => late.abort());
      const bound = (ms: number) => sleep(ms, undefined, { signal: late.signal }).catch(() => undefined);
      const isAway = new Promise<void>((resolve) => {
        onAway = resolve;
        if (down.size > 0) resolve();
      });
      const alone = isAway.then(() => {
        if (!late.signal.aborted) log(`Redis at ${address} is away: what is in hand is left to be done again`);
        return bound(STOP_ALONE_MS);
      });
      await Promise.race([ended, bound(STOP_MS), alone]);
      late.abort();
      isClosed = true;
      for (const connection of all) connection.disconnect();
    },
  };
}

/** Resolves when Redis answers. @throws what stands in the way, by a socket's error or a refusal of Redis */
export async function askRedis(redisUrl: string): Promise<void> {
  const probe = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: ASK_MS,
    commandTimeout: ASK_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let cause: unknown;
  probe.on('error', (error) => {
    cause = error;
  });
  try {
    await probe.connect();
    await probe.ping();
  } catch (error) {
    throw cause ?? error;
  } finally {
    probe.disconnect();
  }
}

/** For messages: without credentials. */
export function addressOf(redisUrl: string): string {
  const { protocol, host } = new URL(redisUrl);
  return `${protocol}//${host}`;
}
