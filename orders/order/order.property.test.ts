// Whatever is asked of an order in whatever sequence: its invariants hold, and its events replayed give the same order.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { execute, replay } from './decide.ts';
import { createOrder, statusOf } from './state.ts';
import { documentOf, HOUR_MS, NOW, someCommand } from './testing/orders.ts';
import type { OrderEvent } from './types.ts';
import { detailOf } from './view.ts';

const RUNS = 200;

test('random commands never break an invariant, and the journey replayed through JSON is the order (I7, I16, I17)', () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 1 << 20 }), { minLength: 20, maxLength: 1_500, size: 'max' }), (numbers) => {
      const state = createOrder('order-1');
      const capture = {
        type: 'capture',
        order: documentOf(),
        requestId: 'r0',
        cause: 'capture',
        traceId: 't',
      } as const;
      const journey = [...execute(state, capture, NOW).events];
      let at = 0;
      const draw = (below: number): number => (below === 0 ? 0 : (numbers[at++ % numbers.length] as number) % below);
      for (let n = 1; at < numbers.length; n++) {
        // Execute asserts all invariants.
        const { reply, events } = execute(state, someCommand(state, draw, `r${n}`), NOW + n * HOUR_MS);
        journey.push(...events);
        if (!reply.ok) expect(events).toEqual([]);
        reached.add(statusOf(state));
        for (const { type } of events) reached.add(type);
      }
      const events = JSON.parse(JSON.stringify(journey)) as OrderEvent[];
      const replayed = replay('order-1', events);
      expect(JSON.stringify(detailOf(replayed))).toBe(JSON.stringify(detailOf(state)));
      expect([...replayed.tasks]).toEqual(JSON.parse(JSON.stringify([...state.tasks])));
      expect([...replayed.requests]).toEqual([...state.requests]);
      expect(replayed.bytes).toBe(state.bytes);
      const closed = journey.flatMap(({ closes = [] }) => closes);
      expect(new Set(closed).size).toBe(closed.length);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  // The walk gets everywhere, or it says nothing.
  for (const far of [
    'delivered',
    'linesCancelled',
    'taskRevived',
    'BACKORDERED',
    'exceptionDecided',
    'packagesWithdrawn',
  ]) {
    expect(reached).toContain(far);
  }
});
