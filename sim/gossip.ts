// Measures gossip between many regions: the production replicas and rounds, over a simulated clock and links with a
// delay. Messages are really encoded and taken in; what costs no simulated time is the processor.
//   npm run sim:gossip -- [--regions 10] [--skus 100000] [--change 0.01] [--seconds 20] [--delay 80] [--bytes-per-second N]
import { parseArgs } from 'node:util';
import { chooseAsks, type Peer, Replica } from '../cluster/gossip/index.ts';
import { type Mesh, type MeshAnswer, MeshFailure, type MeshHandler, type MeshKind } from '../cluster/mesh/port.ts';
import { partitionOf } from '../node/core/index.ts';
import { Gossip } from '../node/regions/gossip.ts';
import { REGIONS_LIMITS } from '../node/regions/limits.ts';
import type { Runtime } from '../node/shell/runtime.ts';
import { Random } from './kernel/random.ts';
import { Scheduler } from './kernel/scheduler.ts';

const PARTITIONS = 128;
/** Of a register: a position with one node, as it is packed. */
const VALUE_BYTES = 40;
/** Changes are made so often, ms. */
const TICK_MS = 10;
/** The share of changes that are followed to every reader. */
const FOLLOWED = 0.02;
/** All registers are to be everywhere by then, before anything is measured, ms. */
const WARM_UP_MS_MAX = 600_000;
const SECOND_MS = 1_000;
const MIB = 1024 * 1024;

interface Options {
  readonly regions: number;
  readonly skus: number;
  readonly change: number;
  readonly seconds: number;
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

/** A change that is followed, and the readers that do not have it yet. */
interface Followed {
  readonly seq: number;
  readonly at: number;
  readonly missing: Set<number>;
}

/** Answers on one link in one second. */
class Traffic {
  readonly #bytes = new Map<string, number>();

  add(from: string, to: string, now: number, bytes: number): void {
    const key = `${from}>${to}@${Math.floor(now / SECOND_MS)}`;
    this.#bytes.set(key, (this.#bytes.get(key) ?? 0) + bytes);
  }

  clear(): void {
    this.#bytes.clear();
  }

  sums(): number[] {
    return [...this.#bytes.values()];
  }

  /** What each sender sent to all in each second. */
  perSender(): number[] {
    const sums = new Map<string, number>();
    for (const [key, bytes] of this.#bytes) {
      const of = `${key.slice(0, key.indexOf('>'))}${key.slice(key.indexOf('@'))}`;
      sums.set(of, (sums.get(of) ?? 0) + bytes);
    }
    return [...sums.values()];
  }
}

/** Links that carry everything after a delay. */
class Links {
  readonly #scheduler: Scheduler;
  readonly #delayMs: number;
  readonly #handlers = new Map<string, MeshHandler>();
  readonly traffic = new Traffic();

  constructor(scheduler: Scheduler, delayMs: number) {
    this.#scheduler = scheduler;
    this.#delayMs = delayMs;
  }

  mesh(address: string): Mesh {
    const scheduler = this.#scheduler;
    const later = (run: () => void): void => {
      scheduler.after(this.#delayMs, run);
    };
    const call = (to: string, kind: MeshKind, body: Uint8Array, timeoutMs: number, done: MeshAnswer): void => {
      let isDone = false;
      const finish = (answer: Uint8Array | MeshFailure): void => {
        if (!isDone) done(answer);
        isDone = true;
      };
      scheduler.after(timeoutMs, () => finish(new MeshFailure('timed out')));
      const sent = Uint8Array.from(body);
      later(() =>
        this.#handlers.get(`${to}/${kind}`)?.(
          sent,
          (answer) => {
            this.traffic.add(to, address, scheduler.now, answer.length);
            later(() => finish(answer));
          },
          address,
          timeoutMs,
        ),
      );
    };
    return {
      address,
      call,
      handle: (kind, handler) => void this.#handlers.set(`${address}/${kind}`, handler),
      notify: () => {},
      onDown: () => {},
      close: async () => {},
    };
  }
}

class World {
  readonly #options: Options;
  readonly #scheduler = new Scheduler(Number.POSITIVE_INFINITY);
  readonly #random = new Random('gossip');
  readonly #links: Links;
  readonly #names: readonly string[];
  readonly #skus: readonly string[];
  readonly #seqs: readonly Uint32Array[];
  readonly #replicas: Replica[] = [];
  readonly #followed = new Map<string, Followed[]>();
  readonly delaysMs: number[] = [];
  #isMeasuring = false;
  #changes = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#links = new Links(this.#scheduler, options.delayMs);
    this.#names = Array.from({ length: options.regions }, (_, n) => `region-${n}`);
    this.#skus = Array.from({ length: options.skus }, (_, n) => `SKU-${n}`);
    this.#seqs = this.#names.map(() => new Uint32Array(options.skus));
    for (const [index] of this.#names.entries()) this.#join(index);
  }

  #runtime(): Runtime {
    const scheduler = this.#scheduler;
    return {
      now: () => scheduler.now,
      monotonic: () => scheduler.now,
      defer: (run) => void scheduler.after(0, run),
      after: (ms, run) => scheduler.after(ms, run),
      heapUse: () => 0,
    };
  }

  #join(index: number): void {
    const region = this.#names[index] as string;
    const { bytesPerSecond } = this.#options;
    const limits = { ...REGIONS_LIMITS, gossipBytesPerSecond: bytesPerSecond };
    const replica = new Replica({ region, worker: 'w1', answerBytesMax: limits.gossipAnswerBytesMax, partitionOf });
    for (const name of this.#names) {
      const workers = [{ id: 'w1', address: name, url: '' }];
      replica.workers({ region: name, version: 1, partitions: PARTITIONS, workers });
    }
    for (let partition = 0; partition < PARTITIONS; partition++) replica.own(partition, 1);
    for (const [sku] of this.#skus.entries()) this.#publish(replica, index, sku);
    for (let partition = 0; partition < PARTITIONS; partition++) replica.complete(partition);
    this.#replicas.push(replica);
    const peers = this.#names
      .filter((name) => name !== region)
      .map((name): Peer => ({ address: name, region: name, isSilent: false }));
    const random = this.#random.fork(region);
    const gossip = new Gossip({
      mesh: this.#links.mesh(region),
      replica,
      runtime: this.#runtime(),
      limits,
      prepare: () => {},
      asks: () =>
        chooseAsks(
          peers,
          this.#names.filter((name) => name !== region),
          () => random.unit(),
        ),
      lagMs: () => 0,
      absorbed: (changes) => {
        for (const change of changes) this.#heard(index, change.region, change.sku);
      },
      asked: () => {},
      bytes: () => {},
    });
    this.#scheduler.after(random.between(0, limits.gossipRoundMs), () => gossip.start());
  }

  #publish(replica: Replica, region: number, sku: number): number {
    const seqs = this.#seqs[region] as Uint32Array;
    const seq = (seqs[sku] ?? 0) + 1;
    seqs[sku] = seq;
    const name = this.#skus[sku] as string;
    const value = Buffer.alloc(VALUE_BYTES, `${region}/${sku}/${seq} `);
    replica.publish(partitionOf(name, PARTITIONS), { sku: name, epoch: 1, seq, value });
    return seq;
  }

  readonly #change = (): void => {
    const { skus, change } = this.#options;
    this.#scheduler.after(TICK_MS, this.#change);
    for (const [index, replica] of this.#replicas.entries()) {
      const count = (skus * change * TICK_MS) / SECOND_MS;
      for (let n = 0; n < count; n++) {
        const sku = this.#random.int(0, skus - 1);
        const seq = this.#publish(replica, index, sku);
        this.#changes += 1;
        if (!this.#isMeasuring || this.#random.unit() >= FOLLOWED) continue;
        const missing = new Set(this.#names.keys());
        missing.delete(index);
        const key = `${index}/${sku}`;
        this.#followed.set(key, [...(this.#followed.get(key) ?? []), { seq, at: this.#scheduler.now, missing }]);
      }
    }
  };

  #heard(reader: number, region: string, sku: string): void {
    const key = `${region.slice('region-'.length)}/${sku.slice('SKU-'.length)}`;
    const followed = this.#followed.get(key);
    if (followed === undefined) return;
    const { now } = this.#scheduler;
    const seq = this.#replicas[reader]?.get(region, sku, now)?.seq ?? 0;
    for (const one of followed) {
      if (one.seq <= seq && one.missing.delete(reader)) this.delaysMs.push(now - one.at);
    }
    const left = followed.filter(({ missing }) => missing.size > 0);
    if (left.length === 0) this.#followed.delete(key);
    else this.#followed.set(key, left);
  }

  #staleness(): number {
    const { now } = this.#scheduler;
    return Math.max(...this.#replicas.flatMap((replica) => this.#names.map((name) => replica.staleness(name, now))));
  }

  /** Everything is told to all. Resolves with how long that took, simulated seconds. */
  async warmUp(): Promise<number> {
    const isWarm = (): boolean => this.#staleness() < Number.POSITIVE_INFINITY;
    for (let at = SECOND_MS; at <= WARM_UP_MS_MAX; at += SECOND_MS) {
      await this.#runTo(at);
      if (isWarm()) return at / SECOND_MS;
    }
    throw new Error(`not all is known everywhere after ${WARM_UP_MS_MAX / SECOND_MS} s`);
  }

  async measure(): Promise<{ staleness: number[]; changes: number; lost: number; links: number[]; senders: number[] }> {
    const { seconds } = this.#options;
    this.#change();
    await this.#runTo(this.#scheduler.now + 3 * SECOND_MS);
    this.#links.traffic.clear();
    this.#isMeasuring = true;
    this.#changes = 0;
    const staleness: number[] = [];
    for (let n = 0; n < seconds * 10; n++) {
      await this.#runTo(this.#scheduler.now + SECOND_MS / 10);
      staleness.push(this.#staleness());
    }
    const links = this.#links.traffic.sums();
    const senders = this.#links.traffic.perSender();
    const changes = this.#changes;
    this.#isMeasuring = false;
    await this.#runTo(this.#scheduler.now + 10 * SECOND_MS);
    const lost = [...this.#followed.values()].flat().reduce((sum, { missing }) => sum + missing.size, 0);
    return { staleness, changes, lost, links, senders };
  }

  async #runTo(at: number): Promise<void> {
    this.#scheduler.at(at, () => {});
    await this.#scheduler.run(() => this.#scheduler.now >= at);
  }

  registers(): number {
    return this.#replicas.reduce((sum, replica) => sum + replica.figures().registers, 0);
  }
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function spread(values: readonly number[], unit: (value: number) => string): string {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.99, 0.999, 1].map((q) => `p${q * 100} ${unit(quantile(sorted, q))}`).join(', ');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      regions: { type: 'string', default: '10' },
      skus: { type: 'string', default: '100000' },
      change: { type: 'string', default: '0.01' },
      seconds: { type: 'string', default: '20' },
      delay: { type: 'string', default: '80' },
      'bytes-per-second': { type: 'string', default: String(REGIONS_LIMITS.gossipBytesPerSecond) },
    },
  });
  const options: Options = {
    regions: Number(values.regions),
    skus: Number(values.skus),
    change: Number(values.change),
    seconds: Number(values.seconds),
    delayMs: Number(values.delay),
    bytesPerSecond: Number(values['bytes-per-second']),
  };
  const { regions, skus, change, seconds, delayMs, bytesPerSecond } = options;
  console.log(
    `${regions} regions × ${skus} SKUs, ${change * 100} % changing each second, ${delayMs} ms one way, ` +
      `at most ${(bytesPerSecond / MIB).toFixed(1)} MiB/s of answers a worker`,
  );
  const world = new World(options);
  const warm = await world.warmUp();
  console.log(`all of ${world.registers()} registers everywhere after ${warm} simulated seconds`);
  const cpuBefore = process.cpuUsage();
  const { staleness, changes, lost, links, senders } = await world.measure();
  const { user, system } = process.cpuUsage(cpuBefore);
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const mib = (value: number): string => `${(value / MIB).toFixed(2)} MiB/s`;
  console.log(
    `change until a reader has it: ${spread(world.delaysMs, ms)}; of ${world.delaysMs.length}, never: ${lost}`,
  );
  console.log(`staleness bound, of the worst region at the worst reader: ${spread(staleness, ms)}`);
  console.log(`bytes of answers on one link: ${spread(links, mib)}`);
  console.log(`bytes of answers of one worker: ${spread(senders, mib)}; cap ${mib(bytesPerSecond)}`);
  const cpu = (user + system) / 1e6;
  const each = ((cpu * 1e6) / (changes * (regions - 1))).toFixed(1);
  console.log(
    `processor: ${cpu.toFixed(1)} s for ${seconds} s and ${changes} changes, ${each} µs for each at each reader`,
  );
  console.log(
    `memory: ${Math.round(process.memoryUsage().rss / MIB)} MiB for all, ${Math.round(process.memoryUsage().rss / world.registers())} B a register`,
  );
}

await main();
