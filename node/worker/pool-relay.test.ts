// Rows about pooled stock between the workers of two regions: to whoever serves the sku, one hop at most, and none that
// somebody else's name is on.
import { describe, expect, it } from 'vitest';
import { encodeRows, type PoolRow } from '../../cluster/escrow/index.ts';
import { MESH_KIND } from '../../cluster/mesh/port.ts';
import { MemoryNetwork } from '../../cluster/mesh/testing/memory-mesh.ts';
import type { GetReply, ItemRequest, Outcome } from '../../protocol/index.ts';
import { parseRequest } from '../../protocol/parse.ts';
import { partitionOf } from '../core/index.ts';
import { MemoryMedium, MemoryStore } from '../journal/memory/store.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { ManualRuntime } from '../shell/testing/harness.ts';
import type { PoolLink } from './pool-link.ts';
import { PoolRelay } from './pool-relay.ts';
import { RegionWorker } from './region-worker.ts';

const PARTITIONS = 16;

/** Links between the workers of all regions: a message goes to one worker of the region, in turn. */
class Wires {
  readonly #runtime: ManualRuntime;
  readonly #workers = new Map<string, ((from: string, rows: Uint8Array) => void)[]>();
  #turn = 0;
  isCut = false;
  readonly sent: { from: string; to: string; rows: Uint8Array }[] = [];

  constructor(runtime: ManualRuntime) {
    this.#runtime = runtime;
  }

  join(region: string): PoolLink {
    return {
      send: (to, rows) => {
        this.sent.push({ from: region, to, rows });
        this.#runtime.after(20, () => this.deliver(region, to, rows));
      },
      onRows: (handler) => {
        this.#workers.set(region, [...(this.#workers.get(region) ?? []), handler]);
      },
    };
  }

  deliver(from: string, to: string, rows: Uint8Array): void {
    if (this.isCut) return;
    const workers = this.#workers.get(to) ?? [];
    this.#turn += 1;
    workers[this.#turn % workers.length]?.(from, rows);
  }
}

function row(fields: Partial<PoolRow>): PoolRow {
  const numbers = {
    given: 0,
    seen: 0,
    rights: 0,
    weight: 8,
    epoch: 1,
    seq: 1,
    askNo: 0,
    answerNo: 0,
    want: 0,
    need: 0,
  };
  return { sku: 'a', from: 'us', to: 'eu', ...numbers, ...fields };
}

describe('rows that arrive', () => {
  const here = partitionOf('a', PARTITIONS);

  function relays() {
    const runtime = new ManualRuntime();
    const wires = new Wires(runtime);
    const network = new MemoryNetwork(runtime);
    const taken: string[] = [];
    const counted: string[] = [];
    const relay = (address: string, whereIs: (partition: number) => string | undefined): PoolRelay =>
      new PoolRelay({
        region: 'eu',
        partitions: PARTITIONS,
        mesh: network.join(address),
        link: wires.join('eu'),
        whereIs: (partition) => {
          const place = whereIs(partition);
          return place === address ? { poolRow: ({ sku }) => void taken.push(`${address} ${sku}`) } : place;
        },
        notServed: (result, rows) => void counted.push(`${address} ${result} ${rows}`),
      });
    const arrive = async (rows: readonly PoolRow[], from = 'us'): Promise<void> => {
      wires.deliver(from, 'eu', encodeRows(rows));
      await runtime.settle();
    };
    return { runtime, wires, network, relay, taken, counted, arrive };
  }

  it('given a sku of another worker, then its row goes on there, and rows of own skus stay', async () => {
    const { relay, taken, counted, arrive, network } = relays();
    relay('w1', (partition) => (partition === here ? 'w1' : 'w2'));
    network.join('w2').handle(MESH_KIND.escrow, (body) => void taken.push(`w2 ${body.length}`));
    await arrive([row({}), row({ sku: 'b' })]);
    expect(taken).toEqual(['w1 a', `w2 ${encodeRows([row({ sku: 'b' })]).length}`]);
    expect(counted).toEqual(['w1 passed 1']);
  });

  it('given two workers that each take the other for its server, then the row is dropped after one hop', async () => {
    const { relay, taken, counted, arrive } = relays();
    relay('w1', () => 'w2');
    relay('w2', () => 'w1');
    await arrive([row({})]);
    expect(taken).toEqual([]);
    expect(counted.sort()).toEqual(['w1 dropped 1', 'w2 passed 1']);
  });

  it('given a row under another name, or for another region, or of a sku nobody serves, then it is dropped', async () => {
    const { relay, taken, counted, arrive } = relays();
    relay('w1', (partition) => (partition === here ? 'w1' : undefined));
    await arrive([row({ from: 'za' }), row({ to: 'ap' }), row({ sku: 'b' })]);
    expect(taken).toEqual([]);
    expect(counted).toEqual(['w1 dropped 3']);
  });

  it('given bytes that are no message, then nothing happens', async () => {
    const { relay, taken, counted, wires } = relays();
    relay('w1', () => 'w1');
    for (const noise of [[], [1], [9, 9, 9], [1, 255, 255]]) wires.deliver('us', 'eu', Uint8Array.from(noise));
    expect([...taken, ...counted]).toEqual([]);
  });

  it('given more rows for one region than a message takes, when sent, then there are several', async () => {
    const { relay, wires } = relays();
    relay('w1', () => 'w1').send([
      ...Array.from({ length: 600 }, (_, i) => row({ sku: `s${i}`, from: 'eu', to: 'us' })),
      row({ from: 'eu', to: 'za' }),
    ]);
    expect(wires.sent.map(({ to }) => to)).toEqual(['us', 'us', 'za']);
  });
});

describe('pooled stock over the workers of two regions', () => {
  async function start(world: { runtime: ManualRuntime; wires: Wires }, name: string, workers: number) {
    const { runtime, wires } = world;
    const medium = new MemoryMedium(() => runtime.ms);
    const network = new MemoryNetwork(runtime);
    let drawn = 0;
    const all: RegionWorker[] = [];
    const add = async (): Promise<RegionWorker> => {
      const id = `w${all.length + 1}`;
      const worker = new RegionWorker({
        id,
        region: name,
        partitions: PARTITIONS,
        store: new MemoryStore(medium),
        mesh: network.join(`${name}:${id}`),
        runtime,
        metrics: createMetrics(),
        server: 'holdfast/test',
        host: 'test',
        url: () => `ws://test/${id}`,
        ownerId: `${name}:${id}`,
        draw: () => `d${++drawn}`,
        log: () => {},
        poolLink: wires.join(name),
      });
      all.push(worker);
      let isOpen = false;
      const opening = worker.open(30_000).then(() => {
        isOpen = true;
      });
      for (let waited = 0; !isOpen && waited < 20_000; waited += 50) await runtime.advance(50);
      await opening;
      return worker;
    };
    for (let i = 0; i < workers; i++) await add();
    const call = async (wire: Record<string, unknown>, at = 0): Promise<Outcome> => {
      const { request } = parseRequest({ id: 1, region: name, ...wire });
      let outcome: Outcome | undefined;
      (all[at] as RegionWorker).grid.submit(request as ItemRequest, (given) => {
        outcome = given;
      });
      for (let waited = 0; outcome === undefined && waited < 10_000; waited += 10) await runtime.advance(10);
      if (outcome === undefined) throw new Error(`${JSON.stringify(wire)} was not answered`);
      return outcome;
    };
    const rights = async (sku: string): Promise<number> =>
      ((await call({ op: 'get', sku })) as GetReply).pool?.rights ?? 0;
    return { all, add, call, rights };
  }

  it('given pools all over the workers, when partitions move and rows come to any of them, then rights find their way', async () => {
    const runtime = new ManualRuntime();
    const wires = new Wires(runtime);
    const eu = await start({ runtime, wires }, 'eu', 2);
    const us = await start({ runtime, wires }, 'us', 1);
    const skus = Array.from({ length: 24 }, (_, i) => `sku-${i}`);
    for (const sku of skus) {
      for (const region of [eu, us]) await region.call({ op: 'pool', sku, regions: ['eu', 'us'], requestId: 'p' });
      await eu.call({ op: 'adjust', sku, node: 'pool', delta: 20, reason: 'test', requestId: 'm' });
    }
    await runtime.advance(5_000);
    for (const sku of skus) expect(await us.rights(sku)).toBeGreaterThan(0);

    await us.add();
    await runtime.advance(3_000);
    expect(us.all[1]?.report().lanes.some(({ open }) => open > 0)).toBe(true);
    for (const sku of skus) {
      const before = await us.rights(sku);
      expect(await eu.call({ op: 'transfer', sku, to: 'us', qty: 3, requestId: 't' }, 1)).toMatchObject({ ok: true });
      await runtime.advance(200);
      expect(await us.rights(sku)).toBe(before + 3);
      expect(await eu.rights(sku)).toBe(20 - before - 3);
    }
  }, 60_000);

  it('given transfers that did not arrive, when their partitions move, then who has them now says so again', async () => {
    const runtime = new ManualRuntime();
    const wires = new Wires(runtime);
    const eu = await start({ runtime, wires }, 'eu', 1);
    const us = await start({ runtime, wires }, 'us', 1);
    const skus = Array.from({ length: 24 }, (_, i) => `sku-${i}`);
    for (const sku of skus) {
      for (const region of [eu, us]) await region.call({ op: 'pool', sku, regions: ['eu', 'us'], requestId: 'p' });
      await eu.call({ op: 'adjust', sku, node: 'pool', delta: 20, reason: 'test', requestId: 'm' });
    }
    await runtime.advance(10_000);
    const before = new Map<string, number>();
    for (const sku of skus) before.set(sku, await us.rights(sku));
    wires.isCut = true;
    for (const sku of skus) await eu.call({ op: 'transfer', sku, to: 'us', qty: 3, requestId: 't' });
    await eu.add();
    await runtime.advance(3_000);
    wires.isCut = false;
    await runtime.advance(6_000);
    for (const sku of skus) expect(await us.rights(sku)).toBe((before.get(sku) ?? 0) + 3);
  }, 60_000);
});
