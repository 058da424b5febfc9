// What carriers tell of parcels, whatever was lost, late or timed wrongly on the way: orders learn all of it, each thing once.
import { describe, expect, test } from 'vitest';
import type { TrackEvent, TrackKind } from '../carriers/port.ts';
import type { Observation } from '../transit/model.ts';
import { followCarriers } from './follow.ts';
import { CLOCK_SKEW_MS, LOST_AFTER_MS } from './limits.ts';
import { always, givenBooked, packing } from './testing/packed.ts';
import { plainly } from './testing/settle.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf } from './testing/world.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A parcel whose carrier knows what a test says: told by webhook, or when it is asked. */
function givenFollowed(world: Steps) {
  const [booking] = [...world.carrier.bookings.values()];
  const { shipmentId = '', trackingId = '', pickupAt = 0 } = booking ?? {};
  const events: TrackEvent[] = [];
  const state: { estimate: number | undefined } = { estimate: undefined };
  world.carrier.track = async () => ({
    trackingId,
    shipmentId,
    events: [...events],
    ...(state.estimate === undefined ? {} : { estimatedDeliveryAt: state.estimate }),
  });
  const webhooks = new Set<(event: TrackEvent) => void | Promise<void>>();
  world.carrier.onTracking = (listener) => {
    webhooks.add(listener);
    return () => webhooks.delete(listener);
  };
  followCarriers(world.ports);
  const happens = (kind: TrackKind, afterMs: number, changes: Partial<TrackEvent> = {}): TrackEvent => {
    const event = { eventId: `${kind}@${afterMs}`, trackingId, shipmentId, kind, at: pickupAt + afterMs, ...changes };
    events.push(event);
    return event;
  };
  return {
    world,
    from: pickupAt,
    estimate: (at: number | undefined) => {
      state.estimate = at;
    },
    /** And its webhook is lost. */
    happens,
    /** And its webhook comes at once. */
    tells: async (kind: TrackKind, afterMs: number, changes: Partial<TrackEvent> = {}) => {
      const event = happens(kind, afterMs, changes);
      if (world.clock.now() < pickupAt + afterMs) world.moveTo(pickupAt + afterMs);
      for (const listener of webhooks) await listener(event);
    },
    tellsAgain: async (event: TrackEvent) => {
      for (const listener of webhooks) await listener(event);
    },
    polls: async (afterMs: number) => {
      world.moveTo(pickupAt + afterMs);
      await world.work('o-1', 'track');
    },
    one: () => world.detail('o-1').packages[0],
    kinds: () => world.detail('o-1').exceptions.map(({ kind }) => kind),
    events: (type: string) => world.grid.journey('o-1').filter((event) => event.type === type),
  };
}

describe('a webhook that was lost', () => {
  test('of an address that is wrong, is made good when the carrier is asked, once, also when it comes after all', async () => {
    const parcel = givenFollowed(await givenBooked(always({ action: 'cancel' })));
    await parcel.tells('pickedUp', 1_000);
    const lost = parcel.happens('addressProblem', 2_000);
    await parcel.tells('inTransit', 3_000);
    expect(parcel.kinds()).toEqual([]);
    await parcel.polls(4 * HOUR_MS);
    expect(parcel.kinds()).toEqual(['addressProblem']);

    await parcel.world.grid.advanceOrder(
      'o-1',
      { type: 'settle', exceptionId: 'e1', action: 'repromise', promisedAt: parcel.from + 9 * DAY_MS },
      { requestId: 'by hand' },
    );
    await parcel.polls(8 * HOUR_MS);
    await parcel.tellsAgain(lost);
    expect(parcel.kinds()).toEqual(['addressProblem']);
    parcel.happens('addressProblem', 9 * HOUR_MS);
    await parcel.polls(10 * HOUR_MS);
    expect(parcel.kinds()).toEqual(['addressProblem', 'addressProblem']);
  });

  test('of one that comes back, is made good, though a scan is timed after it', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('pickedUp', 1_000);
    parcel.happens('returned', 2_000);
    await parcel.tells('inTransit', 3_000);
    await parcel.polls(4 * HOUR_MS);
    expect(parcel.one()).toMatchObject({ state: 'INTERCEPTED' });
  });

  test('and that it is told and asked at once, then it is told once', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('pickedUp', 1_000);
    await parcel.tells('inTransit', 2_000);
    await parcel.polls(4 * HOUR_MS);
    expect(parcel.events('scanned')).toHaveLength(2);
  });
});

describe('a scan whose time is yet to come', () => {
  test.each([12 * HOUR_MS, 365 * DAY_MS])(
    'counts from when it was heard of, and the journey has what was said (+%d ms)',
    async (ahead) => {
      const parcel = givenFollowed(await givenBooked());
      await parcel.tells('pickedUp', 1_000);
      const claimedAt = parcel.from + HOUR_MS + ahead;
      await parcel.tells('inTransit', HOUR_MS, { at: claimedAt });
      expect(parcel.one()?.scan?.at).toBeLessThanOrEqual(parcel.from + HOUR_MS + CLOCK_SKEW_MS);
      expect(parcel.events('scanned').at(-1)).toMatchObject({ claimedAt });

      // What is timed rightly counts at once.
      await parcel.tells('outForDelivery', 2 * HOUR_MS);
      await parcel.polls(4 * HOUR_MS);
      expect(parcel.one()?.scan).toMatchObject({ code: 'outForDelivery' });
      expect(parcel.events('scanned')).toHaveLength(3);
      await parcel.polls(3 * DAY_MS);
      expect(parcel.kinds()).toContain('stuckParcel');
      await parcel.polls(LOST_AFTER_MS + DAY_MS);
      expect(parcel.one()).toMatchObject({ state: 'LOST' });
      expect(parcel.events('scanned').length).toBeLessThanOrEqual(4);
    },
  );

  test('of the same kind as the one before, and heard of by asking, is silence a week later all the same', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('inTransit', 1_000);
    parcel.happens('inTransit', 365 * DAY_MS);
    await parcel.polls(4 * HOUR_MS);
    await parcel.polls(8 * HOUR_MS);
    expect(parcel.kinds()).toEqual([]);
    await parcel.polls(LOST_AFTER_MS + DAY_MS);
    expect(parcel.one()).toMatchObject({ state: 'LOST' });
  });

  test('says nothing to the transit model', async () => {
    const observed: Observation[] = [];
    const parcel = givenFollowed(await givenBooked());
    parcel.world.ports.transit.observe = async (news) => void observed.push(...news);
    parcel.happens('inTransit', DAY_MS);
    await parcel.polls(4 * HOUR_MS);
    expect(observed).toEqual([]);
  });

  test('and that it is delivered, is delivered when it was heard of', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('delivered', HOUR_MS, { at: parcel.from + 365 * DAY_MS });
    expect(parcel.one()?.state).toBe('DELIVERED');
    expect(parcel.one()?.deliveredAt).toBeLessThan(parcel.from + DAY_MS);
  });
});

describe('a carrier that expects a parcel later', () => {
  test('by asking or by webhook, is believed: it is neither stuck nor lost before, and is when that has passed', async () => {
    const parcel = givenFollowed(await givenBooked());
    const friday = parcel.from + 5 * DAY_MS;
    await parcel.tells('inTransit', HOUR_MS);
    parcel.estimate(friday);
    await parcel.polls(4 * HOUR_MS);
    expect(parcel.one()).toMatchObject({ expectedAt: friday, scan: { code: 'inTransit' } });
    await parcel.polls(4 * DAY_MS);
    expect(parcel.kinds()).toEqual([]);
    expect(parcel.one()?.state).toBe('SHIPPED');
    await parcel.polls(6 * DAY_MS);
    expect(parcel.kinds()).toContain('stuckParcel');
    await parcel.tells('inTransit', 6 * DAY_MS, { estimatedDeliveryAt: parcel.from + 8 * DAY_MS });
    expect(parcel.one()).toMatchObject({ expectedAt: parcel.from + 8 * DAY_MS });
  });

  test('and says tomorrow every day of one that it has lost, is believed once', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('inTransit', HOUR_MS);
    for (let day = 1; day <= 9; day++) {
      parcel.estimate(parcel.from + (day + 1) * DAY_MS);
      await parcel.polls(day * DAY_MS);
      if (parcel.one()?.state === 'LOST') break;
    }
    expect(parcel.one()?.state).toBe('LOST');
    expect(parcel.events('scanned').filter((event) => 'expectedAt' in event)).toHaveLength(1);
  });

  test('a year later, leaves it to be looked at after a month without a scan', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('inTransit', HOUR_MS);
    parcel.estimate(parcel.from + 365 * DAY_MS);
    await parcel.polls(DAY_MS);
    await parcel.polls(29 * DAY_MS);
    expect(parcel.one()?.state).toBe('SHIPPED');
    await parcel.polls(31 * DAY_MS);
    expect(parcel.one()?.state).toBe('LOST');
  });

  test('than it is promised, is a late risk that policies know the time of', async () => {
    const world = givenWorld({ 'us-east/chicago/mug': 4 }, {}, { settle: plainly, nodes: packing });
    const promisedAt = Date.now() + 4 * DAY_MS;
    await world.grid.captureOrder(orderOf('o-1', { mug: 1 }, { promisedAt }), 'r');
    for (const kind of ['source', 'release', 'pick', 'pack', 'book']) await world.work('o-1', kind);
    const parcel = givenFollowed(world);
    await parcel.tells('inTransit', HOUR_MS);
    parcel.estimate(promisedAt + DAY_MS);
    await parcel.polls(4 * HOUR_MS);
    expect(world.detail('o-1').exceptions).toMatchObject([
      { kind: 'lateRisk', evidence: { expectedAt: promisedAt + DAY_MS } },
    ]);
    expect(parcel.one()).toMatchObject({ expectedAt: promisedAt + DAY_MS });
  });
});

describe('scans in any order', () => {
  test('given a delivery that is heard of before the pick-up, then it left when it was picked up, and no day is learned from it', async () => {
    const observed: Observation[] = [];
    const parcel = givenFollowed(await givenBooked());
    parcel.world.ports.transit.observe = async (news) => void observed.push(...news);
    await parcel.tells('delivered', DAY_MS);
    await parcel.world.work('o-1', 'notify');
    expect(observed).toEqual([]);
    await parcel.tells('inTransit', HOUR_MS);
    await parcel.tells('pickedUp', 1_000);
    await parcel.tells('outForDelivery', 2 * HOUR_MS);
    expect(parcel.one()).toMatchObject({
      state: 'DELIVERED',
      shippedAt: parcel.from + 1_000,
      deliveredAt: parcel.from + DAY_MS,
      scan: { code: 'delivered' },
    });
  });

  test('given a pick-up that is timed before the label, then it is on its way', async () => {
    const parcel = givenFollowed(await givenBooked());
    await parcel.tells('labelCreated', HOUR_MS);
    parcel.happens('pickedUp', 1_000);
    await parcel.polls(4 * HOUR_MS);
    expect(parcel.one()).toMatchObject({ state: 'SHIPPED', shippedAt: parcel.from + 1_000 });
  });
});
