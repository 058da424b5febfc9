// Shadow prices of running processes: made of what all of them were asked for, by the solver, and gone when they are too old.
import { expect, test } from 'vitest';
import type { BusinessClock } from '../fulfilment/ports.ts';
import { MemoryLog } from '../shared/memory-log.ts';
import { loadSolver } from '../sourcing/highs/solver.ts';
import type { Order } from '../sourcing/order.ts';
import { type PricingInput, pricesOf, pricingProgram } from '../sourcing/pricing.ts';
import { readRules } from '../sourcing/rules.ts';
import { liveDemand } from './asked.ts';
import { livePrices } from './prices.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 5);
const CALENDAR = { timeZone: 'UTC', cutoff: '15:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };
const DAYS = { p50: 1, p75: 1, p85: 1, p90: 1, p95: 1, p97: 1, p99: 1 };
const RULES = readRules({
  version: 'test',
  nodes: [
    { node: 'newark', region: 'r', latitude: 40.74, longitude: -74.17, ...CALENDAR },
    { node: 'denver', region: 'r', latitude: 39.74, longitude: -104.99, ...CALENDAR },
  ],
  services: [{ service: 'ground', carrier: 'acme', base: 500, perKm: 0.2, transit: [{ untilKm: 500, days: DAYS }] }],
  prices: { replenishedAfterDays: 10 },
});
const NEW_YORK = { latitude: 40.71, longitude: -74.01, postalCode: '10007' };
const orderOf = (n: number): Order => ({
  orderId: `o-${n}`,
  lines: [{ lineId: '1', sku: 'mug', qty: 1, grams: 400, value: 1_900 }],
  destination: NEW_YORK,
});

async function given() {
  const log = new MemoryLog();
  let now = START;
  const clock: BusinessClock = { now: () => now, toGrid: (at) => at, fromGrid: (at) => at, speed: 1 };
  const open = () => liveDemand({ log, clock, saves: true, say: () => undefined, pollMs: 1e6 });
  const [one, other] = [await open(), await open()];
  const later = (days: number) => (now += days * DAY_MS);
  return { one, other, open, clock, later };
}

test('given orders that two processes sourced, then either knows what is asked for a day and where, and forgets it by and by', async () => {
  const { one, other, open, clock, later } = await given();
  for (let n = 0; n < 40; n++) {
    later(0.5);
    await (n % 2 === 0 ? one : other).asked(orderOf(n));
  }
  await one.look();
  const { skus, areas, unitsPerOrder } = one.demand(clock.now());
  expect(skus.map(({ sku }) => sku)).toEqual(['mug']);
  expect(skus[0]?.unitsPerDay[0]).toBeGreaterThan(1.7);
  expect(skus[0]?.unitsPerDay[0]).toBeLessThan(2.4);
  expect(areas).toMatchObject([{ postalCode: '10007', orders: 40 }]);
  expect(unitsPerOrder).toBe(1);
  await one.stop();
  const again = await open();
  expect(again.demand(clock.now())).toEqual(one.demand(clock.now()));
  later(14);
  expect(again.demand(clock.now()).skus[0]?.unitsPerDay[0]).toBeLessThan(0.7);
});

test('given more demand than the near node has stock for, then a unit there has a price, which goes when it is too old', async () => {
  const { one, clock, later } = await given();
  const solveNow = await loadSolver();
  const solved: PricingInput[] = [];
  const prices = livePrices({
    prices: RULES.prices as NonNullable<typeof RULES.prices>,
    rules: () => RULES,
    demand: (now) => one.demand(now),
    packagesOf: () => 0,
    grid: { stockOf: async () => (_region, _sku, node) => (node === 'newark' ? 3 : 1_000) },
    clock,
    thread: {
      prices: async (input) => {
        solved.push(input);
        const program = pricingProgram(input);
        const solution = solveNow(program.program, { timeMs: 1_000, gap: 0 });
        if (solution === undefined) throw new Error('no prices');
        return pricesOf(input, program, solution);
      },
    },
  });
  await prices.refresh();
  // Nothing was asked for, and nothing is priced.
  expect([prices.prices(), solved.length, prices.status.error]).toEqual([undefined, 0, undefined]);
  for (let n = 0; n < 20; n++) {
    later(0.25);
    await one.asked(orderOf(n));
  }
  await one.look();
  await prices.refresh();
  const made = prices.prices();
  expect(made?.asOf).toBe(clock.now());
  // From Denver a package costs so much more, and each has one unit.
  expect(made?.scarcity.get('newark')?.get('mug')).toBeGreaterThan(400);
  expect(made?.scarcity.get('denver')?.get('mug')).toBe(0);
  later(1);
  expect(prices.prices()).toBeUndefined();
  prices.stop();
});
