// The memory driver: the conformance suite, and its own part, the injected faults.
import { describe, expect, it } from 'vitest';
import { LaneBusy, StoreUnavailable } from '../port.ts';
import { BatchWriter, collect } from '../testing/batches.ts';
import { describeJournal } from '../testing/conformance.ts';
import { claimOf, layoutOf } from '../testing/given.ts';
import { readVerified } from '../verify.ts';
import { MemoryMedium, MemoryStore } from './store.ts';

describeJournal(
  'memory',
  async () => {
    const medium = new MemoryMedium();
    return {
      open: async () => new MemoryStore(medium),
      endSession: async (region, lane) => medium.endSession(region, lane),
      checkpoint: async () => {
        const fallBack = medium.checkpoint('eu-west');
        return async () => fallBack();
      },
      dispose: async () => undefined,
    };
  },
  { propertyRuns: 300 },
);

describe('memory: injected faults', () => {
  async function given() {
    const medium = new MemoryMedium();
    const lane = await new MemoryStore(medium).acquire(layoutOf('r'), claimOf('first'));
    return { medium, lane, writer: new BatchWriter(lane) };
  }

  it('given an append that fails before it lands, then those in flight behind it answer GAP, and resending works', async () => {
    const { medium, lane, writer } = await given();
    const [first, second] = [writer.next(), writer.next()];
    medium.failAppends('before');

    const results = await Promise.allSettled([lane.append(first), lane.append(second)]);

    expect(results[0]).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    expect(results[1]).toMatchObject({ status: 'fulfilled', value: 'GAP' });
    expect([await lane.append(first), await lane.append(second)]).toEqual(['OK', 'OK']);
  });

  it('given an append whose answer is lost, when it is sent again, then OK and once in the lane', async () => {
    const { medium, lane, writer } = await given();
    const batch = writer.next();
    medium.failAppends('after');

    await expect(lane.append(batch)).rejects.toBeInstanceOf(StoreUnavailable);

    expect(await lane.append(batch)).toBe('OK');
    expect(await collect(readVerified(lane, 1, 0))).toHaveLength(1);
  });

  it('given held appends, when another owner acquires before they are released, then they are FENCED', async () => {
    const { medium, lane, writer } = await given();
    medium.hold();
    const appends = [lane.append(writer.next()), lane.append(writer.next())];
    await Promise.resolve();
    expect(medium.held).toBe(2);
    medium.release(1);
    expect(await appends[0]).toBe('OK');

    medium.endSession('r');
    await new MemoryStore(medium).acquire(layoutOf('r'), claimOf('second'));
    medium.release();

    expect(await appends[1]).toBe('FENCED');
  });

  it('given a medium that is down, then every call says why, until it is up', async () => {
    const { medium, lane, writer } = await given();
    medium.down('maintenance');
    await expect(lane.append(writer.next())).rejects.toThrow('maintenance');
    await expect(lane.renew()).rejects.toThrow('maintenance');
    medium.up();
    expect(await lane.renew()).toBe(true);
  });

  it('given a clock, when the session was not renewed for its time to live, then another may acquire', async () => {
    let now = 0;
    const medium = new MemoryMedium(() => now);
    const store = new MemoryStore(medium);
    const lane = await store.acquire(layoutOf('r'), { ...claimOf('first'), sessionTtlMs: 100 });
    now = 90;
    expect(await lane.renew()).toBe(true);
    now = 189;
    await expect(store.acquire(layoutOf('r'), claimOf('second'))).rejects.toBeInstanceOf(LaneBusy);
    now = 190;
    expect((await store.acquire(layoutOf('r'), claimOf('second'))).epoch).toBe(2);
  });
});
