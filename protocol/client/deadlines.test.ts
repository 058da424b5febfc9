// Deadlines against a plain list.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from './deadlines.ts';

const BUCKET_MS = 8;

test('given any additions and removals, then what is due comes at its time or at most a bucket late, once', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('add' as const), afterMs: fc.nat(200) }),
    fc.record({ type: fc.constant('remove' as const), which: fc.nat() }),
    fc.record({ type: fc.constant('advance' as const), ms: fc.nat(60) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const deadlines = new Deadlines<{ atMs: number }>();
      const open = new Map<{ atMs: number }, number>();
      let nowMs = 0;
      for (const one of steps) {
        if (one.type === 'add') {
          const item = { atMs: nowMs + one.afterMs };
          open.set(item, deadlines.add(item.atMs, item));
        } else if (one.type === 'remove' && open.size > 0) {
          const [item, key] = [...open][one.which % open.size] as [{ atMs: number }, number];
          deadlines.remove(key, item);
          open.delete(item);
        } else if (one.type === 'advance') {
          nowMs += one.ms;
          const due = deadlines.take(nowMs);
          for (const item of due) {
            expect(item.atMs).toBeLessThanOrEqual(nowMs);
            expect(open.delete(item)).toBe(true);
          }
          for (const item of open.keys()) expect(item.atMs).toBeGreaterThan(nowMs - BUCKET_MS);
        }
        const earliest = Math.min(...[...open.keys()].map(({ atMs }) => atMs));
        if (open.size > 0) expect(deadlines.nextAt()).toBeLessThan(earliest + BUCKET_MS);
        else expect(deadlines.nextAt()).toBe(Number.POSITIVE_INFINITY);
      }
    }),
  );
});
