// Any interleaving of two owners of one lane, played and checked (I9).
import { expect } from 'vitest';
import type { JournalBatch, JournalStore, Lane } from '../port.ts';
import { readVerified } from '../verify.ts';
import { BatchWriter, collect } from './batches.ts';
import { batchesOf, claimOf, comparable, layoutOf } from './given.ts';

export type Who = 'A' | 'B';
export type Step =
  | { readonly do: 'acquire'; readonly who: string }
  | { readonly do: 'append'; readonly who: string; readonly batches: number; readonly awaited: boolean };

interface Sent {
  readonly batch: JournalBatch;
  readonly isFenced: boolean;
  readonly result: Promise<string>;
}

/** Plays the steps; each owner links its batches to what it read when it acquired. */
export async function checkInterleaving(
  harness: { endSession(region: string): Promise<void> },
  stores: Record<Who, JournalStore>,
  region: string,
  steps: readonly Step[],
): Promise<void> {
  const owners = new Map<string, { lane: Lane; writer: BatchWriter }>();
  const sent: Sent[] = [];
  let current: string | undefined;
  for (const step of steps) {
    if (step.do === 'acquire') {
      if (current !== undefined) await harness.endSession(region);
      const lane = await stores[step.who as Who].acquire(layoutOf(region), claimOf(step.who));
      const tail = (await collect(lane.batches(1))).at(-1);
      expect(tail?.lastSeq ?? 0).toBe(lane.openedAtSeq);
      owners.set(step.who, { lane, writer: new BatchWriter(lane, tail) });
      current = step.who;
    } else {
      const owner = owners.get(step.who);
      if (owner === undefined) continue;
      const now = Array.from({ length: step.batches }, () => {
        const batch = owner.writer.next(2);
        return { batch, isFenced: step.who !== current, result: owner.lane.append(batch) };
      });
      sent.push(...now);
      if (step.awaited) await Promise.all(now.map(({ result }) => result));
    }
  }
  const acknowledged: JournalBatch[] = [];
  for (const { batch, isFenced, result } of sent) {
    const answer = await result;
    if (isFenced) expect(answer).toBe('FENCED');
    if (answer === 'OK') acknowledged.push(batch);
  }
  if (current === undefined) return;
  const reader = await stores.A.reader(region);
  expect(await batchesOf(reader)).toEqual(acknowledged.map(comparable));
  expect((await collect(readVerified(reader, 1, 0))).length).toBe(acknowledged.length);
}
