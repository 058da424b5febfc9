// Packages that ship nodes have to hand over: counted over all processes and restarts, once each, and given back.
import { expect, test } from 'vitest';
import type { BusinessClock } from '../fulfilment/ports.ts';
import { MemoryLog } from '../shared/memory-log.ts';
import { readRules } from '../sourcing/rules.ts';
import { liveCapacity } from './capacity.ts';

const DAY_MS = 86_400_000;
/** Noon; the cutoff is at 15:00. */
const NOON = Date.UTC(2026, 0, 5, 12);
const CUTOFF = Date.UTC(2026, 0, 5, 15);
const CALENDAR = { timeZone: 'UTC', cutoff: '15:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };
const RULES = readRules({
  version: 'test',
  nodes: [
    { node: 'small', region: 'r', latitude: 41.88, longitude: -87.63, packagesPerDay: 3, ...CALENDAR },
    { node: 'large', region: 'r', latitude: 40.74, longitude: -74.17, ...CALENDAR },
  ],
  services: [
    {
      service: 'ground',
      carrier: 'acme',
      transit: [{ untilKm: 500, days: { p50: 1, p75: 1, p85: 1, p90: 1, p95: 1, p97: 1, p99: 1 } }],
    },
  ],
});
const SLOT = { node: 'small', handedOverAt: CUTOFF };

function given() {
  const log = new MemoryLog();
  let now = NOON;
  const clock: BusinessClock = { now: () => now, toGrid: (at) => at, fromGrid: (at) => at, speed: 1 };
  const options = { log, rules: () => RULES, clock, saves: true, say: () => undefined, pollMs: 1e6 };
  return { options, open: () => liveCapacity(options), later: (ms: number) => (now += ms) };
}

test('given packages taken by two processes, then each counts all of them, each package once, and only those of the next hand-over', async () => {
  const { open, later } = given();
  const [one, other] = [await open(), await open()];
  await one.take('r/o-1/p1', SLOT);
  await one.take('r/o-1/p2', { node: 'large', handedOverAt: CUTOFF });
  await one.take('r/o-1/p1', SLOT);
  await other.take('r/o-2/p1', SLOT);
  await one.look();
  await other.look();
  expect([one.packagesOf('small'), other.packagesOf('small'), one.packagesOf('large')]).toEqual([2, 2, 0]);
  expect(one.figures).toEqual([{ node: 'small', packages: 2, max: 3 }]);
  later(4 * 3_600_000);
  expect(one.packagesOf('small')).toBe(0);
});

test('given two packages of one order for one hand-over, then both are handed over, and each can be given back', async () => {
  const { open } = given();
  const capacity = await open();
  await capacity.take('r/o-1/p1', SLOT);
  await capacity.take('r/o-1/p2', SLOT);
  expect(capacity.packagesOf('small')).toBe(2);
  await capacity.free('r/o-1/p1', 'small');
  // At once, for whoever sources it anew.
  expect(capacity.packagesOf('small')).toBe(1);
  await capacity.look();
  expect(capacity.packagesOf('small')).toBe(1);
});

test('given a package that goes with a later hand-over, then it counts there and not where it was to go before', async () => {
  const { open, later } = given();
  const capacity = await open();
  await capacity.take('r/o-1/p1', SLOT);
  await capacity.take('r/o-1/p1', { ...SLOT, handedOverAt: CUTOFF + DAY_MS });
  expect(capacity.packagesOf('small')).toBe(0);
  later(DAY_MS);
  expect(capacity.packagesOf('small')).toBe(1);
});

test('given a feed that says for a while that a node hands over any number, then packages are counted all the same', async () => {
  let rules = RULES;
  const { options } = given();
  const capacity = await liveCapacity({ ...options, rules: () => rules });
  await capacity.take('r/o-1/p1', SLOT);
  rules = { ...RULES, nodes: RULES.nodes.map(({ packagesPerDay: _, ...node }) => node) };
  await capacity.free('r/o-1/p1', 'small');
  await capacity.take('r/o-2/p1', SLOT);
  await capacity.take('r/o-3/p1', SLOT);
  rules = RULES;
  expect(capacity.packagesOf('small')).toBe(2);
});

test('given an order that is about to take a place, then it counts here at once, and no longer when it does not', async () => {
  const { open } = given();
  const capacity = await open();
  capacity.claim('o-1', [SLOT]);
  expect(capacity.packagesOf('small')).toBe(1);
  capacity.claim('o-1', []);
  expect(capacity.packagesOf('small')).toBe(0);
  await capacity.take('r/o-1/p1', SLOT);
  expect(capacity.packagesOf('small')).toBe(1);
});

test('given a package that is not sent after all, then its place is free, also after a restart', async () => {
  const { open, later } = given();
  const before = await open();
  await before.take('r/o-1/p1', SLOT);
  await before.take('r/o-2/p1', SLOT);
  await before.free('r/o-1/p1', 'small');
  await before.stop();
  const after = await open();
  expect(after.packagesOf('small')).toBe(1);
  // What was handed over long ago is forgotten.
  later(2 * DAY_MS);
  await after.take('r/o-3/p1', { node: 'small', handedOverAt: CUTOFF + 2 * DAY_MS });
  await after.look();
  await after.stop();
  expect((await open()).packagesOf('small')).toBe(1);
});
