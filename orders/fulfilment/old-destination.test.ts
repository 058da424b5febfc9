// Parcels that go to where their order went before the customer changed that: an exception, and what the example policy does about it.
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../exceptions/policy.ts';
import type { CarrierService, SourcingRules } from '../sourcing/rules.ts';
import { settleByPolicy } from './policy.ts';
import type { Settle } from './ports.ts';
import { bookUntold, givenBooked, givenPacked, packing, pickedUp } from './testing/packed.ts';
import { plainly } from './testing/settle.ts';
import { givenWorld, type Steps } from './testing/steps.ts';
import { orderOf, RULES } from './testing/world.ts';

const ELSEWHERE = { latitude: 34.05, longitude: -118.24, postalCode: '90012' };
const policy = parsePolicy(await readFile('examples/policies/standard.yaml', 'utf8'));

async function goElsewhere({ grid }: Steps, destination = ELSEWHERE, requestId = 'moved'): Promise<void> {
  await grid.advanceOrder('o-1', { type: 'changeDestination', destination }, { requestId });
}

const OPEN = { kind: 'addressProblem', packageId: 'p1', state: 'OPEN', evidence: { code: 'OLD_DESTINATION' } };

/** Decided by the example policy, which is given the world once there is one. */
function byExample() {
  let settle: Settle = plainly;
  return {
    settle: ((...about) => settle(...about)) as Settle,
    of({ ports }: Steps): void {
      settle = settleByPolicy({ policy, rules: RULES, ports: () => ports });
    },
  };
}

test('given a booking that cannot be taken back since the order goes elsewhere, then its parcel is the package, and that is an exception', async () => {
  const world = await givenPacked();
  await bookUntold(world);
  await goElsewhere(world);
  pickedUp(world);
  await world.work('o-1', 'book');
  expect(world.detail('o-1')).toMatchObject({ packages: [{ state: 'BOOKED', trackingId: 'T1' }], exceptions: [OPEN] });
});

test('given a parcel that is under way to the old destination, when it is called back, then its units are sent to the new one', async () => {
  const example = byExample();
  const world = await givenBooked(example.settle);
  example.of(world);
  await world.work('o-1', 'track');
  await goElsewhere(world);
  let isCalledBack = false;
  const { track } = world.carrier;
  Object.assign(world.carrier, {
    intercept: async () => {
      isCalledBack = true;
    },
    track: async (...asked: Parameters<typeof track>) => {
      const tracked = await track.apply(world.carrier, asked);
      const [last] = tracked.events;
      return isCalledBack && last ? { ...tracked, events: [{ ...last, kind: 'intercepted' }] } : tracked;
    },
  });
  await world.work('o-1', 'settle');
  expect(world.detail('o-1')).toMatchObject({ packages: [{ state: 'SHIPPED' }], exceptions: [OPEN] });
  await world.work('o-1', 'settle');
  for (const kind of ['source', 'release', 'pick', 'pack', 'book']) await world.work('o-1', kind);
  expect(world.detail('o-1')).toMatchObject({
    packages: [{ state: 'INTERCEPTED' }, { state: 'BOOKED', trackingId: 'T2' }],
    exceptions: [{ state: 'SETTLED' }],
    refundedMinor: 0,
  });
  expect(world.carrier.asked.map(({ to }) => to.postalCode)).toEqual(['10007', '90012']);
});

test('given a parcel that cannot be called back, then a person has it, also once it is delivered there', async () => {
  const example = byExample();
  const world = await givenBooked(example.settle);
  example.of(world);
  await world.work('o-1', 'track');
  await goElsewhere(world);
  for (let look = 0; look < 3; look++) await world.work('o-1', 'track');
  expect(world.detail('o-1')).toMatchObject({ packages: [{ state: 'DELIVERED' }], exceptions: [OPEN] });
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').exceptions).toMatchObject([{ state: 'ESCALATED' }]);
});

test('given a booking that nobody has collected, then it is cancelled, and booked to the new destination with the same carrier', async () => {
  const example = byExample();
  const world = await givenBooked(example.settle);
  example.of(world);
  await goElsewhere(world);
  expect(world.detail('o-1').exceptions).toMatchObject([OPEN]);
  await world.work('o-1', 'settle');
  await world.work('o-1', 'book');
  await world.work('o-1', 'book');
  expect(world.detail('o-1')).toMatchObject({
    packages: [{ state: 'BOOKED', trackingId: 'T2', carrier: 'acme', service: 'ground' }],
    exceptions: [{ state: 'SETTLED' }],
  });
  expect([...world.carrier.cancelled]).toEqual(['T1']);
  expect(world.carrier.asked.at(-1)?.to.postalCode).toBe('90012');
});

test('given a package that is not booked, or a destination that is what it was, then nothing is wrong', async () => {
  const packed = await givenPacked();
  await goElsewhere(packed);
  expect(packed.detail('o-1').exceptions).toEqual([]);
  const booked = await givenBooked();
  await goElsewhere(booked, booked.grid.state('o-1').destination as typeof ELSEWHERE);
  expect(booked.detail('o-1').exceptions).toEqual([]);
});

/** Shipped to the first destination, and what is decided is decided by the example policy. */
async function givenShipped(): Promise<Steps> {
  const example = byExample();
  const world = await givenBooked(example.settle);
  example.of(world);
  await scanned(world, 'pickedUp');
  return world;
}

const scanned = ({ grid, clock }: Steps, code: string) =>
  grid.advanceOrder('o-1', { type: 'track', packageId: 'p1', code, scannedAt: clock.now() }, { requestId: code });

async function sentAgain(world: Steps): Promise<void> {
  await world.work('o-1', 'settle');
  for (const kind of ['source', 'release', 'pick', 'pack', 'book']) await world.work('o-1', kind);
  expect(world.detail('o-1')).toMatchObject({
    packages: [{ state: 'INTERCEPTED' }, { state: 'BOOKED', trackingId: 'T2' }],
    refundedMinor: 0,
  });
  expect(world.detail('o-1').exceptions.filter(({ state }) => state !== 'SETTLED')).toEqual([]);
  expect(world.carrier.asked.map(({ to }) => to.postalCode)).toEqual(['10007', '90012']);
}

test('given a parcel to the old destination that comes back by itself, then its units are sent to the new one', async () => {
  const world = await givenShipped();
  await goElsewhere(world);
  await scanned(world, 'returned');
  await sentAgain(world);
});

test('given a customer who corrects an address that the carrier could not deliver to, then its parcel goes to an old destination', async () => {
  const world = await givenShipped();
  const raise = { type: 'raise', kind: 'addressProblem', packageId: 'p1', evidence: { detail: 'no such street' } };
  await world.grid.advanceOrder('o-1', raise, { requestId: 'address' });
  await goElsewhere(world);
  expect(world.detail('o-1').exceptions).toMatchObject([{ state: 'SETTLED' }, OPEN]);
  await scanned(world, 'returned');
  await sentAgain(world);
});

test('given a parcel that came back from a wrong address, when the customer gives another, then it is decided on at once, and sent there', async () => {
  const world = await givenShipped();
  await scanned(world, 'returned');
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').exceptions).toMatchObject([{ state: 'OPEN', decisions: [{ action: 'wait' }] }]);
  const [waiting] = world.tasksOf('o-1', 'settle');
  expect(waiting?.dueAt).toBeGreaterThan(world.clock.now());
  await goElsewhere(world);
  expect(world.tasksOf('o-1', 'settle').map(({ dueAt }) => dueAt <= world.clock.now())).toEqual([true]);
  await sentAgain(world);
});

test('given a customer who moved and is back where the parcel went when it comes back, then it is not known what was wrong', async () => {
  const world = await givenShipped();
  const before = world.grid.state('o-1').destination as typeof ELSEWHERE;
  await goElsewhere(world);
  await goElsewhere(world, before, 'back');
  await scanned(world, 'returned');
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').exceptions.at(-1)).toMatchObject({ state: 'OPEN', decisions: [{ action: 'wait' }] });
});

describe('a package that is not booked yet', () => {
  const [ground] = RULES.services as [CarrierService];
  const byServices = (...services: Partial<CarrierService>[]): SourcingRules => ({
    ...RULES,
    services: services.map((one) => ({ ...ground, ...one })),
  });
  const givenPackedBy = async (rules: SourcingRules, grams = 800): Promise<Steps> => {
    const nodes = { ...packing, progress: async () => ({ state: 'packed', grams }) as const };
    const world = givenWorld({ 'us-east/chicago/mug': 4 }, { rules }, { nodes });
    await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
    for (const kind of ['source', 'release', 'pick', 'pack']) await world.work('o-1', kind);
    return world;
  };
  const booked = async (world: Steps) => {
    while (world.tasksOf('o-1', 'book').length > 0) await world.work('o-1', 'book');
    const { bookings, cancelled } = world.carrier;
    const live = [...bookings.values()].filter(({ trackingId }) => !cancelled.has(trackingId));
    expect(live).toMatchObject([{ trackingId: world.detail('o-1').packages[0]?.trackingId }]);
    return { service: live[0]?.service, to: world.carrier.asked.at(-1)?.to.postalCode };
  };
  const east = { postalPrefixes: ['1'] };
  const west = { service: 'west', base: 900, postalPrefixes: ['9'] };

  test.each(['before', 'after'])(
    'given a destination that its service does not go to, %s it was tried to be booked, then another service of its node has it',
    async (when) => {
      const world = await givenPackedBy(byServices(east, { ...west, service: 'dear', base: 2_000 }, west));
      expect(world.detail('o-1').packages).toMatchObject([{ service: 'ground' }]);
      if (when === 'after') await bookUntold(world);
      await goElsewhere(world);
      expect(await booked(world)).toEqual({ service: 'west', to: '90012' });
      expect(world.detail('o-1').exceptions).toEqual([]);
    },
  );

  test('given one that its service goes to, or that no service does, then it is booked as it was planned', async () => {
    const world = await givenPackedBy(byServices({}, west));
    await goElsewhere(world);
    expect(await booked(world)).toEqual({ service: 'ground', to: '90012' });
    const nowhere = await givenPackedBy(byServices(east));
    await goElsewhere(nowhere);
    // Its carrier says what it thinks of it.
    expect(await booked(nowhere)).toEqual({ service: 'ground', to: '90012' });
  });

  test('given that it weighs more than its service takes, then another has it', async () => {
    const heavy = { service: 'heavy', base: 900 };
    const world = await givenPackedBy(byServices({ kgMax: 1 }, heavy), 1_200);
    expect(world.detail('o-1').packages).toMatchObject([{ service: 'ground' }]);
    expect(await booked(world)).toEqual({ service: 'heavy', to: '10007' });
  });
});
