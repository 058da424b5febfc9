// Moves the partitions that belong elsewhere: those that were sealed and not yet handed over, and those that the ring
// gives to another member. What may move when is decided by `nextMoves`, what moving is by the lane (handoff.ts).
import type { Membership } from '../../cluster/membership.ts';
import type { Mesh } from '../../cluster/mesh/port.ts';
import { type Move, nextMoves } from '../../cluster/placement.ts';
import type { InventoryGrid } from '../shell/inventory-grid.ts';
import type { Runtime } from '../shell/runtime.ts';
import type { HeldLanes } from './held-lanes.ts';
import { lanePeer } from './lane-peer.ts';
import type { RegionWorkerOptions } from './region-worker-options.ts';
import type { Routes } from './routes.ts';

interface MovesDeps {
  readonly id: string;
  readonly mesh: Mesh;
  readonly runtime: Runtime;
  readonly metrics: RegionWorkerOptions['metrics'];
  readonly log: (text: string) => void;
  readonly lanes: HeldLanes;
  readonly routes: Routes;
  readonly membership: Membership;
  /** These partitions are held elsewhere now. */
  readonly changed: (partitions: readonly number[]) => void;
  /** One has moved, and the next may. */
  readonly moved: () => void;
}

export class Moves {
  readonly #deps: MovesDeps;
  /** Partitions on their way out, by `lane/partition`: one may be on its way from a second lane, and back. */
  readonly #moving = new Map<string, Move>();

  constructor(deps: MovesDeps) {
    this.#deps = deps;
  }

  get moving(): readonly Move[] {
    return [...this.#moving.values()];
  }

  /**
   * Starts what is due.
   * @param owners the member that each partition belongs to
   */
  start(owners: readonly string[]): void {
    const { id } = this.#deps;
    const lanes = this.#deps.lanes.all();
    for (const from of lanes) {
      for (const { partition, isOpen, toLane } of from.holdings()) {
        if (!isOpen && !this.#moving.has(moveKey(from.lane, partition))) this.#move(from, partition, toLane);
      }
    }
    const { view } = this.#deps.membership;
    const home = this.#deps.lanes.home?.lane;
    const self = view.members.find((member) => member.id === id);
    // Who is not in the view, or not yet, would not know where to.
    if (home === undefined || self === undefined) return;
    const isPlaced = (lane: InventoryGrid): boolean =>
      lane
        .holdings()
        .every(({ partition, isOpen }) => !isOpen || (owners[partition] === id && self.lane === lane.lane));
    if (lanes.every(isPlaced)) return;
    const moves = nextMoves({
      view,
      owners,
      home,
      lanes: lanes.map((lane) => ({
        lane: lane.lane,
        open: lane
          .holdings()
          .filter(({ isOpen }) => isOpen)
          .map(({ partition }) => partition),
      })),
      moving: [...this.#moving.values()],
    });
    for (const { partition, fromLane, toLane } of moves) {
      const from = this.#deps.lanes.get(fromLane);
      if (from !== undefined) this.#move(from, partition, toLane);
    }
  }

  #move(from: InventoryGrid, partition: number, toLane: string): void {
    const { lanes, routes, mesh, runtime, metrics, log, changed } = this.#deps;
    let sealedAt = 0;
    const key = moveKey(from.lane, partition);
    this.#moving.set(key, { partition, fromLane: from.lane, toMember: '', toLane });
    const peer = lanePeer(toLane, lanes, routes, mesh, (p) => changed([p]));
    const moving = from.moveOut(partition, toLane, peer, {
      sealed: () => {
        sealedAt = runtime.monotonic();
      },
      opened: (epoch) => {
        const holder = routes.holderOf(toLane);
        if (holder !== undefined) routes.note(partition, { ...holder, lane: toLane, epoch });
        metrics.moves.labels({ result: 'moved' }).inc();
        if (sealedAt > 0) metrics.movePause.observe((runtime.monotonic() - sealedAt) / 1_000);
        changed([partition]);
      },
    });
    moving
      .catch((error: Error) => {
        log(`partition ${partition} did not move to lane ${toLane}: ${error.message}`);
        return false;
      })
      .then((moved) => {
        this.#moving.delete(key);
        if (!moved) metrics.moves.labels({ result: 'refused' }).inc();
        // The next one at once; one that was refused is tried again with the next look.
        else this.#deps.moved();
      });
  }
}

function moveKey(lane: string, partition: number): string {
  return `${lane}/${partition}`;
}
