// Which lane a worker makes its home when it starts.
import type { Membership } from '../../cluster/membership.ts';
import { FIRST_LANE, LaneBusy } from '../journal/port.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import { pause, type Runtime } from '../shell/runtime.ts';
import type { HeldLanes } from './held-lanes.ts';

export interface HomeDeps {
  readonly id: string;
  readonly runtime: Runtime;
  readonly log: (line: string) => void;
  readonly lanes: HeldLanes;
  readonly membership: Membership;
}

/**
 * A worker takes, of the lanes that nobody holds: the one it had; else, where it is alone, the region's first; else
 * it begins one under its own name.
 */
export async function takeHome(deps: HomeDeps, deadline: number): Promise<InventoryGrid> {
  const { id, runtime, log, lanes, membership } = deps;
  for (let isSaid = false; ; ) {
    const view = await membership.refresh();
    const isTaken = (lane: string): boolean => view.members.some((member) => member.lane === lane && member.id !== id);
    const mine = view.members.find((member) => member.id === id && !isTaken(member.lane))?.lane;
    const isAlone = view.members.every((member) => member.id === id);
    const candidates = mine === undefined ? (isTaken(FIRST_LANE) ? [id] : [FIRST_LANE, id]) : [mine];
    for (const [n, lane] of candidates.entries()) {
      try {
        return await lanes.take(lane, 0, true);
      } catch (error) {
        const isLast = n === candidates.length - 1;
        if (!(error instanceof LaneBusy)) throw error;
        // Alone, the lane is that of a predecessor whose session has not run out; among others it was adopted.
        if (!isAlone && !isLast) continue;
        if (runtime.monotonic() + Math.min(error.retryAfterMs, 100) > deadline) throw error;
        if (!isSaid) {
          const waitS = Math.ceil((deadline - runtime.monotonic()) / 1_000);
          log(`${error.message}; waiting for it to end, for ${waitS} s at most`);
        }
        isSaid = true;
        break;
      }
    }
    await pause(runtime, 50);
  }
}
