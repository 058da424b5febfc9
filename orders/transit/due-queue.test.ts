// What is due comes out in order, whenever it was put in.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DueQueue } from './due-queue.ts';

interface Item {
  readonly due: number;
  readonly n: number;
}
const sooner = (a: Item, b: Item): number => a.due - b.due || a.n - b.n;
/** Days: many at the same time, some of them minutes apart. */
const due = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: 0, max: 0.02, noNaN: true }));

test('given what is put in before and while others are taken out, then each time all that is due comes, by time, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ dues: fc.array(due), until: due }), { maxLength: 8 }), (rounds) => {
      const queue = new DueQueue<Item>(sooner);
      let waiting: Item[] = [];
      let n = 0;
      for (const { dues, until } of rounds) {
        for (const at of dues) {
          const item = { due: at, n: n++ };
          queue.push(item);
          waiting.push(item);
        }
        const taken: Item[] = [];
        for (let next = queue.take(until); next !== undefined; next = queue.take(until)) taken.push(next);
        expect(taken).toEqual(waiting.filter((one) => one.due <= until).sort(sooner));
        waiting = waiting.filter((one) => one.due > until);
      }
    }),
  );
});
