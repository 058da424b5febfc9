// Two regions as a user runs them, each on two worker processes: requests for the other region, and what is left of it
// when it is gone.
import { afterEach, describe, expect, it } from 'vitest';
import { holdfast, startBothRegions } from './support/cli.ts';
import { freePort, type RunningGrid, startGrid, temporaryDirectory } from './support/grid.ts';
import { settled } from './support/region.ts';
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

/** Polls, as there is nobody to tell: the processes are on their own. */
async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 20_000): Promise<T> {
  for (const end = performance.now() + withinMs; ; ) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
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

/** Two regions of two workers each, every one a process of its own, so that a region can be killed whole. */
async function fourWorkers() {
  const directory = await dataDir();
  process.env['HOLDFAST_MESH_SECRET'] = 'a secret of the test';
  const address = (region: string, id: string): string => `unix:${directory}/${region}-${id}.sock`;
  const start = async (region: string, id: string): Promise<RunningGrid> => {
    const port = await freePort();
    const other = region === 'eu-west' ? 'us-east' : 'eu-west';
    const args = ['serve', '--region', region, '--id', id, '--port', String(port), '--data-dir', directory];
    const meshes = ['--mesh', address(`in-${region}`, id), '--regions-mesh', address(region, id)];
    const peers = ['w1', 'w2'].flatMap((peer) => ['--region-peer', `${other}=${address(other, peer)}`]);
    return tracked(await startGrid([...args, ...meshes, ...peers], port));
  };
  const region = async (name: string): Promise<RunningGrid[]> => {
    const first = await start(name, 'w1');
    return [first, await start(name, 'w2')];
  };
  const [eu, us] = await Promise.all([region('eu-west'), region('us-east')]);
  return { eu, us, startAgain: () => region('us-east') };
}

function get(port: number): Promise<Json> {
  return fetch(`http://127.0.0.1:${port}/v1/positions/sku-1/us-east`).then((response) =>
    response.json(),
  ) as Promise<Json>;
}

/** How old what the worker there knows of us-east is at most, ms. */
async function stalenessAt(port: number): Promise<number> {
  const status = (await (await fetch(`http://127.0.0.1:${port}/v1/status`)).json()) as {
    region: { others: { region: string; stalenessMs: number }[] };
  };
  return status.region.others.find(({ region }) => region === 'us-east')?.stalenessMs ?? Number.POSITIVE_INFINITY;
}

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

  it('given stock of the other region, then it is shown, over HTTP with its age, and to subscribers, and follows each change', async () => {
    const grid = tracked(await startBothRegions(await dataDir(), '--workers', '2'));
    // A partition that still moves changes its epoch.
    await settled(grid.port + 1, 2);
    const eu = await client(grid.port);
    const us = await client(grid.port + 1);
    await us.call(stock(10, 'stock'));
    const heard = await until('the stock is shown with its age', async () => {
      const shown = await get(grid.port);
      return shown['onHand'] === 10 ? shown : undefined;
    });
    expect(heard).toMatchObject({ region: 'us-east', ageMs: expect.any(Number) });
    const { ageMs: _, ok: __, ...shown } = heard;
    expect(await us.call({ op: 'get', ...POSITION })).toMatchObject(shown);

    expect(await eu.call({ op: 'subscribe', ...POSITION })).toMatchObject({ ok: true, subscriptions: 1 });
    for (let n = 1; n <= 30; n++) await us.call(reserve(`r-${n % 10}-${n}`));
    await until('the last change is pushed', async () =>
      eu.pushes.at(-1)?.['availableToSell'] === 0 ? true : undefined,
    );
    const seqs = eu.pushes.map(({ version }) => (version as { seq: number }).seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(eu.pushes.every(({ region }) => region === 'us-east')).toBe(true);
    await until('it is shown by whichever worker answers', async () =>
      (await get(grid.port))['reserved'] === 10 ? true : undefined,
    );

    const text = await (await fetch(`http://127.0.0.1:${grid.port}/metrics`)).text();
    const staleness = Number(/^holdfast_gossip_staleness_seconds\{region="us-east"\} (\S+)$/m.exec(text)?.[1]);
    expect(staleness).toBeGreaterThan(0);
    expect(staleness).toBeLessThan(2);
    const { code, stdout } = await holdfast('status', '--port', String(grid.port));
    expect(code).toBe(0);
    expect(stdout).toMatch(/seen from\s+region\s+workers\s+reachable\s+staleness/);
    expect(stdout).toMatch(/eu-west\s+us-east\s+2\s+2\s/);
  });

  it('given a region of which all workers are killed, then it is shown as it was, with a growing age, takes nothing, and heals once it is back', async () => {
    const { eu, us, startAgain } = await fourWorkers();
    const [a, b] = eu.map(({ port }) => port) as [number, number];
    const wire = await client(a);
    await wire.call(stock(10, 'stock'));
    await wire.call(reserve('r-1'));
    // What was so by then each has heard itself, and does not have to ask for.
    const reservedAt = performance.now();
    const isHeard = async (port: number): Promise<true | undefined> => {
      const since = performance.now() - reservedAt;
      return (await stalenessAt(port)) < since ? true : undefined;
    };
    for (const port of [a, b]) await until('both workers have heard of it', () => isHeard(port));

    for (const { process: worker } of us) worker.kill('SIGKILL');
    await until('it is noticed', async () => (Number((await get(a))['ageMs']) > 1_500 ? true : undefined));
    for (const port of [a, b]) {
      const first = await get(port);
      expect(first).toMatchObject({ ok: true, onHand: 10, reserved: 1 });
      await until('it grows older', async () => {
        return Number((await get(port))['ageMs']) > Number(first['ageMs']) + 300 ? true : undefined;
      });
    }
    const refused = await wire.call(reserve('r-2'));
    expect(refused).toMatchObject({ ok: false, code: 'UNAVAILABLE', retriable: true });
    expect(refused['message']).toContain('us-east');
    expect(await wire.call({ ...stock(1, 'own'), region: 'eu-west' })).toMatchObject({ ok: true });

    await startAgain();
    await until('it takes requests again', async () =>
      (await wire.call(reserve('r-2')))['ok'] === true ? true : undefined,
    );
    const isHealed = async (port: number): Promise<true | undefined> => {
      const { reserved, ageMs } = await get(port);
      return reserved === 2 && Number(ageMs) < 1_000 ? true : undefined;
    };
    for (const port of [a, b]) await until('both workers are up to date', () => isHealed(port));
  }, 120_000);
});
