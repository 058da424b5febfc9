// Redis fails over again and again with a replica that lags, at random moments under load: what was acknowledged at
// `replicated` is all there. HOLDFAST_FAIL_OVERS says how many times; a short run is in every test run.
import { randomInt } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { keysOf } from '../journal/redis/keys.ts';
import { RedisStore } from '../journal/redis/store.ts';
import { startPair } from '../journal/testing/redis-fleet.ts';
import { lostIn, OwnerAtWork } from './testing/fail-over.ts';
import { REGION } from './testing/harness.ts';

const ROUNDS = Number(process.env['HOLDFAST_FAIL_OVERS'] ?? 1);
const SOON = { sessionTtlMs: 1_000 };
/** Of one round, on a machine that does other things too. */
const ROUND_MS = 60_000;

describe('Redis fails over with a replica that lags', () => {
  const cleanUps: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  /** One fail-over; with how much was acknowledged, and how much of that the successor does not have. */
  async function round(
    durability: 'replicated' | 'fsync',
    ownerLives: boolean,
  ): Promise<{ asked: number; lost: number }> {
    const pair = await startPair();
    cleanUps.push(() => pair.stop());
    const store = await RedisStore.open(pair.url, { durability });
    cleanUps.push(() => store.close());
    const live = await OwnerAtWork.open(store, SOON);
    cleanUps.push(() => live.rest());
    live.work();
    await live.more(randomInt(20, 200));

    // It receives for a while what it does not take in, and is promoted with what it has.
    pair.replica.pause();
    await new Promise((resolve) => setTimeout(resolve, randomInt(0, 200)));
    await pair.primary.kill();
    pair.replica.resume();
    if (!ownerLives) {
      await live.rest();
      await store.close();
    }
    await pair.promote();
    if (ownerLives && durability === 'fsync') {
      await live.more(20);
      await live.rest();
      await live.grid.close();
    } else {
      await live.rest();
      await store.close();
      await pair.replica.client.del(keysOf(REGION).session);
      await pair.replica.client.hdel(keysOf(REGION).own, 'runId');
    }
    const acknowledged = [...live.acknowledged];
    const successorStore = await RedisStore.open(pair.url);
    cleanUps.push(() => successorStore.close());
    const successor = await OwnerAtWork.open(successorStore, SOON);
    cleanUps.push(() => successor.rest());
    const lost = await lostIn(successor, acknowledged);
    await successor.grid.close();
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
    return { asked: acknowledged.length, lost };
  }

  it.each([
    ['replicated', false],
    ['fsync', true],
  ] as const)(
    'given %s, the owner alive: %s, when it fails over again and again, then nothing acknowledged is lost',
    async (durability, ownerLives) => {
      let asked = 0;
      let lost = 0;
      for (let n = 0; n < ROUNDS; n++) {
        const one = await round(durability, ownerLives);
        asked += one.asked;
        lost += one.lost;
      }
      console.log(
        `${ROUNDS} fail-overs at ${durability}, the owner alive: ${ownerLives}: ${asked} acknowledged, ${lost} lost`,
      );
      expect(lost).toBe(0);
    },
    ROUNDS * ROUND_MS,
  );

  it(
    'given fsync and an owner that dies with the primary, when it fails over, then what the replica did not have is lost, as the docs say',
    async () => {
      let asked = 0;
      let lost = 0;
      for (let n = 0; n < ROUNDS; n++) {
        const one = await round('fsync', false);
        asked += one.asked;
        lost += one.lost;
      }
      console.log(`${ROUNDS} fail-overs at fsync, the owner alive: false: ${asked} acknowledged, ${lost} lost`);
      expect(lost).toBeLessThan(asked);
    },
    ROUNDS * ROUND_MS,
  );
});
