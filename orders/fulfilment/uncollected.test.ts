// Parcels that no carrier has collected yet: they are at their ship node, whatever is told of them.
import { expect, test } from 'vitest';
import { followCarriers } from './follow.ts';
import { givenBooked } from './testing/packed.ts';

const DAY_MS = 24 * 3_600_000;

test('given a parcel that nobody ever collected, then it is stuck, and neither told as shipped nor lost', async () => {
  const world = await givenBooked();
  const [booking] = [...world.carrier.bookings.values()];
  const shipmentId = booking?.shipmentId ?? '';
  const label = {
    eventId: '1',
    trackingId: 'T1',
    shipmentId,
    kind: 'labelCreated',
    at: booking?.pickupAt ?? 0,
  } as const;
  world.carrier.track = async ({ trackingId }) => ({ trackingId, shipmentId, events: [label] });

  world.moveTo(Date.now() + 9 * DAY_MS);
  await world.work('o-1', 'track');
  const { packages, exceptions } = world.detail('o-1');
  expect(packages).toMatchObject([{ state: 'BOOKED' }]);
  expect(packages[0]?.shippedAt).toBeUndefined();
  expect(exceptions.map(({ kind }) => kind)).toContain('stuckParcel');
});

test('given an address that is refused where the label is made, then the parcel has not left by that', async () => {
  const world = await givenBooked();
  followCarriers(world.ports);
  await world.carrier.tell('T1', 'addressProblem');
  const { packages, exceptions } = world.detail('o-1');
  expect(packages).toMatchObject([{ state: 'BOOKED' }]);
  expect(exceptions.map(({ kind }) => kind)).toEqual(['addressProblem']);
});
