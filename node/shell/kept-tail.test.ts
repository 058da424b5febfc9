// What an owner keeps of its tail: bounded, and always the whole of what is behind `fromSeq`.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeptTail, type LinkedBatch } from './kept-tail.ts';

const BOUNDS = { ms: 100, bytesMax: 500 };

describe('a kept tail', () => {
  it('given any batches, then it keeps the last of them, within its bounds, and says what a store lacks', () => {
    const batch = fc.record({
      count: fc.integer({ min: 1, max: 5 }),
      length: fc.integer({ min: 1, max: 200 }),
      afterMs: fc.integer({ min: 0, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 3_000 }), fc.nat(), (steps, pick) => {
        const kept = new KeptTail(BOUNDS, 10, 77);
        const all: LinkedBatch[] = [];
        const at: number[] = [];
        let [seq, now] = [10, 0];
        for (const { count, length, afterMs } of steps) {
          now += afterMs;
          const next = { firstSeq: seq + 1, lastSeq: seq + count, bytes: Buffer.alloc(length), checksum: seq * 31 };
          seq += count;
          all.push(next);
          at.push(now);
          kept.push(next, now);
        }
        const ends = [{ lastSeq: 10, checksum: 77 }, ...all];
        const first = ends.findIndex(({ lastSeq }) => lastSeq === kept.fromSeq);
        const held = all.slice(first);
        expect(held.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(BOUNDS.bytesMax);
        for (const time of at.slice(first)) expect(now - time).toBeLessThan(BOUNDS.ms);
        // One more would be too many.
        const before = all[first - 1];
        if (before !== undefined) {
          const bytes = [before, ...held].reduce((sum, { bytes }) => sum + bytes.length, 0);
          expect(bytes > BOUNDS.bytesMax || now - (at[first - 1] ?? 0) >= BOUNDS.ms).toBe(true);
        }

        const index = pick % ends.length;
        const { lastSeq, checksum } = ends[index] as { lastSeq: number; checksum: number };
        const missing = kept.behind({ lastSeq, checksum }, []);
        if (index < first) expect(missing).toBeUndefined();
        else expect(missing?.map((b) => b.lastSeq)).toEqual(all.slice(index).map((b) => b.lastSeq));
        expect(kept.behind({ lastSeq, checksum: checksum + 1 }, [])).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it('given batches that are forgotten, then their bytes are let go of', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept = new KeptTail({ ms: 0, bytesMax: 0 }, 0, 0);
    const held: WeakRef<Uint8Array>[] = [];
    for (let seq = 1; seq <= 100; seq++) {
      const bytes = new Uint8Array(100);
      held.push(new WeakRef(bytes));
      kept.push({ firstSeq: seq, lastSeq: seq, bytes, checksum: 0 }, 0);
    }

    // What a WeakRef was made of lives until the turn ends.
    await new Promise((resolve) => setImmediate(resolve));
    collect();

    expect(held.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(5);
    expect(kept.fromSeq).toBe(100);
  });

  it('given a store that ends with a batch not acknowledged yet, then it lacks nothing', () => {
    const kept = new KeptTail(BOUNDS, 10, 77);

    expect(kept.behind({ lastSeq: 12, checksum: 5 }, [{ lastSeq: 12, checksum: 5 }])).toEqual([]);
    expect(kept.behind({ lastSeq: 12, checksum: 5 }, [{ lastSeq: 13, checksum: 5 }])).toBeUndefined();
  });
});
