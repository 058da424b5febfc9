// The simulated store without faults is a journal like any other: it passes the drivers' suite. With faults it does
// what its description says.
import { describe, expect, it } from 'vitest';
import { LaneBusy, StoreUnavailable } from '../../node/journal/port.ts';
import { BatchWriter } from '../../node/journal/testing/batches.ts';
import { describeJournal } from '../../node/journal/testing/conformance.ts';
import { claimOf, layoutOf } from '../../node/journal/testing/given.ts';
import { SimMedium } from './medium.ts';
import { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimStore } from './store.ts';
import { Trace } from './trace.ts';

const TIMEOUT_MS = 500;

function world() {
  const scheduler = new Scheduler(10_000_000);
  const medium = new SimMedium(scheduler, new Random('store'), new Trace(() => scheduler.now, false), TIMEOUT_MS);
  const process = (name: string): SimProcess =>
    new SimProcess(name, scheduler, 0, (error) => {
      throw error;
    });
  return { scheduler, medium, process };
}

describeJournal(
  'simulated',
  async () => {
    const { scheduler, medium, process } = world();
    let isOver = false;
    // The suite awaits what it asks for: simulated time goes on whenever it waits.
    const pump = async (): Promise<void> => {
      while (!isOver) {
        await scheduler.run(() => false);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const pumping = pump();
    let opened = 0;
    return {
      open: async () => {
        opened += 1;
        return new SimStore(medium, process(`p${opened}`));
      },
      endSession: async (region, lane) => medium.memory.endSession(region, lane),
      checkpoint: async () => {
        const fallBack = medium.memory.checkpoint('eu-west');
        return async () => fallBack();
      },
      dispose: async () => {
        isOver = true;
        await pumping;
      },
    };
  },
  { propertyRuns: 50 },
);

describe('the simulated store', () => {
  async function givenLane() {
    const { scheduler, medium, process } = world();
    const owner = process('owner');
    const store = new SimStore(medium, owner);
    const settled = async <T>(work: Promise<T>): Promise<PromiseSettledResult<T>> => {
      let result: PromiseSettledResult<T> | undefined;
      void Promise.allSettled([work]).then(([first]) => {
        result = first;
      });
      await scheduler.run(() => result !== undefined);
      if (result === undefined) throw new Error('it is never settled');
      return result;
    };
    const acquired = await settled(store.acquire(layoutOf('r'), claimOf('owner')));
    if (acquired.status === 'rejected') throw acquired.reason;
    const lane = acquired.value;
    return { scheduler, medium, process, owner, store, lane, writer: new BatchWriter(lane), settled };
  }

  it('given an append whose answer is lost / then it rejects at its time-out, has landed, and answers OK once more', async () => {
    const { scheduler, medium, lane, writer, settled } = await givenLane();
    const batch = writer.next();
    medium.faults.unanswered = 1;

    expect(await settled(lane.append(batch))).toMatchObject({ reason: expect.any(StoreUnavailable) });
    expect(medium.archive.get('r/0')).toHaveLength(1);

    medium.faults.unanswered = 0;
    await scheduler.run(() => false);
    expect(await settled(lane.append(batch))).toMatchObject({ value: 'OK' });
    expect(medium.archive.get('r/0')).toHaveLength(1);
  });

  it('given a write that lands late / when a newer connection was made / then it is ignored', async () => {
    const { scheduler, medium, lane, settled } = await givenLane();
    medium.faults.late = 1;
    const manifest = { slot: 'a', coveredSeq: 0, checksum: 0, at: 0, actors: 0 } as const;
    // Drawn anew until one is later than the time-out and the connecting.
    for (let tries = 0; tries < 5; tries++) await settled(lane.publish(manifest));
    medium.faults.late = 0;
    await scheduler.run(() => false);

    expect(await settled(lane.snapshots())).toMatchObject({ value: [] });
  });

  it('given appends in flight / when the process is killed / then they may land and nobody hears of it', async () => {
    const { scheduler, medium, owner, lane, writer } = await givenLane();
    let heard = 0;
    void lane.append(writer.next()).then(() => {
      heard += 1;
    });
    owner.kill();
    void lane.append(writer.next()).then(() => {
      heard += 1;
    });
    await scheduler.run(() => false);

    expect(heard).toBe(0);
    expect(medium.archive.get('r/0')).toHaveLength(1);
  });

  it('given a session that is not renewed / when its time is over / then another may take the lane, not before', async () => {
    const { scheduler, medium, process, settled } = await givenLane();
    const other = new SimStore(medium, process('other'));

    expect(await settled(other.acquire(layoutOf('r'), claimOf('other')))).toMatchObject({
      reason: expect.any(LaneBusy),
    });

    scheduler.after(60_000, () => {});
    await scheduler.run(() => false);
    expect(await settled(other.acquire(layoutOf('r'), claimOf('other')))).toMatchObject({ status: 'fulfilled' });
  });

  it('given a store that is down / then calls fail at their time-out; / when it is up again / then they succeed', async () => {
    const { scheduler, medium, lane, settled } = await givenLane();
    medium.faults.isDown = true;
    const before = scheduler.now;
    expect(await settled(lane.renew())).toMatchObject({ reason: expect.any(StoreUnavailable) });
    expect(scheduler.now - before).toBeCloseTo(TIMEOUT_MS, 0);

    medium.faults.isDown = false;
    await scheduler.run(() => false);
    expect(await settled(lane.renew())).toMatchObject({ value: true });
  });
});
