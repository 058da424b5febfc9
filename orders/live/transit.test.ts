// The transit model of running processes: begins as the rules expect, learns what any process tells, survives a restart, says when it drifts.
import { describe, expect, test } from 'vitest';
import type { BusinessClock } from '../fulfilment/ports.ts';
import { MemoryLog } from '../shared/memory-log.ts';
import { readRules } from '../sourcing/rules.ts';
import { transitOfRules } from '../sourcing/transit.ts';
import type { Observation } from '../transit/model.ts';
import { DAY_MS, daysAround, newsOf, START, sent, spread } from '../transit/testing/parcels.ts';
import { liveTransit } from './transit.ts';
import { transitOfRulesAlone } from './transit-of-rules.ts';

const FAST = { p50: 1.6, p75: 2, p85: 2.3, p90: 2.6, p95: 3.1, p97: 3.5, p99: 4.6 };
const SLOW = { p50: 5, p75: 6, p85: 6.6, p90: 7.1, p95: 8, p97: 8.8, p99: 10.5 };
const RULES = readRules({
  version: 'test',
  nodes: [{ node: 'chicago', region: 'r', latitude: 41.88, longitude: -87.63, timeZone: 'UTC', cutoff: '15:00' }],
  services: [
    {
      service: 'ground',
      carrier: 'acme',
      base: 500,
      transit: [
        { untilKm: 500, days: FAST },
        { untilKm: 5_000, days: SLOW },
      ],
    },
    { service: 'express', carrier: 'acme', base: 1_500, transit: [{ untilKm: 5_000, days: FAST }] },
  ],
});
const [GROUND] = RULES.services;
const [CHICAGO] = RULES.nodes;
const SHIPMENT = {
  node: CHICAGO as NonNullable<typeof CHICAGO>,
  service: GROUND as NonNullable<typeof GROUND>,
  km: 1_150,
  destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
};
const LEG = sent(0, 0, undefined).shipment;

/** Time stands where a test puts it. */
class Clock implements BusinessClock {
  at = START;
  readonly speed = 1;
  now = (): number => this.at;
  toGrid = (at: number): number => at;
  fromGrid = (at: number): number => at;
}

async function given(changes: { log?: MemoryLog; clock?: Clock } = {}) {
  const { log = new MemoryLog(), clock = new Clock() } = changes;
  const said: string[] = [];
  const open = (saves = true) =>
    liveTransit({ log, rules: RULES, clock, saves, say: (line) => said.push(line), pollMs: 1e6 });
  return { log, clock, said, open };
}

/** A parcel an hour from `from` until `until`, days after START, that takes about so long. */
function hourly(from: number, until: number, median: number) {
  const parcels = Array.from({ length: (until - from) * 24 }, (_, n) =>
    sent(from * 1_000 + n, from + n / 24, daysAround(median, spread(n))),
  );
  return newsOf(parcels, until);
}

describe('the transit model of a running process', () => {
  test('given no parcel yet, then it answers about what the bands of the rules say, and risk grows with the days on the way', async () => {
    const { open } = await given();
    const model = await open();
    const { times } = model;
    for (const km of [100, 350, 800, 1_150, 3_000]) {
      for (const service of RULES.services) {
        const shipment = { ...SHIPMENT, km, service, handedOverAt: START };
        const [learned, stated] = [times(shipment), transitOfRules(shipment)];
        for (const share of ['p50', 'p75', 'p90', 'p95'] as const) {
          expect(learned[share] / stated[share], `${service.service} ${km} km ${share}`).toBeGreaterThan(0.75);
          expect(learned[share] / stated[share], `${service.service} ${km} km ${share}`).toBeLessThan(1.35);
        }
      }
    }
    const alone = transitOfRulesAlone(() => RULES);
    const deadline = LEG.handedOverAt + 7 * DAY_MS;
    for (const { missProbability } of [model, alone]) {
      const on = (day: number): number => missProbability(LEG, deadline, LEG.handedOverAt + day * DAY_MS);
      expect(on(0)).toBeGreaterThan(0.03);
      expect(on(0)).toBeLessThan(0.25);
      expect(on(5)).toBeGreaterThan(on(0) + 0.03);
      expect(on(8)).toBe(1);
    }
    expect(alone.missProbability({ ...LEG, service: 'unheard-of' }, deadline, START)).toBe(0.5);
  });

  test('given parcels that another process tells of, then both answer what those take, and a restart goes on from there', async () => {
    const { clock, open } = await given();
    const [one, other] = [await open(), await open(false)];
    clock.at = START + 20 * DAY_MS;
    await one.observe(hourly(0, 20, 2));
    await Promise.all([one.look(), other.look()]);
    const ahead = { ...SHIPMENT, handedOverAt: clock.at };
    const before = one.times(ahead).p50;
    expect(before).toBeLessThan(3);
    expect(other.times(ahead).p50).toBe(before);
    expect(one.figures).toMatchObject({ observed: { handedOver: 480 } });
    await one.stop();
    expect((await open()).times(ahead).p50).toBe(before);
  });

  test('given scans that a carrier tells again and again, then each is taken in once, by the processes that know the parcel', async () => {
    const { clock, open } = await given();
    const [one, other] = [await open(), await open(false)];
    clock.at = START + DAY_MS;
    const scan = (shipmentId: string, hours: number): Observation => ({
      kind: 'scan',
      shipmentId,
      at: START + hours * 3_600_000,
    });
    await one.observe([{ kind: 'handedOver', shipment: LEG }, scan('p-0', 3)]);
    for (let n = 0; n < 3; n++) {
      await Promise.all([one.look(), other.look()]);
      await other.observe([scan('p-0', 5), scan('p-0', 4), scan('never-seen', 6)]);
    }
    await other.look();
    expect(other.figures.observed).toMatchObject({ handedOver: 1, scan: 2 });
  });

  test('given parcels that take twice as long from a day on, then it is told once, and shown', async () => {
    const { clock, open, said } = await given();
    const model = await open();
    const parcels = Array.from({ length: 70 * 12 }, (_, n) =>
      sent(n, n / 12, daysAround(n / 12 < 30 ? 5 : 13, spread(n))),
    );
    const news = newsOf(parcels, 70);
    for (let day = 1; day <= 70; day++) {
      clock.at = START + day * DAY_MS;
      const isOfToday = (at: number): boolean => at <= clock.at && at > clock.at - DAY_MS;
      await model.observe(
        news.filter((one) => isOfToday(one.kind === 'handedOver' ? one.shipment.handedOverAt : one.at)),
      );
      await model.look();
      if (day === 30) expect(said).toEqual([]);
    }
    expect(said.join('\n')).toMatch(/transit times of ground.* are slower since 2024-0[123]/);
    expect(new Set(said).size).toBe(said.length);
  });
});
