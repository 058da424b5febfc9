// What a worker tells of its own actors: all of them, only what is durable, and how far behind it is.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Published } from '../../cluster/gossip/index.ts';
import type { AvailabilityView } from '../../protocol/index.ts';
import { partitionOf } from '../core/index.ts';
import type { Readiness } from '../shell/grid.ts';
import type { Views } from '../shell/reads.ts';
import { ManualRuntime } from '../shell/testing/harness.ts';
import { Publisher, type Register } from './publisher.ts';

const PARTITIONS = 4;

class FakeLane {
  epoch: number;
  readonly skus = new Map<string, number>();
  /** What is asked for now cannot be had. */
  isStalled = false;
  /** Its lease ran out. */
  isLapsed = false;
  /** Answers wait for `release`. */
  isHeld = false;
  asked = 0;
  readonly #held: (() => void)[] = [];

  readonly laneEpoch: number;

  constructor(epoch: number, laneEpoch = epoch) {
    this.epoch = epoch;
    this.laneEpoch = laneEpoch;
  }

  epochOf(): number {
    return this.epoch;
  }

  skusOf(partition: number): string[] {
    return [...this.skus.keys()].filter((sku) => partitionOf(sku, PARTITIONS) === partition);
  }

  durableViews(skus: readonly string[], respond: (views: Views) => void): void {
    this.asked += 1;
    const views = this.isStalled ? undefined : skus.flatMap((sku) => this.#view(sku));
    if (this.isHeld) this.#held.push(() => respond(views));
    else respond(views);
  }

  readiness(): Readiness {
    return { ready: !this.isLapsed, reason: '' };
  }

  release(): void {
    this.isHeld = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  #view(sku: string): AvailabilityView[] {
    const seq = this.skus.get(sku);
    if (seq === undefined) return [];
    const figures = { onHand: seq, reserved: 0, allocated: 0, availableToSell: seq, nodes: [] };
    return [{ sku, region: 'eu-west', ...figures, version: { epoch: this.epoch, seq } }];
  }
}

/** Keeps what it is told, and that it is told lawfully. */
class FakeRegister implements Register {
  readonly owned = new Map<
    number,
    { tenure: number; of: number | undefined; isComplete: boolean; items: Map<string, Published> }
  >();

  own(partition: number, tenure: number): void {
    const before = this.owned.get(partition);
    if (before !== undefined && before.tenure >= tenure) throw new Error(`owned under ${before.tenure} already`);
    if (!Number.isSafeInteger(tenure)) throw new Error(`${tenure} is not exact`);
    this.owned.set(partition, { tenure, of: undefined, isComplete: false, items: new Map() });
  }

  publish(partition: number, item: Published): void {
    const owned = this.owned.get(partition);
    if (owned === undefined) throw new Error(`partition ${partition} is not owned`);
    owned.of ??= item.epoch;
    if (owned.of !== item.epoch)
      throw new Error(`partition ${partition} is owned under ${owned.of}, not ${item.epoch}`);
    owned.items.set(item.sku, item);
  }

  complete(partition: number): void {
    const owned = this.owned.get(partition);
    if (owned === undefined) throw new Error(`partition ${partition} is not owned`);
    owned.isComplete = true;
  }

  disown(partition: number): void {
    if (!this.owned.delete(partition)) throw new Error(`partition ${partition} is not owned`);
  }

  get isComplete(): boolean {
    return this.owned.size === PARTITIONS && [...this.owned.values()].every(({ isComplete }) => isComplete);
  }

  seqs(): Map<string, number> {
    const all = [...this.owned.values()].flatMap(({ items }) => [...items.values()]);
    return new Map(all.map(({ sku, seq }) => [sku, seq] as const).sort());
  }
}

function given(publishedPerTurn = 3) {
  const runtime = new ManualRuntime();
  const lane = new FakeLane(7);
  const register = new FakeRegister();
  const serving: (FakeLane | undefined)[] = new Array(PARTITIONS).fill(lane);
  const publisher = new Publisher({
    partitions: PARTITIONS,
    partitionOf: (sku) => partitionOf(sku, PARTITIONS),
    lanes: { serving: (partition) => serving[partition] },
    register,
    runtime,
    limits: { publishedPerTurn, publishTurnMs: 5 },
  });
  const round = async (ms = 200): Promise<void> => {
    publisher.round();
    await runtime.advance(ms);
  };
  const change = (sku: string): void => {
    lane.skus.set(sku, (lane.skus.get(sku) ?? 0) + 1);
    publisher.changed(sku);
  };
  return { runtime, lane, register, serving, publisher, round, change };
}

describe('telling other regions what this one has', () => {
  it('given any changes, stalls, slow answers and partitions that come and go, when it is quiet, then all is told, and nothing is behind', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('change' as const), n: fc.nat(30) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('round' as const), n: fc.nat(40) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom('stall', 'hold', 'leave', 'come', 'newEpoch'), n: fc.nat(3) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), async (steps, perTurn) => {
        const { lane, register, serving, publisher, round, change } = given(perTurn);
        for (const { do: what, n } of steps) {
          if (what === 'change') change(`sku-${n}`);
          else if (what === 'round') await round(n);
          else if (what === 'stall') lane.isStalled = !lane.isStalled;
          else if (what === 'hold') lane.isHeld = true;
          else if (what === 'leave') serving[n] = undefined;
          else if (what === 'come') serving[n] = lane;
          else lane.epoch += 1;
        }
        lane.isStalled = false;
        lane.release();
        serving.fill(lane);
        for (let n = 0; n < 100 && !(register.isComplete && publisher.lagMs() <= 250); n++) await round();
        for (let n = 0; n < 10; n++) await round();

        expect(register.isComplete).toBe(true);
        expect(register.seqs()).toEqual(new Map([...lane.skus].sort()));
        expect(publisher.lagMs()).toBeLessThanOrEqual(250);
      }),
    );
  });

  it('given what is not durable, then it is not told, and it says how far behind it is', async () => {
    const { lane, register, publisher, round, change } = given();
    await round();
    lane.isHeld = true;
    change('sku-1');
    await round();
    await round();
    await round();
    expect(register.seqs().size).toBe(0);
    expect(publisher.lagMs()).toBeGreaterThanOrEqual(600);

    lane.release();
    expect(register.seqs()).toEqual(new Map([['sku-1', 1]]));
    await round(0);
    expect(publisher.lagMs()).toBe(0);
  });

  it('given a lease that ran out, then nothing is known to be up to date any more until it is renewed', async () => {
    const { lane, publisher, round } = given();
    await round();
    lane.isLapsed = true;
    await round();
    await round();
    expect(publisher.lagMs()).toBeGreaterThanOrEqual(400);
    lane.isLapsed = false;
    await round(0);
    expect(publisher.lagMs()).toBe(0);
  });

  it('given any owners one after the other, when a lane is taken over that is behind its partition, then each tells under a later number', async () => {
    const owners = fc.array(fc.record({ moves: fc.nat(3), clock: fc.integer({ min: -900, max: 900 }) }), {
      minLength: 2,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1_000, max: 2 ** 33 - 10_000 }), owners, async (from, taken) => {
        const { register, serving, round } = given();
        let [epoch, laneEpoch] = [0, 0];
        for (const { moves, clock } of taken) {
          // It moves through other lanes and back, each time under a greater epoch; then the lane is taken over.
          epoch += moves;
          laneEpoch = Math.max(laneEpoch + 1, from + clock);
          epoch = Math.max(epoch, laneEpoch);
          serving.fill(new FakeLane(epoch, laneEpoch));
          await round();
        }
        expect(register.owned.size).toBe(PARTITIONS);
      }),
      { numRuns: 100 },
    );
  });

  it('given partitions that leave between a round and its turns, then none of them is told as whole, nor held to be own', async () => {
    const { runtime, lane, register, serving, publisher, round, change } = given();
    for (let n = 0; n < 20; n++) lane.skus.set(`sku-${n}`, 1);
    publisher.round();
    serving.fill(undefined);
    lane.skus.clear();
    await runtime.advance(100);
    expect([...register.owned.values()].filter(({ isComplete }) => isComplete)).toEqual([]);
    serving.fill(lane);
    for (let n = 0; n < 20; n++) change(`sku-${n}`);
    await round(1_000);
    expect(register.isComplete).toBe(true);
    change('sku-1');
    publisher.round();
    serving.fill(undefined);
    lane.skus.clear();
    await runtime.advance(100);
    expect(register.owned.has(partitionOf('sku-1', PARTITIONS))).toBe(false);
  });

  it('given many changes of one sku in a round, then it is asked for once', async () => {
    const { lane, register, round, change } = given();
    await round();
    const before = lane.asked;
    for (let n = 0; n < 1_000; n++) change('sku-1');
    await round();
    expect(lane.asked).toBe(before + 1);
    expect(register.seqs()).toEqual(new Map([['sku-1', 1_000]]));
  });

  it('given a view on its way while its partition begins anew here, then it is not told as of now', async () => {
    const { lane, register, round, change } = given();
    await round();
    lane.isHeld = true;
    change('sku-1');
    await round();
    lane.epoch += 1;
    await round();
    lane.release();
    for (let n = 0; n < 3; n++) await round();
    expect(register.seqs()).toEqual(new Map([['sku-1', 1]]));
  });

  it('given pages that take their time, then the next is asked for when one comes, not with the next round', async () => {
    const { runtime, lane, register, round } = given(2);
    for (let n = 0; n < 6; n++) lane.skus.set(`sku-${n}`, 1);
    lane.isHeld = true;
    await round(0);
    for (let pages = 0; pages < 20 && !register.isComplete; pages++) {
      lane.release();
      lane.isHeld = true;
      await runtime.advance(6);
    }
    expect(register.isComplete).toBe(true);
  });

  it('given a stop, then nothing more is told', async () => {
    const { lane, register, publisher, round, change } = given();
    await round();
    lane.isHeld = true;
    change('sku-1');
    await round();
    publisher.stop();
    lane.release();
    await round();
    expect(register.seqs().size).toBe(0);
  });
});
