// `npm run bench:sourcing`: how long a plan takes, over eight hubs and eighteen carrier services, for orders of several sizes; with --data also for
// those of a real retailer over the hubs and services of the evaluation. Plain orders, orders that allow substitutes, and bundles; one after the
// other, in one thread.
// Processor time, with the collector's threads, says what it would take on a machine that does nothing else.

import { createHistogram } from 'node:perf_hooks';
import { Command } from 'commander';
import { draw } from '../carriers/simulated/random.ts';
import type { Order } from '../sourcing/order.ts';
import { readRules, type SourcingRules } from '../sourcing/rules.ts';
import type { Situation } from '../sourcing/situation.ts';
import { planOrder } from '../sourcing/whole.ts';
import { dataFolder, runEvaluation } from './program.ts';
import { ASSUMPTIONS } from './sourcing/assumptions.ts';
import { readInput, SOURCING_DATA } from './sourcing/input.ts';
import { worldOf } from './sourcing/world.ts';

const HUBS = 8;
const SERVICES = 18;
const NOW = Date.parse('2026-11-24T12:00:00Z');
const DAY_MS = 86_400_000;
/** Of a bundle. */
const COMPONENTS = 3;
const PLANS = 5_000;
const WARM_UP = 1_000;
/** Of the real retailer's. */
const RETAIL_ORDERS = 2_000;

interface Case {
  readonly name: string;
  readonly orders: readonly Order[];
  readonly rules: SourcingRules;
  readonly situation: Situation;
}

const command = new Command('bench:sourcing')
  .description('Measure how long a plan takes.')
  .option('--data <directory>', 'the folder with uci-online-retail, geo and carrier-calibration')
  .option('--only <text>', 'only orders whose name has this in it')
  .action(run);
process.exitCode = await runEvaluation(command);

async function run({ data, only = '' }: { readonly data?: string; readonly only?: string }): Promise<void> {
  const sizes = [1, 3, 13, 40].flatMap((lines) =>
    [false, true].flatMap((isScarce) => [false, true].map((isStepped) => madeUp(lines, isScarce, isStepped))),
  );
  const others = [3, 13].flatMap((lines) => [allowingSubstitutes(lines), inBundles(lines)]);
  const real = data === undefined ? [] : [await retail(dataFolder(data, SOURCING_DATA))];
  const cases = [...sizes, ...others, ...real].filter(({ name }) => name.includes(only));
  console.log(
    '| orders | p50 ms | p99 ms | p99 of processor time, ms | max ms | not proved |\n|---|---|---|---|---|---|',
  );
  for (const one of cases) console.log(`| ${[one.name, ...measured(one)].join(' | ')} |`);
}

function measured({ orders, rules, situation }: Case): string[] {
  const [histogram, processor] = [createHistogram(), createHistogram()];
  let unproved = 0;
  for (let n = -WARM_UP; n < PLANS; n++) {
    const order = orders[(n + WARM_UP) % orders.length] as Order;
    const used = process.cpuUsage();
    const began = process.hrtime.bigint();
    const { proved } = planOrder(order, rules, situation);
    const took = process.hrtime.bigint() - began;
    const { user, system } = process.cpuUsage(used);
    if (n < 0) continue;
    histogram.record(took > 0n ? took : 1n);
    processor.record(Math.max(1, (user + system) * 1_000));
    if (!proved) unproved += 1;
  }
  const ms = (ns: number): string => (ns / 1e6).toFixed(2);
  return [
    ms(histogram.percentile(50)),
    ms(histogram.percentile(99)),
    ms(processor.percentile(99)),
    ms(histogram.max),
    `${unproved} of ${PLANS}`,
  ];
}

function days(p50: number) {
  return { p50, p75: p50 * 1.2, p85: p50 * 1.4, p90: p50 * 1.5, p95: p50 * 1.8, p97: p50 * 2, p99: p50 * 3 };
}

function madeUp(lines: number, isScarce: boolean, isStepped: boolean): Case {
  const steps = (n: number) => ({
    zones: [500, 1_500, 5_000].map((untilKm, zone) => ({
      untilKm,
      prices: [1, 2, 5, 10, 20, 50].map((untilKg) => ({
        untilKg,
        // Dearer by weight, and the less so the heavier.
        price: Math.round((60 + 20 * (n % 4)) * (1 + zone) * untilKg ** 0.75),
      })),
    })),
  });
  const rules = readRules({
    version: 'bench',
    nodes: Array.from({ length: HUBS }, (_, n) => ({
      node: `hub-${n}`,
      region: 'us',
      latitude: 30 + 15 * draw(1, 'latitude', n),
      longitude: -120 + 45 * draw(1, 'longitude', n),
      timeZone: 'America/Chicago',
      cutoff: '15:00',
      handlingPerPackage: Math.round(100 + 200 * draw(1, 'handling', n)),
    })),
    services: Array.from({ length: SERVICES }, (_, n) => ({
      service: `service-${n}`,
      carrier: 'acme',
      base: Math.round(400 + 1_200 * draw(1, 'base', n)),
      perKm: 0.1 + 0.5 * draw(1, 'km', n),
      perKg: isStepped ? 0 : Math.round(20 + 200 * draw(1, 'kg', n)),
      ...(isStepped ? steps(n) : {}),
      transit: [500, 1_500, 5_000].map((untilKm, band) => ({
        untilKm,
        days: days((1 + band) * (0.7 + draw(1, 'days', n))),
      })),
    })),
    splitPenalty: 200,
    lateCostPerPackage: 500,
  });
  const skus = Array.from({ length: lines * 3 }, (_, n) => `sku-${n}`);
  const orders = Array.from(
    { length: 500 },
    (_, n): Order => ({
      orderId: `${n}`,
      lines: skus
        .toSorted((a, b) => draw(2, n, a) - draw(2, n, b))
        .slice(0, lines)
        .map((sku, line) => ({
          lineId: `${line}`,
          sku,
          qty: 1 + Math.floor(3 * draw(3, n, sku)),
          grams: 100 + Math.floor(400 * draw(4, sku)),
          value: 2_000,
        })),
      destination: { latitude: 30 + 15 * draw(5, n), longitude: -120 + 45 * draw(6, n), postalCode: '10007' },
      promisedAt: NOW + 4 * DAY_MS,
    }),
  );
  // A hub has each SKU, or a third of them: then most orders need several packages.
  const has = new Map(
    rules.nodes.map(({ node }) => [node, new Set(skus.filter((sku) => !isScarce || draw(7, node, sku) < 1 / 3))]),
  );
  const stock: Situation['stock'] = (_, sku, node) => (has.get(node)?.has(sku) === true ? 10 : 0);
  const name = `${lines} lines, ${isScarce ? 'a third of the SKUs' : 'all SKUs'} at each hub${isStepped ? ', prices by weight' : ''}`;
  return { name, orders, rules, situation: { stock, packagesOf: () => 0, now: NOW } };
}

/** Each line allows two other SKUs; of one SKU in twenty-five there is none anywhere, and more is out of reach of four packages. */
function allowingSubstitutes(lines: number): Case {
  const plain = madeUp(lines, true, false);
  return {
    ...plain,
    name: `${plain.name}, two substitutes a line`,
    orders: plain.orders.map((order) => ({
      ...order,
      lines: order.lines.map((line) => {
        const place = Number(line.sku.slice('sku-'.length));
        const substitutes = [1, 2].map((n) => `sku-${(place + n) % (lines * 3)}`);
        return { ...line, substitutes };
      }),
    })),
  };
}

/** Three lines are components of a bundle, of which one to three are ordered. */
function inBundles(lines: number): Case {
  const plain = madeUp(lines, true, false);
  return {
    ...plain,
    name: `${plain.name}, in bundles of three`,
    orders: plain.orders.map((order) => ({
      ...order,
      lines: order.lines.map((line, n) => {
        const first = order.lines[n - (n % COMPONENTS)] as Order['lines'][number];
        return { ...line, qty: first.qty, bundle: { bundle: `${Math.floor(n / COMPONENTS)}`, units: 1 } };
      }),
    })),
  };
}

async function retail(directory: string): Promise<Case> {
  const world = worldOf(await readInput(directory), 1, RETAIL_ORDERS, ASSUMPTIONS);
  const stock: Situation['stock'] = (_, sku, node) => world.stock.get(node)?.get(sku) ?? 0;
  return {
    name: `a real retailer’s, ${world.rules.services.length} services of ${HUBS} hubs`,
    orders: world.orders.map(({ order }) => order),
    rules: world.rules,
    situation: { stock, packagesOf: () => 0, now: world.orders[0]?.at ?? NOW },
  };
}
