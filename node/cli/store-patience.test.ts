// A start beside a store that is not there yet: told at once, waited for within bounds, and only where waiting helps.
import { describe, expect, test } from 'vitest';
import { StoreMisconfigured, StoreUnavailable } from '../journal/port.ts';
import { startPatiently } from './store-patience.ts';

/** Starts that fail with these, one after the other, and then work; each takes a second. */
async function givenStarts(failures: readonly Error[], { store = 'redis://127.0.0.1:6379', waitMs = 30_000 } = {}) {
  const said: [second: number, line: string][] = [];
  let ms = 0;
  let starts = 0;
  const outcome = await startPatiently(
    async () => {
      ms += 1_000;
      const failure = failures[starts++];
      if (failure !== undefined) throw failure;
      return 'serves' as const;
    },
    {
      store,
      waitMs,
      log: (line) => said.push([ms / 1_000, line]),
      now: () => ms,
      pause: async (pauseMs) => {
        ms += pauseMs;
      },
    },
  ).catch((error: Error) => error);
  return { outcome, said, seconds: ms / 1_000, starts };
}

const away = new StoreUnavailable('Redis at 127.0.0.1:6379 did not answer in time');
const forEver = Array.from({ length: 1_000 }, () => away);

describe('a worker whose Redis', () => {
  test('is not there yet, says so at once, with a way out, and serves once it is', async () => {
    const { outcome, said } = await givenStarts([away, away, away]);
    expect(outcome).toBe('serves');
    expect(said).toEqual([
      [1, expect.stringMatching(/did not answer in time; waiting for it for 29 s at most.*--store/)],
    ]);
  });

  test('never comes, is told of it every ten seconds, and ends with the reason after the time that it is given', async () => {
    const { outcome, said, seconds } = await givenStarts(forEver);
    expect(outcome).toBe(away);
    expect(said.length).toBeGreaterThanOrEqual(3);
    expect(said.length).toBeLessThanOrEqual(4);
    expect(seconds).toBeLessThanOrEqual(32);
  });

  test('says another reason than before, is told that at once', async () => {
    const loading = new StoreUnavailable('Redis at 127.0.0.1:6379 is loading its data after a start');
    const { said } = await givenStarts([away, loading, loading]);
    expect(said.map(([, line]) => line.split(';')[0])).toEqual([away.message, loading.message]);
  });

  test.each([
    ['is set up wrongly', [new StoreMisconfigured('set appendfsync always')], {}],
    ['is not waited for, by its setting', forEver, { waitMs: 0 }],
    ['is no server but a directory', forEver, { store: 'lmdb:./data' }],
  ])('%s, ends at once', async (_, failures, options) => {
    const { outcome, said, starts } = await givenStarts(failures, options);
    expect([outcome, said, starts]).toEqual([failures[0], [], 1]);
  });
});
