// What the suite of the journal drivers begins each test with: data somewhere, stores on it, a lane.
import { afterEach, expect } from 'vitest';
import type { JournalBatch, JournalStore, Lane } from '../port.ts';
import { claimOf, layoutOf } from './given.ts';

/** One place where data is kept, and the ways a test may treat it. */
export interface JournalHarness {
  /** A store on that data; each one stands for a process. The test closes it. */
  open(): Promise<JournalStore>;
  /** Makes the owner's session dead without telling the owner. */
  endSession(region: string, lane?: string): Promise<void>;
  /**
   * Remembers all there is; what it resolves with puts it back, as a fail-over to a replica that lagged does. Absent when
   * there is no other copy to fall back to.
   */
  checkpoint?(): Promise<() => Promise<void>>;
  dispose(): Promise<void>;
}

/** To be called within a describe: what a test opens is closed after it. */
export function journalFixture(factory: () => Promise<JournalHarness>) {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  async function given(): Promise<JournalHarness> {
    const harness = await factory();
    cleanUps.push(() => harness.dispose());
    return harness;
  }

  async function opened(harness: JournalHarness): Promise<JournalStore> {
    const store = await harness.open();
    cleanUps.push(() => store.close());
    return store;
  }

  async function givenLane(
    region = 'eu-west',
    partitions = 8,
  ): Promise<{ harness: JournalHarness; store: JournalStore; lane: Lane }> {
    const harness = await given();
    const store = await opened(harness);
    return { harness, store, lane: await store.acquire(layoutOf(region, partitions), claimOf('first')) };
  }

  async function appendAll(lane: Lane, batches: readonly JournalBatch[]): Promise<void> {
    for (const batch of batches) expect(await lane.append(batch)).toBe('OK');
  }

  return { given, opened, givenLane, appendAll };
}
