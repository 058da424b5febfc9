// Carriers that do not say what they have booked: nothing rests for ever without anybody being told, and what goes on meanwhile is
// remembered until they answer.
import { describe, expect, test } from 'vitest';
import { CarrierError, type CarrierErrorCode } from '../carriers/errors.ts';
import { parsePolicy } from '../exceptions/policy.ts';
import { STUCK_AFTER_MS, UNANSWERED_AFTER_MS } from './limits.ts';
import { settleByPolicy } from './policy.ts';
import type { Settle } from './ports.ts';
import { ParcelCarrier } from './testing/carrier.ts';
import { always, bookUntold, givenBooked, givenPacked, pickedUp, raise, serviceOf } from './testing/packed.ts';
import { plainly } from './testing/settle.ts';
import type { Steps } from './testing/steps.ts';
import { RULES } from './testing/world.ts';

const LONG_MS = UNANSWERED_AFTER_MS + 60_000;
const BEST = { action: 'reroute', carrier: 'best', service: 'best-ground' } as const;

function away({ carrier }: Pick<Steps, 'carrier'>, code: CarrierErrorCode = 'UNAVAILABLE'): void {
  carrier.fault = () => {
    throw new CarrierError(code, 'away');
  };
}

function back({ carrier }: Pick<Steps, 'carrier'>): void {
  carrier.fault = () => {};
}

const outages = (world: Steps) => world.detail('o-1').exceptions.filter(({ kind }) => kind === 'carrierOutage');

/** Its first booking was never told of, acme is away, and a policy has given it to another carrier. */
async function givenReroutedUnanswered() {
  const best = new ParcelCarrier(Date.now);
  let settle: Settle = always(BEST);
  const world = await givenPacked((...about) => settle(...about), { carriers: { best } });
  await bookUntold(world);
  away(world);
  await world.work('o-1', 'book');
  await world.work('o-1', 'settle');
  expect(world.detail('o-1').packages).toMatchObject([{ state: 'PACKED', carrier: 'best' }]);
  const decideBy = (next: Settle): void => {
    settle = next;
  };
  return { ...world, best, decideBy };
}

describe('given a package that waits for what its carrier says of the last booking', () => {
  test('when it has waited for long, then that is an exception, and a policy books it elsewhere; the first parcel is cancelled once the carrier answers (I16)', async () => {
    const world = await givenReroutedUnanswered();
    await world.work('o-1', 'book');
    expect([outages(world).length, world.best.bookings.size]).toEqual([1, 0]);
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect(outages(world)).toMatchObject([
      { state: 'SETTLED' },
      { state: 'OPEN', packageId: 'p1', evidence: { carrier: 'acme', service: 'ground', code: 'UNANSWERED' } },
    ]);
    await world.work('o-1', 'settle');
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', carrier: 'best', trackingId: 'T1' }]);
    await world.work('o-1', 'stock');
    expect(world.tasksOf('o-1', 'stock')).toHaveLength(1);
    back(world);
    await world.work('o-1', 'stock');
    expect([...world.carrier.cancelled]).toEqual(['T1']);
    expect([world.tasksOf('o-1', 'stock'), world.best.cancelled.size]).toEqual([[], 0]);
    expect([world.grid.held, world.grid.stock.get('us-east/chicago/mug')]).toEqual([2, 2]);
  });

  test('when it is booked elsewhere and the first parcel turns out to be under way, then its carrier is asked for it and a person is told', async () => {
    const world = await givenReroutedUnanswered();
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'book');
    await world.work('o-1', 'settle');
    pickedUp(world);
    await world.work('o-1', 'stock');
    await world.work('o-1', 'settle');
    expect(world.detail('o-1').exceptions.at(-1)).toMatchObject({
      kind: 'lostParcel',
      state: 'ESCALATED',
      evidence: { carrier: 'acme', trackingId: 'T1', code: 'TOO_LATE', interception: 'refused' },
    });
    expect([world.grid.held, world.grid.stock.get('us-east/chicago/mug')]).toEqual([2, 2]);
  });

  test('when its carrier answers meanwhile, then the exception is over, and it is booked as the policy chose at first', async () => {
    const world = await givenReroutedUnanswered();
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'book');
    back(world);
    await world.work('o-1', 'book');
    expect(outages(world)).toMatchObject([{ state: 'SETTLED' }, { state: 'SETTLED' }]);
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', carrier: 'best' }]);
    expect([...world.carrier.cancelled]).toEqual(['T1']);
  });

  test('then a policy may choose the carrier that it is to go with already, and not the one that is away', async () => {
    const policy = parsePolicy(
      ['version: t', 'rules:', "  - { id: out, kind: carrierOutage, when: 'true', allow: [reroute] }"]
        .concat(
          ['shortPick', 'rejection', 'damaged', 'addressProblem', 'lostParcel', 'stuckParcel', 'lateRisk']
            .concat(['paymentFailure', 'cancelRequest', 'backorder'])
            .map((kind) => `  - { id: ${kind}, kind: ${kind}, when: 'true', allow: [escalate] }`),
        )
        .join('\n'),
    );
    const rules = { ...RULES, services: [...RULES.services, serviceOf('best')] };
    const world = await givenReroutedUnanswered();
    world.decideBy(settleByPolicy({ policy, rules, ports: () => world.ports }));
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'book');
    await world.work('o-1', 'settle');
    await world.work('o-1', 'book');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'BOOKED', carrier: 'best' }]);
  });
});

describe('given a carrier that does not answer to a booking', () => {
  test('then it is asked again and again, and after long that is an exception', async () => {
    const world = await givenPacked(plainly);
    away(world, 'TIMEOUT');
    await world.work('o-1', 'book');
    expect(outages(world)).toEqual([]);
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'book');
    expect(outages(world)).toMatchObject([{ state: 'OPEN', evidence: { code: 'UNANSWERED' } }]);
    back(world);
    await world.work('o-1', 'book');
    expect(outages(world)).toMatchObject([{ state: 'SETTLED' }]);
  });

  test('when its order is cancelled, then a person is told after long that units are held for it, until it answers', async () => {
    const world = await givenPacked(plainly);
    await bookUntold(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    away(world);
    await world.work('o-1', 'stock');
    expect(outages(world)).toEqual([]);
    world.moveTo(Date.now() + LONG_MS);
    await world.work('o-1', 'stock');
    await world.work('o-1', 'settle');
    expect(outages(world)).toMatchObject([
      { state: 'ESCALATED', evidence: { carrier: 'acme', code: 'NOT_TAKEN_BACK' } },
    ]);
    back(world);
    await world.work('o-1', 'stock');
    expect(outages(world)).toMatchObject([{ state: 'SETTLED' }]);
    expect(world.grid.stock.get('us-east/chicago/mug')).toBe(4);
  });

  test('when a policy takes a booked package from it, then that is done, and the booking taken back once it answers', async () => {
    const best = new ParcelCarrier(Date.now);
    const world = await givenBooked(always(BEST), { carriers: { best } });
    await raise(world, 'lateRisk', 'p1');
    away(world);
    await world.work('o-1', 'settle');
    expect(world.detail('o-1')).toMatchObject({
      packages: [{ state: 'PACKED', carrier: 'best' }],
      exceptions: [{ state: 'SETTLED' }],
    });
    back(world);
    await world.work('o-1', 'book');
    await world.work('o-1', 'book');
    expect([[...world.carrier.cancelled], best.bookings.size]).toEqual([['T1'], 1]);
  });

  test('when it says nothing of a parcel that is overdue, then that is stuck, and not lost', async () => {
    const world = await givenBooked();
    const [task] = world.tasksOf('o-1', 'track');
    away(world);
    world.moveTo(Date.now() + 4 * STUCK_AFTER_MS);
    await world.work('o-1', 'track');
    expect(world.detail('o-1')).toMatchObject({
      packages: [{ state: 'BOOKED' }],
      exceptions: [{ kind: 'stuckParcel', state: 'OPEN' }],
    });
    expect(world.tasksOf('o-1', 'track')).toEqual([task]);
  });
});
