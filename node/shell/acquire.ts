// Takes a lane, and waits for an owner that may still live.
import { PARTITION_HASH } from '../core/index.ts';
import { FIRST_LANE, type JournalStore, type Lane, LaneBusy } from '../journal/port.ts';
import { pause, type Runtime } from './runtime.ts';

export interface AcquireOptions {
  readonly region: string;
  readonly partitions: number;
  readonly store: JournalStore;
  readonly lane?: string;
  readonly ownerId: string;
  readonly nonce: string;
  readonly runtime: Runtime;
  readonly log: (line: string) => void;
}

const EPOCHS_SINCE_MS = Date.UTC(2025, 0, 1);

/**
 * Acquires the lane once nobody holds it; `acquiredAt` is monotonic, ms, from before the request was sent.
 * @param deadline monotonic, ms
 * @throws LaneBusy after the deadline, LayoutMismatch, StoreUnavailable
 */
export async function acquireLane(
  { store, region, partitions, lane = FIRST_LANE, ownerId, nonce, runtime, log }: AcquireOptions,
  sessionTtlMs: number,
  deadline: number,
): Promise<{ lane: Lane; acquiredAt: number }> {
  const layout = { region, partitions, hash: PARTITION_HASH };
  const claim = { ownerId, nonce, epochSeen: epochFloor(runtime.now()), sessionTtlMs };
  for (let said = false; ; ) {
    const acquiredAt = runtime.monotonic();
    try {
      return { lane: await store.acquire(layout, claim, lane), acquiredAt };
    } catch (error) {
      if (!(error instanceof LaneBusy) || runtime.monotonic() + error.retryAfterMs > deadline) throw error;
      const leftSeconds = Math.ceil((deadline - runtime.monotonic()) / 1_000);
      if (!said) log(`${error.message}; waiting for it to end, for ${leftSeconds} s at most`);
      said = true;
      await pause(runtime, Math.max(error.retryAfterMs, 50));
    }
  }
}

/**
 * Epochs start from the time: if the store loses what it held and begins again, or is restored from an older copy, no
 * epoch comes twice, and so no version and no reservationId.
 */
function epochFloor(now: number): number {
  return Math.max(0, Math.floor((now - EPOCHS_SINCE_MS) / 1_000));
}
