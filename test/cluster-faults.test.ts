// Faults around several workers of one region, on real processes: a store that fails under all of them, links that are
// cut one way or both, processes that should not be. What is acknowledged is there once, and all settles by itself.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FSYNC_SETTINGS, startRedis, type TestRedis } from '../node/journal/testing/redis.ts';
import { type RunningGrid, startGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';
import { regionAt, settled, until } from './support/region.ts';
import { connectWire, type Json, type WireClient } from './support/wire.ts';

const SKUS = Array.from({ length: 32 }, (_, n) => `fault-${n}`);
const STOCK = 1_000_000;
/** Of a request to be asked again while it is refused, ms. */
const RETRY_MS = 20;
/** Redis is back: then requests are acknowledged again, ms. */
const BACK_WITHIN_MS = 5_000;
const PATIENCE_MS = 180_000;
const SECRET = { HOLDFAST_MESH_SECRET: 'what two workers know, and nobody else' };

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function givenRedis(): Promise<TestRedis> {
  const redis = await startRedis(FSYNC_SETTINGS);
  cleanUps.push(() => redis.stop());
  return redis;
}

async function givenWorker(store: string, id: string, ...extra: string[]): Promise<RunningGrid> {
  const worker = await startWorkerProcess(store, undefined, ['--id', id, ...extra], SECRET);
  cleanUps.push(() => worker.process.kill('SIGKILL'));
  return worker;
}

async function givenWorkerOn(hosts: Hosts, n: number, store: string): Promise<RunningGrid> {
  const [address, mesh] = [hosts.address(n), `tcp:${hosts.meshAddress(n)}:7500`];
  const args = ['serve', '--id', `w${n + 1}`, '--region', 'eu-west', '--port', '7400', '--catalog', 'none'];
  const at = ['--host', address, '--mesh', mesh, '--store', store];
  const worker = await startGrid([...args, ...at], 7400, { through: hosts.on(n), env: SECRET });
  cleanUps.push(() => worker.process.kill('SIGKILL'));
  return { ...worker, url: `ws://${address}:7400/v1` };
}

async function givenClient(url: string): Promise<WireClient> {
  const client = await connectWire(url);
  cleanUps.push(() => client.close());
  return client;
}

const position = (n: number): Json => ({ sku: SKUS[n % SKUS.length], region: 'eu-west' });

async function stock(client: WireClient): Promise<void> {
  for (const [n, sku] of SKUS.entries()) {
    const filled = {
      op: 'adjust',
      ...position(n),
      node: 'n1',
      delta: STOCK,
      reason: 'test',
      requestId: `stock-${sku}`,
    };
    expect(await client.call(filled)).toMatchObject({ ok: true });
  }
}

/** Buys one unit after the other; each request is sent until it is acknowledged. */
class Buyer {
  readonly #client: WireClient;
  readonly #name: string;
  readonly #acknowledged = new Map<string, Json>();
  /** The answers that were neither an acknowledgement nor retriable. */
  readonly wrong: Json[] = [];
  refused = 0;
  #isOver = false;
  readonly #loop: Promise<void>;

  constructor(client: WireClient, name: string) {
    this.#client = client;
    this.#name = name;
    this.#loop = this.#buy();
    // What failed is thrown by stop().
    this.#loop.catch(() => {});
  }

  get bought(): number {
    return this.#acknowledged.size;
  }

  async #buy(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const request = { op: 'reserve', ...position(n), qty: 1, ttlMs: 3_600_000, requestId: `${this.#name}-${n}` };
      for (;;) {
        const answer = await this.#client.call(request);
        if (answer.ok === true) {
          this.#acknowledged.set(request.requestId, answer);
          break;
        }
        if (answer['retriable'] !== true) this.wrong.push(answer);
        this.refused += 1;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** Resolves once so many more are acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.bought + count;
    await until(`${this.#name} to buy ${count} more`, async () => (this.bought >= enough ? true : undefined), 60_000);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#loop;
  }
}

/** As many units are reserved as were acknowledged, by whatever worker it is asked. */
async function expectEachOnce(clients: readonly WireClient[], buyers: readonly Buyer[]): Promise<void> {
  for (const buyer of buyers) {
    await buyer.stop();
    expect(buyer.wrong).toEqual([]);
  }
  const bought = buyers.reduce((sum, buyer) => sum + buyer.bought, 0);
  for (const client of clients) {
    let reserved = 0;
    for (const n of SKUS.keys()) reserved += Number((await client.call({ op: 'get', ...position(n) }))['reserved']);
    expect(reserved).toBe(bought);
  }
}

/** Two hosts on this machine: a namespace each, a link to the store of this one, and a link between them for the mesh. */
class Hosts {
  /** The system is done with the last ones some time after they were removed. */
  static #made = 0;
  readonly #number = ++Hosts.#made;
  readonly #names = ['a', 'b'].map((end) => `holdfast-${process.pid}-${this.#number}${end}`);
  readonly store = '10.77.1.1';

  /** @throws when this user may not make network namespaces */
  constructor() {
    cleanUps.push(() => this.#remove());
    for (const [n, name] of this.#names.entries()) {
      ip('netns', 'add', name);
      const [here, there] = [`hf${process.pid % 10_000}-${this.#number}${n}`, `hfs${n}`];
      ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
      ip('addr', 'add', `10.77.${n + 1}.1/24`, 'dev', here);
      ip('link', 'set', here, 'up');
      this.#in(n, 'addr', 'add', `${this.address(n)}/24`, 'dev', there);
      for (const device of ['lo', there]) this.#in(n, 'link', 'set', device, 'up');
    }
    const [first, second] = this.#names as [string, string];
    ip('link', 'add', 'hfm', 'netns', first, 'type', 'veth', 'peer', 'name', 'hfm', 'netns', second);
    for (const n of [0, 1]) {
      this.#in(n, 'addr', 'add', `${this.meshAddress(n)}/24`, 'dev', 'hfm');
      this.#in(n, 'link', 'set', 'hfm', 'up');
      // The way to the store of the other's network, which is this machine.
      this.#in(n, 'route', 'add', 'default', 'via', `10.77.${n + 1}.1`);
    }
  }

  address(n: number): string {
    return `10.77.${n + 1}.2`;
  }

  meshAddress(n: number): string {
    return `10.77.3.${n + 1}`;
  }

  /** What a command is run with to be run on the host. */
  on(n: number): readonly string[] {
    return ['ip', 'netns', 'exec', this.#names[n] as string];
  }

  /** What host `from` sends to the other from now on goes nowhere, without a word: to a card that is not there. */
  cut(from: number): void {
    this.#in(
      from,
      'neigh',
      'replace',
      this.meshAddress(1 - from),
      'lladdr',
      '02:00:00:00:00:01',
      'dev',
      'hfm',
      'nud',
      'permanent',
    );
  }

  heal(): void {
    for (const n of [0, 1]) {
      try {
        this.#in(n, 'neigh', 'del', this.meshAddress(1 - n), 'dev', 'hfm');
      } catch {
        // It was not cut.
      }
    }
  }

  #in(n: number, ...args: string[]): void {
    ip('-n', this.#names[n] as string, ...args);
  }

  #remove(): void {
    for (const name of this.#names) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

describe('Redis fails under two workers', () => {
  it.each([
    ['is killed and started again', (redis: TestRedis) => redis.kill(), (redis: TestRedis) => redis.restart()],
    [
      'is full',
      (redis: TestRedis) => redis.configure('maxmemory', '1'),
      (redis: TestRedis) => redis.configure('maxmemory', '0'),
    ],
    [
      'takes no writes',
      (redis: TestRedis) => redis.configure('min-replicas-to-write', '1'),
      (redis: TestRedis) => redis.configure('min-replicas-to-write', '0'),
    ],
  ] as const)(
    'given load on both, when it %s, then they refuse retriably, go on within 5 s, and each acknowledged unit is there once',
    async (_, begin, end) => {
      const redis = await givenRedis();
      const workers = [await givenWorker(redis.url, 'w1'), await givenWorker(redis.url, 'w2')];
      const clients = await Promise.all(workers.map(({ url }) => givenClient(url)));
      await stock(clients[0] as WireClient);
      await settled((workers[0] as RunningGrid).url, 2);
      const buyers = clients.map((client, n) => new Buyer(client, `b${n}`));
      for (const buyer of buyers) await buyer.more(50);

      await begin(redis);
      const refusedBefore = buyers.map(({ refused }) => refused);
      await until('both to be refused', async () =>
        buyers.every(({ refused }, n) => refused > (refusedBefore[n] as number) + 5) ? true : undefined,
      );
      await end(redis);
      const backAt = performance.now();
      for (const buyer of buyers) await buyer.more(1);
      const backMs = performance.now() - backAt;

      expect(backMs).toBeLessThan(BACK_WITHIN_MS);
      for (const buyer of buyers) await buyer.more(50);
      await settled((workers[0] as RunningGrid).url, 2);
      await expectEachOnce(clients, buyers);
    },
    PATIENCE_MS,
  );
});

/** Making them needs root. */
function hostsOr(skip: (why: string) => void): Hosts {
  try {
    return new Hosts();
  } catch (error) {
    skip(`no network namespaces could be made, which needs root: ${error}`);
    throw error;
  }
}

describe('the way between two hosts is cut', () => {
  it.for([
    ['both ways', [0, 1]],
    ['from the first to the second', [0]],
    ['from the second to the first', [1]],
  ] as const)(
    'given load on both, when nothing passes %s, then what is acknowledged is kept, and all settles once it does',
    { timeout: PATIENCE_MS },
    async ([, cuts], context) => {
      const hosts = hostsOr((why) => context.skip(why));
      const redis = await startRedis({
        ...FSYNC_SETTINGS,
        bind: ['127.0.0.1', hosts.store, '10.77.2.1'],
        'protected-mode': 'no',
      });
      cleanUps.push(() => redis.stop());
      const store = `redis://${hosts.store}:${redis.port}`;
      const workers = [await givenWorkerOn(hosts, 0, store), await givenWorkerOn(hosts, 1, store)];
      const clients = await Promise.all(workers.map(({ url }) => givenClient(url)));
      const [first] = workers as [RunningGrid];
      await stock(clients[0] as WireClient);
      await settled(first.url, 2);
      const buyers = clients.map((client, n) => new Buyer(client, `b${n}`));
      for (const buyer of buyers) await buyer.more(50);

      for (const from of cuts) hosts.cut(from);
      // Each goes on with what it serves itself, past the end of every session; what it would pass on waits.
      const refusedBefore = buyers.map(({ refused }) => refused);
      await until('both to be refused what the other serves', async () =>
        buyers.every(({ refused }, n) => refused > (refusedBefore[n] as number)) ? true : undefined,
      );
      hosts.heal();

      for (const buyer of buyers) await buyer.more(100);
      await settled(first.url, 2);
      await expectEachOnce(clients, buyers);
    },
  );
});

describe('the wall clock jumps under a worker', () => {
  it(
    'given reservations and a request that was answered, when it jumps an hour ahead and two back, then none expires, none is forgotten and no version falls',
    async () => {
      const redis = await givenRedis();
      const directory = await temporaryDirectory();
      cleanUps.push(directory.remove);
      const clock = join(directory.path, 'clock');
      const jump = (by: string): void => writeFileSync(clock, by);
      jump('+0');
      const library = faketimeLibrary();
      const faked = {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      };
      const worker = await startWorkerProcess(redis.url, undefined, ['--id', 'w1'], { ...SECRET, ...faked });
      cleanUps.push(() => worker.process.kill('SIGKILL'));
      const client = await givenClient(worker.url);
      await stock(client);
      const reserve = (requestId: string): Promise<Json> =>
        client.call({ op: 'reserve', ...position(0), qty: 1, ttlMs: 600_000, requestId });
      const first = await reserve('first');
      let last = first['version'] as { epoch: number; seq: number };
      for (const [n, by] of ['+3600s', '-3600s'].entries()) {
        jump(by);
        const next = await reserve(`after-${n}`);
        const version = next['version'] as { epoch: number; seq: number };
        expect(version).toEqual({ epoch: last.epoch, seq: last.seq + 1 });
        last = version;
        expect(await reserve('first')).toMatchObject({ reservationId: first['reservationId'], replayed: true });
        expect(await client.call({ op: 'get', ...position(0) })).toMatchObject({ reserved: n + 2 });
      }
      // A successor whose clock is behind gives out a greater epoch all the same.
      await worker.end('SIGTERM');
      const successor = await startWorkerProcess(redis.url, undefined, ['--id', 'w1'], { ...SECRET, ...faked });
      cleanUps.push(() => successor.process.kill('SIGKILL'));
      const again = await givenClient(successor.url);
      const { version } = (await again.call({ op: 'get', ...position(0) })) as { version?: { epoch: number } };
      expect(version?.epoch).toBeGreaterThan(last.epoch);
    },
    PATIENCE_MS,
  );
});

/** Where packages put it; the command of the same name would fake the whole process from its start. */
function faketimeLibrary(): string {
  const roots = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter((root) => existsSync(root));
  const folders = roots.flatMap((root) => [root, ...readdirSync(root).map((name) => join(root, name))]);
  const found = folders
    .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('libfaketimeMT.so.1 is in no folder for libraries: install faketime');
  return found;
}

describe('a process that should not be', () => {
  it(
    'given a worker, when a second one is started under its name, then that gives up and says why, and the first goes on',
    async () => {
      const redis = await givenRedis();
      const first = await givenWorker(redis.url, 'w1');
      const client = await givenClient(first.url);
      await stock(client);
      const buyer = new Buyer(client, 'b');
      await buyer.more(20);

      await expect(givenWorker(redis.url, 'w1')).rejects.toThrow(
        /lane 0 of region eu-west .* is owned by .*, which was alive a moment ago; stop it/,
      );

      await buyer.more(20);
      await buyer.stop();
      expect({ wrong: buyer.wrong, refused: buyer.refused }).toEqual({ wrong: [], refused: 0 });
      expect((await regionAt(first.url))?.workers.map(({ id }) => id)).toEqual(['w1']);
    },
    PATIENCE_MS,
  );

  it(
    'given a region of another layout, when a worker is started, then it says what differs and ends',
    async () => {
      const redis = await givenRedis();
      const first = await givenWorker(redis.url, 'w1');
      await first.end('SIGTERM');
      const keys = (await redis.client.keys('*')).filter((key) => key.includes('layout') || key.includes('region'));
      const layouts: string[] = [];
      for (const key of keys)
        if ((await redis.client.type(key)) === 'hash' && (await redis.client.hexists(key, 'partitions')))
          layouts.push(key);
      expect(layouts.length).toBeGreaterThan(0);
      for (const key of layouts) await redis.client.hset(key, 'partitions', '64');

      await expect(givenWorker(redis.url, 'w1')).rejects.toThrow(/64 partitions/);
    },
    PATIENCE_MS,
  );
});
