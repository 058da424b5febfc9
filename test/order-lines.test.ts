// Orders of several lines in two regions, each on two worker processes that are killed in the middle of orders: then every order comes to
// one outcome on all its lines, and no stock is left held (I15).
import { afterEach, expect, it } from 'vitest';
import { connect, type HoldfastClient, HoldfastError } from '../protocol/client/index.ts';
import type { OrderLineView } from '../protocol/index.ts';
import { startBothRegions } from './support/cli.ts';
import { temporaryDirectory } from './support/grid.ts';
import { random, seedOf } from './support/random.ts';
import { regionAt, settled, until } from './support/region.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const SKUS = ['tea', 'pot', 'cup'] as const;
const REGIONS = ['eu-west', 'us-east'] as const;
const UNITS = 60;
const ORDERS = 60;
const TTL_MS = 3_000;

interface Told {
  readonly orderId: string;
  readonly home: HoldfastClient;
  lines: readonly OrderLineView[];
  state: 'COMMITTED' | 'RELEASED' | 'LEFT' | 'REFUSED';
}

/** What a refusal says; anything else is the test's to show. */
function codeOf(error: unknown): string {
  if (error instanceof HoldfastError) return error.code;
  throw error;
}

it('given orders over two regions, when workers are killed in the middle of them, then each ends alike on all its lines', async () => {
  const seed = seedOf('ORDER_LINES_SEED');
  const draw = random(seed);
  const directory = await temporaryDirectory();
  cleanUps.push(directory.remove);
  const grid = await startBothRegions(directory.path, '--workers', '2');
  cleanUps.push(() => grid.end('SIGKILL'));
  await Promise.all([settled(grid.port, 2), settled(grid.port + 1, 2)]);
  const clients = await Promise.all(
    [grid.port, grid.port + 1].map((port) => connect({ url: `ws://127.0.0.1:${port}/v1`, timeoutMs: 30_000 })),
  );
  cleanUps.push(() => Promise.all(clients.map((client) => client.close())));
  for (const [i, region] of REGIONS.entries()) {
    for (const sku of SKUS) {
      await clients[i]?.adjust({ sku, region, node: 'n1', onHand: UNITS, reason: 'test' });
    }
  }

  const told: Told[] = [];
  const order = async (n: number): Promise<void> => {
    const home = clients[n % 2] as HoldfastClient;
    const one: Told = { orderId: `o-${n}`, home, lines: [], state: 'REFUSED' };
    told.push(one);
    const lines = SKUS.slice(0, 1 + Math.floor(draw() * 3)).map((sku, i) => ({
      lineId: `${i}`,
      sku,
      qty: 1 + Math.floor(draw() * 2),
      region: REGIONS[Math.floor(draw() * 2)] as string,
    }));
    const dice = draw();
    try {
      one.lines = (await home.reserveOrder({ orderId: one.orderId, lines, policy: 'all', ttlMs: TTL_MS })).lines;
      one.state = 'LEFT';
      if (dice < 0.6) one.state = (await home.commitOrder({ orderId: one.orderId })).state;
      else if (dice < 0.8) one.state = (await home.releaseOrder({ orderId: one.orderId })).state;
    } catch (error) {
      // It came too late, or there was no stock.
      expect(['RESERVATION_ENDED', 'INSUFFICIENT_STOCK'], `seed ${seed}`).toContain(codeOf(error));
      if (one.state === 'LEFT') one.state = 'RELEASED';
    }
  };
  const under = Array.from({ length: ORDERS }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 60));
    await order(n);
  });
  // In the middle of orders: while they are being asked for, once in a while.
  for (const port of [grid.port, grid.port + 1, grid.port]) {
    await new Promise((resolve) => setTimeout(resolve, 900));
    const workers = (await regionAt(port))?.workers ?? [];
    const victim = workers[Math.floor(draw() * workers.length)];
    if (victim !== undefined) process.kill(victim.pid, 'SIGKILL');
  }
  await Promise.all(under);
  expect(told.filter(({ state }) => state === 'COMMITTED').length, `seed ${seed}`).toBeGreaterThan(5);

  // Whatever was left, was given up by itself.
  const positions = await until(
    'no stock is held',
    async () => {
      const found = await Promise.all(
        REGIONS.flatMap((region, i) => SKUS.map((sku) => (clients[i] as HoldfastClient).get({ sku, region }))),
      ).catch(() => undefined);
      return found?.every(({ reserved }) => reserved === 0) ? found : undefined;
    },
    60_000,
  );
  const committed = new Map<string, number>();
  for (const { lines, state, orderId, home } of told) {
    for (const line of lines) {
      if (!line.ok) continue;
      for (const { reservationId, qty, sku, region } of line.reservations) {
        const seen = await home.getReservation({ reservationId });
        expect([orderId, state, seen.state === 'COMMITTED'], `seed ${seed}`).toEqual([
          orderId,
          state,
          state === 'COMMITTED',
        ]);
        if (state === 'COMMITTED') committed.set(`${region}/${sku}`, (committed.get(`${region}/${sku}`) ?? 0) + qty);
      }
    }
  }
  for (const { sku, region, allocated, onHand } of positions) {
    expect([sku, region, onHand, allocated]).toEqual([sku, region, UNITS, committed.get(`${region}/${sku}`) ?? 0]);
  }
});
