// Clients that follow the map, against a region of several processes: nothing is passed on between workers, and nobody
// notices when one is drained or killed.
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type HoldfastClient, HoldfastError } from '../protocol/client/index.ts';
import type { MapReply } from '../protocol/index.ts';
import { holdfast } from './support/cli.ts';
import { freePort, startGrid, temporaryDirectory } from './support/grid.ts';

const SKUS = Array.from({ length: 64 }, (_, n) => `sku-${n}`);
const STOCK = 10_000_000;
const FAILURES_MAX = 20;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Worker {
  readonly id: string;
  readonly pid: number;
  readonly url: string;
  readonly lanes: readonly { readonly open: number }[];
  readonly moving: readonly number[];
}

async function given(workers = 2) {
  const directory = await temporaryDirectory();
  cleanUps.push(directory.remove);
  const port = await freePort();
  const grid = await startGrid(
    ['serve', '--port', String(port), '--workers', String(workers), '--store', `lmdb:${directory.path}`],
    port,
  );
  cleanUps.push(() => grid.end('SIGTERM'));
  await settled(port, workers);
  const client = await connect({ url: `ws://127.0.0.1:${port}`, followMap: true });
  cleanUps.push(() => client.close());
  for (const sku of SKUS) await client.adjust({ sku, node: 'n1', delta: STOCK, reason: 'test' });
  return { port, client };
}

async function workersAt(port: number): Promise<readonly Worker[]> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v1/status`, { signal: AbortSignal.timeout(1_000) });
    return ((await response.json()) as { region: { workers: Worker[] } }).region.workers;
  } catch {
    return [];
  }
}

/** Polls, as there is nobody to tell: the processes are on their own. */
async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  for (const end = performance.now() + withinMs; ; ) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Each worker has its share, and nothing moves. */
function settled(port: number, count: number): Promise<readonly Worker[]> {
  return until(`${count} workers, each with its share`, async () => {
    const workers = await workersAt(port);
    const isSettled = workers.every(
      ({ lanes, moving }) => moving.length === 0 && lanes.length === 1 && (lanes[0]?.open ?? 0) >= 32,
    );
    return isSettled && workers.length === count ? workers : undefined;
  });
}

/** Requests that one worker passed on to another, over all workers of the host. */
async function passedOn(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const all = [...text.matchAll(/^holdfast_forwards_total\{[^}]*\} (\d+)$/gm)];
  return all.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function mapAt(port: number): Promise<MapReply> {
  const body = JSON.stringify({ op: 'map' });
  return (await (await fetch(`http://127.0.0.1:${port}/v1/requests`, { method: 'POST', body })).json()) as MapReply;
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
    await until(
      `${count} more acknowledged`,
      async () => (this.#total >= target || this.failures.length > 0 ? true : undefined),
      60_000,
    );
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}

/** Every unit that was acknowledged is reserved, and not one more. */
async function expectKept(client: HoldfastClient, shopper: Shopper): Promise<void> {
  await shopper.stop();
  expect(shopper.failures).toEqual([]);
  for (const sku of SKUS) {
    const { onHand, reserved } = await client.get({ sku });
    expect({ sku, onHand, reserved }).toEqual({ sku, onHand: STOCK, reserved: shopper.acknowledged.get(sku) ?? 0 });
  }
}

/** Under load, requests come to go to their owners again: none of so many is passed on. */
async function expectDirect(port: number, shopper: Shopper): Promise<void> {
  await until('requests go to their owners', async () => {
    const before = await passedOn(port);
    await shopper.more(500);
    return (await passedOn(port)) === before ? true : undefined;
  });
}

describe('a client that follows the map', () => {
  it('given a worker that advertises another address, then the map names that; one on all networks is named to nobody', async () => {
    const named = async (...extra: string[]): Promise<readonly string[]> => {
      const port = await freePort();
      const grid = await startGrid(['serve', '--port', String(port), '--store', 'memory:', ...extra], port);
      const { workers } = await mapAt(port);
      await grid.end('SIGTERM');
      return workers.map((url) => url.replace(`:${port}/`, ':PORT/'));
    };
    expect(await named()).toEqual(['ws://127.0.0.1:PORT/v1']);
    expect(await named('--advertise', 'wss://w1.example:7443')).toEqual(['wss://w1.example:7443/v1']);
    expect(await named('--host', '0.0.0.0')).toEqual([]);
  }, 60_000);

  it('given two workers, then nothing is passed on between them; a client that does not follow has half passed on', async () => {
    const { port, client } = await given();
    const shopper = new Shopper(client);
    await expectDirect(port, shopper);
    expect(client.owners).toHaveLength(1);
    await expectKept(client, shopper);

    const plain = await connect({ url: `ws://127.0.0.1:${port}` });
    cleanUps.push(() => plain.close());
    const before = await passedOn(port);
    for (let n = 0; n < 10; n++) for (const sku of SKUS) await plain.get({ sku });
    expect(await passedOn(port)).toBeGreaterThan(before + 100);
  }, 120_000);

  it('given load, when a worker is drained, then no call fails, and all goes to the other directly', async () => {
    const { port, client } = await given();
    const shopper = new Shopper(client);
    await shopper.more(500);

    expect(await holdfast('drain', 'w2', '--url', String(port))).toMatchObject({ code: 0 });

    await expectDirect(port, shopper);
    const { workers, owners } = await mapAt(port);
    const [survivor] = (await workersAt(port)).filter(({ id }) => id === 'w1');
    expect(new Set(owners.map((owner) => workers[owner]))).toEqual(new Set([survivor?.url]));
    await expectKept(client, shopper);
  }, 120_000);

  it('given load, when workers are killed in turn, then no call fails, and requests go to their owners again', async () => {
    const { port, client } = await given(3);
    const shopper = new Shopper(client);
    for (const victim of ['w2', 'w1', 'w3']) {
      await shopper.more(500);
      const { pid } = (await settled(port, 3)).find(({ id }) => id === victim) as Worker;
      process.kill(pid, 'SIGKILL');
      await shopper.more(500);
      await settled(port, 3);
      await expectDirect(port, shopper);
    }
    await expectKept(client, shopper);
  }, 180_000);
});
