// A model of regions and their workers for the tests of gossip. It knows what every owner has made durable, without any
// gossip, and checks at each look that no worker shows less than it says. Workers crash and begin again with nothing,
// partitions are taken over a sku at a time, clocks have nothing in common, and messages are questions and answers that
// are lost, late, doubled and overtaken.
import { expect } from 'vitest';
import { chooseAsks, type RegionWorkers, Replica } from '../index.ts';

interface Version {
  readonly epoch: number;
  readonly seq: number;
}

interface Change extends Version {
  /** When it was durable, ms. */
  readonly at: number;
  readonly bytes: number;
}

interface Worker {
  readonly index: number;
  readonly region: string;
  readonly id: string;
  /** What its monotonic clock is ahead of the model's, ms. */
  readonly aheadMs: number;
  readonly skusMax: number | undefined;
  replica: Replica;
  /** Counts its lives: what was meant for an earlier one does not reach it. */
  life: number;
  /** What it showed in this life, by `region/sku`. */
  seen: Map<string, Version>;
}

interface Partition {
  readonly region: string;
  readonly number: number;
  readonly skus: readonly string[];
  owner: Worker | undefined;
  epoch: number;
  /** Those that its owner has yet to publish; undefined: it has said that it is complete. */
  untold: string[] | undefined;
}

interface Question {
  readonly from: Worker;
  readonly to: Worker;
  readonly life: number;
  readonly digest: Uint8Array;
  readonly askedAt: number;
}

interface Reply {
  readonly question: Question;
  readonly answer: Uint8Array;
}

export type Fate = 'once' | 'twice' | 'lost';

export interface GridOptions {
  /** Of each region. */
  readonly partitions: readonly number[];
  readonly workers: number;
  readonly skus: number;
  readonly answerBytesMax: number;
  /** The last worker of the last region keeps no more than these of all, and owns nothing. */
  readonly skusMaxOfOne?: number;
}

const ROUND_MS = 200;
const WAY_MS = 30;

export const partitionOf = (sku: string, partitions: number): number => Number(sku.slice(4)) % partitions;

export class Grid {
  now = 1_000;
  readonly #options: GridOptions;
  readonly #workers: Worker[] = [];
  readonly #partitions: Partition[] = [];
  readonly #skus: readonly string[];
  /** By `region/sku`, oldest first. */
  readonly #changes = new Map<string, Change[]>();
  #questions: Question[] = [];
  #replies: Reply[] = [];
  readonly #regions: readonly string[];

  constructor(options: GridOptions) {
    this.#options = options;
    this.#skus = Array.from({ length: options.skus }, (_, n) => `sku-${n}`);
    this.#regions = options.partitions.map((_, r) => `region-${r}`);
    const total = this.#regions.length * options.workers;
    for (const region of this.#regions) {
      for (let w = 0; w < options.workers; w++) {
        const index = this.#workers.length;
        const skusMax = index === total - 1 ? options.skusMaxOfOne : undefined;
        const worker = { index, region, id: `${region}.w${w}`, aheadMs: index * 7_777, skusMax, life: 0 };
        this.#workers.push({ ...worker, replica: this.#begin(region, worker.id, skusMax), seen: new Map() });
      }
    }
    for (const [r, count] of options.partitions.entries()) {
      for (let number = 0; number < count; number++) {
        const skus = this.#skus.filter((sku) => partitionOf(sku, count) === number);
        this.#partitions.push({
          region: this.#regions[r] as string,
          number,
          skus,
          owner: undefined,
          epoch: 0,
          untold: undefined,
        });
      }
    }
  }

  #begin(region: string, id: string, skusMax: number | undefined): Replica {
    const { answerBytesMax } = this.#options;
    const replica = new Replica({
      region,
      worker: id,
      answerBytesMax,
      partitionOf,
      ...(skusMax === undefined ? {} : { skusMax }),
    });
    replica.workers(this.#directory(region));
    return replica;
  }

  #directory(region: string): RegionWorkers {
    const { workers, partitions } = this.#options;
    const told = Array.from({ length: workers }, (_, w) => ({
      id: `${region}.w${w}`,
      address: `${region}.w${w}`,
      url: '',
    }));
    return { region, version: 1, partitions: partitions[this.#regions.indexOf(region)] as number, workers: told };
  }

  // What happens to owners.

  /** A partition gets an owner under a later epoch: which has published nothing of it yet. */
  take(p: number, w: number, later: number): void {
    const at = this.#partition(p);
    const candidates = this.#workers.filter(({ region, skusMax }) => region === at.region && skusMax === undefined);
    at.owner?.replica.disown(at.number);
    at.owner = candidates[w % candidates.length] as Worker;
    at.epoch += 1 + (later % 3);
    this.#own(at);
  }

  /** An owner is not certain of its lease, and says so; or is certain again, under the same epoch. */
  doubt(p: number): void {
    this.#partition(p).owner?.replica.disown(this.#partition(p).number);
  }

  resume(p: number): void {
    const at = this.#partition(p);
    if (at.owner !== undefined) this.#own(at);
  }

  #own(at: Partition): void {
    at.untold = [...at.skus];
    at.owner?.replica.own(at.number, at.epoch);
  }

  /** Some more of a partition that was taken are published; with the last of them it is complete. */
  tell(p: number, count: number): void {
    const at = this.#partition(p);
    for (let n = 0; n < count && at.untold !== undefined; n++) {
      const sku = at.untold.shift();
      if (sku !== undefined) this.#publish(at, sku);
      if (at.untold.length > 0) continue;
      at.owner?.replica.complete(at.number);
      at.untold = undefined;
    }
  }

  #publish(at: Partition, sku: string): void {
    const latest = this.#changes.get(`${at.region}/${sku}`)?.at(-1);
    if (latest === undefined) return;
    at.owner?.replica.publish(at.number, { sku, ...latest, value: bytesOf(at.region, sku, latest, latest.bytes) });
  }

  /** A sku's actor changes durably. Its owner publishes it, unless it is in doubt and will do so when it is not. */
  change(p: number, s: number, bytes: number): void {
    const at = this.#partition(p);
    const sku = at.skus[s % Math.max(1, at.skus.length)];
    if (at.owner === undefined || sku === undefined) return;
    const key = `${at.region}/${sku}`;
    const known = this.#changes.get(key) ?? [];
    const seq = (known.at(-1)?.seq ?? 0) + 1;
    this.#changes.set(key, [...known, { epoch: at.epoch, seq, at: this.now, bytes }]);
    this.#publish(at, sku);
  }

  /** A worker dies, and begins again with nothing. What it owned has no owner until it is taken. */
  crash(w: number): void {
    const worker = this.#worker(w);
    for (const at of this.#partitions) if (at.owner === worker) at.owner = undefined;
    worker.replica = this.#begin(worker.region, worker.id, worker.skusMax);
    worker.life += 1;
    worker.seen = new Map();
  }

  // What happens to messages.

  /** @param regions asked for, by the bits of a number; 0: all that the reader knows */
  ask(reader: number, peer: number, regions = 0): void {
    const from = this.#worker(reader);
    const to = this.#worker(peer);
    if (from === to) return;
    const some = this.#regions.filter((_, r) => regions & (1 << r));
    const digest = some.length === 0 ? from.replica.digest() : from.replica.digest(some);
    this.#questions.push({ from, to, life: from.life, digest, askedAt: this.now + from.aheadMs });
  }

  answer(n: number, fate: Fate): void {
    const question = this.#questions.at(n < 0 ? n : n % Math.max(1, this.#questions.length));
    if (question === undefined) return;
    if (fate !== 'twice') this.#questions = this.#questions.filter((other) => other !== question);
    if (fate === 'lost') return;
    const answer = question.to.replica.answer(question.digest, this.now + question.to.aheadMs);
    expect(answer.length).toBeLessThanOrEqual(this.#options.answerBytesMax);
    this.#replies.push({ question, answer });
  }

  deliver(n: number, fate: Fate): void {
    const reply = this.#replies.at(n < 0 ? n : n % Math.max(1, this.#replies.length));
    if (reply === undefined) return;
    if (fate !== 'twice') this.#replies = this.#replies.filter((other) => other !== reply);
    const { from, life, askedAt } = reply.question;
    if (fate === 'lost' || from.life !== life) return;
    const changed = from.replica.absorb(reply.answer, askedAt);
    for (const { region, sku } of changed) expect(from.replica.get(region, sku, this.now)).toBeDefined();
    this.#lookAt(from);
  }

  pass(ms: number): void {
    this.now += ms;
    for (const worker of this.#workers) this.#lookAt(worker);
  }

  // Healing.

  /** Owners finish what they began; those without one get one. */
  settle(): void {
    for (const [p, at] of this.#partitions.entries()) {
      if (at.owner === undefined) this.take(p, p, 0);
      else this.resume(p);
      this.tell(p, this.#skus.length + 1);
    }
  }

  /** A round as workers make it, in which nothing is lost. */
  round(random: () => number): void {
    for (const reader of this.#workers) {
      const peers = this.#workers.filter((peer) => peer !== reader);
      const known = reader.replica.directory().map(({ region }) => region);
      const asks = chooseAsks(
        peers.map(({ id, region }) => ({ address: id, region, isSilent: false })),
        known,
        random,
      );
      for (const { address, regions } of asks) {
        const to = peers.find(({ id }) => id === address) as Worker;
        const digest = reader.replica.digest(regions);
        this.#questions.push({ from: reader, to, life: reader.life, digest, askedAt: this.now + reader.aheadMs });
      }
    }
    this.now += WAY_MS;
    while (this.#questions.length > 0) this.answer(0, 'once');
    this.now += WAY_MS;
    while (this.#replies.length > 0) this.deliver(0, 'once');
    this.pass(ROUND_MS - 2 * WAY_MS);
  }

  /** Where some worker does not show what an owner has; undefined: all are even. */
  unevenness(): string | undefined {
    for (const worker of this.#workers) {
      if (worker.skusMax !== undefined) continue;
      for (const at of this.#partitions) {
        for (const sku of at.skus) {
          const latest = this.#changes.get(`${at.region}/${sku}`)?.at(-1);
          const known = worker.replica.get(at.region, sku, this.now);
          const what = `${worker.id} of ${sku} in ${at.region}`;
          if (known?.epoch !== latest?.epoch || known?.seq !== latest?.seq)
            return `${what}: ${known?.epoch}.${known?.seq}`;
          if (!worker.replica.covers(at.region, sku, this.now).complete) return `${what}: not complete`;
        }
      }
    }
    return undefined;
  }

  /** How old any worker says that any region is, at most, ms. */
  stalest(): number {
    const all = this.#workers.filter(({ skusMax }) => skusMax === undefined);
    return Math.max(
      ...all.flatMap(({ replica, aheadMs }) =>
        this.#regions.map((region) => replica.staleness(region, this.now + aheadMs)),
      ),
    );
  }

  #lookAt(worker: Worker): void {
    for (const at of this.#partitions) for (const sku of at.skus) this.#lookAtSku(worker, at.region, sku);
  }

  #lookAtSku(worker: Worker, region: string, sku: string): void {
    const { replica, seen } = worker;
    const now = this.now + worker.aheadMs;
    const key = `${region}/${sku}`;
    const what = `${worker.id} of ${key}`;
    const known = replica.get(region, sku, now);
    const before = seen.get(key);
    if (before !== undefined && (known === undefined || isBefore(known, before))) expect.fail(`${what} went backward`);
    const { ageMs, complete } = replica.covers(region, sku, now);
    const due = this.#changes.get(key)?.findLast(({ at }) => at < this.now - ageMs);
    // An age is of what is shown, and of what is not there where all is known.
    const isSaid = known !== undefined || complete;
    if (isSaid && due !== undefined && (known === undefined || isBefore(known, due)))
      expect.fail(
        `${what} is ${known?.epoch}.${known?.seq}, and ${due.epoch}.${due.seq} before the ${ageMs} ms it admits`,
      );
    if (known === undefined) return;
    const told = this.#changes.get(key)?.find(({ epoch, seq }) => epoch === known.epoch && seq === known.seq);
    if (told === undefined) expect.fail(`${what} is what nobody made it`);
    if (!bytesOf(region, sku, known, told.bytes).equals(known.value)) expect.fail(`${what} has another's value`);
    if (known.ageMs !== ageMs) expect.fail(`${what} has two ages`);
    seen.set(key, known);
  }

  #worker(n: number): Worker {
    return this.#workers[n % this.#workers.length] as Worker;
  }

  #partition(n: number): Partition {
    return this.#partitions[n % this.#partitions.length] as Partition;
  }
}

function isBefore(a: Version, b: Version): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq);
}

function bytesOf(region: string, sku: string, { epoch, seq }: Version, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${region}/${sku}@${epoch}.${seq} ÿ\0`, 'latin1');
}
