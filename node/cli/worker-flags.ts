// How V8 is set for a worker. Both are about pauses: a worker is one thread that all requests of its SKUs wait for.
import { setFlagsFromString } from 'node:v8';

/**
 * Flags that V8 takes at the start of a process only; where a worker is not forked they come from NODE_OPTIONS. One helper thread
 * instead of four: the helpers of a garbage collection hold up the writer of the journal, and the workers beside this one. A young
 * generation of 8 MB instead of 16: what a reserve leaves behind dies at once, and a collection takes as long as what survives.
 */
export const WORKER_FLAGS: readonly string[] = ['--v8-pool-size=1', '--max-semi-space-size=8'];

/**
 * Has replies die young: of those made while many are on their way most survive a collection, and V8 would from then on make all
 * of them in the old generation, and so collect that one twice as often. To be called before they are made.
 */
export function keepRepliesYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
