// Which calls are repeated, and for how long.
import { describe, expect, test } from 'vitest';
import { HoldfastError } from '../../protocol/client/index.ts';
import { Insistence } from './insistence.ts';

const LATE = new HoldfastError('DEADLINE_EXCEEDED', 'no answer within 60000 ms', { retriable: true });
const REFUSED = new HoldfastError('LIMIT_EXCEEDED', 'too many');

/** Time passes only where a call or a pause takes it. */
class World {
  nowMs = 0;
  attempts = 0;
  readonly insistence = new Insistence({
    now: () => this.nowMs,
    pause: async (ms) => {
      this.nowMs += ms;
    },
  });

  call(takesMs: number, outcome: () => HoldfastError | undefined): Promise<string> {
    return this.insistence.call(async () => {
      this.attempts += 1;
      this.nowMs += takesMs;
      const error = outcome();
      if (error !== undefined) throw error;
      return 'done';
    });
  }
}

describe('what a busy grid did not get to', () => {
  test('given it answers others meanwhile, then the call is repeated until it is answered', async () => {
    const world = new World();
    let left = 5;

    const done = await world.call(60_000, () => {
      if (left-- === 0) return undefined;
      void world.call(0, () => undefined);
      return LATE;
    });

    expect([done, left]).toEqual(['done', -1]);
  });

  test('given it answers nothing, then the call ends with its time-out', async () => {
    const world = new World();

    await expect(world.call(60_000, () => LATE)).rejects.toBe(LATE);
    expect(world.attempts).toBe(1);
  });

  test('given it answers others for ever, then the call ends while its requestId is remembered', async () => {
    const world = new World();
    const answersOthers = (): HoldfastError => {
      void world.call(0, () => undefined);
      return LATE;
    };

    await expect(world.call(60_000, answersOthers)).rejects.toBe(LATE);
    expect(world.nowMs).toBeLessThan(15 * 60_000);
  });

  test('given it refuses for good, then the call is not repeated', async () => {
    const world = new World();

    await expect(world.call(1, () => REFUSED)).rejects.toBe(REFUSED);
    expect(world.attempts).toBe(1);
  });
});
