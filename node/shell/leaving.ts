// When an owner may let go of its lane. A fail-over of the store may lose what came last; a live owner appends it again, and
// who has let go of the lane does not (docs/adr/0011).
import type { Lane } from '../journal/port.ts';
import type { Committer } from './committer.ts';
import { pause, type Runtime } from './runtime.ts';

/** A stop waits so long for replicas to have what was written, ms: it is a matter of milliseconds where they are well. */
const LEAVE_WAIT_MS = 2_000;
const LEAVE_LOOK_MS = 100;

/**
 * Whether the lane loses nothing with its owner: a fail-over cannot lose its end any more, or the owner could not append that
 * again either. @throws StoreUnavailable
 */
export async function mayBeLeft(lane: Lane, committer: Committer): Promise<boolean> {
  return committer.keepsNothing || lane.isReplicated();
}

/** Waits until the lane may be left, but not for ever. @throws StoreUnavailable */
export async function untilMayBeLeft(
  lane: Lane,
  committer: Committer,
  runtime: Runtime,
  log: (line: string) => void,
): Promise<void> {
  const until = runtime.monotonic() + LEAVE_WAIT_MS;
  while (!(await mayBeLeft(lane, committer))) {
    if (runtime.monotonic() >= until) {
      log('stopping although a replica of the store lacks what was written last: a fail-over to it would lose that');
      return;
    }
    await pause(runtime, LEAVE_LOOK_MS);
  }
}
