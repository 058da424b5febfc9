// What a worker has to do for partitions to be where the ring wants them: which to move next, and who takes over a
// lane that nobody holds. Pure: the shell moves and adopts.
import { eligible, type MemberView } from './members.ts';
import { placePartitions, walkFor } from './ring.ts';

/** A lane that the worker holds. */
export interface HeldLane {
  readonly lane: string;
  readonly isHome: boolean;
  /** Its open partitions. */
  readonly open: readonly number[];
}

export interface Placing {
  readonly view: MemberView;
  /** The worker's own id. */
  readonly self: string;
  /** The member that each partition belongs to: `ownersOf` the view. */
  readonly owners: readonly string[];
  readonly lanes: readonly HeldLane[];
  /** Partitions on their way already. */
  readonly moving: ReadonlySet<number>;
  /** How many may be on their way at a time. */
  readonly movesMax: number;
}

export interface Move {
  readonly partition: number;
  readonly fromLane: string;
  readonly toLane: string;
}

/** Where the partitions belong; worth keeping until the view changes. */
export function ownersOf(view: MemberView, partitions: number): readonly string[] {
  const ids = eligible(view).map(({ id }) => id);
  return placePartitions(ids, partitions);
}

/** The next moves to start, those out of adopted lanes first. */
export function nextMoves({ view, self, owners, lanes, moving, movesMax }: Placing): Move[] {
  const room = movesMax - moving.size;
  if (room <= 0) return [];
  const homes = new Map(view.members.map(({ id, lane }) => [id, lane]));
  // A worker that is not in the view, or not yet, moves nothing: it would not know where to.
  if (!homes.has(self)) return [];
  const moves: Move[] = [];
  for (const { lane, open } of [...lanes].sort((a, b) => Number(a.isHome) - Number(b.isHome))) {
    for (const partition of open) {
      const toLane = homes.get(owners[partition] as string) as string;
      if (toLane === lane || moving.has(partition)) continue;
      moves.push({ partition, fromLane: lane, toLane });
      if (moves.length === room) return moves;
    }
  }
  return moves;
}

/** The members that should try to take over an orphaned lane, in order; its own last, as it has just died. */
export function adoptersOf(lane: string, view: MemberView): readonly string[] {
  const walk = walkFor(
    `lane-${lane}`,
    eligible(view).map(({ id }) => id),
  );
  const home = view.members.find((member) => member.lane === lane)?.id;
  return home === undefined ? walk : [...walk.filter((id) => id !== home), home];
}
