// What the demonstration is made of: its orders, places and rules with and without data, and what it tells of its orders.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_PROFILE } from '../../../orders/carriers/simulated/profile.ts';
import type { OrderDetail } from '../../../orders/order/view.ts';
import { planOrder } from '../../../orders/sourcing/whole.ts';
import { destinationsOfOurOwn, hubsOfOurOwn, readDestinations, readHubs, timeZoneOf } from './places.ts';
import { progressLine, type Seen, summary } from './report.ts';
import { retailDemand } from './retail-orders.ts';
import { demoRules } from './rules.ts';

const STARTS_AT = Date.parse('2026-11-24T09:00:00Z');

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
});
afterAll(() => rm(data, { recursive: true }));

const demand = (changes: Partial<Parameters<typeof retailDemand>[0]> = {}) =>
  retailDemand({
    data,
    count: 40,
    seed: 7,
    prefix: 'd-',
    startsAt: STARTS_AT,
    destinations: destinationsOfOurOwn(),
    ...changes,
  });

describe('orders of the demonstration', () => {
  test('given no data, then they are drawn from the seed alone, one after the other, and it says so', async () => {
    const { orders, from } = await demand();
    expect(from).toMatch(/^a generator \(seed 7\), since \S+ \(--data\) has no \S+online_retail/);
    expect(orders).toHaveLength(40);
    expect(orders.map(({ afterMs }) => afterMs)).toEqual(
      orders.map(({ afterMs }) => afterMs).toSorted((a, b) => a - b),
    );
    expect(await demand()).toEqual({ orders, from });
    expect((await demand({ seed: 8 })).orders).not.toEqual(orders);
    for (const { afterMs, order } of orders) {
      expect(order.promisedAt).toBeGreaterThan(STARTS_AT + afterMs);
      expect(new Set(order.lines.map(({ sku }) => sku)).size).toBe(order.lines.length);
    }
  });

  test('given a retailer’s file, then its orders come when they came, its returns do not, and lines of one SKU are one', async () => {
    const rows = [
      'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country',
      '536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850,United Kingdom',
      '536365,85123a,HEART,2,2010-12-01 08:26:00,2.55,17850,United Kingdom',
      '536365,POST,POSTAGE,1,2010-12-01 08:26:00,9,17850,United Kingdom',
      'C536366,85123A,HEART,-1,2010-12-01 08:30:00,2.55,17850,United Kingdom',
      '536367,71053,LANTERN,4,2010-12-01 09:26:00,3.39,,France',
    ];
    const folder = join(data, 'uci-online-retail');
    await mkdir(folder);
    await writeFile(join(folder, 'online_retail.csv.gz'), gzipSync(rows.join('\n')));
    const { orders, from } = await demand();
    expect(from).toContain('online_retail.csv.gz');
    expect(orders.map(({ afterMs, order }) => [afterMs, order.orderId, order.customer])).toEqual([
      [0, 'd-536365', '17850'],
      [3_600_000, 'd-536367', undefined],
    ]);
    expect(orders[0]?.order.lines).toMatchObject([{ sku: '85123A', qty: 8 }]);
    expect((await demand({ count: 1 })).orders).toHaveLength(1);
  });
});

describe('places and rules', () => {
  test('given no data, then eight hubs of its own serve each other’s cities by rules that can be used', async () => {
    expect([await readHubs(join(data, 'none')), await readDestinations(join(data, 'none'))]).toEqual([
      undefined,
      undefined,
    ]);
    const rules = demoRules(hubsOfOurOwn, DEFAULT_PROFILE, 'us-east');
    expect(rules.nodes).toHaveLength(8);
    const { orders } = await demand({ data: join(data, 'none'), count: 5 });
    const now = STARTS_AT;
    for (const { order } of orders) {
      const { orderId, lines, destination } = order;
      const wanted = lines.map(({ lineId, sku, qty, grams = 0, value = 0 }) => ({ lineId, sku, qty, grams, value }));
      const plan = planOrder({ orderId, lines: wanted, destination }, rules, {
        stock: () => 1_000,
        packagesOf: () => 0,
        now,
      });
      expect(plan.unfilled).toEqual([]);
    }
  });

  test('given data, then hubs and destinations are of the contiguous United States, as there', async () => {
    const [calibration, geo] = [join(data, 'carrier-calibration'), join(data, 'geo')];
    await Promise.all([mkdir(calibration), mkdir(geo)]);
    await writeFile(
      join(calibration, 'hubs.csv'),
      'city_name,state,zip3,hub_lat,hub_lon\nSalt Lake,UT,841,40.76,-111.89\n',
    );
    await writeFile(
      join(geo, 'us_zipcodes.csv'),
      'zip_code,latitude,longitude,city\n10001,40.75,-73.99,New York\n99501,61.22,-149.9,Anchorage\n',
    );
    const hubs = (await readHubs(data)) ?? [];
    expect(hubs).toMatchObject([{ node: 'salt-lake', postalCode: '84100', latitude: 40.76 }]);
    expect(hubs.map(timeZoneOf)).toEqual(['America/Chicago']);
    expect((await readDestinations(data))?.map(({ postalCode }) => postalCode)).toEqual(['10001']);
  });
});

describe('what it tells', () => {
  const seen = (status: string, changes: object = {}): Seen => ({
    orderId: 'o',
    isEnded: true,
    detail: { status, packages: [], exceptions: [], ...changes } as unknown as OrderDetail,
  });
  const delivered = (deliveredAt: number) => ({ state: 'DELIVERED', shippedAt: 1, deliveredAt });
  const lost = { state: 'LOST', shippedAt: 1, lines: [] };
  const unsent = (state: string) => ({ state, lines: [{ qty: 0 }] });
  const decided = (action: string, rule?: string) => ({ action, rule });

  test('while it runs: orders by status, and tasks', () => {
    const figures = { inFlight: 3, done: 1_200, retried: 0, dead: 0 };
    expect(progressLine([seen('DELIVERED'), seen('DELIVERED'), seen('PACKED')], 5, figures, 50 * 3_600_000)).toBe(
      'day 3: 5 captured: DELIVERED 2, PACKED 1; tasks 1,200 done, 3 in hand',
    );
  });

  test('at the end: what was kept, which exceptions there were, how they were settled and how many were left to people', () => {
    const text = summary(
      [
        seen('DELIVERED', {
          promisedAt: 10,
          packages: [delivered(9), delivered(11), lost, unsent('REJECTED'), unsent('CANCELLED')],
        }),
        seen('PARTIAL', {
          exceptions: [
            { kind: 'shortPick', state: 'SETTLED', decisions: [decided('resource')] },
            { kind: 'backorder', state: 'SETTLED', decisions: [decided('wait', 'sourced')] },
            { kind: 'lateRisk', state: 'ESCALATED', decisions: [decided('escalate')] },
            { kind: 'lateRisk', state: 'OPEN', decisions: [decided('wait')] },
            { kind: 'damaged', state: 'OPEN', decisions: [] },
          ],
        }),
      ],
      61_000,
    );
    expect(text).toContain('2 orders captured, 1 sourced and reserved, in 1 min 1 s (simulation)');
    expect(text).toContain(
      '5 packages, 3 shipped, 2 delivered, 1 of them by what was promised last, 1 lost; 1 rejected by their ship node and sourced again, 1 cancelled or sourced again',
    );
    for (const row of [
      /shortPick +resource +1/,
      /backorder +itself \(sourced\) +1/,
      /lateRisk +a person +1/,
      /lateRisk +waiting +1/,
      /damaged +not yet +1/,
      /5 exceptions, 1 left to a person/,
    ]) {
      expect(text).toMatch(row);
    }
  });
});
