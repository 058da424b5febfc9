// Pooled stock over two regions as real processes: all of it is sold, from both sides, and not one unit more (I14).
import { afterEach, describe, expect, it } from 'vitest';
import { holdfast, startBothRegions } from './support/cli.ts';
import { type RunningGrid, temporaryDirectory } from './support/grid.ts';
import { until } from './support/region.ts';
import { connectWire, type Json, type WireClient } from './support/wire.ts';

const SKU = 'pooled-lamp';
const REGIONS = ['eu-west', 'us-east'] as const;
const UNITS = 40;
const wireAt = (port: number): string => `ws://127.0.0.1:${port}/v1`;

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function given(): Promise<{ grid: RunningGrid; clients: readonly [WireClient, WireClient] }> {
  const directory = await temporaryDirectory();
  cleanUps.push(directory.remove);
  const grid = await startBothRegions(directory.path, '--workers', '2');
  cleanUps.push(() => grid.end('SIGTERM'));
  const clients = [await connectWire(wireAt(grid.port)), await connectWire(wireAt(grid.port + 1))] as const;
  for (const client of clients) cleanUps.push(async () => client.close());
  for (const [index, region] of REGIONS.entries()) {
    const made = await clients[index]?.call({
      op: 'pool',
      sku: SKU,
      region,
      regions: REGIONS,
      requestId: `pool-${region}`,
    });
    expect(made).toMatchObject({ ok: true });
  }
  return { grid, clients };
}

describe('one stock that two regions sell', () => {
  it('given all of it minted in one region, when buyers come in both, then all is sold and not one unit more', async () => {
    const { grid, clients } = await given();
    const [eu, us] = clients;
    const mint = {
      op: 'adjust',
      sku: SKU,
      region: 'eu-west',
      node: 'pool',
      delta: UNITS,
      reason: 'receipt',
      requestId: 'mint',
    };
    expect(await eu.call(mint)).toMatchObject({ ok: true });

    let sold = 0;
    let asked = 0;
    const buy = async (client: WireClient, region: string): Promise<void> => {
      asked += 1;
      const answer: Json = await client.call({ op: 'reserve', sku: SKU, region, qty: 1, requestId: `buy-${asked}` });
      if (answer['ok'] === true) sold += 1;
      else expect(answer).toMatchObject({ code: 'INSUFFICIENT_STOCK' });
    };
    await until('all units are sold', async () => {
      await Promise.all([buy(eu, 'eu-west'), buy(us, 'us-east')]);
      return sold >= UNITS ? true : undefined;
    });
    for (let n = 0; n < 20; n++) await Promise.all([buy(eu, 'eu-west'), buy(us, 'us-east')]);

    expect(sold).toBe(UNITS);
    const shown = await Promise.all(
      REGIONS.map((region, index) => clients[index]?.call({ op: 'get', sku: SKU, region })),
    );
    const reserved = shown.map((position) => Number(position?.['reserved']));
    expect(reserved.reduce((sum, units) => sum + units, 0)).toBe(UNITS);
    // The second region had none of its own: what it sold has moved there.
    expect(reserved[1]).toBeGreaterThan(0);
    const status = await holdfast('status', '--port', String(grid.port), '--pool', SKU);
    expect(status.code).toBe(0);
    expect(status.stdout).toMatch(/us-east/);
    const one = await holdfast('status', '--url', String(grid.port), '--pool', SKU);
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/us-east +\? .*not asked; eu-west heard of/) });
  });
});
