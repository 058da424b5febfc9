// Journeys from a store: those of a grid that goes on working, as they are durable, over snapshots and the records behind them.
import { expect, test } from 'vitest';
import { orderCore } from '../../../orders/order/index.ts';
import { MemoryMedium, MemoryStore } from '../../journal/memory/store.ts';
import * as harness from '../../shell/testing/harness.ts';
import { openJourneys } from './journeys.ts';

const { REGION } = harness;

test('given orders before and behind a snapshot, then each has its journey where somebody decided; of no region none', async () => {
  const runtime = new harness.ManualRuntime();
  const medium = new MemoryMedium(() => runtime.ms);
  const grid = await harness.openGrid(medium, runtime, {}, undefined, { orderCore });
  const command = (orderId: string, data: object) =>
    grid.call({ op: 'advanceOrder', region: REGION, orderId, command: data, requestId: `${JSON.stringify(data)}` });
  for (const orderId of ['o1', 'o2']) {
    const lines = [{ lineId: '1', sku: 'tea', qty: 2 }];
    const order = { orderId, lines, destination: { latitude: 52.1, longitude: 4.9, postalCode: '1011' } };
    await grid.call({ op: 'captureOrder', region: REGION, order, requestId: `c-${orderId}` });
  }
  await command('o1', { type: 'raise', kind: 'cancelRequest', evidence: {} });
  for (let n = 0; n < 3; n++) {
    await runtime.advance(31_000);
    await command('o2', { type: 'hold', holdType: `h${n}`, reason: 'test' });
  }
  await command('o1', { type: 'settle', exceptionId: 'e1', action: 'cancel' });

  const journeys = await openJourneys(new MemoryStore(medium), REGION);
  const [first, second] = [...journeys.read()].sort((a, b) => b.length - a.length);

  expect(journeys.orders).toBe(2);
  expect(first?.map(({ type }) => type)).toEqual(['captured', 'exceptionOpened', 'exceptionDecided', 'linesCancelled']);
  expect(second).toEqual([]);
  await expect(openJourneys(new MemoryStore(medium), 'nowhere')).rejects.toMatchObject({ name: 'RegionUnknown' });
});
