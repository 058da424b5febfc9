// The list against a plain array.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo, type Linked } from './fifo.ts';

interface Item extends Linked<Item> {
  readonly n: number;
}

test('given any appends, prepends and removals, then it holds what an array would hold, in the same order', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('append' as const) }),
    fc.record({ type: fc.constant('prepend' as const), count: fc.nat(4) }),
    fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const fifo = new Fifo<Item>();
      let model: Item[] = [];
      let made = 0;
      const make = (): Item => ({ n: made++, previous: undefined, next: undefined });
      for (const one of steps) {
        if (one.type === 'append') {
          const item = make();
          fifo.append(item);
          model.push(item);
        } else if (one.type === 'prepend') {
          const items = Array.from({ length: one.count }, make);
          fifo.prepend(items);
          model = [...items, ...model];
        } else if (model.length > 0) {
          const [item] = model.splice(one.which % model.length, 1) as [Item];
          fifo.remove(item);
          expect([item.previous, item.next]).toEqual([undefined, undefined]);
        }
        expect([...fifo].map(({ n }) => n)).toEqual(model.map(({ n }) => n));
        expect([fifo.size, fifo.first]).toEqual([model.length, model[0]]);
      }
    }),
  );
});
