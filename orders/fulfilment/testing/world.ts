// A small world of fulfilment: a grid in memory with two ship nodes, a carrier that delivers, and processors over them.
import type { OrderDocument } from '../../../protocol/index.ts';
import type { Carrier } from '../../carriers/port.ts';
import { UNCOUNTED } from '../../live/capacity.ts';
import { transitOfRulesAlone } from '../../live/transit-of-rules.ts';
import { NO_DELAYS } from '../../live/weather.ts';
import { readRules } from '../../sourcing/rules.ts';
import { businessClock } from '../clock.ts';
import { FULFILMENT_LIMITS, type FulfilmentLimits, LATE_RISK } from '../limits.ts';
import type { Notice, Ports } from '../ports.ts';
import { processorsOf } from '../processors/index.ts';
import type { SourceOptions } from '../processors/source.ts';
import { taskRunner } from '../runner.ts';
import { simulatedShipNodes } from '../simulated/ship-nodes.ts';
import { ParcelCarrier } from './carrier.ts';
import { MemoryGrid } from './memory-grid.ts';
import { plainly } from './settle.ts';

/** Business goes so fast that hours are some ms. */
const SPEED = 200_000;

export const QUICK_LIMITS: FulfilmentLimits = {
  ...FULFILMENT_LIMITS,
  leaseMs: 200,
  relayLeaseMs: 300,
  waitMs: 5,
  retryMs: 2,
  retryMsMax: 20,
  leftMs: 2,
  yieldMs: 25,
  gridRetryMs: 2,
};

const DAYS = { p50: 2, p75: 2.5, p85: 3, p90: 3.5, p95: 4, p97: 5, p99: 7 };
const CALENDAR = { timeZone: 'UTC', cutoff: '15:00', workingDays: [1, 2, 3, 4, 5, 6, 7] };

export const RULES = readRules({
  version: 'test',
  nodes: [
    { node: 'chicago', region: 'us-east', latitude: 41.88, longitude: -87.63, ...CALENDAR },
    { node: 'newark', region: 'us-east', latitude: 40.74, longitude: -74.17, ...CALENDAR },
  ],
  services: [{ service: 'ground', carrier: 'acme', base: 500, perKm: 0.2, transit: [{ untilKm: 500, days: DAYS }] }],
});

export function createWorld(
  stock: Readonly<Record<string, number>>,
  changes: Partial<Ports> = {},
  sourcing: Partial<SourceOptions> = {},
) {
  const grid = new MemoryGrid(stock);
  const clock = businessClock({ speed: SPEED });
  const carrier = new ParcelCarrier(clock.now);
  const carriers = new Map<string, Carrier>([['acme', carrier]]);
  const told = new Map<string, Notice>();
  const refunds = new Map<string, number>();
  const ports: Ports = {
    grid,
    clock,
    nodes: simulatedShipNodes({ seed: 1, clock, short: 0, damaged: 0, rejected: 0 }),
    carriers,
    notify: async (notice, key) => void told.set(key, notice),
    refund: async (_orderId, amountMinor, key) => {
      refunds.set(key, amountMinor);
      return `ref-${refunds.size}`;
    },
    settle: plainly,
    transit: transitOfRulesAlone(() => RULES),
    capacity: UNCOUNTED,
    delays: NO_DELAYS,
    isLateRisk: (missProbability) => missProbability >= LATE_RISK,
    ...changes,
  };
  const processors = processorsOf({ rules: RULES, ...sourcing });
  return { grid, clock, carrier, carriers, told, refunds, ports, processors, runner: taskRunner(processors, ports) };
}

export const ALL_KINDS = Object.keys(processorsOf({ rules: RULES }));

export function orderOf(
  orderId: string,
  units: Readonly<Record<string, number>>,
  changes: Partial<OrderDocument> = {},
): OrderDocument {
  return {
    orderId,
    lines: Object.entries(units).map(([sku, qty], n) => ({ lineId: `${n + 1}`, sku, qty, grams: 400, value: 1_900 })),
    destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
    policy: 'partial',
    ...changes,
  };
}
