// Packages of tests, packed and booked, and what comes between a booking and those who hear of it.
import { expect } from 'vitest';
import { CarrierError } from '../../carriers/errors.ts';
import type { CarrierService } from '../../sourcing/rules.ts';
import type { Settlement, ShipNodes } from '../ports.ts';
import type { ParcelCarrier } from './carrier.ts';
import { plainly } from './settle.ts';
import { givenWorld, type Steps } from './steps.ts';
import { orderOf, RULES } from './world.ts';

/** It has packed what it was told to. */
export const packing: ShipNodes = {
  release: async () => undefined,
  cancel: async () => undefined,
  progress: async ({ grams }) => ({ state: 'packed', grams }),
};

/** Carriers besides acme. */
interface Others {
  readonly carriers?: Readonly<Record<string, ParcelCarrier>>;
}

/** Dearer than acme's. */
export function serviceOf(carrier: string): CarrierService {
  const [ground] = RULES.services;
  if (ground === undefined) throw new Error('no service');
  return { ...ground, carrier, service: `${carrier}-ground`, base: ground.base + 100 };
}

/** A packed package; with `settle` policies decide. */
export async function givenPacked(settle = plainly, { carriers = {} }: Others = {}): Promise<Steps> {
  const rules = { ...RULES, services: [...RULES.services, ...Object.keys(carriers).map(serviceOf)] };
  const world = givenWorld({ 'us-east/chicago/mug': 4 }, { rules }, { settle, nodes: packing });
  for (const [name, carrier] of Object.entries(carriers)) world.carriers.set(name, carrier);
  await world.grid.captureOrder(orderOf('o-1', { mug: 2 }), 'r');
  await world.work('o-1', 'source');
  await world.work('o-1', 'release');
  await world.work('o-1', 'pick');
  await world.work('o-1', 'pack');
  return world;
}

export async function givenBooked(settle = plainly, others: Others = {}): Promise<Steps> {
  const world = await givenPacked(settle, others);
  await world.work('o-1', 'book');
  expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', trackingId: 'T1' }]);
  return world;
}

export async function raise({ grid }: Steps, kind: string, packageId?: string): Promise<void> {
  const about = packageId === undefined ? {} : { packageId };
  await grid.advanceOrder('o-1', { type: 'raise', kind, ...about, evidence: {} }, { requestId: `raise ${kind}` });
}

/** The ship node has no time for the first package, and it is decided what comes of that. */
export async function rejectedAsBusy(world: Steps): Promise<void> {
  await world.grid.advanceOrder(
    'o-1',
    { type: 'reject', packageId: 'p1', reasonCode: 'tooBusy' },
    { requestId: 'tooBusy' },
  );
  await world.work('o-1', 'settle');
}

/** Whoever books dies, or is cut off, before he tells of it. */
export async function bookUntold(world: Steps): Promise<void> {
  world.carrier.fault = (call) => {
    if (call === 'booked') throw new Error('dead');
  };
  await expect(world.work('o-1', 'book')).rejects.toThrow('dead');
  world.carrier.fault = () => {};
}

/** Its parcel cannot be stopped any more. */
export function pickedUp({ carrier }: Steps): void {
  carrier.fault = (call) => {
    if (call === 'cancel') throw new CarrierError('TOO_LATE', 'picked up');
  };
}

export const always = (command: Settlement['command']) => async (): Promise<Settlement> => ({
  command,
  policyVersion: 'v',
});
