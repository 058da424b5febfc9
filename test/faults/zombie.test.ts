// A worker that is stopped past its lease and goes on: what it still says is so, or it says nothing (I5, I9).
import { afterEach, describe, expect, it } from 'vitest';
import type { RunningGrid } from '../support/grid.ts';
import { regionAt, settled, until } from '../support/region.ts';
import { expectKept, stock } from './support/buyers.ts';
import { ended, expectSettled, PATIENCE_MS, Scene } from './support/scene.ts';

const LANE_LOST = 3;

const scene = new Scene();
afterEach(() => scene.end());

describe('a worker that is suspended', () => {
  it(
    'given buyers at both workers, when one is stopped until the other has all, and continued, then nothing that it says is missing in the journal, it ends, and started again it takes its share',
    async () => {
      const redis = await scene.redis();
      const first = await scene.worker(redis.url, 'w1');
      // Epochs begin with the second: by theirs the answers of the two are told apart.
      const second = Math.floor(Date.now() / 1_000);
      await until('the next second', async () => (Date.now() / 1_000 >= second + 1 ? true : undefined));
      const zombie = await scene.worker(redis.url, 'w2');
      await stock(first.url);
      await settled(first.url, 2);
      const buyer = scene.buyer(first, 'first');
      const fooled = scene.buyer(zombie, 'fooled', { inFlight: 32 });
      for (const each of [buyer, fooled]) await each.more(200);
      const own = await epochOf(first, 'w2');
      expect(own).not.toBe(await epochOf(first, 'w1'));

      zombie.process.kill('SIGSTOP');
      await until('the other to have all', async () => ((await openAt(first)) === 128 ? true : undefined));
      await buyer.more(200);
      const before = fooled.decided.size;
      expect(own).toBeGreaterThan(0);
      zombie.process.kill('SIGCONT');
      const code = await ended(zombie);

      expect(code).toBe(LANE_LOST);
      expect(zombie.output()).toMatch(/no longer owns|was fenced/);
      await fooled.stop();
      // What it passed on to the other is the other's word; none is its own.
      const late = [...fooled.decided.values()].slice(before).map(({ answer }) => answer);
      expect(late.filter(({ version, replayed }) => replayed !== true && (version as Version).epoch === own)).toEqual(
        [],
      );
      const successor = await scene.worker(redis.url, 'w2');
      await expectSettled(redis.url, [first, successor]);
      await expectKept(successor.url, [buyer, fooled]);
    },
    PATIENCE_MS,
  );
});

interface Version {
  readonly epoch: number;
}

/** Of the lane that is the worker's own. */
async function epochOf({ url }: RunningGrid, worker: string): Promise<number> {
  const region = await regionAt(url);
  const [lane] = region?.workers.find(({ id }) => id === worker)?.lanes ?? [];
  return (lane as unknown as Version).epoch;
}

async function openAt({ url }: RunningGrid): Promise<number> {
  const w1 = (await regionAt(url))?.workers.find(({ id }) => id === 'w1');
  return w1?.lanes.reduce((sum, { open }) => sum + open, 0) ?? 0;
}
