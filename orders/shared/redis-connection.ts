// A connection to Redis that can be ended at any time, whatever state it is in.
import { Redis, type RedisOptions } from 'ioredis';

/** The other end has so long to end a connection, too, ms: until then the process stays. */
const DISCONNECT_MS = 500;

/** Replies in the shapes of RESP 2, which BullMQ reads. */
export type ConnectionOptions = RedisOptions & { readonly replyMapping?: 'legacy' };

/**
 * ioredis never ends a connection that is between two attempts: neither whoever waits for its end, nor what was asked meanwhile, would hear of it.
 * Here it is as one that was not made yet.
 */
export class EndsBetweenAttempts extends Redis {
  constructor(redisUrl: string, options: ConnectionOptions) {
    super(redisUrl, { disconnectTimeout: DISCONNECT_MS, ...options });
  }

  override disconnect(reconnect = false): void {
    // Its socket is closed; ioredis would wait for that once more.
    if (this.status === 'end') return;
    if (!reconnect && this.status === 'reconnecting') this.status = 'wait';
    super.disconnect(reconnect);
  }
}
