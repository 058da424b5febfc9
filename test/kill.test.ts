// kill -9 at any moment: what was acknowledged is there once, what was not takes effect at most once (I5, I11).
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis } from '../node/journal/testing/redis.ts';
import { freePort, type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';
import { random, seedOf } from './support/random.ts';
import { callAll, connectWire, type Json, type WireClient } from './support/wire.ts';

const SKUS = ['kill-a', 'kill-b', 'kill-c', 'kill-d', 'kill-e'];
const STOCK = 1_000_000;
const CONNECTIONS = 3;
const IN_FLIGHT = 16;

/** Everything ever asked of the grid, with the answer once there is one. */
interface Asked {
  readonly request: Json;
  reply: Json | undefined;
}

/** What was asked between two kills, and a way to wait for a number of answers. */
class Round {
  readonly asked: Asked[] = [];
  #answers = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached = (): void => {};

  answered(entry: Asked, reply: Json): void {
    entry.reply = reply;
    this.#answers += 1;
    if (this.#answers >= this.#wanted) this.#reached();
  }

  until(answers: number): Promise<void> {
    this.#wanted = answers;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }
}

const RETRIABLE = new Set(['UNAVAILABLE', 'OVERLOADED', 'DEADLINE_EXCEEDED']);

function isDecided(reply: Json): boolean {
  return reply.ok === true || !RETRIABLE.has(String(reply.code));
}

/** What a reply says, without what may differ between the first answer and its repetition. */
function meaning(reply: Json): Json {
  const { id: _id, replayed: _replayed, ...rest } = reply;
  return rest;
}

/** Keeps one connection busy until it breaks: reserves, and then commits, releases or extends some of what it got. */
async function load(client: WireClient, draw: () => number, name: string, round: Round): Promise<void> {
  let n = 0;
  const one = async (request: Json): Promise<Json | undefined> => {
    const entry: Asked = { request: { ...request, requestId: `${name}-${n++}` }, reply: undefined };
    round.asked.push(entry);
    const reply = await client.call(entry.request);
    if (isDecided(reply)) round.answered(entry, reply);
    return reply;
  };
  const lane = async (): Promise<void> => {
    for (;;) {
      const sku = SKUS[Math.floor(draw() * SKUS.length)];
      const reserved = await one({
        op: 'reserve',
        sku,
        region: 'eu-west',
        qty: 1 + Math.floor(draw() * 3),
        ttlMs: 3_600_000,
      });
      if (reserved?.ok !== true) continue;
      const { reservationId } = reserved;
      const next = draw();
      if (next < 0.2) await one({ op: 'commit', reservationId });
      else if (next < 0.4) await one({ op: 'release', reservationId });
      else if (next < 0.5) await one({ op: 'extend', reservationId, ttlMs: 7_200_000 });
    }
  };
  await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane));
}

/** Asks everything of the round again: decided requests must answer alike, the rest are decided now. */
async function askAgain(client: WireClient, round: readonly Asked[]): Promise<void> {
  const replies = await callAll(
    client,
    round.map((a) => a.request),
  );
  for (const [i, entry] of round.entries()) {
    const reply = replies[i] as Json;
    if (entry.reply === undefined) {
      expect(isDecided(reply), JSON.stringify(reply)).toBe(true);
      entry.reply = reply;
    } else {
      expect(meaning(reply), JSON.stringify(entry.request)).toEqual(meaning(entry.reply));
      if (reply.ok === true) expect(reply.replayed).toBe(true);
    }
  }
}

/** Totals by sku that follow from the answers alone. */
function totals(asked: readonly Asked[]): Map<string, { reserved: number; allocated: number }> {
  const live = new Map<string, { sku: string; qty: number }>();
  const sums = new Map(SKUS.map((sku) => [sku, { reserved: 0, allocated: 0 }]));
  for (const { request, reply } of asked) {
    if (reply?.ok !== true) continue;
    if (request.op === 'reserve') {
      const id = reply.reservationId as string;
      expect(live.has(id), `${id} was given out twice`).toBe(false);
      live.set(id, { sku: request.sku as string, qty: reply.qty as number });
    }
  }
  for (const { request, reply } of asked) {
    if (reply?.ok !== true || (request.op !== 'commit' && request.op !== 'release')) continue;
    const ended = live.get(request.reservationId as string);
    if (ended === undefined) throw new Error(`${request.reservationId} ended twice`);
    live.delete(request.reservationId as string);
    if (request.op === 'commit') (sums.get(ended.sku) as { allocated: number }).allocated += ended.qty;
  }
  for (const { sku, qty } of live.values()) (sums.get(sku) as { reserved: number }).reserved += qty;
  return sums;
}

/** Loads a grid, kills it, starts it again and compares, `kills` times; returns how many requests were made. */
async function killRepeatedly(store: string, kills: number, seed: number): Promise<number> {
  const draw = random(seed);
  const port = await freePort();
  const asked: Asked[] = [];
  let grid = await startKillable(store, port);
  const first = await connectWire(grid.url);
  for (const sku of SKUS) {
    const target = { sku, region: 'eu-west', node: 'w1' };
    const stocked = await first.call({ op: 'adjust', ...target, delta: STOCK, reason: 'test', requestId: 'stock' });
    expect(stocked.ok, JSON.stringify(stocked)).toBe(true);
  }
  first.close();
  for (let kill = 0; kill < kills; kill++) {
    const round = new Round();
    const { url } = grid;
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectWire(url)));
    const loads = clients.map((client, i) => load(client, draw, `${seed}-${kill}-${i}`, round));
    // The moment of the kill is counted in answers, not in time, so that slow machines test the same.
    await round.until(20 + Math.floor(draw() * 1_500));
    await grid.end('SIGKILL');
    await Promise.all(loads);
    grid = await startKillable(store, port);
    const client = await connectWire(grid.url);
    await askAgain(client, round.asked);
    asked.push(...round.asked);
    client.close();
  }
  const client = await connectWire(grid.url);
  for (const [sku, { reserved, allocated }] of totals(asked)) {
    const seen = await client.call({ op: 'get', sku, region: 'eu-west' });
    expect(seen, `${sku}; replay with HOLDFAST_KILL_SEED=${seed}`).toMatchObject({
      onHand: STOCK,
      reserved,
      allocated,
    });
  }
  client.close();
  expect(await grid.end('SIGTERM')).toBe(0);
  return asked.length;
}

async function startKillable(store: string, port: number): Promise<RunningGrid> {
  const grid = await startWorkerProcess(store, port);
  cleanups.push(async () => grid.process.kill('SIGKILL'));
  return grid;
}

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a worker under load that is killed with SIGKILL', () => {
  it('given the embedded store, when killed a hundred times, then every acknowledged operation is there once', async () => {
    const seed = seedOf('HOLDFAST_KILL_SEED');
    // Four grids side by side, each killed 25 times: a start is mostly waiting.
    const grids = [0, 1, 2, 3].map(async (i) => {
      const directory = await temporaryDirectory();
      cleanups.push(directory.remove);
      return killRepeatedly(`lmdb:${directory.path}`, 25, seed + i);
    });
    for (const asked of await Promise.all(grids)) expect(asked).toBeGreaterThan(25 * 20);
  }, 600_000);

  it('given Redis with appendfsync always, when killed, then every acknowledged operation is there once', async () => {
    const redis = await startRedis({ appendonly: 'yes', appendfsync: 'always' });
    cleanups.push(() => redis.stop());
    await killRepeatedly(redis.url, 15, seedOf('HOLDFAST_KILL_SEED'));
  }, 300_000);
});
