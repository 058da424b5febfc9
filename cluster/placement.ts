// What a worker should do so that partitions come to be where the ring places them (ADR 10): which moves to start next,
// and who adopts a lane whose owner died. Pure: it decides from what it is given, and carries nothing out.
import { rebalance } from './balance.ts';
import { MOVES_MAX } from './member-limits.ts';
import { eligible, type MemberView } from './members.ts';
import { placePartitions, preferenceOf } from './ring.ts';

/** A lane that this worker has acquired, and the partitions that are open in it. */
export interface HeldLane {
  readonly lane: string;
  readonly open: readonly number[];
}

/** A partition on its way from lane to lane. */
export interface Move {
  readonly partition: number;
  readonly fromLane: string;
  /** The member whose home `toLane` is. */
  readonly toMember: string;
  readonly toLane: string;
}

export interface Holdings {
  readonly view: MemberView;
  /** ownersOf(view, partitions). */
  readonly owners: readonly string[];
  /** The home lane of this worker. */
  readonly home: string;
  /** All lanes that it holds, its home and those it has adopted and is emptying. */
  readonly lanes: readonly HeldLane[];
  /** Its moves that have been started and are not finished. */
  readonly moving: readonly Move[];
}

/**
 * The member that each partition belongs to by this view: index = partition. Empty while there are no members. A view of
 * software that did not write it down is placed by the ring.
 */
export function ownersOf(view: MemberView, partitions: number): readonly string[] {
  const members = eligible(view);
  const placement = view.placement ?? [];
  if (placement.length === partitions) return placement;
  return members.length === 0 ? [] : placePartitions(members, partitions);
}

/** As the view is to be written down: with the placement that follows from the one before. */
export function placed(view: MemberView, before: readonly string[], partitions: number): MemberView {
  const members = eligible(view);
  return members.length === 0 ? view : { ...view, placement: rebalance(before, members, partitions) };
}

/**
 * The moves to start now: as many as may be under way besides those that are, from adopted lanes first, then by lane and
 * number. None to a member that is not up, so none at all while all are draining.
 */
export function nextMoves(holdings: Holdings, movesMax: number = MOVES_MAX): readonly Move[] {
  const { view, owners, home, lanes, moving } = holdings;
  const room = movesMax - moving.length;
  const moves: Move[] = [];
  if (room <= 0) return moves;
  const targets = new Map(view.members.filter(({ status }) => status === 'up').map((member) => [member.id, member]));
  const adopted = new Set(lanes.map(({ lane }) => lane).filter((lane) => lane !== home));
  const taken = new Set(moving.map(({ partition }) => partition));
  for (const { lane, open } of emptiedFirst(lanes, home)) {
    for (const partition of [...open].sort((left, right) => left - right)) {
      const target = targets.get(owners[partition] ?? '');
      // A member whose home this worker has adopted is dead or fenced, whatever the view still says.
      if (target === undefined || target.lane === lane || adopted.has(target.lane) || taken.has(partition)) continue;
      taken.add(partition);
      moves.push({ partition, fromLane: lane, toMember: target.id, toLane: target.lane });
      if (moves.length === room) return moves;
    }
  }
  return moves;
}

/**
 * The members that should try to adopt a lane whose owner is dead, the first of them first. By the preference list of
 * the lane's name, so that the lanes of several dead workers go to different ones; those that are draining come last.
 *
 * @param deadMember left out, for as long as the view still has it
 */
export function adopterOf(lane: string, view: MemberView, deadMember?: string): readonly string[] {
  const live = view.members.filter(({ id }) => id !== deadMember);
  const up = new Set(live.filter(({ status }) => status === 'up').map(({ id }) => id));
  const preference = preferenceOf(
    live.map(({ id }) => id),
    `lane-${lane}`,
  );
  return [...preference.filter((id) => up.has(id)), ...preference.filter((id) => !up.has(id))];
}

function emptiedFirst(lanes: readonly HeldLane[], home: string): readonly HeldLane[] {
  return lanes.toSorted((left, right) => {
    if ((left.lane === home) !== (right.lane === home)) return left.lane === home ? 1 : -1;
    return left.lane < right.lane ? -1 : 1;
  });
}
