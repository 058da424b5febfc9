// I13: whatever becomes of messages and owners, no reader goes backward, none believes that it knows more than it does,
// and after the last change all know what the owners have.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadGossip, chooseAsks, type Peer, type RegionWorkers, Replica } from './index.ts';
import { decodeAnswer } from './messages.ts';

const PARTITIONS = 4;
const SKUS = Array.from({ length: 12 }, (_, n) => `sku-${n}`);
const partitionOf = (sku: string, partitions: number): number => Number(sku.slice(4)) % partitions;
const CAP = 1_500;

interface Version {
  readonly epoch: number;
  readonly seq: number;
}

interface Change extends Version {
  readonly at: number;
}

const isBefore = (a: Version, b: Version): boolean => a.epoch < b.epoch || (a.epoch === b.epoch && a.seq < b.seq);

/** Regions with two workers each; what the owners have is known here without any gossip. */
class World {
  now = 1_000;
  readonly workers: { readonly region: string; readonly id: string; readonly replica: Replica }[] = [];
  /** By `region/partition`. */
  readonly #owners = new Map<string, { worker: string; epoch: number }>();
  /** By `region/sku`, oldest first. */
  readonly changes = new Map<string, Change[]>();
  /** The latest that each worker was seen to know, by `worker/region/sku`. */
  readonly #seen = new Map<string, Version>();
  #inFlight: { readonly to: Replica; readonly answer: Uint8Array; readonly askedAt: number }[] = [];

  readonly regions: readonly string[];

  constructor(regions: readonly string[]) {
    this.regions = regions;
    const directories = regions.map((region): RegionWorkers => {
      const workers = ['a', 'b'].map((w) => ({ id: `${region}-${w}`, address: `tcp:${region}-${w}`, url: '' }));
      return { region, version: 1, partitions: PARTITIONS, workers };
    });
    for (const directory of directories) {
      for (const { id } of directory.workers) {
        const { region } = directory;
        const replica = new Replica({ region, worker: id, answerBytesMax: CAP, partitionOf });
        for (const known of directories) replica.workers(known);
        this.workers.push({ region, id, replica });
      }
      for (let partition = 0; partition < PARTITIONS; partition++) this.move(region(directory), partition, 0);
    }
  }

  #replica(id: string): Replica {
    return (this.workers.find((worker) => worker.id === id) as (typeof this.workers)[number]).replica;
  }

  /** The partition gets an owner, under a new epoch, that has all that was durable. */
  move(region: string, partition: number, to: number): void {
    const key = `${region}/${partition}`;
    const before = this.#owners.get(key);
    if (before !== undefined) this.#replica(before.worker).disown(partition);
    const owner = { worker: `${region}-${'ab'[to]}`, epoch: (before?.epoch ?? 0) + 1 };
    this.#owners.set(key, owner);
    const replica = this.#replica(owner.worker);
    replica.own(partition, owner.epoch);
    for (const sku of SKUS.filter((name) => partitionOf(name, PARTITIONS) === partition)) {
      const latest = this.changes.get(`${region}/${sku}`)?.at(-1);
      if (latest !== undefined) replica.publish(partition, { sku, ...latest, value: bytesOf(region, sku, latest) });
    }
    replica.complete(partition);
  }

  change(region: string, sku: string): void {
    const partition = partitionOf(sku, PARTITIONS);
    const { worker, epoch } = this.#owners.get(`${region}/${partition}`) as { worker: string; epoch: number };
    const key = `${region}/${sku}`;
    const known = this.changes.get(key) ?? [];
    const change = { epoch, seq: (known.at(-1)?.seq ?? 0) + 1, at: this.now };
    this.changes.set(key, [...known, change]);
    this.#replica(worker).publish(partition, { sku, ...change, value: bytesOf(region, sku, change) });
  }

  /** A worker asks another; the answer stays on the way. */
  ask(reader: number, peer: number, regions: readonly string[] = this.regions): void {
    const from = this.workers[reader % this.workers.length];
    const to = this.workers[peer % this.workers.length];
    if (from === undefined || to === undefined || from === to) return;
    const askedAt = this.now;
    const digest = from.replica.digest(regions);
    this.now += 7;
    const answer = to.replica.answer(digest, this.now);
    expect(answer.length).toBeLessThanOrEqual(CAP);
    this.#inFlight.push({ to: from.replica, answer, askedAt });
  }

  deliver(at: number, fate: 'once' | 'twice' | 'lost'): void {
    const index = this.#inFlight.length === 0 ? 0 : at % this.#inFlight.length;
    const message = this.#inFlight[index];
    if (message === undefined) return;
    if (fate !== 'twice') this.#inFlight.splice(index, 1);
    if (fate !== 'lost') message.to.absorb(message.answer, message.askedAt);
    this.look();
  }

  deliverAll(): void {
    while (this.#inFlight.length > 0) this.deliver(0, 'once');
  }

  /** Nobody went backward, and nobody is more certain than it may be. */
  look(): void {
    for (const { id, replica } of this.workers) {
      for (const region of this.regions) for (const sku of SKUS) this.#lookAt(id, replica, region, sku);
    }
  }

  #lookAt(id: string, replica: Replica, region: string, sku: string): void {
    const known = replica.get(region, sku, this.now);
    const key = `${id}/${region}/${sku}`;
    const before = this.#seen.get(key);
    if (before !== undefined && (known === undefined || isBefore(known, before))) expect.fail(`${key} went backward`);
    const { ageMs } = replica.covers(region, sku, this.now);
    const due = this.changes.get(`${region}/${sku}`)?.findLast(({ at }) => at <= this.now - ageMs);
    if (due !== undefined && (known === undefined || isBefore(known, due)))
      expect.fail(`${key} is older than ${ageMs} ms`);
    if (known === undefined) return;
    if (!bytesOf(region, sku, known).equals(known.value) || known.ageMs !== ageMs) expect.fail(`${key} is another's`);
    this.#seen.set(key, known);
  }

  /** Whether every worker knows what the owners have. */
  isEven(): boolean {
    return this.workers.every(({ replica }) =>
      this.regions.every((region) =>
        SKUS.every((sku) => {
          const latest = this.changes.get(`${region}/${sku}`)?.at(-1);
          const known = replica.get(region, sku, this.now);
          const { complete } = replica.covers(region, sku, this.now);
          return complete && known?.epoch === latest?.epoch && known?.seq === latest?.seq;
        }),
      ),
    );
  }
}

function region({ region: name }: RegionWorkers): string {
  return name;
}

function bytesOf(of: string, sku: string, { epoch, seq }: Version): Buffer {
  return Buffer.from(`${of} ${sku} ${epoch}.${seq} ÿ`, 'latin1');
}

type Step = (world: World) => void;

const step = (regions: number): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(fc.nat(regions - 1), fc.constantFrom(...SKUS)).map(
        ([r, sku]): Step =>
          (w) =>
            w.change(w.regions[r] as string, sku),
      ),
    },
    {
      weight: 6,
      arbitrary: fc.tuple(fc.nat(9), fc.nat(9)).map(
        ([a, b]): Step =>
          (w) =>
            w.ask(a, b),
      ),
    },
    {
      weight: 6,
      arbitrary: fc.tuple(fc.nat(9), fc.constantFrom('once', 'once', 'twice', 'lost')).map(
        ([n, fate]): Step =>
          (w) =>
            w.deliver(n, fate as 'once'),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(regions - 1), fc.nat(PARTITIONS - 1), fc.nat(1)).map(
        ([r, p, to]): Step =>
          (w) =>
            w.move(w.regions[r] as string, p, to),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 1, max: 500 }).map(
        (ms): Step =>
          (w) => {
            w.now += ms;
            w.look();
          },
      ),
    },
  );

describe('gossip between regions', () => {
  it('given any history of changes, moves and messages / when it goes on / then nobody goes backward or is too certain, and at the end all are even', () => {
    fc.assert(
      fc.property(fc.array(step(3), { maxLength: 100, size: 'max' }), (steps) => {
        const world = new World(['eu', 'us', 'ap']);
        for (const run of steps) run(world);
        world.deliverAll();
        let rounds = 0;
        for (; rounds < 40 && !world.isEven(); rounds++) {
          for (let reader = 0; reader < world.workers.length; reader++) world.ask(reader, reader + 1 + (rounds % 5));
          world.deliverAll();
        }
        expect(world.isEven(), `not even after ${rounds} rounds`).toBe(true);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('given a worker that only hears through a third one / when the owner has changed something / then it has it, and its age counts both ways', () => {
    const world = new World(['eu', 'us', 'ap']);
    world.change('eu', 'sku-1');
    for (let round = 0; round < 4; round++) {
      world.ask(2, 0);
      world.deliverAll();
      world.now += 100;
      world.ask(4, 2);
      world.deliverAll();
    }
    const known = world.workers[4]?.replica.get('eu', 'sku-1', world.now);
    expect(known).toMatchObject({ epoch: 1, seq: 1 });
    expect(known?.ageMs).toBeGreaterThanOrEqual(100);
  });

  it('given workers that each own a part of a region / when nothing changes / then it stays as young at all others as their rounds', () => {
    const world = new World(['eu', 'us']);
    for (let partition = 0; partition < PARTITIONS; partition++) world.move('eu', partition, partition % 2);
    for (let round = 0; round < 60; round++) {
      world.now += 200;
      for (let reader = 0; reader < 4; reader++) world.ask(reader, reader + 1 + (round % 3), ['eu', 'us']);
      world.deliverAll();
    }
    for (const { region, replica } of world.workers) {
      for (const other of world.regions) {
        if (other !== region) expect(replica.staleness(other, world.now)).toBeLessThan(2_000);
      }
    }
  });

  it('given a sku that does not exist / when all of its partition has been heard / then that is known', () => {
    const world = new World(['eu', 'us']);
    world.change('eu', 'sku-1');
    expect(world.workers[2]?.replica.covers('eu', 'sku-5', world.now).complete).toBe(false);
    for (let round = 0; round < 3; round++) {
      world.ask(2, 0);
      world.deliverAll();
    }
    expect(world.workers[2]?.replica.covers('eu', 'sku-5', world.now)).toMatchObject({
      complete: true,
      holder: 'eu-a',
    });
    expect(world.workers[2]?.replica.get('eu', 'sku-5', world.now)).toBeUndefined();
  });

  it('given any bytes / when they are taken for a message / then they are refused, or change nothing that was known', () => {
    const world = new World(['eu', 'us']);
    world.change('eu', 'sku-1');
    world.ask(2, 0);
    world.deliverAll();
    const [owner, , reader] = world.workers;
    if (owner === undefined || reader === undefined) throw new Error('no workers');
    const whole = owner.replica.answer(reader.replica.digest(), world.now);
    const refuses = (run: () => unknown): void => {
      try {
        run();
      } catch (error) {
        if (!(error instanceof BadGossip)) throw error;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(whole.length - 1), fc.nat(255), (bytes, at, byte) => {
        refuses(() => owner.replica.answer(bytes, world.now));
        refuses(() => decodeAnswer(bytes));
        const bent = Uint8Array.from(whole);
        bent[at] = byte;
        refuses(() => decodeAnswer(bent));
      }),
    );
  });

  it('given a register in a partition that it is not in / when it is told / then the whole message is refused', () => {
    const [liar, reader] = ['eu', 'us'].map(
      (name) =>
        new Replica({
          region: name,
          worker: name,
          answerBytesMax: 9_999,
          partitionOf: name === 'eu' ? () => 0 : partitionOf,
        }),
    );
    if (liar === undefined || reader === undefined) throw new Error('no replicas');
    liar.workers({ region: 'eu', version: 1, partitions: PARTITIONS, workers: [] });
    liar.own(0, 1);
    liar.publish(0, { sku: 'sku-1', epoch: 1, seq: 1, value: Buffer.from('x') });
    liar.complete(0);
    reader.absorb(liar.answer(reader.digest(), 0), 0);
    reader.workers({ region: 'eu', version: 1, partitions: PARTITIONS, workers: [] });
    expect(() => reader.absorb(liar.answer(reader.digest(), 1), 0)).toThrow(BadGossip);
    expect(reader.figures().registers).toBe(0);
  });

  it('given more skus than may be kept / when they are told / then the rest is not taken for missing', () => {
    const small = new Replica({ region: 'us', worker: 'w', answerBytesMax: 9_999, partitionOf, skusMax: 2 });
    const world = new World(['eu', 'us']);
    for (const sku of ['sku-0', 'sku-4', 'sku-8']) world.change('eu', sku);
    const owner = world.workers[0]?.replica as Replica;
    small.absorb(owner.answer(small.digest(), world.now), world.now);
    for (let n = 0; n < 5; n++) small.absorb(owner.answer(small.digest(), world.now), world.now);
    expect(small.figures().registers).toBe(2);
    expect(small.covers('eu', 'sku-8', world.now).complete).toBe(false);
  });
});

describe('whom to ask', () => {
  const peer = fc.record({ address: fc.uuid(), region: fc.constantFrom('eu', 'us', 'ap'), isSilent: fc.boolean() });

  it('given any peers / when they are drawn / then at most four are asked, each region of one that answers, its own worker first', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(peer, { selector: ({ address }) => address, maxLength: 9 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (peers: Peer[], draws) => {
          const asks = chooseAsks(peers, ['eu', 'us', 'ap'], () => draws.next().value as number);
          expect(asks.length).toBeLessThanOrEqual(4);
          const asked = asks.flatMap(({ regions }) => regions);
          const hasLive = peers.some(({ isSilent }) => !isSilent);
          expect(asked.sort()).toEqual(hasLive ? ['ap', 'eu', 'us'] : []);
          for (const { address, regions } of asks) {
            const of = peers.find((candidate) => candidate.address === address);
            if (regions.length > 0) expect(of?.isSilent).toBe(false);
          }
        },
      ),
    );
  });
});
