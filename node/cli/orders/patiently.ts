// What processes of orders need, the grid and Redis, is waited for when they start: they are started beside it, and stay while it starts again.
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../exit.ts';
import { causeOf, connectRegions, type RegionConnection } from '../grid-client.ts';

const PATIENCE_MS = 60_000;
const PAUSE_MS = 500;

/** @throws UserError once a worker has not answered for a minute */
export function connectPatiently(urls: readonly string[], log: (line: string) => void): Promise<RegionConnection[]> {
  return patiently(() => connectRegions(urls), log);
}

/** Resolves when Redis answers. @throws UserError once it has not for a minute */
export async function redisPatiently(redisUrl: string, log: (line: string) => void): Promise<void> {
  const { addressOf, askRedis } = await import('../../../orders/fulfilment/queue/redis.ts');
  const ask = async (): Promise<void> => {
    try {
      await askRedis(redisUrl);
    } catch (error) {
      const message = `no Redis answers at ${addressOf(redisUrl)} (${causeOf(error)})`;
      throw new UserError(message, 'Start one, or say where it is with --redis redis://host:port.');
    }
  };
  return patiently(ask, log);
}

/** What processes have learned, opened from Redis. @throws UserError once it could not be read for a minute */
export function learnedPatiently<T>(open: () => Promise<T>, log: (line: string) => void): Promise<T> {
  const attempt = async (): Promise<T> => {
    try {
      return await open();
    } catch (error) {
      throw new UserError(`Redis does not say what was learned: ${messageOf(error)}`);
    }
  };
  return patiently(attempt, log);
}

/** Tries until it works, and tells each reason once. @throws UserError the last one, after a minute; at once what is none */
async function patiently<T>(attempt: () => Promise<T>, log: (line: string) => void): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  const told = new Set<string>();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof UserError) || performance.now() > until) throw error;
      if (!told.has(error.message)) log(`${error.message}; trying again for up to ${PATIENCE_MS / 1_000} s`);
      told.add(error.message);
      await sleep(PAUSE_MS);
    }
  }
}
