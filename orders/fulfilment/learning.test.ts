// What fulfilment learns and heeds: capacities of ship nodes, parcels told to the transit model, and promises that it says will be missed.
import { afterEach, expect, test, vi } from 'vitest';
import { liveCapacity } from '../live/capacity.ts';
import { isEnded } from '../order/index.ts';
import type { OrderPackage } from '../order/types.ts';
import { detailOf, type OrderDetail } from '../order/view.ts';
import { MemoryLog } from '../shared/memory-log.ts';
import type { ShipNode } from '../sourcing/rules.ts';
import type { Leg, Observation } from '../transit/model.ts';
import { keepablePromise, legOf } from './parcels.ts';
import type { BusinessClock, Ports } from './ports.ts';
import { outboxQueue } from './queue/outbox.ts';
import type { TaskQueue } from './queue/port.ts';
import { ALL_KINDS, createWorld, orderOf, QUICK_LIMITS, RULES } from './testing/world.ts';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 0, 5, 12);
/** Stands still, so that all is before one cutoff. */
const STILL: BusinessClock = { now: () => NOON, toGrid: (at) => at, fromGrid: (at) => at, speed: 1 };
const STOCK = { 'us-east/chicago/mug': 20, 'us-east/newark/mug': 20 };

const queues: TaskQueue[] = [];
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.stop()));
});

test('given a ship node that hands over so many packages a day, when more orders come at once, then the others are sent from elsewhere', async () => {
  const rules = {
    ...RULES,
    nodes: RULES.nodes.map((one) => (one.node === 'newark' ? { ...one, packagesPerDay: 2 } : one)),
  };
  const open = () =>
    liveCapacity({ log: new MemoryLog(), rules: () => rules, clock: STILL, saves: true, say: () => {}, pollMs: 1e6 });
  const capacity = await open();
  const { grid, runner } = createWorld(STOCK, { clock: STILL, capacity }, { rules });
  const ids = ['o-1', 'o-2', 'o-3', 'o-4', 'o-5'];
  for (const id of ids) await grid.captureOrder(orderOf(id, { mug: 1 }), 'r');
  const source = (id: string) =>
    runner.run({ orderId: id, taskId: `${id}/source#1`, kind: 'source', region: 'us-east' });
  await Promise.all(ids.map(source));
  const nodes = ids.map((id) => detailOf(grid.state(id)).packages[0]?.node);
  expect(nodes.filter((node) => node === 'newark')).toHaveLength(2);
  expect(nodes.filter((node) => node === 'chicago')).toHaveLength(3);
  expect(capacity.figures).toEqual([{ node: 'newark', packages: 2, max: 2 }]);

  // One is rejected there: its place is another's.
  const first = ids[nodes.indexOf('newark')] as string;
  const tell = (command: { type: string; [field: string]: string }) =>
    grid.advanceOrder(first, command, { requestId: command.type });
  await tell({ type: 'release', packageId: 'p1', taskId: `${first}/release#1` });
  await tell({ type: 'reject', packageId: 'p1', reasonCode: 'tooBusy' });
  await runner.run({ orderId: first, taskId: `${first}/stock#1`, kind: 'stock', region: 'us-east' });
  await capacity.look();
  await grid.captureOrder(orderOf('o-6', { mug: 1 }), 'r');
  await source('o-6');
  expect(detailOf(grid.state('o-6')).packages[0]?.node).toBe('newark');
});

/** A model that says the same of all parcels, and remembers what it was told and asked. */
function told(missProbability: number) {
  const observed: Observation[] = [];
  const asked: { readonly leg: Leg; readonly deadline: number }[] = [];
  const transit: Ports['transit'] = {
    observe: async (observations) => void observed.push(...observations),
    missProbability: (leg, deadline) => {
      asked.push({ leg, deadline });
      return missProbability;
    },
  };
  return { observed, asked, transit };
}

async function delivered(transit: Ports['transit'], changes: Partial<Ports> = {}) {
  const world = createWorld(STOCK, { transit, ...changes });
  const promisedAt = world.clock.now() + 100 * DAY_MS;
  await world.grid.captureOrder(orderOf('o-1', { mug: 1 }, { promisedAt }), 'r');
  queues.push(outboxQueue({ grid: world.grid, kinds: ALL_KINDS, runner: world.runner, limits: QUICK_LIMITS }));
  await vi.waitFor(() => expect(isEnded(world.grid.state('o-1'))).toBe(true), { timeout: 10_000, interval: 5 });
  const { packages, exceptions } = detailOf(world.grid.state('o-1'));
  // A machine that stands still for a second is without a scan for days.
  return { packages, lateRisks: exceptions.filter(({ kind }) => kind === 'lateRisk'), promisedAt };
}

test('given a parcel that is sent, then the model is told when it was handed over and delivered, and asked about it on its way', async () => {
  const { observed, asked, transit } = told(0.1);
  const { packages, lateRisks, promisedAt } = await delivered(transit);
  const [one] = packages;
  const shipment = { shipmentId: 'us-east/o-1/p1', node: 'newark', service: 'ground', postalCode: '10007' };
  expect(observed).toContainEqual({
    kind: 'handedOver',
    shipment: { ...shipment, km: expect.any(Number), handedOverAt: one?.shippedAt },
  });
  expect(observed).toContainEqual({ kind: 'scan', shipmentId: 'us-east/o-1/p1', at: expect.any(Number) });
  expect(observed).toContainEqual({ kind: 'delivered', shipmentId: 'us-east/o-1/p1', at: one?.deliveredAt });
  expect(asked.at(-1)).toMatchObject({ leg: { node: 'newark', service: 'ground' }, deadline: promisedAt });
  expect(lateRisks).toEqual([]);
});

test('given a promise that is likely to be missed by the model, then it is an exception once, and weather makes it so', async () => {
  const { lateRisks } = await delivered(told(0.35).transit);
  expect(lateRisks).toMatchObject([{ evidence: { missProbability: 0.35 } }]);
  // The model is asked for a day less where a day is lost.
  const { asked, transit } = told(0.1);
  const { promisedAt } = await delivered(transit, { delays: () => 1 });
  expect(asked.map(({ deadline }) => deadline)).toContain(promisedAt - DAY_MS);
});

test('given a parcel that is late, then it is promised for a day that nine of ten such parcels keep, or a month later at most', () => {
  const promisedAt = NOON + 5 * DAY_MS;
  const one = { node: 'newark', service: 'ground', shippedAt: NOON - 3 * DAY_MS } as OrderPackage;
  const detail = {
    promisedAt,
    destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' },
  } as OrderDetail;
  const newPromise = (missed: (deadline: number) => number): number => {
    const transit: Ports['transit'] = {
      observe: async () => undefined,
      missProbability: (_, deadline) => missed(deadline),
    };
    const nodes = new Map(RULES.nodes.map((node) => [node.node, node]));
    return keepablePromise(one, { detail }, { nodes, transit, delays: () => 0, now: NOON }, promisedAt);
  };
  expect(newPromise(() => 0.05)).toBe(promisedAt);
  expect(newPromise((deadline) => (deadline > promisedAt + 3.5 * DAY_MS ? 0.1 : 0.2))).toBe(promisedAt + 4 * DAY_MS);
  expect(newPromise(() => 0.5)).toBe(promisedAt + 30 * DAY_MS);
});

test('given a parcel that missed the last hand-over of the week, then it is judged by the next, on Monday', () => {
  const weekdays = { ...(RULES.nodes[0] as ShipNode), workingDays: [1, 2, 3, 4, 5] };
  const friday = Date.UTC(2026, 0, 9, 15);
  const monday = friday + 3 * DAY_MS;
  const order = { detail: { destination: { latitude: 40.71, longitude: -74.01, postalCode: '10007' } } as OrderDetail };
  const leavesAt = (state: string, hoursAfter: number): number | undefined => {
    const one = { node: 'chicago', service: 'ground', state, handedOverAt: friday } as OrderPackage;
    return legOf(one, order, new Map([['chicago', weekdays]]), friday + hoursAfter * 3_600_000)?.handedOverAt;
  };
  expect([leavesAt('PACKED', -1), leavesAt('BOOKED', -1)]).toEqual([friday, friday]);
  expect([leavesAt('PACKED', 1), leavesAt('PACKED', 20)]).toEqual([monday, monday]);
  // Its carrier may have it, and scan it in the evening.
  expect([leavesAt('BOOKED', 1), leavesAt('BOOKED', 20)]).toEqual([friday, monday]);
});
