// Parcels that the order does not want (any more), and parcels that their carrier has cancelled: nothing goes out unknown, nothing waits
// for a parcel that nobody collects.
import { describe, expect, test } from 'vitest';
import { CarrierError } from '../carriers/errors.ts';
import type { Settlement, ShipNodes } from './ports.ts';
import { plainly } from './testing/settle.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf } from './testing/world.ts';

/** It has packed what it was told to. */
const nodes: ShipNodes = {
  release: async () => undefined,
  progress: async ({ grams }) => ({ state: 'packed', grams }),
};

/** A packed package; with `settle` policies decide. */
async function givenPacked(settle = plainly): Promise<Steps> {
  const world = givenWorld({ 'us-east/chicago/mug': 4 }, {}, { settle, nodes });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  await world.work('o-1', 'source');
  await world.work('o-1', 'release');
  await world.work('o-1', 'pick');
  await world.work('o-1', 'pack');
  return world;
}

async function givenBooked(settle = plainly): Promise<Steps> {
  const world = await givenPacked(settle);
  await world.work('o-1', 'book');
  expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T1' }]);
  return world;
}

async function raise({ grid }: Steps, kind: string, packageId?: string): Promise<void> {
  const about = packageId === undefined ? {} : { packageId };
  await grid.advanceOrder('o-1', { type: 'raise', kind, ...about, evidence: {} }, { requestId: `raise ${kind}` });
}

/** Whoever books dies, or is cut off, before he tells of it. */
async function bookUntold(world: Steps): Promise<void> {
  world.carrier.fault = (call) => {
    if (call === 'booked') throw new Error('dead');
  };
  await expect(world.work('o-1', 'book')).rejects.toThrow('dead');
  world.carrier.fault = () => {};
}

const always = (command: Settlement['command']) => async (): Promise<Settlement> => ({ command, policyVersion: 'v' });

const REROUTED = { action: 'reroute', carrier: 'acme', service: 'air' } as const;

describe('a booking that nobody told of', () => {
  test.each([
    ['cancelled', 'cancelRequest', plainly],
    ['sourced again', 'lateRisk', always({ action: 'resource' })],
    ['sent by another service', 'lateRisk', always(REROUTED)],
  ])('is taken back when the package is %s (I16)', async (_, kind, settle) => {
    const world = await givenPacked(settle);
    await bookUntold(world);
    await raise(world, kind, kind === 'lateRisk' ? 'p1' : undefined);
    await world.work('o-1', 'settle');
    await world.work('o-1', 'stock');
    expect([...world.carrier.cancelled]).toEqual(['T1']);
    expect(world.carrier.bookings.size).toBe(1);
    expect(world.tasksOf('o-1', 'stock')).toEqual([]);
  });

  const ELSEWHERE = { latitude: 34.05, longitude: -118.24, postalCode: '90012' };

  test('is taken back when the order is to go elsewhere, and booked anew to there (I16)', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    const moved = { type: 'changeDestination', destination: ELSEWHERE };
    await world.grid.advanceOrder('o-1', moved, { requestId: 'moved' });
    await world.work('o-1', 'stock');
    await world.work('o-1', 'book');
    expect([...world.carrier.cancelled]).toEqual(['T1']);
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T2' }]);
  });

  test('is taken back where the order has gone elsewhere since it was cancelled', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    const moved = { type: 'changeDestination', destination: ELSEWHERE };
    await world.grid.advanceOrder('o-1', moved, { requestId: 'moved' });
    await world.work('o-1', 'stock');
    expect([...world.carrier.cancelled]).toEqual(['T1']);
  });

  test('is taken back once its carrier answers, and only then are its units sold to others', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    world.carrier.fault = () => {
      throw new CarrierError('UNAVAILABLE', 'away');
    };
    await world.work('o-1', 'stock');
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(2);
    world.carrier.fault = () => {};
    await world.work('o-1', 'stock');
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(4);
    expect([...world.carrier.cancelled]).toEqual(['T1']);
  });

  test('that is on its way by now is no stock, and is left to a person', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    world.carrier.fault = (call) => {
      if (call === 'cancel') throw new CarrierError('TOO_LATE', 'picked up');
    };
    await world.work('o-1', 'stock');
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(2);
    expect(world.grid.held).toBe(0);
    await world.work('o-1', 'settle');
    expect(world.detail('o-1').exceptions).toMatchObject([
      { kind: 'cancelRequest', state: 'SETTLED' },
      { kind: 'lostParcel', packageId: 'p1', state: 'ESCALATED', evidence: { trackingId: 'T1', code: 'TOO_LATE' } },
    ]);
  });
});

describe('a parcel that its carrier has cancelled', () => {
  test('by whomever, is booked again', async () => {
    const world = await givenBooked();
    world.carrier.cancelled.add('T1');
    await world.work('o-1', 'track');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'PACKED', trackingId: undefined }]);
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T2' }]);
  });

  test('by one who died before he told is cancelled in its order, though it is too late for another try', async () => {
    const world = await givenBooked();
    await raise(world, 'cancelRequest');
    world.carrier.fault = (call) => {
      if (call === 'cancelled') throw new Error('dead');
    };
    await expect(world.work('o-1', 'settle')).rejects.toThrow('dead');
    world.carrier.fault = (call) => {
      if (call === 'cancel') throw new CarrierError('TOO_LATE', 'cancelled');
    };
    await world.work('o-1', 'settle');
    await world.work('o-1', 'stock');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'CANCELLED' }]);
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(4);
  });
});
