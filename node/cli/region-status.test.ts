// What a person is shown of a region's workers, by what one of them answers.
import { describe, expect, test } from 'vitest';
import type { WorkerReport } from '../shell/grid.ts';
import type { WorkerStatus } from './grid-client.ts';
import { isAbandoned, isMixed, regionLines } from './region-status.ts';

const FIGURES = {
  actors: { hot: 0, packed: 0 },
  positions: 5,
  liveReservations: 0,
  orders: 0,
  tasksWaiting: 0,
  tasksLent: 0,
  mailboxDepth: 0,
  journalSeq: 9,
  durableSeq: 9,
  tailRecords: 0,
  snapshotAgeMs: undefined,
};
const READY = { ready: true, reason: 'serving' };

function worker(id: string, fields: Partial<WorkerReport> = {}): WorkerReport {
  return {
    id,
    status: 'up',
    host: 'h',
    pid: 7,
    url: `ws://${id}`,
    version: 'holdfast/test',
    durability: 'fsync',
    readiness: READY,
    figures: FIGURES,
    lanes: [{ lane: id, epoch: 3, open: 2, sealed: 0 }],
    moving: [],
    ...fields,
  };
}

/** A region of four partitions, of which these are served. */
function status(served: readonly number[], workers: readonly WorkerReport[], silent: string[] = []): WorkerStatus {
  const partitions = served.map((partition) => ({ partition, epoch: 1, worker: 'w1', lane: 'w1' }));
  return {
    info: {
      server: 'holdfast/test',
      region: 'eu',
      durability: 'fsync',
      store: 'redis',
      partitions: 4,
      epoch: 3,
      nonce: 'n',
    },
    readiness: READY,
    figures: FIGURES,
    gateway: {},
    region: { view: 1, workers, silent, partitions },
  };
}

const ALL = [0, 1, 2, 3];

describe('the workers of a region as a person sees them', () => {
  test('given workers of one durability, then it is not repeated for each; given several, then each shows its own', () => {
    const same = status(ALL, [worker('w1'), worker('w2')]);
    expect(isMixed(same)).toBe(false);
    expect(regionLines(same).join('\n')).not.toContain('durability');

    const mixed = status(ALL, [worker('w1', { durability: 'replicated' }), worker('w2')]);
    expect(isMixed(mixed)).toBe(true);
    expect(regionLines(mixed).join('\n')).toMatchInlineSnapshot(`
      "
      worker  status  ready  durability  lanes (epoch)  partitions  moving  positions  lag  pid  url
      eu/w1   up      yes    replicated  w1 (3)                  2       0          5    0    7  ws://w1
      eu/w2   up      yes    fsync       w2 (3)                  2       0          5    0    7  ws://w2"
    `);
  });

  test('given a worker of earlier software, which does not say its durability, or a drained one, then nothing is made of that', () => {
    const { durability: _, ...old } = worker('w2');
    expect(isMixed(status(ALL, [worker('w1'), old]))).toBe(false);
    const drained = worker('w2', { status: 'drained', durability: 'replicated' });
    expect(isMixed(status(ALL, [worker('w1'), drained]))).toBe(false);
  });

  test('given partitions that nobody serves, then it says which of them are only moving', () => {
    const last = (served: readonly number[], moving: readonly number[]): string | undefined =>
      regionLines(status(served, [worker('w1', { moving }), worker('w2')])).at(-1);
    expect(last([0, 1, 2], [3])).toBe('eu: 1 of 4 partitions is served by nobody at the moment (moving)');
    expect(last([0, 1], [3, 0])).toBe('eu: 2 of 4 partitions are served by nobody at the moment (1 moving)');
    expect(last([0, 1], [0])).toBe('eu: 2 of 4 partitions are served by nobody at the moment');
    expect(last(ALL, [3])).not.toContain('nobody');
  });

  test('given partitions that nobody serves, then the region is abandoned only while nothing moves', () => {
    expect(isAbandoned(status(ALL, [worker('w1')]))).toBe(false);
    expect(isAbandoned(status([0], [worker('w1', { moving: [1] })]))).toBe(false);
    expect(isAbandoned(status([0], [worker('w1')]))).toBe(true);
  });

  test('given a member that does not answer, then it is named; given one worker alone, then there is no table', () => {
    expect(regionLines(status(ALL, [worker('w1')], ['w2'])).at(-2)).toBe('eu/w2 is a member and does not answer');
    expect(regionLines(status(ALL, [worker('w1')]))).toEqual([]);
    expect(regionLines(status([], [worker('w1')]))).toEqual([expect.stringContaining('4 of 4 partitions are served')]);
  });
});
