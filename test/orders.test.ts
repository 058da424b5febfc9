// Orders on real processes: a worker is killed while orders are captured and worked on. What was acknowledged is there once (I5), open tasks
// are offered again (I16), each order's journey is whole (I17), and the audit agrees.
import { afterEach, describe, expect, it } from 'vitest';
import { connect, type HoldfastClient } from '../protocol/client/index.ts';
import type { OrderDocument } from '../protocol/index.ts';
import { holdfast } from './support/cli.ts';
import { Counts } from './support/counts.ts';
import { freePort, type RunningGrid, startWorkerProcess, temporaryDirectory } from './support/grid.ts';
import { random, seedOf } from './support/random.ts';

const ORDERS = 120;
const KILLS = 3;
/** Captures on their way at a time. */
const CAPTURING = 4;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function documentOf(orderId: string, draw: () => number): OrderDocument {
  return {
    orderId,
    lines: Array.from({ length: 1 + Math.floor(draw() * 3) }, (_, n) => ({
      lineId: String(n),
      sku: `sku-${n}`,
      qty: 1,
    })),
    destination: { latitude: 52.1, longitude: 4.9, postalCode: '1011' },
  };
}

describe('orders on a worker that is killed', () => {
  it('given captures and tasks under way, when it is killed again and again, then nothing is lost or done twice', async () => {
    const draw = random(seedOf('HOLDFAST_ORDERS_SEED'));
    const dir = await temporaryDirectory();
    cleanups.push(dir.remove);
    const port = await freePort();
    const store = `lmdb:${dir.path}`;
    let grid: RunningGrid = await startWorkerProcess(store, port);
    cleanups.push(() => grid.end('SIGKILL'));
    const client: HoldfastClient = await connect({ url: grid.url, timeoutMs: 60_000 });
    cleanups.push(() => client.close({ drainMs: 0 }));

    const documents = Array.from({ length: ORDERS }, (_, n) => documentOf(`o-${n}`, draw));
    const captured = new Map<string, number>();
    const done = new Set<string>();
    const counts = new Counts();
    let isOver = false;
    /** Takes what there is, leaves some of it undone, and does the rest. */
    const consume = async (): Promise<void> => {
      while (!isOver) {
        const { tasks } = await client
          .takeTasks({ kinds: ['source'], limit: 8, leaseMs: 1_000, waitMs: 200 })
          .catch(() => ({ tasks: [] }));
        for (const { taskId, orderId } of tasks) {
          if (draw() < 0.3) continue;
          const command = { type: 'hold', holdType: 'test', reason: taskId };
          await client.advanceOrder({ orderId, command, requestId: `hold-${orderId}` });
          done.add(orderId);
          counts.reached('done', done.size);
        }
      }
    };
    const consuming = consume();
    const capture = async (of: number): Promise<void> => {
      for (let n = of; n < ORDERS; n += CAPTURING) {
        const { capturedAt } = await client.captureOrder({ order: documents[n] as OrderDocument });
        captured.set(`o-${n}`, capturedAt);
        counts.reached('captured', captured.size);
      }
    };
    const capturing = Promise.all(Array.from({ length: CAPTURING }, (_, of) => capture(of)));
    for (let kill = 1; kill <= KILLS; kill++) {
      await counts.until('captured', Math.floor((kill * ORDERS) / (KILLS + 1) + draw() * 10));
      await grid.end('SIGKILL');
      grid = await startWorkerProcess(store, port);
    }
    await capturing;
    await counts.until('done', ORDERS);
    isOver = true;
    await consuming;

    for (const order of documents) {
      const seen = await client.getOrder({ orderId: order.orderId, journey: true });
      expect(seen.order).toEqual(order);
      expect(seen.journey?.map(({ type, seq }) => [type, seq])).toEqual([
        ['captured', 1],
        ['held', 2],
      ]);
      expect(seen.journey?.[0]?.at).toBe(captured.get(order.orderId));
      for (const { cause, traceId } of seen.journey ?? []) expect([cause, traceId]).not.toContain('');
    }
    const again = await client.captureOrder({ order: documents[0] as OrderDocument });
    expect(again).toMatchObject({ replayed: true });
    const audit = await holdfast('audit', '--url', grid.url, '--store', store, '--json');
    expect(audit.code, audit.stdout + audit.stderr).toBe(0);
    expect(JSON.parse(audit.stdout)).toMatchObject({ ok: true, regions: [{ orders: ORDERS, comparedLive: ORDERS }] });
  });
});
