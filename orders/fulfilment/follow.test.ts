// Whose word about a parcel counts.
import { expect, test } from 'vitest';
import type { Carrier, TrackEvent } from '../carriers/port.ts';
import type { Observation } from '../transit/model.ts';
import { businessClock } from './clock.ts';
import { followCarriers } from './follow.ts';
import type { OrderGrid, OrderRecord, Ports } from './ports.ts';

type Tell = (event: TrackEvent) => Promise<void>;

const TRACK = { taskId: 'o-1/track#1', kind: 'track', key: 'p1', dueAt: 0, payload: {} };

/** An order o-1 whose package p1 goes with acme under T2. */
function createFollowed() {
  const commands: unknown[] = [];
  const tells = new Map<string, Tell>();
  const onTracking = (name: string) => (tell: Tell) => {
    tells.set(name, tell);
    return () => tells.delete(name);
  };
  const carrierNamed = (name: string) => ({ carrier: name, onTracking: onTracking(name) }) as unknown as Carrier;
  const detail = { packages: [{ packageId: 'p1', carrier: 'acme', trackingId: 'T2' }] };
  const grid = {
    region: 'us-east',
    getOrder: async (orderId: string) =>
      orderId === 'o-1' ? ({ orderId, detail, tasks: [TRACK] } as unknown as OrderRecord) : undefined,
    advanceOrder: async (_orderId: string, command: { type: string }) => {
      commands.push(command);
      return { ok: true, status: 'SHIPPED' };
    },
  } as unknown as OrderGrid;
  const names = ['acme', 'other'];
  const observed: Observation[] = [];
  const transit: Ports['transit'] = {
    observe: async (observations) => void observed.push(...observations),
    missProbability: () => 0,
  };
  const carriers = new Map(names.map((name) => [name, carrierNamed(name)]));
  const end = followCarriers({ grid, transit, carriers, clock: businessClock({ speed: 1 }) });
  const tell = (name: string, changes: Partial<TrackEvent>) =>
    tells.get(name)?.({
      eventId: 'e',
      trackingId: 'T2',
      shipmentId: 'us-east/o-1/p1',
      kind: 'delivered',
      at: 1,
      ...changes,
    });
  return { commands, observed, tell, tells, end };
}

test('given news of the parcel that a package goes as now, then the order learns it', async () => {
  const { commands, tell } = createFollowed();
  await tell('acme', {});
  expect(commands).toMatchObject([{ type: 'track', packageId: 'p1', code: 'delivered', cause: 'carrier:acme' }]);
});

test('given news of a parcel that was booked before shipments were named by their region, then the order learns it', async () => {
  const { commands, tell } = createFollowed();
  await tell('acme', { shipmentId: 'o-1/p1' });
  expect(commands).toMatchObject([{ type: 'track', packageId: 'p1', code: 'delivered' }]);
});

test('given a scan on its way, then the transit model learns it, too', async () => {
  const { observed, tell } = createFollowed();
  await tell('acme', { kind: 'inTransit', at: 5.2 });
  expect(observed).toEqual([{ kind: 'scan', shipmentId: 'us-east/o-1/p1', at: 5 }]);
});

test.each([
  ['another carrier about it', 'other', {}],
  ['its carrier about the parcel that it went as before', 'acme', { trackingId: 'T1', kind: 'returned' as const }],
  ['its carrier about a package that there is not', 'acme', { shipmentId: 'us-east/o-1/p2' }],
  ['its carrier about an order that there is not', 'acme', { shipmentId: 'us-east/o-2/p1' }],
  ['its carrier about the same orderId in another region', 'acme', { shipmentId: 'eu-west/o-1/p1' }],
  ['its carrier with what is no shipment of ours', 'acme', { shipmentId: 'p1' }],
])('given news from %s, then nothing changes', async (_, name, changes) => {
  const { commands, observed, tell } = createFollowed();
  await tell(name, { kind: 'inTransit', ...changes });
  expect([commands, observed]).toEqual([[], []]);
});

test('given that it is ended, then no carrier tells it anything any more', () => {
  const { tells, end } = createFollowed();
  end();
  expect(tells.size).toBe(0);
});
