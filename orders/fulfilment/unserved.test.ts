// Tasks of carriers that a process does not know: others do them, and an exception is only what nobody does for long.
import { describe, expect, test } from 'vitest';
import { LOST_AFTER_MS, UNSERVED_AFTER_MS } from './limits.ts';
import { taskRunner } from './runner.ts';
import { bookUntold, givenPacked, raise } from './testing/packed.ts';
import type { Steps } from './testing/steps.ts';

/** A packed package of acme, and a process that does not know acme, beside the one of the world, which does. */
async function given(): Promise<Steps & { stranger(kind: string): Promise<unknown[]>; readonly said: string[] }> {
  const world = await givenPacked();
  const said: string[] = [];
  const runner = taskRunner(world.processors, { ...world.ports, carriers: new Map() }, (line) => void said.push(line));
  const stranger = (kind: string): Promise<unknown[]> =>
    Promise.all(
      world
        .tasksOf('o-1', kind)
        .map(({ taskId }) => runner.run({ taskId, orderId: 'o-1', kind, region: world.grid.region })),
    );
  return { ...world, stranger, said };
}

describe('given a process that does not know the carrier of a package', () => {
  test('then it leaves the booking to one that does, says so once, and nobody is told of an exception', async () => {
    const world = await given();
    expect(await world.stranger('book')).toEqual([{ left: true }]);
    expect(await world.stranger('book')).toEqual([{ left: true }]);
    expect(world.said).toEqual([expect.stringMatching(/^no carrier acme is known here: .*o-1\/book#1/)]);
    await world.work('o-1', 'book');
    expect(world.detail('o-1')).toMatchObject({ packages: [{ state: 'BOOKED' }], exceptions: [] });
    expect(await world.stranger('track')).toEqual([{ left: true }]);
    await world.work('o-1', 'track');
    expect(world.detail('o-1').packages).toMatchObject([{ state: 'SHIPPED' }]);
  });

  test('when nobody who knows it does the task for long, then it is an exception, raised again once it is settled and nothing has changed', async () => {
    const world = await given();
    await world.stranger('book');
    world.moveTo(Date.now() + UNSERVED_AFTER_MS - 1_000);
    await world.stranger('book');
    expect(world.detail('o-1').exceptions).toEqual([]);
    world.moveTo(Date.now() + UNSERVED_AFTER_MS + 1_000);
    await world.stranger('book');
    const evidence = { carrier: 'acme', code: 'NO_SERVICE', message: expect.stringMatching(/acme .* in 10 min$/) };
    expect(world.detail('o-1').exceptions).toMatchObject([
      { kind: 'carrierOutage', packageId: 'p1', state: 'OPEN', evidence },
    ]);
    await world.grid.advanceOrder(
      'o-1',
      { type: 'settle', exceptionId: 'e1', action: 'repromise', promisedAt: Date.now() },
      { requestId: 'settled' },
    );
    await world.stranger('book');
    expect(world.detail('o-1').exceptions).toHaveLength(1);
    world.moveTo(Date.now() + 2 * UNSERVED_AFTER_MS + 2_000);
    await world.stranger('book');
    expect(world.detail('o-1').exceptions).toMatchObject([
      { state: 'SETTLED' },
      { kind: 'carrierOutage', state: 'OPEN' },
    ]);
    await world.work('o-1', 'book');
    expect(world.detail('o-1')).toMatchObject({
      packages: [{ state: 'BOOKED' }],
      exceptions: [{}, { state: 'SETTLED' }],
    });
  });

  test('when another tracks its parcel for days without news, then that is no exception; when nobody does, it is one', async () => {
    const world = await given();
    await world.work('o-1', 'book');
    await world.stranger('track');
    const booked = Date.now();
    for (let at = booked; at < booked + LOST_AFTER_MS; at += 12 * 3_600_000) {
      world.moveTo(at);
      await world.stranger('track');
    }
    expect(world.detail('o-1').exceptions).toEqual([]);
    world.moveTo(booked + LOST_AFTER_MS + 2 * 86_400_000);
    await world.stranger('track');
    expect(world.detail('o-1').exceptions).toMatchObject([{ kind: 'carrierOutage', evidence: { code: 'NO_SERVICE' } }]);
  });

  test('when the order waited for long before, on hold, then that is no exception', async () => {
    const world = await given();
    world.moveTo(Date.now() + 10 * UNSERVED_AFTER_MS);
    await world.stranger('book');
    expect(world.detail('o-1').exceptions).toEqual([]);
  });

  test('when a booking of which nobody told is to be taken back, then its units are not put back by guess', async () => {
    const world = await given();
    await bookUntold(world);
    await raise(world, 'cancelRequest');
    await world.work('o-1', 'settle');
    expect(await world.stranger('stock')).toEqual([{ left: true }]);
    expect([world.grid.stock.get('us-east/chicago/mug'), world.carrier.cancelled.size]).toEqual([2, 0]);
    await world.work('o-1', 'stock');
    expect([world.grid.stock.get('us-east/chicago/mug'), [...world.carrier.cancelled]]).toEqual([4, ['T1']]);
  });
});
