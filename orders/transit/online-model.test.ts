// The online model: what it learns, forgets, hears from parcels that are late, and keeps.
import { describe, expect, test } from 'vitest';
import { LaneTable } from './lane-table.ts';
import type { Leg, Observation } from './model.ts';
import { OnlineTransitModel } from './online-model.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { DAY_MS, daysAround, newsOf, type Sent, START, sent, steady, tell } from './testing/parcels.ts';

const LEG: Leg = sent(0, 0, undefined).shipment;
const on = (day: number, changes: Partial<Leg> = {}): Leg => ({
  ...LEG,
  handedOverAt: START + day * DAY_MS,
  ...changes,
});
const at = (day: number): number => START + day * DAY_MS;
/** Two days at the median, and five at the p99. */
const usual = (share: number): number => daysAround(2, share);

describe('a steady lane', () => {
  const model = new OnlineTransitModel();
  tell(model, newsOf(steady(0, 60, 100, usual), 60));

  test('given many parcels of one lane, then the quantiles are theirs', () => {
    const { days, speed, knownFrom } = model.answer(on(60), at(60));

    expect(days.p50 / usual(0.5)).toBeCloseTo(1, 1);
    expect(days.p90 / usual(0.9)).toBeCloseTo(1, 1);
    expect(days.p99 / usual(0.99)).toBeCloseTo(1, 0);
    expect(speed).toBeGreaterThan(0.9);
    expect(knownFrom).toBe('lane');
  });

  test('given a lane, an area and a service without a past, then the parents answer', () => {
    const known = model.answer(on(60), at(60)).days.p50;

    expect(model.answer(on(60, { node: 'newark' }), at(60)).knownFrom).toBe('area');
    expect(model.answer(on(60, { postalCode: '90210' }), at(60)).knownFrom).toBe('service');
    expect(model.answer(on(60, { service: 'new' }), at(60)).knownFrom).toBe('nothing');
    expect(model.answer(on(60, { node: 'newark', postalCode: '90210' }), at(60)).days.p50 / known).toBeCloseTo(1, 0);
  });

  test('given that little is known of a lane, then its quantiles lie further apart', () => {
    const ratio = (leg: Leg): number => {
      const { days } = model.answer(leg, at(60));
      return days.p95 / days.p50;
    };
    expect(ratio(on(60, { service: 'new' }))).toBeGreaterThan(ratio(on(60)));
  });
});

describe('labels only when delivered', () => {
  /** The first days of a lane: only fast parcels have been delivered. Both models believe in 2 days before. */
  const early = newsOf(steady(0, 8, 100, usual), 3);

  test('given that only fast parcels have been delivered, then it is not taken in, as a table of deliveries is', () => {
    const model = new OnlineTransitModel({ ...DEFAULT_SETTINGS, priorDays: usual(0.5) });
    const table = new LaneTable({ windowDays: 60, enough: 20, areaLength: 3, priorDays: usual(0.5) });
    for (const one of [model, table]) tell(one, early);

    expect(table.answer(on(3), at(3)).days.p90).toBeLessThan(usual(0.85));
    expect(model.answer(on(3), at(3)).days.p90).toBeGreaterThan(usual(0.85));
  });

  test('given five times as many parcels from one day on, then the many fast deliveries among them do not make it fast', () => {
    const growing: Sent[] = [
      ...steady(0, 30, 100, usual),
      ...steady(30, 34, 500, usual).map(({ shipment, days }) => ({
        shipment: { ...shipment, shipmentId: `more-${shipment.shipmentId}` },
        days,
      })),
    ];
    const model = new OnlineTransitModel();
    tell(model, newsOf(growing, 33));

    expect(model.answer(on(33), at(33)).days.p50 / usual(0.5)).toBeCloseTo(1, 1);
  });
});

describe('a disruption', () => {
  /** From day 40 on nothing moves for four days; what was on its way, and what is handed over, comes so much later. */
  const stopped = (share: number, day: number): number => {
    const days = usual(share);
    if (day + days < 40 || day > 44) return days;
    return days + 44 - Math.max(40, day);
  };
  const news = newsOf(steady(0, 60, 100, stopped), 60);
  const until = (day: number) =>
    news.filter(
      (one) =>
        (one.kind === 'handedOver' ? one.shipment.handedOverAt : one.kind === 'delivered' ? one.at : 0) <= at(day),
    );

  test('given that parcels in flight are late, then upper quantiles rise before one of them is delivered', () => {
    const [before, during] = [new OnlineTransitModel(), new OnlineTransitModel()];
    tell(before, until(40));
    tell(during, until(40));
    // Hand-overs go on; not one delivery is told.
    const quiet = until(41.5).filter((one) => one.kind === 'handedOver' && one.shipment.handedOverAt > at(40));
    tell(during, quiet);

    const calm = before.answer(on(40), at(40));
    const disturbed = during.answer(on(41.5), at(41.5));
    expect(calm.speed).toBeGreaterThan(0.9);
    expect(disturbed.speed).toBeLessThan(0.5);
    expect(disturbed.days.p90).toBeGreaterThan(calm.days.p90 * 1.4);
  });

  test('given that parcels are not scanned when they should be, then upper quantiles rise within hours, and without scans they do not yet', () => {
    // Each is scanned when a quarter, a half and three quarters of its way are done.
    const scans = steady(0, 41, 100, usual).flatMap(({ shipment, days = 0 }): Observation[] =>
      [0.25, 0.5, 0.75].map((share) => ({
        kind: 'scan',
        shipmentId: shipment.shipmentId,
        at: shipment.handedOverAt + share * days * DAY_MS,
      })),
    );
    const hours = until(40.2).filter(
      (one) => one.kind === 'handedOver' || (one.kind === 'delivered' && one.at < at(40)),
    );
    const scanned = [...hours, ...scans.filter((one) => one.kind === 'scan' && one.at < at(40))];
    const [by, without] = [new OnlineTransitModel(), new OnlineTransitModel()];
    by.observe(scanned, at(40.2));
    without.observe(hours, at(40.2));

    expect(by.answer(on(40.2), at(40.2)).days.p90).toBeGreaterThan(1.3 * without.answer(on(40.2), at(40.2)).days.p90);
    expect(by.answer(on(40.2), at(40.2)).speed).toBeLessThan(0.7);
  });

  test('given a parcel in flight in it, then missing its promise is likelier than on a usual day', () => {
    const [before, during] = [new OnlineTransitModel(), new OnlineTransitModel()];
    tell(before, until(40));
    tell(during, until(41.5));
    const missing = (model: OnlineTransitModel, day: number): number =>
      model.missProbability(on(day - 1), at(day + 2), at(day));

    expect(missing(during, 41.5)).toBeGreaterThan(missing(before, 40) + 0.1);
  });

  test('given that it is over for a week, then the answers are the usual ones again', () => {
    const model = new OnlineTransitModel();
    tell(model, until(55));

    expect(model.answer(on(55), at(55)).speed).toBeGreaterThan(0.9);
    expect(model.answer(on(55), at(55)).days.p50 / usual(0.5)).toBeGreaterThan(0.9);
    expect(model.answer(on(55), at(55)).days.p50 / usual(0.5)).toBeLessThan(1.2);
  });
});

describe('drift', () => {
  const slower = (share: number, day: number): number => (day < 40 ? 1 : 1.35) * usual(share);

  test('given a service that has become slower, then an alarm says which, and since when; a steady one raises none', () => {
    const [drifting, calm] = [new OnlineTransitModel(), new OnlineTransitModel()];
    tell(drifting, newsOf(steady(0, 70, 100, slower), 70));
    tell(calm, newsOf(steady(0, 70, 100, usual), 70));
    const later = drifting.alarms().filter((one) => one.at >= at(40));

    const alarm = later.find(({ level }) => level === 'service');
    expect(alarm).toMatchObject({ group: { service: 'ground' }, direction: 'slower' });
    expect(Math.abs((alarm?.since ?? 0) - at(40))).toBeLessThan(10 * DAY_MS);
    expect(calm.alarms().filter((one) => one.at >= at(20))).toEqual([]);
  });

  test('given that it has been so for a month, then the answers have followed', () => {
    const model = new OnlineTransitModel();
    tell(model, newsOf(steady(0, 75, 100, slower), 75));

    expect(model.answer(on(75), at(75)).days.p50 / (1.35 * usual(0.5))).toBeGreaterThan(0.88);
  });
});

describe('bounds', () => {
  test('given parcels that end without a delivery, then they are no longer followed', () => {
    const model = new OnlineTransitModel();
    const parcels = steady(0, 1, 50, usual);
    for (const { shipment } of parcels) model.observe([{ kind: 'handedOver', shipment }], shipment.handedOverAt);
    expect(model.size.followed).toBe(50);
    for (const { shipment } of parcels) {
      model.observe([{ kind: 'ended', shipmentId: shipment.shipmentId, at: at(1) }], at(1));
    }
    expect(model.size.followed).toBe(0);
  });

  test('given parcels that nothing is ever heard of, then they are given up', () => {
    const model = new OnlineTransitModel();
    tell(
      model,
      newsOf(
        steady(0, 1, 50, usual).map(({ shipment }) => ({ shipment, days: undefined })),
        1,
      ),
    );
    model.advance(at(400));
    expect(model.size.followed).toBe(0);
  });

  test('given resolution of a day, then answers are whole days', () => {
    const model = new OnlineTransitModel({ ...DEFAULT_SETTINGS, resolutionDays: 1 });
    tell(model, newsOf(steady(0, 20, 50, usual), 20));
    expect(Object.values(model.answer(on(20), at(20)).days).every(Number.isInteger)).toBe(true);
  });
});
