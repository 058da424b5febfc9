// Several workers of one region over one store: placed by the ring, taking over from each other, losing nothing.
import { describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../cluster/mesh/testing/memory-mesh.ts';
import type { AvailabilityPush, Durability, ItemRequest, Outcome } from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { MemoryMedium, MemoryStore } from '../journal/memory/store.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { get, ManualRuntime, REGION, reserve, stock } from '../shell/testing/harness.ts';
import { RegionMap } from './region-map.ts';
import { RegionWorker } from './region-worker.ts';

const PARTITIONS = 16;

interface TestWorker {
  readonly id: string;
  readonly worker: RegionWorker;
  readonly lines: string[];
  readonly failed: Error[];
  call(request: Record<string, unknown>): Promise<Outcome>;
  /** Submits; the outcome comes when it comes. */
  ask(request: Record<string, unknown>): { outcome: Outcome | undefined };
  open(): number;
}

class TestRegion {
  readonly runtime = new ManualRuntime();
  readonly medium = new MemoryMedium(() => this.runtime.ms);
  readonly network = new MemoryNetwork(this.runtime);
  readonly #url: string | undefined;
  #drawn = 0;
  #incarnations = 0;

  /** @param url of all workers, instead of one each */
  constructor(url?: string) {
    this.#url = url;
  }

  /** @param durability as its store would say it has */
  async start(id: string, durability: Durability = 'memory'): Promise<TestWorker> {
    this.#incarnations += 1;
    const address = `test:${id}.${this.#incarnations}`;
    const lines: string[] = [];
    const worker = new RegionWorker({
      id,
      region: REGION,
      partitions: PARTITIONS,
      store: Object.defineProperty(new MemoryStore(this.medium), 'durability', { value: durability }),
      mesh: this.network.join(address),
      runtime: this.runtime,
      metrics: createMetrics(),
      server: 'holdfast/test',
      host: 'test',
      url: () => this.#url ?? `ws://test/${id}`,
      ownerId: address,
      draw: () => `d${++this.#drawn}`,
      log: (line) => lines.push(line),
    });
    const failed: Error[] = [];
    void worker.failed.then((error) => failed.push(error));
    const opening = worker.open(30_000);
    let isOpen = false;
    opening.then(
      () => {
        isOpen = true;
      },
      () => {},
    );
    for (let waited = 0; !isOpen && waited < 20_000; waited += 50) await this.runtime.advance(50);
    await opening;
    const ask = (wire: Record<string, unknown>): { outcome: Outcome | undefined } => {
      const { request } = parseRequest({ id: 1, ...wire });
      if ('ok' in request) throw new Error(`${JSON.stringify(wire)}: ${request.message}`);
      const asked: { outcome: Outcome | undefined } = { outcome: undefined };
      worker.grid.submit(request as ItemRequest, (outcome) => {
        if (asked.outcome !== undefined) throw new Error('answered twice');
        asked.outcome = outcome;
      });
      return asked;
    };
    const call = async (wire: Record<string, unknown>): Promise<Outcome> => {
      const asked = ask(wire);
      for (let waited = 0; asked.outcome === undefined && waited < 10_000; waited += 10) await this.runtime.advance(10);
      if (asked.outcome === undefined) throw new Error(`${JSON.stringify(wire)} was not answered`);
      return asked.outcome;
    };
    const open = (): number => worker.report().lanes.reduce((sum, lane) => sum + lane.open, 0);
    return { id, worker, lines, failed, call, ask, open };
  }

  /** As a process that is killed: nothing of it is heard again, and its sessions are known to be dead. */
  async kill(worker: TestWorker): Promise<void> {
    const { mesh } = this.#member(worker);
    for (const { lane } of worker.worker.report().lanes) this.medium.endSession(REGION, lane);
    // The store refuses what it still sends: it is fenced by whoever takes its lanes.
    this.network.kill(mesh);
  }

  #member(worker: TestWorker) {
    const member = worker.worker.view().members.find(({ id }) => id === worker.id);
    if (member === undefined) throw new Error(`${worker.id} is no member`);
    return member;
  }

  async until(holds: () => boolean, withinMs = 10_000): Promise<void> {
    for (let waited = 0; !holds(); waited += 10) {
      if (waited > withinMs) throw new Error(`it did not come to that within ${withinMs} ms`);
      await this.runtime.advance(10);
    }
  }
}

const SKUS = Array.from({ length: 40 }, (_, n) => `sku-${n}`);

async function stocked(region: TestRegion, worker: TestWorker): Promise<void> {
  for (const sku of SKUS) expect(await worker.call(stock(sku, 10))).toMatchObject({ ok: true });
  void region;
}

describe('workers of one region', () => {
  it('given one worker, when a second and a third join, then each has its share and any of them answers for all', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    await stocked(region, first);

    const second = await region.start('w2');
    const third = await region.start('w3');
    const workers = [first, second, third];
    await region.until(() =>
      workers.every((worker) => worker.open() > 0 && worker.open() <= Math.ceil((1.05 * 16) / 3)),
    );

    expect(workers.reduce((sum, worker) => sum + worker.open(), 0)).toBe(PARTITIONS);
    for (const worker of workers) {
      for (const sku of SKUS) expect(await worker.call(get(sku))).toMatchObject({ ok: true, onHand: 10 });
    }
    const all = await second.call({ op: 'query', skus: [...SKUS, 'nope'] });
    expect((all as unknown as { positions: { sku: string }[] }).positions.map(({ sku }) => sku)).toEqual(SKUS);
    expect(all).toMatchObject({ unknown: [{ sku: 'nope', region: REGION }] });
    const listed: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = (await third.call({
        op: 'list',
        region: REGION,
        limit: 7,
        ...(after === undefined ? {} : { after }),
      })) as unknown as {
        positions: { sku: string }[];
        next?: string;
      };
      listed.push(...page.positions.map(({ sku }) => sku));
      after = page.next;
      if (after === undefined) break;
    }
    expect(listed.sort()).toEqual([...SKUS].sort());
  });

  it('given requests while partitions move, then none fails and none counts twice', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    await stocked(region, first);
    const asked: { outcome: Outcome | undefined }[] = [];
    const second = await region.start('w2');
    for (let round = 0; round < 4; round++) {
      for (const [n, sku] of SKUS.entries()) {
        const worker = (n + round) % 2 === 0 ? first : second;
        asked.push(worker.ask(reserve(sku, 1, `r-${round}-${sku}`)));
      }
      await region.runtime.advance(30);
    }
    await region.until(() => asked.every(({ outcome }) => outcome !== undefined) && second.open() > 6);

    expect(asked.filter(({ outcome }) => !outcome?.ok)).toEqual([]);
    for (const sku of SKUS) expect(await first.call(get(sku))).toMatchObject({ onHand: 10, reserved: 4 });
  });

  it('given three workers, when one is killed, then the others serve all it had, and its answers stand', async () => {
    const region = new TestRegion();
    const workers = [await region.start('w1'), await region.start('w2'), await region.start('w3')];
    await region.until(() => workers.every((worker) => worker.open() >= 4));
    const [first, second, third] = workers as [TestWorker, TestWorker, TestWorker];
    await stocked(region, second);
    const before = new Map<string, Outcome>();
    for (const sku of SKUS) before.set(sku, await third.call(reserve(sku, 4, `before-${sku}`)));

    await region.kill(first);
    const during = SKUS.map((sku) => second.ask(reserve(sku, 4, `during-${sku}`)));
    await region.until(() => during.every(({ outcome }) => outcome !== undefined));

    expect(during.filter(({ outcome }) => !outcome?.ok)).toEqual([]);
    for (const sku of SKUS) {
      expect(await third.call(reserve(sku, 4, `before-${sku}`))).toEqual({ ...before.get(sku), replayed: true });
      expect(await second.call(get(sku))).toMatchObject({ onHand: 10, reserved: 8 });
    }
    await region.until(() => second.open() + third.open() === PARTITIONS && second.worker.view().members.length === 2);
    await region.until(() => first.failed.length > 0);

    const again = await region.start('w1');
    await region.until(() => again.open() >= 4 && second.open() + third.open() + again.open() === PARTITIONS);
    for (const sku of SKUS) expect(await again.call(get(sku))).toMatchObject({ onHand: 10, reserved: 8 });
  });

  it('given two workers, when one is drained, then it has nothing left and has left the view, and no request failed', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    const second = await region.start('w2');
    await stocked(region, first);
    await region.until(() => second.open() > 6);

    let isDrained = false;
    const draining = first.worker.drain().then(() => {
      isDrained = true;
    });
    const asked = SKUS.map((sku) => first.ask(reserve(sku, 1, `drain-${sku}`)));
    await region.until(() => isDrained && asked.every(({ outcome }) => outcome !== undefined));
    await draining;

    expect(asked.filter(({ outcome }) => !outcome?.ok)).toEqual([]);
    expect(second.open()).toBe(PARTITIONS);
    await region.until(() => second.worker.view().members.every(({ id }) => id === 'w2'));
    // It runs on, and the other knows it as soon as it knows that it has left.
    expect(first.worker.report()).toMatchObject({ status: 'drained' });
    await region.runtime.advance(20);
    expect(second.worker.drained()).toEqual(['test:w1.1']);
    await region.runtime.advance(3_000);
    expect(second.worker.drained()).toEqual(['test:w1.1']);
    region.network.kill('test:w1.1');
    expect(second.worker.drained()).toEqual([]);
  });

  it('given a worker that was drained, when another joins after that, then it still passes requests on to whoever serves them', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    const second = await region.start('w2');
    await stocked(region, first);
    await region.until(() => second.open() > 6);
    let isDrained = false;
    void first.worker.drain().then(() => {
      isDrained = true;
    });
    await region.until(() => isDrained);

    const third = await region.start('w3');
    await region.until(() => third.open() > 6 && second.open() + third.open() === PARTITIONS);
    await region.runtime.advance(1_500);

    for (const sku of SKUS) expect(await first.call(reserve(sku, 1, `after-${sku}`))).toMatchObject({ ok: true });
  });

  it('given workers of different durability, then each names the weakest and warns once, until all have the same', async () => {
    const region = new TestRegion();
    const first = await region.start('w1', 'replicated');
    const warnings = (): number => first.lines.filter((line) => line.startsWith('WARNING')).length;
    expect(first.worker.grid.info().durability).toBe('replicated');

    const second = await region.start('w2', 'fsync');
    const third = await region.start('w3', 'fsync');
    await region.until(() => [first, second, third].every(({ worker }) => worker.grid.info().durability === 'fsync'));
    await region.runtime.advance(3_000);

    expect(first.worker.report().durability).toBe('replicated');
    expect(second.worker.report().durability).toBe('fsync');
    for (const { lines } of [first, second, third]) {
      const said = lines.filter((line) => line.startsWith('WARNING'));
      expect(said).toEqual([expect.stringMatching(/w1 replicated, w2 fsync.*promises the weakest, fsync/)]);
    }

    for (const worker of [second, third]) {
      await region.kill(worker);
      await region.until(() => first.worker.view().members.every(({ id }) => id !== worker.id));
      await region.start(worker.id, 'replicated');
    }
    await region.until(() => first.worker.grid.info().durability === 'replicated');
    expect(warnings()).toBe(1);
  });

  it('given a worker that the others do not accept, then it is not ready and says so, and is once one of them answers', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    expect(first.worker.grid.readiness().ready).toBe(true);
    const [there, back] = ['test:w2.2>test:w1.1', 'test:w1.1>test:w2.2'];
    region.network.cut.add(there).add(back);

    const second = await region.start('w2');
    await region.runtime.advance(3_000);
    expect(second.open()).toBe(0);
    expect(second.worker.grid.readiness()).toMatchObject({
      ready: false,
      reason: expect.stringMatching(/reaches no other worker/),
    });
    expect(first.worker.grid.readiness().ready).toBe(true);

    region.network.cut.delete(there);
    region.network.cut.delete(back);
    await region.until(() => second.worker.grid.readiness().ready);
  });

  it('given a worker that was drained, then it is ready as long as it reaches another', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    const second = await region.start('w2');
    let isDrained = false;
    void second.worker.drain().then(() => {
      isDrained = true;
    });
    await region.until(() => isDrained);
    await region.runtime.advance(3_000);
    expect(second.worker.grid.readiness().ready).toBe(true);

    await region.kill(first);
    expect(second.worker.grid.readiness().ready).toBe(false);
  });

  it('given a member of earlier software, when it writes the view without the durability, then that comes back', async () => {
    const region = new TestRegion();
    const first = await region.start('w1', 'fsync');
    const register = new MemoryStore(region.medium).register(REGION);
    const { version, value } = await register.read();
    const { members, ...view } = JSON.parse(value) as { members: object[]; version: number };
    const old = members.map((member) => ({ ...member, durability: undefined }));
    expect(await register.write(version, JSON.stringify({ ...view, version: view.version + 1, members: old }))).toBe(
      true,
    );

    const written = view.version + 1;
    await region.until(() => first.worker.view().version > written);
    expect(first.worker.view().members).toMatchObject([{ id: 'w1', durability: 'fsync' }]);
  });

  it('given a subscription at one worker, when the sku moves to another, then its changes still arrive, never backward', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    await stocked(region, first);
    const pushes: AvailabilityPush[] = [];
    for (const sku of SKUS) first.worker.grid.watch(sku, (push) => pushes.push(push));
    await region.runtime.advance(10);

    const second = await region.start('w2');
    await region.until(() => second.open() > 6);
    await region.runtime.advance(3_000);
    for (const sku of SKUS) await second.call(reserve(sku, 3, `w-${sku}`));
    await region.until(() =>
      SKUS.every((sku) => pushes.some((push) => push.sku === sku && push.availableToSell === 7)),
    );

    for (const sku of SKUS) {
      const versions = pushes.filter((push) => push.sku === sku).map(({ version }) => version);
      const sorted = [...versions].sort((a, b) => a.epoch - b.epoch || a.seq - b.seq);
      expect(versions).toEqual(sorted);
    }
  });

  it('given the map at one worker, when others join, are killed and come back, then it names who serves what, and tells of each change', async () => {
    const region = new TestRegion();
    const first = await region.start('w1');
    const map = new RegionMap({ worker: first.worker, id: 'w1', runtime: region.runtime });
    const views: number[] = [];
    map.onChange(() => views.push(map.map().view));
    /** By worker, as the map has it. */
    const served = (): Record<string, number> => {
      const { owners, workers } = map.map();
      const counts: Record<string, number> = {};
      for (const owner of owners) counts[workers[owner] ?? '-'] = (counts[workers[owner] ?? '-'] ?? 0) + 1;
      return counts;
    };
    const url = (id: string): string => `ws://test/${id}`;
    expect(served()).toEqual({ [url('w1')]: PARTITIONS });
    expect(map.map()).toMatchObject({ region: REGION, hash: 'fnv1a32-fmix32', self: 0 });
    expect(map.map()).toBe(map.map());

    const second = await region.start('w2');
    await region.until(() => served()[url('w2')] === second.open() && second.open() > 6);
    await region.runtime.advance(200);
    expect(served()).toEqual({ [url('w1')]: PARTITIONS - second.open(), [url('w2')]: second.open() });
    const told = views.length;
    await region.runtime.advance(5_000);
    expect(views).toHaveLength(told);

    await region.kill(second);
    await region.until(() => served()[url('w1')] === PARTITIONS && first.worker.view().members.length === 1);
    await region.runtime.advance(200);
    expect(map.map().workers).toEqual([url('w1')]);
    // Told a few times, not for each partition, and each time by another number.
    expect(views.length).toBeGreaterThan(told);
    expect(views.length).toBeLessThan(PARTITIONS);
    expect(new Set(views).size).toBe(views.length);
  });

  it('given a worker that listens on all networks, then the map names nobody who cannot be reached', async () => {
    const region = new TestRegion('ws://0.0.0.0:7400/v1');
    const first = await region.start('w1');
    const map = new RegionMap({ worker: first.worker, id: 'w1', runtime: region.runtime }).map();
    expect(map).toMatchObject({ workers: [], self: -1 });
    expect(new Set(map.owners)).toEqual(new Set([-1]));
  });
});
