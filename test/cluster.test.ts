// A region on several worker processes, as a user runs it: killed, stopped and continued, drained and replaced under
// load, without an error at a client and without losing what was acknowledged (I5, I9, I11).
import { afterEach, describe, expect, it } from 'vitest';
import { FSYNC_SETTINGS, startRedis } from '../node/journal/testing/redis.ts';
import { connect, type HoldfastClient, HoldfastError } from '../protocol/client/index.ts';
import { holdfast } from './support/cli.ts';
import { freePort, startGrid, temporaryDirectory } from './support/grid.ts';
import { regionAt, settled, until, type Worker } from './support/region.ts';

const SKUS = Array.from({ length: 64 }, (_, n) => `sku-${n}`);
const STOCK = 10_000_000;
/** A shopper that is always refused gives up: the test has failed. */
const FAILURES_MAX = 20;

/** What the grid of the running test has printed. */
let printed = (): string => '';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function given(workers: number, store: 'lmdb' | 'redis' = 'lmdb') {
  const directory = await temporaryDirectory();
  cleanUps.push(directory.remove);
  let address = `lmdb:${directory.path}`;
  if (store === 'redis') {
    const redis = await startRedis(FSYNC_SETTINGS);
    cleanUps.push(() => redis.stop());
    address = redis.url;
  }
  const port = await freePort();
  const grid = await startGrid(
    ['serve', '--port', String(port), '--workers', String(workers), '--store', address],
    port,
  );
  cleanUps.push(() => grid.end('SIGTERM'));
  printed = () => grid.output();
  const client = await connect({ url: `ws://127.0.0.1:${port}` });
  cleanUps.push(() => client.close());
  for (const sku of SKUS) await client.adjust({ sku, node: 'n1', delta: STOCK, reason: 'test' });
  return { grid, port, client };
}

/** Reserves all the time, on all SKUs, until told to stop; counts what was acknowledged and keeps what failed. */
class Shopper {
  readonly acknowledged = new Map<string, number>();
  readonly failures: string[] = [];
  #total = 0;
  #isOver = false;
  readonly #loops: Promise<void>[];

  constructor(client: HoldfastClient, inFlight = 8) {
    this.#loops = Array.from({ length: inFlight }, (_, n) => this.#loop(client, n * 7));
  }

  async #loop(client: HoldfastClient, offset: number): Promise<void> {
    for (let n = offset; !this.#isOver && this.failures.length < FAILURES_MAX; n++) {
      const sku = SKUS[n % SKUS.length] as string;
      try {
        await client.reserve({ sku, qty: 1, ttlMs: 86_400_000 });
        this.acknowledged.set(sku, (this.acknowledged.get(sku) ?? 0) + 1);
        this.#total += 1;
      } catch (error) {
        this.failures.push(error instanceof HoldfastError ? `${error.code}: ${error.message}` : String(error));
      }
    }
  }

  /** Resolves once so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const target = this.#total + count;
    await until(`${count} more acknowledged`, async () => (this.#total >= target ? true : undefined), 60_000);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}

/** Every unit that was acknowledged is reserved, and with no call of unknown outcome not one more. */
async function expectKept(client: HoldfastClient, shopper: Shopper): Promise<void> {
  await shopper.stop();
  expect(shopper.failures).toEqual([]);
  for (const sku of SKUS) {
    const { onHand, reserved } = await client.get({ sku });
    expect({ sku, onHand, reserved }).toEqual({ sku, onHand: STOCK, reserved: shopper.acknowledged.get(sku) ?? 0 });
  }
}

describe('a region on several workers', () => {
  it.each(['lmdb', 'redis'] as const)(
    'given load on three workers (%s), when each is killed in turn, then nothing acknowledged is lost and no call fails',
    async (store) => {
      const { port, client } = await given(3, store);
      const shopper = new Shopper(client);
      for (let kill = 0; kill < 6; kill++) {
        const { workers } = await settled(port, 3, () => printed());
        await shopper.more(200);
        process.kill((workers[kill % 3] as Worker).pid, 'SIGKILL');
        await shopper.more(500);
      }
      await settled(port, 3, () => printed());
      await expectKept(client, shopper);
    },
    180_000,
  );

  it('given load on two workers, when one is stopped past its lease and continued, then it emits nothing and starts anew', async () => {
    const { grid, port, client } = await given(2, 'redis');
    const { workers } = await settled(port, 2, () => printed());
    const zombie = workers.find(({ id }) => id === 'w2') as Worker;
    const direct = await connect({ url: (workers.find(({ id }) => id === 'w1') as Worker).url });
    cleanUps.push(() => direct.close());
    const shopper = new Shopper(direct);
    await shopper.more(200);

    process.kill(zombie.pid, 'SIGSTOP');
    await until('the other holds everything', async () => {
      const region = await regionAt(Number(new URL((workers[0] as Worker).url).port));
      const other = region?.workers.find(({ id }) => id === 'w1');
      return (other?.lanes.reduce((sum, { open }) => sum + open, 0) ?? 0) === 128 ? true : undefined;
    });
    await shopper.more(500);
    process.kill(zombie.pid, 'SIGCONT');

    const region = await settled(port, 2, () => printed());
    expect(region.workers.find(({ id }) => id === 'w2')?.pid).not.toBe(zombie.pid);
    expect(grid.output()).toMatch(/no longer owns|was fenced/);
    await expectKept(client, shopper);
  }, 120_000);

  it('given load on two workers, when one is drained by name, then it holds nothing and no call fails', async () => {
    const { port, client } = await given(2);
    const { workers } = await settled(port, 2, () => printed());
    const pid = workers.find(({ id }) => id === 'w2')?.pid;
    const shopper = new Shopper(client);
    await shopper.more(200);

    const { code, stdout } = await holdfast('drain', 'w2', '--url', String(port));

    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`w2 (pid ${pid}) holds nothing any more: kill ${pid}`),
    });
    const region = await regionAt(port);
    expect(region?.partitions.every(({ worker }) => worker === 'w1')).toBe(true);
    // The shared port and either worker: all show the one that runs on, and that it is drained.
    for (const url of [String(port), ...workers.map((worker) => worker.url)].flatMap((one) => [one, one])) {
      const seen = await holdfast('status', '--url', url.replace('ws:', 'http:').replace('/v1', ''));
      expect(seen).toMatchObject({ code: 0, stdout: expect.stringMatching(/w1 +up .*\n.*w2 +drained /) });
    }
    expect(await holdfast('drain', 'w2', '--url', String(port))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`w2 (pid ${pid}) is drained already: kill ${pid}`),
    });
    await shopper.more(200);
    await expectKept(client, shopper);
    const again = await holdfast('drain', 'w1', '--url', String(port));
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/last worker that is up/) });
    expect(await holdfast('drain', 'nobody', '--url', String(port))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no worker nobody/),
    });
  }, 120_000);

  it('given load on two workers, when all are replaced one after the other, then every process is new and no call fails', async () => {
    const { grid, port, client } = await given(2);
    const before = await settled(port, 2, () => printed());
    const shopper = new Shopper(client);
    await shopper.more(200);

    grid.process.kill('SIGHUP');

    await until(
      'all were replaced',
      async () => (grid.output().includes('all workers were replaced') ? true : undefined),
      90_000,
    );
    const after = await settled(port, 2, () => printed());
    const old = new Set(before.workers.map(({ pid }) => pid));
    expect(after.workers.filter(({ pid }) => old.has(pid))).toEqual([]);
    // Each had handed over what it held before it ended.
    expect(grid.output().match(/drained: nothing is left/g)).toHaveLength(2);
    await shopper.more(200);
    await expectKept(client, shopper);
  }, 180_000);

  it('given two workers, then the metrics page of the shared port adds both up', async () => {
    const { port, client } = await given(2);
    await settled(port, 2, () => printed());
    await client.reserve({ sku: 'sku-1', qty: 1 });
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toMatch(new RegExp(`^holdfast_positions ${SKUS.length}$`, 'm'));
  }, 120_000);
});
