// Orders of several lines in two regions, each on two worker processes, that are killed at any moment between reserveOrder and commitOrder,
// one, two or all with their supervisor: then every order comes to one outcome on all its lines (I15), its journey is whole (I16, I17),
// no stock is left held, and the audit agrees. HOLDFAST_ORDER_KILLS=N kills more often than the test suite has time for.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { connect, type HoldfastClient, HoldfastError } from '../protocol/client/index.ts';
import type { OrderLineView } from '../protocol/index.ts';
import { freePortPair, holdfast, startBothRegionsAt } from './support/cli.ts';
import { Counts } from './support/counts.ts';
import { childrenOf, type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { expectWhole } from './support/journey.ts';
import { random, seedOf } from './support/random.ts';
import { settled, until } from './support/region.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const KILLS = Number(process.env['HOLDFAST_ORDER_KILLS'] ?? 2);
/** Answers to shops from one kill to the next: least and most. */
const [ANSWERS_MIN, ANSWERS_MAX] = [4, 24];
/** For all that is not killing, ms, and for a kill with what follows from it. */
const [PATIENCE_MS, PATIENCE_MS_PER_KILL] = [150_000, 6_000];
const SKUS = ['tea', 'pot', 'cup'] as const;
const REGIONS = ['eu-west', 'us-east'] as const;
/** Of each SKU in each region: towards the end some of it is sold out. */
const UNITS = 40 + 12 * KILLS;
const SHOPS = 8;
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

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** As when the machine loses its power. */
async function killAll(grid: RunningGrid): Promise<void> {
  const workers = childrenOf(grid);
  const ended = grid.end('SIGKILL');
  for (const pid of workers) kill(pid);
  await ended;
}

it(
  'given orders over two regions, when any of the processes are killed in the middle of them, then each ends alike on all its lines',
  async () => {
    const seed = seedOf('ORDER_LINES_SEED');
    const draw = random(seed);
    const directory = await temporaryDirectory();
    cleanUps.push(directory.remove);
    const port = await freePortPair();
    const start = (): Promise<RunningGrid> => startBothRegionsAt(port, directory.path, '--workers', '2');
    let grid = await start();
    let isWanted = true;
    /** Whatever has started it starts it again: once it is killed, or gives up on workers that die again and again. */
    const keepAlive = async (): Promise<void> => {
      await once(grid.process, 'exit');
      if (!isWanted) return;
      grid = await start();
      await keepAlive();
    };
    const kept = keepAlive();
    cleanUps.push(() => {
      isWanted = false;
      return killAll(grid);
    });
    await Promise.all([settled(port, 2), settled(port + 1, 2)]);
    const clients = await Promise.all(
      [port, port + 1].map((at) => connect({ url: `ws://127.0.0.1:${at}/v1`, timeoutMs: 60_000 })),
    );
    cleanUps.push(() => Promise.all(clients.map((client) => client.close())));
    for (const [i, region] of REGIONS.entries()) {
      for (const sku of SKUS) {
        await clients[i]?.adjust({ sku, region, node: 'n1', onHand: UNITS, reason: 'test' });
      }
    }

    const told: Told[] = [];
    const counts = new Counts();
    let answers = 0;
    const answered = <T>(answer: T): T => {
      counts.reached('answers', ++answers);
      return answer;
    };
    const order = async (): Promise<void> => {
      const home = clients[told.length % 2] as HoldfastClient;
      const one: Told = { orderId: `o-${told.length}`, home, lines: [], state: 'REFUSED' };
      told.push(one);
      const { orderId } = one;
      const lines = SKUS.slice(0, 1 + Math.floor(draw() * 3)).map((sku, i) => ({
        lineId: `${i}`,
        sku,
        qty: 1 + Math.floor(draw() * 2),
        region: REGIONS[Math.floor(draw() * 2)] as string,
      }));
      const dice = draw();
      try {
        one.lines = answered(await home.reserveOrder({ orderId, lines, policy: 'all', ttlMs: TTL_MS })).lines;
        one.state = 'LEFT';
        await sleep(draw() * 200);
        if (dice < 0.6) one.state = answered(await home.commitOrder({ orderId })).state;
        else if (dice < 0.8) one.state = answered(await home.releaseOrder({ orderId })).state;
      } catch (error) {
        // It came too late, or there was no stock.
        answered(error);
        expect(['RESERVATION_ENDED', 'INSUFFICIENT_STOCK'], `seed ${seed}`).toContain(codeOf(error));
        if (one.state === 'LEFT') one.state = 'RELEASED';
      }
    };
    let isOver = false;
    const shop = async (): Promise<void> => {
      while (!isOver) {
        await order();
        await sleep(draw() * 200);
      }
    };
    const shops = Promise.all(Array.from({ length: SHOPS }, shop));
    // Some have been committed by then, whatever becomes of the others.
    let answersAt = 2 * SHOPS;
    for (let n = 0; n < KILLS; n++) {
      answersAt += ANSWERS_MIN + Math.floor(draw() * (ANSWERS_MAX - ANSWERS_MIN));
      await Promise.race([counts.until('answers', answersAt), shops, kept]);
      const workers = childrenOf(grid);
      const dice = draw();
      if (n === 1 || dice < 0.15) {
        await killAll(grid);
      } else {
        for (let k = dice < 0.4 ? 2 : 1; k > 0; k--) {
          const [victim] = workers.splice(Math.floor(draw() * workers.length), 1);
          if (victim !== undefined) kill(victim);
        }
      }
    }
    isOver = true;
    await shops;
    const committedOrders = told.filter(({ state }) => state === 'COMMITTED').length;
    expect(committedOrders, `seed ${seed}`).toBeGreaterThan(0);

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
      const { journey = [] } = await home.getOrder({ orderId, journey: true });
      expectWhole(journey);
      expect(new Set(journey.map(({ traceId }) => traceId)).size, orderId).toBe(1);
    }
    for (const { sku, region, allocated, onHand } of positions) {
      expect([sku, region, onHand, allocated]).toEqual([sku, region, UNITS, committed.get(`${region}/${sku}`) ?? 0]);
    }
    const urls = [port, port + 1].flatMap((at) => ['--url', `http://127.0.0.1:${at}`]);
    const live = await holdfast('audit', ...urls, '--data-dir', directory.path, '--json');
    expect(live.code, live.stdout + live.stderr).toBe(0);
    isWanted = false;
    await killAll(grid);
    const offline = await holdfast('audit', '--offline', '--data-dir', directory.path, '--json');
    expect(offline.code, offline.stdout + offline.stderr).toBe(0);
    console.log(`${KILLS} kills, ${told.length} orders, ${committedOrders} committed: the audit agrees`);
  },
  PATIENCE_MS + KILLS * PATIENCE_MS_PER_KILL,
);
