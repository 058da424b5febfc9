// What a worker shows of other regions: the same as they do, once it has been heard; how old it is; and what is left of
// it while they cannot be reached (I13).
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AvailabilityPush, Outcome } from '../../protocol/index.ts';
import { RegionsWorld, type TestWorker } from './testing/world.ts';

const SEEDS = [
  ['eu-west', 'eu-west/w1'],
  ['us-east', 'us-east/w1'],
] as const;

const US = { sku: 'sku-1', region: 'us-east' };
let requests = 0;
const adjust = (delta: number, where: object = US) => {
  requests += 1;
  return { op: 'adjust', ...where, node: 'n1', delta, reason: 'test', requestId: `a-${requests}` };
};
const get = (where: object = US) => ({ op: 'get', ...where });
const HEARD_MS = 1_000;

async function given(): Promise<{ world: RegionsWorld; eu: TestWorker; us: TestWorker }> {
  const world = new RegionsWorld(SEEDS);
  const eu = await world.start('eu-west', 'w1');
  const us = await world.start('us-east', 'w1');
  return { world, eu, us };
}

function ageOf(outcome: Outcome): number {
  return (outcome as unknown as { ageMs: number }).ageMs;
}

function without(outcome: Outcome): object {
  const { ageMs: _, ...rest } = outcome as unknown as { ageMs?: number };
  return rest;
}

const SKUS = Array.from({ length: 6 }, (_, n) => `sku-${n}`);

/** What workers have shown of the skus of each region so far. */
class Shown {
  readonly #owners: readonly TestWorker[];
  readonly #versions = new Map<string, { epoch: number; seq: number }>();

  /** @param owners a worker of each region */
  constructor(owners: readonly TestWorker[]) {
    this.#owners = owners;
  }

  /** Looks at all skus of all regions at each worker: none is older there than it was. */
  neverBack(workers: readonly TestWorker[]): void {
    for (const reader of workers) {
      for (const { region } of this.#owners) for (const sku of SKUS) this.#look(reader, { sku, region });
    }
  }

  #look(reader: TestWorker, where: { sku: string; region: string }): void {
    const { outcome } = reader.ask(get(where));
    if (outcome?.ok !== true) return;
    const key = `${reader.address} ${where.region} ${where.sku}`;
    const { version } = outcome as unknown as { version: { epoch: number; seq: number } };
    const last = this.#versions.get(key) ?? { epoch: 0, seq: 0 };
    expect([version.epoch - last.epoch, version.seq - last.seq]).toSatisfy(([epoch, seq]: [number, number]) =>
      epoch === 0 ? seq >= 0 : epoch > 0,
    );
    this.#versions.set(key, version);
  }

  /** Every worker shows every region as its owner does, and not as of long ago. */
  async sameEverywhere(workers: readonly TestWorker[]): Promise<void> {
    for (const reader of workers) {
      for (const owner of this.#owners) {
        for (const sku of SKUS) {
          const where = { sku, region: owner.region };
          expect(without(await reader.call(get(where)))).toEqual(without(await owner.call(get(where))));
        }
        if (owner.region === reader.region) continue;
        expect(reader.regions.stalenessMs(owner.region)).toBeLessThanOrEqual(HEARD_MS);
      }
    }
  }
}

describe('what is shown of another region', () => {
  it('given stock and reservations there, when it has been heard, then get shows the same as there, and how old it is', async () => {
    const { world, eu, us } = await given();
    await us.call(adjust(10));
    await us.call({
      op: 'configure',
      ...US,
      node: 'n1',
      safetyStock: 1,
      channelBuffers: { web: 2 },
      limitPerOwner: 5,
      requestId: 'c',
    });
    await us.call({ op: 'reserve', ...US, qty: 3, requestId: 'r' });
    await world.runtime.advance(HEARD_MS);

    const shown = await eu.call(get());

    expect(without(shown)).toEqual(await us.call(get()));
    expect(ageOf(shown)).toBeGreaterThanOrEqual(0);
    expect(ageOf(shown)).toBeLessThanOrEqual(HEARD_MS);
    expect(ageOf(await us.call(get()))).toBeUndefined();
    const list = { op: 'query', skus: ['sku-1', 'nope'], regions: ['us-east', 'eu-west'] };
    expect(await eu.call(list)).toMatchObject({
      positions: [{ region: 'us-east', onHand: 10, ageMs: expect.any(Number) }],
      unknown: [
        { sku: 'nope', region: 'us-east' },
        { sku: 'sku-1', region: 'eu-west' },
        { sku: 'nope', region: 'eu-west' },
      ],
    });
  });

  it('given a sku that has not been heard of, then its region is asked; given all was heard, then NOT_FOUND is said here', async () => {
    const { world, eu, us } = await given();
    await us.call(adjust(10));
    expect(without(await eu.call(get()))).toEqual(await us.call(get()));
    await world.runtime.advance(HEARD_MS);
    world.kill(us);
    expect(await eu.call(get({ ...US, sku: 'nope' }))).toMatchObject({
      ok: false,
      code: 'NOT_FOUND',
      message: 'nope is not known in us-east',
    });
  });

  it('given a change made through here, when it is read here at once, then it is seen, heard or not', async () => {
    const { world, eu } = await given();
    await eu.call(adjust(10));
    await world.runtime.advance(HEARD_MS);
    for (let n = 11; n < 20; n++) {
      await eu.call(adjust(1));
      expect(await eu.call(get())).toMatchObject({ onHand: n });
    }
    await eu.call(adjust(1, { ...US, sku: 'new' }));
    expect(await eu.call({ op: 'query', skus: ['new'], regions: ['us-east'] })).toMatchObject({
      positions: [{ sku: 'new', onHand: 1 }],
    });
  });

  it('given a region that does not answer, when it was waited for, then what was heard before is as old as when it is shown', async () => {
    const { world, eu, us } = await given();
    await eu.call(adjust(10));
    await world.runtime.advance(HEARD_MS);
    await eu.call(adjust(1));
    world.cut(eu.address, us.address);
    const cutAt = world.runtime.ms;
    const list = { op: 'query', skus: ['sku-1'], regions: ['us-east', 'eu-west'] };
    const asked = [eu.ask(get()), eu.ask(list)] as const;
    await world.until(() => asked.every(({ outcome }) => outcome !== undefined), 10_000);
    const waitedMs = world.runtime.ms - cutAt;
    const [one, all] = asked.map(({ outcome }) => outcome);
    const [first] = (all as unknown as { positions: { onHand: number; ageMs: number }[] }).positions;
    for (const shown of [one, first]) {
      expect(shown).toMatchObject({ onHand: 10 });
      expect((shown as { ageMs?: number }).ageMs).toBeGreaterThanOrEqual(waitedMs - 1_000);
    }
    expect(waitedMs).toBeGreaterThanOrEqual(2_000);
  });

  it('given a region that dies, then what was heard is shown with its growing age, what is asked of it is UNAVAILABLE, and all heals', async () => {
    const { world, eu, us } = await given();
    await us.call(adjust(10));
    await world.runtime.advance(HEARD_MS);
    world.kill(us);
    let before = ageOf(await eu.call(get()));
    for (let n = 0; n < 5; n++) {
      await world.runtime.advance(2_000);
      const shown = await eu.call(get());
      expect(shown).toMatchObject({ ok: true, onHand: 10 });
      expect(ageOf(shown)).toBeGreaterThanOrEqual(before + 2_000);
      before = ageOf(shown);
    }
    expect(eu.regions.stalenessMs('us-east')).toBeGreaterThanOrEqual(10_000);
    expect(await eu.call(adjust(1))).toMatchObject({ ok: false, code: 'UNAVAILABLE', retriable: true });
    expect(eu.regions.report()).toMatchObject([{ region: 'us-east', reachable: 0, workers: [{ id: 'w1' }] }]);

    const again = await world.start('us-east', 'w1');
    await again.call(adjust(5));
    await world.runtime.advance(3_000);

    expect(await eu.call(get())).toMatchObject({ onHand: 15 });
    expect(ageOf(await eu.call(get()))).toBeLessThanOrEqual(HEARD_MS);
    expect(await eu.call(adjust(1))).toMatchObject({ ok: true, onHand: 16 });
    expect(eu.regions.stalenessMs('us-east')).toBeLessThanOrEqual(HEARD_MS);
  });

  it('given a subscription, then the latest is pushed at first and after each change, and never an older one', async () => {
    const { world, eu, us } = await given();
    await us.call(adjust(10));
    await world.runtime.advance(HEARD_MS);
    const pushes: AvailabilityPush[] = [];
    const stop = eu.regions.grid.watch('sku-1', (push) => pushes.push(push), 'us-east');
    expect(pushes).toMatchObject([{ region: 'us-east', sku: 'sku-1', availableToSell: 10 }]);
    const releases = eu.releases();
    for (let n = 0; n < 20; n++) {
      await us.call(adjust(1));
      await world.runtime.advance(90);
    }
    await world.runtime.advance(HEARD_MS);

    expect(pushes.at(-1)).toMatchObject({ availableToSell: 30 });
    expect(eu.releases()).toBeGreaterThan(releases);
    const seqs = pushes.map(({ version }) => version.seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const told = pushes.length;
    stop();
    await us.call(adjust(1));
    await world.runtime.advance(HEARD_MS);
    expect(pushes.length).toBe(told);
  });

  it('given changes while links between regions come and go and partitions move, when it heals, then every worker shows every region as it is, and none ever went back', async () => {
    const region = fc.constantFrom('eu-west', 'us-east');
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('adjust' as const), region, sku: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), from: fc.nat(2), to: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('heal' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(700) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const { world, eu, us } = await given();
        const workers = [eu, us];
        const shown = new Shown([eu, us]);
        const addressOf = (n: number): string => workers[n % workers.length]?.address ?? '';
        for (const what of steps) {
          if (what.do === 'adjust') {
            const where = { sku: `sku-${what.sku}`, region: what.region };
            await (what.region === 'eu-west' ? eu : us).call(adjust(1, where));
          } else if (what.do === 'cut') world.cut(addressOf(what.from), addressOf(what.to));
          else if (what.do === 'heal') world.heal();
          else if (what.do === 'wait') await world.runtime.advance(what.ms);
          else if (workers.length === 2) workers.push(await world.start('us-east', 'w2'));
          shown.neverBack(workers);
        }
        world.heal();
        await world.runtime.advance(5_000);
        shown.neverBack(workers);
        await shown.sameEverywhere(workers);
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});
