// How requests about orders share the event loop with what shoppers ask for.
import { expect, test } from 'vitest';
import { failure } from '../../../protocol/index.ts';
import { OrderQueue } from './order-queue.ts';

/** Each request takes 1 ms of a clock that only they move. */
function createQueue(limits: { readonly perTurn: number; readonly turnMs: number }) {
  let now = 0;
  const done: string[] = [];
  const turns: { readonly restMs: number; readonly run: () => void }[] = [];
  const queue = new OrderQueue<string>({
    runtime: {
      monotonic: () => now,
      defer: (run) => turns.push({ restMs: 0, run }),
      after: (restMs, run) => {
        const rested = (): void => {
          now += restMs;
          run();
        };
        turns.push({ restMs, run: rested });
        return () => {};
      },
    },
    ...limits,
    restPerTurn: 10,
    restPerTurnBehind: 3,
    behindMs: 30,
    run: (request) => {
      now += 1;
      done.push(request);
    },
    refusal: () => undefined,
    released: () => {},
  });
  const take = (...requests: string[]) => {
    for (const request of requests) queue.push(request, () => failure('INTERNAL', 'not answered here'));
  };
  /** Runs the next turn, and says how long it was waited for and what was done in it. */
  const turn = () => {
    const { restMs, run } = turns.shift() as (typeof turns)[number];
    const before = done.length;
    run();
    return { restMs, did: done.slice(before) };
  };
  return { queue, take, turn, turns };
}

test('given more than one turn may do, then a turn ends by its count or its time, and the next follows at once', () => {
  const { take, turn, turns } = createQueue({ perTurn: 3, turnMs: 2 });
  take('a', 'b', 'c', 'd', 'e');
  expect(turn()).toEqual({ restMs: 0, did: ['a', 'b'] });
  expect(turn()).toEqual({ restMs: 0, did: ['c', 'd'] });
  expect(turn()).toEqual({ restMs: 0, did: ['e'] });
  expect(turns).toEqual([]);
});

test('given a request that alone takes longer than a turn, then it is carried out all the same', () => {
  const { take, turn } = createQueue({ perTurn: 3, turnMs: 0 });
  take('a', 'b');
  expect([turn().did, turn().did]).toEqual([['a'], ['b']]);
});

test('given shoppers that ask meanwhile, then orders rest ten times as long as they worked, and no longer once nobody asks', () => {
  const { queue, take, turn } = createQueue({ perTurn: 2, turnMs: 10 });
  take('a', 'b', 'c', 'd', 'e');
  queue.others();
  expect(turn()).toEqual({ restMs: 0, did: ['a', 'b'] });
  expect(turn()).toEqual({ restMs: 20, did: ['c', 'd'] });
  expect(turn()).toEqual({ restMs: 0, did: ['e'] });
});

test('given shoppers that ask all the time, when requests have waited without a break for long, then they rest only three times as long, until all are done', () => {
  const { queue, take, turn } = createQueue({ perTurn: 1, turnMs: 10 });
  const rests = (...requests: string[]) => {
    take(...requests);
    return requests.map(() => {
      queue.others();
      return turn().restMs;
    });
  };

  expect(rests('a', 'b', 'c', 'd', 'e', 'f')).toEqual([0, 10, 10, 10, 3, 3]);
  expect(rests('g', 'h')).toEqual([0, 10]);
});
