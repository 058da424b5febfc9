// Weather in the way of parcels: near a bad station what leaves or arrives soon takes longer, elsewhere and later nothing changes.
import { expect, test } from 'vitest';
import { readWeather } from '../feeds/weather.ts';
import type { BusinessClock } from '../fulfilment/ports.ts';
import type { ShipmentAhead } from '../sourcing/transit.ts';
import { delayedTimes, weatherDelays } from './weather.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 5, 12, 30);
const DAYS = { p50: 1, p75: 1.2, p85: 1.4, p90: 1.5, p95: 2, p97: 2.5, p99: 3 };
const NEWARK = { latitude: 40.7, longitude: -74.17 };
const CHICAGO = { latitude: 41.88, longitude: -87.63 };
const STORM = readWeather(
  'origin,time_hour,wind_gust,latitude,longitude\nEWR,2026-01-05T12:00:00Z,60,40.69,-74.17\nORD,2026-01-05T12:00:00Z,10,41.97,-87.9\n',
);
let now = NOW;
const clock: BusinessClock = { now: () => now, toGrid: (at) => at, fromGrid: (at) => at, speed: 1 };

const shipment = (from: typeof NEWARK, to: typeof NEWARK, inHours: number): ShipmentAhead =>
  ({ node: from, destination: { ...to, postalCode: '-' }, handedOverAt: NOW + inHours * HOUR_MS }) as ShipmentAhead;

test('given a storm, then parcels that leave or arrive there soon lose a day, and no others', () => {
  now = NOW;
  const p90 = (from: typeof NEWARK, to: typeof NEWARK, inHours = 3): number =>
    delayedTimes(
      () => DAYS,
      weatherDelays(() => STORM, clock),
      clock,
    )(shipment(from, to, inHours)).p90;
  expect(p90(NEWARK, CHICAGO)).toBe(2.5);
  expect(p90(CHICAGO, NEWARK)).toBe(2.5);
  expect(p90(CHICAGO, CHICAGO)).toBe(1.5);
  expect(p90(NEWARK, CHICAGO, 30)).toBe(1.5);
  expect(p90(CHICAGO, NEWARK, 30)).toBe(1.5);
});

test('given a feed that has nothing yet, or nothing fresh, then nothing is lost', () => {
  const delays = weatherDelays(() => STORM, clock);
  now = NOW;
  expect(weatherDelays(() => undefined, clock)(NEWARK)).toBe(0);
  expect(delays(NEWARK)).toBe(1);
  now = NOW + 4 * HOUR_MS;
  expect(delays(NEWARK)).toBe(0);
});

test('given a feed that stands still, then it is told once that weather does not count, and of when it was', () => {
  const told: string[] = [];
  const delays = weatherDelays(
    () => STORM,
    clock,
    (line) => told.push(line),
  );
  now = NOW;
  delays(NEWARK);
  expect(told).toEqual([]);
  for (const hours of [4, 5, 6]) {
    now = NOW + hours * HOUR_MS;
    delays(NEWARK);
  }
  expect(told).toEqual([expect.stringMatching(/stale: .*2026-01-05T12:00/)]);
});
