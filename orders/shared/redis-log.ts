// The log of all processes that use one Redis, where their queues are as well: a stream, whose order is Redis's, and a snapshot beside.
import type { Json } from '../../protocol/index.ts';
import { ENTRIES_KEPT_MS, REDIS_TIMEOUT_MS, STREAM_ENTRIES_MAX, STREAM_READ_MAX } from './limits.ts';
import type { SharedLog } from './log.ts';
import { EndsBetweenAttempts } from './redis-connection.ts';
import { packSnapshot, unpackSnapshot } from './snapshot.ts';

export interface RedisLogOptions {
  readonly redisUrl: string;
  /** Tells the logs of one Redis apart. */
  readonly name: string;
}

export function redisLog({ redisUrl, name }: RedisLogOptions): SharedLog {
  const redis = new EndsBetweenAttempts(redisUrl, { commandTimeout: REDIS_TIMEOUT_MS, maxRetriesPerRequest: 0 });
  // A connection that is lost is made again by itself; what is asked meanwhile fails at once, and is told.
  redis.on('error', () => undefined);
  redis.once('ready', () => {
    redis.options.enableOfflineQueue = false;
  });
  const ask = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (cause) {
      throw redis.status === 'ready' ? cause : new Error('Redis does not answer', { cause });
    }
  };
  // Of one slot, should it be a cluster.
  const stream = `{holdfast:shared:${name}}:entries`;
  const snapshotKey = `{holdfast:shared:${name}}:snapshot`;
  return {
    append: (entries) =>
      ask(async () => {
        if (entries.length === 0) return;
        const pipeline = redis.pipeline();
        for (const entry of entries) {
          pipeline.xadd(stream, 'MAXLEN', '~', STREAM_ENTRIES_MAX, '*', 'e', JSON.stringify(entry));
        }
        const failed = (await pipeline.exec())?.find(([error]) => error !== null)?.[0];
        if (failed !== undefined && failed !== null) throw failed;
      }),
    read: (position) =>
      ask(async () => {
        const after = typeof position === 'string' ? `(${position}` : '-';
        const found = await redis.xrange(stream, after, '+', 'COUNT', STREAM_READ_MAX);
        const entries = found.map(([, fields]) => JSON.parse(fields[1] ?? 'null') as Json);
        return { entries, position: found.at(-1)?.[0] ?? position ?? '0', isAll: found.length < STREAM_READ_MAX };
      }),
    snapshot: () =>
      ask(async () => {
        const bytes = await redis.getBuffer(snapshotKey);
        return bytes === null ? undefined : unpackSnapshot(bytes);
      }),
    save: (snapshot) =>
      ask(async () => {
        await redis.set(snapshotKey, packSnapshot(snapshot));
        const [at] = typeof snapshot.position === 'string' ? snapshot.position.split('-') : [];
        // Ids begin with the time of Redis, ms.
        const [seconds] = (await redis.time()) as unknown as readonly string[];
        const oldest = Math.min(Number(at ?? 0), Number(seconds) * 1_000 - ENTRIES_KEPT_MS);
        if (oldest > 0) await redis.xtrim(stream, 'MINID', '~', oldest);
      }),
    async close() {
      redis.disconnect();
    },
  };
}
