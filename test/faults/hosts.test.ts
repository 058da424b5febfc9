// Two hosts and what is between them: packets that are lost without a word, on the way to Redis and on the mesh, all of
// them or those of one connection. What is acknowledged is kept, and all settles once they pass again (I5, I9).
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestRedis } from '../../node/journal/testing/redis.ts';
import type { RunningGrid } from '../support/grid.ts';
import { regionAt, settled, until } from '../support/region.ts';
import { type Buyer, expectKept, stock } from './support/buyers.ts';
import type { Lost, Network } from './support/network.ts';
import { ended, expectSettled, IS_LONG, lanesAt, MESH_PORT, PATIENCE_MS, Scene } from './support/scene.ts';

const LANE_LOST = 3;
/** Links whose packets are lost are found by then, and made anew, ms. */
const FOUND_WITHIN_MS = 6_000;
/** Two sessions, and what it takes to see that and to recover, ms. */
const TAKEN_WITHIN_MS = 20_000;
/** An outage after which every lease has run out, and every grace, ms. */
const LONG_MS = 15_000;

const scene = new Scene();
let why: string | undefined;
let network: Network;
let redis: TestRedis;
let store: string;
let workers: [RunningGrid, RunningGrid];
const buyers: Buyer[] = [];

beforeAll(async () => {
  try {
    network = scene.network(2, (reason) => {
      why = reason;
    });
  } catch {
    return;
  }
  redis = await scene.redis({ bind: ['127.0.0.1', network.outside], 'protected-mode': 'no' });
  store = `redis://${network.outside}:${redis.port}`;
  workers = [await scene.workerOn(network, 1, store), await scene.workerOn(network, 2, store)];
  await stock(workers[0].url);
});

afterAll(() => scene.end());

/** Buyers at both doors, of a region that is at rest. */
async function given(name: string): Promise<[Buyer, Buyer]> {
  for (const { url, output } of workers) await settled(url, 2, output);
  const both = workers.map((worker, n) => scene.buyer(worker, `${name}-${n + 1}`)) as [Buyer, Buyer];
  buyers.push(...both);
  for (const buyer of both) await buyer.more(100);
  return both;
}

async function thenAllIsKept(): Promise<void> {
  await Promise.all(buyers.map((buyer) => buyer.stop()));
  await expectSettled(store, workers);
  await expectKept(workers[1].url, buyers);
}

async function openAt({ url }: RunningGrid, id: string): Promise<number> {
  const worker = (await regionAt(url))?.workers.find((each) => each.id === id);
  return worker?.lanes.reduce((sum, { open }) => sum + open, 0) ?? 0;
}

function hasAll(worker: RunningGrid, id: string): Promise<true> {
  return until(`${id} to have all`, async () => ((await openAt(worker, id)) === 128 ? true : undefined));
}

/** @returns how long it took until so many were told, ms */
async function pauseOf(buyer: Buyer): Promise<number> {
  const since = performance.now();
  await buyer.more(20);
  return Math.round(performance.now() - since);
}

describe('the way between a host and others', () => {
  beforeEach((context) => {
    if (why !== undefined) context.skip(why);
  });

  const way = (from: string, to: string, ports: Pick<Lost, 'fromPort' | 'toPort'> = {}): Lost => ({
    from,
    to,
    ...ports,
  });
  const toRedis = (): Lost => way(network.host(1), network.outside, { toPort: redis.port });
  const fromRedis = (): Lost => way(network.outside, network.host(1), { fromPort: redis.port });

  it.for(
    [
      ['both ways', () => [toRedis(), fromRedis()]],
      ['to it', () => [toRedis()]],
      ['from it', () => [fromRedis()]],
    ].slice(0, IS_LONG ? 3 : 1) as [string, () => Lost[]][],
  )(
    'given load on both, when nothing passes between one of them and Redis (%s), then the other takes its partitions, and it ends once it learns of that',
    { timeout: PATIENCE_MS },
    async ([name, lost]) => {
      const [cut, other] = await given(`redis-${name.replace(' ', '-')}`);
      const refused = other.refused;

      for (const each of lost()) network.lose(each);
      const since = performance.now();
      await hasAll(workers[1], 'w2');
      const tookMs = Math.round(performance.now() - since);
      await other.more(100);
      network.mend();
      const code = await ended(workers[0]);

      expect(code).toBe(LANE_LOST);
      expect(workers[0].output()).toMatch(/no longer owns|was fenced/);
      expect(workers[0].output()).not.toMatch(/has lost records/);
      console.log(
        `without Redis (${name}): all its partitions are served after ${tookMs} ms; refused meanwhile: ` +
          `${cut.refused} at its door, ${other.refused - refused} at the other's`,
      );
      expect(tookMs).toBeLessThan(TAKEN_WITHIN_MS);
      workers[0] = await scene.workerOn(network, 1, store);
      await cut.more(100);
      await thenAllIsKept();
    },
  );

  it(
    'given load on both, when the connections of one to Redis are lost without a word, then it makes others and keeps its lane',
    async () => {
      const [cut] = await given('half-redis');
      const epochs = await lanesAt(workers[0].url);
      const ports = network.connections(1, network.outside, redis.port);
      expect(ports.length).toBeGreaterThan(0);

      for (const fromPort of ports) network.lose({ ...toRedis(), fromPort });
      for (const toPort of ports) network.lose({ ...fromRedis(), toPort });
      await cut.lull();
      const pauseMs = await pauseOf(cut);
      network.mend();

      console.log(`half-open to Redis: acknowledged again after ${pauseMs} ms`);
      expect(pauseMs).toBeLessThan(FOUND_WITHIN_MS);
      await thenAllIsKept();
      expect(await lanesAt(workers[0].url)).toEqual(epochs);
    },
    PATIENCE_MS,
  );

  it(
    'given load on both, when nothing passes between Redis and any of them for long, then nobody takes the other for dead',
    async () => {
      const both = await given('no-redis');
      const lanes = await lanesAt(workers[0].url);
      for (const n of [1, 2]) {
        network.lose(way(network.host(n), network.outside, { toPort: redis.port }));
        network.lose(way(network.outside, network.host(n), { fromPort: redis.port }));
      }
      await new Promise((resolve) => setTimeout(resolve, LONG_MS));
      network.mend();
      await Promise.all(both.map((buyer) => buyer.more(100)));
      await thenAllIsKept();
      expect(await lanesAt(workers[0].url)).toEqual(lanes);
    },
    PATIENCE_MS,
  );

  it.for(
    [
      ['both ways', [1, 2]],
      ['from one to the other', [1]],
      ['from the other to the one', [2]],
    ].slice(0, IS_LONG ? 3 : 2) as [string, number[]][],
  )(
    'given load on both, when nothing passes between them (%s), then what the other serves is refused, nobody is taken for dead, and all goes on afterwards',
    { timeout: PATIENCE_MS },
    async ([name, cuts]) => {
      const both = await given(`mesh-${name.replaceAll(' ', '-')}`);
      const lanes = await lanesAt(workers[0].url);

      for (const from of cuts) network.lose(way(network.host(from), network.host(3 - from)));
      const before = both.map(({ refused }) => refused);
      await until('both to be refused what the other serves', async () =>
        both.every(({ refused }, n) => refused > (before[n] as number)) ? true : undefined,
      );
      network.mend();

      await Promise.all(both.map((buyer) => buyer.more(100)));
      await thenAllIsKept();
      expect(await lanesAt(workers[0].url)).toEqual(lanes);
    },
  );

  it(
    'given load on both, when the links of the mesh are lost without a word, then they make others and keep their lanes',
    async () => {
      const both = await given('half-mesh');
      const epochs = await lanesAt(workers[0].url);
      const links = (from: number, to: number): Lost[] =>
        network.connections(from, network.host(to), MESH_PORT).flatMap((port) => [
          { from: network.host(from), to: network.host(to), fromPort: port },
          { from: network.host(to), to: network.host(from), toPort: port },
        ]);
      const lost = [...links(1, 2), ...links(2, 1)];
      expect(lost.length).toBeGreaterThan(0);

      for (const each of lost) network.lose(each);
      const pausesMs = await Promise.all(both.map(pauseOf));
      await Promise.all(both.map((buyer) => buyer.more(100)));
      network.mend();

      console.log(
        `half-open mesh: ${pausesMs.join(' and ')} ms, ${both.map(({ refused }) => refused).join(' and ')} refused`,
      );
      expect(Math.max(...pausesMs)).toBeLessThan(FOUND_WITHIN_MS);
      await thenAllIsKept();
      expect(await lanesAt(workers[0].url)).toEqual(epochs);
    },
    PATIENCE_MS,
  );

  it(
    'given load on both, when a host is gone at once, with all that it had open, then the other takes its partitions, and gives them back to the one that comes instead',
    async () => {
      const [other, gone] = await given('gone');
      const dark = network.host(2);
      for (const place of [network.host(1), network.outside]) {
        network.lose({ from: dark, to: place });
        network.lose({ from: place, to: dark });
      }
      const since = performance.now();
      workers[1].process.kill('SIGKILL');

      await hasAll(workers[0], 'w1');
      const tookMs = Math.round(performance.now() - since);
      await other.more(100);
      network.mend();

      console.log(`a host gone: all its partitions are served after ${tookMs} ms`);
      expect(tookMs).toBeLessThan(TAKEN_WITHIN_MS);
      workers[1] = await scene.workerOn(network, 2, store);
      await gone.more(100);
      await thenAllIsKept();
    },
    PATIENCE_MS,
  );
});
