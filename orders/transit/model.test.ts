// What holds of each model behind the port.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LaneTable } from './lane-table.ts';
import type { Leg, Observation, TransitModel } from './model.ts';
import { OnlineTransitModel } from './online-model.ts';
import { DAY_MS, daysAround, newsOf, type Sent, START, sent, steady, tell } from './testing/parcels.ts';

const MODELS: readonly [name: string, open: () => TransitModel, restore: (bytes: Uint8Array) => TransitModel][] = [
  ['the online model', () => new OnlineTransitModel(), (bytes) => OnlineTransitModel.restore(bytes)],
  ['the lane table', () => new LaneTable(), (bytes) => LaneTable.restore(bytes)],
];

const leg: fc.Arbitrary<Leg> = fc.record({
  node: fc.constantFrom('chicago', 'newark', 'never-seen'),
  service: fc.constantFrom('ground', 'air', 'never-seen'),
  postalCode: fc.constantFrom('10007', '10101', '90210', '', 'SW1A'),
  km: fc.integer({ min: 0, max: 5_000 }),
  handedOverAt: fc.integer({ min: 0, max: 60 * 24 }).map((hours) => START + hours * 3_600_000),
});

const parcel: fc.Arbitrary<Omit<Sent, 'shipment'> & { leg: Leg }> = fc.record({
  leg,
  days: fc.option(fc.double({ min: 0, max: 90, noNaN: true }), { nil: undefined, freq: 8 }),
});

const parcels = fc
  .array(parcel, { maxLength: 200 })
  .map((all) => all.map(({ leg: of, days }, n): Sent => ({ shipment: { ...of, shipmentId: `p-${n}` }, days })));

describe.each(MODELS)('%s', (_, open, restore) => {
  const askedAt = START + 45 * DAY_MS;

  test('given any parcels, then the quantiles of an answer never cross, and are days above 0', () => {
    fc.assert(
      fc.property(parcels, leg, (of, asked) => {
        const model = open();
        tell(model, newsOf(of, 60));
        const { days } = model.answer(asked, askedAt);
        const values = [days.p50, days.p75, days.p85, days.p90, days.p95, days.p97, days.p99];
        expect(values.every((value) => value > 0 && Number.isFinite(value))).toBe(true);
        expect(values).toEqual([...values].sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });

  test('given a batch of news, then its order makes no difference', () => {
    fc.assert(
      fc.property(parcels, leg, fc.integer(), (of, asked, seed) => {
        const news = newsOf(of, 60);
        const shuffled = [...news];
        let drawn = (Math.abs(seed) % 2_147_483_646) + 1;
        for (let n = shuffled.length - 1; n > 0; n--) {
          drawn = (drawn * 48_271) % 2_147_483_647;
          const other = drawn % (n + 1);
          [shuffled[n], shuffled[other]] = [shuffled[other] as Observation, shuffled[n] as Observation];
        }
        const [one, another] = [open(), open()];
        one.observe(news, START + 60 * DAY_MS);
        another.observe(shuffled, START + 60 * DAY_MS);
        expect(another.answer(asked, askedAt)).toEqual(one.answer(asked, askedAt));
      }),
      { numRuns: 40 },
    );
  });

  test('given a state written and read back in the middle, then it goes on alike', () => {
    fc.assert(
      fc.property(parcels, leg, (of, asked) => {
        const before = newsOf(of, 20);
        const after = newsOf(of, 60).slice(before.length);
        const model = open();
        tell(model, before);
        const restored = restore(model.serialise());
        expect(restored.answer(asked, askedAt)).toEqual(model.answer(asked, askedAt));
        for (const one of [model, restored]) tell(one, after);
        expect(restored.answer(asked, askedAt)).toEqual(model.answer(asked, askedAt));
        expect(restored.missProbability(asked, askedAt + DAY_MS, askedAt)).toBe(
          model.missProbability(asked, askedAt + DAY_MS, askedAt),
        );
        expect(restored.alarms()).toEqual(model.alarms());
      }),
      { numRuns: 30 },
    );
  });

  test('given news told twice, and of parcels that are not known, then they change nothing', () => {
    const news = newsOf(
      steady(0, 10, 20, (share) => daysAround(2, share)),
      20,
    );
    const [once, twice] = [open(), open()];
    tell(once, news);
    for (const one of news) {
      const at = one.kind === 'handedOver' ? one.shipment.handedOverAt : one.at;
      twice.observe([one, one, { kind: 'delivered', shipmentId: 'unheard-of', at }], at);
      twice.observe([one], at);
    }
    const asked = sent(0, 20, undefined).shipment;
    expect(twice.answer(asked, askedAt)).toEqual(once.answer(asked, askedAt));
  });

  test('given more time to the deadline, then missing it is never likelier; given more time without delivery, never less', () => {
    const model = open();
    tell(
      model,
      newsOf(
        steady(0, 20, 40, (share) => daysAround(2, share)),
        20,
      ),
    );
    fc.assert(
      fc.property(
        leg,
        fc.double({ min: 0, max: 30, noNaN: true }),
        fc.double({ min: 0, max: 5, noNaN: true }),
        (asked, age, more) => {
          const now = asked.handedOverAt + age * DAY_MS;
          const miss = (deadline: number): number => model.missProbability(asked, deadline, now);
          expect(miss(now + 2 * DAY_MS)).toBeGreaterThanOrEqual(0);
          expect(miss(now + 2 * DAY_MS)).toBeLessThanOrEqual(1);
          expect(miss(now + (2 + more) * DAY_MS)).toBeLessThanOrEqual(miss(now + 2 * DAY_MS) + 1e-9);
          expect(miss(now)).toBe(1);
          const deadline = asked.handedOverAt + (age + more + 1) * DAY_MS;
          expect(model.missProbability(asked, deadline, now + more * DAY_MS)).toBeGreaterThanOrEqual(
            miss(deadline) - 1e-9,
          );
        },
      ),
      {
        numRuns: 200,
        // Nothing is delivered from day 20 on: it is believed that all are slow.
        examples: [[{ ...sent(0, 0, undefined).shipment, km: 0 }, 0, 1.148]],
      },
    );
  });

  test('given bytes of something else, then it is refused, saying what to do', () => {
    const other = MODELS.find(([name]) => name !== _) as (typeof MODELS)[number];
    expect(() => restore(other[1]().serialise())).toThrow('start a new model');
  });
});
