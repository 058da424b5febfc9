// The audit of orders: rebuilt from both snapshots and compared with the live grid, event by event.
import { describe, expect, test } from 'vitest';
import { orderCore } from '../../../orders/order/index.ts';
import type { HoldfastClient } from '../../../protocol/client/index.ts';
import type { GetOrderReply } from '../../../protocol/index.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import * as harness from '../../shell/testing/harness.ts';
import { auditRegion } from './audit-region.ts';
import type { RegionReport } from './report.ts';

const { REGION } = harness;

async function given() {
  const runtime = new harness.ManualRuntime();
  const medium = new MemoryMedium(() => runtime.ms);
  const grid = await harness.openGrid(medium, runtime, {}, undefined, { orderCore });
  const capture = async (orderId: string): Promise<void> => {
    const lines = [{ lineId: '1', sku: 'tea', qty: 2 }];
    const order = { orderId, lines, destination: { latitude: 52.1, longitude: 4.9, postalCode: '1011' } };
    const reply = await grid.call({ op: 'captureOrder', region: REGION, order, requestId: `c-${orderId}` });
    expect(reply).toMatchObject({ ok: true });
  };
  const hold = (orderId: string, n: number): Promise<unknown> =>
    grid.call({
      op: 'advanceOrder',
      region: REGION,
      orderId,
      command: { type: 'hold', holdType: `h${n}`, reason: 'test' },
      requestId: `h-${orderId}-${n}`,
    });
  /** What the live grid says, altered on its way. */
  const clientOf = (alter: (reply: GetOrderReply) => GetOrderReply): HoldfastClient =>
    ({
      listAll: async function* () {},
      query: async () => ({ ok: true, positions: [], unknown: [] }),
      batch: (items: readonly Record<string, unknown>[]) =>
        Promise.all(items.map(async (item) => alter((await grid.call(item)) as GetOrderReply))),
    }) as unknown as HoldfastClient;
  const audit = (client?: HoldfastClient): Promise<RegionReport> =>
    auditRegion({ store: new MemoryStore(medium), storeName: 'memory:', region: REGION, client });
  return { runtime, medium, grid, capture, hold, clientOf, audit };
}

describe('the audit of orders', () => {
  test('given orders that change between snapshots, then they are whole and the live grid agrees', async () => {
    const { runtime, capture, hold, audit, clientOf } = await given();
    for (const id of ['o1', 'o2', 'o3']) await capture(id);
    for (let n = 0; n < 4; n++) {
      await runtime.advance(31_000);
      await hold('o1', n);
    }

    const report = await audit(clientOf((reply) => reply));

    expect(report.differences).toEqual([]);
    expect(report).toMatchObject({ ok: true, orders: 3, actors: 3, comparedLive: 3 });
    expect(report.snapshots).toHaveLength(2);
  });

  test('given a grid that shows another journey, or no such order, then each is named', async () => {
    const { capture, hold, audit, clientOf } = await given();
    await capture('o1');
    await hold('o1', 1);
    const client = clientOf((reply) => ({ ...reply, journey: reply.journey?.slice(0, 1) ?? [] }));

    const report = await audit(client);

    expect(report).toMatchObject({ ok: false, differencesTotal: 1 });
    expect(report.differences[0]).toMatchObject({ check: 'live grid (I6, I7)', sku: '\u001eo1', seq: 2 });
  });

  test('given a snapshot row of an order that its events do not make, then it is found', async () => {
    const { runtime, medium, capture, hold, audit } = await given();
    await capture('o1');
    await runtime.advance(31_000);
    await hold('o1', 1);
    await runtime.advance(31_000);
    const rows = medium.lanes.get(`${REGION}/0`)?.rows;
    const [older, newer] = [rows?.a, rows?.b].map((slot) => [...(slot?.values() ?? [])]);
    expect([older?.length, newer?.length]).toEqual([1, 1]);
    // The newest snapshot has the order as it was before.
    for (const [key, row] of rows?.b ?? []) rows?.b.set(key, { ...row, bytes: older?.[0]?.bytes ?? row.bytes });

    const report = await audit();

    expect(report.ok).toBe(false);
    expect(report.differences[0]).toMatchObject({ check: 'snapshots (I7)', sku: '\u001eo1' });
  });
});
