// The simulated lanes of the transit evaluation are the same for the same seed.
import { expect, test } from 'vitest';
import { type Calibration, simulateLanes } from './lanes.ts';

const DAYS = [0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.3, 1.5, 1.8, 2.1, 2.6];
const CALIBRATION: Calibration = {
  hubs: [
    { node: 'chicago', latitude: 41.9, longitude: -87.6 },
    { node: 'brooklyn', latitude: 40.7, longitude: -73.9 },
  ],
  areas: ['100', '101', '606'].map((zip3, n) => ({ zip3, zips: 10 + n, latitude: 40 + n, longitude: -74 - 6 * n })),
  edges: [1_000],
  bands: [DAYS, DAYS.map((days) => 2 * days)].map((days) => [{ service: 'ground', share: 1, days }]),
};
const WORLD = { days: 60, parcelsPerDay: 50 };

test('given a seed, then the world is the same each time, and another one is another', () => {
  expect(simulateLanes(1, CALIBRATION, WORLD)).toEqual(simulateLanes(1, CALIBRATION, WORLD));
  expect(simulateLanes(2, CALIBRATION, WORLD)).not.toEqual(simulateLanes(1, CALIBRATION, WORLD));
});

test('given a world, then parcels come by hand-over, are delivered after it, and never on a Sunday; some are lost, some disrupted', () => {
  const cases = simulateLanes(1, CALIBRATION, WORLD);
  const handed = cases.map(({ shipment }) => shipment.handedOverAt);

  expect(handed).toEqual([...handed].sort((a, b) => a - b));
  for (const { shipment, deliveredAt, scans = [] } of cases) {
    if (deliveredAt === undefined) continue;
    expect(deliveredAt).toBeGreaterThan(shipment.handedOverAt);
    expect(new Date(deliveredAt).getUTCDay()).not.toBe(0);
    for (const { at, knownAt } of scans) {
      expect(at).toBeGreaterThan(shipment.handedOverAt);
      expect(at).toBeLessThan(deliveredAt);
      expect(knownAt).toBeGreaterThan(at);
    }
  }
  expect(cases.some(({ deliveredAt }) => deliveredAt === undefined)).toBe(true);
  expect(cases.reduce((sum, { scans = [] }) => sum + scans.length, 0) / cases.length).toBeGreaterThan(2);
  expect(cases.some(({ disruptedDays }) => disruptedDays !== undefined)).toBe(true);
});
