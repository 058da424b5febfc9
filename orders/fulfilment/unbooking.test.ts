// Parcels that the order does not want (any more), and parcels that their carrier has cancelled: nothing goes out unknown, nothing waits
// for a parcel that nobody collects.
import { describe, expect, test } from 'vitest';
import { CarrierError } from '../carriers/errors.ts';
import { followCarriers } from './follow.ts';
import { CARRIER_REST_MS } from './limits.ts';
import type { ShipNodes } from './ports.ts';
import { ParcelCarrier } from './testing/carrier.ts';
import { always, bookUntold, givenBooked, givenPacked, packing, pickedUp, raise } from './testing/packed.ts';
import { plainly } from './testing/settle.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const REROUTED = { action: 'reroute', carrier: 'acme', service: 'air' } as const;

describe('a booking that nobody told of', () => {
  test.each([
    ['cancelled', 'cancelRequest', plainly],
    ['sourced again', 'lateRisk', always({ action: 'resource' })],
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

  async function goElsewhere({ grid }: Steps, requestId = 'moved', destination = ELSEWHERE): Promise<void> {
    await grid.advanceOrder('o-1', { type: 'changeDestination', destination }, { requestId });
  }

  async function sendOtherwise(world: Steps): Promise<void> {
    await raise(world, 'lateRisk', 'p1');
    await world.work('o-1', 'settle');
  }

  describe.each([
    ['is to go elsewhere', goElsewhere],
    ['is to be sent by another service', sendOtherwise],
  ])('when its package %s', (_, change) => {
    test('is taken back, and only then is the package booked anew (I16)', async () => {
      const world = await givenPacked(always(REROUTED));
      await bookUntold(world);
      await change(world);
      await world.work('o-1', 'book');
      expect([...world.carrier.cancelled]).toEqual(['T1']);
      expect(world.carrier.bookings.size).toBe(1);
      await world.work('o-1', 'book');
      expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T2' }]);
    });

    test('is the booking of the package where it is too late to take it back: one parcel goes out (I16)', async () => {
      const world = await givenPacked(always(REROUTED));
      await bookUntold(world);
      await change(world);
      pickedUp(world);
      await world.work('o-1', 'book');
      await world.work('o-1', 'book');
      expect(world.detail('o-1').packages).toMatchObject([
        { state: 'BOOKED', carrier: 'acme', service: 'ground', bookingId: 'book#1', trackingId: 'T1' },
      ]);
      expect(world.carrier.bookings.size).toBe(1);
      world.carrier.fault = () => {};
      await world.work('o-1', 'track');
      await world.work('o-1', 'stock');
      expect([world.grid.held, world.grid.stock.get('us-east/chicago/mug')]).toEqual([0, 2]);
    });

    test('is waited for while its carrier is away, and nothing is booked meanwhile (I16)', async () => {
      const world = await givenPacked(always(REROUTED));
      await bookUntold(world);
      await change(world);
      world.carrier.fault = () => {
        throw new CarrierError('UNAVAILABLE', 'away');
      };
      await world.work('o-1', 'book');
      await world.work('o-1', 'book');
      expect([world.carrier.bookings.size, world.detail('o-1').packages[0]?.state]).toEqual([1, 'PACKED']);
      pickedUp(world);
      await world.work('o-1', 'book');
      expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T1' }]);
    });

    test.each(['book', 'booked', 'cancel', 'cancelled'])(
      'given a process that dies at %s, or is slow and tells late, then one parcel goes out (I16)',
      async (moment) => {
        const world = await givenPacked(always(REROUTED));
        await bookUntold(world);
        const [slow] = world.tasksOf('o-1', 'book');
        await change(world);
        world.carrier.fault = (call) => {
          if (call === moment) throw new Error('dead');
        };
        await expect(world.work('o-1', 'book')).rejects.toThrow('dead');
        world.carrier.fault = () => {};
        await world.work('o-1', 'book');
        await world.work('o-1', 'book');
        const booking = { packageId: 'p1', carrier: 'acme', service: 'ground', bookingId: 'book#1', trackingId: 'T1' };
        const late = { type: 'book', ...booking, taskId: slow?.taskId ?? '' };
        expect(await world.grid.advanceOrder('o-1', late, { requestId: 'book#1' })).toMatchObject({
          code: 'NOT_FOUND',
        });
        expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T2' }]);
        expect([...world.carrier.cancelled]).toEqual(['T1']);
      },
    );
  });

  test('is taken back once where the order goes elsewhere twice, and the package is booked to the last place', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    await goElsewhere(world);
    await goElsewhere(world, 'again', { ...ELSEWHERE, postalCode: '90013' });
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect([...world.carrier.cancelled]).toEqual(['T1']);
    expect(world.carrier.asked.map(({ to }) => to.postalCode)).toEqual(['10007', '10007', '90013']);
  });

  test('is no stock where it is on its way, though the order was to go elsewhere before it was cancelled (I16)', async () => {
    const world = await givenPacked();
    await bookUntold(world);
    await goElsewhere(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    pickedUp(world);
    await world.work('o-1', 'stock');
    expect([world.grid.held, world.grid.stock.get('us-east/chicago/mug')]).toEqual([0, 2]);
    expect(world.detail('o-1').exceptions).toContainEqual(
      expect.objectContaining({ kind: 'lostParcel', evidence: expect.objectContaining({ trackingId: 'T1' }) }),
    );
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

  test.each([
    ['before', ['destination', 'cancel']],
    ['after', ['cancel', 'destination']],
  ])('is taken back where the destination was changed %s the order is cancelled (I16)', async (_, steps) => {
    const world = await givenPacked();
    await bookUntold(world);
    for (const step of steps) {
      if (step === 'cancel') {
        await raise(world, 'cancelRequest');
        await world.work('o-1', 'settle');
      } else {
        const destination = { latitude: 41.8, longitude: -87.6, postalCode: '60601' };
        await world.grid.advanceOrder('o-1', { type: 'changeDestination', destination }, { requestId: 'moved' });
      }
    }
    await world.work('o-1', 'stock');
    expect(world.carrier.cancelled).toContain('T1');
    expect(
      [...world.carrier.bookings.values()].every(({ trackingId }) => world.carrier.cancelled.has(trackingId)),
    ).toBe(true);
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(4);
    expect(world.tasksOf('o-1', 'stock')).toEqual([]);
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

test('a parcel that cannot be stopped leaves no units held, where the journey has no room to say so but at the end of the task', async () => {
  const world = await givenPacked();
  await bookUntold(world);
  let isFull = false;
  for (let n = 0; !isFull; n++) {
    const command =
      n % 2 === 0 ? { type: 'hold', holdType: 'fraud', reason: 'look' } : { type: 'unhold', holdType: 'fraud' };
    isFull = !(await world.grid.advanceOrder('o-1', command, { requestId: `${n}` })).ok;
  }
  await raise(world, 'cancelRequest');
  await world.work('o-1', 'settle');
  world.carrier.fault = (call) => {
    if (call === 'cancel') throw new CarrierError('TOO_LATE', 'picked up');
  };
  await world.work('o-1', 'stock');
  expect(world.grid.held).toBe(0);
  expect(world.tasksOf('o-1', 'stock')).toEqual([]);
  expect(world.grid.journey('o-1').at(-1)).toMatchObject({
    type: 'taskDone',
    note: expect.stringContaining('T1'),
  });
});

describe('a ship node that has a package which is cancelled', () => {
  /** A package that is allocated; the node counts what it is told, and may be away. */
  async function given(settle = plainly, rules = RULES) {
    const told: { units: number | undefined; key: string }[] = [];
    const node = { isAway: false };
    const cancel: ShipNodes['cancel'] = async (_, key) => {
      if (node.isAway) throw new Error('away');
      told.push({ units: world.grid.stock.get('us-east/chicago/mug'), key });
    };
    const world = givenWorld({ 'us-east/chicago/mug': 2 }, { rules }, { settle, nodes: { ...packing, cancel } });
    world.moveTo(Date.UTC(2030, 0, 7, 10));
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    await world.work('o-1', 'source');
    return { world, told, node };
  }

  test('is told so before its units are sold to others, however often that fails', async () => {
    const { world, told, node } = await given();
    await world.work('o-1', 'release');
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    node.isAway = true;
    await expect(world.work('o-1', 'stock')).rejects.toThrow('away');
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(0);
    node.isAway = false;
    await world.work('o-1', 'stock');
    expect(told).toEqual([{ units: 0, key: expect.stringContaining('stock#1') }]);
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(2);
  });

  test('is told so by who sources its units again, where that is sooner', async () => {
    const { world, told } = await given(always({ action: 'resource' }));
    await world.work('o-1', 'release');
    await raise(world, 'lateRisk', 'p1');
    await world.work('o-1', 'settle');
    await world.work('o-1', 'source');
    expect(told).toEqual([{ units: 0, key: expect.stringContaining('stock#1') }]);
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'CANCELLED' }, { state: 'RESERVED' }]);
  });

  test('is told so of one whose release nobody told the order of, as who did may have died', async () => {
    const { world, told } = await given();
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    await world.work('o-1', 'stock');
    expect(told).toEqual([{ units: 0, key: expect.stringContaining('stock#1') }]);
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(2);
  });

  test('is told nothing of one that was to be released later', async () => {
    const reoptimise = { everyMinutes: 10, releaseAfterMinutes: 60, beforeCutoffMinutes: 60, savesAtLeast: 100 };
    const { world, told } = await given(plainly, { ...RULES, reoptimise });
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    await world.work('o-1', 'stock');
    expect([told.length, world.grid.stock.get('us-east/chicago/mug')]).toEqual([0, 2]);
  });
});

describe('a parcel that its carrier has cancelled', () => {
  test('goes with the best of the others, whatever the policy', async () => {
    const other = new ParcelCarrier(Date.now);
    const world = await givenBooked(plainly, { carriers: { best: other } });
    world.carrier.cancelled.add('T1');
    await world.work('o-1', 'track');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'PACKED', trackingId: undefined }]);
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', carrier: 'best', service: 'best-ground' }]);
    expect([world.carrier.bookings.size, other.bookings.size]).toEqual([1, 1]);
    expect(world.carrier.takenBack.size).toBe(1);
    expect(world.detail('o-1').exceptions).toEqual([]);
  });

  test('is left to policies where there is no other, and booked with it again after a rest', async () => {
    const world = await givenBooked(always({ action: 'escalate' }));
    world.carrier.cancelled.add('T1');
    await world.work('o-1', 'track');
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect(world.carrier.bookings.size).toBe(1);
    expect(world.detail('o-1').exceptions).toMatchObject([{ kind: 'carrierOutage', evidence: { code: 'CANCELLED' } }]);
    world.moveTo(Date.now() + CARRIER_REST_MS + 1_000);
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T2' }]);
  });

  test('by every carrier there is, is booked once with each', async () => {
    const other = new ParcelCarrier(Date.now);
    const world = await givenBooked(plainly, { carriers: { best: other } });
    for (const carrier of [world.carrier, other]) {
      carrier.cancelled.add('T1');
      await world.work('o-1', 'track');
      await world.work('o-1', 'book');
      await world.work('o-1', 'book');
    }
    expect([world.carrier.bookings.size, other.bookings.size]).toEqual([1, 1]);
    expect(world.detail('o-1').exceptions).toMatchObject([{ kind: 'carrierOutage', packageId: 'p1' }]);
  });

  test('and that a policy books with it all the same, stays with it', async () => {
    const world = await givenBooked(always({ action: 'reroute', carrier: 'acme', service: 'ground' }));
    world.carrier.cancelled.add('T1');
    await world.work('o-1', 'track');
    await raise(world, 'lateRisk', 'p1');
    await world.work('o-1', 'settle');
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T3' }]);
    expect([...world.carrier.cancelled]).toEqual(['T1', 'T2']);
  });

  test('as it tells by itself, and again when it is asked, is taken from it once', async () => {
    const world = await givenBooked();
    const [task] = world.tasksOf('o-1', 'track');
    const end = followCarriers(world.ports);
    world.carrier.cancelled.add('T1');
    await world.carrier.tell('T1', 'cancelled');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'PACKED', trackingId: undefined }]);
    await world.carrier.tell('T1', 'cancelled');
    await world.runner.run({ taskId: task?.taskId ?? '', orderId: 'o-1', kind: 'track', region: world.grid.region });
    end();
    const types = world.grid.journey('o-1').map(({ type }) => type);
    expect(types.filter((type) => type === 'unbooked')).toHaveLength(1);
    expect(world.tasksOf('o-1', 'book')).toHaveLength(1);
    expect(world.tasksOf('o-1', 'track')).toEqual([]);
  });

  test('since its order wants it no more, has told so before anybody books it again', async () => {
    const world = await givenBooked();
    const now = Date.now();
    const end = followCarriers(world.ports);
    await world.carrier.tell('T1', 'cancelled');
    end();
    expect(world.tasksOf('o-1', 'book')[0]?.dueAt).toBeGreaterThanOrEqual(now + 1_000);
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

test('a package is booked as heavy as its ship node weighed it', async () => {
  const nodes = { ...packing, progress: async () => ({ state: 'packed', grams: 1_310 }) as const };
  const world = givenWorld({ 'us-east/chicago/mug': 4 }, {}, { nodes });
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  for (const kind of ['source', 'release', 'pick', 'pack']) await world.work('o-1', kind);
  await bookUntold(world);
  await world.work('o-1', 'book');
  expect(world.carrier.asked.map(({ grams }) => grams)).toEqual([1_310, 1_310]);
});
