// The wall clock of one of two workers jumps while reservations live: time does not jump with it (docs/adr/0009), so none
// ends early or late, no requestId is forgotten or called too old, and no epoch falls (I3, I8, I11).
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, type TestContext } from 'vitest';
import { connect } from '../../protocol/client/index.ts';
import { settled, until } from '../support/region.ts';
import { expectKept, SKUS, stock } from './support/buyers.ts';
import { expectSettled, lanesAt, PATIENCE_MS, Scene } from './support/scene.ts';

const SHORT_MS = 6_000;
/** What an expiry may be seen late: the turns of a busy machine. */
const LATE_MS = 2_000;
const SCARCE = Array.from({ length: 8 }, (_, n) => `scarce-${n}`);
const SCARCE_STOCK = 25;

const scene = new Scene();
afterEach(() => scene.end());

describe('the wall clock of a worker', () => {
  it(
    'given reservations at two workers, when that of one jumps an hour ahead and two back, then they end when they should, and what was answered stays so',
    async (context) => {
      const library = faketimeLibraryOr(context);
      const { env, jump } = await fakeClock(library);
      const redis = await scene.redis();
      const steady = await scene.worker(redis.url, 'w1');
      const jumping = await scene.worker(redis.url, 'w2', { env });
      await stock(steady.url);
      await stock(steady.url, SCARCE, SCARCE_STOCK);
      await settled(steady.url, 2);
      const epochs = await lanesAt(steady.url);
      const before = await connect({ url: jumping.url });
      scene.onEnd(() => before.close());
      const buyers = [scene.buyer(steady, 'steady'), scene.buyer(jumping, 'jumping')];
      const rush = [steady, jumping].map((each, n) => scene.buyer(each, `rush-${n}`, { skus: SCARCE, inFlight: 2 }));
      for (const buyer of buyers) await buyer.more(50);
      const short = await Promise.all(
        SKUS.map(async (sku) => {
          const askedAt = performance.now();
          const { reservationId } = await before.reserve({ sku, qty: 1, ttlMs: SHORT_MS });
          return { reservationId, askedAt, answeredAt: performance.now() };
        }),
      );

      for (const by of ['+3600', '-3600']) {
        jump(by);
        for (const buyer of buyers) await buyer.more(50);
        // Who connects now, and makes its requestIds by the clock that it is told, is as welcome as before.
        const client = await connect({ url: jumping.url });
        for (const sku of SKUS) {
          const { reservationId } = await client.reserve({ sku, qty: 1 });
          await client.release({ reservationId });
        }
        await client.close();
        const states = await Promise.all(short.map(({ reservationId }) => before.getReservation({ reservationId })));
        const tooEarly = performance.now() < Math.min(...short.map(({ askedAt }) => askedAt)) + SHORT_MS;
        if (tooEarly) expect(states.filter(({ state }) => state !== 'RESERVED')).toEqual([]);
      }
      await Promise.all(
        short.map(async ({ reservationId, askedAt, answeredAt }) => {
          const look = async () =>
            (await before.getReservation({ reservationId })).state === 'EXPIRED' ? performance.now() : undefined;
          const endedAt = await until(`${reservationId} to expire`, look);
          expect(endedAt - askedAt).toBeGreaterThanOrEqual(SHORT_MS);
          expect(endedAt - answeredAt).toBeLessThan(SHORT_MS + LATE_MS);
        }),
      );

      expect(await lanesAt(steady.url)).toEqual(epochs);
      await expectKept(jumping.url, buyers);
      await expectKept(steady.url, rush, SCARCE_STOCK);
      await expectSettled(redis.url, [steady, jumping]);
    },
    PATIENCE_MS,
  );

  it(
    'given what was just reserved and answered, when a worker whose clock is an hour ahead is started, then it says so and ends, and one whose clock is behind forgets nothing',
    async (context) => {
      const { env, jump } = await fakeClock(faketimeLibraryOr(context));
      const redis = await scene.redis();
      const first = await scene.worker(redis.url, 'w1', { env });
      await stock(first.url);
      const buyer = scene.buyer(first, 'b');
      await buyer.more(50);
      await buyer.stop();
      const [lane] = (await lanesAt(first.url)) as [{ lanes: [{ epoch: number }] }];
      await first.end('SIGKILL');

      jump('+3600');
      await expect(scene.worker(redis.url, 'w1', { env })).rejects.toThrow(/clock of this host is 3\d{3} s ahead/);
      jump('-3600');
      const behind = await scene.worker(redis.url, 'w1', { env });

      expect(behind.output()).toMatch(/clock of this host is 3\d{3} s behind/);
      await expectKept(behind.url, [buyer]);
      const [later] = (await lanesAt(behind.url)) as [{ lanes: [{ epoch: number }] }];
      expect(later.lanes[0].epoch).toBeGreaterThan(lane.lanes[0].epoch);
    },
    PATIENCE_MS,
  );
});

/** The environment of a process whose wall clock, and no other, is as far off as `jump` said last. */
async function fakeClock(library: string): Promise<{ env: Record<string, string>; jump: (by: string) => void }> {
  const clock = join(await scene.directory(), 'clock');
  const jump = (by: string): void => writeFileSync(clock, by);
  jump('+0');
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { env, jump };
}

function faketimeLibraryOr(context: TestContext): string {
  const library = faketimeLibrary();
  if (library !== undefined) return library;
  console.log('skipped: libfaketime is not installed');
  return context.skip('libfaketime is not installed');
}

/** Where packages put it; the command of the same name would fake the whole process from its start. */
function faketimeLibrary(): string | undefined {
  const roots = ['/usr/lib', '/usr/lib64', '/usr/local/lib'].filter((root) => existsSync(root));
  const folders = roots.flatMap((root) => [root, ...readdirSync(root).map((name) => join(root, name))]);
  return folders.map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1')).find((path) => existsSync(path));
}
