// Whether this worker's clock is about that of the server, and so that of the region's other workers. What has expired and
// what may be forgotten is decided by the clock of whoever serves: one that is an hour ahead ends reservations that were
// just made, and carries out requests again that were just answered.
import type { Redis } from 'ioredis';
import { StoreMisconfigured } from '../port.ts';

/** Synchronised clocks differ by far less; what clients are promised counts in minutes. */
const SKEW_MS_MAX = 60_000;

/**
 * @returns what to warn of: a clock that is behind forgets nothing, and what it reserves ends early with other workers
 * @throws StoreMisconfigured when this worker's clock is ahead
 */
export async function checkClock(client: Redis, address: string): Promise<string | undefined> {
  const askedAt = ownTime();
  let answer: unknown;
  try {
    answer = await client.call('TIME');
  } catch (error) {
    if (!/unknown (sub)?command|NOPERM|not allowed|disabled/i.test(String(error))) throw error;
    return `Redis at ${address} does not tell the time; make sure that the clocks of all hosts are synchronised`;
  }
  const [seconds, microseconds] = answer as [string, string];
  const theirs = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
  const aheadMs = askedAt - theirs;
  const behindMs = theirs - ownTime();
  if (aheadMs > SKEW_MS_MAX) {
    throw new StoreMisconfigured(
      `the clock of this host is ${inSeconds(aheadMs)} ahead of that of Redis at ${address}: what was reserved would end early, ` +
        'and what was answered be forgotten. Synchronise the clocks of both hosts (NTP)',
    );
  }
  if (behindMs <= SKEW_MS_MAX) return undefined;
  return (
    `the clock of this host is ${inSeconds(behindMs)} behind that of Redis at ${address}: what is reserved here may end early at ` +
    'other workers. Synchronise the clocks of both hosts (NTP), and start this worker again'
  );
}

/** As the worker goes by it: the wall clock of its start, carried on by one that never jumps. */
function ownTime(): number {
  return performance.timeOrigin + performance.now();
}

function inSeconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
