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
async function load(client: WireClient, draw: () => number, name: string, asked: Asked[]): Promise<void> {
  let n = 0;
  const one = async (request: Json): Promise<Json | undefined> => {
    const entry: Asked = { request: { ...request, requestId: `${name}-${n++}` }, reply: undefined };
    asked.push(entry);
    const reply = await client.call(entry.request);
    if (isDecided(reply)) entry.reply = reply;
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

async function killRepeatedly(store: string, kills: number, extra: string[] = []): Promise<number> {
  const seed = seedOf('HOLDFAST_KILL_SEED');
  const draw = random(seed);
  const port = await freePort();
  const asked: Asked[] = [];
  grid = await startWorkerProcess(store, port, extra);
  const first = await connectWire(grid.url);
  for (const sku of SKUS) {
    const stocked = await first.call({
      op: 'adjust',
      sku,
      region: 'eu-west',
      node: 'w1',
      delta: STOCK,
      reason: 'test',
      requestId: `stock-${sku}`,
    });
    expect(stocked.ok, JSON.stringify(stocked)).toBe(true);
  }
  first.close();
  for (let kill = 0; kill < kills; kill++) {
    const round: Asked[] = [];
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => connectWire((grid as RunningGrid).url)),
    );
    const loads = clients.map((client, i) => load(client, draw, `${seed}-${kill}-${i}`, round));
    // The moment of the kill is counted in answers, not in time, so that slow machines test the same.
    const answers = 20 + Math.floor(draw() * 1_500);
    await untilAnswered(round, answers);
    await grid.end('SIGKILL');
    await Promise.all(loads);
    grid = await startWorkerProcess(store, port, extra);
    const client = await connectWire(grid.url);
    await askAgain(client, round);
    asked.push(...round);
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

function untilAnswered(round: readonly Asked[], answers: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      let answered = 0;
      for (const { reply } of round) if (reply !== undefined) answered += 1;
      if (answered >= answers) resolve();
      else setImmediate(look);
    };
    look();
  });
}

let grid: RunningGrid | undefined;
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  grid?.process.kill('SIGKILL');
  grid = undefined;
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a worker under load that is killed with SIGKILL', () => {
  it('given the embedded store, when killed a hundred times, then every acknowledged operation is there once', async () => {
    const directory = await temporaryDirectory();
    cleanups.push(directory.remove);
    const asked = await killRepeatedly(`lmdb:${directory.path}`, 100);
    expect(asked).toBeGreaterThan(100 * 20);
  }, 600_000);

  it('given Redis with appendfsync always, when killed, then every acknowledged operation is there once', async () => {
    const redis = await startRedis({ appendonly: 'yes', appendfsync: 'always' });
    cleanups.push(() => redis.stop());
    await killRepeatedly(redis.url, 15);
  }, 300_000);
});
