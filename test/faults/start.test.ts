// Workers that should not be, or not like this: a name that is taken, a region of another layout, another version. Who may
// not serve says why and ends; who serves already goes on without an error.
import { describe, expect, it, type TestContext } from 'vitest';
import { MESH_PROTOCOL } from '../../cluster/mesh/handshake.ts';
import { regionKeysOf } from '../../node/journal/redis/keys.ts';
import { holdfast } from '../support/cli.ts';
import { freePort, type RunningGrid, startGrid } from '../support/grid.ts';
import { regionAt, settled, until } from '../support/region.ts';
import { expectKept, stock } from './support/buyers.ts';
import { expectSettled, otherBuild, PATIENCE_MS, Scene } from './support/scene.ts';

const NEXT_PROTOCOL = MESH_PROTOCOL + 1;
const OTHER_PROTOCOL = {
  file: 'dist/cluster/mesh/handshake.js',
  from: `MESH_PROTOCOL = ${MESH_PROTOCOL}`,
  to: `MESH_PROTOCOL = ${NEXT_PROTOCOL}`,
};
const OTHER_VERSION = { file: 'package.json', from: '"version": "', to: '"version": "9.' };

/** Tests that run side by side must not end each other's. */
function givenScene({ onTestFinished }: TestContext): Scene {
  const scene = new Scene();
  onTestFinished(() => scene.end());
  return scene;
}

/** The region's workers under a supervisor. */
async function supervised(scene: Scene, store: string): Promise<RunningGrid> {
  const port = await freePort();
  const args = ['serve', '--region', 'eu-west', '--workers', '2', '--port', `${port}`, '--store', store];
  const grid = await startGrid(args, port);
  scene.onEnd(() => grid.end('SIGTERM'));
  return grid;
}

describe.concurrent('a worker is started', () => {
  it(
    'given a region under a supervisor, when another supervisor starts workers of the same names, then that gives up and says why, and the first goes on without an error',
    async (context) => {
      const scene = givenScene(context);
      const redis = await scene.redis();
      const first = await supervised(scene, redis.url);
      await stock(first.url);
      const before = await settled(first.port, 2);
      const buyer = scene.buyer(first, 'b');
      await buyer.more(50);

      const store = ['--store', redis.url];
      const second = await holdfast('serve', '--workers', '2', '--port', `${await freePort()}`, ...store);

      expect(second.code).toBe(1);
      expect(second.stderr).toMatch(/lane \S+ of region eu-west .*is owned by .*(process \d+)/);
      expect(second.stderr).toMatch(/Stop the other process/);
      await buyer.more(50);
      expect(buyer.refused).toBe(0);
      const after = await settled(first.port, 2);
      expect(after.workers.map(({ pid }) => pid)).toEqual(before.workers.map(({ pid }) => pid));
      expect(first.output()).not.toMatch(/restart|fenced|no longer owns/);
      await expectKept(first.url, [buyer]);
    },
    PATIENCE_MS,
  );

  it.for([
    ['partitions', '64', '64 partitions by', 'not 128 by'],
    ['hash', 'crc64-of-sku', 'by crc64-of-sku', 'not 128 by'],
  ] as const)(
    'given a region whose %s is %s, when a worker of this version is started, then it names both values, and its exit code is not 0',
    { timeout: PATIENCE_MS },
    async ([field, value, stored, own], context) => {
      const scene = givenScene(context);
      const redis = await scene.redis();
      const before = await scene.worker(redis.url, 'w1');
      await before.end('SIGTERM');
      const { layout } = regionKeysOf('eu-west');
      expect(await redis.client.hset(layout, field, value)).toBe(0);

      const refused = await holdfast('serve', '--port', `${await freePort()}`, '--store', redis.url);

      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain(stored);
      expect(refused.stderr).toContain(own);
      expect(await redis.client.hget(layout, field)).toBe(value);
    },
  );

  it(
    'given a worker, when one of another version with the same mesh protocol is started beside it, then both serve the region',
    async (context) => {
      const scene = givenScene(context);
      const redis = await scene.redis();
      const present = await scene.worker(redis.url, 'w1');
      const cli = otherBuild(await scene.directory(), [OTHER_VERSION]);
      const other = await scene.worker(redis.url, 'w2', { cli });
      await stock(present.url);
      await settled(present.url, 2);
      const buyers = [present, other].map((worker, n) => scene.buyer(worker, `b${n}`));
      for (const buyer of buyers) await buyer.more(100);

      const versions = (await regionAt(present.url))?.workers.map((worker) => (worker as { version?: string }).version);
      expect(new Set(versions).size).toBe(2);
      await Promise.all(buyers.map((buyer) => buyer.stop()));
      await expectSettled(redis.url, [present, other]);
      await expectKept(other.url, buyers);
    },
    PATIENCE_MS,
  );

  it(
    'given a worker, when one of another mesh protocol is started beside it, then both say so, and the first goes on without an error',
    async (context) => {
      const scene = givenScene(context);
      const redis = await scene.redis();
      const present = await scene.worker(redis.url, 'w1');
      await stock(present.url);
      const buyer = scene.buyer(present, 'b');
      await buyer.more(50);
      const cli = otherBuild(await scene.directory(), [OTHER_VERSION, OTHER_PROTOCOL]);
      const other = await scene.worker(redis.url, 'w2', { cli });

      await until('both to say so', async () =>
        present.output().includes(`mesh protocol ${NEXT_PROTOCOL}, not ${MESH_PROTOCOL}`) &&
        other.output().includes(`mesh protocol ${MESH_PROTOCOL}, not ${NEXT_PROTOCOL}`)
          ? true
          : undefined,
      );
      await buyer.more(200);
      expect(buyer.refused).toBe(0);
      await other.end('SIGTERM');
      await expectKept(present.url, [buyer]);
    },
    PATIENCE_MS,
  );
});
