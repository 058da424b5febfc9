// Two regions as a user runs them, each on two worker processes: requests for the other region, and what is left of it
// when it is gone.
import { afterEach, describe, expect, it } from 'vitest';
import { startBothRegions } from './support/cli.ts';
import { type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { connectWire, type Json, type WireClient } from './support/wire.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function tracked(grid: RunningGrid): RunningGrid {
  cleanUps.push(async () => {
    if (grid.process.exitCode === null && grid.process.signalCode === null) await grid.end('SIGKILL');
  });
  return grid;
}

async function dataDir(): Promise<string> {
  const directory = await temporaryDirectory();
  cleanUps.push(directory.remove);
  return directory.path;
}

async function client(port: number): Promise<WireClient> {
  const wire = await connectWire(`ws://127.0.0.1:${port}/v1`);
  cleanUps.push(() => wire.close());
  return wire;
}

const POSITION = { sku: 'sku-1', region: 'us-east' };
const stock = (delta: number, requestId: string): Json => ({
  op: 'adjust',
  ...POSITION,
  node: 'n1',
  delta,
  reason: 'test',
  requestId,
});
const reserve = (requestId: string): Json => ({ op: 'reserve', ...POSITION, qty: 1, requestId });

describe('two regions of one grid', () => {
  it('given a start with two workers each, when stock of the other region is reserved through this one, then it counts once', async () => {
    const grid = tracked(await startBothRegions(await dataDir(), '--workers', '2'));
    const eu = await client(grid.port);
    const us = await client(grid.port + 1);

    expect(await eu.call(stock(10, 'stock'))).toMatchObject({ ok: true, onHand: 10 });
    const replies = await Promise.all([1, 2, 3, 3, 3].map((n) => eu.call(reserve(`r-${n}`))));

    expect(replies.every(({ ok }) => ok === true)).toBe(true);
    expect(new Set(replies.map(({ reservationId }) => reservationId)).size).toBe(3);
    expect(await us.call({ op: 'get', ...POSITION })).toMatchObject({ reserved: 3, availableToSell: 7 });
    const [{ reservationId }] = replies as [Json];
    expect(await eu.call({ op: 'commit', reservationId, requestId: 'c-1' })).toMatchObject({ state: 'COMMITTED' });
    expect(await us.call({ op: 'get', ...POSITION })).toMatchObject({ reserved: 2, allocated: 1 });
    expect(await eu.call({ ...reserve('r-9'), region: 'moon' })).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('eu-west, us-east'),
    });
  });
});
