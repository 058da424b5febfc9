// What must hold for the journey of any order, whatever was killed meanwhile.
import { expect } from 'vitest';
import type { OrderEvent } from '../../protocol/index.ts';

/** I16, I17: complete, in order, each event with cause and trace, each task closed once. */
export function expectWhole(journey: readonly OrderEvent[]): void {
  expect(journey.map(({ seq }) => seq)).toEqual(journey.map((_, n) => n + 1));
  for (const { cause, at, traceId, requestId } of journey) {
    expect([cause, traceId, requestId].every((text) => text !== '')).toBe(true);
    expect(at).toBeGreaterThan(0);
  }
  const closed = journey.flatMap((event) => (event as { closes?: readonly string[] }).closes ?? []);
  expect(new Set(closed).size).toBe(closed.length);
}
